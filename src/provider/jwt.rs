//! Tokens that the hub makes and signs, and the raw signatures that they and assertions rest on.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};
use sha1::Digest as _;

use super::failures;
use crate::domain::connector::filling::Filling;
use crate::domain::connector::signing::{Jwt, JwtAlgorithm};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// Clocks differ: a token is valid from a little before now.
const BACK_S: i64 = 10;

/// Makes and signs the token that a definition describes.
pub(super) fn make(
    filling: &Filling<'_>,
    jwt: &Jwt,
    now: Timestamp,
) -> Result<Secret, ProviderFailure> {
    let missing = |missing| failures::missing(filling.method(), &missing);
    let (name, algorithm, key) = match jwt.alg {
        JwtAlgorithm::Hs256 => ("HS256", Algorithm::HS256, &jwt.secret),
        JwtAlgorithm::Rs256 => ("RS256", Algorithm::RS256, &jwt.private_key),
        JwtAlgorithm::Ps256 => ("PS256", Algorithm::PS256, &jwt.private_key),
        JwtAlgorithm::Es256 => ("ES256", Algorithm::ES256, &jwt.private_key),
    };
    let key = key.as_ref().map(|template| filling.text(template)).transpose().map_err(missing)?;
    let key = Secret::new(key.unwrap_or_default());
    let mut header = Map::from_iter([
        ("alg".to_owned(), Value::from(name)),
        ("typ".to_owned(), Value::from("JWT")),
    ]);
    header.extend(filling.object(&jwt.header).map_err(missing)?);
    // The header wants the certificate's thumbprint; people have the certificate.
    if let Some(thumbprint) = header.get("x5t").and_then(Value::as_str).and_then(thumbprint) {
        header.insert("x5t".to_owned(), thumbprint.into());
    }
    let seconds = now.as_millis().div_euclid(1000) - BACK_S;
    let mut claims = filling.object(&jwt.claims).map_err(missing)?;
    claims.insert("iat".to_owned(), json!(seconds));
    // From `iat` on, since vendors compare both with the longest life that they allow.
    claims.insert("exp".to_owned(), json!(seconds + i64::from(jwt.expires_in)));
    let part = |object: Map<String, Value>| {
        URL_SAFE_NO_PAD.encode(Value::Object(object).to_string().as_bytes())
    };
    let text = format!("{}.{}", part(header), part(claims));
    let key = signing_key(algorithm, &key)?;
    let signature = sign(text.as_bytes(), &key, algorithm).map_err(|_| bad_key())?;
    Ok(Secret::new(format!("{text}.{signature}")))
}

/// The RSA signature with SHA-256 over a text, in Base64, as XML wants it.
pub(super) fn rsa_sha256(key: &Secret, text: &[u8]) -> Result<String, ProviderFailure> {
    let key = signing_key(Algorithm::RS256, key)?;
    let signature = sign(text, &key, Algorithm::RS256).map_err(|_| bad_key())?;
    let bytes = URL_SAFE_NO_PAD.decode(signature).map_err(|_| bad_key())?;
    Ok(STANDARD.encode(bytes))
}

fn signing_key(algorithm: Algorithm, key: &Secret) -> Result<EncodingKey, ProviderFailure> {
    let pem = tidy_pem(key);
    let text = pem.expose();
    if text.contains("ENCRYPTED") {
        let text = "the private key has a password: give it without one";
        return Err(ProviderFailure::new(Class::Refused, text));
    }
    let read = match algorithm {
        Algorithm::HS256 => return Ok(EncodingKey::from_secret(key.expose().as_bytes())),
        Algorithm::ES256 => EncodingKey::from_ec_pem(text.as_bytes()),
        _ => EncodingKey::from_rsa_pem(text.as_bytes()),
    };
    read.map_err(|_| bad_key())
}

fn bad_key() -> ProviderFailure {
    let text = "the private key can't be used: give the whole of it as PEM, of the kind that the \
                provider asks for";
    ProviderFailure::new(Class::Refused, text)
}

/// A PEM text with the line ends that pasting took away, or wrote as `\n`.
pub(super) fn tidy_pem(pem: &Secret) -> Secret {
    let text = pem.expose().replace("\\n", "\n").replace('\r', "");
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text.as_str();
    while let Some(start) = rest.find("-----BEGIN ") {
        let body = &rest[start + "-----BEGIN ".len()..];
        let Some((name, body)) = body.split_once("-----") else { break };
        let end = format!("-----END {name}-----");
        let Some((data, after)) = body.split_once(end.as_str()) else { break };
        out.push_str(&format!("-----BEGIN {name}-----\n"));
        let data: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        for line in data.chunks(64) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push('\n');
        }
        out.push_str(&end);
        out.push('\n');
        rest = after;
    }
    Secret::new(if out.is_empty() { text.clone() } else { out })
}

/// The SHA-1 thumbprint of a certificate (PEM), for `x5t`; `None` for what is no certificate.
fn thumbprint(text: &str) -> Option<String> {
    let (_, body) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = body.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.replace("\\n", "").split_whitespace().collect();
    let bytes = STANDARD.decode(body).ok()?;
    Some(URL_SAFE_NO_PAD.encode(sha1::Sha1::digest(bytes)))
}
