//! One authentication method of a StackOne file, in the catalog's form.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Notes, Shape, actions, expression, fields, hosts, put, text};
use crate::domain::words::escaped;

const KNOWN: [&str; 16] = [
    "type",
    "grantType",
    "label",
    "authorization",
    "setupFields",
    "configFields",
    "setupNotices",
    "configNotices",
    "requiredScopes",
    "environments",
    "support",
    "testActions",
    "testActionsIds",
    "refreshAuthentication",
    "authorizationFlow",
    "description",
];

const SIGNING_KNOWN: [&str; 11] = [
    "type",
    "username",
    "password",
    "encoding",
    "token",
    "includeBearer",
    "signing",
    "redirectUri",
    "key",
    "value",
    "in",
];

const SHAPES: [(&str, Shape); 8] = [
    ("authorization", Shape::Map),
    ("setupFields", Shape::List),
    ("configFields", Shape::List),
    ("setupNotices", Shape::List),
    ("configNotices", Shape::List),
    ("requiredScopes", Shape::List),
    ("environments", Shape::List),
    ("testActions", Shape::List),
];

const AUTHORIZATION_SHAPES: [(&str, Shape); 10] = [
    ("authorizationParams", Shape::Map),
    ("tokenParams", Shape::Map),
    ("customHeaders", Shape::Map),
    ("additionalTokenFields", Shape::Map),
    ("callbackParams", Shape::Map),
    ("tokenResponse", Shape::Map),
    ("includeBearer", Shape::Flag),
    ("pkce", Shape::Flag),
    ("tokenExpiresIn", Shape::Count),
    ("tokenRefreshExpiresIn", Shape::Count),
];

const SIGNATURE_SHAPES: [(&str, Shape); 2] =
    [("includeHost", Shape::Flag), ("includeBodyHash", Shape::Flag)];

/// What one method is read from.
pub(super) struct Context<'a> {
    pub auth: &'a Value,
    pub actions: &'a [&'a Value],
    /// The root of the API, as a template.
    pub root: &'a str,
    pub place: &'a str,
}

