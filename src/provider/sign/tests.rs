//! Each scheme of signing, as it lands in a request.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::super::{Options, Provider, Request, Target};
use crate::domain::connector::Connector;
use crate::domain::credentials::Values;
use crate::domain::provider_failure::Class;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

fn connector(authorization: &Value, more: &Value) -> Connector {
    let mut method = json!({
        "key": "m", "type": "custom", "label": "M",
        "config_fields": [
            {"key": "key", "label": "Key", "type": "password", "required": true},
            {"key": "user", "label": "User", "type": "text"},
            {"key": "host", "label": "Host", "type": "text"}
        ],
        "authorization": authorization
    });
    for (name, value) in more.as_object().unwrap() {
        method[name] = value.clone();
    }
    serde_json::from_value(json!({
        "key": "acme", "name": "Acme", "base_url": "https://${host}/v1", "auth": [method],
        "headers": {"Accept": "application/json", "X-Version": "2", "X-User": "${user}"}
    }))
    .unwrap()
}

fn values(given: &[(&str, &str)]) -> Values {
    let mut values = Values::default();
    for (name, value) in given {
        values.insert(*name, Secret::new(*value));
    }
    values
}

fn provider() -> Provider {
    Provider::new(
        Options::default(),
        Arc::new(|bytes| {
            bytes.fill(7);
            Ok(())
        }),
    )
}

fn now() -> Timestamp {
    "2026-06-01T09:00:00Z".parse().unwrap()
}

