//! What fills the placeholders of a connector's templates: the values of its fields, what was
//! captured while linking, and tokens.

use std::collections::BTreeMap;

use super::connector::Template;
use super::connector::template::MissingValue;
use super::secret::Secret;
use super::time::Timestamp;

/// The name under which the access token is kept and used.
pub const ACCESS_TOKEN: &str = "access_token";
/// The name under which the refresh token is kept.
pub const REFRESH_TOKEN: &str = "refresh_token";
/// The name under which an OpenID Connect id token is kept.
pub const ID_TOKEN: &str = "id_token";
/// The name under which the scopes are kept that were asked for and not granted with the tokens, as
/// a list of JSON: then no word of a provider is mistaken for it. No field can have this name.
pub const UNGRANTED: &str = "ungranted.scopes";

/// Values by name. All are held as secrets, since one call uses public and secret ones alike.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, Secret>);

impl Values {
    /// The value of this name; an empty one counts as none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose).filter(|value| !value.is_empty())
    }

    /// Adds a value, or replaces the one of this name.
    pub fn insert(&mut self, name: impl Into<String>, value: Secret) {
        self.0.insert(name.into(), value);
    }

    /// Takes the value of this name away.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Adds values that may be shown, such as an account's setup information.
    pub fn extend_public<'a>(
        &mut self,
        values: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) {
        for (name, value) in values {
            self.insert(name.clone(), Secret::new(value.as_str()));
        }
    }

    /// Adds values.
    pub fn extend(&mut self, values: impl IntoIterator<Item = (String, Secret)>) {
        self.0.extend(values);
    }

    /// Adds tokens and what was captured with them; a refresh token that is there stays where the
    /// answer had none.
    pub fn add_tokens(&mut self, tokens: &Tokens) {
        self.extend(tokens.captured.clone());
        self.insert(ACCESS_TOKEN, tokens.access_token.clone());
        if let Some(token) = &tokens.refresh_token {
            self.insert(REFRESH_TOKEN, token.clone());
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// All of them, without their names.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.0.values()
    }

    /// Fills a template; `${name}.member` reads a member of a value that holds a JSON object. A
    /// value that is not there fills in nothing.
    #[must_use]
    pub fn fill_or_empty(&self, template: &Template) -> String {
        let filled =
            template.fill(|name, member| Some(self.part(name, member).unwrap_or_default()));
        filled.unwrap_or_default()
    }

    /// Fills a template.
    ///
    /// # Errors
    /// When there is no value for one of its names.
    pub fn fill(&self, template: &Template) -> Result<String, MissingValue> {
        template.fill(|name, member| self.part(name, member))
    }

    fn part(&self, name: &str, member: Option<&str>) -> Option<String> {
        let value = self.get(name)?;
        let Some(member) = member else { return Some(value.to_owned()) };
        let object: serde_json::Value = serde_json::from_str(value).ok()?;
        match object.get(member)? {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Null => None,
            other => Some(other.to_string()),
        }
    }
}

impl From<BTreeMap<String, Secret>> for Values {
    fn from(values: BTreeMap<String, Secret>) -> Self {
        Self(values)
    }
}

impl From<Values> for BTreeMap<String, Secret> {
    fn from(values: Values) -> Self {
        values.0
    }
}

/// What a token end point gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The token that signs calls.
    pub access_token: Secret,
    /// The token that gets the next one; `None` where the answer had none, and the old one stays.
    pub refresh_token: Option<Secret>,
    /// When the access token ends; `None` where nobody says.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token ends; `None` where nobody says.
    pub refresh_expires_at: Option<Timestamp>,
    /// What the tokens may do, in the provider's words; `None` where it does not say.
    pub scope: Option<String>,
    /// Values captured from the answer and from look-ups.
    pub captured: BTreeMap<String, Secret>,
}

#[cfg(test)]
mod tests {
    use super::Values;
    use crate::domain::connector::Template;
    use crate::domain::secret::Secret;

    #[test]
    fn a_template_is_filled_from_values_and_members_of_json_values() {
        let mut values = Values::default();
        values.insert("subdomain", Secret::new("acme"));
        values.insert("account", Secret::new(r#"{"key":"k","n":5,"none":null}"#));
        values.insert("empty", Secret::new(""));
        let fill = |text: &str| values.fill(&Template::new(text));
        assert_eq!(fill("https://${subdomain}.x.example").unwrap(), "https://acme.x.example");
        assert_eq!(fill("${account}.key").unwrap(), "k");
        assert_eq!(fill("${account}.n").unwrap(), "5");
        assert!(fill("${account}.none").is_err());
        assert!(fill("${empty}").is_err());
        assert_eq!(values.fill_or_empty(&Template::new("a${empty}b")), "ab");
    }
}
