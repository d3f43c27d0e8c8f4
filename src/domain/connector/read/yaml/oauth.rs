//! An OAuth method of a StackOne file, in the catalog's form.

use serde_json::{Map, Value, json};

use super::method::Context;
use super::{Notes, actions, content_type, expression, put, text};
use crate::domain::oauth::token_call::FORM;
use crate::domain::words::escaped;

const KNOWN: [&str; 19] = [
    "type",
    "authorizationUrl",
    "authorizationParams",
    "redirectUri",
    "tokenUrl",
    "tokenParams",
    "customHeaders",
    "token",
    "includeBearer",
    "tokenExpiresIn",
    "tokenRefreshExpiresIn",
    "scopes",
    "scopeDelimiter",
    "pkce",
    "additionalTokenFields",
    "callbackParams",
    "issuer",
    "tokenResponse",
    "signing",
];

/// Credentials that a callback may not set.
const GUARDED: [&str; 7] = [
    "accessToken",
    "refreshToken",
    "idToken",
    "clientId",
    "clientSecret",
    "authentication_config_key",
    "environment",
];

/// Fills in what an OAuth method has beyond fields.
pub(super) fn method(context: &Context<'_>, out: &mut Map<String, Value>, notes: &mut Notes) {
    let grant = context.auth.get("grantType").and_then(Value::as_str);
    let kind = match grant {
        None | Some("authorization_code") => "oauth2_authorization_code",
        Some("client_credentials") => "oauth2_client_credentials",
        Some(_) => {
            notes.unavailable(context.place, "its grant type is not supported");
            "oauth2_authorization_code"
        }
    };
    out.insert("type".to_owned(), kind.into());
    let place = format!("{}.authorization", context.place);
    if let Err(why) = fill(context, kind, &place, out, notes) {
        notes.unavailable(&place, &why);
    }
}

fn fill(
    context: &Context<'_>,
    kind: &str,
    place: &str,
    out: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), String> {
    let auth = context.auth.get("authorization").and_then(Value::as_object);
    let auth = auth.ok_or("`authorization` is missing")?;
    if auth.get("type").and_then(Value::as_str) != Some("oauth2") {
        return Err("its authorization is not of type oauth2".to_owned());
    }
    if let Some(name) = auth.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        let shown = escaped(name, 64);
        return Err(format!("`{shown}` in its authorization is not known"));
    }
    if auth.get("signing").is_some() {
        return Err("it signs its calls beside the token".to_owned());
    }
    let convert = |name: &str| -> Result<Option<String>, String> {
        auth.get(name).and_then(text).map(|text| expression::template(&text)).transpose()
    };
    let token = convert("token")?.unwrap_or_else(|| "${access_token}".to_owned());
    let bare = auth.get("includeBearer") == Some(&Value::Bool(false));
    out.insert("authorization".to_owned(), json!({"type": "bearer", "token": token, "bare": bare}));
    if kind == "oauth2_authorization_code" {
        put(out, "authorization_url", convert("authorizationUrl")?);
    }
    put(out, "token_url", convert("tokenUrl")?);
    put(out, "token_auth_method", Some("post".to_owned()));
    for (from, to) in [
        ("tokenExpiresIn", "token_expires_in"),
        ("tokenRefreshExpiresIn", "refresh_token_expires_in"),
    ] {
        if let Some(seconds) = auth.get(from).and_then(Value::as_u64) {
            out.insert(to.to_owned(), seconds.into());
        }
    }
    put(out, "issuer", auth.get("issuer").and_then(text));
    let pkce = auth.get("pkce") == Some(&Value::Bool(true));
    out.insert("pkce".to_owned(), pkce.into());
    if let Some(other) = auth.get("redirectUri").and_then(text) {
        put(out, "redirect_uri", redirect(&other)?);
    }
    params(auth, "authorizationParams", out)?;
    params(auth, "tokenParams", out)?;
    scopes(auth, out)?;
    headers(auth, out)?;
    captured(auth, place, out, notes)?;
    answer(auth, out)?;
    refresh(context, kind, out)
}

/// The hub's own callback is computed; only another address is kept.
fn redirect(text: &str) -> Result<Option<String>, String> {
    if text.contains("apiHostUri") { Ok(None) } else { expression::template(text).map(Some) }
}

