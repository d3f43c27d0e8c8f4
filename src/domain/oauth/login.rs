//! Where the browser is sent to log in (OA-2, OA-12).

use std::collections::BTreeMap;

use url::Url;

use crate::domain::connector::address::BadAddress;
use crate::domain::connector::filling::{Filling, Missing};
use crate::domain::connector::request::TokenRequest;
use crate::domain::connector::{AuthMethod, Template, address};
use crate::domain::credentials::Values;

/// What a login is begun with.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// Where the provider sends the browser back; see [`redirect_uri`].
    pub redirect_uri: &'a str,
    /// What the provider sends back with it.
    pub state: &'a str,
    /// What [`super::pkce::challenge`] gives, where PKCE is used.
    pub challenge: Option<&'a str>,
}

/// Why there is no address of a login.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLogin {
    /// The method has none.
    #[error("this method has no login in the browser")]
    NotOffered,
    /// A value is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The address can't be made.
    #[error(transparent)]
    Address(#[from] BadAddress),
}

/// Parameters that a definition can't replace, since they are the hub's own safety.
const OWN: [&str; 5] =
    ["state", "redirect_uri", "code_challenge", "code_challenge_method", "oauth_token"];

/// The address of the provider's page. For OAuth 1.0a the values hold the request token. `plain`
/// lets it be `http`, for networks that the operator named.
///
/// # Errors
/// When a value is missing or the address can't be made.
pub fn login_url(
    method: &AuthMethod,
    values: &Values,
    login: &Login<'_>,
    plain: bool,
) -> Result<Url, NoLogin> {
    let filling = Filling::new(method, values, plain);
    if let Some(TokenRequest::OAuth1(flow)) = &method.token_request {
        let mut url = filling.address(&flow.authorization_url)?;
        let token = filling.text(&Template::new("${oauth_token}"))?;
        let mut members = own_members(&filling, &flow.authorization_params)?;
        members.push(("oauth_token".to_owned(), token));
        address::set_query(&mut url, &members);
        return Ok(url);
    }
    let template = method.authorization_url.as_ref().ok_or(NoLogin::NotOffered)?;
    let mut url = filling.address(template)?;
    let mut members = vec![("response_type".to_owned(), "code".to_owned())];
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            members.push((name.to_owned(), value));
        }
    };
    let client_id = method.client_id_field().and_then(|field| filling.get(&field.key));
    add("client_id", client_id.unwrap_or_default());
    add("redirect_uri", login.redirect_uri.to_owned());
    add("scope", scope(&filling)?);
    add("state", login.state.to_owned());
    if let Some(challenge) = login.challenge {
        add("code_challenge", challenge.to_owned());
        add("code_challenge_method", "S256".to_owned());
    }
    for (name, value) in own_members(&filling, &method.authorization_params)? {
        members.retain(|(other, _)| *other != name);
        members.push((name, value));
    }
    // A page of one script keeps its route, and so its parameters, behind the `#`.
    if let Some(route) = url.fragment().map(str::to_owned) {
        let pairs: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{}={}", address::encoded(name), address::encoded(value)))
            .collect();
        let joint = if route.contains('?') { '&' } else { '?' };
        url.set_fragment(Some(&format!("{route}{joint}{}", pairs.join("&"))));
    } else {
        address::set_query(&mut url, &members);
    }
    Ok(url)
}

fn own_members(
    filling: &Filling<'_>,
    params: &BTreeMap<String, Template>,
) -> Result<Vec<(String, String)>, Missing> {
    filling.members(params.iter().filter(|(name, _)| !OWN.contains(&name.as_str())))
}

/// The scopes as one text: those that the administrator filled in, else the default ones; what the
/// connector needs is always among them. What the definition says is filled in.
///
/// # Errors
/// When a value that one of the definition's scopes names is missing.
pub fn scope(filling: &Filling<'_>) -> Result<String, Missing> {
    let method = filling.method();
    let separator = method.scope_separator();
    let filled = |scopes: &[String]| -> Result<Vec<String>, Missing> {
        scopes.iter().map(|scope| filling.text(&Template::new(scope.as_str()))).collect()
    };
    let given = method.scopes_field().and_then(|field| filling.get(&field.key));
    let mut scopes: Vec<String> = match given {
        Some(given) => {
            let separates = |c: char| c.is_whitespace() || separator.trim().contains(c);
            given.split(separates).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
        }
        None => filled(&method.default_scopes)?,
    };
    for needed in filled(&method.required_scopes)? {
        if !scopes.contains(&needed) {
            scopes.push(needed);
        }
    }
    scopes.retain(|scope| !scope.is_empty());
    Ok(scopes.join(separator))
}

