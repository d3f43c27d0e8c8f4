//! Reads the configuration file. An entry that hubctl does not know is an error with its place: a
//! setting that is misspelt would silently not hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cli::output::near_names;
use crate::error::{HubError, codes};
use crate::hub::private_file;

use super::table::{self, Form};

/// Longest configuration file, in bytes.
const LIMIT: u32 = 1 << 20;

/// The settings of a profile, by their names.
pub(in crate::cli) type Values = BTreeMap<&'static str, String>;

/// What the configuration file says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Config {
    /// The profile to use where nothing else names one.
    pub(in crate::cli) profile: Option<String>,
    /// The profiles.
    pub(in crate::cli) profiles: BTreeMap<String, Values>,
}

/// Where it is in a configuration folder.
pub(in crate::cli) fn path_in(folder: &Path) -> PathBuf {
    folder.join("config.toml")
}

/// The text of the file; `None` if there is none.
pub(in crate::cli) fn text(path: &Path) -> Result<Option<String>, HubError> {
    // A look at the folder entry is all that most commands need. A link that leads nowhere is
    // something, and refused below as every link is.
    let absent = [std::io::ErrorKind::NotFound, std::io::ErrorKind::NotADirectory];
    if path.symlink_metadata().is_err_and(|error| absent.contains(&error.kind())) {
        return Ok(None);
    }
    let Some(bytes) = private_file::read_private(path, LIMIT, &codes::CONFIG_INVALID)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes);
    text.map(|text| Some(text.to_owned())).map_err(|_| {
        HubError::new(&codes::CONFIG_INVALID, format!("{} is not valid UTF-8", path.display()))
    })
}

/// Reads the file; an absent one says nothing.
pub(in crate::cli) fn read(path: &Path) -> Result<Config, HubError> {
    text(path)?.map_or_else(|| Ok(Config::default()), |text| parse(&text, path))
}

/// Reads the text of the file.
pub(in crate::cli) fn parse(text: &str, path: &Path) -> Result<Config, HubError> {
    let reader = Reader { text, path };
    let file =
        DeTable::parse(text).map_err(|error| reader.invalid(error.span(), error.message()))?;
    let mut config = Config::default();
    for (key, value) in file.get_ref() {
        match key.get_ref().as_ref() {
            "profile" => {
                let name = value.get_ref().as_str();
                let name = name.ok_or_else(|| reader.wrong(value, "profile", "a text"))?;
                config.profile = Some(name.to_owned());
            }
            "profiles" => {
                let profiles = value.get_ref().as_table();
                let profiles = profiles.ok_or_else(|| reader.wrong(value, "profiles", "tables"))?;
                for (name, value) in profiles {
                    let name = name.get_ref().to_string();
                    let profile = value.get_ref().as_table();
                    let profile = profile.ok_or_else(|| reader.wrong(value, &name, "a table"))?;
                    let mut values = Values::new();
                    reader.collect("", profile, &mut values)?;
                    config.profiles.insert(name, values);
                }
            }
            other => return Err(reader.unknown(key, other, &near_names(other, &TOP))),
        }
    }
    Ok(config)
}

/// What the file may have at its top.
const TOP: [&str; 2] = ["profile", "profiles"];

struct Reader<'t> {
    text: &'t str,
    path: &'t Path,
}

impl Reader<'_> {
    fn collect(&self, before: &str, from: &DeTable<'_>, into: &mut Values) -> Result<(), HubError> {
        for (key, value) in from {
            let name = format!("{before}{}", key.get_ref());
            let below = format!("{name}.");
            let is_group = table::SETTINGS.iter().any(|setting| setting.key.starts_with(&below));
            match value.get_ref() {
                DeValue::Table(inner) if is_group => self.collect(&below, inner, into)?,
                found => {
                    let setting = table::in_profile(&name)
                        .ok_or_else(|| self.unknown(key, &name, &table::near(&name)))?;
                    let text = as_text(setting.form, found)
                        .map_err(|wanted| self.wrong(value, &name, wanted))?;
                    into.insert(setting.key, text);
                }
            }
        }
        Ok(())
    }

    fn unknown<T>(&self, at: &Spanned<T>, name: &str, hint: &str) -> HubError {
        let shown: String = name.chars().take(80).collect();
        self.invalid(Some(at.span()), &format!("unknown field `{shown}`")).hint(hint.to_owned())
    }

    fn wrong<T>(&self, at: &Spanned<T>, name: &str, wanted: &str) -> HubError {
        self.invalid(Some(at.span()), &format!("`{name}` must be {wanted}"))
    }

    fn invalid(&self, span: Option<std::ops::Range<usize>>, message: &str) -> HubError {
        let before = span.and_then(|span| self.text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let text = format!("{} line {line}: {message}", self.path.display());
        HubError::new(&codes::CONFIG_INVALID, text)
    }
}

