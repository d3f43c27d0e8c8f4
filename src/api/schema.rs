//! JSON Schemas (draft 2020-12) of the wire, made from its types; nothing is written by hand twice.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::accounts::{Account, AccountDetail, Explanation, Finding};
use super::auth_configs::{AuthConfig, AuthConfigDetail};
use super::connect_sessions::{ConnectSession, CreatedSession};
use super::connectors::{Connector, ConnectorDetail};
use super::events::Event;
use super::keys::{CreatedKey, Key};
use super::oauth_apps::OAuthApp;
use super::projects::Project;
use super::request_logs::{LogRow, RequestLog};
use super::webhooks::{Attempt, CreatedWebhook, Delivery, DeliveryDetail, Redelivered, Webhook};
use crate::domain::connector::guide::Guide;

/// A named schema.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    /// Its name, as `hubctl schema` takes it.
    pub name: &'static str,
    /// What it describes.
    pub about: &'static str,
    make: fn() -> Schema,
}

impl Type {
    /// The schema of what `T` serialises as.
    #[must_use]
    pub const fn of<T: JsonSchema>(name: &'static str, about: &'static str) -> Self {
        Self { name, about, make: schema_of::<T> }
    }

    /// A schema that is put together from values.
    #[must_use]
    pub const fn made(name: &'static str, about: &'static str, make: fn() -> Schema) -> Self {
        Self { name, about, make }
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut schema = (self.make)();
        schema.insert("title".to_owned(), self.name.into());
        schema.insert("description".to_owned(), self.about.into());
        schema.to_value()
    }
}

/// Schemas of the wire's own answers.
pub const TYPES: &[Type] = &[
    Type::of::<Account<'_>>("account", "A linked account, as lists show it"),
    Type::of::<AccountDetail>("account-detail", "A linked account with its tags and dates"),
    Type::of::<Explanation>("explanation", "Why an account is or is not usable"),
    Type::of::<Finding>("finding", "One cause or remark of an explanation"),
    Type::of::<AuthConfig>("auth-config", "An auth config, as lists show it"),
    Type::of::<AuthConfigDetail>("auth-config-detail", "An auth config with its values"),
    Type::of::<Connector>("connector", "A connector of the catalog, as lists show it"),
    Type::of::<ConnectorDetail>("connector-detail", "Everything that is known of a connector"),
    Type::of::<Guide<'_>>("guide", "What has to be done to set a connector up, or to link with it"),
    Type::of::<ConnectSession>("session", "A connect session, without its token"),
    Type::of::<CreatedSession>("created-session", "A new connect session with token and link"),
    Type::of::<Project>("project", "A project"),
    Type::of::<LogRow>("log", "A call, as the log's lists show it"),
    Type::of::<RequestLog>(
        "log-detail",
        "A call with its steps, and with bodies where they are kept",
    ),
    Type::of::<OAuthApp>("oauth-app", "An OAuth application of the hub's own, without its secret"),
    Type::of::<Key>("key", "An API key, without its text"),
    Type::of::<CreatedKey>("created-key", "A new API key with its text"),
    Type::of::<Event<'_>>("event", "Something that happened in a project"),
    Type::of::<Webhook>("webhook", "A webhook, without its secrets"),
    Type::of::<CreatedWebhook>("created-webhook", "A webhook and the secret made for it"),
    Type::of::<Delivery>("delivery", "An event on its way to a webhook, or there"),
    Type::of::<DeliveryDetail>("delivery-detail", "A delivery with its attempts and its body"),
    Type::of::<Attempt>("attempt", "One attempt of a delivery"),
    Type::of::<Redelivered>("redelivered", "How many deliveries are sent again"),
];

fn schema_of<T: JsonSchema>() -> Schema {
    // Answers are described as they are written, not as they might be read.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.with_transform(RecursiveTransform(Tidy)).into_generator().into_root_schema_for::<T>()
}

/// Lets keys be added, which the contract allows, and keeps notes for developers out.
#[derive(Debug, Clone)]
pub(super) struct Tidy;

impl Transform for Tidy {
    fn transform(&mut self, schema: &mut Schema) {
        for closed in ["additionalProperties", "unevaluatedProperties"] {
            if schema.get(closed) == Some(&Value::Bool(false)) {
                schema.remove(closed);
            }
        }
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = without_references(text);
        }
    }
}

/// "Its credentials are refused (AT-5)." without the number of the rule.
fn without_references(text: &str) -> String {
    let is_rule = |inner: &str| {
        let parts = inner.split_once('-');
        parts.is_some_and(|(area, number)| {
            (2..=3).contains(&area.len())
                && area.bytes().all(|byte| byte.is_ascii_uppercase())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" (") {
        out.push_str(before);
        match after.split_once(')') {
            Some((inner, behind)) if is_rule(inner) => rest = behind,
            _ => {
                out.push_str(" (");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What a write is about: any of the things that can be changed.
#[derive(Debug)]
pub struct Target;

impl JsonSchema for Target {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                generator.subschema_for::<AuthConfigDetail>(),
                generator.subschema_for::<AccountDetail>(),
                generator.subschema_for::<ConnectSession>(),
                generator.subschema_for::<Connector>(),
                generator.subschema_for::<Project>(),
                generator.subschema_for::<Key>(),
                generator.subschema_for::<Webhook>(),
                generator.subschema_for::<Delivery>(),
                generator.subschema_for::<OAuthApp>(),
                generator.subschema_for::<Vec<AuthConfigDetail>>(),
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{TYPES, without_references};
    use serde_json::json;

    fn schema(name: &str) -> serde_json::Value {
        TYPES.iter().find(|row| row.name == name).unwrap().schema()
    }

    #[test]
    fn keys_are_required_values_are_enumerated_and_keys_may_be_added() {
        let account = schema("account");
        assert_eq!(account["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let properties = account["properties"].as_object().unwrap();
        let required = account["required"].as_array().unwrap();
        let optional: Vec<_> =
            properties.keys().filter(|key| !required.contains(&json!(key))).collect();
        assert_eq!(optional, ["unusable"], "lists alone tell it, of those that can't be used");
        assert_eq!(account["properties"]["label"]["type"], json!(["string", "null"]));
        assert_eq!(account["properties"]["created_at"]["format"], "date-time");
        let statuses = account["$defs"]["Status"].to_string();
        assert!(statuses.contains(r#""const":"suspended""#), "{statuses}");
        for row in TYPES {
            let text = row.schema().to_string();
            assert!(!text.contains(r#"Properties":false"#), "{}", row.name);
        }
    }

    #[test]
    fn numbers_of_rules_are_left_out() {
        assert_eq!(without_references("Refused (AT-5)."), "Refused.");
        assert_eq!(without_references("A (b) and (CS-30) c (d"), "A (b) and c (d");
    }
}
