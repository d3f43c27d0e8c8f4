//! Signatures by an HMAC over the lines of a call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Digest as _;
use url::Url;

use super::aws4::{hex, host};
use crate::domain::connector::address::encoded;
use crate::domain::time::Timestamp;

/// The present as RFC 2822 writes it, in UTC.
#[must_use]
pub fn rfc2822(now: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    instant.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// The present as ISO 8601 writes it, in UTC.
#[must_use]
pub fn iso8601(now: Timestamp) -> String {
    now.to_string()
}

/// Duo's signature: an HMAC with SHA-1 over the named lines, in hexadecimal digits. `members` are
/// those of the query, or of the form that is posted.
#[must_use]
pub fn duo(
    lines: &[String],
    joiner: &str,
    date: &str,
    verb: &str,
    url: &Url,
    members: &[(String, String)],
    secret: &str,
) -> String {
    let mut members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    members.sort_unstable();
    let line = |name: &String| match name.as_str() {
        "date" => date.to_owned(),
        "method" => verb.to_uppercase(),
        "host" => host(url).to_lowercase(),
        "path" => url.path().to_owned(),
        "params" => members.join("&"),
        other => other.to_owned(),
    };
    let text = lines.iter().map(line).collect::<Vec<_>>().join(joiner);
    hex(&mac("sha1", secret, text.as_bytes()))
}

/// What the common HMAC signs.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The HTTP method.
    pub verb: &'a str,
    /// The address with its query.
    pub url: &'a Url,
    /// The date as its header says it.
    pub date: &'a str,
    /// The body, where a hash of it is signed.
    pub body: Option<&'a [u8]>,
    /// Whether the host is signed.
    pub with_host: bool,
}

/// Method, path with query, date, host and hash of the body, a line each, under an HMAC; in Base64.
#[must_use]
pub fn common(algorithm: &str, secret: &str, call: &Call<'_>) -> String {
    let query = call.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut lines =
        vec![call.verb.to_uppercase(), format!("{}{query}", call.url.path()), call.date.to_owned()];
    if call.with_host {
        lines.push(host(call.url));
    }
    lines.extend(call.body.map(|body| hash(algorithm, body)));
    STANDARD.encode(mac(algorithm, secret, lines.join("\n").as_bytes()))
}

fn hash(algorithm: &str, body: &[u8]) -> String {
    match algorithm {
        "sha1" => hex(&sha1::Sha1::digest(body)),
        "sha384" => hex(&sha2::Sha384::digest(body)),
        "sha512" => hex(&sha2::Sha512::digest(body)),
        _ => hex(&sha2::Sha256::digest(body)),
    }
}

/// An HMAC by the name of its hash; the validator knows the names.
#[must_use]
pub fn mac(algorithm: &str, secret: &str, text: &[u8]) -> Vec<u8> {
    match algorithm {
        "sha1" => one::<Hmac<sha1::Sha1>>(secret, text),
        "sha384" => one::<Hmac<sha2::Sha384>>(secret, text),
        "sha512" => one::<Hmac<sha2::Sha512>>(secret, text),
        _ => one::<Hmac<sha2::Sha256>>(secret, text),
    }
}

fn one<M: Mac + KeyInit>(secret: &str, text: &[u8]) -> Vec<u8> {
    // An HMAC takes keys of any length.
    <M as KeyInit>::new_from_slice(secret.as_bytes())
        .map_or_else(|_| Vec::new(), |mac| mac.chain_update(text).finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::{Call, Timestamp, common, duo, hex, iso8601, mac, rfc2822};

    /// The example of Duo's Admin API pages.
    #[test]
    fn duos_own_example() {
        let lines = ["date", "method", "host", "path", "params"].map(str::to_owned);
        let url = "https://api-XXXXXXXX.duosecurity.com/accounts/v1/account/list".parse().unwrap();
        let members = [
            ("username".to_owned(), "root".to_owned()),
            ("realname".to_owned(), "First Last".to_owned()),
        ];
        let signature = duo(
            &lines,
            "\n",
            "Tue, 21 Aug 2012 17:29:18 -0000",
            "post",
            &url,
            &members,
            "Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep",
        );
        assert_eq!(signature, "2d97d6166319781b5a3a07af39d366f491234edc");
    }

    /// RFC 2202 and RFC 4231, second cases.
    #[test]
    fn the_macs_of_the_rfcs() {
        let of = |algorithm| hex(&mac(algorithm, "Jefe", b"what do ya want for nothing?"));
        assert_eq!(of("sha1"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            of("sha256"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(of("sha384").starts_with("af45d2e376484031617f78d2b58a6b1b"));
        assert!(of("sha512").starts_with("164b7a7bfcf819e2e395fbe73b56e0a3"));
    }

    #[test]
    fn the_common_mac_covers_what_it_says() {
        let url = "https://a.example/x?y=1".parse().unwrap();
        let call = Call { verb: "get", url: &url, date: "d", body: None, with_host: false };
        let plain = common("sha256", "s", &call);
        assert_eq!(plain.len(), 44);
        let others = [
            common("sha256", "t", &call),
            common("sha512", "s", &call),
            common("sha256", "s", &Call { date: "e", ..call }),
            common("sha256", "s", &Call { with_host: true, ..call }),
            common("sha256", "s", &Call { body: Some(b""), ..call }),
            common("sha256", "s", &Call { verb: "post", ..call }),
        ];
        assert!(others.iter().all(|other| *other != plain));
    }

    #[test]
    fn dates_are_in_utc() {
        let now: Timestamp = "2026-06-01T09:00:00Z".parse().unwrap();
        assert_eq!(rfc2822(now), "Mon, 01 Jun 2026 09:00:00 +0000");
        assert_eq!(iso8601(now), "2026-06-01T09:00:00.000Z");
    }
}
