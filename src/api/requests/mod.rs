//! What is asked on the wire: bodies and query parameters, readable and writable, so that client
//! and server can't disagree. Unknown keys are ignored, and null is the same as absent.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use crate::domain::number::whole;
use crate::domain::refusal::{Problem, Refusal};
use crate::domain::secret::Secret;
use crate::error::{HubError, codes};
use crate::hub::write::Guard;

pub mod accounts;
pub mod auth_configs;
pub mod connect_sessions;
pub mod connectors;
pub mod number;
pub mod projects;
pub mod request_logs;

/// A secret on its way to a hub. Only this type writes one, and only into a request.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Secret);

impl From<Secret> for SecretText {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl From<SecretText> for Secret {
    fn from(text: SecretText) -> Self {
        text.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Secret::new(text)))
    }
}

impl JsonSchema for SecretText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

/// Values of a connector's fields.
pub(crate) type Values = BTreeMap<String, SecretText>;

fn to_given(values: Values) -> BTreeMap<String, Secret> {
    values.into_iter().map(|(key, value)| (key, value.into())).collect()
}

fn of_given(values: &BTreeMap<String, Secret>) -> Values {
    values.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect()
}

/// Reads a key that tells null from absent: null clears, absent keeps.
#[expect(clippy::option_option, reason = "absent, null and a value are three things here")]
fn cleared<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Reads a value into its own type, or notes what is wrong with it.
fn parse<T: FromStr<Err: fmt::Display>>(
    field: &'static str,
    text: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    match text?.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            problems.push(Problem::new(field, error.to_string()));
            None
        }
    }
}

/// CS-16: the auth config under its two names, which must not differ.
fn auth_config<T: FromStr<Err: fmt::Display>>(
    integration: Option<&str>,
    profile: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    if let (Some(one), Some(other)) = (integration, profile)
        && one != other
    {
        let message = "names another auth config than integration_id";
        problems.push(Problem::new("connector_profile_id", message));
        return None;
    }
    match integration {
        Some(_) => parse("integration_id", integration, problems),
        None => parse("connector_profile_id", profile, problems),
    }
}

fn checked<T>(value: Option<T>, problems: Vec<Problem>) -> Result<T, HubError> {
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Refusal::Invalid(problems).into()),
    }
}

/// Query parameters, in order. Names are never secrets, and neither are values: a key in a query
/// is refused before one of these is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The parameters of the part of an address behind `?`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The parameters as the part of an address behind `?`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        text.finish()
    }

    /// The parameters without those of a name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(found, _)| found != name).cloned().collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a NUL character in a name or value.
    #[must_use]
    pub fn has_nul(&self) -> bool {
        self.0.iter().any(|(name, value)| name.contains('\0') || value.contains('\0'))
    }

    /// The names that occur.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Adds one.
    pub fn push(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// Adds one that may be absent.
    pub fn push_opt(&mut self, name: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// Adds a list, by repeating its name.
    pub fn push_all<T: fmt::Display>(&mut self, name: &str, values: impl IntoIterator<Item = T>) {
        for value in values {
            self.push(name, value);
        }
    }

    /// A single value; the last one where there are several, and an empty one is none.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let last = self.0.iter().rev().find(|(found, _)| found == name);
        last.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A single value of a type.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn one<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Option<T>, HubError> {
        self.text(name).map(|text| read(name, text)).transpose()
    }

    /// A list in any of its spellings: the name repeated, `name[]`, or one value with commas.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn all<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Vec<T>, HubError> {
        let is_it = |found: &str| found == name || found.strip_suffix("[]") == Some(name);
        let values = self.0.iter().filter(|(found, _)| is_it(found));
        let parts = values.flat_map(|(_, value)| value.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).map(|part| read(name, part)).collect()
    }

    /// A list of free texts, which may have commas themselves: a single value is taken apart at
    /// its commas, repeated ones and those of `name[]` are not.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        let of = |wanted: &str| {
            let found = self.0.iter().filter(|(found, value)| found == wanted && !value.is_empty());
            found.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let mut plain = of(name);
        if let [single] = plain.as_slice() {
            plain = single.split(',').map(str::to_owned).collect();
        }
        plain.extend(of(&format!("{name}[]")));
        plain
    }

    /// Adds a list of free texts so that [`Query::texts`] finds each of them whole.
    pub fn push_texts(&mut self, name: &str, values: &[String]) {
        match values {
            [single] if single.contains(',') => self.push(&format!("{name}[]"), single),
            _ => self.push_all(name, values),
        }
    }

    /// A number of things, in any spelling of a whole number: SDKs that know only floats ask for
    /// `page_size=25.0`.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn count(&self, name: &str) -> Result<Option<u64>, HubError> {
        let found = self.text(name).map(whole).transpose();
        found.map_err(|error| bad_value(name, error))
    }

    /// Whether something is asked for.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn flag(&self, name: &str) -> Result<bool, HubError> {
        Ok(self.one(name)?.unwrap_or(false))
    }

    /// The bounds of a write.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn guard(&self) -> Result<Guard, HubError> {
        Ok(Guard { dry_run: self.flag("dry_run")?, max_affected: self.one("max_affected")? })
    }

    /// Adds the bounds of a write.
    #[must_use]
    pub fn with_guard(mut self, guard: Guard) -> Self {
        if guard.dry_run {
            self.push("dry_run", true);
        }
        self.push_opt("max_affected", guard.max_affected);
        self
    }
}

