//! The calls of token end points: their members and how the client shows who it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::domain::connector::filling::{Filling, Missing};
use crate::domain::connector::method::TokenAuth;
use crate::domain::connector::request::ContentType;
use crate::domain::secret::Secret;

use super::login;

/// What a token call asks for.
#[derive(Debug, Clone, Copy)]
pub enum Grant<'a> {
    /// The code that came back, for tokens.
    Code {
        /// The code.
        code: &'a Secret,
        /// The address that the login was begun with.
        redirect_uri: &'a str,
        /// The PKCE verifier, where one was used.
        verifier: Option<&'a Secret>,
    },
    /// An old token for a new one.
    Refresh {
        /// The refresh token.
        token: &'a str,
    },
    /// A token for the client itself.
    ClientCredentials,
}

/// A token call, ready to be sent to its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenCall {
    /// The value of `Authorization`, where the client shows itself there.
    pub authorization: Option<Secret>,
    /// How the body is written.
    pub content_type: &'static str,
    /// The body.
    pub body: Secret,
}

/// The call of a grant.
///
/// # Errors
/// When a value that it needs is missing.
pub fn standard(filling: &Filling<'_>, grant: &Grant<'_>) -> Result<TokenCall, Missing> {
    let mut members: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            members.push((name.to_owned(), value.to_owned()));
        }
    };
    match grant {
        Grant::Code { code, redirect_uri, verifier } => {
            add("grant_type", "authorization_code");
            add("code", code.expose());
            add("redirect_uri", redirect_uri);
            add("code_verifier", verifier.map(Secret::expose).unwrap_or_default());
        }
        Grant::Refresh { token } => {
            add("grant_type", "refresh_token");
            add("refresh_token", token);
        }
        Grant::ClientCredentials => {
            add("grant_type", "client_credentials");
            add("scope", &login::scope(filling)?);
        }
    }
    let method = filling.method();
    let refreshes = matches!(grant, Grant::Refresh { .. });
    let auth = if refreshes { method.refresh_auth() } else { method.token_auth_method };
    let authorization = client(filling, auth, &mut members)?;
    // A refresh is a grant of its own, which what is said of the first one does not replace.
    let is_own = |name: &str| refreshes && matches!(name, "grant_type" | "refresh_token");
    let extra = method.token_extra.iter().filter(|(name, _)| !is_own(name));
    let more = method.refresh_extra.iter().filter(|_| refreshes);
    for (name, template) in extra.chain(more) {
        let value = filling.text(template)?;
        members.retain(|(other, _)| other != name);
        if !value.is_empty() {
            members.push((name.clone(), value));
        }
    }
    Ok(written(authorization, members, method.token_content_type))
}

/// The call that asks to forget a token (RFC 7009).
///
/// # Errors
/// When a value that it needs is missing.
pub fn revocation(filling: &Filling<'_>, token: &str, hint: &str) -> Result<TokenCall, Missing> {
    let member = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut members = vec![member("token", token), member("token_type_hint", hint)];
    let authorization = client(filling, filling.method().token_auth_method, &mut members)?;
    Ok(written(authorization, members, Some(ContentType::Form)))
}

/// Shows who the client is: by a Basic header, or by members.
fn client(
    filling: &Filling<'_>,
    auth: Option<TokenAuth>,
    members: &mut Vec<(String, String)>,
) -> Result<Option<Secret>, Missing> {
    let method = filling.method();
    let field = method.client_id_field().ok_or_else(|| Missing("client_id".to_owned()))?;
    let id = filling.get(&field.key).ok_or_else(|| Missing(field.key.clone()))?;
    let secret = method.client_secret_field().and_then(|field| filling.get(&field.key));
    match (auth, secret) {
        (Some(TokenAuth::Basic), Some(secret)) => return Ok(Some(basic_of_client(&id, &secret))),
        (_, secret) => {
            members.push(("client_id".to_owned(), id));
            // A public client has none.
            members.extend(secret.map(|secret| ("client_secret".to_owned(), secret)));
        }
    }
    Ok(None)
}

fn written(
    authorization: Option<Secret>,
    members: Vec<(String, String)>,
    content_type: Option<ContentType>,
) -> TokenCall {
    let (content_type, body) = match content_type {
        Some(ContentType::Json) => {
            let object: Map<String, Value> =
                members.into_iter().map(|(name, value)| (name, value.into())).collect();
            (JSON, Value::Object(object).to_string())
        }
        Some(ContentType::Form) | None => (FORM, form(&members)),
    };
    TokenCall { authorization, content_type, body: Secret::new(body) }
}