impl Context<'_> {
    /// The method without its key.
    pub(super) fn method(&self, notes: &mut Notes) -> Map<String, Value> {
        let (auth, place) = (self.auth, self.place);
        if let Some(members) = auth.as_object() {
            notes.unknown(members, &KNOWN, place);
        }
        let authorization = auth.get("authorization");
        let at = format!("{place}.authorization");
        notes.shapes(Some(auth), &SHAPES, place);
        notes.shapes(authorization, &AUTHORIZATION_SHAPES, &at);
        let signature = authorization.and_then(|own| own.get("signing"));
        notes.shapes(signature, &SIGNATURE_SHAPES, &format!("{at}.signing"));
        let mut out = Map::new();
        put(&mut out, "label", auth.get("label").and_then(text));
        let all = [auth.get("configFields"), auth.get("setupFields")];
        for (from, to) in [("configFields", "config_fields"), ("setupFields", "setup_fields")] {
            // A set-up is filled in before any other form.
            let lists = if to == "setup_fields" { [None, auth.get(from)] } else { all };
            let readable = fields::readable(lists);
            let list = fields::fields(auth.get(from), &format!("{place}.{from}"), &readable, notes);
            out.insert(to.to_owned(), list);
        }
        let mut notices = Vec::new();
        for (from, form) in [("configNotices", "config"), ("setupNotices", "setup")] {
            let at = format!("{place}.{from}");
            notices.extend(fields::notices(auth.get(from), form, &at, notes));
        }
        out.insert("notices".to_owned(), notices.into());
        if let Some(support) = fields::support(auth.get("support")) {
            out.insert("support".to_owned(), support);
        }
        if let Some(scopes) = auth.get("requiredScopes").and_then(Value::as_array) {
            let scopes = scopes.iter().filter_map(text).map(Value::from).collect();
            out.insert("required_scopes".to_owned(), scopes);
        }
        match auth.get("type").and_then(Value::as_str) {
            Some("custom") => self.custom(&mut out, notes),
            Some("oauth2") => super::oauth::method(self, &mut out, notes),
            other => {
                let shown = escaped(other.unwrap_or(""), 32);
                let message = format!("`{shown}` is not supported: use custom or oauth2");
                notes.error(&format!("{place}.type"), &message);
            }
        }
        self.verify(&mut out, notes);
        hosts::guard(&mut out, self.root);
        if let Some(reason) = notes.reason.take() {
            // What only half describes a call is not kept beside the reason.
            out.insert("authorization".to_owned(), json!({ "type": "none" }));
            for name in ["signature", "verify", "captured"] {
                out.remove(name);
            }
            out.insert("unavailable".to_owned(), reason.into());
        }
        out
    }

    fn custom(&self, out: &mut Map<String, Value>, notes: &mut Notes) {
        let place = format!("{}.authorization", self.place);
        if self.auth.get("refreshAuthentication").is_some_and(|refresh| !refresh.is_null()) {
            let why = "its credentials are renewed by an action, which hubctl does not run";
            notes.unavailable(self.place, why);
        }
        match self.signing(&place, out, notes) {
            Ok((kind, signing)) => {
                out.insert("type".to_owned(), kind.into());
                out.insert("authorization".to_owned(), signing);
            }
            Err(why) => {
                notes.unavailable(&place, &why);
                out.insert("type".to_owned(), "custom".into());
            }
        }
    }

    fn signing(
        &self,
        place: &str,
        out: &mut Map<String, Value>,
        notes: &mut Notes,
    ) -> Result<(&'static str, Value), String> {
        let signing = self.auth.get("authorization").filter(|value| value.is_object());
        let signing = signing.ok_or("`authorization` is missing")?;
        let members = signing.as_object().into_iter().flat_map(Map::keys);
        if let Some(name) = members.into_iter().find(|name| !SIGNING_KNOWN.contains(&name.as_str()))
        {
            let shown = escaped(name, 64);
            return Err(format!("`{shown}` in its authorization is not known"));
        }
        let value = |name: &str| -> Result<String, String> {
            expression::template(&signing.get(name).and_then(text).unwrap_or_default())
        };
        match signing.get("type").and_then(Value::as_str).unwrap_or_default() {
            "basic" => {
                if signing.get("encoding").is_some_and(|encoding| *encoding != json!("base64")) {
                    return Err("its Basic header is not written in Base64".to_owned());
                }
                let (username, password) = (value("username")?, value("password")?);
                Ok(("basic", json!({"type": "basic", "username": username, "password": password})))
            }
            "bearer" => {
                let bare = signing.get("includeBearer") == Some(&Value::Bool(false));
                Ok(("bearer", json!({"type": "bearer", "token": value("token")?, "bare": bare})))
            }
            "apiKey" => {
                notes.warning(
                    place,
                    "of type apiKey is not in the format: read as a header or query",
                );
                let (name, value) = (value("key")?, value("value")?);
                let kind = match signing.get("in").and_then(Value::as_str) {
                    Some("query") => "query",
                    _ => "header",
                };
                Ok(("api_key", json!({"type": kind, kind: {name: value}})))
            }
            "none" => match signing.get("signing").filter(|signing| !signing.is_null()) {
                Some(signature) => {
                    let signature = self.signature(signature)?;
                    out.insert("signature".to_owned(), signature);
                    Ok(("custom", json!({"type": "signature"})))
                }
                None => self.signing_of_actions(),
            },
            other => {
                let shown = escaped(other, 32);
                Err(format!("an authorization of type `{shown}` is not known"))
            }
        }
    }

    /// Without an authorization each action says where the credentials go.
    fn signing_of_actions(&self) -> Result<(&'static str, Value), String> {
        if let Some(found) = actions::credentials(self.actions, self.auth) {
            return Ok(("api_key", found));
        }
        if self.fields().next().is_none() {
            return Ok(("custom", json!({"type": "none"})));
        }
        Err("only its actions know where the credentials go".to_owned())
    }

    fn signature(&self, signing: &Value) -> Result<Value, String> {
        let has = |key: &str| self.fields().any(|field| field == key);
        let known = |key: &str| has(key).then(|| format!("${{{key}}}"));
        let need = |key: &str| {
            known(key).ok_or_else(|| format!("its signature needs a field named {key}"))
        };
        let given = |name: &str| signing.get(name).and_then(text);
        let convert = |name: &str| given(name).map(|text| expression::template(&text)).transpose();
        match signing.get("strategy").and_then(Value::as_str) {
            Some("aws4") => Ok(json!({
                "scheme": "aws4",
                "service": given("service").ok_or("its signature names no service")?,
                "region": convert("region")?.or_else(|| known("region")),
                "access_key_id": need("accessKeyId")?,
                "secret_access_key": need("secretAccessKey")?,
                "session_token": known("sessionToken"),
            })),
            Some("hmac") => Ok(json!({
                "scheme": "hmac",
                "algorithm": given("algorithm").unwrap_or_else(|| "sha256".to_owned()),
                "header_name": given("headerName").unwrap_or_else(|| "X-Signature".to_owned()),
                "prefix": given("prefix"),
                "date_format": given("dateFormat"),
                "include_host": signing.get("includeHost") == Some(&Value::Bool(true)),
                "include_body_hash": signing.get("includeBodyHash") != Some(&Value::Bool(false)),
                "output_format": given("outputFormat"),
                "username": convert("username")?,
                "secret": need("secretKey")?,
            })),
            _ => Err("its signature is of an unknown kind".to_owned()),
        }
    }

    /// The keys of all fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = String> + '_ {
        let lists = ["configFields", "setupFields"].into_iter();
        let lists = lists.filter_map(|name| self.auth.get(name)?.as_array());
        lists.flatten().filter_map(|field| field.get("key").and_then(text))
    }

    /// The light calls; what is left out of them is told (OA-17).
    fn verify(&self, out: &mut Map<String, Value>, notes: &mut Notes) {
        let actions::Tests { mut calls, left_out } =
            actions::tests(self.auth, self.actions, &self.fields().collect());
        let effect = match calls.is_empty() {
            true => "credentials are not tried when they are given",
            false => "it is not run, and stops nobody",
        };
        for (number, why) in &left_out {
            let place = format!("{}.testActions[{number}]", self.place);
            notes.warning(&place, &format!("{why}: {effect}"));
        }
        if calls.is_empty() {
            let reason = match left_out.first() {
                Some((_, why)) => format!("the test action of its file can't be run: {why}"),
                None => "its file has no test action".to_owned(),
            };
            out.insert("verify_reason".to_owned(), reason.into());
            return;
        }
        let calls = if calls.len() == 1 { calls.remove(0) } else { Value::Array(calls) };
        out.insert("verify".to_owned(), calls);
    }
}

