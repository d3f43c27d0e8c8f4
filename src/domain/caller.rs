//! Who asks, in which project, with which rights.

use std::fmt;
use std::str::FromStr;

use super::api_key::KeyName;
use super::ids::{ApiKeyId, KeyNumber, ProjectNumber, SessionId};
use super::time::Timestamp;
use super::words::escaped;

/// A right that an operation needs; a key carries it as a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Reading connectors, auth configs, sessions and accounts.
    PlatformRead,
    /// Changing them.
    PlatformWrite,
    /// Reading from providers through the hub.
    UnifiedRead,
    /// Changing things at providers through the hub.
    UnifiedWrite,
    /// Reading connectors, and of how the project has set them up only whether they are enabled.
    ConnectorsRead,
    /// Importing and forgetting own connectors.
    ConnectorsWrite,
    /// Managing the keys and settings of the caller's own project.
    Administer,
    /// Making and deleting projects, and seeing and setting up those of others.
    ProjectsWrite,
}

/// The text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a scope: use platform:read, platform:write, unified:read, unified:write, \
     connectors:read, connectors:write, admin or projects:write"
)]
pub struct BadScope(String);

impl Permission {
    /// Every right, in the order in which scopes are shown.
    pub const ALL: [Self; 8] = [
        Self::PlatformRead,
        Self::PlatformWrite,
        Self::UnifiedRead,
        Self::UnifiedWrite,
        Self::ConnectorsRead,
        Self::ConnectorsWrite,
        Self::Administer,
        Self::ProjectsWrite,
    ];

    /// The scope's name as a key carries it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlatformRead => "platform:read",
            Self::PlatformWrite => "platform:write",
            Self::UnifiedRead => "unified:read",
            Self::UnifiedWrite => "unified:write",
            Self::ConnectorsRead => "connectors:read",
            Self::ConnectorsWrite => "connectors:write",
            Self::Administer => "admin",
            Self::ProjectsWrite => "projects:write",
        }
    }

    /// Whether nothing can be changed with it.
    #[must_use]
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::PlatformRead | Self::UnifiedRead | Self::ConnectorsRead)
    }

    /// The right that includes this one: whoever may read auth configs may read their connectors.
    #[must_use]
    pub const fn included_in(self) -> Option<Self> {
        match self {
            Self::ConnectorsRead => Some(Self::PlatformRead),
            _ => None,
        }
    }

    const fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

impl FromStr for Permission {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        let found = Self::ALL.into_iter().find(|permission| permission.as_str() == text);
        found.ok_or_else(|| BadScope(escaped(text, 40)))
    }
}

/// A set of rights. As text it is the scopes' names with spaces between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// Every right.
    #[must_use]
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Whether the right is among them.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether the right is among them, or one that includes it.
    #[must_use]
    pub fn allow(self, permission: Permission) -> bool {
        let included = permission.included_in();
        self.contains(permission) || included.is_some_and(|wider| self.contains(wider))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rights, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Permission::as_str).collect();
        f.pad(&names.join(" "))
    }
}

impl FromStr for Permissions {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        text.split_whitespace().map(Permission::from_str).collect()
    }
}

/// An API key that acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingKey {
    /// Number of its row, by which its use is noted.
    pub number: KeyNumber,
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub scopes: Permissions,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The person who may read the store's files, at the command line.
    LocalAdministrator,
    /// Whoever holds an API key.
    Key(ActingKey),
    /// Whoever holds a session's token: may do what the session is for, and nothing else.
    EndUser(SessionId),
    /// The hub itself, at what is due.
    Hub,
}

/// How the actor is named in the record of operations.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalAdministrator => f.write_str("local administrator"),
            Self::Key(key) => write!(f, "api key {}", key.name),
            Self::EndUser(session) => write!(f, "session {session}"),
            Self::Hub => f.write_str("hub"),
        }
    }
}

impl Actor {
    /// How the actor is named in events, which are seen by more callers than the names of keys.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Key(key) => format!("api key {}", key.id),
            other => other.to_string(),
        }
    }
}

/// A caller: an actor within one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    actor: Actor,
    project: ProjectNumber,
    project_name: String,
}

impl Caller {
    /// The administrator of a local store, who may do everything in it.
    #[must_use]
    pub const fn local(project: ProjectNumber, project_name: String) -> Self {
        Self { actor: Actor::LocalAdministrator, project, project_name }
    }

    /// The holder of a key, who acts in the key's project only (KP-1).
    #[must_use]
    pub const fn with_key(key: ActingKey, project: ProjectNumber, project_name: String) -> Self {
        Self { actor: Actor::Key(key), project, project_name }
    }

