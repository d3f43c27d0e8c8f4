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

#[cfg(test)]
mod tests {
    use super::compile;

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
    fn what_the_engine_lacks_is_refused_with_its_reason() {
        let why = compile("^(?=a)b$").unwrap_err();
        assert!(why.contains("look-around"), "{why}");
        assert!(compile("^[a-z]+$").is_ok());
    }
}