/// The address of the callback: the hub's own, unless the definition names another.
///
/// # Errors
/// When a value is missing or the address can't be made.
pub fn redirect_uri(
    method: &AuthMethod,
    values: &Values,
    own: &str,
    plain: bool,
) -> Result<String, BadAddress> {
    match &method.redirect_uri {
        Some(other) => Filling::new(method, values, plain).address(other).map(Into::into),
        None => Ok(own.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{AuthMethod, Login, NoLogin, Values, login_url, redirect_uri};
    use crate::domain::connector::address::query_pairs;
    use crate::domain::secret::Secret;

    fn method(more: &Value) -> AuthMethod {
        let mut method = json!({
            "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth",
            "setup_fields": [
                {"key": "clientId", "label": "Id", "type": "text", "required": true},
                {"key": "tenant", "label": "Tenant", "type": "text"},
                {"key": "scopes", "label": "Scopes", "type": "text"}
            ],
            "authorization": {"type": "bearer", "token": "${access_token}"},
            "authorization_url": "https://login.example/authorize?keep=1"
        });
        for (name, value) in more.as_object().unwrap() {
            method[name] = value.clone();
        }
        serde_json::from_value(method).unwrap()
    }

    fn values(given: &[(&str, &str)]) -> Values {
        let mut values = Values::default();
        values.insert("clientId", Secret::new("id one"));
        for (name, value) in given {
            values.insert(*name, Secret::new(*value));
        }
        values
    }

    const LOGIN: Login<'static> = Login {
        redirect_uri: "https://hub.example/connect/oauth2/x/callback",
        state: "st",
        challenge: Some("ch"),
    };

    fn params(method: &AuthMethod, values: &Values) -> Vec<(String, String)> {
        query_pairs(login_url(method, values, &LOGIN, false).unwrap().query().unwrap())
    }

    fn param(method: &AuthMethod, values: &Values, name: &str) -> Option<String> {
        params(method, values).into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    #[test]
    fn oa_12_the_standard_parameters_are_all_there() {
        let method = method(&json!({"default_scopes": ["a", "b"], "required_scopes": ["b", "c"]}));
        let expected = [
            ("keep", "1"),
            ("response_type", "code"),
            ("client_id", "id one"),
            ("redirect_uri", LOGIN.redirect_uri),
            ("scope", "a b c"),
            ("state", "st"),
            ("code_challenge", "ch"),
            ("code_challenge_method", "S256"),
        ];
        let found = params(&method, &values(&[]));
        let found: Vec<_> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn scopes_of_the_administrator_replace_the_default_ones() {
        let method = method(&json!({"default_scopes": ["a"], "scope_separator": ","}));
        assert_eq!(param(&method, &values(&[("scopes", "x, y z")]), "scope").unwrap(), "x,y,z");
        assert_eq!(param(&method, &values(&[("scopes", "")]), "scope").unwrap(), "a");
        let none = self::method(&json!({}));
        assert_eq!(param(&none, &values(&[]), "scope"), None);
    }

    #[test]
    fn scopes_of_the_definition_are_filled_in() {
        let method = method(&json!({
            "default_scopes": ["https://${tenant}/read", "${tenant}"],
            "required_scopes": ["https://${tenant}/read", "of:${tenant}:me"]
        }));
        let found = param(&method, &values(&[("tenant", "t.example")]), "scope");
        assert_eq!(found.unwrap(), "https://t.example/read t.example of:t.example:me");
        let given = values(&[("tenant", "t.example"), ("scopes", "${tenant}")]);
        let found = param(&method, &given, "scope").unwrap();
        assert_eq!(found, "${tenant} https://t.example/read of:t.example:me");
        let method = self::method(&json!({"required_scopes": ["${unknown}"]}));
        let missing = login_url(&method, &values(&[]), &LOGIN, false);
        assert!(matches!(missing, Err(NoLogin::Missing(_))), "{missing:?}");
    }

    #[test]
    fn oa_10_a_definition_can_add_parameters_but_not_replace_state_or_callback() {
        let method = method(&json!({"authorization_params": {
            "state": "stackone", "redirect_uri": "https://evil.example", "code_challenge": "x",
            "tenant": "${tenant}", "prompt": "consent", "scope": "own", "response_type": "code id"
        }}));
        let values = values(&[]);
        assert_eq!(param(&method, &values, "state").unwrap(), "st");
        assert_eq!(param(&method, &values, "redirect_uri").unwrap(), LOGIN.redirect_uri);
        assert_eq!(param(&method, &values, "code_challenge").unwrap(), "ch");
        assert_eq!(param(&method, &values, "tenant"), None);
        assert_eq!(param(&method, &values, "prompt").unwrap(), "consent");
        assert_eq!(param(&method, &values, "scope").unwrap(), "own");
        assert_eq!(param(&method, &values, "response_type").unwrap(), "code id");
    }

    #[test]
    fn a_route_behind_the_hash_keeps_its_parameters_there() {
        let url = "https://app.apollo.io/#/oauth/authorize";
        let method = method(&json!({"authorization_url": url}));
        let login = Login { challenge: None, ..LOGIN };
        let url = login_url(&method, &values(&[]), &login, false).unwrap();
        assert_eq!(
            url.as_str(),
            "https://app.apollo.io/#/oauth/authorize?response_type=code&client_id=id%20one\
             &redirect_uri=https%3A%2F%2Fhub.example%2Fconnect%2Foauth2%2Fx%2Fcallback&state=st"
        );
    }

    #[test]
    fn oauth_1_sends_the_request_token() {
        let method = method(&json!({
            "type": "custom", "authorization_url": null,
            "token_request": {
                "request_token_url": "https://t.example/r", "access_token_url": "https://t.example/a",
                "authorization_url": "https://t.example/login",
                "authorization_params": {"name": "hubctl"}
            }
        }));
        let found = params(&method, &values(&[("oauth_token", "rt")]));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found, [pair("name", "hubctl"), pair("oauth_token", "rt")]);
        let missing = login_url(&method, &values(&[]), &LOGIN, false);
        assert!(matches!(missing, Err(NoLogin::Missing(_))), "{missing:?}");
    }

    #[test]
    fn the_callback_is_the_hubs_own_unless_the_definition_names_another() {
        let own = "https://hub.example/cb";
        let found = |method: &AuthMethod| redirect_uri(method, &values(&[]), own, false).unwrap();
        assert_eq!(found(&method(&json!({}))), own);
        let other = method(&json!({"redirect_uri": "https://other.example/cb"}));
        assert_eq!(found(&other), "https://other.example/cb");
    }
}
