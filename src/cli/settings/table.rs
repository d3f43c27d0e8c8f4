//! The one table of settings: their names, forms and sources. Merging, `config` and the check of
//! the configuration file all read it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::cli::globals::Globals;
use crate::cli::input;
use crate::cli::output::{Format, near_names};
use crate::domain::origin::{Origin as WebOrigin, web_address};
use crate::domain::project::{DEFAULT_PROJECT, ProjectName};
use crate::env;
use crate::error::{HubError, codes};

use super::state::State;

/// Where end users reach a hub of one's own, unless environment or profile say otherwise.
pub(super) const PUBLIC_URL: &str = "http://127.0.0.1:4780";

/// What a setting's text must look like.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum Form {
    /// Any text.
    Text,
    /// A path.
    Path,
    /// A path of an SQLite file, or a URL of a database.
    Store,
    /// The address of a proxy; it may have a password in it.
    Proxy,
    /// The address of a hub.
    Address,
    /// A project's name.
    Project,
    /// An output format.
    Output,
    /// `true` or `false`.
    Switch,
    /// A whole number within bounds.
    Count(u32, u32),
    /// A duration of at least so many seconds.
    Duration(i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Networks, comma-separated.
    Networks,
    /// Addresses of applications, comma-separated; only their origins count.
    Origins,
}

impl Form {
    /// Checks a value.
    ///
    /// # Errors
    /// With what is wrong, for people.
    pub(in crate::cli) fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Path if text.is_empty() => Err("is empty".to_owned()),
            Self::Text | Self::Proxy | Self::Path => Ok(()),
            Self::Store => State::of(text).map(drop).map_err(|none| none.to_string()),
            Self::Address => web_address(text).map(drop).map_err(|error| error.to_string()),
            Self::Project => {
                text.parse::<ProjectName>().map(drop).map_err(|error| error.to_string())
            }
            Self::Output => text.parse::<Format>().map(drop).map_err(|error| error.to_string()),
            Self::Switch => {
                let fine = matches!(text, "true" | "false");
                fine.then_some(()).ok_or_else(|| format!("`{}` is not true or false", cut(text)))
            }
            Self::Count(..) => self.count(text).map(drop),
            Self::Duration(_) => self.duration(text).map(drop),
            Self::Networks => networks(text).map(drop),
            Self::Origins => origins(text).map(drop),
            Self::Word(words) if words.contains(&text) => Ok(()),
            Self::Word(words) => Err(format!("`{}` is not one of {}", cut(text), words.join(", "))),
        }
    }

    /// Reads a whole number.
    pub(super) fn count(self, text: &str) -> Result<u32, String> {
        let Self::Count(least, most) = self else { return Err("is no number".to_owned()) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("`{}` is not a number from {least} to {most}", cut(text)))
    }

    /// Reads a duration.
    pub(super) fn duration(self, text: &str) -> Result<Duration, String> {
        let Self::Duration(least) = self else { return Err("is no duration".to_owned()) };
        input::wait(&cut(text), least)
    }

    /// The value as a profile keeps it: a path that holds wherever a command is run.
    ///
    /// # Errors
    /// When the working folder is gone, and a path depends on it.
    pub(in crate::cli) fn kept(self, text: &str) -> Result<Cow<'_, str>, HubError> {
        let path = match self {
            Self::Path => PathBuf::from(text),
            Self::Store => match State::of(text) {
                Ok(State::File(path)) => path,
                Ok(State::Postgres(url)) => return Ok(Cow::Owned(url)),
                Err(_) => return Ok(Cow::Borrowed(text)),
            },
            _ => return Ok(Cow::Borrowed(text)),
        };
        let whole = std::path::absolute(path).map_err(|error| {
            HubError::new(&codes::BAD_VALUE, format!("`{}` can't be made whole", cut(text)))
                .hint("give the path from the root on")
                .source(error)
        })?;
        // A folder's name that is no text can't be written into the file.
        let whole = whole.into_os_string().into_string();
        whole.map(Cow::Owned).map_err(|_| {
            HubError::new(&codes::BAD_VALUE, "the path is not valid UTF-8")
                .hint("give another path, from the root on")
        })
    }

    /// The value as it may be shown: without a password.
    pub(in crate::cli) fn shown(self, text: &str) -> Cow<'_, str> {
        if !matches!(self, Self::Store | Self::Proxy) {
            return Cow::Borrowed(text);
        }
        if matches!(self, Self::Store) {
            match State::of(text) {
                Ok(State::File(_)) => return Cow::Borrowed(text),
                Ok(State::Postgres(_)) => {}
                // It may be an address that is written wrongly.
                Err(_) => return Cow::Borrowed("***"),
            }
        }
        if let Ok(mut url) = text.parse::<Url>()
            && url.has_host()
        {
            // A driver also takes the password as a parameter.
            if url.password().is_none() && !url.query_pairs().any(|(key, _)| key == "password") {
                return Cow::Borrowed(text);
            }
            let query: Vec<(String, String)> =
                url.query_pairs().filter(|(key, _)| key != "password").map(owned).collect();
            _ = url.set_password(url.password().is_some().then_some("***"));
            url.set_query(None);
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            return Cow::Owned(url.to_string());
        }
        // What can't be read as an address may still hold a password.
        let is_plain = !text.contains(['@', '?']);
        if is_plain { Cow::Borrowed(text) } else { Cow::Borrowed("***") }
    }
}

