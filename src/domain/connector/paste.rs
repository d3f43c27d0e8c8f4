//! What people paste into the fields of a method, by what its definition makes of it: a whole
//! address where a part of its host is asked for, a key file, a private key.
//!
//! What holds for any field of a kind is a rule of `values`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::field::{Field, FieldKind, Format};
use super::request::TokenRequest;
use super::template::{Part, Template, parts};
use super::values::{FieldProblem, check_value, entered, tidy};
use super::{AuthMethod, Connector, pattern, reach};
use crate::domain::credentials::Values;
use crate::domain::secret::Secret;

/// What was filled in, with the part of a pasted address that a field asks for in its place.
pub(super) fn parts_of_hosts(
    connector: &Connector,
    fields: &[Field],
    given: &BTreeMap<String, Secret>,
) -> BTreeMap<String, Secret> {
    let mut given = given.clone();
    for field in fields.iter().filter(|field| field.kind == FieldKind::Text && !field.is_fixed()) {
        let Some(value) = given.get(&field.key) else { continue };
        let part = part_of_host(connector, field, tidy(field, value.expose())).map(Secret::new);
        if let Some(part) = part {
            given.insert(field.key.clone(), part);
        }
    }
    given
}

/// The part of a pasted host, alone or with the rest of its address, that fits the field; none
/// where what was pasted does, or where the field may hold more than a part of a host.
fn part_of_host<'a>(connector: &Connector, field: &Field, text: &'a str) -> Option<&'a str> {
    let (fits_any, holds_path) = match &field.pattern {
        Some(text) => (false, pattern::compile(text).is_ok_and(|regex| regex.is_match("a.b/c"))),
        None => (true, false),
    };
    if holds_path || (!fits_any && check_value(field, text).is_ok()) {
        return None;
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].contains(&scheme.to_lowercase().as_str()) => rest,
        Some(_) => return None,
        None => text,
    };
    let host = rest.split(['/', '?', '#']).next()?;
    let part = |address: &Template| {
        let (before, after) = around(address.as_str(), &field.key)?;
        let (start, end) = (before.len(), host.len().checked_sub(after.len())?);
        let is_same = host.get(..start)?.eq_ignore_ascii_case(before)
            && host.get(end..)?.eq_ignore_ascii_case(after);
        let part = host.get(start..end).filter(|part| is_same && !part.is_empty())?;
        (part != text && check_value(field, part).is_ok()).then_some(part)
    };
    addresses(connector).into_iter().find_map(part)
}

/// Whether a field asks for a whole address or a whole host.
#[must_use]
pub fn is_address(connector: &Connector, field: &Field) -> bool {
    let is_whole = |address: &Template| {
        address.as_str().starts_with(&format!("${{{}}}", field.key))
            || around(address.as_str(), &field.key) == Some(("", ""))
    };
    field.kind == FieldKind::Text
        && (field.format == Some(Format::Url) || addresses(connector).into_iter().any(is_whole))
}

/// Every address of a connector: a field of one key means the same in all its methods.
fn addresses(connector: &Connector) -> Vec<&Template> {
    let of = |method| reach::called(connector, method).into_iter().map(|called| called.address);
    let called = connector.auth.iter().flat_map(of);
    let logins = connector.auth.iter().filter_map(|method| method.authorization_url.as_ref());
    called.chain(logins).collect()
}

/// What stands before and after a field in the host of an address that has no other field in it.
fn around<'a>(address: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let (before, after) = host.split_once(format!("${{{key}}}").as_str())?;
    (!before.contains("${") && !after.contains("${")).then_some((before, after))
}

