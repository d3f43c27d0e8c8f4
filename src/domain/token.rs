//! The texts of session tokens and API keys: `hcs_<row>_<secret>` and `v1.local.<row>_<secret>`.
//!
//! The row finds the record without a search; the secret is 256 random bits, and it alone is
//! hashed and compared with that row's hash, so it is worth nothing under another row's number.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::secret::Secret;

/// Random bytes in every token.
pub const RANDOM_BYTES: usize = 32;

const SECRET_CHARS: usize = 43;
const ROW_CHARS: usize = 19;

/// The text is not a token of its kind. It says no more: tokens don't belong into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct BadToken(&'static str);

macro_rules! token {
    ($(#[doc = $doc:literal])+ $name:ident, $prefix:literal, $noun:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name {
            row: i64,
            text: Secret,
        }

        impl $name {
            /// What every such token begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes the token of a stored row (a positive number) from fresh random bytes.
            #[must_use]
            pub fn mint(row: i64, random: &[u8; RANDOM_BYTES]) -> Self {
                debug_assert!(row > 0, "rows count from one");
                Self { row, text: mint($prefix, row, random) }
            }

            /// Reads a token that somebody presented; nothing may stand before or after it.
            pub fn parse(text: &str) -> Result<Self, BadToken> {
                let row = row_of($prefix, text).ok_or(BadToken($noun))?;
                Ok(Self { row, text: Secret::new(text) })
            }

            /// The row that the token says it belongs to.
            #[must_use]
            pub fn row(&self) -> i64 {
                self.row
            }

            /// The part that is stored as a keyed hash: it is drawn before the row has a number.
            #[must_use]
            pub fn secret(&self) -> &str {
                let text = self.text.expose();
                text.get(text.len() - SECRET_CHARS..).unwrap_or_default()
            }

            /// The whole text: shown once to its owner, hashed for everything else.
            #[must_use]
            pub fn text(&self) -> &Secret {
                &self.text
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("row", &self.row).finish_non_exhaustive()
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadToken;

            fn from_str(text: &str) -> Result<Self, BadToken> {
                Self::parse(text)
            }
        }
    };
}

token! {
    /// The right of one end user to link an account for a while.
    SessionToken, "hcs_", "a session token"
}

token! {
    /// What a provider's login brings back: it finds the login and proves that it is the hub's.
    StateToken, "hst_", "a login's state"
}

token! {
    /// A caller's credential, bound to a project and its scopes.
    KeyToken, "v1.local.", "an API key"
}

/// The secret part of a token made from these bytes.
#[must_use]
pub fn secret_part(random: &[u8; RANDOM_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(random))
}

fn mint(prefix: &str, row: i64, random: &[u8; RANDOM_BYTES]) -> Secret {
    Secret::new(format!("{prefix}{row}_{}", secret_part(random).as_str()))
}

fn row_of(prefix: &str, text: &str) -> Option<i64> {
    // The length bounds the work before anything is looked at.
    if text.len() > prefix.len() + ROW_CHARS + 1 + SECRET_CHARS {
        return None;
    }
    let (row, secret) = text.strip_prefix(prefix)?.split_once('_')?;
    if row.starts_with('0') || !row.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The decoder refuses foreign letters, padding and stray bits in the last letter, so that one
    // secret has exactly one spelling.
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES + 1]);
    let fine = secret.len() == SECRET_CHARS
        && URL_SAFE_NO_PAD.decode_slice(secret, bytes.as_mut_slice()).is_ok();
    row.parse().ok().filter(|_| fine)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KeyToken, SessionToken};

    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn bytes() -> [u8; 32] {
        std::array::from_fn(|i| u8::try_from(i).unwrap())
    }

    #[test]
    fn tokens_have_their_documented_form() {
        let token = SessionToken::mint(42, &bytes());
        assert_eq!(token.text().expose(), format!("hcs_42_{SECRET}"));
        assert_eq!(token.row(), 42);
        let key = KeyToken::mint(i64::MAX, &bytes());
        assert_eq!(key.text().expose(), format!("v1.local.9223372036854775807_{SECRET}"));
        assert_eq!(KeyToken::parse(key.text().expose()), Ok(key));
    }

    #[test]
    fn debug_and_errors_show_no_secret() {
        let token = SessionToken::mint(42, &bytes());
        assert_eq!(format!("{token:?}"), "SessionToken { row: 42, .. }");
        let error = KeyToken::parse(token.text().expose()).unwrap_err();
        assert_eq!(error.to_string(), "not an API key");
    }

    #[test]
    fn threat_08_altered_tokens_are_refused() {
        for row in ["", "0", "01", "+1", "-1", " 1", "1 ", "1_", "9223372036854775808", "١"] {
            let text = format!("hcs_{row}_{SECRET}");
            assert!(SessionToken::parse(&text).is_err(), "{text}");
        }
        let long = "A".repeat(1_000_000);
        for secret in [
            "",
            &SECRET[1..],
            &format!("{SECRET}A"),
            &format!("{SECRET}="),
            &format!("{SECRET} "),
            &format!("{SECRET}\n"),
            &format!("{SECRET}\0"),
            &format!("{}+", &SECRET[1..]),
            &format!("{}/", &SECRET[1..]),
            // The last letter's two spare bits are set.
            &format!("{}9", &SECRET[..42]),
            &long,
        ] {
            assert!(SessionToken::parse(&format!("hcs_1_{secret}")).is_err(), "{secret:.60}");
            assert!(KeyToken::parse(&format!("v1.local.1_{secret}")).is_err(), "{secret:.60}");
        }
        for prefix in ["", "hcs", "HCS_", " hcs_", "hcs__", "v1.local.", "v1.eu1."] {
            assert!(SessionToken::parse(&format!("{prefix}1_{SECRET}")).is_err(), "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn what_is_minted_is_read_back(row in 1..=i64::MAX, random: [u8; 32]) {
            let token = SessionToken::mint(row, &random);
            prop_assert_eq!(SessionToken::parse(token.text().expose()), Ok(token));
        }

        #[test]
        fn threat_15_a_key_is_read_whole_or_not_at_all(
            row in 1..=i64::MAX, random: [u8; 32], cut in 0_usize..80, more in "\\PC{1,3}| |\\n|\0",
        ) {
            let key = KeyToken::mint(row, &random);
            let text = key.text().expose();
            prop_assert_eq!(KeyToken::parse(text), Ok(key.clone()));
            let cut = cut % text.len();
            prop_assert!(KeyToken::parse(&text[..cut]).is_err());
            let tail = text[cut..].repeat(1_000);
            let before = [format!("{text}{more}"), format!("{more}{text}"), format!("{text}{tail}")];
            for wrong in before {
                prop_assert!(KeyToken::parse(&wrong).is_err(), "{wrong:.90}");
            }
            prop_assert!(SessionToken::parse(text).is_err());
        }

        #[test]
        fn what_is_read_is_what_would_be_minted(text in "(hcs_)?[0-9]{0,20}_?[A-Za-z0-9_-]{42,44}") {
            if let Ok(token) = SessionToken::parse(&text) {
                prop_assert_eq!(token.text().expose(), &text);
                prop_assert!(token.row() > 0);
            }
        }

        #[test]
        fn any_text_is_read_without_a_crash(text in ".{0,120}") {
            let _ = SessionToken::parse(&text);
            let _ = KeyToken::parse(&text);
        }
    }
}
