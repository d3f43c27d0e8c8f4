//! Rules for one authentication method: addresses, what its kind needs, whose values it uses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::url::{self, Names};
use super::{MAX_FIELDS, MAX_LIGHT_CALLS, Report, fields, secrets, text};
use crate::domain::connector::request::{
    CaptureFrom, ContentType, HttpMethod, TokenRequest, Verify,
};
use crate::domain::connector::signing::{JwtAlgorithm, Scheme, Signature};
use crate::domain::connector::template::{Part, RESERVED, Template, is_name, parts};
use crate::domain::connector::{AuthKind, AuthMethod, Connector};

/// Members that people read and no call is made from.
const PROSE: [&str; 9] = [
    "config_fields",
    "setup_fields",
    "label",
    "notes",
    "notices",
    "support",
    "environment",
    "unavailable",
    "verify_reason",
];

pub(super) fn check(connector: &Connector, auth: &AuthMethod, place: &str, found: &mut Report) {
    if auth.label.trim().is_empty() {
        found.error(format!("{place}.label"), "is empty");
    }
    if auth.config_fields.len() + auth.setup_fields.len() > MAX_FIELDS {
        found.error(place, format!("has more than {MAX_FIELDS} fields"));
        return;
    }
    let mut known = BTreeMap::new();
    fields::check(&auth.config_fields, &format!("{place}.config_fields"), &mut known, found);
    fields::check(&auth.setup_fields, &format!("{place}.setup_fields"), &mut known, found);
    // A method that can't be used makes no calls, so the rules of calls do not hold for it.
    if auth.unavailable.is_some() {
        return;
    }
    let captured = auth.captured.iter().map(|item| item.key.as_str()).collect();
    let names = Names { fields: known, captured };
    let check = Check { connector, auth, place, names };
    fields::dependencies(auth, place, found);
    check.kind(found);
    check.addresses(found);
    check.captured(found);
    check.signing(found);
    check.keys(found);
    check.verify(found);
    check.headers(found);
    check.placeholders(found);
    secrets::check(connector, auth, place, &check.names, found);
}

struct Check<'a> {
    connector: &'a Connector,
    auth: &'a AuthMethod,
    place: &'a str,
    names: Names<'a>,
}

