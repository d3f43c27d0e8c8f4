//! Auth configs: one way in which a connector is set up in a project (rules AC-*).

use std::collections::{BTreeMap, BTreeSet};

use super::ids::AuthConfigId;
use super::names::{AuthMethodKey, ConnectorKey};
use super::refusal::{Problem, Refusal};
use super::time::Timestamp;

/// Longest name of an auth config, in characters.
pub const NAME_LIMIT: usize = 120;

/// An auth config as stored; its secrets are sealed elsewhere and only named here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// Its id.
    pub id: AuthConfigId,
    /// The connector that it sets up.
    pub connector: ConnectorKey,
    /// The connector's authentication method that it uses.
    pub method: AuthMethodKey,
    /// Name, unique in the project.
    pub name: String,
    /// Whether sessions that name none use this one (AC-3).
    pub is_default: bool,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// Version pin (AC-45).
    pub pin: Option<VersionPin>,
    /// The administrator's set-up values that are not secret.
    pub setup: BTreeMap<String, String>,
    /// Names of the set-up values that are stored sealed (AC-37).
    pub secrets: BTreeSet<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts changes; a save with an old number is refused.
    pub version: i64,
}

/// What an administrator asks for when adding one.
#[derive(Debug, Clone)]
pub struct NewAuthConfig {
    /// Its id.
    pub id: AuthConfigId,
    /// The connector.
    pub connector: ConnectorKey,
    /// The authentication method.
    pub method: AuthMethodKey,
    /// Its name.
    pub name: String,
    /// Whether it shall become the default.
    pub make_default: bool,
    /// Version pin.
    pub pin: Option<VersionPin>,
    /// Set-up values that are not secret.
    pub setup: BTreeMap<String, String>,
    /// Names of the secret ones.
    pub secrets: BTreeSet<String>,
}

/// What a rule made of auth configs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The auth config after the change.
    pub after: AuthConfig,
    /// The sibling that loses the default flag by it; to be saved first.
    pub loses_default: Option<AuthConfig>,
    /// Whether anything changed.
    pub changed: bool,
}

impl Decided {
    const fn unchanged(config: AuthConfig) -> Self {
        Self { after: config, loses_default: None, changed: false }
    }

    const fn changed(config: AuthConfig) -> Self {
        Self { after: config, loses_default: None, changed: true }
    }
}

/// Adds an auth config beside its `siblings`, those of the same connector and project.
///
/// AC-1, AC-2: the first one is enabled and the default. AC-4, AC-5: a later one is the default
/// only if asked, and then takes the flag from the one that had it.
#[must_use]
pub fn create(siblings: &[AuthConfig], new: NewAuthConfig, now: Timestamp) -> Decided {
    let is_default = siblings.is_empty() || new.make_default;
    let after = AuthConfig {
        id: new.id,
        connector: new.connector,
        method: new.method,
        name: new.name,
        is_default,
        disabled_at: None,
        pin: new.pin,
        setup: new.setup,
        secrets: new.secrets,
        created_at: now,
        updated_at: now,
        version: 0,
    };
    let loses_default = if is_default { dethrone(siblings, &after.id, now) } else { None };
    Decided { after, loses_default, changed: true }
}

fn dethrone(siblings: &[AuthConfig], heir: &AuthConfigId, now: Timestamp) -> Option<AuthConfig> {
    let former = siblings.iter().find(|config| config.is_default && config.id != *heir)?;
    Some(AuthConfig { is_default: false, updated_at: now, ..former.clone() })
}

impl AuthConfig {
    /// Whether the hub lists it and sessions may use it (AC-11).
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether a link through it may be finished that was begun before: one that is disabled takes no
    /// new accounts, but those that it has may be linked again (AT-8, threat 10).
    ///
    /// # Errors
    /// [`Refusal::Disabled`].
    pub fn may_link(&self, renews: bool) -> Result<(), Refusal> {
        if renews || self.is_enabled() {
            return Ok(());
        }
        let (connector, auth_config) = (self.connector.clone(), self.id.clone());
        Err(Refusal::Disabled { connector, auth_config })
    }

    /// AC-10: whether it keeps its connector off the hub page, since the default is disabled.
    #[must_use]
    pub const fn hides_its_connector(&self) -> bool {
        self.is_default && !self.is_enabled()
    }

