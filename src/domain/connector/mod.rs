//! What a connector is: how an account is linked to it, how its calls are signed, and which light
//! call shows that the credentials work.
//!
//! These are facts read from files. How a project sets a connector up is not told here.

pub mod address;
pub mod category;
pub mod exposure;
pub mod expression;
pub mod field;
pub mod filling;
pub mod form;
pub mod guide;
pub mod method;
pub mod near;
pub mod paste;
pub mod pattern;
pub mod reach;
pub mod read;
pub mod request;
pub mod signing;
pub mod support;
pub mod template;
pub mod validate;
pub mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use category::Category;
pub use field::{Field, FieldKind};
pub use method::{AuthKind, AuthMethod};
pub use request::{LightCalls, Verify};
pub use template::Template;

use super::names::{AuthMethodKey, ConnectorKey};
use support::Support;

/// The definition of a connector.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Its key; the wire also calls it provider.
    pub key: ConnectorKey,
    /// Its name for people.
    pub name: String,
    /// The version of the definition (semantic versioning).
    #[serde(default = "first_version")]
    pub version: String,
    /// How ripe the definition is.
    #[serde(default)]
    pub release_stage: ReleaseStage,
    /// What it is, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What sort of system it is.
    #[serde(default)]
    pub categories: Vec<Category>,
    /// Whether it is of the set that is known best.
    #[serde(default)]
    pub core: bool,
    /// The vendor's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docs_url: Option<String>,
    /// The root of its API.
    pub base_url: Template,
    /// The ways to link an account, the most usual first.
    pub auth: Vec<AuthMethod>,
    /// The light call that shows that credentials work, or several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<LightCalls>,
    /// Why there is no such call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_reason: Option<String>,
    /// Calls a second that the vendor allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<f64>,
    /// Headers that every call needs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// How sure the facts are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Oddities that a caller must know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Where help is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<Support>,
    /// The address of its icon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
}

/// How ripe a definition is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseStage {
    /// Shown early to a few.
    Preview,
    /// May still change.
    Beta,
    /// Ready for use.
    #[default]
    Ga,
    /// To be replaced.
    Deprecated,
    /// Not for customers.
    Internal,
}

impl ReleaseStage {
    /// The wire's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Beta => "beta",
            Self::Ga => "ga",
            Self::Deprecated => "deprecated",
            Self::Internal => "internal",
        }
    }
}

/// How sure the facts of a definition are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Two places agree.
    High,
    /// One place only, or a detail is unsure.
    Medium,
    /// To be confirmed with the vendor first.
    Low,
}

fn first_version() -> String {
    "1.0.0".to_owned()
}

impl Connector {
    /// The authentication method of this key.
    #[must_use]
    pub fn auth_method(&self, key: &AuthMethodKey) -> Option<&AuthMethod> {
        self.auth.iter().find(|method| method.key == *key)
    }

    /// The first method that can be used without anything from the administrator.
    #[must_use]
    pub fn first_method_without_setup(&self) -> Option<&AuthMethod> {
        self.auth.iter().find(|method| method.unavailable.is_none() && !method.needs_setup())
    }

    /// The same for a provider on this machine: every address that begins with `root` is moved to
    /// `address`. `None` for an address that others reach as well.
    #[must_use]
    pub fn on_loopback(&self, root: &str, address: SocketAddr) -> Option<Self> {
        let text = serde_json::to_string(self).ok().filter(|_| address.ip().is_loopback())?;
        serde_json::from_str(&text.replace(root, &format!("http://{address}"))).ok()
    }

    /// The root of the API when linked by this method.
    #[must_use]
    pub fn base_url_for<'a>(&'a self, method: &'a AuthMethod) -> &'a Template {
        method.base_url.as_ref().unwrap_or(&self.base_url)
    }

    /// The light calls for this method, in their order.
    #[must_use]
    pub fn verify_for<'a>(&'a self, method: &'a AuthMethod) -> &'a [Verify] {
        let calls = match (&method.verify, &method.verify_reason) {
            (Some(calls), _) => Some(calls),
            // The method says why it has none, so the connector's calls are not for it.
            (None, Some(_)) => None,
            (None, None) => self.verify.as_ref(),
        };
        calls.map(LightCalls::as_slice).unwrap_or_default()
    }

    /// Whether linking by this method asks the provider, so that what is entered is checked.
    #[must_use]
    pub fn checks(&self, method: &AuthMethod) -> bool {
        method.gets_tokens() || !self.verify_for(method).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Connector;

    fn acme() -> Connector {
        serde_json::from_value(serde_json::json!({
            "key": "acme", "name": "Acme", "base_url": "https://api.acme.example",
            "verify": {"method": "GET", "path": "/me", "expect_status": 200},
            "auth": [
                {"key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0",
                 "setup_fields": [
                    {"key": "client_id", "label": "Client ID", "type": "text", "required": true}
                 ],
                 "authorization": {"type": "bearer", "token": "${access_token}"}},
                {"key": "api_key", "type": "api_key", "label": "API key", "verify": null,
                 "verify_reason": "none is known", "base_url": "https://old.acme.example",
                 "authorization": {"type": "bearer", "token": "${api_key}"}}
            ]
        }))
        .unwrap()
    }

    #[test]
    fn a_method_without_required_setup_fields_needs_no_setup() {
        let acme = acme();
        let oauth = acme.auth_method(&"oauth2".parse().unwrap()).unwrap();
        assert!(oauth.needs_setup());
        let first = acme.first_method_without_setup().unwrap();
        assert_eq!(first.key.as_str(), "api_key");
    }

    #[test]
    fn threat_35_a_definition_is_moved_to_loopback_and_nowhere_else() {
        let acme = acme();
        let root = "https://api.acme.example";
        let moved = acme.on_loopback(root, "127.0.0.2:8080".parse().unwrap()).unwrap();
        assert_eq!(moved.base_url.as_str(), "http://127.0.0.2:8080");
        let old = moved.auth_method(&"api_key".parse().unwrap()).unwrap();
        assert_eq!(moved.base_url_for(old).as_str(), "https://old.acme.example");
        for address in ["10.0.0.1:80", "0.0.0.0:80", "[2001:db8::1]:80"] {
            assert_eq!(acme.on_loopback(root, address.parse().unwrap()), None);
        }
    }

    #[test]
    fn a_method_may_replace_address_and_light_call() {
        let acme = acme();
        let [oauth, api_key] = acme.auth.as_slice() else { panic!("two methods") };
        assert_eq!(acme.verify_for(oauth).len(), 1);
        assert!(acme.verify_for(api_key).is_empty());
        assert_eq!(acme.base_url_for(oauth).as_str(), "https://api.acme.example");
        assert_eq!(acme.base_url_for(api_key).as_str(), "https://old.acme.example");
    }

    #[test]
    fn a_definition_survives_being_written_and_read() {
        let acme = acme();
        let text = serde_json::to_string(&acme).unwrap();
        assert_eq!(serde_json::from_str::<Connector>(&text).unwrap(), acme);
        assert_eq!(acme.version, "1.0.0");
    }
}
