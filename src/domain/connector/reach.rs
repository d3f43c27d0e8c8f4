//! Where the calls of a method go, and whether what is stored may go along when that changes.
//!
//! A stored secret goes to the origins for which it was entered and to no other: whoever may change
//! the address of an account or of a set-up can't read its secrets by that (threats 12, 14).

use std::collections::BTreeMap;

use super::filling::Filling;
use super::request::TokenRequest;
use super::values::FieldProblem;
use super::{AuthMethod, Connector, Field, FieldKind, Template};
use crate::domain::credentials::Values;
use crate::domain::secret::Secret;

/// What the call at an address is for, which decides what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A call of the API, signed by the method's authorization.
    Api,
    /// A light call of the connector, by its number, signed the same.
    Verify(usize),
    /// A look-up of a captured value, by its number, signed the same.
    LookUp(usize),
    /// A standard call of OAuth 2.0, by which the client shows who it is.
    Token,
    /// A token call that the definition writes out.
    Login,
    /// A step of OAuth 1.0a, signed by the method's authorization.
    OAuth1,
}

/// An address that a method calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called<'a> {
    /// The member that has it.
    pub member: String,
    /// What it is called for.
    pub purpose: Purpose,
    /// The address.
    pub address: &'a Template,
}

/// Every address that the hub itself calls for a method. The page of a login is no such address: a
/// browser opens it.
#[must_use]
pub fn called<'a>(connector: &'a Connector, method: &'a AuthMethod) -> Vec<Called<'a>> {
    let mut all = Vec::new();
    let mut add = |member: &str, purpose, address: Option<&'a Template>| {
        let member = member.to_owned();
        all.extend(address.map(|address| Called { member, purpose, address }));
    };
    add("base_url", Purpose::Api, Some(connector.base_url_for(method)));
    add("token_url", Purpose::Token, method.token_url.as_ref());
    add("refresh_url", Purpose::Token, method.refresh_url.as_ref());
    add("revocation_url", Purpose::Token, method.revocation_url.as_ref());
    match &method.token_request {
        Some(TokenRequest::Call(call)) => {
            add("token_request.url", Purpose::Login, Some(&call.url));
        }
        Some(TokenRequest::OAuth1(flow)) => {
            let steps = [
                ("token_request.request_token_url", &flow.request_token_url),
                ("token_request.access_token_url", &flow.access_token_url),
            ];
            for (member, address) in steps {
                add(member, Purpose::OAuth1, Some(address));
            }
        }
        None => {}
    }
    for (number, item) in method.captured.iter().enumerate() {
        add(&format!("captured[{number}].url"), Purpose::LookUp(number), item.url.as_ref());
    }
    let calls = connector.verify_for(method);
    for (number, call) in calls.iter().enumerate() {
        let path = Some(&call.path).filter(|path| !path.as_str().starts_with('/'));
        let member = match calls {
            [_] => "verify.path".to_owned(),
            _ => format!("verify[{number}].path"),
        };
        add(&member, Purpose::Verify(number), path);
    }
    all
}

/// Whether somebody types where calls of a method go: one of these fields is a part of a host.
#[must_use]
pub fn names_host(connector: &Connector, method: &AuthMethod, fields: &[Field]) -> bool {
    let is_typed = |name: &str| {
        fields.iter().any(|field| field.key == name && field.kind != FieldKind::Select)
    };
    called(connector, method).into_iter().any(|called| {
        let address = called.address.as_str();
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let host = Template::new(rest.split('/').next().unwrap_or_default());
        host.names().any(is_typed)
    })
}

/// Scheme, host and port of each address, where these values fill it.
fn origins(connector: &Connector, method: &AuthMethod, values: &Values) -> Vec<Option<String>> {
    // An address without encryption counts as well: whether it may be called is judged later.
    let filling = Filling::new(method, values, true);
    let origin = |called: Called<'_>| {
        let url = filling.address(called.address).ok()?;
        Some(url.origin().ascii_serialization())
    };
    called(connector, method).into_iter().map(origin).collect()
}

/// The calls that go where none went with the old values: from where, if they could be made, and to
/// where.
fn newly_gone(
    connector: &Connector,
    method: &AuthMethod,
    before: &Values,
    after: &Values,
) -> impl Iterator<Item = (Option<String>, String)> {
    let known = origins(connector, method, before);
    let pairs = known.clone().into_iter().zip(origins(connector, method, after));
    let is_new = move |to: &String| !known.iter().flatten().any(|origin| origin == to);
    pairs.filter_map(move |(from, to)| Some((from, to.filter(&is_new)?)))
}

/// An origin that calls go to with the new values and did not with the old ones.
#[must_use]
pub fn added(
    connector: &Connector,
    method: &AuthMethod,
    before: &Values,
    after: &Values,
) -> Option<String> {
    newly_gone(connector, method, before, after).map(|(_, to)| to).next()
}

/// The same where a call leaves another origin for it, so that what it carries moves.
#[must_use]
pub fn moved(
    connector: &Connector,
    method: &AuthMethod,
    before: &Values,
    after: &Values,
) -> Option<String> {
    newly_gone(connector, method, before, after).find_map(|(from, to)| from.map(|_| to))
}

/// Whether an edit from the old values to the new ones may keep the stored secrets that it does
/// not give anew.
///
/// # Errors
/// A problem of each of them where calls would take it to another origin.
pub fn may_keep(
    connector: &Connector,
    method: &AuthMethod,
    (before, after): (&Values, &Values),
    kept: &[&str],
) -> Result<(), Vec<FieldProblem>> {
    if kept.is_empty() {
        return Ok(());
    }
    let Some(origin) = added(connector, method, before, after) else { return Ok(()) };
    let problem = |key: &&str| FieldProblem {
        field: (*key).to_owned(),
        message: match method.fields().any(|field| field.key == *key) {
            true => format!("must be entered again, since calls would now go to {origin}"),
            false => format!("is for another host than {origin}: a new login is needed"),
        },
    };
    Err(kept.iter().map(problem).collect())
}

/// A set-up as values: what accounts add to it stands for itself, the same in each.
#[must_use]
pub fn of_setup(method: &AuthMethod, setup: &BTreeMap<String, String>) -> Values {
    let mut values = Values::default();
    let fields = method.config_fields.iter().map(|field| &field.key);
    for name in fields.chain(method.captured.iter().map(|item| &item.key)) {
        values.insert(name.clone(), Secret::new("x"));
    }
    values.extend_public(setup);
    values
}

#[cfg(test)]
mod tests;
