//! The system keyring, asked with a deadline; what is kept in it is for callers to say.
//!
//! A bus that accepts and never answers, or a service that waits for somebody to type a password,
//! would hold a command for minutes. So every call runs on a thread of its own and is abandoned
//! when its time is up.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyring::{Entry, Error};
use zeroize::Zeroizing;

use crate::error::{HubError, codes};

/// The service of every entry.
pub const SERVICE: &str = "hubctl";

/// How the keyring can be reached: the facts of the environment, handed in.
#[derive(Debug, Clone)]
pub struct KeyringAccess {
    /// The address of the session bus (`DBUS_SESSION_BUS_ADDRESS`).
    pub bus_address: Option<OsString>,
    /// The user's runtime folder (`XDG_RUNTIME_DIR`), where a bus may have its socket.
    pub runtime_dir: Option<PathBuf>,
    /// Never ask the keyring.
    pub disabled: bool,
    /// How long one call may take.
    pub limit: Duration,
}

impl KeyringAccess {
    /// How long a keyring may take to answer.
    pub const LIMIT: Duration = Duration::from_secs(2);

    /// No keyring at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { bus_address: None, runtime_dir: None, disabled: true, limit: Self::LIMIT }
    }

    /// Whether asking has a chance; costs no more than looking for one file.
    fn is_reachable(&self) -> bool {
        if cfg!(any(windows, target_vendor = "apple")) {
            return !self.disabled;
        }
        let named = self.bus_address.as_ref().is_some_and(|address| !address.is_empty());
        let lies_there = || {
            let folder = self.runtime_dir.as_ref();
            folder.is_some_and(|folder| folder.is_absolute() && folder.join("bus").exists())
        };
        !self.disabled && (named || lies_there())
    }
}

/// Why a keyring gave no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringTrouble {
    /// There is none to ask.
    #[error("there is no system keyring")]
    Absent,
    /// The time was up.
    #[error("the system keyring did not answer within {0:?}")]
    NoAnswer(Duration),
    /// It is locked, or has no place to put an entry.
    #[error("the system keyring is locked")]
    Locked(#[source] Error),
    /// It took an entry and has none.
    #[error("the system keyring did not keep what was written")]
    Forgetful,
    /// It answered something else.
    #[error("the system keyring refused")]
    Refused(#[source] Error),
}

impl From<KeyringTrouble> for HubError {
    fn from(trouble: KeyringTrouble) -> Self {
        Self::new(&codes::KEYRING_FAILED, trouble.to_string()).source(trouble)
    }
}

/// The entry of this name; `None` if the keyring has none.
pub fn get(
    access: &KeyringAccess,
    name: &str,
) -> Result<Option<Zeroizing<String>>, KeyringTrouble> {
    let name = name.to_owned();
    ask(access, move || match entry(&name)?.get_password() {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error.into()),
    })
}

/// Writes the entry of this name, over an older one.
pub fn set(access: &KeyringAccess, name: &str, text: &str) -> Result<(), KeyringTrouble> {
    let (name, text) = (name.to_owned(), Zeroizing::new(text.to_owned()));
    ask(access, move || Ok(entry(&name)?.set_password(&text)?))
}

/// Writes the entry of this name and answers what a later reader will find, which counts: it may
/// be what another process wrote at the same time.
pub fn keep(
    access: &KeyringAccess,
    name: &str,
    text: &str,
) -> Result<Zeroizing<String>, KeyringTrouble> {
    set(access, name, text)?;
    get(access, name)?.ok_or(KeyringTrouble::Forgetful)
}

/// Forgets the entry of this name; says whether there was one.
pub fn delete(access: &KeyringAccess, name: &str) -> Result<bool, KeyringTrouble> {
    let name = name.to_owned();
    ask(access, move || match entry(&name)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(error.into()),
    })
}

/// Whether the keyring answers and is open. Unlike the calls above this reads nothing from it, so
/// that nobody is asked for a password.
pub fn look(access: &KeyringAccess) -> Result<(), KeyringTrouble> {
    ask(access, is_open)
}