/// What is wrong with key files, private keys and certificates that were filled in. Whoever filled
/// them in can set it right, which a call that can't be made does not tell.
pub(super) fn problems(
    method: &AuthMethod,
    fields: &[Field],
    given: &BTreeMap<String, Secret>,
) -> Vec<FieldProblem> {
    let (members, pem_values) = (members(method), pem_values(method));
    let problem = |field: &Field| {
        let text = entered(field, given.get(&field.key)?).filter(|text| !text.is_empty())?;
        let of_field = |name: &str| name == field.key;
        let wanted = members.iter().filter(|(name, _)| of_field(name)).map(|(_, member)| member);
        let wanted: Vec<&String> = wanted.collect();
        if let Some(why) = unread(text).filter(|_| !wanted.is_empty()) {
            return Some(why.to_owned());
        }
        let mut values = Values::default();
        values.insert(field.key.as_str(), Secret::new(text));
        let member = |name: &str| {
            let found = values.fill(&Template::new(format!("${{{}}}.{name}", field.key)));
            found.ok().filter(|text| !text.is_empty())
        };
        if let Some(gone) = wanted.iter().find(|name| field.required && member(name).is_none()) {
            return Some(format!("has no `{gone}`: paste the whole .json file that has it"));
        }
        pem_values.iter().filter(|one| of_field(&one.name)).find_map(|one| match &one.member {
            Some(name) => {
                let why = bad_pem(&member(name)?, one.what)?;
                Some(format!("has a `{name}` that {why}"))
            }
            None => bad_pem(text, one.what),
        })
    };
    let told =
        |field: &Field| Some(FieldProblem { field: field.key.clone(), message: problem(field)? });
    fields.iter().filter_map(told).collect()
}

/// Why a pasted text is no key file, which is an object of JSON.
fn unread(text: &str) -> Option<&'static str> {
    if serde_json::from_str::<Map<String, Value>>(text).is_ok() {
        None
    } else if text.trim_start().starts_with('{') {
        Some("is not whole: paste the .json file from its first { to its last }")
    } else if text.contains("-----BEGIN ") {
        Some("is only the key within the file: paste the whole .json file, from { to }")
    } else {
        Some("is not a key file: paste the whole .json file, from { to }")
    }
}

/// The members that a method reads of its values, by the names of those.
fn members(method: &AuthMethod) -> BTreeSet<(String, String)> {
    fn collect(value: &Value, found: &mut BTreeSet<(String, String)>) {
        match value {
            Value::String(text) => {
                if let [Part::Value { name, member: Some(member), .. }] = parts(text).as_slice() {
                    found.insert(((*name).to_owned(), (*member).to_owned()));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(object) => object.values().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(&serde_json::to_value(method).unwrap_or_default(), &mut found);
    found
}

/// A value that is read as PEM.
struct PemValue {
    /// The name of the value.
    name: String,
    /// The member of it, where it is a key file.
    member: Option<String>,
    what: Pem,
}

/// What a text in PEM form holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pem {
    PrivateKey,
    Certificate,
}

/// The values that a method reads as PEM.
fn pem_values(method: &AuthMethod) -> Vec<PemValue> {
    let jwt = method.jwt.as_ref().and_then(|jwt| jwt.private_key.as_ref());
    let saml = match &method.token_request {
        Some(TokenRequest::Call(call)) => call.saml_assertion.as_ref(),
        _ => None,
    };
    let saml = saml.map(|saml| &saml.private_key);
    let mtls = method.mtls.as_ref();
    let keys = [jwt, saml, mtls.map(|mtls| &mtls.private_key)];
    let keys = keys.into_iter().flatten().map(|template| (template, Pem::PrivateKey));
    let certificate = mtls.map(|mtls| (&mtls.certificate, Pem::Certificate));
    let of = |(template, what): (&Template, Pem)| match template.parts().as_slice() {
        [Part::Value { name, member, .. }] => {
            let member = member.map(str::to_owned);
            Some(PemValue { name: (*name).to_owned(), member, what })
        }
        _ => None,
    };
    keys.chain(certificate).filter_map(of).collect()
}

/// What is wrong with a text in PEM form, whose line ends may be lost. Whether its key is a good
/// one shows when it is used.
fn bad_pem(text: &str, what: Pem) -> Option<String> {
    let (begins, ends) = (text.contains("-----BEGIN "), text.contains("-----END "));
    let (name, mark) = match what {
        Pem::PrivateKey => ("private key", "PRIVATE KEY-----"),
        Pem::Certificate => ("certificate", "CERTIFICATE-----"),
    };
    if what == Pem::PrivateKey && text.contains("ENCRYPTED") {
        return Some("has a password: give the private key without one".to_owned());
    }
    let is_whole = begins && ends && text.contains(mark);
    (!is_whole).then(|| {
        format!("is not a whole {name}: paste all of it, from -----BEGIN to the last -----")
    })
}

#[cfg(test)]
mod tests;
