//! Signatures of deliveries: the vendor's scheme (contract section 5) and Standard Webhooks, made
//! and checked.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// Header of the vendor's scheme.
pub const SIGNATURE: &str = "x-stackone-signature";
/// Headers of Standard Webhooks.
pub const STANDARD_ID: &str = "webhook-id";
/// When the attempt was made, in seconds since 1970.
pub const STANDARD_TIMESTAMP: &str = "webhook-timestamp";
/// Signatures with spaces between them.
pub const STANDARD_SIGNATURE: &str = "webhook-signature";

/// How far the time of a signed attempt may lie from the present, in seconds.
pub const TOLERANCE_S: i64 = 300;
/// What the secrets made here begin with.
pub const PREFIX: &str = "whsec_";
/// Random bytes of a secret.
pub const SECRET_BYTES: usize = 32;
/// Shortest and longest secret, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=256;

/// The text can't be a signing secret. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret has 16 to 256 visible ASCII characters")]
pub struct BadSecret;

/// A signing secret. Its characters are the key of the vendor's scheme; what they say in Base64
/// behind the prefix is the key of Standard Webhooks.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Secret);

impl SigningSecret {
    /// A secret made of random bytes.
    #[must_use]
    pub fn mint(random: &[u8; SECRET_BYTES]) -> Self {
        let encoded = Zeroizing::new(STANDARD.encode(random));
        Self(Secret::new(format!("{PREFIX}{}", encoded.as_str())))
    }

    /// A secret that somebody has already.
    ///
    /// # Errors
    /// [`BadSecret`].
    pub fn parse(secret: Secret) -> Result<Self, BadSecret> {
        let text = secret.expose();
        let fine = LENGTHS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fine { Ok(Self(secret)) } else { Err(BadSecret) }
    }

    /// The text: for its owner, for sealing, and nothing else.
    #[must_use]
    pub const fn text(&self) -> &Secret {
        &self.0
    }

