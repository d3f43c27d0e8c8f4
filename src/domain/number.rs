//! Whole numbers in every spelling of JSON: a client that knows only floats writes `1800.0`.

/// The text is not a number that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// It has a fraction, or is no number at all.
    #[error("must be a whole number")]
    NotWhole,
    /// It is too large or too small for what it is to be.
    #[error("is out of range")]
    OutOfRange,
}

/// Most digits that are read.
const DIGITS: usize = 38;

/// Reads a number whose fraction is zero, such as `25`, `25.0` and `2.5e1`, exactly.
///
/// # Errors
/// [`BadNumber`].
pub fn whole<T: TryFrom<i128>>(text: &str) -> Result<T, BadNumber> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.parse::<i32>().map_err(|_| BadNumber::NotWhole)?)
        }
        None => (text, 0),
    };
    let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(before) || !is_digits(behind) {
        return Err(BadNumber::NotWhole);
    }
    let digits = format!("{before}{behind}");
    let significant = digits.trim_end_matches('0');
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let zeros = i64::from(exponent) - length(behind) + length(&digits) - length(significant);
    let significant = significant.trim_start_matches('0');
    let number = match usize::try_from(zeros) {
        _ if significant.is_empty() => 0,
        Err(_) => return Err(BadNumber::NotWhole),
        Ok(zeros) if significant.len() + zeros > DIGITS => return Err(BadNumber::OutOfRange),
        Ok(zeros) => format!("{significant}{}", "0".repeat(zeros))
            .parse::<i128>()
            .map_err(|_| BadNumber::OutOfRange)?,
    };
    T::try_from(sign * number).map_err(|_| BadNumber::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::{BadNumber, whole};

    #[test]
    fn a_zero_fraction_is_no_fraction() {
        for (text, number) in [
            ("1800", 1800),
            ("1800.0", 1800),
            ("1.8e3", 1800),
            ("1.8E+3", 1800),
            ("180000e-2", 1800),
            ("1800.000", 1800),
            ("007", 7),
            ("-7.0", -7),
            ("0", 0),
            ("-0.0", 0),
            ("0e99", 0),
            ("0.0e-99", 0),
            ("9223372036854775807", i64::MAX),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("-9223372036854775808.0", i64::MIN),
        ] {
            assert_eq!(whole(text), Ok(number), "{text}");
        }
        assert_eq!(whole("18446744073709551615.0"), Ok(u64::MAX));
    }

    #[test]
    fn what_is_not_whole_or_does_not_fit_is_told_apart() {
        for text in [
            "",
            "-",
            "x",
            "1.5",
            "18e-1",
            "0.1",
            "1.",
            ".5",
            "1e",
            "e3",
            "1e1.5",
            "+1",
            " 1",
            "1 ",
            "1_0",
            "--1",
            "NaN",
            "inf",
            "1.-5",
            "1e999999999999",
            "\u{661}",
        ] {
            assert_eq!(whole::<i64>(text), Err(BadNumber::NotWhole), "{text:?}");
        }
        let long = "9".repeat(5_000);
        for text in ["9223372036854775808", "1e19", "1e400", "1e2147483647", "-1e30", &long] {
            assert_eq!(whole::<i64>(text), Err(BadNumber::OutOfRange), "{text}");
        }
        assert_eq!(whole::<u64>("-1"), Err(BadNumber::OutOfRange));
        assert_eq!(whole::<u64>("-0"), Ok(0));
    }
}
