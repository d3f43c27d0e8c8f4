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
use crate::domain::time::{BadTimestamp, Timestamp};
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

/// What is wrong with a parameter that says whose rows are meant, and names nobody.
const EMPTY: &str = "is empty; leave it out to ask for everybody's";

/// Query parameters, in order. Names are never secrets, and neither are values: a key in a query
/// is refused before one of these is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<Parameter>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    value: String,
    /// What stands between commas that were written as such. One that was written as `%2C` belongs
    /// to its value: so SDKs write what they are given.
    parts: Vec<String>,
}

impl Parameter {
    /// Whether it is of this list: `name`, `name[]`, or `name[0]` from libraries that count.
    fn is_of(&self, list: &str) -> bool {
        let Some(rest) = self.name.strip_prefix(list) else { return false };
        let index = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        rest.is_empty()
            || index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// The values of `name=value` as it was written, if it has commas.
fn parts(written: &str) -> Vec<String> {
    let value = written.split_once('=').map_or("", |(_, value)| value);
    if !value.contains(',') {
        return Vec::new();
    }
    let each = format!("={}", value.replace(',', "&="));
    let each = url::form_urlencoded::parse(each.as_bytes());
    each.map(|(_, part)| part.into_owned()).filter(|part| !part.is_empty()).collect()
}

impl Query {
    /// The parameters of the part of an address behind `?`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let decoded = url::form_urlencoded::parse(text.as_bytes()).into_owned();
        let written = text.split('&').filter(|written| !written.is_empty());
        let each = decoded.zip(written);
        Self(
            each.map(|((name, value), written)| Parameter { name, value, parts: parts(written) })
                .collect(),
        )
    }

    /// The parameters as the part of an address behind `?`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(self.0.iter().map(|one| (one.name.as_str(), one.value.as_str())));
        text.finish()
    }

    /// The parameters without those of a name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|one| one.name != name).cloned().collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a NUL character in a name or value.
    #[must_use]
    pub fn has_nul(&self) -> bool {
        self.0.iter().any(|one| one.name.contains('\0') || one.value.contains('\0'))
    }

    /// The names that occur.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| one.name.as_str())
    }

    /// Adds one.
    pub fn push(&mut self, name: &str, value: impl fmt::Display) {
        let (name, value) = (name.to_owned(), value.to_string());
        self.0.push(Parameter { name, value, parts: Vec::new() });
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

    fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|one| one.name == name).map(|one| one.value.as_str())
    }

    /// A single value; the last one where there are several, and an empty one is none.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.last(name).filter(|value| !value.is_empty())
    }

    /// The same of what says whose rows are meant.
    ///
    /// # Errors
    /// `usage.bad_value` where it is empty: as none, it would have the rows of everybody.
    pub fn whose(&self, name: &str) -> Result<Option<&str>, HubError> {
        match self.last(name) {
            Some(text) if text.trim().is_empty() => Err(bad_value(name, EMPTY)),
            found => Ok(found),
        }
    }

    /// The values of a list that says whose rows are meant, which has these names.
    ///
    /// # Errors
    /// `usage.bad_value` where it is there and has none: as no list, it would have the rows of
    /// everybody.
    pub fn filled<T>(&self, names: &[&str], found: Vec<T>) -> Result<Vec<T>, HubError> {
        let is_there = |name: &&&str| self.0.iter().any(|one| one.is_of(name));
        match names.iter().find(is_there) {
            Some(name) if found.is_empty() => Err(bad_value(name, EMPTY)),
            _ => Ok(found),
        }
    }

    /// A single value of a type.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn one<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Option<T>, HubError> {
        self.text(name).map(|text| read(name, text)).transpose()
    }

    /// The instant from which something is meant; a day begins at midnight UTC.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn since(&self, name: &str) -> Result<Option<Timestamp>, HubError> {
        let found = self.text(name).map(|text| instant(text, DAY_BEGINS)).transpose();
        found.map_err(|error| bad_value(name, error))
    }

    /// A list in any of its spellings: the name repeated, `name[]`, `name[0]`, or one value with
    /// commas.
    ///
    /// # Errors
    /// `usage.bad_value` naming the parameter.
    pub fn all<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Vec<T>, HubError> {
        let values = self.0.iter().filter(|one| one.is_of(name));
        let parts = values.flat_map(|one| one.value.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).map(|part| read(name, part)).collect()
    }

    /// A list of free texts, which may have commas themselves: a single value is taken apart at
    /// the commas that were written as such, repeated ones and those of `name[]` are not.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|one| one.is_of(name) && !one.value.is_empty());
        let (plain, counted): (Vec<_>, Vec<_>) = values.partition(|one| one.name == name);
        let mut texts = match plain.as_slice() {
            [single] if !single.parts.is_empty() => single.parts.clone(),
            _ => plain.iter().map(|one| one.value.clone()).collect(),
        };
        texts.extend(counted.into_iter().map(|one| one.value.clone()));
        texts
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

