//! The API key on its way out: checked, put into its header, and taken out of every text.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use reqwest::header::HeaderValue;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::domain::secret::Secret;
use crate::error::{HubError, codes};

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "[redacted]";
/// Shorter texts occur by chance, and are no secrets.
const SHORTEST: usize = 4;
/// Longest key.
const LONGEST_KEY: usize = 512;

/// Refuses what can't be a key. The key is not repeated, and nothing is stripped of it.
pub(super) fn check(key: &Secret) -> Result<(), HubError> {
    let text = key.expose();
    let bad = |why: &str| {
        Err(HubError::new(&codes::REMOTE_KEY_MALFORMED, format!("the API key {why}"))
            .hint("copy it again, the whole of it and nothing else; hubctl auth login asks for it"))
    };
    if text.is_empty() {
        return bad("is empty");
    }
    if text.len() > LONGEST_KEY {
        return bad("is longer than any key");
    }
    if text.trim() != text {
        return bad("begins or ends with a space or a line end");
    }
    if text.contains(char::is_whitespace) {
        return bad("has a space or a line end in it");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return bad("has characters that no key has");
    }
    if text.contains(':') {
        return bad("has a colon in it, which no key has");
    }
    Ok(())
}

/// The header of Basic authentication: the key is the user name, the password is empty.
pub(super) fn authorization(key: &Secret) -> Result<HeaderValue, HubError> {
    let pair = Zeroizing::new(format!("{}:", key.expose()));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&text).map_err(|error| {
        HubError::new(&codes::REMOTE_KEY_MALFORMED, "the API key can't be sent").source(error)
    })?;
    // Kept out of what libraries print.
    value.set_sensitive(true);
    Ok(value)
}

/// Takes secrets out of texts, in each form in which they travel.
pub(super) struct Scrubber {
    forms: Vec<Zeroizing<String>>,
}

impl Scrubber {
    pub(super) fn new(key: &Secret) -> Self {
        let mut scrubber = Self { forms: Vec::new() };
        scrubber.add(key.expose());
        scrubber.add_bytes(format!("{}:", key.expose()).as_bytes());
        scrubber.sort();
        scrubber
    }

    /// A scrubber that knows these secrets as well.
    pub(super) fn with(&self, secrets: &[Zeroizing<String>]) -> Self {
        let mut scrubber = Self { forms: self.forms.clone() };
        for secret in secrets {
            scrubber.add(secret);
        }
        scrubber.sort();
        scrubber
    }

    fn add(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let json = serde_json::to_string(secret).unwrap_or_default();
        let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let percent = form.replace('+', "%20");
        for text in [secret, inner, &form, &percent, &percent.to_lowercase()] {
            self.forms.push(Zeroizing::new(text.to_owned()));
        }
        self.add_bytes(secret.as_bytes());
    }

    fn add_bytes(&mut self, secret: &[u8]) {
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            self.forms.push(Zeroizing::new(engine.encode(secret)));
        }
    }

    /// The longest first, so that no rest of one stays behind.
    fn sort(&mut self) {
        self.forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.forms.dedup();
    }

    /// The text without secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        let found = self.forms.iter().filter(|form| text.contains(form.as_str()));
        found.fold(text.to_owned(), |text, form| text.replace(form.as_str(), REDACTED))
    }

    /// The value without secrets in its texts and keys.
    pub(super) fn clean_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.clean(&text)),
            Value::Array(all) => all.into_iter().map(|value| self.clean_value(value)).collect(),
            Value::Object(all) => all
                .into_iter()
                .map(|(key, value)| (self.clean(&key), self.clean_value(value)))
                .collect(),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{Scrubber, authorization, check};
    use crate::domain::secret::Secret;

    #[test]
    fn the_key_is_the_user_name_and_the_password_is_empty() {
        // The contract's worked value.
        let value = authorization(&Secret::new("v1.eu1.abc123xyz")).unwrap();
        assert_eq!(value.as_bytes(), b"Basic djEuZXUxLmFiYzEyM3h5ejo=");
        assert!(value.is_sensitive());
    }

    #[test]
    fn a_key_that_was_copied_badly_is_refused_without_repeating_it() {
        for bad in [
            "",
            " v1.eu1.abc",
            "v1.eu1.abc\n",
            "v1.eu1 .abc",
            "v1.eu1.\tabc",
            "v1.eu1.äbc",
            "v1.eu1.abc:",
            "a\u{0}b",
            &"a".repeat(513),
        ] {
            let error = check(&Secret::new(bad)).unwrap_err();
            assert_eq!(error.code().name, "remote.key_malformed", "{bad:?}");
            assert!(!format!("{error:?}").contains("eu1"), "{error:?}");
        }
        assert!(check(&Secret::new("v1.eu1.abc123xyz")).is_ok());
        assert!(check(&Secret::new("any-other.KEY_1/2+3=")).is_ok());
    }

    #[test]
    fn threat_32_a_secret_goes_in_every_form() {
        let scrubber = Scrubber::new(&Secret::new("v1.eu1.a+b/c="))
            .with(&["p\u{e4}ss \"w\"", "abc"].map(|text| Zeroizing::new(text.to_owned())));
        for text in [
            "v1.eu1.a+b/c=",
            "djEuZXUxLmErYi9jPQ==",
            "djEuZXUxLmErYi9jPTo=",
            "v1.eu1.a%2Bb%2Fc%3D",
            "v1.eu1.a%2bb%2fc%3d",
            "p\u{e4}ss \"w\"",
            "p\u{e4}ss \\\"w\\\"",
            "p%C3%A4ss+%22w%22",
            "p%C3%A4ss%20%22w%22",
        ] {
            assert_eq!(scrubber.clean(&format!("<{text}>")), "<[redacted]>", "{text}");
        }
        assert_eq!(scrubber.clean("abc and v1.eu1"), "abc and v1.eu1");
    }
}
