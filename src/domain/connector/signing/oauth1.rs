//! OAuth 1.0a: the signature over a call (RFC 5849, section 3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use url::Url;

use super::OAuth1Signature;
use crate::domain::connector::address::{decoded, encoded};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The application's key.
    pub consumer_key: &'a str,
    /// The application's secret.
    pub consumer_secret: &'a str,
    /// The token and its secret, once there is one.
    pub token: Option<(&'a str, &'a str)>,
    /// The algorithm.
    pub method: OAuth1Signature,
    /// The realm of the header; it is not signed.
    pub realm: Option<&'a str>,
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The HTTP method.
    pub verb: &'a str,
    /// The address with its query.
    pub url: &'a Url,
    /// The members of the body, where it is a form.
    pub form: &'a [(String, String)],
    /// Members of the header beyond the standard ones: `oauth_callback`, `oauth_verifier`.
    pub extra: &'a [(&'a str, &'a str)],
    /// A word that is never used twice.
    pub nonce: &'a str,
    /// The present.
    pub now: Timestamp,
}

/// The value of `Authorization`.
#[must_use]
pub fn header(keys: &Keys<'_>, call: &Call<'_>) -> Secret {
    let algorithm = match keys.method {
        OAuth1Signature::HmacSha1 => "HMAC-SHA1",
        OAuth1Signature::HmacSha256 => "HMAC-SHA256",
    };
    let seconds = call.now.as_millis().div_euclid(1000).to_string();
    let mut own = vec![
        ("oauth_consumer_key", keys.consumer_key),
        ("oauth_nonce", call.nonce),
        ("oauth_signature_method", algorithm),
        ("oauth_timestamp", seconds.as_str()),
        ("oauth_version", "1.0"),
    ];
    own.extend(keys.token.map(|(token, _)| ("oauth_token", token)));
    own.extend(call.extra.iter().copied());
    let base = base_string(call, &own);
    let key = format!(
        "{}&{}",
        encoded(keys.consumer_secret),
        encoded(keys.token.map(|(_, secret)| secret).unwrap_or_default())
    );
    let signature = match keys.method {
        OAuth1Signature::HmacSha1 => mac::<Hmac<sha1::Sha1>>(&key, &base),
        OAuth1Signature::HmacSha256 => mac::<Hmac<sha2::Sha256>>(&key, &base),
    };
    own.push(("oauth_signature", &signature));
    own.sort_unstable();
    let realm = keys.realm.map(|realm| {
        let quoted: String = realm.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
        format!("realm=\"{quoted}\"")
    });
    let members = own.iter().map(|(name, value)| format!("{name}=\"{}\"", encoded(value)));
    Secret::new(format!(
        "OAuth {}",
        realm.into_iter().chain(members).collect::<Vec<_>>().join(", ")
    ))
}

fn mac<M: Mac + KeyInit>(key: &str, text: &str) -> String {
    // An HMAC takes keys of any length.
    <M as KeyInit>::new_from_slice(key.as_bytes()).map_or_else(
        |_| String::new(),
        |mac| STANDARD.encode(mac.chain_update(text.as_bytes()).finalize().into_bytes()),
    )
}

/// Method, address and all members, each encoded, in order (section 3.4.1).
fn base_string(call: &Call<'_>, own: &[(&str, &str)]) -> String {
    let form_value = |text: &str| decoded(&text.replace('+', " "));
    let query = call.url.query().unwrap_or_default();
    let mut members: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(&form_value(name)), encoded(&form_value(value))))
        .collect();
    members.extend(call.form.iter().map(|(name, value)| (encoded(name), encoded(value))));
    members.extend(own.iter().map(|(name, value)| (encoded(name), encoded(value))));
    members.sort_unstable();
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut place = call.url.clone();
    place.set_query(None);
    place.set_fragment(None);
    format!(
        "{}&{}&{}",
        call.verb.to_uppercase(),
        encoded(place.as_str()),
        encoded(&members.join("&"))
    )
}

#[cfg(test)]
mod tests {
    use super::{Call, Keys, OAuth1Signature, Timestamp, base_string, header};

    /// RFC 5849, section 3.4.1.1.
    #[test]
    fn the_base_string_of_the_rfc() {
        let url = "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b".parse().unwrap();
        let form = [("c2".to_owned(), String::new()), ("a3".to_owned(), "2 q".to_owned())];
        let call = Call {
            verb: "POST",
            url: &url,
            form: &form,
            extra: &[],
            nonce: "7d8f3e4a",
            now: Timestamp::from_millis(137_131_201_000),
        };
        let own = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ];
        assert_eq!(
            base_string(&call, &own),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%2\
             53D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3\
             D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_t\
             oken%3Dkkk9d7dh3k39sjv7"
        );
    }

    /// The example of Twitter's "Creating a signature", which many libraries test with.
    #[test]
    fn a_known_signature() {
        let url = "https://api.twitter.com/1.1/statuses/update.json?include_entities=true"
            .parse()
            .unwrap();
        let status = "Hello Ladies + Gentlemen, a signed OAuth request!";
        let form = [("status".to_owned(), status.to_owned())];
        let keys = Keys {
            consumer_key: "xvz1evFS4wEEPTGEFPHBog",
            consumer_secret: "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
            token: Some((
                "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
                "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
            )),
            method: OAuth1Signature::HmacSha1,
            realm: None,
        };
        let call = Call {
            verb: "POST",
            url: &url,
            form: &form,
            extra: &[],
            nonce: "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
            now: Timestamp::from_millis(1_318_622_958_000),
        };
        let header = header(&keys, &call);
        let expected = "oauth_signature=\"hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D\"";
        assert!(header.expose().contains(expected), "{}", header.expose());
    }

    #[test]
    fn the_realm_comes_first_and_further_members_are_signed_too() {
        let url = "https://a.example/r".parse().unwrap();
        let keys = Keys {
            consumer_key: "k",
            consumer_secret: "s",
            token: None,
            method: OAuth1Signature::HmacSha256,
            realm: Some("A\"1"),
        };
        let call = |extra| Call {
            verb: "POST",
            url: &url,
            form: &[],
            extra,
            nonce: "n",
            now: Timestamp::from_millis(0),
        };
        let with = header(&keys, &call(&[("oauth_callback", "https://h.example/cb")]));
        let with = with.expose();
        assert!(with.starts_with("OAuth realm=\"A1\", oauth_callback=\"https%3A%2F%2Fh"), "{with}");
        assert!(with.contains("HMAC-SHA256"), "{with}");
        let signature = |text: &str| text.split("oauth_signature=").nth(1).map(str::to_owned);
        assert_ne!(signature(with), signature(header(&keys, &call(&[])).expose()));
    }
}