/// Signs a request to `https://api.example/v1/x?y=1`.
fn signed(
    connector: &Connector,
    given: &[(&str, &str)],
    body: Option<(&str, &str)>,
) -> Result<Request, Class> {
    let values = values(given);
    let target = Target { connector, method: &connector.auth[0], values: &values };
    let url = "https://api.example/v1/x?y=1".parse().unwrap();
    let mut request = Request::new(Method::POST, url);
    if let Some((kind, text)) = body {
        request.set("content-type", kind).unwrap();
        request.body = Some(text.to_owned().into());
    }
    let outcome = provider().sign(target, &mut request, now());
    outcome.map(|()| request).map_err(|failure| failure.class)
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn basic_bearer_and_bare_tokens() {
    let basic = json!({"type": "basic", "username": "${key}", "password": "${user}"});
    let basic = connector(&basic, &json!({}));
    let request = signed(&basic, &[("key", "a"), ("user", "b")], None).unwrap();
    assert_eq!(header(&request, "authorization"), "Basic YTpi");
    let request = signed(&basic, &[("key", "a")], None).unwrap();
    assert_eq!(header(&request, "authorization"), "Basic YTo=");
    let bearer = connector(&json!({"type": "bearer", "token": "${key}"}), &json!({}));
    let request = signed(&bearer, &[("key", "t")], None).unwrap();
    assert_eq!(header(&request, "authorization"), "Bearer t");
    let bare = json!({"type": "bearer", "token": "${key}", "bare": true});
    let request = signed(&connector(&bare, &json!({})), &[("key", "t")], None).unwrap();
    assert_eq!(header(&request, "authorization"), "t");
}

#[test]
fn headers_of_the_connector_are_there_and_empty_ones_are_left_out() {
    let bearer = connector(
        &json!({"type": "bearer", "token": "${key}", "header": {"X-Org": "${user}"}}),
        &json!({}),
    );
    let request = signed(&bearer, &[("key", "t")], None).unwrap();
    assert_eq!(header(&request, "x-version"), "2");
    assert!(!request.headers.contains_key("x-user"));
    assert!(!request.headers.contains_key("x-org"));
    let request = signed(&bearer, &[("key", "t"), ("user", "u")], None).unwrap();
    assert_eq!((header(&request, "x-user"), header(&request, "x-org")), ("u", "u"));
}

#[test]
fn query_members_are_encoded_and_replace_the_callers() {
    let query = json!({"type": "query", "query": {"key": "${key}", "y": "${user}"}});
    let query = connector(&query, &json!({}));
    let request = signed(&query, &[("key", "a&b=c")], None).unwrap();
    assert_eq!(request.url.query(), Some("y=1&key=a%26b%3Dc"));
    let request = signed(&query, &[("key", "a"), ("user", "u")], None).unwrap();
    assert_eq!(request.url.query(), Some("key=a&y=u"));
}

#[test]
fn a_missing_value_is_told_and_nothing_is_sent() {
    let bearer = connector(&json!({"type": "bearer", "token": "${key}"}), &json!({}));
    assert_eq!(signed(&bearer, &[], None).unwrap_err(), Class::Configuration);
    let oauth =
        json!({"token_request": {"method": "POST", "url": "https://a.example", "token_path": "t"}});
    let oauth = connector(&json!({"type": "bearer", "token": "${access_token}"}), &oauth);
    assert_eq!(signed(&oauth, &[("key", "k")], None).unwrap_err(), Class::Refused);
}

#[test]
fn threat_21_a_credential_with_a_line_end_is_not_sent() {
    let bearer = connector(&json!({"type": "bearer", "token": "${key}"}), &json!({}));
    assert_eq!(signed(&bearer, &[("key", "a\r\nX: y")], None).unwrap_err(), Class::Configuration);
}

#[test]
fn credentials_go_into_the_body_at_any_depth() {
    let body = json!({"type": "body", "body": {"job": {"auth": {"key": "${key}"}}}});
    let of_body = connector(&body, &json!({}));
    let given = [("key", "k")];
    let text =
        |request: &Request| String::from_utf8(request.body.clone().unwrap().to_vec()).unwrap();
    let json_of = |request: &Request| serde_json::from_str::<Value>(&text(request)).unwrap();
    let whole = r#"{"job":{"type":"get","auth":{"key":"mine","x":1}}}"#;
    let request =
        signed(&of_body, &given, Some(("application/json; charset=utf-8", whole))).unwrap();
    assert_eq!(json_of(&request), json!({"job": {"type": "get", "auth": {"key": "k", "x": 1}}}));
    let request = signed(&of_body, &given, None).unwrap();
    assert_eq!(header(&request, "content-type"), "application/json");
    assert_eq!(json_of(&request), json!({"job": {"auth": {"key": "k"}}}));
    let form = ("application/x-www-form-urlencoded", "job=%7B%22type%22%3A%22get%22%7D&z=1");
    let request = signed(&of_body, &given, Some(form)).unwrap();
    let pairs: Vec<_> = url::form_urlencoded::parse(text(&request).as_bytes())
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    assert_eq!(pairs[0].0, "job");
    assert_eq!(
        serde_json::from_str::<Value>(&pairs[0].1).unwrap(),
        json!({"type": "get", "auth": {"key": "k"}})
    );
    for bad in [("application/json", "[1]"), ("application/json", "{"), ("text/xml", "<a/>")] {
        assert_eq!(signed(&of_body, &given, Some(bad)).unwrap_err(), Class::Configuration);
    }
}

#[test]
fn netsuites_sandboxes_are_called_by_one_name_and_signed_for_by_the_other() {
    let netsuite = crate::catalog::get(&"netsuite".parse().unwrap()).unwrap();
    let method = netsuite.auth_method(&"token_based".parse().unwrap()).unwrap();
    for (account, host, realm) in [
        ("1234567", "1234567", "1234567"),
        ("1234567_SB1", "1234567-sb1", "1234567_SB1"),
        ("1234567-sb1", "1234567-sb1", "1234567_SB1"),
        ("TSTDRV1234567", "tstdrv1234567", "TSTDRV1234567"),
    ] {
        let values = values(&[
            ("account_id", account),
            ("consumer_key", "ck"),
            ("consumer_secret", "cs"),
            ("token_id", "tk"),
            ("token_secret", "ts"),
        ]);
        let target = Target { connector: &netsuite, method, values: &values };
        let filling = provider().plain_filling(target);
        let root = filling.address(&netsuite.base_url).unwrap();
        let wanted = format!("https://{host}.suitetalk.api.netsuite.com/services/rest");
        assert_eq!(root.as_str(), wanted);
        let mut request = Request::new(Method::GET, root);
        provider().sign(target, &mut request, now()).unwrap();
        let value = header(&request, "authorization");
        let wanted = format!("OAuth realm=\"{realm}\", oauth_consumer_key=\"ck\"");
        assert!(value.starts_with(&wanted), "{value}");
    }
    // Logins and tokens go to the same host.
    let values = values(&[("account_id", "1234567_SB1")]);
    for method in &netsuite.auth {
        let target = Target { connector: &netsuite, method, values: &values };
        let filling = provider().plain_filling(target);
        for address in [&method.authorization_url, &method.token_url].into_iter().flatten() {
            let url = filling.address(address).unwrap();
            assert!(url.host_str().unwrap().starts_with("1234567-sb1."), "{url}");
        }
    }
}

#[test]
fn signatures_are_made_over_the_request() {
    let oauth1 = json!({
        "type": "oauth1", "consumer_key": "${key}", "consumer_secret": "${key}",
        "token": "${user}", "token_secret": "${user}", "realm": "${host}"
    });
    let oauth1 = connector(&oauth1, &json!({}));
    let given = [("key", "k"), ("user", "u"), ("host", "api.example")];
    let request = signed(&oauth1, &given, None).unwrap();
    let value = header(&request, "authorization");
    assert!(value.starts_with("OAuth realm=\"api.example\", oauth_consumer_key=\"k\""), "{value}");
    let aws = json!({"signature": {
        "scheme": "aws4", "service": "iam", "access_key_id": "${user}", "secret_access_key": "${key}"
    }});
    let aws = connector(&json!({"type": "signature"}), &aws);
    let request = signed(&aws, &given, Some(("application/json", "{}"))).unwrap();
    let value = header(&request, "authorization");
    let scope = "AWS4-HMAC-SHA256 Credential=u/20260601/us-east-1/iam/aws4_request";
    assert!(value.starts_with(scope), "{value}");
    assert_eq!(header(&request, "x-amz-date"), "20260601T090000Z");
    let hmac = json!({"signature": {"scheme": "hmac", "secret": "${key}"}});
    let hmac = connector(&json!({"type": "signature"}), &hmac);
    let request = signed(&hmac, &given, None).unwrap();
    assert!(header(&request, "x-signature").starts_with("hmac-sha256 "));
    assert_eq!(header(&request, "date"), "2026-06-01T09:00:00.000Z");
    let duo = json!({"signature": {
        "scheme": "duo_hmac_sha1", "string_to_sign": ["date", "method", "host", "path", "params"],
        "joiner": "\n", "date_header": "Date", "date_format": "RFC 2822", "username": "${user}",
        "secret": "${key}", "encoding": "hex", "carried_as": "basic password"
    }});
    let duo = connector(&json!({"type": "signature"}), &duo);
    let request = signed(&duo, &given, None).unwrap();
    assert_eq!(header(&request, "date"), "Mon, 01 Jun 2026 09:00:00 +0000");
    assert!(header(&request, "authorization").starts_with("Basic "));
}

#[test]
fn threat_17_only_the_connectors_own_addresses_belong() {
    let verify = json!({"verify": {"method": "GET", "path": "https://who.example/me"}});
    let acme = connector(&json!({"type": "bearer", "token": "${key}"}), &verify);
    let values = values(&[("key", "k"), ("host", "api.acme.example")]);
    let target = Target { connector: &acme, method: &acme.auth[0], values: &values };
    let provider = provider();
    let belongs = |url: &str| provider.belongs(target, &url.parse().unwrap());
    for own in [
        "https://api.acme.example/anything?x",
        "https://API.acme.EXAMPLE:443/",
        "https://who.example/other",
    ] {
        assert!(belongs(own), "{own}");
    }
    for foreign in [
        "http://api.acme.example/",
        "https://api.acme.example:8443/",
        "https://api.acme.example./",
        "https://api.acme.example.evil.example/",
        "https://evil.example/api.acme.example",
        "https://api.acme.example@evil.example/",
        "https://u@api.acme.example/",
        "https://u:p@api.acme.example/",
        "https://xn--pi-7ka.acme.example/",
        "https://acme.example/",
    ] {
        assert!(!belongs(foreign), "{foreign}");
    }
}