/// Parameters beyond the standard ones, which the hub fills in itself.
fn params(
    auth: &Map<String, Value>,
    from: &str,
    out: &mut Map<String, Value>,
) -> Result<(), String> {
    let mut kept = Map::new();
    for (name, value) in auth.get(from).and_then(Value::as_object).into_iter().flatten() {
        let value = text(value).ok_or_else(|| format!("a member of {from} is no text"))?;
        let only = expression::only_credential(&value);
        let standard = match name.as_str() {
            "state" | "code" | "code_verifier" | "code_challenge" | "code_challenge_method" => true,
            "response_type" => value == "code",
            "grant_type" => value == "authorization_code" || value == "client_credentials",
            "client_id" => matches!(only.as_deref(), Some("clientId" | "client_id")),
            "client_secret" => matches!(only.as_deref(), Some("clientSecret" | "client_secret")),
            "scope" => matches!(only.as_deref(), Some("scopes" | "scope")),
            "redirect_uri" => {
                if let Some(other) = redirect(&value)? {
                    out.insert("redirect_uri".to_owned(), other.into());
                }
                true
            }
            _ => false,
        };
        if name == "scope" && !standard && !value.contains(['$', '{']) {
            out.entry("default_scopes").or_insert_with(|| split(&value, None));
        } else if !standard {
            kept.insert(name.clone(), expression::template(&value)?.into());
        }
    }
    let to = if from == "tokenParams" { "token_extra" } else { "authorization_params" };
    out.insert(to.to_owned(), Value::Object(kept));
    Ok(())
}

fn scopes(auth: &Map<String, Value>, out: &mut Map<String, Value>) -> Result<(), String> {
    let separator = auth.get("scopeDelimiter").and_then(text);
    put(out, "scope_separator", separator.clone());
    let Some(scopes) = auth.get("scopes").and_then(text) else { return Ok(()) };
    if matches!(expression::only_credential(&scopes).as_deref(), Some("scopes" | "scope")) {
        return Ok(());
    }
    if scopes.contains("${") || scopes.contains("{{") || scopes.starts_with('$') {
        let scope = expression::template(&scopes)?;
        let params = out.entry("authorization_params").or_insert_with(|| json!({}));
        params["scope"] = scope.into();
    } else {
        out.insert("default_scopes".to_owned(), split(&scopes, separator.as_deref()));
    }
    Ok(())
}

fn split(scopes: &str, separator: Option<&str>) -> Value {
    let own = separator.filter(|separator| !separator.is_empty());
    let parts: Vec<&str> = match own {
        Some(separator) => scopes.split(separator).collect(),
        None => scopes.split([' ', '\n', '\t']).collect(),
    };
    parts.into_iter().map(str::trim).filter(|scope| !scope.is_empty()).collect()
}

fn headers(auth: &Map<String, Value>, out: &mut Map<String, Value>) -> Result<(), String> {
    let mut kept = Map::new();
    for (name, value) in auth.get("customHeaders").and_then(Value::as_object).into_iter().flatten()
    {
        let value = expression::template(&text(value).unwrap_or_default())?;
        if name.eq_ignore_ascii_case("content-type") {
            let kind = content_type(&value).map_err(|why| format!("its token call {why}"))?;
            out.insert("token_content_type".to_owned(), kind);
        } else {
            kept.insert(name.clone(), value.into());
        }
    }
    out.insert("token_headers".to_owned(), Value::Object(kept));
    Ok(())
}

fn captured(
    auth: &Map<String, Value>,
    place: &str,
    out: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), String> {
    let mut list = Vec::new();
    let members = |name: &str| auth.get(name).and_then(Value::as_object).into_iter().flatten();
    for (key, value) in members("additionalTokenFields") {
        let path = expression::answer_path(&text(value).unwrap_or_default())?;
        list.push(json!({"key": key, "from": "token_response", "path": path}));
    }
    for (query, key) in members("callbackParams") {
        let key = text(key).unwrap_or_default();
        if GUARDED.contains(&key.as_str()) {
            let message = format!("a callback may not set `{key}`");
            notes.error(&format!("{place}.callbackParams"), &message);
        }
        list.push(json!({"key": key, "from": "callback_query", "path": query}));
    }
    out.insert("captured".to_owned(), list.into());
    Ok(())
}

fn answer(auth: &Map<String, Value>, out: &mut Map<String, Value>) -> Result<(), String> {
    let Some(answer) = auth.get("tokenResponse") else { return Ok(()) };
    for (from, to) in [("accessToken", "token_path"), ("refreshToken", "refresh_token_path")] {
        let path = answer.get(from).and_then(text).map(|text| expression::answer_path(&text));
        put(out, to, path.transpose()?);
    }
    if let Some(types) = answer.get("acceptTokenTypes").and_then(Value::as_array) {
        let types = types.iter().filter_map(text).map(Value::from).collect();
        out.insert("accept_token_types".to_owned(), types);
    }
    Ok(())
}

