//! How a project's page looks: its name, its colour and its logo, each of which may be absent.

use std::fmt;
use std::str::FromStr;

mod color;
mod logo;
mod theme;

pub use color::{BadColor, Color};
pub use logo::{BadLogo, Kind, LARGEST_BYTES, Logo, LogoMark};
pub use theme::{Palette, Theme};

/// Longest name, in characters.
const LONGEST_NAME: usize = 60;

/// What the page calls the project: one line, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

/// The text is no name for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a display name has 1 to {LONGEST_NAME} characters, none of which controls the text")]
pub struct BadDisplayName;

impl DisplayName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = BadDisplayName;

    fn from_str(text: &str) -> Result<Self, BadDisplayName> {
        let text = text.trim();
        // What turns the direction of a text round makes one name look like another.
        let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let is_long = text.chars().count() > LONGEST_NAME;
        if text.is_empty() || is_long || text.chars().any(|c| c.is_control() || turns(c)) {
            return Err(BadDisplayName);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What to do with a setting that may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// It stays.
    #[default]
    Keep,
    /// It is absent from now on.
    Clear,
    /// It has this value from now on.
    Set(T),
}

impl<T> Edit<T> {
    /// The setting after the change.
    #[must_use]
    pub fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Whether anything is said about the setting.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// The same for a value made from this one.
    #[must_use]
    pub fn map<U>(&self, make: impl FnOnce(&T) -> U) -> Edit<U> {
        match self {
            Self::Keep => Edit::Keep,
            Self::Clear => Edit::Clear,
            Self::Set(value) => Edit::Set(make(value)),
        }
    }
}

/// An empty text clears.
impl<T: FromStr> FromStr for Edit<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        match text.trim() {
            "" => Ok(Self::Clear),
            text => text.parse().map(Self::Set),
        }
    }
}

/// How a project's page looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brand {
    /// What the page calls the project.
    pub name: Option<DisplayName>,
    /// The colour of its buttons and links.
    pub accent: Option<Color>,
    /// Its logo, without the picture itself.
    pub logo: Option<LogoMark>,
}

/// What to change of a look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// What the page calls the project.
    pub name: Edit<DisplayName>,
    /// The colour of its buttons and links.
    pub accent: Edit<Color>,
    /// Its logo.
    pub logo: Edit<Logo>,
}

impl Brand {
    /// The look after the changes.
    #[must_use]
    pub fn changed(&self, changes: &Changes) -> Self {
        Self {
            name: changes.name.clone().over(self.name.clone()),
            accent: changes.accent.clone().over(self.accent),
            logo: changes.logo.map(Logo::mark).over(self.logo.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Brand, Changes, Color, DisplayName, Edit, Logo};

    #[test]
    fn a_name_is_one_line_that_looks_as_it_is_written() {
        for fine in ["Acme", " Ärzte & Söhne ", "日本", &"x".repeat(60)] {
            let name = fine.parse::<DisplayName>();
            assert_eq!(name.map(|name| name.as_str().to_owned()).as_deref(), Ok(fine.trim()));
        }
        for bad in ["", "  ", "a\nb", "a\u{202e}b", "a\u{2066}b", "a\u{7f}", &"x".repeat(61)] {
            assert!(bad.parse::<DisplayName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_empty_text_clears_and_silence_keeps() {
        let color: Color = "#123456".parse().unwrap();
        assert_eq!("".parse::<Edit<Color>>(), Ok(Edit::Clear));
        assert_eq!(" #123456 ".parse::<Edit<Color>>(), Ok(Edit::Set(color)));
        assert!("blue".parse::<Edit<Color>>().is_err());
        assert_eq!(Edit::Keep.over(Some(1)), Some(1));
        assert_eq!(Edit::Clear.over(Some(1)), None);
        assert_eq!(Edit::Set(2).over(Some(1)), Some(2));
    }

    #[test]
    fn a_look_changes_in_what_is_given_alone() {
        let logo = Logo::read(b"\x89PNG\r\n\x1a\nand so on".to_vec()).unwrap();
        let set = Changes {
            name: Edit::Set("Acme".parse().unwrap()),
            logo: Edit::Set(logo.clone()),
            ..Changes::default()
        };
        let brand = Brand::default().changed(&set);
        assert_eq!(brand.name.as_ref().map(DisplayName::as_str), Some("Acme"));
        assert_eq!((brand.accent, brand.logo.clone()), (None, Some(logo.mark())));
        assert_eq!(brand.changed(&Changes::default()), brand);
        let cleared = brand.changed(&Changes { name: Edit::Clear, ..Changes::default() });
        assert_eq!((cleared.name, cleared.logo), (None, Some(logo.mark())));
    }
}