    /// AC-14, AC-22, AC-23: stops use; what happens to its accounts is decided by
    /// [`super::account`].
    #[must_use]
    pub fn disable(self, now: Timestamp) -> Decided {
        if self.disabled_at.is_some() {
            return Decided::unchanged(self);
        }
        Decided::changed(Self { disabled_at: Some(now), updated_at: now, ..self })
    }

    /// AC-19, AC-22: allows use again.
    #[must_use]
    pub fn enable(self, now: Timestamp) -> Decided {
        if self.disabled_at.is_none() {
            return Decided::unchanged(self);
        }
        Decided::changed(Self { disabled_at: None, updated_at: now, ..self })
    }

    /// AC-8, AC-9, AC-10: makes it its connector's default, disabled or not; no account moves.
    #[must_use]
    pub fn make_default(self, siblings: &[Self], now: Timestamp) -> Decided {
        if self.is_default {
            return Decided::unchanged(self);
        }
        let loses_default = dethrone(siblings, &self.id, now);
        let after = Self { is_default: true, updated_at: now, ..self };
        Decided { after, loses_default, changed: true }
    }

    /// AC-24 to AC-28: may it be deleted? `siblings` may include the config itself.
    ///
    /// # Errors
    /// [`Refusal::HasAccounts`] or [`Refusal::IsDefault`].
    pub fn may_delete(&self, siblings: &[Self], accounts: u64) -> Result<(), Refusal> {
        if accounts > 0 {
            return Err(Refusal::HasAccounts { accounts });
        }
        match siblings.iter().find(|config| config.id != self.id) {
            Some(sibling) if self.is_default => {
                Err(Refusal::IsDefault { sibling: sibling.id.clone() })
            }
            _ => Ok(()),
        }
    }

    /// AC-38: changes what is given and keeps the rest. `setup` and `secrets` are the whole new
    /// sets, with untouched secrets already among them; `secrets_replaced` says that at least one
    /// secret has a new value.
    #[must_use]
    pub fn edit(self, edit: Edit, now: Timestamp) -> Decided {
        let after = Self {
            name: edit.name.unwrap_or_else(|| self.name.clone()),
            pin: edit.pin.unwrap_or_else(|| self.pin.clone()),
            setup: edit.setup,
            secrets: edit.secrets,
            ..self.clone()
        };
        if after == self && !edit.secrets_replaced {
            return Decided::unchanged(self);
        }
        Decided::changed(Self { updated_at: now, ..after })
    }
}

/// What an edit changes.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// New name.
    pub name: Option<String>,
    /// New pin; `Some(None)` removes it.
    pub pin: Option<Option<VersionPin>>,
    /// All set-up values that are not secret, after the edit.
    pub setup: BTreeMap<String, String>,
    /// Names of all secret ones, after the edit.
    pub secrets: BTreeSet<String>,
    /// Whether a secret got a new value.
    pub secrets_replaced: bool,
}

