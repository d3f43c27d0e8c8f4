//! Colours, and how well they are told apart (WCAG 2).

use std::fmt;
use std::str::FromStr;

/// A colour of the screen, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

/// The text is no colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a colour: write it as #rrggbb or #rgb")]
pub struct BadColor(String);

impl Color {
    /// White.
    pub const WHITE: Self = Self([255; 3]);
    /// Black.
    pub const BLACK: Self = Self([0; 3]);

    /// The colour of these amounts of red, green and blue.
    #[must_use]
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// This colour with so many percent of another in it.
    #[must_use]
    pub fn mixed(self, other: Self, percent: u8) -> Self {
        let percent = u16::from(percent.min(100));
        let one = |at: usize| {
            let sum = u16::from(self.0[at]) * (100 - percent) + u16::from(other.0[at]) * percent;
            u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
        };
        Self([one(0), one(1), one(2)])
    }

    /// How bright it is, from 0 to 1.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// How well two colours are told apart, from 1 to 21; text needs 4.5.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }
}

impl FromStr for Color {
    type Err = BadColor;

    fn from_str(text: &str) -> Result<Self, BadColor> {
        let bad = || BadColor(text.chars().take(40).collect());
        let digits = text.strip_prefix('#').ok_or_else(bad)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let part = |digits: &str| u8::from_str_radix(digits, 16).map_err(|_| bad());
        match digits.len() {
            6 => Ok(Self([part(&digits[..2])?, part(&digits[2..4])?, part(&digits[4..])?])),
            3 => {
                // A short digit stands for itself twice.
                let twice = |at: usize| Ok::<_, BadColor>(part(&digits[at..=at])? * 17);
                Ok(Self([twice(0)?, twice(1)?, twice(2)?]))
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::Color;

    #[test]
    fn colours_are_hexadecimal_and_nothing_else() {
        for (text, wanted) in [("#0A7CFF", "#0a7cff"), ("#fa0", "#ffaa00"), ("#000000", "#000000")]
        {
            assert_eq!(text.parse::<Color>().unwrap().to_string(), wanted);
        }
        let bad = ["", "#", "red", "0a7cff", "#0a7cf", "#0a7cff0", "#0a7cfg", "#ä12", "#+1+2+3"];
        for text in bad.into_iter().chain(["#fff;}body{display:none", "# fff", "#１２３"]) {
            assert!(text.parse::<Color>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let contrast = |one: &str, two: &str| {
            let (one, two): (Color, Color) = (one.parse().unwrap(), two.parse().unwrap());
            let there = one.contrast(two);
            assert!((there - two.contrast(one)).abs() < 1e-12, "{one} {two}");
            (there * 100.0).floor() / 100.0
        };
        // The well-known figures for greys and primary colours on white.
        for (color, wanted) in [
            ("#000", 21.0),
            ("#fff", 1.0),
            ("#777777", 4.47),
            ("#767676", 4.54),
            ("#ff0000", 3.99),
            ("#0000ff", 8.59),
            ("#00ff00", 1.37),
        ] {
            assert!((contrast(color, "#fff") - wanted).abs() < 0.011, "{color}");
        }
    }

    #[test]
    fn a_mixture_lies_between_its_parts() {
        let (white, black) = (Color::WHITE, Color::BLACK);
        assert_eq!(white.mixed(black, 0), white);
        assert_eq!(white.mixed(black, 100), black);
        assert_eq!(white.mixed(black, 50).to_string(), "#808080");
        assert_eq!(black.mixed(white, 200), white);
    }
}
