//! Every method of every built-in connector can be used up to the network, or says why not.

use std::collections::BTreeMap;
use std::sync::Arc;

use hubctl::catalog;
use hubctl::domain::connector::request::{CaptureFrom, TokenRequest};
use hubctl::domain::connector::{AuthMethod, Connector, Field, FieldKind, pattern};
use hubctl::domain::credentials::Values;
use hubctl::domain::oauth::login::{Login, login_url};
use hubctl::domain::oauth::pkce;
use hubctl::domain::provider_failure::{Class, ProviderFailure};
use hubctl::domain::secret::Secret;
use hubctl::net;
use hubctl::net::guard::NameUnknown;
use hubctl::provider::{Callback, Options, Provider, Request, Target};

use super::now;

const RSA_KEY: &str = include_str!("testdata/rsa.key");
const CERTIFICATE: &str = include_str!("testdata/client.pem");
const CERTIFICATE_KEY: &str = include_str!("testdata/client.key");

/// Knows no name at all, so that a call gets as far as it can without the world.
struct Nothing;

impl reqwest::dns::Resolve for Nothing {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err(NameUnknown.into()) })
    }
}

/// A provider for which no name means anything.
pub(super) fn offline() -> Provider {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/provider/testdata");
    let net = net::Options {
        ca_file: Some(format!("{folder}/client.pem").into()),
        resolver: Some(Arc::new(Nothing)),
        ..net::Options::default()
    };
    Provider::new(Options { net, ..Options::default() }, Arc::new(super::draw))
}

/// A value that a person could have filled in.
fn plausible(field: &Field, method: &AuthMethod) -> String {
    if let Some(option) = field.options.first() {
        return option.value.clone();
    }
    let needs_certificate = method.mtls.is_some();
    match field.key.as_str() {
        "private_key" if needs_certificate => return CERTIFICATE_KEY.to_owned(),
        "private_key" => return RSA_KEY.to_owned(),
        "certificate" | "x509_certificate" => return CERTIFICATE.to_owned(),
        "service_account_json" => {
            let account = serde_json::json!({
                "private_key": RSA_KEY, "client_email": "robot@acme.example"
            });
            return account.to_string();
        }
        _ => {}
    }
    let candidates = [
        field.default.as_deref().unwrap_or_default(),
        "acme",
        "acme.example.com",
        "https://acme.example.com",
        "https://acme.example.com/scim/v2",
        field.placeholder.as_str(),
        "12345",
        "ABC-123",
        "AC0123456789abcdef0123456789abcdef",
        "0190f3a2-7c1e-7aaa-8bbb-0123456789ab",
        "admin@acme.example.com",
    ];
    let fits = |value: &str| {
        !value.is_empty()
            && (field.kind != FieldKind::Number || value.bytes().all(|b| b.is_ascii_digit()))
            && field
                .pattern
                .as_ref()
                .is_none_or(|text| pattern::compile(text).unwrap().is_match(value))
    };
    let found = candidates.into_iter().find(|value| fits(value));
    found.unwrap_or_else(|| panic!("no value for {} {:?}", field.key, field.pattern)).to_owned()
}

/// Whether a value stands at the beginning of an address, and so is a whole one.
fn leads(connector: &Connector, method: &AuthMethod, name: &str) -> bool {
    let start = format!("${{{name}}}");
    let written =
        serde_json::to_string(&(method, connector.base_url_for(method), &connector.verify));
    let written = written.unwrap();
    ["", "/", "?"].iter().any(|after| {
        let text = format!("\"{start}{after}");
        written.contains(&if after.is_empty() { format!("{text}\"") } else { text })
    }) && [method.base_url.as_ref(), Some(&connector.base_url)]
        .into_iter()
        .flatten()
        .any(|base| base.as_str().starts_with(&start))
}

fn filled(method: &AuthMethod) -> Values {
    let mut values = Values::default();
    for field in method.fields() {
        values.insert(field.key.as_str(), Secret::new(plausible(field, method)));
    }
    values
}

fn learnt(connector: &Connector, method: &AuthMethod, values: &mut Values) {
    for item in &method.captured {
        let value = if leads(connector, method, &item.key) {
            "https://eu1.acme.example.com"
        } else {
            "acme"
        };
        values.insert(item.key.as_str(), Secret::new(value));
    }
    let uses_tokens = method.kind.is_oauth2() || method.token_request.is_some();
    if uses_tokens {
        values.insert("access_token", Secret::new("token-of-the-account"));
    }
}

