//! Projects: the unit of isolation.

use std::fmt;
use std::str::FromStr;

use super::allowlist::Allowlist;
use super::brand::Brand;
use super::ids::ProjectNumber;
use super::origin::{BadWebAddress, Origin};
use super::request_log::Keeping;
use super::time::Timestamp;

/// The project that every store has.
pub const DEFAULT_PROJECT: &str = "default";

/// A project's name, which is also its id on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

/// The text is not a project name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a project name: use 1 to 63 lower-case letters, digits, `-` and `_`, \
     beginning with a letter or digit"
)]
pub struct BadProjectName(String);

impl ProjectName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = BadProjectName;

    fn from_str(text: &str) -> Result<Self, BadProjectName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fine = (1..=63).contains(&text.len())
            && text.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'_')
            && text.bytes().next().is_some_and(plain);
        if fine {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadProjectName(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Origins of the applications that embed a project's page: logins may return to them (OA-11). As
/// text they have spaces between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppOrigins(Vec<Origin>);

impl AppOrigins {
    /// The origins of addresses, each once.
    #[must_use]
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        let mut kept = Vec::new();
        for origin in origins {
            if !kept.contains(&origin) {
                kept.push(origin);
            }
        }
        Self(kept)
    }

    /// The origins.
    #[must_use]
    pub fn as_slice(&self) -> &[Origin] {
        &self.0
    }
}

impl fmt::Display for AppOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.0.iter().map(Origin::as_str).collect();
        f.write_str(&texts.join(" "))
    }
}

impl FromStr for AppOrigins {
    type Err = BadWebAddress;

    fn from_str(text: &str) -> Result<Self, BadWebAddress> {
        let origins: Result<Vec<Origin>, _> = text.split_whitespace().map(str::parse).collect();
        origins.map(Self::new)
    }
}

/// A project as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The number by which rows refer to it.
    pub number: ProjectNumber,
    /// Its name.
    pub name: ProjectName,
    /// Where its API keys may be used from (KP-8).
    pub allowlist: Allowlist,
    /// Applications that embed its page.
    pub app_origins: AppOrigins,
    /// What it wants of its log (KP-9, KP-10).
    pub keeping: Keeping,
    /// How its page looks.
    pub brand: Brand,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::ProjectName;

    #[test]
    fn names_are_slugs() {
        for fine in ["default", "dev-project-68574", "0_a"] {
            assert!(fine.parse::<ProjectName>().is_ok(), "{fine}");
        }
        for bad in ["", "-a", "A", "a b", "a/b", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad:?}");
        }
    }
}
