//! What the calls of a login may name: nothing that only their answers tell. An address that the
//! callback's query could set would send the client's secret to whoever wrote that query.

use std::collections::BTreeMap;

use super::Report;
use crate::domain::connector::request::{HttpMethod, TokenRequest};
use crate::domain::connector::{AuthMethod, Template};
use crate::domain::credentials::ACCESS_TOKEN;

pub(super) fn check(auth: &AuthMethod, place: &str, found: &mut Report) {
    if auth.unavailable.is_some() {
        return;
    }
    let learnt = |name: &str| {
        name == ACCESS_TOKEN || auth.captured.iter().any(|captured| captured.key == name)
    };
    let mut refuse = |member: &str, template: &Template| {
        if let Some(name) = template.names().find(|name| learnt(name)) {
            let name = name.escape_debug();
            let why =
                format!("uses `${{{name}}}`, which is not known before this call is answered");
            found.error(format!("{place}.{member}"), why);
        }
    };
    let addresses = [
        ("authorization_url", &auth.authorization_url),
        ("redirect_uri", &auth.redirect_uri),
        ("token_url", &auth.token_url),
    ];
    for (member, address) in addresses {
        if let Some(address) = address {
            refuse(member, address);
        }
    }
    let call = match &auth.token_request {
        Some(TokenRequest::Call(call)) => Some(call),
        Some(TokenRequest::OAuth1(_)) | None => None,
    };
    if let Some(call) = call {
        refuse("token_request", &Template::new(serde_json::to_string(call).unwrap_or_default()));
    }
    let mut refuse_any = |member: &str, templates: &BTreeMap<String, Template>| {
        for template in templates.values() {
            refuse(member, template);
        }
    };
    refuse_any("authorization_params", &auth.authorization_params);
    refuse_any("token_extra", &auth.token_extra);
    refuse_any("token_headers", &auth.token_headers);
    let scopes =
        [("default_scopes", &auth.default_scopes), ("required_scopes", &auth.required_scopes)];
    for (member, scopes) in scopes {
        for scope in scopes {
            refuse(member, &Template::new(scope.as_str()));
        }
    }
    if call.is_some_and(|call| call.method == HttpMethod::Head) {
        let place = format!("{place}.token_request.method");
        found.error(place, "gets an answer without a body, where no token can be");
    }
}