    /// The end user of a session, who holds no right of an administrator.
    #[must_use]
    pub const fn end_user(
        session: SessionId,
        project: ProjectNumber,
        project_name: String,
    ) -> Self {
        Self { actor: Actor::EndUser(session), project, project_name }
    }

    /// The hub itself in a project, where it does what is due.
    #[must_use]
    pub const fn hub(project: ProjectNumber, project_name: String) -> Self {
        Self { actor: Actor::Hub, project, project_name }
    }

    /// Who it is.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The key that acts, if it is one.
    #[must_use]
    pub const fn key(&self) -> Option<&ActingKey> {
        match &self.actor {
            Actor::Key(key) => Some(key),
            Actor::LocalAdministrator | Actor::EndUser(_) | Actor::Hub => None,
        }
    }

    /// When the caller's right to ask ends by itself, if it is known to.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.key().and_then(|key| key.expires_at)
    }

    /// The project that everything the caller sees belongs to.
    #[must_use]
    pub const fn project(&self) -> ProjectNumber {
        self.project
    }

    /// The project's name.
    #[must_use]
    pub fn project_name(&self) -> &str {
        &self.project_name
    }

    /// Whether the caller holds the right.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match &self.actor {
            Actor::LocalAdministrator => true,
            Actor::Key(key) => key.scopes.allow(permission),
            Actor::EndUser(_) | Actor::Hub => false,
        }
    }

    /// Which of these rights the caller lacks.
    #[must_use]
    pub fn lacks(&self, wanted: Permissions) -> Permissions {
        wanted.iter().filter(|permission| !self.may(*permission)).collect()
    }

    /// Whether the caller may know of the project at all: its own, or any for those who manage
    /// projects.
    #[must_use]
    pub fn sees(&self, project: ProjectNumber) -> bool {
        project == self.project || self.may(Permission::ProjectsWrite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scopes: &str) -> Caller {
        let key = ActingKey {
            number: KeyNumber(7),
            id: "k".parse().unwrap(),
            name: "ci".parse().unwrap(),
            scopes: scopes.parse().unwrap(),
            expires_at: None,
        };
        Caller::with_key(key, ProjectNumber(1), "default".to_owned())
    }

    #[test]
    fn scopes_are_spelled_in_one_way_and_order() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(permission));
        }
        let scopes: Permissions = " admin  platform:read admin".parse().unwrap();
        assert_eq!(scopes.to_string(), "platform:read admin");
        assert_eq!("".parse(), Ok(Permissions::default()));
        assert_eq!(Permissions::all().iter().count(), Permission::ALL.len());
        for bad in ["Admin", "platform", "platform:*", "platform:read,admin", "\u{1b}[2J"] {
            let error = bad.parse::<Permissions>().unwrap_err().to_string();
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn kp_3_a_key_may_do_what_its_scopes_say_and_nothing_else() {
        for permission in Permission::ALL {
            for other in Permission::ALL {
                let is_meant = permission == other || other.included_in() == Some(permission);
                assert_eq!(key(permission.as_str()).may(other), is_meant);
            }
            assert!(!key("").may(permission));
        }
        let wanted = "platform:read connectors:read connectors:write".parse().unwrap();
        assert_eq!(key("platform:read admin").lacks(wanted).to_string(), "connectors:write");
        assert_eq!(
            key("connectors:read").lacks(wanted).to_string(),
            "platform:read connectors:write"
        );
        let local = Caller::local(ProjectNumber(1), "default".to_owned());
        assert!(local.lacks(Permissions::all()).is_empty() && local.key().is_none());
    }

    #[test]
    fn kp_1_a_key_knows_of_its_own_project_only() {
        assert!(key("").sees(ProjectNumber(1)) && !key("admin").sees(ProjectNumber(2)));
        assert!(key("projects:write").sees(ProjectNumber(2)));
    }

    #[test]
    fn hb_14_an_end_user_has_no_right_of_an_administrator() {
        let session = SessionId::from_row(7);
        let user = Caller::end_user(session, ProjectNumber(1), "default".to_owned());
        for permission in Permission::ALL {
            assert!(!user.may(permission));
        }
        assert!(user.key().is_none() && !user.sees(ProjectNumber(2)));
        assert_eq!(user.actor().to_string(), "session 7");
    }

    #[test]
    fn a_key_is_named_in_records_without_anything_secret() {
        assert_eq!(key("admin").actor().to_string(), "api key ci");
    }
}