/// Checks a name: not empty, one line, at most [`NAME_LIMIT`] characters, and a segment of a path.
///
/// # Errors
/// The problem, for the field `name`.
pub fn check_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Problem::new("name", "must not be empty"));
    }
    if matches!(name, "." | "..") {
        return Err(Problem::new("name", "must not be `.` or `..`"));
    }
    if name.chars().count() > NAME_LIMIT {
        return Err(Problem::new("name", format!("must have at most {NAME_LIMIT} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Problem::new("name", "must not have control characters"));
    }
    Ok(name.to_owned())
}

/// The name that an auth config gets when none is given: connector and method, numbered where
/// that is taken.
#[must_use]
pub fn default_name(connector: &str, method: &str, taken: &dyn Fn(&str) -> bool) -> String {
    let room = |text: String| text.chars().take(NAME_LIMIT - 4).collect::<String>();
    let plain = room(format!("{connector} {method}"));
    if !taken(&plain) {
        return plain;
    }
    (2_u32..=u32::MAX)
        .map(|number| format!("{plain} {number}"))
        .find(|name| !taken(name))
        .unwrap_or(plain)
}

/// A connector version pin (AC-45): `latest`, `1.x.x`, `1.2.x` or `1.2.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionPin(String);

/// The text is not a version pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version pin: use latest, 1.x.x, 1.2.x or 1.2.0")]
pub struct BadPin(String);

impl VersionPin {
    /// The pin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a version such as `1.2.0` fits the pin.
    #[must_use]
    pub fn fits(&self, version: &str) -> bool {
        self.0 == "latest"
            || self
                .0
                .split('.')
                .zip(version.split('.'))
                .all(|(pin, part)| pin == "x" || pin == part)
                && version.split('.').count() == 3
    }
}

impl std::str::FromStr for VersionPin {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Self, BadPin> {
        let number = |part: &str| {
            (1..=9).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && (part == "0" || !part.starts_with('0'))
        };
        let parts: Vec<&str> = text.split('.').collect();
        let fine = match parts.as_slice() {
            ["latest"] => true,
            [major, "x", "x"] => number(major),
            [major, minor, "x"] => number(major) && number(minor),
            [major, minor, patch] => number(major) && number(minor) && number(patch),
            _ => false,
        };
        if fine { Ok(Self(text.to_owned())) } else { Err(BadPin(text.chars().take(80).collect())) }
    }
}

/// Who made a version of a connector (contract section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum VersionOwner {
    /// It is built in.
    StackOne,
    /// The project imported it.
    Project,
}

impl VersionOwner {
    /// The owner of a version that is, or is not, the project's own.
    #[must_use]
    pub const fn of(own: bool) -> Self {
        if own { Self::Project } else { Self::StackOne }
    }

    /// The wire's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StackOne => "stackone",
            Self::Project => "project",
        }
    }

    /// Whether a pin may be set for this owner, where it leads to that version of `found`: which
    /// one a pin leads to is settled without it (AC-46).
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn allows(self, pin: &VersionPin, version: &str, found: Self) -> Result<(), Refusal> {
        if self == found {
            return Ok(());
        }
        let (pin, found, named) = (pin.as_str(), found.as_str(), self.as_str());
        let message = format!("`{pin}` leads to version {version} of `{found}`, not of `{named}`");
        Err(Refusal::Invalid(vec![Problem::new("owner", message)]))
    }
}

/// The text is no owner of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an owner: use stackone or project")]
pub struct BadOwner(String);

impl std::str::FromStr for VersionOwner {
    type Err = BadOwner;

