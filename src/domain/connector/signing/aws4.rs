//! AWS Signature Version 4.

use std::fmt::Write as _;

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::domain::connector::address::{decoded, encoded};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// Who signs, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The key's id.
    pub access_key_id: &'a str,
    /// The key.
    pub secret_access_key: &'a str,
    /// The token of a temporary key.
    pub session_token: Option<&'a str>,
    /// The region.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
}

/// The headers that a call must carry, `authorization` the last.
#[must_use]
pub fn headers(
    keys: &Keys<'_>,
    verb: &str,
    url: &Url,
    body: &[u8],
    now: Timestamp,
) -> Vec<(&'static str, Secret)> {
    let stamp = stamp(now);
    let day = &stamp[..8];
    let payload = hex(&Sha256::digest(body));
    let host = host(url);
    let mut signed = vec![("host", host.as_str()), ("x-amz-date", stamp.as_str())];
    // Only this service wants to be told the hash; the others compute it.
    if keys.service == "s3" {
        signed.push(("x-amz-content-sha256", payload.as_str()));
    }
    signed.extend(keys.session_token.map(|token| ("x-amz-security-token", token)));
    signed.sort_unstable();
    let lines: String =
        signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let request =
        format!("{verb}\n{}\n{}\n{lines}\n{names}\n{payload}", path(url, keys.service), query(url));
    let scope = format!("{day}/{}/{}/aws4_request", keys.region, keys.service);
    let text =
        format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(request.as_bytes())));
    let first = mac(format!("AWS4{}", keys.secret_access_key).as_bytes(), day);
    let key =
        [keys.region, keys.service, "aws4_request"].iter().fold(first, |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &text));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.access_key_id
    );
    let mut out: Vec<_> = signed
        .into_iter()
        .filter(|(name, _)| *name != "host")
        .map(|(name, value)| (name, Secret::new(value)))
        .collect();
    out.push(("authorization", Secret::new(authorization)));
    out
}

/// `YYYYMMDDThhmmssZ`.
fn stamp(now: Timestamp) -> String {
    let text = now.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    format!("{}Z", seconds.replace(['-', ':'], ""))
}

/// The host as its header says it.
pub(crate) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Each segment encoded, once more than it travels but for S3.
fn path(url: &Url, service: &str) -> String {
    let segment = |text: &str| match service {
        "s3" => encoded(&decoded(text)),
        _ => encoded(&encoded(&decoded(text))),
    };
    url.path().split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn query(url: &Url) -> String {
    let text = url.query().unwrap_or_default();
    let mut members: Vec<(String, String)> = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(&decoded(name)), encoded(&decoded(value))))
        .collect();
    members.sort_unstable();
    members.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // An HMAC takes keys of any length.
    <Hmac<Sha256> as KeyInit>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mac| mac.chain_update(text.as_bytes()).finalize().into_bytes().to_vec(),
    )
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Keys, Timestamp, headers};

    fn signature(verb: &str, target: &str, service: &str, token: Option<&str>) -> String {
        let keys = Keys {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token: token,
            region: "us-east-1",
            service,
        };
        let now: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
        let url = format!("https://example.amazonaws.com{target}").parse().unwrap();
        let all = headers(&keys, verb, &url, b"", now);
        let (name, authorization) = all.last().unwrap();
        assert_eq!(*name, "authorization");
        authorization.expose().rsplit_once("Signature=").unwrap().1.to_owned()
    }

    /// The published test suite of the scheme.
    #[test]
    fn the_published_vectors() {
        for (verb, target, expected) in [
            ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "GET",
                "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789\
                 ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
            ),
        ] {
            assert_eq!(signature(verb, target, "service", None), expected, "{verb} {target}");
        }
    }

    #[test]
    fn a_temporary_key_signs_its_token() {
        assert_ne!(
            signature("GET", "/", "service", None),
            signature("GET", "/", "service", Some("token"))
        );
        assert_ne!(signature("GET", "/a%20b", "s3", None), signature("GET", "/a%20b", "x", None));
    }
}
