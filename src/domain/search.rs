//! How people search by name: whatever the marks, case, blanks and punctuation of what they type.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Whether every word that is searched for is in one of the texts.
#[must_use]
pub fn finds(searched: &str, texts: &[&str]) -> bool {
    let texts: Vec<String> = texts.iter().map(|text| folded(text)).collect();
    let mut words = searched.split_whitespace().map(folded);
    words.all(|word| texts.iter().any(|text| text.contains(&word)))
}

/// The letters and digits of a text, without marks and in lower case.
#[must_use]
pub fn folded(text: &str) -> String {
    let apart = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(text.chars());
    apart.filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{finds, folded};

    #[test]
    fn a_name_is_found_however_it_is_typed() {
        for (searched, name) in [
            ("bamboo hr", "BambooHR"),
            ("Hi Bob", "HiBob"),
            ("sales force", "Salesforce"),
            ("fréshdesk", "Freshdesk"),
            ("fre\u{301}sh", "Freshdesk"),
            ("7shifts", "7shifts"),
            ("pay-fit", "PayFit"),
            ("teams microsoft", "Microsoft Teams"),
            ("", "Anything"),
            (" & ", "Anything"),
        ] {
            assert!(finds(searched, &[name]), "{searched}");
        }
        assert!(finds("one two", &["One", "two"]));
        assert!(!finds("bamboo hq", &["BambooHR"]));
    }

    #[test]
    fn a_text_is_folded_to_letters_and_digits() {
        assert_eq!(folded("  Ünï-Côde ＡＢ1! "), "unicodeab1");
    }
}
