//! Tokens and assertions that the hub signs itself, and client certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hubctl::domain::provider_failure::Class;
use hubctl::net;
use hubctl::provider::{Options, Provider, Request};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::Digest as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{connector, now, provider, target, values};
use crate::support::http::{FakeHub, Reply};

const RSA: (&str, &str) = (include_str!("testdata/rsa.key"), include_str!("testdata/rsa.pub"));
const EC: (&str, &str) = (include_str!("testdata/ec.key"), include_str!("testdata/ec.pub"));
const CLIENT: (&str, &str) =
    (include_str!("testdata/client.pem"), include_str!("testdata/client.key"));

/// The bearer token of a call signed by a made token.
fn token(jwt: &Value, given: &[(&str, &str)]) -> Result<String, (Class, String)> {
    let method = json!({
        "type": "custom", "jwt": jwt, "authorization": {"type": "bearer", "token": "${jwt}"}
    });
    let acme = connector("https://api.example", &method, &Value::Null);
    let values = values(given);
    let mut request = Request::new(http::Method::GET, "https://api.example/x".parse().unwrap());
    let signed = provider().sign(target(&acme, &values), &mut request, now());
    signed.map_err(|failure| (failure.class, failure.message))?;
    let header = request.headers["authorization"].to_str().unwrap();
    Ok(header.strip_prefix("Bearer ").unwrap().to_owned())
}

fn claims(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Value {
    let mut validation = Validation::new(algorithm);
    // The instant of the tests is a fixed one.
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode::<Value>(token, key, &validation).unwrap().claims
}

#[test]
fn tokens_are_signed_by_each_algorithm() {
    let rsa = || DecodingKey::from_rsa_pem(RSA.1.as_bytes()).unwrap();
    let ec = DecodingKey::from_ec_pem(EC.1.as_bytes()).unwrap();
    for (alg, algorithm, key, check) in [
        ("HS256", Algorithm::HS256, "s3cret", DecodingKey::from_secret(b"s3cret")),
        ("RS256", Algorithm::RS256, RSA.0, rsa()),
        ("PS256", Algorithm::PS256, RSA.0, rsa()),
        ("ES256", Algorithm::ES256, EC.0, ec),
    ] {
        let member = if alg == "HS256" { "secret" } else { "private_key" };
        let jwt = json!({
            "alg": alg, member: "${api_key}", "expires_in": 300, "header": {"kid": "${company}"},
            "claims": {"iss": "${company}", "scope": ["a"], "aud": "https://x.example"}
        });
        let token = token(&jwt, &[("api_key", key), ("company", "acme")]).unwrap();
        assert_eq!(jsonwebtoken::decode_header(&token).unwrap().kid.as_deref(), Some("acme"));
        let claims = claims(&token, &check, algorithm);
        assert_eq!((&claims["iss"], &claims["scope"]), (&json!("acme"), &json!(["a"])));
        let iat = claims["iat"].as_i64().unwrap();
        assert_eq!(claims["exp"].as_i64().unwrap() - iat, 300);
        assert!((0..=60).contains(&(now().as_millis() / 1000 - iat)));
    }
}

#[test]
fn a_key_may_be_pasted_with_its_lines_lost_or_inside_json() {
    let jwt =
        |key: &str| json!({"alg": "RS256", "private_key": key, "claims": {}, "expires_in": 60});
    let check = DecodingKey::from_rsa_pem(RSA.1.as_bytes()).unwrap();
    for pasted in
        [RSA.0.replace('\n', " "), RSA.0.replace('\n', "\\n"), RSA.0.replace('\n', "\r\n")]
    {
        let token = token(&jwt("${api_key}"), &[("api_key", &pasted)]).unwrap();
        claims(&token, &check, Algorithm::RS256);
    }
    let account = json!({"private_key": RSA.0}).to_string();
    let token = token(&jwt("${api_key}.private_key"), &[("api_key", &account)]).unwrap();
    claims(&token, &check, Algorithm::RS256);
}

#[test]
fn a_key_that_can_not_be_used_is_told_without_repeating_it() {
    let jwt = json!({"alg": "RS256", "private_key": "${api_key}", "claims": {}, "expires_in": 60});
    for bad in ["hunter2", EC.0, CLIENT.0, &RSA.0[..400]] {
        let (class, message) = token(&jwt, &[("api_key", bad)]).unwrap_err();
        assert_eq!(class, Class::Refused);
        assert!(message.contains("the private key can't be used"), "{message}");
    }
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    let (_, message) = token(&jwt, &[("api_key", locked)]).unwrap_err();
    assert!(message.contains("has a password"), "{message}");
    assert_eq!(token(&jwt, &[]).unwrap_err().0, Class::Refused);
}

#[test]
fn the_thumbprint_of_a_certificate_is_made_for_the_header() {
    let jwt = json!({
        "alg": "RS256", "private_key": "${api_key}", "header": {"x5t": "${company}"}, "claims": {},
        "expires_in": 60
    });
    let token = token(&jwt, &[("api_key", RSA.0), ("company", CLIENT.0)]).unwrap();
    let der = CertificateDer::from_pem_slice(CLIENT.0.as_bytes()).unwrap();
    let expected =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha1::Sha1::digest(&der));
    assert_eq!(jsonwebtoken::decode_header(&token).unwrap().x5t, Some(expected));
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

#[tokio::test]
async fn an_assertion_is_signed_as_xml_wants_it() {
    let hub =
        FakeHub::start(|_, _| Reply::json(200, &json!({"access_token": "at", "expires_in": 9})));
    let call = json!({
        "method": "POST", "url": format!("{}/token", hub.url()), "token_path": "access_token",
        "content_type": "application/x-www-form-urlencoded",
        "body": {"assertion": "${saml_assertion}"},
        "saml_assertion": {
            "issuer": "${company}", "name_id": "<admin> & co", "audience": "www.successfactors.com",
            "recipient": "https://api.example/token", "attributes": {"api_key": "${company}"},
            "private_key": "${api_key}"
        }
    });
    let method = json!({
        "type": "custom", "token_request": call,
        "authorization": {"type": "bearer", "token": "${access_token}"}
    });
    let acme = connector(&hub.url(), &method, &Value::Null);
    let given = values(&[("api_key", RSA.0), ("company", "key-1")]);
    provider().obtain(target(&acme, &given), now()).await.unwrap();
    let body = hub.asked()[0].body.clone();
    let assertion = url::form_urlencoded::parse(&body).next().unwrap().1.into_owned();
    let xml = String::from_utf8(STANDARD.decode(assertion).unwrap()).unwrap();
    assert!(xml.contains("<saml2:Issuer>key-1</saml2:Issuer>"), "{xml}");
    assert!(xml.contains(">&lt;admin&gt; &amp; co</saml2:NameID>"), "{xml}");
    assert!(xml.contains("NotOnOrAfter=\"2026-06-01T09:10:00.000Z\""), "{xml}");
    // The digest is that of the assertion without its signature.
    let (head, rest) = xml.split_once("<ds:Signature ").unwrap();
    let (signature, tail) = rest.split_once("</ds:Signature>").unwrap();
    let digest = STANDARD.encode(sha2::Sha256::digest(format!("{head}{tail}")));
    assert_eq!(between(signature, "<ds:DigestValue>", "</ds:DigestValue>"), digest);
    // The signature is over the canonical form of what names the digest.
    let info = between(signature, "<ds:SignedInfo>", "</ds:SignedInfo>");
    let namespace = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
    let info = format!("<ds:SignedInfo {namespace}>{info}</ds:SignedInfo>");
    let value = between(signature, "<ds:SignatureValue>", "</ds:SignatureValue>");
    let value = value.replace('+', "-").replace('/', "_").replace('=', "");
    let key = DecodingKey::from_rsa_pem(RSA.1.as_bytes()).unwrap();
    let checked = jsonwebtoken::crypto::verify(&value, info.as_bytes(), &key, Algorithm::RS256);
    assert!(checked.unwrap());
}

/// Stands for this machine, whatever the name.
struct Here;

impl reqwest::dns::Resolve for Here {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let found = [SocketAddr::from(([127, 0, 0, 1], 0))];
        Box::pin(async move { Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs) })
    }
}