impl Check<'_> {
    fn at(&self, member: &str) -> String {
        format!("{}.{member}", self.place)
    }

    /// What the kind of the method needs.
    fn kind(&self, found: &mut Report) {
        let auth = self.auth;
        if auth.kind == AuthKind::OAuth2AuthorizationCode && auth.authorization_url.is_none() {
            found.error(self.at("authorization_url"), "is missing");
        }
        if auth.kind.is_oauth2() {
            if auth.token_url.is_none() {
                found.error(self.at("token_url"), "is missing");
            }
            if auth.client_id_field().is_none() {
                found.error(self.place, "has no client_id field");
            }
        } else if auth.authorization_url.is_some() || auth.token_url.is_some() {
            found.error(self.place, "has addresses of OAuth 2.0 but is of another type");
        }
    }

    fn addresses(&self, found: &mut Report) {
        let auth = self.auth;
        let base = auth.base_url.as_ref().map_or("base_url".to_owned(), |_| self.at("base_url"));
        let mut all = vec![(base, Some(self.connector.base_url_for(auth)))];
        all.push((self.at("token_url"), auth.token_url.as_ref()));
        all.push((self.at("refresh_url"), auth.refresh_url.as_ref()));
        all.push((self.at("revocation_url"), auth.revocation_url.as_ref()));
        all.push((self.at("redirect_uri"), auth.redirect_uri.as_ref()));
        match &auth.token_request {
            Some(TokenRequest::Call(call)) => {
                all.push((self.at("token_request.url"), Some(&call.url)));
            }
            Some(TokenRequest::OAuth1(flow)) => {
                let place = |name: &str| self.at(&format!("token_request.{name}"));
                all.push((place("request_token_url"), Some(&flow.request_token_url)));
                all.push((place("authorization_url"), Some(&flow.authorization_url)));
                all.push((place("access_token_url"), Some(&flow.access_token_url)));
            }
            None => {}
        }
        for (place, address) in all {
            if let Some(Err(why)) = address.map(|text| url::template(text.as_str(), &self.names)) {
                found.error(place, why);
            }
        }
        let login = auth.authorization_url.as_ref();
        if let Some(Err(why)) = login.map(|text| url::page_template(text.as_str(), &self.names)) {
            found.error(self.at("authorization_url"), why);
        }
        let issuer = auth.issuer.as_deref().map(url::plain);
        if let Some(Err(why)) = issuer {
            found.error(self.at("issuer"), why);
        }
        let link = auth.support.as_ref().and_then(|support| support.link.as_deref());
        if let Some(Err(why)) = link.map(url::page) {
            found.error(self.at("support.link"), why);
        }
    }

    fn captured(&self, found: &mut Report) {
        let mut seen = BTreeSet::new();
        for (number, item) in self.auth.captured.iter().enumerate() {
            let place = self.at(&format!("captured[{number}]"));
            if !is_name(&item.key) {
                found.error(format!("{place}.key"), "is not letters, digits, `_` and `-`");
            }
            if RESERVED.contains(&item.key.as_str()) {
                found.error(format!("{place}.key"), format!("`{}` is a reserved name", item.key));
            }
            let field = self.names.fields.contains_key(item.key.as_str());
            if field || !seen.insert(item.key.as_str()) {
                found.error(format!("{place}.key"), format!("`{}` stands twice", item.key));
            }
            if item.path.is_none() && item.from != CaptureFrom::OAuth1AccessToken {
                found.error(format!("{place}.path"), "is missing");
            }
            if !self.yields(item.from) {
                let message = "is something that a method of this type never learns";
                found.error(format!("{place}.from"), message);
            }
            match (item.from == CaptureFrom::Lookup, &item.url) {
                (true, None) => found.error(format!("{place}.url"), "is missing"),
                (false, Some(_)) => found.error(format!("{place}.url"), "is for a lookup only"),
                (true, Some(address)) => {
                    if let Err(why) = url::template(address.as_str(), &self.names) {
                        found.error(format!("{place}.url"), why);
                    }
                }
                (false, None) => {}
            }
        }
    }

    /// Whether linking by this method learns values from there.
    fn yields(&self, from: CaptureFrom) -> bool {
        let auth = self.auth;
        let is_oauth1 = matches!(auth.token_request, Some(TokenRequest::OAuth1(_)));
        let has_token = auth.kind.is_oauth2() || auth.token_request.is_some();
        match from {
            CaptureFrom::TokenResponse => has_token && !is_oauth1,
            CaptureFrom::CallbackQuery => auth.needs_browser(),
            CaptureFrom::Lookup => has_token,
            CaptureFrom::OAuth1AccessToken => is_oauth1,
        }
    }

    fn signing(&self, found: &mut Report) {
        let auth = self.auth;
        let place = self.at("authorization");
        let custom = matches!(
            auth.authorization.scheme,
            Scheme::Body(_) | Scheme::OAuth1(_) | Scheme::Signature
        );
        if custom && auth.kind != AuthKind::Custom {
            found.error(&place, "of this type is for methods of type custom");
        }
        let signature = matches!(auth.authorization.scheme, Scheme::Signature);
        if signature != auth.signature.is_some() {
            found.error(self.at("signature"), "and an authorization of type signature go together");
        }
        if let Some(Signature::Hmac { algorithm, header_name, .. }) = &auth.signature {
            if !["sha1", "sha256", "sha384", "sha512"].contains(&algorithm.as_str()) {
                found.error(
                    self.at("signature.algorithm"),
                    "is none of sha1, sha256, sha384, sha512",
                );
            }
            let header = BTreeMap::from([(header_name.clone(), Template::default())]);
            text::headers(&header, &self.at("signature.header_name"), found);
        }
        if let Some(jwt) = &auth.jwt {
            let shared = jwt.alg == JwtAlgorithm::Hs256;
            if jwt.secret.is_some() != shared || jwt.private_key.is_some() == shared {
                let member = if shared { "secret" } else { "private_key" };
                found.error(self.at("jwt"), format!("needs `{member}` as its only key"));
            }
            if !(1..=86_400).contains(&jwt.expires_in) {
                found.error(self.at("jwt.expires_in"), "is not 1 to 86400 seconds");
            }
        }
        let none = matches!(auth.authorization.scheme, Scheme::None | Scheme::Signature);
        let written = serde_json::to_value(&auth.authorization).unwrap_or_default();
        let mut used = BTreeSet::new();
        collect(&written, &mut used);
        if !none && used.is_empty() {
            found.error(place, "carries no credential");
        }
    }

    /// No key stands in the definition, which many may read and every account would share.
    fn keys(&self, found: &mut Report) {
        let auth = self.auth;
        let mut keys = match &auth.signature {
            Some(Signature::DuoHmacSha1 { secret, .. } | Signature::Hmac { secret, .. }) => {
                vec![("signature.secret", secret)]
            }
            Some(Signature::Aws4 { access_key_id, secret_access_key, .. }) => vec![
                ("signature.access_key_id", access_key_id),
                ("signature.secret_access_key", secret_access_key),
            ],
            None => Vec::new(),
        };
        if let Some(jwt) = &auth.jwt {
            keys.extend(jwt.secret.as_ref().map(|key| ("jwt.secret", key)));
            keys.extend(jwt.private_key.as_ref().map(|key| ("jwt.private_key", key)));
        }
        keys.extend(auth.mtls.as_ref().map(|mtls| ("mtls.private_key", &mtls.private_key)));
        for (member, key) in keys {
            if key.names().next().is_none() {
                found.error(self.at(member), "has no placeholder: ask for the key in a field");
            }
        }
    }

    fn verify(&self, found: &mut Report) {
        let auth = self.auth;
        if auth.verify.is_some() && auth.verify_reason.is_some() {
            found.error(self.at("verify_reason"), "is given though there is a light call");
        }
        let place = auth.verify.as_ref().map_or("verify".to_owned(), |_| self.at("verify"));
        let calls = self.connector.verify_for(auth);
        if calls.len() > MAX_LIGHT_CALLS {
            found.error(&place, format!("has more than {MAX_LIGHT_CALLS} calls"));
        }
        match calls {
            [call] => self.one_verify(call, &place, found),
            several => {
                for (number, call) in several.iter().enumerate() {
                    self.one_verify(call, &format!("{place}[{number}]"), found);
                }
            }
        }
        if !calls.is_empty() {
            return;
        }
        if auth.verify.is_some() {
            found.error(place, "is an empty list");
        } else if auth.verify_reason.is_none() && self.connector.verify_reason.is_none() {
            found.warning(self.at("verify"), "is missing: credentials can't be tried");
        }
    }

    fn one_verify(&self, verify: &Verify, place: &str, found: &mut Report) {
        let text = verify.path.as_str();
        let checked =
            if text.starts_with('/') { url::path(text) } else { url::template(text, &self.names) };
        if let Err(why) = checked {
            found.error(format!("{place}.path"), why);
        }
        if verify.expect_status.is_some_and(|status| !(200..=499).contains(&status)) {
            found.error(format!("{place}.expect_status"), "is not 200 to 499");
        }
        if let Some(expected) = &verify.expect_json {
            let place = format!("{place}.expect_json");
            let absent = expected.exists == Some(false);
            let filled = expected.equals.is_some() || expected.not_null == Some(true);
            if expected.equals.is_none() && expected.exists.is_none() && expected.not_null.is_none()
            {
                found.error(&place, "needs `equals`, `exists` or `not_null`");
            }
            if absent && filled {
                found.error(&place, "wants a value where there must be none");
            }
            if verify.method == HttpMethod::Head || verify.expect_status == Some(204) {
                found.error(&place, "reads a body, and this answer has none");
            }
        }
        let flat = |body: &serde_json::Map<String, Value>| {
            body.values().all(|value| !value.is_object() && !value.is_array())
        };
        if verify.content_type == Some(ContentType::Form) && !verify.body.as_ref().is_none_or(flat)
        {
            found.warning(format!("{place}.body"), "has members that a form writes as JSON");
        }
        text::headers(&verify.headers, &format!("{place}.headers"), found);
    }

    fn headers(&self, found: &mut Report) {
        let auth = self.auth;
        text::headers(&auth.authorization.header, &self.at("authorization.header"), found);
        text::headers(&auth.token_headers, &self.at("token_headers"), found);
        if let Some(TokenRequest::Call(call)) = &auth.token_request {
            text::headers(&call.headers, &self.at("token_request.headers"), found);
        }
        for (number, item) in auth.captured.iter().enumerate() {
            text::headers(&item.headers, &self.at(&format!("captured[{number}].headers")), found);
        }
    }

    /// No template names anything but the method's own fields and what linking yields.
    fn placeholders(&self, found: &mut Report) {
        let auth = self.auth;
        let mut used = BTreeSet::new();
        let whole = serde_json::to_value(auth).unwrap_or_default();
        for (name, value) in whole.as_object().into_iter().flatten() {
            if !PROSE.contains(&name.as_str()) {
                collect(value, &mut used);
            }
        }
        collect_text(self.connector.base_url_for(auth).as_str(), &mut used);
        let calls = serde_json::to_value(self.connector.verify_for(auth));
        collect(&calls.unwrap_or_default(), &mut used);
        for value in self.connector.headers.values() {
            collect_text(value.as_str(), &mut used);
        }
        for name in used {
            if name.is_empty() {
                found.error(self.place, "has a broken placeholder");
            } else if !self.may_use(&name) {
                let name = name.escape_debug();
                found.error(self.place, format!("uses `${{{name}}}`, which it does not have"));
            }
        }
    }

    fn may_use(&self, name: &str) -> bool {
        let auth = self.auth;
        let saml = match &auth.token_request {
            Some(TokenRequest::Call(call)) => call.saml_assertion.is_some(),
            _ => false,
        };
        match name {
            "access_token" => auth.kind.is_oauth2() || auth.token_request.is_some(),
            "jwt" => auth.jwt.is_some(),
            "saml_assertion" => saml,
            _ => self.names.fields.contains_key(name) || self.names.captured.contains(name),
        }
    }
}

/// Names of all placeholders inside a value; an empty one stands for a broken placeholder.
pub(super) fn collect(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => collect_text(text, used),
        Value::Array(items) => items.iter().for_each(|item| collect(item, used)),
        Value::Object(members) => {
            for (name, item) in members {
                collect_text(name, used);
                collect(item, used);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn collect_text(text: &str, used: &mut BTreeSet<String>) {
    for part in parts(text) {
        let name = match part {
            Part::Value { name, .. } => name,
            Part::Broken(_) => "",
            Part::Text(_) => continue,
        };
        used.insert(name.to_owned());
    }
}