/// One method for each environment.
pub(super) fn by_environment(key: &str, auth: &Value, method: &Map<String, Value>) -> Vec<Value> {
    let list = auth.get("environments").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let with = |environment: Option<&Value>| {
        let mut method = method.clone();
        method.insert("key".to_owned(), key.into());
        if let Some(environment) = environment {
            let key = environment.get("key").and_then(text);
            let name = environment.get("name").and_then(text).or_else(|| key.clone());
            method.insert("environment".to_owned(), json!({ "key": key, "name": name }));
        }
        Value::Object(method)
    };
    match list {
        [] => vec![with(None)],
        several => several.iter().take(64).map(|one| with(Some(one))).collect(),
    }
}

/// Adds the environment to keys and labels that several methods share.
pub(super) fn tell_apart(methods: &mut [Value]) {
    let key = |method: &Value| method.get("key").and_then(text).unwrap_or_default();
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for method in methods.iter() {
        *count.entry(key(method)).or_default() += 1;
    }
    for method in methods {
        let shared = key(method);
        let part = |name: &str| method.pointer(&format!("/environment/{name}")).and_then(text);
        if count.get(&shared).is_some_and(|count| *count > 1)
            && let (Some(environment), Some(name)) = (part("key"), part("name"))
        {
            let label = method.get("label").and_then(text).unwrap_or_default();
            method["key"] = format!("{shared}_{environment}").into();
            method["label"] = format!("{label} ({name})").into();
        }
    }
}