fn server_data(name: &str) -> String {
    format!("{}/tests/it/server/testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A server that talks only to those who show the certificate of the tests.
async fn strict_server() -> SocketAddr {
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CLIENT.0.as_bytes()).unwrap()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::clone(&crypto),
    );
    let chain = vec![CertificateDer::from_pem_file(server_data("one.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(server_data("one.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut got = Vec::new();
                while !got.ends_with(b"\r\n\r\n") {
                    got.push(stream.read_u8().await.unwrap());
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
                _ = stream.shutdown().await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_the_method_has_one() {
    let address = strict_server().await;
    let net = net::Options {
        ca_file: Some(server_data("one.pem").into()),
        resolver: Some(Arc::new(Here)),
        ..net::Options::default()
    };
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    let provider =
        Provider::new(Options { net, allowed, ..Options::default() }, Arc::new(super::draw));
    let base = format!("https://localhost:{}", address.port());
    let light = json!({"method": "GET", "path": "/me"});
    let mtls = json!({"mtls": {"certificate": "${company}", "private_key": "${api_key}"}});
    let acme = connector(&base, &mtls, &light);
    let good = values(&[("company", CLIENT.0), ("api_key", CLIENT.1)]);
    // The authorization holds the key too, which no header can carry.
    let none = json!({"type": "header", "header": {"X-A": "b"}});
    let mut acme = acme;
    acme.auth[0].authorization = serde_json::from_value(none).unwrap();
    for _ in 0..2 {
        assert_eq!(provider.verify(target(&acme, &good), now()).await, Ok(true));
    }
    let foreign = values(&[("company", CLIENT.0), ("api_key", EC.0)]);
    let failure = provider.verify(target(&acme, &foreign), now()).await.unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("net.bad_identity"), "{failure:?}");
    acme.auth[0].mtls = None;
    let failure = provider.verify(target(&acme, &good), now()).await.unwrap_err();
    assert_eq!(failure.class, Class::Transient, "{failure:?}");
}

#[tokio::test]
async fn a_certificate_that_can_not_be_trusted_is_told() {
    let address = strict_server().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/provider/testdata");
    let net = net::Options {
        ca_file: Some(format!("{folder}/client.pem").into()),
        resolver: Some(Arc::new(Here)),
        ..net::Options::default()
    };
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    let provider =
        Provider::new(Options { net, allowed, ..Options::default() }, Arc::new(super::draw));
    let base = format!("https://localhost:{}", address.port());
    let acme = connector(&base, &json!({}), &json!({"method": "GET", "path": "/me"}));
    let given = values(&[("api_key", "k")]);
    let failure = provider.verify(target(&acme, &given), now()).await.unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    assert!(failure.message.contains("can't be trusted"), "{}", failure.message);
}
