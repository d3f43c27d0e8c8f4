//! What another definition of a method would do with what is stored: take it to other origins, or
//! show it.
//!
//! Definitions alone are compared, whatever accounts have filled in: an address leads where one led
//! before if its host is written the same, and each name in it has its value from the same place.
//! So whoever may import definitions, or choose the version that is used, can't read stored secrets
//! by that (threats 12, 14, 35).

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::expression::Expression;
use super::reach::called;
use super::request::{Captured, TokenRequest};
use super::template::{Part, Template, parts};
use super::{AuthMethod, Connector, Field};
use crate::domain::caller::{Caller, Permission};
use crate::domain::credentials::{ACCESS_TOKEN, ID_TOKEN, REFRESH_TOKEN};
use crate::domain::names::ConnectorKey;
use crate::domain::refusal::Refusal;

/// The right to let stored secrets go where they never went.
pub const RIGHT: Permission = Permission::Administer;
/// How many origins or names a sentence has at most.
const MOST_NAMED: usize = 5;

/// A definition, and the method of it that is used.
pub type Used<'a> = (&'a Connector, &'a AuthMethod);

/// What a definition does with what is stored that the one before did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Where it takes it, as the definition writes it.
    pub origins: BTreeSet<String>,
    /// Names of stored secrets that it lets be seen.
    pub shown: BTreeSet<String>,
}

impl Exposure {
    /// Whether it does nothing of that sort.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty() && self.shown.is_empty()
    }

    /// Both together.
    pub fn extend(&mut self, other: Self) {
        self.origins.extend(other.origins);
        self.shown.extend(other.shown);
    }

    /// What it does, as ends of a sentence.
    #[must_use]
    pub fn deeds(&self, connector: &ConnectorKey) -> Vec<String> {
        let mut deeds = Vec::new();
        if !self.origins.is_empty() {
            let origins = listed(self.origins.iter().cloned());
            deeds.push(format!("sends secrets that are stored for `{connector}` to {origins}"));
        }
        if !self.shown.is_empty() {
            let names = listed(self.shown.iter().map(|name| format!("`{name}`")));
            deeds.push(format!("shows what is stored as a secret for `{connector}`: {names}"));
        }
        deeds
    }
}

fn listed(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MOST_NAMED);
    let named: Vec<String> = all.take(MOST_NAMED).collect();
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Whether the caller may let it happen.
///
/// # Errors
/// [`Refusal::Exposes`] without the [`RIGHT`].
pub fn may_expose(
    exposure: &Exposure,
    connector: &ConnectorKey,
    caller: &Caller,
) -> Result<(), Refusal> {
    if exposure.is_empty() || caller.may(RIGHT) {
        return Ok(());
    }
    Err(Refusal::Exposes { connector: connector.clone(), exposure: exposure.clone() })
}

/// What the definition of an auth config does with what is stored. Without one before, nothing went
/// anywhere: what was stored under an earlier one is not known to be for the new one.
#[must_use]
pub fn of_method(before: Option<Used<'_>>, after: Option<Used<'_>>) -> Exposure {
    let Some(after) = after else { return Exposure::default() };
    let known: Vec<Place> = before.map(places).unwrap_or_default();
    let shown = before.map(|(_, before)| shown(before, after.1)).unwrap_or_default();
    Exposure { origins: added(&known, &[after]), shown }
}

/// What definitions do with the secret of an OAuth client that any of their methods may use.
#[must_use]
pub fn of_client(before: &[Used<'_>], after: &[Used<'_>]) -> Exposure {
    let known: Vec<Place> = before.iter().copied().flat_map(places).collect();
    let mut all = BTreeSet::new();
    for (_, method) in after {
        let Some(field) = method.client_secret_field() else { continue };
        let is_open = !field.is_secret() || is_sent_to_browser(method, field);
        let was_open = |(_, known): &Used<'_>| {
            known.client_secret_field().is_some_and(|own| {
                own.key == field.key && (!own.is_secret() || is_sent_to_browser(known, own))
            })
        };
        if is_open && !before.iter().any(was_open) {
            all.insert(field.key.clone());
        }
    }
    Exposure { origins: added(&known, after), shown: all }
}

fn is_sent_to_browser(method: &AuthMethod, field: &Field) -> bool {
    sent_to_browser(method).contains(field.key.as_str())
}