    fn from_str(text: &str) -> Result<Self, BadOwner> {
        let found =
            [Self::StackOne, Self::Project].into_iter().find(|owner| owner.as_str() == text);
        found.ok_or_else(|| BadOwner(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: fn(i64) -> Timestamp = Timestamp::from_millis;

    fn new(id: &str, make_default: bool) -> NewAuthConfig {
        NewAuthConfig {
            id: id.parse().unwrap(),
            connector: "hubspot".parse().unwrap(),
            method: "oauth2".parse().unwrap(),
            name: id.to_owned(),
            make_default,
            pin: None,
            setup: BTreeMap::new(),
            secrets: BTreeSet::new(),
        }
    }

    fn config(id: &str, is_default: bool) -> AuthConfig {
        AuthConfig { is_default, ..create(&[], new(id, false), NOW(1)).after }
    }

    #[test]
    fn ac_1_ac_2_the_first_is_enabled_and_default_whatever_the_form_says() {
        let decided = create(&[], new("a", false), NOW(1));
        assert!(decided.after.is_default && decided.after.is_enabled());
        assert_eq!(decided.loses_default, None);
    }

    #[test]
    fn threat_10_a_disabled_one_takes_no_new_account() {
        let on = config("a", true);
        let off = on.clone().disable(NOW(2)).after;
        for fine in [on.may_link(false), on.may_link(true), off.may_link(true)] {
            assert_eq!(fine, Ok(()));
        }
        assert!(matches!(off.may_link(false), Err(Refusal::Disabled { auth_config, .. })
            if auth_config == off.id));
    }

    #[test]
    fn ac_4_a_later_default_takes_the_flag_in_the_same_step() {
        let decided = create(&[config("a", true)], new("b", true), NOW(2));
        assert!(decided.after.is_default);
        let former = decided.loses_default.unwrap();
        assert_eq!((former.id.as_str(), former.is_default), ("a", false));
        assert_eq!(former.updated_at, NOW(2));
    }

    #[test]
    fn ac_5_a_later_one_without_the_flag_leaves_the_default_alone() {
        let decided = create(&[config("a", true)], new("b", false), NOW(2));
        assert!(!decided.after.is_default);
        assert_eq!(decided.loses_default, None);
    }

    #[test]
    fn ac_8_ac_9_ac_10_make_default_switches_once_and_takes_disabled_ones_too() {
        let siblings = [config("a", true), config("b", false).disable(NOW(3)).after];
        let decided = siblings[1].clone().make_default(&siblings, NOW(4));
        assert!(decided.changed && decided.after.is_default && !decided.after.is_enabled());
        assert!(decided.after.hides_its_connector() && !siblings[1].hides_its_connector());
        assert_eq!(decided.loses_default.unwrap().id.as_str(), "a");
        assert!(!siblings[0].clone().make_default(&siblings, NOW(4)).changed);
    }

    #[test]
    fn ac_22_doing_it_again_changes_nothing() {
        let once = config("a", true).disable(NOW(5));
        assert!(once.changed);
        assert_eq!(once.after.clone().disable(NOW(9)), Decided::unchanged(once.after.clone()));
        let enabled = once.after.enable(NOW(6));
        assert!(enabled.changed && enabled.after.is_enabled());
        assert!(!enabled.after.enable(NOW(7)).changed);
    }

    #[test]
    fn ac_24_to_ac_28_which_ones_may_be_deleted() {
        let (only, other) = (config("a", true), config("b", false));
        let both = [only.clone(), other.clone()];
        assert_eq!(only.may_delete(&[], 3), Err(Refusal::HasAccounts { accounts: 3 }));
        assert_eq!(other.may_delete(&both, 1), Err(Refusal::HasAccounts { accounts: 1 }));
        let sibling = other.id.clone();
        assert_eq!(only.may_delete(&both, 0), Err(Refusal::IsDefault { sibling }));
        assert_eq!(only.may_delete(std::slice::from_ref(&only), 0), Ok(()));
        assert_eq!(other.may_delete(&both, 0), Ok(()));
        assert_eq!(other.disable(NOW(2)).after.may_delete(&both, 0), Ok(()));
    }

    #[test]
    fn ac_45_pins_take_four_forms_and_no_ranges() {
        for fine in ["latest", "1.x.x", "1.2.x", "1.2.0", "0.0.1"] {
            assert!(fine.parse::<VersionPin>().is_ok(), "{fine}");
        }
        for bad in ["^1.2.0", "~1.2.0", "1", "1.2", "x.x.x", "1.x.0", "01.0.0", "1.2.3.4", ""] {
            assert!(bad.parse::<VersionPin>().is_err(), "{bad}");
        }
        let pin = |text: &str| text.parse::<VersionPin>().unwrap();
        assert!(pin("1.2.x").fits("1.2.9") && !pin("1.2.x").fits("1.3.0"));
        assert!(pin("latest").fits("7.0.0") && !pin("1.2.0").fits("1.2.1"));
    }

    #[test]
    fn ac_46_a_pin_is_set_for_the_owner_that_it_leads_to() {
        let (latest, owner) = ("latest".parse().unwrap(), "stackone".parse::<VersionOwner>());
        let owner = owner.unwrap();
        assert_eq!(owner.allows(&latest, "1.0.0", VersionOwner::of(false)), Ok(()));
        let refused = owner.allows(&latest, "2.0.0", VersionOwner::of(true));
        let Err(Refusal::Invalid(problems)) = refused else { panic!("{refused:?}") };
        let told = "`latest` leads to version 2.0.0 of `project`, not of `stackone`";
        assert_eq!((problems[0].field, problems[0].message.as_str()), ("owner", told));
        assert!("bogus".parse::<VersionOwner>().is_err() && "".parse::<VersionOwner>().is_err());
    }

    #[test]
    fn names_are_numbered_where_they_are_taken() {
        let taken = |name: &str| ["HubSpot OAuth 2.0", "HubSpot OAuth 2.0 2"].contains(&name);
        assert_eq!(default_name("HubSpot", "OAuth 2.0", &taken), "HubSpot OAuth 2.0 3");
        assert_eq!(default_name("HubSpot", "Token", &taken), "HubSpot Token");
        for bad in [" \t", "a\nb", ".", " .. "] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_name(" EU  sales "), Ok("EU  sales".to_owned()));
        assert!(check_name(&"ä".repeat(NAME_LIMIT)).is_ok());
        assert!(check_name(&"ä".repeat(NAME_LIMIT + 1)).is_err());
    }
}