    /// Section 5: HMAC-SHA-256 of the body under the secret's characters, in base64url.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(mac(self.0.expose().as_bytes(), &[body]))
    }

    /// Standard Webhooks: `v1,` and the signature of id, time and body.
    #[must_use]
    pub fn sign_standard(&self, id: &str, at_s: i64, body: &[u8]) -> String {
        let signed = mac(&self.standard_key(), &[format!("{id}.{at_s}.").as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(signed))
    }

    /// A secret of another kind is its own key.
    fn standard_key(&self) -> Zeroizing<Vec<u8>> {
        let text = self.0.expose();
        let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
        Zeroizing::new(STANDARD.decode(encoded).unwrap_or_else(|_| text.as_bytes().to_vec()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(..)")
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC hashes a long key and fills a short one with zeros; done here, no length is refused.
    let mut block = Zeroizing::new([0; 64]);
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// What came with a body to prove where it is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Of the vendor's scheme.
    pub signature: Option<String>,
    /// Of Standard Webhooks: id, time and signatures.
    pub id: Option<String>,
    /// See `id`.
    pub timestamp: Option<String>,
    /// See `id`.
    pub signatures: Option<String>,
}

impl Claims {
    /// Takes a header into account; others than the four are passed over.
    pub fn header(&mut self, name: &str, value: &str) {
        let slot = match name.trim().to_ascii_lowercase().as_str() {
            SIGNATURE => &mut self.signature,
            STANDARD_ID => &mut self.id,
            STANDARD_TIMESTAMP => &mut self.timestamp,
            STANDARD_SIGNATURE => &mut self.signatures,
            _ => return,
        };
        *slot = Some(value.trim().to_owned());
    }
}

/// Why a body is not what it claims to be (threat 29).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// There is no signature.
    #[error("there is no signature to check")]
    Nothing,
    /// A part of the Standard Webhooks headers is missing.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// The time is no number.
    #[error("the header webhook-timestamp is not a number of seconds")]
    BadTime,
    /// It was signed too long ago: somebody may send it again.
    #[error("it was signed {0} s ago, more than the 300 s that are tolerated")]
    Stale(i64),
    /// It was signed in the future.
    #[error("it was signed {0} s in the future, more than the 300 s that are tolerated")]
    Early(i64),
    /// No secret makes this signature for this body.
    #[error("the signature in {0} does not fit the body under any of the secrets")]
    Mismatch(&'static str),
}

/// What was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The headers whose signatures fit.
    pub by: Vec<&'static str>,
    /// Which of the secrets fits, from 0.
    pub secret: usize,
}

/// Checks every signature that came with a body; all of them have to fit. The time of a Standard
/// Webhooks signature may lie [`TOLERANCE_S`] from `now`.
///
/// # Errors
/// [`Unproven`].
pub fn verify(
    secrets: &[SigningSecret],
    claims: &Claims,
    body: &[u8],
    now: Timestamp,
) -> Result<Proven, Unproven> {
    let (mut by, mut secret) = (Vec::new(), 0);
    if let Some(given) = &claims.signature {
        secret = fitting(secrets, |one| same(one.sign(body).as_bytes(), given.as_bytes()))
            .ok_or(Unproven::Mismatch(SIGNATURE))?;
        by.push(SIGNATURE);
    }
    if let Some(given) = &claims.signatures {
        let id = claims.id.as_deref().ok_or(Unproven::Missing(STANDARD_ID))?;
        let at = claims.timestamp.as_deref().ok_or(Unproven::Missing(STANDARD_TIMESTAMP))?;
        let at_s: i64 = at.parse().map_err(|_| Unproven::BadTime)?;
        let age_s = now.as_millis().div_euclid(1000).saturating_sub(at_s);
        secret = fitting(secrets, |one| {
            let wanted = one.sign_standard(id, at_s, body);
            let fits = given.split(' ').map(|one| same(wanted.as_bytes(), one.as_bytes()));
            fits.fold(false, |any, fits| any | fits)
        })
        .ok_or(Unproven::Mismatch(STANDARD_SIGNATURE))?;
        if age_s > TOLERANCE_S {
            return Err(Unproven::Stale(age_s));
        }
        if age_s < -TOLERANCE_S {
            return Err(Unproven::Early(age_s.saturating_neg()));
        }
        by.push(STANDARD_SIGNATURE);
    }
    if by.is_empty() { Err(Unproven::Nothing) } else { Ok(Proven { by, secret }) }
}

/// Every secret is tried, so that the time taken does not tell which one fits.
fn fitting(secrets: &[SigningSecret], fits: impl Fn(&SigningSecret) -> bool) -> Option<usize> {
    let tried = secrets.iter().enumerate().map(|(at, secret)| fits(secret).then_some(at));
    tried.fold(None, Option::or)
}

fn same(wanted: &[u8], given: &[u8]) -> bool {
    wanted.ct_eq(given).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(Secret::new(text)).unwrap()
    }

    const A: &str = r#"{"project_id":"acme-prod-10001","account_id":"45355976281015164504","event":"account.created","event_date":"2026-06-01T09:00:00.000Z","record_type":"account","record_id":"45355976281015164504","sent_at":"2026-06-01T09:00:00.125Z","provider":"bamboohr","origin_owner_id":"org-42","origin_owner_name":"Example Ltd","origin_username":"ops@example.test","setup_information":{"subdomain":"examplehr"}}"#;

    #[test]
    fn wh_6_the_contracts_vectors_hold() {
        let key = secret("hubctl-test-secret-0001");
        assert_eq!(A.len(), 396);
        assert_eq!(key.sign(A.as_bytes()), "5Dn_63EsqGTYxf7gAAMiR4y38WEp6JzMsF9ISDeuWFU");
        let other = secret("hubctl-test-secret-0002");
        assert_eq!(other.sign(A.as_bytes()), "npZFYEMIOSq8gUtqzOXvK-Da6vYyEuzaFWVqWLgtKDA");
        let b = r#"{"event":"account.updated","origin_owner_name":"Café Zürich"}"#;
        assert_eq!(b.len(), 63);
        assert_eq!(key.sign(b.as_bytes()), "vaZV-EKCW8X4CEz0-TZkO7zIowA3rhUoCsUgrin3yaY");
        assert_eq!(key.sign(b"{}"), "iyPnjbcRMTRyfKGYqq9Pi8QCBAFHYsZJqV0iezAaPCI");
        assert_eq!(key.sign(br#"{"n":1}"#), "6wdEC_wJYO81LWyt5R-2SM-3tfTKpJ6BoDxjvNxAAiw");
    }

    #[test]
    fn wh_6_standard_webhooks_accepts_ours() {
        let key = SigningSecret::mint(&[7; SECRET_BYTES]);
        let judge = standardwebhooks::Webhook::new(key.text().expose()).unwrap();
        for at in [0, 1_780_304_400, i64::from(u32::MAX)] {
            let theirs = judge.sign("0199-a", at, A.as_bytes()).unwrap();
            assert_eq!(key.sign_standard("0199-a", at, A.as_bytes()), theirs);
        }
    }

    fn claims(key: &SigningSecret, at_s: i64) -> Claims {
        Claims {
            signature: Some(key.sign(A.as_bytes())),
            id: Some("0199-a".to_owned()),
            timestamp: Some(at_s.to_string()),
            signatures: Some(key.sign_standard("0199-a", at_s, A.as_bytes())),
        }
    }

    #[test]
    fn threat_29_what_is_altered_or_stale_is_refused() {
        let now = Timestamp::from_millis(1_780_304_400_000);
        let at = 1_780_304_400;
        let key = SigningSecret::mint(&[7; SECRET_BYTES]);
        let all = [secret("hubctl-test-secret-0001"), key.clone()];
        let check = |claims: &Claims, body: &str| verify(&all, claims, body.as_bytes(), now);
        let good = claims(&key, at);
        let proven = Proven { by: vec![SIGNATURE, STANDARD_SIGNATURE], secret: 1 };
        assert_eq!(check(&good, A), Ok(proven));
        assert_eq!(check(&good, &A.replace("42", "43")), Err(Unproven::Mismatch(SIGNATURE)));
        let standard = Claims { signature: None, ..good.clone() };
        assert!(check(&standard, A).is_ok());
        assert_eq!(check(&standard, "{}"), Err(Unproven::Mismatch(STANDARD_SIGNATURE)));
        for (shift, refused) in [
            (300, None),
            (301, Some(Unproven::Early(301))),
            (-300, None),
            (-301, Some(Unproven::Stale(301))),
        ] {
            assert_eq!(check(&claims(&key, at + shift), A).err(), refused, "{shift}");
        }
        // A signed time can't be replaced.
        let renewed = Claims { timestamp: Some((at + 1).to_string()), ..good.clone() };
        assert_eq!(check(&renewed, A), Err(Unproven::Mismatch(STANDARD_SIGNATURE)));
        let other = Claims { id: Some("0199-b".to_owned()), ..good.clone() };
        assert_eq!(check(&other, A), Err(Unproven::Mismatch(STANDARD_SIGNATURE)));
        for (bad, why) in [
            (Claims { id: None, ..good.clone() }, Unproven::Missing(STANDARD_ID)),
            (Claims { timestamp: None, ..good.clone() }, Unproven::Missing(STANDARD_TIMESTAMP)),
            (Claims { timestamp: Some("soon".into()), ..good.clone() }, Unproven::BadTime),
            (Claims::default(), Unproven::Nothing),
        ] {
            assert_eq!(check(&bad, A), Err(why));
        }
        assert!(verify(&all[..1], &good, A.as_bytes(), now).is_err(), "the wrong secret alone");
        assert!(verify(&[], &good, A.as_bytes(), now).is_err());
    }

    #[test]
    fn while_a_secret_rotates_one_of_several_signatures_is_enough() {
        let (old, new) = (SigningSecret::mint(&[1; 32]), SigningSecret::mint(&[2; 32]));
        let at = 1_780_304_400;
        let both = [&old, &new].map(|key| key.sign_standard("i", at, b"{}")).join(" ");
        let now = Timestamp::from_millis(at * 1000);
        for key in [old, new] {
            let claims = Claims {
                signature: None,
                id: Some("i".into()),
                timestamp: Some(at.to_string()),
                signatures: Some(format!("v1a,nonsense {both}")),
            };
            assert!(verify(&[key], &claims, b"{}", now).is_ok());
        }
    }

    #[test]
    fn secrets_have_bounds_and_are_never_shown() {
        for bad in ["", "short", "with a space in it", "naïve-secret-text", &"x".repeat(257)] {
            let error = SigningSecret::parse(Secret::new(bad)).unwrap_err();
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
        let key = SigningSecret::mint(&[7; SECRET_BYTES]);
        assert!(key.text().expose().starts_with("whsec_"));
        assert_eq!(format!("{key:?}"), "SigningSecret(..)");
        // Longer than a block of the hash.
        let long = secret(&"k".repeat(200));
        assert_eq!(long.sign(b"{}").len(), 43);
    }
}