/// The places to which something goes and nothing went.
fn added(known: &[Place], after: &[Used<'_>]) -> BTreeSet<String> {
    let places = after.iter().copied().flat_map(places);
    places.filter(|place| !known.contains(place)).map(|place| place.host).collect()
}

/// Names of secrets that could be seen with a new method and not with the old one: they are fields
/// of it that are no secret ones any more, or the address that a browser is sent to names them. A
/// field that is gone counts as well, since it could come back as any other.
fn shown(before: &AuthMethod, after: &AuthMethod) -> BTreeSet<String> {
    let secret = |method: &AuthMethod, key: &str| {
        method.fields().any(|field| field.key == key && field.is_secret())
    };
    let open = |method: &AuthMethod, key: &str| {
        method.fields().any(|field| field.key == key && !field.is_secret())
    };
    let keys = before.fields().filter(|field| field.is_secret()).map(|field| field.key.as_str());
    let lost = keys.filter(|key| !secret(after, key));
    let tokens = [ACCESS_TOKEN, REFRESH_TOKEN, ID_TOKEN];
    let named = tokens.into_iter().filter(|key| open(after, key) && !open(before, key));
    let was_sent = sent_to_browser(before);
    let is_hidden = |key: &str| secret(before, key) || secret(after, key) || tokens.contains(&key);
    let sent = sent_to_browser(after).into_iter();
    let sent = sent.filter(|key| is_hidden(key) && !was_sent.contains(key));
    let mut all: BTreeSet<String> = lost.map(str::to_owned).collect();
    all.extend(named.map(str::to_owned));
    all.extend(sent.map(str::to_owned));
    all
}

/// The names in what the browser of somebody who logs in is sent to.
fn sent_to_browser(method: &AuthMethod) -> BTreeSet<&str> {
    let mut templates: Vec<&Template> = Vec::new();
    templates.extend(&method.authorization_url);
    templates.extend(&method.redirect_uri);
    templates.extend(method.authorization_params.values());
    if let Some(TokenRequest::OAuth1(flow)) = &method.token_request {
        templates.push(&flow.authorization_url);
        templates.extend(flow.authorization_params.values());
    }
    let scopes = method.default_scopes.iter().chain(&method.required_scopes);
    let in_scopes = scopes.flat_map(|scope| parts(scope)).filter_map(|part| match part {
        Part::Value { name, .. } => Some(name),
        Part::Text(_) | Part::Broken(_) => None,
    });
    templates.into_iter().flat_map(Template::names).chain(in_scopes).collect()
}

/// Where an address leads, as far as the definition says.
#[derive(Debug, PartialEq)]
struct Place {
    /// Scheme, host and port as written.
    host: String,
    /// Whether the whole of it is a member of a value.
    is_member: bool,
    /// Where each name in it has its value from, and what that follows from.
    sources: BTreeMap<String, Source>,
}

/// What decides which value a name has.
#[derive(Debug, Default, PartialEq)]
struct Source {
    setup: Option<Preset>,
    config: Option<Preset>,
    captured: Vec<Captured>,
}

/// What a field has where nothing is given, and when it counts at all.
#[derive(Debug, PartialEq)]
struct Preset {
    default: Option<String>,
    computed: Option<Expression>,
    condition: Option<Expression>,
}

impl From<&Field> for Preset {
    fn from(field: &Field) -> Self {
        let Field { default, computed, condition, .. } = field.clone();
        Self { default, computed, condition }
    }
}

/// The places of all addresses that are called.
fn places((connector, method): Used<'_>) -> Vec<Place> {
    called(connector, method).into_iter().map(|call| place(method, call.address)).collect()
}

fn place(method: &AuthMethod, address: &Template) -> Place {
    let pieces = address.parts();
    let is_member = matches!(pieces.as_slice(), [Part::Value { member: Some(_), .. }]);
    let host = host(address.as_str());
    let sources = sources(method, host);
    Place { host: one_spelling(host), is_member, sources }
}

/// An address up to what follows its host.
fn host(address: &str) -> &str {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| address.starts_with(scheme));
    let begin = scheme.map_or(0, str::len);
    let end = address[begin..].find(['/', '?', '#']);
    end.map_or(address, |end| &address[..begin + end])
}

/// A host that is the definition's alone in the spelling that all of them have.
fn one_spelling(host: &str) -> String {
    let fixed = if host.contains("${") { None } else { Url::parse(host).ok() };
    fixed.map_or_else(|| host.to_owned(), |url| url.origin().ascii_serialization())
}

fn sources(method: &AuthMethod, host: &str) -> BTreeMap<String, Source> {
    let mut found = BTreeMap::new();
    let mut waiting: Vec<String> = parts(host).into_iter().filter_map(name_of).collect();
    while let Some(name) = waiting.pop() {
        if found.contains_key(&name) {
            continue;
        }
        let own =
            |fields: &[Field]| fields.iter().find(|field| field.key == name).map(Preset::from);
        for field in method.fields().filter(|field| field.key == name) {
            let condition = field.condition.as_ref().map(Expression::names).unwrap_or_default();
            waiting.extend(field.sources().into_iter().chain(condition).map(str::to_owned));
        }
        let captured = method.captured.iter().filter(|item| item.key == name).cloned().collect();
        let (setup, config) = (own(&method.setup_fields), own(&method.config_fields));
        found.insert(name, Source { setup, config, captured });
    }
    found
}

fn name_of(part: Part<'_>) -> Option<String> {
    match part {
        Part::Value { name, .. } => Some(name.to_owned()),
        Part::Text(_) | Part::Broken(_) => None,
    }
}

#[cfg(test)]
mod tests;
