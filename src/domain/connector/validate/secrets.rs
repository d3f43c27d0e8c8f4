//! Where secrets of the set-up go: only to hosts that the definition or the set-up says.
//!
//! An end user fills in their own form. Were it to decide which host gets the administrator's
//! client secret, one link would be enough to have it (threat 35).

use std::collections::BTreeSet;

use serde::Serialize;

use super::Report;
use super::method::collect;
use super::url::Names;
use crate::domain::connector::field::{Field, FieldKind};
use crate::domain::connector::pattern;
use crate::domain::connector::reach::{Called, Purpose, called};
use crate::domain::connector::request::CaptureFrom;
use crate::domain::connector::template::{Part, parts};
use crate::domain::connector::{AuthMethod, Connector};

/// What every address begins with.
const SCHEME: &str = "https://";
/// What to do about it.
const REMEDY: &str = "let the host end as in `${name}.vendor.com`, give the field options or a \
                      pattern that ends as in `\\.vendor\\.com$`, or make it one of the set-up";

/// Looks at every address that is called with a secret of the set-up.
pub(super) fn check(
    connector: &Connector,
    auth: &AuthMethod,
    place: &str,
    names: &Names<'_>,
    found: &mut Report,
) {
    let secrets = auth.setup_fields.iter().filter(|field| field.is_secret());
    let secrets: Vec<&str> = secrets.map(|field| field.key.as_str()).collect();
    if secrets.is_empty() {
        return;
    }
    for call in called(connector, auth) {
        let used = used(connector, auth, call.purpose);
        let Some(secret) = secrets.iter().find(|secret| used.contains(**secret)) else { continue };
        let Some(chooser) = chooser(auth, call.address.as_str(), names) else { continue };
        found.error(
            at(auth, place, &call),
            format!(
                "is called with the administrator's `{secret}` at any host that the end user says \
                 by `{chooser}`: {REMEDY}"
            ),
        );
    }
}

/// The member of the file that has the address.
fn at(auth: &AuthMethod, place: &str, call: &Called<'_>) -> String {
    // What the connector has for all methods stands beside them.
    let is_own = match call.purpose {
        Purpose::Api => auth.base_url.is_some(),
        Purpose::Verify(_) => auth.verify.is_some(),
        _ => true,
    };
    if is_own { format!("{place}.{}", call.member) } else { call.member.clone() }
}

/// The names whose values go along with a call, also where they only sign it.
fn used(connector: &Connector, auth: &AuthMethod, purpose: Purpose) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    match purpose {
        Purpose::Token => {
            used.extend(auth.client_secret_field().map(|field| field.key.clone()));
            add(&auth.token_extra, &mut used);
            add(&auth.refresh_extra, &mut used);
            add(&auth.token_headers, &mut used);
            add(&auth.default_scopes, &mut used);
            add(&auth.required_scopes, &mut used);
        }
        Purpose::Login => add(&auth.token_request, &mut used),
        Purpose::Api | Purpose::Verify(_) | Purpose::LookUp(_) | Purpose::OAuth1 => {
            add(&auth.authorization, &mut used);
            add(&auth.signature, &mut used);
            add(&connector.headers, &mut used);
        }
    }
    match purpose {
        Purpose::Verify(number) => add(&connector.verify_for(auth).get(number), &mut used),
        Purpose::LookUp(number) => add(&auth.captured.get(number), &mut used),
        _ => {}
    }
    if used.contains("jwt") {
        add(&auth.jwt, &mut used);
    }
    used
}

fn add(part: &impl Serialize, used: &mut BTreeSet<String>) {
    collect(&serde_json::to_value(part).unwrap_or_default(), used);
}

/// Who says what stands in a host.
enum Said {
    /// The definition: it lists every value.
    Listed,
    /// The administrator, or the provider that the definition names.
    Fixed,
    /// The end user, but only what stands before an end that the definition gives it.
    Closed,
    /// The end user.
    Free,
}

fn said(auth: &AuthMethod, name: &str, names: &Names<'_>) -> Said {
    let captured = auth.captured.iter().find(|item| item.key == name);
    if let Some(item) = captured {
        // The browser brings it, and so does whoever writes an address into one.
        return if item.from == CaptureFrom::CallbackQuery { Said::Free } else { Said::Fixed };
    }
    let is_setup = auth.setup_fields.iter().any(|field| field.key == name);
    match names.fields.get(name) {
        Some(field) if is_listed(field) => Said::Listed,
        // It is what the administrator and the definition make of it.
        Some(field)
            if field.is_fixed()
                && field.is_computed()
                && field.sources().iter().all(|name| is_ours(auth, name)) =>
        {
            Said::Fixed
        }
        Some(field) if !is_setup => {
            let pattern = field.pattern.as_deref().unwrap_or_default();
            if pattern::has_closed_end(pattern) { Said::Closed } else { Said::Free }
        }
        // What is no name of the method's is refused elsewhere.
        _ => Said::Fixed,
    }
}

/// Whether the definition lists every value that the field can have.
fn is_listed(field: &Field) -> bool {
    let is_given = field.is_fixed() && field.default.is_some() && !field.is_computed();
    field.kind == FieldKind::Select || is_given
}

/// Whether a value is the administrator's or the definition's for certain.
fn is_ours(auth: &AuthMethod, name: &str) -> bool {
    let listed = auth.config_fields.iter().filter(|field| is_listed(field));
    auth.setup_fields.iter().chain(listed).any(|field| field.key == name)
}

/// The end user's value that decides which host the address is of, if one does.
fn chooser<'a>(auth: &AuthMethod, address: &'a str, names: &Names<'_>) -> Option<&'a str> {
    if let [Part::Value { name, .. }, ..] = parts(address).as_slice() {
        // Of a whole address the host is not its end.
        let is_free = matches!(said(auth, name, names), Said::Closed | Said::Free);
        return is_free.then_some(*name);
    }
    // Without what stands before it, `${name}.com` would read as a member of a value.
    let rest = address.strip_prefix(SCHEME)?;
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let pieces = parts(&address[..SCHEME.len() + host]);
    // What stands behind the piece that is looked at.
    let mut end = String::new();
    for (number, piece) in pieces.iter().enumerate().rev() {
        let before = number.checked_sub(1).and_then(|number| pieces.get(number));
        let is_port = matches!(before, Some(Part::Text(text)) if text.ends_with(':'));
        match *piece {
            Part::Text(text) => end.insert_str(0, text),
            Part::Value { .. } if is_port => end.clear(),
            Part::Value { name, .. } => {
                let is_last = end.is_empty() || end.starts_with(':');
                let stands_for = match said(auth, name, names) {
                    Said::Listed => "x",
                    Said::Fixed => "x.x",
                    Said::Closed if is_last => "x.x",
                    Said::Closed | Said::Free if names_a_vendor(&end) => "",
                    Said::Closed | Said::Free => return Some(name),
                };
                end.insert_str(0, stands_for);
            }
            Part::Broken(_) => return None,
        }
    }
    None
}

/// Whether the end of a host has a name of two parts behind its first dot.
fn names_a_vendor(end: &str) -> bool {
    let host = end.split(':').next().unwrap_or_default();
    let labels = host.split_once('.').map(|(_, name)| name.split('.'));
    labels.is_some_and(|labels| labels.filter(|label| !label.is_empty()).count() >= 2)
}
