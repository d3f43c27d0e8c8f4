//! Who may do what with a file that holds secrets (threat 34).

/// The owner and the mode of a file, in the words of its system, and who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The bits of what its owner, its group and others may do.
    pub mode: u32,
    /// The user who may change these bits.
    pub owner: u32,
    /// The user of this process.
    pub user: u32,
}

/// The user that no file is kept from.
const ROOT: u32 = 0;
/// Anything that the group or others may do.
const NOT_OWNER: u32 = 0o077;
/// The same without reading by the group.
const NOT_OWNER_NOR_READER: u32 = 0o037;
/// Reading and writing by those who are neither the owner nor in the group.
const OTHERS: u32 = 0o006;

impl Access {
    /// Whether somebody else may open the file to all: its owner is neither this user nor root.
    #[must_use]
    pub const fn is_anothers(&self) -> bool {
        self.owner != self.user && self.owner != ROOT
    }

    /// Whether nobody else may read or write it.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        !self.is_anothers() && self.mode & NOT_OWNER == 0
    }

    /// The same for a file that somebody else made. Root decides who is in a group; a user that is
    /// not root reads root's file by its group alone.
    #[must_use]
    pub const fn is_private_for_its_group(&self) -> bool {
        let by_group = self.owner == ROOT && self.user != ROOT;
        self.is_private() || by_group && self.mode & NOT_OWNER_NOR_READER == 0
    }
}

/// Whether a file of this mode may be read or written by every user, as the key of a certificate
/// must not be: which group may read it is up to those who made it.
#[must_use]
pub const fn is_open_to_all(mode: u32) -> bool {
    mode & OTHERS != 0
}

#[cfg(test)]
mod tests {
    use super::{Access, is_open_to_all};

    const fn of(mode: u32, owner: u32, user: u32) -> Access {
        Access { mode, owner, user }
    }

    #[test]
    fn threat_34_only_a_file_of_root_may_be_read_by_its_group() {
        for (access, fine) in [
            (of(0o440, 0, 1000), true),
            (of(0o640, 0, 1000), true),
            (of(0o400, 1000, 1000), true),
            (of(0o440, 1000, 1000), false),
            (of(0o440, 0, 0), false),
            (of(0o460, 0, 1000), false),
            (of(0o444, 0, 1000), false),
            (of(0o441, 0, 1000), false),
        ] {
            assert_eq!(access.is_private_for_its_group(), fine, "{:o}", access.mode);
            assert_eq!(access.is_private(), access.mode == 0o400, "{:o}", access.mode);
        }
    }

    #[test]
    fn threat_34_a_file_for_a_group_is_not_one_for_all() {
        for mode in [0o600, 0o640, 0o660, 0o641] {
            assert!(!is_open_to_all(mode), "{mode:o}");
        }
        for mode in [0o604, 0o644, 0o602, 0o777] {
            assert!(is_open_to_all(mode), "{mode:o}");
        }
    }

    #[test]
    fn threat_34_a_file_of_another_user_is_never_private() {
        for (owner, user, anothers) in
            [(0, 0, false), (0, 1000, false), (1000, 1000, false), (1000, 0, true), (1, 2, true)]
        {
            let access = of(0o600, owner, user);
            assert_eq!(access.is_anothers(), anothers, "{owner} {user}");
            assert_eq!(access.is_private(), !anothers, "{owner} {user}");
            assert_eq!(access.is_private_for_its_group(), !anothers, "{owner} {user}");
        }
    }
}
