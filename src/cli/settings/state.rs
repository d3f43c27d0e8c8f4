//! What names a store: the path of an SQLite file, or the address of a PostgreSQL database. What
//! looks like something else is refused, since a file of that name would be made otherwise.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// A local store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum State {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Postgres(String),
}

/// Why a text names no store, and what would. The text may hold a password and is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoStore {
    pub(super) why: &'static str,
    pub(super) hint: &'static str,
}

impl fmt::Display for NoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.why, self.hint)
    }
}

/// The forms that there are.
const FORMS: &str = "give the path of an SQLite file (./NAME where the name looks like something \
                     else), or postgres://USER:PASSWORD@HOST:PORT/DATABASE";
/// Words before a colon that stand for a database or a file even without a slash behind it.
const SCHEMES: &[&str] = &["file", "postgres", "postgresql", "sqlite", "sqlite3"];
/// Names of what libpq is told of a connection in its other form, `host=… password=…`.
const PARAMETERS: &[&str] =
    &["dbname", "host", "hostaddr", "passfile", "password", "port", "service", "user"];

const fn no_store(why: &'static str, hint: &'static str) -> NoStore {
    NoStore { why, hint }
}

impl State {
    /// Reads what names a store; blanks around it are not part of it.
    ///
    /// # Errors
    /// With what it is instead.
    pub(super) fn of(text: &str) -> Result<Self, NoStore> {
        let text = text.trim();
        if text.is_empty() {
            return Err(no_store("is empty", FORMS));
        }
        if text.starts_with(['/', '.', '\\']) || is_on_a_drive(text) {
            return Ok(Self::File(text.into()));
        }
        if text == "~" || text.starts_with('~') && text.contains('/') {
            let hint = "write the path from the root on, or ./~ for a name that begins so";
            return Err(no_store("begins with `~`, which only a shell replaces", hint));
        }
        if text.starts_with(':') {
            let hint = "write ./ in front of it, as in ./:memory:";
            return Err(no_store("begins with `:`, which SQLite takes for no file", hint));
        }
        let is_one_of = |word: &str, all: &[&str]| all.iter().any(|w| word.eq_ignore_ascii_case(w));
        if let Some((scheme, rest)) = text.split_once("://") {
            return if is_one_of(scheme, &["postgres", "postgresql"]) {
                Ok(Self::Postgres(format!("{}://{rest}", scheme.to_ascii_lowercase())))
            } else if is_one_of(scheme, &["http", "https"]) {
                let hint = "name the hub with --api-url, HUBCTL_API_URL or the profile's api_url";
                Err(no_store("is the address of a hub, not a store", hint))
            } else {
                Err(no_store("is an address that no store has", FORMS))
            };
        }
        let is_address = text.split_once(':').is_some_and(|(word, rest)| {
            let is_word = !word.contains(['/', '\\']);
            is_word && (rest.starts_with('/') || rest.contains('@') || is_one_of(word, SCHEMES))
        });
        if is_address {
            return Err(no_store("is an address that no store has", FORMS));
        }
        let is_pairs = text.match_indices('=').any(|(at, _)| {
            let before = text[..at].trim_end();
            let name = before.rsplit(|c: char| c.is_whitespace() || c == ';').next();
            name.is_some_and(|name| is_one_of(name, PARAMETERS))
        });
        if is_pairs {
            return Err(no_store("lists what a connection needs, and is no address", FORMS));
        }
        Ok(Self::File(text.into()))
    }

    /// Whether both are one store, whatever folder their paths are written from.
    pub(super) fn is(&self, other: &Self) -> bool {
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        match (self, other) {
            (Self::File(path), Self::File(other)) => whole(path) == whole(other),
            (Self::Postgres(url), Self::Postgres(other)) => url == other,
            _ => false,
        }
    }

    /// The same for what may be no text: a path need not be UTF-8, an address is.
    pub(super) fn of_os(value: &OsStr) -> Result<Self, NoStore> {
        if let Some(text) = value.to_str() {
            return Self::of(text);
        }
        match Self::of(&value.to_string_lossy())? {
            Self::File(_) => Ok(Self::File(value.into())),
            Self::Postgres(_) => Err(no_store("is not valid UTF-8", FORMS)),
        }
    }
}

/// The key file beside a store: `hub.key` for `hub.db`. The name of a store that ends otherwise stays
/// whole, so that two in one folder have two keys; one that has had a key under the short name keeps
/// it.
pub(super) fn key_file(store: &Path) -> PathBuf {
    let short = store.with_extension("key");
    let mut whole = store.as_os_str().to_owned();
    whole.push(".key");
    let whole = PathBuf::from(whole);
    let ending = store.extension();
    if ending.is_none_or(|ending| ending == "db") {
        return short;
    }
    match short != store && store.exists() && short.exists() && !whole.exists() {
        true => short,
        false => whole,
    }
}