/// How JSON is named in headers.
pub const JSON: &str = "application/json";
/// How a form is named in headers.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Members as a form.
#[must_use]
pub fn form(members: &[(String, String)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(members);
    out.finish()
}

/// Members of a body as a form; what is no text is written as JSON.
#[must_use]
pub fn form_of(object: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let members: Vec<_> = object.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    form(&members)
}

/// `Basic` of a client, whose parts are encoded first (RFC 6749, section 2.3.1).
fn basic_of_client(id: &str, secret: &str) -> Secret {
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    basic(&encoded(id), &encoded(secret))
}

/// `Basic` of a user and a password (RFC 7617).
#[must_use]
pub fn basic(user: &str, password: &str) -> Secret {
    Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{FORM, Filling, Grant, JSON, TokenCall, basic, revocation, standard};
    use crate::domain::connector::AuthMethod;
    use crate::domain::connector::address::query_pairs;
    use crate::domain::credentials::Values;
    use crate::domain::secret::Secret;

    fn method(more: &Value) -> AuthMethod {
        let mut method = json!({
            "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth",
            "setup_fields": [
                {"key": "client_id", "label": "Id", "type": "text", "required": true},
                {"key": "client_secret", "label": "Secret", "type": "password"}
            ],
            "authorization": {"type": "bearer", "token": "${access_token}"}
        });
        for (name, value) in more.as_object().unwrap() {
            method[name] = value.clone();
        }
        serde_json::from_value(method).unwrap()
    }

    fn values(secret: &str) -> Values {
        let mut values = Values::default();
        values.insert("client_id", Secret::new("my id"));
        values.insert("client_secret", Secret::new(secret));
        values
    }

    fn call(method: &AuthMethod, values: &Values, grant: &Grant<'_>) -> TokenCall {
        standard(&Filling::new(method, values, false), grant).unwrap()
    }

    fn members(call: &TokenCall) -> Vec<(String, String)> {
        let mut found = query_pairs(call.body.expose());
        found.sort();
        found
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_code_is_exchanged_with_everything_that_belongs_to_it() {
        let code = Secret::new("c/+");
        let verifier = Secret::new("v");
        let redirect_uri = "https://hub.example/cb";
        let grant = Grant::Code { code: &code, redirect_uri, verifier: Some(&verifier) };
        let sent = call(&method(&json!({})), &values("s&s"), &grant);
        assert_eq!(sent.content_type, FORM);
        assert_eq!(sent.authorization, None);
        assert_eq!(
            members(&sent),
            pairs(&[
                ("client_id", "my id"),
                ("client_secret", "s&s"),
                ("code", "c/+"),
                ("code_verifier", "v"),
                ("grant_type", "authorization_code"),
                ("redirect_uri", redirect_uri),
            ])
        );
    }

    #[test]
    fn a_basic_client_encodes_its_parts_first() {
        let method = method(&json!({"token_auth_method": "basic"}));
        let grant = Grant::Refresh { token: "old" };
        let sent = call(&method, &values("p:w %"), &grant);
        assert_eq!(sent.authorization, Some(basic("my+id", "p%3Aw+%25")));
        assert_eq!(
            members(&sent),
            pairs(&[("grant_type", "refresh_token"), ("refresh_token", "old")])
        );
        let public = call(&method, &values(""), &grant);
        assert_eq!(public.authorization, None);
        assert!(members(&public).contains(&("client_id".to_owned(), "my id".to_owned())));
    }

    #[test]
    fn members_of_the_definition_replace_the_standard_ones() {
        let method = method(&json!({
            "type": "oauth2_client_credentials", "default_scopes": ["a", "b"],
            "token_extra": {"grant_type": "account_credentials", "client_secret": "", "x": "y"},
            "token_content_type": "application/json"
        }));
        let sent = call(&method, &values("s"), &Grant::ClientCredentials);
        assert_eq!(sent.content_type, JSON);
        let body: Value = serde_json::from_str(sent.body.expose()).unwrap();
        assert_eq!(
            body,
            json!({"grant_type": "account_credentials", "scope": "a b", "client_id": "my id", "x": "y"})
        );
        let renewed = call(&method, &values("s"), &Grant::Refresh { token: "old" });
        let body: Value = serde_json::from_str(renewed.body.expose()).unwrap();
        assert_eq!(body["grant_type"], "refresh_token");
    }

    #[test]
    fn oa_13_a_refresh_has_members_and_a_client_of_its_own_where_the_definition_says() {
        let method = method(&json!({
            "token_auth_method": "post", "refresh_auth_method": "basic",
            "token_extra": {"type": "web_server", "user_type": "Location"},
            "refresh_extra": {"type": "refresh"}
        }));
        let code = Secret::new("c");
        let grant = Grant::Code { code: &code, redirect_uri: "https://h.example", verifier: None };
        let first = call(&method, &values("s"), &grant);
        assert_eq!(first.authorization, None);
        assert!(members(&first).contains(&("type".to_owned(), "web_server".to_owned())));
        let sent = call(&method, &values("s"), &Grant::Refresh { token: "old" });
        assert_eq!(sent.authorization, Some(basic("my+id", "s")));
        assert_eq!(
            members(&sent),
            pairs(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", "old"),
                ("type", "refresh"),
                ("user_type", "Location"),
            ])
        );
    }

    #[test]
    fn a_client_without_an_id_is_missed() {
        let none = Values::default();
        let method = method(&json!({}));
        let filling = Filling::new(&method, &none, false);
        assert_eq!(standard(&filling, &Grant::ClientCredentials).unwrap_err().0, "client_id");
    }

    #[test]
    fn at_20_a_revocation_names_the_token_and_the_client() {
        let method = method(&json!({"token_content_type": "application/json"}));
        let values = values("s");
        let filling = Filling::new(&method, &values, false);
        let sent = revocation(&filling, "old", "refresh_token").unwrap();
        assert_eq!(sent.content_type, FORM);
        assert_eq!(
            members(&sent),
            pairs(&[
                ("client_id", "my id"),
                ("client_secret", "s"),
                ("token", "old"),
                ("token_type_hint", "refresh_token"),
            ])
        );
    }
}
