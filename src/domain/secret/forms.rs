//! The forms in which secrets may occur in a text, and texts without them (threat 32).

use std::borrow::Cow;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

use super::Secret;
use crate::domain::connector::address::encoded;
use crate::domain::words::one_line;

/// Shorter forms are not looked for, in bytes: they are parts of words.
const SHORTEST: usize = 4;

/// Known secrets, and every form in which they may occur.
#[derive(Debug, Clone, Default)]
pub struct Forms(Vec<Known>);

#[derive(Debug, Clone)]
struct Known {
    text: Secret,
    /// Made when a text is looked at that is long enough for one of them: most are not.
    forms: OnceLock<Vec<Secret>>,
}

impl Forms {
    /// Those of these texts. Which ones are too short to be secrets is the caller's to say.
    #[must_use]
    pub fn of<'a, S: IntoIterator<Item = &'a str>>(texts: S) -> Self {
        let known = |text| Known { text: Secret::new(text), forms: OnceLock::new() };
        Self(texts.into_iter().map(known).collect())
    }

    /// A text with the mark in place of each of them; borrowed where there is none in it.
    #[must_use]
    pub fn hidden<'t>(&self, text: &'t str, mark: &str) -> Cow<'t, str> {
        let known = self.0.iter().filter(|known| shortest(known.text.expose()) <= text.len());
        let mut forms: Vec<&str> = known.flat_map(Known::forms).collect();
        // The longest first: a secret within a longer one must not leave the rest of it.
        forms.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        let mut out = Cow::Borrowed(text);
        for form in forms {
            if out.contains(form) {
                out = Cow::Owned(out.replace(form, mark));
            }
        }
        out
    }
}

impl Known {
    fn forms(&self) -> impl Iterator<Item = &str> {
        let forms = self.forms.get_or_init(|| {
            let mut forms = forms_of(self.text.expose());
            forms.retain(|form| form.len() >= SHORTEST);
            forms.sort_unstable();
            forms.dedup();
            forms.into_iter().map(Secret::new).collect()
        });
        forms.iter().map(Secret::expose)
    }
}

/// No form of a text is shorter than this, in bytes. Only what becomes one line can lose some.
fn shortest(text: &str) -> usize {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) { text.len() } else { SHORTEST }
}

/// The forms in which a text may occur: as it is, as one line, in addresses, in JSON, in
/// hexadecimal digits, and in Base64 wherever it stands in what was encoded, also where it was
/// encoded as in a form before, as clients of OAuth are (RFC 6749, section 2.3.1).
pub(in crate::domain) fn forms_of(text: &str) -> Vec<String> {
    let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let mut forms = vec![text.to_owned(), form.replace('+', "%20"), form.replace('~', "%7E")];
    forms.push(encoded(text));
    let in_form = if form == text { Vec::new() } else { in_base64(&form) };
    forms.push(form);
    let lower = forms.iter().map(|form| lower_escapes(form)).collect::<Vec<_>>();
    forms.extend(lower);
    forms.extend(one_line(text, usize::MAX));
    let json = Value::String(text.to_owned()).to_string();
    forms.push(json.trim_matches('"').to_owned());
    let digits = text.bytes().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let hex: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    forms.push(hex.to_ascii_uppercase());
    forms.push(hex);
    forms.extend(in_base64(text));
    forms.extend(in_form);
    forms
}

/// What is the same in every Base64 text of which this one is a part, for each place that it may
/// have in a group of three bytes.
fn in_base64(text: &str) -> Vec<String> {
    let mut cores = Vec::new();
    for engine in [&STANDARD, &URL_SAFE] {
        for offset in 0..3_usize {
            let mut bytes = vec![0_u8; offset];
            bytes.extend_from_slice(text.as_bytes());
            let encoded = engine.encode(&bytes);
            let (first, last) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
            cores.extend(encoded.get(first..last).map(str::to_owned));
        }
    }
    cores
}

/// `%2B` as `%2b`.
fn lower_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = 0_u8;
    for c in text.chars() {
        out.push(if left > 0 { c.to_ascii_lowercase() } else { c });
        left = if c == '%' { 2 } else { left.saturating_sub(1) };
    }
    out
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use proptest::prelude::*;

    use super::{Forms, SHORTEST, forms_of, shortest};

    proptest! {
        #[test]
        fn no_form_is_shorter_than_it_is_taken_for(text in "\\PC{0,24}|[!-~]{0,24}") {
            for form in forms_of(&text).iter().filter(|form| form.len() >= SHORTEST) {
                prop_assert!(form.len() >= shortest(&text), "{form}");
                let seen = Forms::of([text.as_str()]).hidden(form, "*").into_owned();
                prop_assert!(!seen.contains(form), "{seen}");
            }
        }
    }

    #[test]
    fn threat_32_a_clients_secret_is_encoded_before_it_is_in_a_basic_header() {
        let forms = Forms::of(["s:cret/+ 9"]);
        for id in ["", "i", "id", "the-hub"] {
            let header = STANDARD.encode(format!("{id}:s%3Acret%2F%2B+9"));
            let seen = forms.hidden(&header, "");
            // Of what was encoded, only characters that others share are left.
            assert!(seen.trim_end_matches('=').len() <= (id.len() + 1) * 8 / 6 + 2, "{seen}");
        }
    }

    #[test]
    fn threat_32_a_secret_of_many_lines_is_found_on_one() {
        let forms = Forms::of(["-----BEGIN KEY-----\r\nMIIE\r\n-----END KEY-----\r\n"]);
        let seen = forms.hidden("bad -----BEGIN KEY----- MIIE -----END KEY-----", "***");
        assert_eq!(seen, "bad ***");
    }

    #[test]
    fn threat_32_a_secret_in_hexadecimal_digits_is_found_in_either_case() {
        let forms = Forms::of(["jklmno"]);
        for text in ["6a6b6c6d6e6f", "6A6B6C6D6E6F"] {
            assert_eq!(forms.hidden(&format!("<{text}>"), "*"), "<*>");
        }
    }

    #[test]
    fn no_form_is_a_part_of_a_word() {
        for short in ["", "a", "abc", "\"\"", "é"] {
            let forms = Forms::of([short]);
            let words = "abc a \" é: a word, and another one";
            assert!(matches!(forms.hidden(words, "***"), Cow::Borrowed(_)), "{short}");
        }
        let forms = Forms::of(["1234"]);
        assert_eq!(
            forms.hidden("pin 1234, MTIzNA==, not 12 or 34", "*"),
            "pin *, *A==, not 12 or 34"
        );
        assert!(forms_of("1234").contains(&"31323334".to_owned()));
    }
}