/// A refresh by the standard grant is the hub's own; another one would have to run an action.
fn refresh(context: &Context<'_>, kind: &str, out: &mut Map<String, Value>) -> Result<(), String> {
    let code = kind == "oauth2_authorization_code";
    let refresh = context.auth.get("refreshAuthentication").filter(|value| !value.is_null());
    let Some(refresh) = refresh else {
        out.insert("refresh".to_owned(), code.into());
        return Ok(());
    };
    let other = "its tokens are renewed by an action, which hubctl does not run";
    let steps = refresh.pointer("/action/steps").and_then(Value::as_array).ok_or(other)?;
    let call = steps.iter().find_map(actions::request).ok_or(other)?;
    let args = || call.get("args").and_then(Value::as_array).into_iter().flatten();
    let grant = args().find(|arg| arg.get("name") == Some(&json!("grant_type")));
    let grant = grant.and_then(|arg| arg.get("value")).and_then(Value::as_str);
    match (grant, code) {
        (Some("refresh_token"), _) => out.insert("refresh".to_owned(), true.into()),
        // A token that is simply fetched again needs no refresh token.
        (Some("client_credentials"), false) => out.insert("refresh".to_owned(), false.into()),
        _ => return Err(other.to_owned()),
    };
    let mut extra = Map::new();
    for arg in args() {
        refresh_arg(arg, out, &mut extra)?;
    }
    let own = call.get("authorization").filter(|own| !own.is_null());
    // A token that is fetched again is fetched by the token call.
    let is_again = grant == Some("client_credentials");
    if is_again && (own.is_some() || extra.keys().any(|name| name != "scope")) {
        return Err(other.to_owned());
    }
    if let Some(own) = own {
        refresh_client(own)?;
        put(out, "refresh_auth_method", Some("basic".to_owned()));
    }
    if call.get("method").and_then(Value::as_str).is_some_and(|m| !m.eq_ignore_ascii_case("post")) {
        return Err("its refresh call is no POST".to_owned());
    }
    if !extra.is_empty() && !is_again {
        out.insert("refresh_extra".to_owned(), Value::Object(extra));
    }
    let address =
        |name: &str| call.get(name).and_then(text).map(|text| expression::template(&text));
    if let Some(url) = address("url").transpose()? {
        let base = address("baseUrl").transpose()?.unwrap_or_else(|| context.root.to_owned());
        let whole =
            if url.starts_with('/') { format!("{}{url}", base.trim_end_matches('/')) } else { url };
        if out.get("token_url").and_then(Value::as_str) != Some(whole.as_str()) {
            out.insert("refresh_url".to_owned(), whole.into());
        }
    }
    Ok(())
}

/// One argument of a refresh call: what the hub sends by itself, a further member of the body, or
/// something that it would not send so.
fn refresh_arg(
    arg: &Value,
    out: &Map<String, Value>,
    extra: &mut Map<String, Value>,
) -> Result<(), String> {
    let name = arg.get("name").and_then(text).ok_or("its refresh call has a nameless argument")?;
    let shown = escaped(&name, 64);
    let refused = || Err(format!("its refresh call sends `{shown}` as hubctl does not"));
    if arg.get("condition").is_some_and(|condition| !condition.is_null()) {
        return refused();
    }
    let value = arg.get("value").and_then(text).unwrap_or_default();
    let only = expression::only_credential(&value);
    let names = |keys: &[&str]| only.as_deref().is_some_and(|only| keys.contains(&only));
    let is_own = match arg.get("in").and_then(Value::as_str) {
        Some("headers") => match name.to_ascii_lowercase().as_str() {
            "content-type" => {
                let written = out.get("token_content_type").and_then(Value::as_str);
                content_type(&value).is_ok_and(|kind| kind == written.unwrap_or(FORM))
            }
            "accept" => value.contains("json") || value.contains("*/*"),
            _ => false,
        },
        Some("body") => match name.as_str() {
            "grant_type" => true,
            "refresh_token" => names(&["refreshToken", "refresh_token"]),
            "client_id" => names(&["clientId", "client_id"]),
            "client_secret" => names(&["clientSecret", "client_secret"]),
            _ => {
                extra.insert(name, expression::template(&value)?.into());
                true
            }
        },
        _ => false,
    };
    if is_own { Ok(()) } else { refused() }
}

/// The client's own Basic header is the one way to sign a refresh that the hub has besides members.
fn refresh_client(own: &Value) -> Result<(), String> {
    let is = |member: &str, keys: [&str; 2]| {
        let only = own.get(member).and_then(text);
        let only = only.and_then(|text| expression::only_credential(&text));
        only.is_some_and(|only| keys.contains(&only.as_str()))
    };
    let is_client = own.get("type").and_then(Value::as_str) == Some("basic")
        && is("username", ["clientId", "client_id"])
        && is("password", ["clientSecret", "client_secret"]);
    if is_client {
        Ok(())
    } else {
        Err("its refresh call is signed in a way of its own".to_owned())
    }
}
