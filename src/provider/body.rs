//! Bodies: written from a definition's members, and given the credentials that travel in them.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::request::Request;
use super::{Target, failures};
use crate::domain::connector::address::query_pairs;
use crate::domain::connector::filling::Filling;
use crate::domain::connector::request::ContentType;
use crate::domain::oauth::token_call::{FORM, JSON, form, form_of};
use crate::domain::provider_failure::{Class, ProviderFailure};

/// Writes the members of a call's body.
pub(super) fn set_body(
    filling: &Filling<'_>,
    request: &mut Request,
    members: &Map<String, Value>,
    content_type: Option<ContentType>,
) -> Result<(), ProviderFailure> {
    let method = filling.method();
    let filled = filling.object(members).map_err(|gap| failures::missing(method, &gap))?;
    let (kind, body) = match content_type {
        Some(ContentType::Form) => (FORM, form_of(&filled)),
        Some(ContentType::Json) | None => (JSON, Value::Object(filled).to_string()),
    };
    request.set("content-type", kind)?;
    request.body = Some(Bytes::from(body));
    Ok(())
}

/// Puts credentials into a body: into its form, or into its JSON at any depth.
pub(super) fn merge_body(
    request: &mut Request,
    target: Target<'_>,
    own: Map<String, Value>,
) -> Result<(), ProviderFailure> {
    let light = target.connector.verify_for(target.method).first();
    let usual = light.and_then(|call| call.content_type);
    let usual = if usual == Some(ContentType::Form) { FORM } else { JSON };
    let given = request.body.clone().filter(|body| !body.is_empty());
    let kind = request.content_type().filter(|_| given.is_some());
    let kind = kind.unwrap_or_else(|| usual.to_owned());
    let bad = || {
        let text = "the credentials travel in the body, which must be a JSON object or a form";
        ProviderFailure::new(Class::Configuration, text)
    };
    let body = if kind == FORM {
        let mut pairs = form_members(request);
        for (name, value) in own {
            let at = pairs.iter().position(|(other, _)| *other == name);
            let before = at.and_then(|at| serde_json::from_str(&pairs[at].1).ok());
            let mut merged = before.filter(Value::is_object).unwrap_or(Value::Null);
            merge(&mut merged, value);
            let text = merged.as_str().map_or_else(|| merged.to_string(), str::to_owned);
            match at {
                Some(at) => pairs[at].1 = text,
                None => pairs.push((name, text)),
            }
        }
        form(&pairs)
    } else if kind == JSON || kind.ends_with("+json") {
        let mut whole: Value = match &given {
            Some(body) => serde_json::from_slice(body).map_err(|_| bad())?,
            None => Value::Object(Map::new()),
        };
        if !whole.is_object() {
            return Err(bad());
        }
        merge(&mut whole, Value::Object(own));
        whole.to_string()
    } else {
        return Err(bad());
    };
    if given.is_none() {
        request.set("content-type", &kind)?;
    }
    request.body = Some(Bytes::from(body));
    Ok(())
}

/// Adds members at any depth; what is added wins.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// The members of a body that is a form.
pub(super) fn form_members(request: &Request) -> Vec<(String, String)> {
    let is_form = request.content_type().as_deref() == Some(FORM);
    let body = request.body.as_deref().filter(|_| is_form).unwrap_or_default();
    query_pairs(&String::from_utf8_lossy(body))
}