/// Whether a path begins with the letter of a drive.
fn is_on_a_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_an_address_of_postgresql_names_a_store() {
        for path in [
            "hub.db",
            "/var/lib/a@b.db",
            "dir/hub.db",
            "./mysql://x",
            "../host=1",
            "/x/host=a password=b",
            "C:\\hubs\\hub.db",
            "c:/hub.db",
            "\\\\server\\share\\hub.db",
            "hub:2026.db",
            "dir/at:12@home.db",
            "my hub.db",
            "a=b.db",
            "ghost=1.db",
            "~hub.db",
            "./:memory:",
        ] {
            assert_eq!(State::of(path), Ok(State::File(path.into())), "{path}");
            assert_eq!(State::of(&format!(" {path}\n")), Ok(State::File(path.into())), "{path}");
        }
        for (text, url) in [
            ("postgres://u:p@h/d", "postgres://u:p@h/d"),
            (" postgresql://H/D\n", "postgresql://H/D"),
            ("POSTGRES://u:P@h/d", "postgres://u:P@h/d"),
            ("PostgreSQL://u:p@h:1/d?a=B", "postgresql://u:p@h:1/d?a=B"),
        ] {
            assert_eq!(State::of(text), Ok(State::Postgres(url.to_owned())), "{text}");
        }
    }

    #[test]
    fn one_store_may_be_written_from_another_folder_on() {
        let here = std::env::current_dir().unwrap().join("hub.db");
        let state = |text: &str| State::of(text).unwrap();
        assert!(state("hub.db").is(&state("./hub.db")));
        assert!(state("hub.db").is(&State::File(here)));
        assert!(!state("hub.db").is(&state("other.db")));
        assert!(state("postgresql://h/d").is(&state("PostgreSQL://h/d")));
        assert!(!state("postgres://h/d").is(&state("./postgres")));
    }

    #[test]
    fn threat_32_what_names_no_store_is_refused_and_not_repeated() {
        for (text, why) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("~", "`~`"),
            ("~/hub.db", "`~`"),
            ("~me/SEC.db", "`~`"),
            (":memory:", "`:`"),
            (" :SEC", "`:`"),
            ("mysql://u:SEC@db/hub", "no store has"),
            ("postgresql+psycopg://u:SEC@db/hub", "no store has"),
            ("jdbc:postgresql://db/hub?password=SEC", "no store has"),
            ("\"postgres://u:SEC@db/hub\"", "no store has"),
            ("postgres:/u:SEC@db/hub", "no store has"),
            ("postgres:SEC", "no store has"),
            ("hub:SEC@db:5432/hub", "no store has"),
            ("u:SEC@db/hub", "no store has"),
            ("sqlite:///hub.db", "no store has"),
            ("sqlite:hub.db", "no store has"),
            ("File:hub.db?mode=ro", "no store has"),
            ("https://hub.example.com/SEC", "--api-url"),
            ("HTTP://hub", "--api-url"),
            ("host=db password=SEC", "is no address"),
            ("sslmode=require\tPassword = SEC", "is no address"),
            ("Server=db;User=u;Password=SEC", "is no address"),
        ] {
            let told = State::of(text).unwrap_err().to_string();
            assert!(told.contains(why) && !told.contains("SEC"), "{text}: {told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_a_path_may_be_something_else_than_text() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = OsStr::from_bytes(b"hub\xff.db");
        assert_eq!(State::of_os(path), Ok(State::File(path.into())));
        for address in [&b"postgres://u:\xff@h/d"[..], b"mysql://u:\xff@h/d"] {
            assert!(State::of_os(OsStr::from_bytes(address)).is_err());
        }
    }

    #[test]
    fn stores_in_one_folder_have_keys_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let key = |name: &str| key_file(&at(name));
        for (store, file) in
            [("hub.db", "hub.key"), ("hub", "hub.key"), ("hub.prod", "hub.prod.key")]
        {
            assert_eq!(key(store), at(file));
        }
        // A store is never its own key.
        assert_eq!(key("hub.key"), at("hub.key.key"));
        // A new store takes no key of another one; one that has always had it keeps it.
        std::fs::write(at("hub.key"), "").unwrap();
        assert_eq!(key("hub.prod"), at("hub.prod.key"));
        std::fs::write(at("hub.prod"), "").unwrap();
        assert_eq!(key("hub.prod"), at("hub.key"));
        std::fs::write(at("hub.prod.key"), "").unwrap();
        assert_eq!(key("hub.prod"), at("hub.prod.key"));
    }
}
