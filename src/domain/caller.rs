//! Who asks, in which project, with which rights.

use super::ids::ProjectNumber;

/// A right that an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Reading connectors, auth configs, sessions and accounts.
    PlatformRead,
    /// Changing them.
    PlatformWrite,
    /// Reading own connectors.
    ConnectorsRead,
    /// Importing and forgetting own connectors.
    ConnectorsWrite,
    /// Managing projects and the store itself.
    Administer,
}

impl Permission {
    /// The scope's name as a key carries it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlatformRead => "platform:read",
            Self::PlatformWrite => "platform:write",
            Self::ConnectorsRead => "connectors:read",
            Self::ConnectorsWrite => "connectors:write",
            Self::Administer => "admin",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The person who may read the store's files, at the command line.
    LocalAdministrator,
}

impl Actor {
    /// How the actor is named in the record of operations.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::LocalAdministrator => "local administrator",
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

    /// Who it is.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
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
    pub const fn may(&self, _permission: Permission) -> bool {
        match self.actor {
            Actor::LocalAdministrator => true,
        }
    }
}