/// Everything up to the network went well: only the name is unknown.
fn reached<T: std::fmt::Debug>(outcome: Result<T, ProviderFailure>) -> Result<(), String> {
    match outcome {
        Err(failure)
            if failure.class == Class::Transient && failure.message.contains("no machine") =>
        {
            Ok(())
        }
        other => Err(format!("{other:?}")),
    }
}

async fn try_method(connector: &Connector, method: &AuthMethod) -> Result<(), String> {
    let provider = offline();
    let mut values = filled(method);
    let before = Target { connector, method, values: &values };
    let code = Secret::new("code");
    let verifier = pkce::verifier(&[1; 32]);
    if let Some(TokenRequest::OAuth1(_)) = &method.token_request {
        reached(provider.request_token(before, "https://hub.example/cb", now()).await)?;
        values.insert("oauth_token", Secret::new("t"));
        values.insert("oauth_token_secret", Secret::new("s"));
    }
    let before = Target { connector, method, values: &values };
    if method.needs_browser() {
        let challenge = pkce::challenge(&verifier);
        let redirect_uri = "https://hub.example/connect/oauth2/x/callback";
        let login = Login { redirect_uri, state: "state", challenge: Some(&challenge) };
        let url = login_url(method, &values, &login, false).map_err(|error| error.to_string())?;
        if url.scheme() != "https" || !url.as_str().contains("state=state") {
            // OAuth 1.0a carries the state in the address of the callback.
            if !matches!(method.token_request, Some(TokenRequest::OAuth1(_))) {
                return Err(format!("bad login {url}"));
            }
        }
        let callback =
            Callback { code: &code, redirect_uri, verifier: Some(&verifier), query: &[] };
        reached(provider.exchange(before, callback, now()).await)?;
    } else {
        match provider.obtain(before, now()).await {
            Ok(None) if !method.kind.is_oauth2() && method.token_request.is_none() => {
                let learns =
                    method.captured.iter().any(|item| item.from != CaptureFrom::CallbackQuery);
                if learns {
                    return Err("learns from an answer that nobody asks for".to_owned());
                }
            }
            other => reached(other)?,
        }
    }
    learnt(connector, method, &mut values);
    if method.refresh {
        let mut values = values.clone();
        values.insert("refresh_token", Secret::new("old"));
        let target = Target { connector, method, values: &values };
        let answer = provider.refresh(target, now()).await;
        reached(answer.map_err(|unrenewed| unrenewed.failure))?;
    }
    let after = Target { connector, method, values: &values };
    let root = provider.root(after).map_err(|failure| format!("root: {failure:?}"))?;
    if root.scheme() != "https" || !provider.belongs(after, &root) {
        return Err(format!("bad root {root}"));
    }
    let mut request = Request::new(http::Method::POST, root);
    provider.sign(after, &mut request, now()).map_err(|failure| format!("sign: {failure:?}"))?;
    let carried = !request.headers.is_empty() || request.url.query().is_some();
    if !carried && request.body.is_none() {
        return Err("nothing is signed".to_owned());
    }
    match provider.verify(after, now()).await {
        Ok(false) if connector.verify_for(method).is_empty() => {}
        other => reached(other).map_err(|why| format!("verify: {why}"))?,
    }
    if method.revocation_url.is_some() {
        let outcomes = provider.revoke(after, now()).await;
        let told = outcomes
            .iter()
            .all(|one| one.outcome.as_ref().is_err_and(|why| why.contains("no machine")));
        if outcomes.is_empty() || !told {
            return Err(format!("revoke: {outcomes:?}"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_built_in_method_can_be_used_or_says_why_not() {
    let mut wrong = BTreeMap::new();
    let mut count = (0, 0);
    for entry in catalog::index() {
        let key = entry.key.parse().unwrap();
        let connector = catalog::get(&key).unwrap();
        for method in &connector.auth {
            if method.unavailable.is_some() {
                count.1 += 1;
                continue;
            }
            count.0 += 1;
            if let Err(why) = try_method(&connector, method).await {
                wrong.insert(format!("{}/{}", connector.key, method.key), why);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count.0 > 400 && count.1 > 0, "{count:?}");
}