fn read<T: FromStr<Err: fmt::Display>>(name: &str, text: &str) -> Result<T, HubError> {
    text.parse().map_err(|error: T::Err| bad_value(name, error))
}

/// The error for a parameter that can't be accepted, which answers list among their `errors`.
fn bad_value(name: &str, message: impl fmt::Display) -> HubError {
    let (name, message): (String, _) = (name.chars().take(40).collect(), message.to_string());
    HubError::new(&codes::BAD_VALUE, format!("{name}: {message}"))
        .detail(json!({ "field": name, "message": message }))
}

/// Pages by number, as the vendor's lists have them; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// The page.
    pub page: u64,
    /// Rows on a page.
    pub page_size: u64,
}

impl Paging {
    /// Rows on a page where none are asked for (AT-11).
    pub const DEFAULT_SIZE: u64 = 25;
    /// Most rows on a page.
    pub const LARGEST_SIZE: u64 = 1_000;

    /// The page that is asked for; page 0 is the first one too.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn of(query: &Query) -> Result<Self, HubError> {
        let page = query.count("page")?.unwrap_or(1).max(1);
        let page_size = page_size(query, Self::DEFAULT_SIZE, Self::LARGEST_SIZE)?;
        Ok(Self { page, page_size })
    }

    /// How many rows lie before the page.
    #[must_use]
    pub const fn offset(self) -> u64 {
        (self.page - 1).saturating_mul(self.page_size)
    }
}

/// How many rows a page is to have.
fn page_size(query: &Query, default: u64, largest: u64) -> Result<u64, HubError> {
    let size = query.count("page_size")?.unwrap_or(default);
    match (1..=largest).contains(&size) {
        true => Ok(size),
        false => Err(bad_value("page_size", format_args!("use 1 to {largest}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Paging, Query};

    #[test]
    fn lists_have_three_spellings() {
        for text in ["p=a&p=b", "p=a,b", "p%5B%5D=a&p[]=b", "p=a&p[]=b&p="] {
            let found: Vec<String> = Query::parse(text).all("p").unwrap();
            assert_eq!(found, ["a", "b"], "{text}");
        }
        assert_eq!(Query::parse("o=a%2Cb").texts("o"), ["a", "b"]);
        assert_eq!(Query::parse("o=a%2Cb&o=c").texts("o"), ["a,b", "c"]);
        for all in [vec!["a,b".to_owned()], vec!["a,b".to_owned(), "c".to_owned()]] {
            let mut query = Query::default();
            query.push_texts("o", &all);
            assert_eq!(query.texts("o"), all);
        }
    }

    #[test]
    fn pages_begin_at_one_and_sizes_have_bounds() {
        let paging = |text: &str| Paging::of(&Query::parse(text)).ok();
        let first = Paging { page: 1, page_size: 25 };
        assert_eq!(paging(""), Some(first));
        assert_eq!(paging("page=0&page_size="), Some(first));
        assert_eq!(paging("page=3&page_size=10").unwrap().offset(), 20);
        for bad in ["page=-1", "page=x", "page_size=0", "page_size=1001", "page=1.5"] {
            assert_eq!(paging(bad), None, "{bad}");
        }
        let floats = paging("page=2.0&page_size=2.5E1");
        assert_eq!(floats, Some(Paging { page: 2, page_size: 25 }));
    }

    #[test]
    fn text_and_parameters_agree() {
        let mut query = Query::default();
        query.push_all("origin_owner_id", ["a b", "ä&="]);
        query.push_opt("type", None::<&str>);
        assert_eq!(Query::parse(&query.to_text()), query);
    }
}