/// The parts of a list that is written with commas.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Reads networks.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    listed(text).map(|part| input::network(&cut(part))).collect()
}

/// Reads origins.
pub(super) fn origins(text: &str) -> Result<Vec<WebOrigin>, String> {
    listed(text).map(|part| part.parse().map_err(|error| format!("{error}"))).collect()
}

fn owned((key, value): (Cow<'_, str>, Cow<'_, str>)) -> (String, String) {
    (key.into_owned(), value.into_owned())
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A flag that gives a setting.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Flag {
    /// Its name.
    pub(in crate::cli) name: &'static str,
    pub(super) given: fn(&Globals) -> Option<&OsStr>,
}

/// One setting, and where its value may come from.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Setting {
    /// Its name, and its key in a profile where it has one.
    pub(in crate::cli) key: &'static str,
    /// What it decides.
    pub(in crate::cli) meaning: &'static str,
    /// What its value looks like.
    pub(in crate::cli) form: Form,
    /// Its flag.
    pub(in crate::cli) flag: Option<Flag>,
    /// Its variables, the strongest first.
    pub(in crate::cli) variables: &'static [&'static str],
    /// Whether a profile may have it.
    pub(in crate::cli) in_profile: bool,
    /// What it is where nothing else says so.
    pub(in crate::cli) built_in: Option<&'static str>,
}

macro_rules! flag {
    ($name:literal, $field:ident) => {
        Some(Flag { name: $name, given: |globals| globals.$field.as_deref().map(AsRef::as_ref) })
    };
}

macro_rules! settings {
    ($(
        $ident:ident = $key:literal, $form:expr, $flag:expr, [$($variable:path),*],
        $in_profile:literal, $built_in:expr, $meaning:literal;
    )*) => {
        $(pub(super) const $ident: Setting = Setting {
            key: $key, meaning: $meaning, form: $form, flag: $flag, variables: &[$($variable),*],
            in_profile: $in_profile, built_in: $built_in,
        };)*
        /// Every setting, as `hubctl config explain` lists them.
        pub(in crate::cli) const SETTINGS: &[Setting] = &[$($ident),*];
    };
}

settings! {
    API_URL = "api_url", Form::Address, flag!("--api-url", api_url), [env::API_URL], true, None,
        "Address of the hub to act on; without it commands act on a local store.";
    STATE = "state", Form::Store, flag!("--state", state), [env::STATE], true, None,
        "The local store: a path of an SQLite file, or a postgres:// URL.";
    PROJECT = "project", Form::Project, flag!("--project", project), [env::PROJECT], true,
        Some(DEFAULT_PROJECT),
        "Project to act in.";
    KEY = "key", Form::Word(&["keyring", "file", "none"]), None, [], true, None,
        "Where the profile's API key is kept; `hubctl auth login` sets it.";
    PROTECTED = "protected", Form::Switch, None, [], true, Some("false"),
        "Whether every write needs --confirm with the profile's name.";
    PUBLIC_URL_OF = "public_url", Form::Address, None, [env::PUBLIC_URL], true,
        Some(PUBLIC_URL),
        "Where end users reach the hub of a local store: what auth links begin with.";
    APP_ORIGINS = "app_origins", Form::Origins, None, [], true, None,
        "Addresses of the applications that embed the hub's page, comma-separated.";
    ALLOW_TARGETS = "allow_targets", Form::Networks, None, [], true, None,
        "Networks of providers and receivers of webhooks that may be called although they are not \
         public, comma-separated.";
    OUTPUT = "output", Form::Output,
        Some(Flag {
            name: "--output",
            given: |globals| globals.output.map(|format| OsStr::new(format.name())),
        }),
        [env::OUTPUT], true, None,
        "Output format where no flag gives one.";
    ORIGIN_OWNER_ID = "origin_owner_id", Form::Text, None, [env::ORIGIN_OWNER_ID], true, None,
        "Origin owner id where no flag gives one.";
    ORIGIN_OWNER_NAME = "origin_owner_name", Form::Text, None, [env::ORIGIN_OWNER_NAME], true, None,
        "Origin owner name where no flag gives one.";
    REQUIRE_OWNER = "session.require_owner", Form::Switch, None, [], true, Some("false"),
        "Whether a session without an origin owner is refused, instead of making one up.";
    HTTP_TIMEOUT = "http_timeout", Form::Duration(1), flag!("--http-timeout", http_timeout),
        [env::HTTP_TIMEOUT], true, Some("30s"),
        "Longest time that one request to a hub may take.";
    RETRIES = "retries", Form::Count(0, 20), flag!("--retries", retries), [env::RETRIES], true,
        Some("3"),
        "How often a request that failed on the way is sent again, where that is safe.";
    MAX_WAIT = "max_wait", Form::Duration(0), flag!("--max-wait", max_wait), [env::MAX_WAIT], true,
        Some("60s"),
        "Longest time to wait in all for a hub that says to slow down.";
    CONCURRENCY = "concurrency", Form::Count(1, 64), flag!("--concurrency", concurrency), [], true,
        Some("4"),
        "Requests to a hub at the same time.";
    CACERT = "cacert", Form::Path, flag!("--cacert", cacert), [env::SSL_CERT_FILE], true, None,
        "File of PEM certificates to trust instead of the system's.";
    HTTPS_PROXY = "https_proxy", Form::Proxy, None,
        [env::HTTPS_PROXY_LOWER, env::HTTPS_PROXY, env::ALL_PROXY_LOWER, env::ALL_PROXY], false,
        None,
        "Proxy for https:// addresses.";
    HTTP_PROXY = "http_proxy", Form::Proxy, None,
        [env::HTTP_PROXY_LOWER, env::ALL_PROXY_LOWER, env::ALL_PROXY], false, None,
        "Proxy for http:// addresses.";
    NO_PROXY = "no_proxy", Form::Text, None, [env::NO_PROXY_LOWER, env::NO_PROXY], false, None,
        "Hosts that are reached without a proxy, comma-separated.";
    MASTER_KEY_FILE = "master_key_file", Form::Path, None, [env::MASTER_KEY_FILE], false, None,
        "File with the local store's master key.";
    API_KEY_FILE = "api_key_file", Form::Path, None, [env::API_KEY_FILE], false, None,
        "File with the API key.";
    ERROR_FORMAT = "error_format", Form::Text, None, [env::ERROR_FORMAT], false, None,
        "`json` writes errors as one line of JSON.";
}

