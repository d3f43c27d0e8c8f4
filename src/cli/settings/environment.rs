//! The environment of this process, read once; nothing else reads it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::cli::globals::ColorChoice;
use crate::cli::output::Format;
use crate::env;
use crate::error::{HubError, codes};

/// The variables that hubctl knows, with their values.
#[derive(Default)]
pub(in crate::cli) struct Environment {
    values: BTreeMap<&'static str, OsString>,
    empty: Vec<&'static str>,
}

/// Values are left out: some are keys and passwords.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Environment {
    /// Reads the variables that hubctl knows; an empty one has no value.
    pub(in crate::cli) fn read() -> Self {
        let mut read = Self::default();
        for name in env::ALL.iter().map(|variable| variable.name) {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads them")]
            let value = std::env::var_os(name);
            match value {
                Some(value) if value.is_empty() => read.empty.push(name),
                Some(value) => _ = read.values.insert(name, value),
                None => {}
            }
        }
        read
    }

    #[cfg(test)]
    pub(super) fn of(pairs: &[(&'static str, &str)]) -> Self {
        let values = pairs.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
        Self { values, empty: Vec::new() }
    }

    /// The value of a variable, whatever it is made of.
    pub(super) fn os(&self, name: &str) -> Option<&OsStr> {
        self.values.get(name).map(OsString::as_os_str)
    }

    /// The value of a variable as text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, HubError> {
        let Some(value) = self.os(name) else { return Ok(None) };
        let text = value.to_str();
        text.map(Some).ok_or_else(|| {
            HubError::new(&codes::BAD_VALUE, format!("the value of {name} is not valid UTF-8"))
        })
    }

    /// Whether a variable has a value.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.os(name).is_some()
    }

    /// Whether a variable is there without a value.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        self.empty.contains(&name)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.os(name).is_some_and(|found| found == value)
    }

    /// Whether errors are JSON even where the output is not.
    pub(in crate::cli) fn wants_json_errors(&self) -> bool {
        self.is(env::ERROR_FORMAT, "json")
    }

    /// Whether the output format of the environment is one for machines.
    pub(in crate::cli) fn wants_machine_output(&self) -> bool {
        self.os(env::OUTPUT)
            .and_then(|text| text.to_str()?.parse::<Format>().ok())
            .is_some_and(Format::is_machine)
    }

    /// Whether the terminal can do nothing but write on.
    pub(in crate::cli) fn is_dumb(&self) -> bool {
        self.is(env::TERM, "dumb")
    }

    /// Whether a stream may have colours.
    pub(in crate::cli) fn color(&self, choice: ColorChoice, is_terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.is_set(env::NO_COLOR) => false,
            ColorChoice::Auto if self.is_set(env::CLICOLOR_FORCE) => {
                !self.is(env::CLICOLOR_FORCE, "0")
            }
            ColorChoice::Auto => is_terminal && !self.is(env::CLICOLOR, "0") && !self.is_dumb(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;
    use crate::env;

    #[test]
    fn threat_32_debug_shows_no_value() {
        let shown = format!("{:?}", Environment::of(&[(env::API_KEY, "s3cret")]));
        assert!(!shown.contains("s3cret") && shown.contains(env::API_KEY), "{shown}");
    }
}