/// These systems answer for an entry that nobody made without a question.
#[cfg(any(windows, target_vendor = "apple"))]
fn is_open() -> Result<(), KeyringTrouble> {
    match entry("none")?.get_password() {
        Ok(_) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(windows, target_vendor = "apple")))]
fn is_open() -> Result<(), KeyringTrouble> {
    use zbus::zvariant::{OwnedObjectPath, OwnedValue};

    const OWNER: Option<&str> = Some("org.freedesktop.secrets");
    const COLLECTION: &str = "org.freedesktop.Secret.Collection";
    let locked = |why: &str| Err(KeyringTrouble::Locked(Error::NoStorageAccess(why.into())));
    let bus = zbus::blocking::Connection::session().map_err(|_| KeyringTrouble::Absent)?;
    let service = Some("org.freedesktop.Secret.Service");
    let path = "/org/freedesktop/secrets";
    let answer = bus.call_method(OWNER, path, service, "ReadAlias", &("default",))?;
    let usual: OwnedObjectPath = answer.body().deserialize()?;
    if usual.as_str() == "/" {
        return locked("it has no collection");
    }
    let properties = Some("org.freedesktop.DBus.Properties");
    let answer = bus.call_method(OWNER, &usual, properties, "Get", &(COLLECTION, "Locked"))?;
    match bool::try_from(answer.body().deserialize::<OwnedValue>()?) {
        Ok(false) => Ok(()),
        Ok(true) | Err(_) => locked("its collection is locked"),
    }
}

#[cfg(not(any(windows, target_vendor = "apple")))]
impl From<zbus::Error> for KeyringTrouble {
    fn from(error: zbus::Error) -> Self {
        match &error {
            zbus::Error::MethodError(name, ..)
                if name.as_str() == "org.freedesktop.DBus.Error.ServiceUnknown" =>
            {
                Self::Absent
            }
            _ => Self::Refused(Error::PlatformFailure(Box::new(error))),
        }
    }
}

impl From<Error> for KeyringTrouble {
    fn from(error: Error) -> Self {
        match error {
            Error::NoDefaultStore => Self::Absent,
            Error::NoStorageAccess(_) => Self::Locked(error),
            // These carry the entry's bytes, which must not reach a log.
            Error::BadEncoding(_) | Error::BadDataFormat(..) => {
                Self::Refused(Error::BadStoreFormat("the entry is not text".to_owned()))
            }
            error => Self::Refused(error),
        }
    }
}

fn entry(name: &str) -> Result<Entry, KeyringTrouble> {
    Ok(Entry::new(SERVICE, name)?)
}

fn ask<T: Send + 'static>(
    access: &KeyringAccess,
    call: impl FnOnce() -> Result<T, KeyringTrouble> + Send + 'static,
) -> Result<T, KeyringTrouble> {
    if !access.is_reachable() {
        return Err(KeyringTrouble::Absent);
    }
    let (tell, told) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("keyring".to_owned()).spawn(move || {
        // Nobody listens any more once the time is up.
        let _ = tell.send(call());
    });
    if spawned.is_err() {
        return Err(KeyringTrouble::Absent);
    }
    told.recv_timeout(access.limit).unwrap_or(Err(KeyringTrouble::NoAnswer(access.limit)))
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::{KeyringAccess, KeyringTrouble, get};

    #[test]
    fn without_a_bus_nothing_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let here = KeyringAccess {
            runtime_dir: Some(folder.path().to_owned()),
            disabled: false,
            ..KeyringAccess::none()
        };
        let empty = KeyringAccess { bus_address: Some("".into()), ..here.clone() };
        let off = KeyringAccess {
            bus_address: Some("unix:path=/x".into()),
            disabled: true,
            ..here.clone()
        };
        for access in [&here, &empty, &off] {
            assert!(!access.is_reachable());
            assert!(matches!(get(access, "name"), Err(KeyringTrouble::Absent)));
        }
        std::fs::write(folder.path().join("bus"), "").unwrap();
        assert!(here.is_reachable());
    }
}
