//! Regular expressions from connector files: compiled within limits, matched in linear time.

use regex::{Regex, RegexBuilder};

/// The longest expression.
pub const MAX_PATTERN_LEN: usize = 512;

/// A compiled expression may take this much memory; a Unicode word class needs about a tenth.
const SIZE_LIMIT: usize = 1 << 19;

/// Compiles an expression.
///
/// # Errors
/// With the reason, in one line, when it is too long, too large once compiled, or not understood.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN_LEN {
        return Err(format!("is longer than {MAX_PATTERN_LEN} bytes"));
    }
    RegexBuilder::new(pattern)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .nest_limit(32)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "is too large once compiled".to_owned(),
            // Only the last line says why; those before it draw the expression.
            other => {
                let text = other.to_string();
                let why = text.lines().last().unwrap_or_default().trim();
                format!("is not understood: {}", why.trim_start_matches("error: "))
            }
        })
}

/// An expression for what begins anyhow and ends with two or more fixed labels of a host, without
/// a choice that would leave the end out.
const CLOSED_END: &str =
    r"^\^(?:[^\\|]|\\.)*?(?:\\\.(?:[A-Za-z0-9-]+|\((?:\?:)?[A-Za-z0-9|-]+\))){2,}\$$";

/// Whether everything that the expression fits ends with a host name that the expression gives, as
/// with `^[a-z]+\.vendor\.com$`. Of an expression that is written otherwise, that is not known.
#[must_use]
pub fn has_closed_end(pattern: &str) -> bool {
    compile(CLOSED_END).is_ok_and(|closed| closed.is_match(pattern))
}

#[cfg(test)]
mod tests {
    use super::{compile, has_closed_end};

    #[test]
    fn threat_35_an_expression_that_explodes_is_refused() {
        for bomb in [
            "(a{1000}){1000}".to_owned(),
            "((((a{50}){50}){50}){50}){50}".to_owned(),
            format!("{}{}", "(".repeat(400), ")".repeat(400)),
            "a".repeat(513),
        ] {
            assert!(compile(&bomb).is_err());
        }
    }

    #[test]
    fn threat_35_matching_takes_linear_time() {
        let regex = compile("^(a+)+$").unwrap();
        assert!(!regex.is_match(&("a".repeat(60_000) + "b")));
    }

    #[test]
    fn threat_35_the_end_of_a_host_is_given_or_not() {
        for closed in [
            r"^[a-z]+\.vendor\.com$",
            r"^([a-z-]+\.)*my\.vendor\.(com|co-op)$",
            r"^[a-z]+(?:\.[a-z]+)*\.vendor\.(?:com|org)$",
        ] {
            assert!(has_closed_end(closed) && compile(closed).is_ok(), "{closed}");
        }
        for open in [
            "",
            "^[A-Za-z0-9.-]+(:[0-9]+)?$",
            r"[a-z]+\.vendor\.com",
            r"^[a-z]+\.vendor\.com",
            r"^[a-z]+.vendor.com$",
            r"^[a-z]+\.com$",
            r"^x\.vendor\.com$|^evil",
            r"^evil|[a-z]+\.vendor\.com$",
            r"^[a-z]+\.vendor\.com?$",
            r"^[a-z]+\.vendor\.com(\.[a-z]+)?$",
            r"^[a-z]+\.vendor\.[a-z]+$",
            r"^[a-z]+\.vendor\.com\$",
            r"^[a-z]+\\.vendor\\.com$",
            r"^([a-z]+|x\.vendor\.com)$",
            r"^[a-z.]*vendor\.com$",
        ] {
            assert!(!has_closed_end(open), "{open}");
        }
    }

    #[test]
    fn what_the_engine_lacks_is_refused_with_its_reason() {
        let why = compile("^(?=a)b$").unwrap_err();
        assert!(why.contains("look-around"), "{why}");
        assert!(compile("^[a-z]+$").is_ok());
    }
}