/// The value as text, or what it should have been.
fn as_text(form: Form, value: &DeValue<'_>) -> Result<String, &'static str> {
    let number = || {
        let number = value.as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    };
    match form {
        Form::Switch => value.as_bool().map(|on| on.to_string()).ok_or("true or false"),
        Form::Count(..) => number().map(|number| number.to_string()).ok_or("a whole number"),
        Form::Duration(_) => {
            let text = value.as_str().map(str::to_owned);
            let text = text.or_else(|| number().map(|number| number.to_string()));
            text.ok_or("a duration such as \"30s\"")
        }
        _ => value.as_str().map(str::to_owned).ok_or("a text in quotes"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::parse;

    fn told(text: &str) -> String {
        let error = parse(text, Path::new("config.toml")).unwrap_err();
        format!("{} | {}", error.message(), error.hint_text().unwrap_or_default())
    }

    #[test]
    fn values_are_read_by_their_names() {
        let text = "profile = 'a'\n[profiles.a]\nretries = 0x5\nprotected = true\n\
                    http_timeout = 10\nmax_wait = '1m'\nsession.require_owner = true\n\
                    [profiles.\"b c\".session]\nrequire_owner = false\n[profiles.d]\n";
        let config = parse(text, Path::new("config.toml")).unwrap();
        assert_eq!(config.profile.as_deref(), Some("a"));
        let a: Vec<(&str, &str)> =
            config.profiles["a"].iter().map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(
            a,
            [
                ("http_timeout", "10"),
                ("max_wait", "1m"),
                ("protected", "true"),
                ("retries", "5"),
                ("session.require_owner", "true"),
            ]
        );
        assert_eq!(config.profiles["b c"]["session.require_owner"], "false");
        assert!(config.profiles["d"].is_empty());
        assert_eq!(parse("", Path::new("x")).unwrap(), super::Config::default());
    }

    #[test]
    fn what_is_unknown_or_of_another_type_is_told_with_its_line() {
        for (text, expected) in [
            (
                "\n[profiles.a]\napi_ulr = 'x'",
                "line 3: unknown field `api_ulr` | did you mean `api_url`?",
            ),
            ("profil = 'x'", "line 1: unknown field `profil` | did you mean `profile`?"),
            ("[profiles.a.session]\nx = 1", "line 2: unknown field `session.x`"),
            ("[profiles.a.sessions]\nx = 1", "line 1: unknown field `sessions`"),
            ("[profiles.a]\nprotected = 'yes'", "line 2: `protected` must be true or false"),
            ("[profiles.a]\nretries = '3'", "line 2: `retries` must be a whole number"),
            ("[profiles.a]\nproject = 3", "line 2: `project` must be a text"),
            ("[profiles.a]\nsession = 3", "line 2: unknown field `session`"),
            ("profiles = 3", "line 1: `profiles` must be tables"),
            ("[profiles]\na = 3", "line 2: `a` must be a table"),
            ("profile = 3", "line 1: `profile` must be a text"),
            ("a = [\n", "line 1"),
            ("[profiles.a]\n[profiles.a]", "line 2"),
            ("[profiles.a]\nhttps_proxy = 'x'", "unknown field `https_proxy`"),
        ] {
            let told = told(text);
            assert!(told.contains(expected), "{text:?}: {told}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\PC|\n){0,200}") {
            _ = parse(&text, Path::new("x"));
        }
    }
}
