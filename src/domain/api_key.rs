//! API keys: a caller's credential, bound to one project and a set of scopes (rules KP-*).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::allowlist::Allowlist;
use super::caller::{ActingKey, Caller, Permission, Permissions};
use super::ids::{ApiKeyId, KeyNumber};
use super::refusal::{Problem, Refusal};
use super::time::Timestamp;
use super::words::escaped;

/// Longest name, in bytes.
pub const NAME_LIMIT: usize = 64;
/// Longest life that a key can be given, in seconds: ten years. Without one it never expires.
pub const LONGEST_LIFE_S: i64 = 315_360_000;
/// How long somebody may take to ask again with what they were told, in seconds.
const TO_ASK_AGAIN_S: i64 = 30;
/// How long a noted use stands before the next one is noted, in seconds.
pub const USE_NOTED_EVERY_S: i64 = 60;

/// A key's name: it never changes (KP-2), and no other key of the project has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// The text is not a key's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a key's name: use 1 to {NAME_LIMIT} letters, digits, `-`, `_` and `.`, beginning \
     with a letter or digit; it may not look like an id"
)]
pub struct BadKeyName(String);

impl KeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = BadKeyName;

    fn from_str(text: &str) -> Result<Self, BadKeyName> {
        let fine = (1..=NAME_LIMIT).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
            // Keys are named by id or name: a name must not hide another key's id. One that looks
            // like a key's text is most likely the secret itself, given by mistake.
            && uuid::Uuid::try_parse(text).is_err()
            && !text.starts_with("v1.");
        if fine {
            return Ok(Self(text.to_owned()));
        }
        let shown = match text.starts_with("v1.") {
            true => "v1.…".to_owned(),
            false => escaped(text, NAME_LIMIT),
        };
        Err(BadKeyName(shown))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its name.
    pub name: KeyName,
    /// What it may do; `None` asks for the usual scopes.
    pub scopes: Option<Permissions>,
    /// Life in seconds; `None` for a key that does not expire.
    pub expires_in_s: Option<i64>,
}

/// The scopes of a key that asks for none; `admin` is never among them.
#[must_use]
pub fn default_scopes() -> Permissions {
    [
        Permission::PlatformRead,
        Permission::PlatformWrite,
        Permission::UnifiedRead,
        Permission::UnifiedWrite,
        Permission::ConnectorsRead,
    ]
    .into_iter()
    .collect()
}

/// A key as stored: everything but its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Number of its row, which its text carries.
    pub number: KeyNumber,
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub scopes: Permissions,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// When it was last used, as far as noted (KP-2).
    pub last_used_at: Option<Timestamp>,
}

/// How a key stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename = "KeyStatus", rename_all = "snake_case")]
pub enum State {
    /// It works.
    Active,
    /// It was disabled, and works again when enabled.
    Disabled,
    /// Its life is over.
    Expired,
}

impl State {
    /// The state as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        }
    }
}

/// Why a key does not admit its holder now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// It is disabled (KP-3).
    Disabled,
    /// Its life is over.
    Expired,
    /// The project admits other addresses only (KP-8).
    Address,
}

/// Decides on a new key: its number is given by the store.
///
/// # Errors
/// [`Refusal::ScopesExceeded`] where it could do more than its maker, [`Refusal::OutlivesMaker`]
/// where it would work longer; [`Refusal::KeyInvalid`] where it has no scope or its life is out of
/// bounds.
pub fn make(new: NewKey, id: ApiKeyId, maker: &Caller, now: Timestamp) -> Result<ApiKey, Refusal> {
    let scopes = new.scopes.unwrap_or_else(default_scopes);
    if scopes.is_empty() {
        let problem = Problem::new("scopes", "a key needs at least one scope");
        return Err(Refusal::KeyInvalid(problem));
    }
    if let Some(life) = new.expires_in_s
        && !(1..=LONGEST_LIFE_S).contains(&life)
    {
        let text = format!("use 1 to {LONGEST_LIFE_S} seconds (ten years)");
        return Err(Refusal::KeyInvalid(Problem::new("expires_in", text)));
    }
    let lacking = maker.lacks(scopes);
    if !lacking.is_empty() {
        return Err(Refusal::ScopesExceeded { lacking });
    }
    let expires_at = new.expires_in_s.map(|life| now.plus_seconds(life));
    if let Some(end) = maker.ends_at()
        && expires_at.is_none_or(|own| own > end)
    {
        let left_s = (end.millis_since(now) / 1_000 - TO_ASK_AGAIN_S).max(0);
        return Err(Refusal::OutlivesMaker { end, left_s });
    }
    Ok(ApiKey {
        number: KeyNumber(0),
        id,
        name: new.name,
        scopes,
        created_at: now,
        expires_at,
        disabled_at: None,
        last_used_at: None,
    })
}