/// The setting of this name that a profile may have.
pub(in crate::cli) fn in_profile(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.in_profile && setting.key == key)
}

/// A hint for a name that no setting has.
pub(in crate::cli) fn near(key: &str) -> String {
    let known: Vec<&str> =
        SETTINGS.iter().filter(|setting| setting.in_profile).map(|setting| setting.key).collect();
    near_names(key, &known)
}

#[cfg(test)]
mod tests {
    use super::{Form, SETTINGS};

    #[test]
    fn what_is_built_in_is_well_formed_and_names_come_once() {
        let mut names = std::collections::HashSet::new();
        for setting in SETTINGS {
            assert!(names.insert(setting.key), "{}", setting.key);
            assert!(setting.meaning.ends_with('.'), "{}", setting.key);
            if let Some(built_in) = setting.built_in {
                setting.form.check(built_in).unwrap();
            }
            for variable in setting.variables {
                assert!(crate::env::ALL.iter().any(|known| known.name == *variable), "{variable}");
            }
        }
    }

    #[test]
    fn threat_32_a_password_in_an_address_is_not_shown() {
        for (text, shown) in [
            ("postgres://hub:s3cret@db/hub", "postgres://hub:***@db/hub"),
            ("postgres://hub@db/hub?password=s3cret&a=b", "postgres://hub@db/hub?a=b"),
            ("postgres://hub@db/hub?a=b", "postgres://hub@db/hub?a=b"),
            ("postgres:///hub?host=/run", "***"),
            ("postgres://u:s3cret@bad host/", "***"),
            ("/var/lib/a@b.db", "/var/lib/a@b.db"),
            ("hub.db", "hub.db"),
            ("mysql://u:s3cret@db/hub", "***"),
            ("host=db password=s3cret", "***"),
        ] {
            assert_eq!(Form::Store.shown(text), shown);
        }
        assert_eq!(Form::Proxy.shown("http://u:s3cret@proxy:3128"), "http://u:***@proxy:3128/");
        assert_eq!(Form::Proxy.shown("u:s3cret@proxy:3128"), "***");
        assert_eq!(Form::Proxy.shown("proxy:3128"), "proxy:3128");
    }

    #[test]
    fn bounds_are_exact() {
        for (form, fine, bad) in [
            (Form::Count(0, 20), ["0", "20"], ["21", "-1"]),
            (Form::Count(1, 64), ["1", "64"], ["0", "x"]),
            (Form::Duration(1), ["1s", "1d"], ["0s", "86401"]),
            (Form::Duration(0), ["0", "60s"], ["-1s", "1.5s"]),
            (Form::Switch, ["true", "false"], ["yes", ""]),
            (Form::Word(&["a", "b"]), ["a", "b"], ["c", ""]),
            (Form::Networks, ["127.0.0.0/8, ::1", ""], ["10.0.0.0/99", "example.com"]),
            (Form::Origins, ["https://app.example, http://localhost:1", ""], ["app", "ftp://x"]),
        ] {
            for text in fine {
                assert_eq!(form.check(text), Ok(()), "{text}");
            }
            for text in bad {
                assert!(form.check(text).is_err(), "{text}");
            }
        }
    }
}