/// When a day begins and ends, as it is written behind a date.
const DAY_BEGINS: &str = "T00:00:00Z";
const DAY_ENDS: &str = "T23:59:59.999Z";

/// An instant in a query: also a date, which stands for this time of its day, and one whose `+` in
/// front of the offset was not written as `%2B`, so that a blank came.
fn instant(text: &str, time_of_day: &str) -> Result<Timestamp, BadTimestamp> {
    text.parse::<Timestamp>().or_else(|error| {
        let offset = text.rsplit_once(' ').map(|(at, offset)| format!("{at}+{offset}"));
        let meant = [offset, Some(format!("{text}{time_of_day}"))];
        meant.into_iter().flatten().find_map(|text| text.parse().ok()).ok_or(error)
    })
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
    use super::{DAY_BEGINS, DAY_ENDS, Paging, Query, instant};

    #[test]
    fn lists_have_three_spellings() {
        let spellings = [
            "p=a&p=b",
            "p=a,b",
            "p%5B%5D=a&p[]=b",
            "p=a&p[]=b&p=",
            "p[0]=a&p[1]=b",
            "p%5B0%5D=a&p%5B10%5D=b",
        ];
        for text in spellings {
            let query = Query::parse(text);
            assert_eq!(query.all::<String>("p").unwrap(), ["a", "b"], "{text}");
            assert_eq!(query.texts("p"), ["a", "b"], "{text}");
        }
        assert_eq!(Query::parse("p=a%2Cb").all::<String>("p").unwrap(), ["a", "b"]);
        for other in ["p[x]=a", "pp=a", "p[0=a", "p0]=a", "p[0][1]=a", "p[-1]=a"] {
            assert_eq!(Query::parse(other).texts("p"), [""; 0], "{other}");
        }
    }

    #[test]
    fn at_12_a_comma_parts_texts_where_it_was_written_as_one() {
        let cases: [(&str, &[&str]); 8] = [
            ("o=a,b", &["a", "b"]),
            ("&&o=a+b,%C3%A4%26,&x=1", &["a b", "ä&"]),
            ("o=a%2Cb", &["a,b"]),
            ("o=a%2Cb,c", &["a,b", "c"]),
            ("o=a%2cb&o=c", &["a,b", "c"]),
            ("o=a,b&o=c", &["a,b", "c"]),
            ("o[]=a,b", &["a,b"]),
            ("o[0]=a,b&o=c,d", &["c", "d", "a,b"]),
        ];
        for (text, found) in cases {
            assert_eq!(Query::parse(text).texts("o"), found, "{text}");
        }
        for all in [vec!["a,b".to_owned()], vec!["a,b".to_owned(), "c".to_owned()]] {
            let mut query = Query::default();
            query.push_texts("o", &all);
            assert_eq!(query.texts("o"), all);
        }
    }

    #[test]
    fn who_is_asked_for_is_never_everybody_by_mistake() {
        let list = |text: &str| {
            let query = Query::parse(text);
            query.filled(&["o", "filter[o]"], query.texts("o")).ok()
        };
        assert_eq!(list("x=1"), Some(Vec::new()));
        assert_eq!(list("o=&o[]=a"), Some(vec!["a".to_owned()]));
        for empty in ["o", "o=", "o[]=", "o[0]=", "filter[o]=", "filter[o][0]=", "o=&o="] {
            assert_eq!(list(empty), None, "{empty}");
        }
        let one = |text: &str| Query::parse(text).whose("o").ok().map(|one| one.map(str::to_owned));
        assert_eq!(one("x=1"), Some(None));
        assert_eq!(one("o=&o=a"), Some(Some("a".to_owned())));
        for empty in ["o", "o=", "o=a&o=", "o=+"] {
            assert_eq!(one(empty), None, "{empty}");
        }
    }

    #[test]
    fn kp_11_an_instant_may_be_a_day_or_have_a_blank_for_its_plus() {
        let read = |text: &str, of_day| instant(text, of_day).ok().map(|at| at.to_string());
        let is = |text: &str| Some(text.to_owned());
        let (begins, ends) = (is("2026-06-01T00:00:00.000Z"), is("2026-06-01T23:59:59.999Z"));
        assert_eq!(read("2026-06-01", DAY_BEGINS), begins);
        assert_eq!(read("2026-06-01", DAY_ENDS), ends);
        for text in ["2026-06-01T02:00:00 02:00", "2026-06-01 00:00:00 00:00"] {
            assert_eq!(read(text, DAY_ENDS), begins, "{text}");
        }
        for bad in ["yesterday", "2026-06-01T09:00:00", "2026-06", "2026-06-01 02:00", " "] {
            assert_eq!(read(bad, DAY_BEGINS), None, "{bad}");
        }
        let since = |text: &str| Query::parse(text).since("x").ok().flatten();
        assert_eq!(since("x=2026-06-01T00:00:00+00:00"), since("x=2026-06-01"));
        assert!(since("x=2026-06-01").is_some() && Query::parse("x=1").since("x").is_err());
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