impl ApiKey {
    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        match (self.disabled_at, self.expires_at) {
            (_, Some(end)) if end <= now => State::Expired,
            (Some(_), _) => State::Disabled,
            (None, _) => State::Active,
        }
    }

    /// Whether whoever holds it may come in now from this address.
    ///
    /// # Errors
    /// Why not.
    pub fn admits(
        &self,
        now: Timestamp,
        allowlist: &Allowlist,
        source: Option<IpAddr>,
    ) -> Result<(), NotAdmitted> {
        match self.state(now) {
            State::Disabled => Err(NotAdmitted::Disabled),
            State::Expired => Err(NotAdmitted::Expired),
            State::Active if !allowlist.admits(source) => Err(NotAdmitted::Address),
            State::Active => Ok(()),
        }
    }

    /// The key as it acts.
    #[must_use]
    pub fn acting(&self) -> ActingKey {
        let Self { number, id, name, scopes, expires_at, .. } = self;
        let (number, scopes, expires_at) = (*number, *scopes, *expires_at);
        ActingKey { number, id: id.clone(), name: name.clone(), scopes, expires_at }
    }

    /// The key disabled; `None` if it is already.
    #[must_use]
    pub fn disable(&self, now: Timestamp) -> Option<Self> {
        self.disabled_at.is_none().then(|| Self { disabled_at: Some(now), ..self.clone() })
    }

    /// The key enabled; `None` if it is already. One whose life is over stays expired.
    #[must_use]
    pub fn enable(&self) -> Option<Self> {
        self.disabled_at.is_some().then(|| Self { disabled_at: None, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ProjectNumber;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_780_315_200_000)
    }

    fn asked(scopes: Option<&str>, expires_in_s: Option<i64>) -> NewKey {
        let scopes = scopes.map(|scopes| scopes.parse().unwrap());
        NewKey { name: "ci".parse().unwrap(), scopes, expires_in_s }
    }

    fn local() -> Caller {
        Caller::local(ProjectNumber(1), "default".to_owned())
    }

    fn made(new: NewKey) -> ApiKey {
        make(new, "k".parse().unwrap(), &local(), now()).unwrap()
    }

    #[test]
    fn names_are_slugs_that_look_like_no_id_and_no_secret() {
        for fine in ["ci", "CI-2", "0", "deploy.prod_eu", &"a".repeat(64)] {
            assert!(fine.parse::<KeyName>().is_ok(), "{fine}");
        }
        let id = "0199c2d4-7c1e-7000-8000-000000000000";
        for bad in ["", "-a", ".a", "a b", "a/b", "ä", "a\n", &"a".repeat(65), id, "v1.local.1_x"]
        {
            assert!(bad.parse::<KeyName>().is_err(), "{bad:?}");
        }
        let error = "v1.local.1_s3cret".parse::<KeyName>().unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
        let error = "\u{1b}[2J".parse::<KeyName>().unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn a_new_key_has_the_usual_scopes_never_admin_and_no_end() {
        let key = made(asked(None, None));
        let usual = "platform:read platform:write unified:read unified:write connectors:read";
        assert_eq!(key.scopes.to_string(), usual);
        assert_eq!((key.expires_at, key.state(now())), (None, State::Active));
    }

    #[test]
    fn life_is_bounded_and_a_scope_is_needed() {
        for life in [0, -1, LONGEST_LIFE_S + 1, i64::MAX, i64::MIN] {
            let refused = make(asked(None, Some(life)), "k".parse().unwrap(), &local(), now());
            assert!(
                matches!(refused, Err(Refusal::KeyInvalid(problem)) if problem.field == "expires_in")
            );
        }
        let refused = make(asked(Some(""), None), "k".parse().unwrap(), &local(), now());
        assert!(matches!(refused, Err(Refusal::KeyInvalid(problem)) if problem.field == "scopes"));
        assert_eq!(made(asked(None, Some(10))).expires_at, Some(now().plus_seconds(10)));
    }

    #[test]
    fn nobody_makes_a_key_that_may_do_more_than_its_maker() {
        let maker = made(asked(Some("platform:read admin"), None)).acting();
        let maker = Caller::with_key(maker, ProjectNumber(1), "default".to_owned());
        let make = |scopes| make(asked(scopes, None), "k".parse().unwrap(), &maker, now());
        assert!(make(Some("platform:read")).is_ok());
        // Whoever may read auth configs may read connectors.
        let lacking = "platform:write unified:read unified:write".parse().unwrap();
        assert_eq!(make(None), Err(Refusal::ScopesExceeded { lacking }));
    }

    #[test]
    fn kp_3_nobody_makes_a_key_that_works_longer_than_its_maker() {
        let maker = made(asked(Some("admin"), Some(60))).acting();
        let maker = Caller::with_key(maker, ProjectNumber(1), "default".to_owned());
        let later = now().plus_seconds(20);
        let make = |life| make(asked(Some("admin"), life), "k".parse().unwrap(), &maker, later);
        let (end, left_s) = (now().plus_seconds(60), 10);
        for longer in [None, Some(41), Some(LONGEST_LIFE_S)] {
            assert_eq!(make(longer), Err(Refusal::OutlivesMaker { end, left_s }), "{longer:?}");
        }
        assert_eq!(make(Some(40)).unwrap().expires_at, Some(end));
    }

    #[test]
    fn kp_3_disabled_and_expired_keys_admit_nobody() {
        let key = made(asked(None, Some(10)));
        let open = Allowlist::default();
        assert_eq!(key.admits(now(), &open, None), Ok(()));
        let end = now().plus_seconds(10);
        assert_eq!(key.admits(end, &open, None), Err(NotAdmitted::Expired));
        let off = key.disable(now()).unwrap();
        assert_eq!(off.admits(now(), &open, None), Err(NotAdmitted::Disabled));
        assert_eq!(
            (off.disable(now()), off.enable(), key.enable()),
            (None, Some(key.clone()), None)
        );
        assert_eq!(off.state(end), State::Expired);
    }

    #[test]
    fn kp_8_an_address_that_is_not_listed_is_refused() {
        let key = made(asked(None, None));
        let list: Allowlist = "10.0.0.0/8".parse().unwrap();
        let from = |text: &str| key.admits(now(), &list, Some(text.parse().unwrap()));
        assert_eq!(from("10.1.2.3"), Ok(()));
        assert_eq!(from("11.1.2.3"), Err(NotAdmitted::Address));
        assert_eq!(key.admits(now(), &list, None), Err(NotAdmitted::Address));
    }
}
