//! Changing a store's keys while it is in use: whatever it is stopped at, the store opens.

mod busy;
mod data_keys;
mod master;
#[cfg(unix)]
mod processes;

use std::fs;
use std::path::Path;

use hubctl::domain::caller::Caller;
use hubctl::domain::ids::AccountId;
use hubctl::domain::secret::Secret;
use hubctl::error::{HubError, codes};
use hubctl::hub::connect_sessions::authenticate;
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::rotation::{self, Rotation, Wanted};
use hubctl::hub::vault::MasterKey;
use hubctl::hub::write::Guard;
use hubctl::hub::{Hub, auth_configs, oauth_apps};

use crate::support::asked::{account, config, given, oauth, session};
use crate::support::hub::TestHub;

/// What lies sealed in a project, and a token that only the store's hash key knows.
pub(super) struct Filled {
    caller: Caller,
    pub(super) accounts: Vec<AccountId>,
    token: String,
}

impl Filled {
    /// One of each thing that is sealed, as far as it needs no provider.
    pub(super) async fn make(world: &TestHub, project: &str) -> Self {
        let caller = world.project(project).await;
        world.add(&caller, config("bamboohr")).await;
        let mut login = oauth("login", "planted-client-secret");
        login.values.extend(given(&[("external-trigger-token", project)]));
        world.add(&caller, login).await;
        let app = oauth_apps::New {
            connector: "salesforce".parse().unwrap(),
            client_id: "the-hub".to_owned(),
            client_secret: Secret::new("planted-app-secret"),
        };
        oauth_apps::set(&world.hub, &caller, app, Guard::default()).await.unwrap();
        let mut accounts = Vec::new();
        for owner in ["one", "two"] {
            accounts.push(world.link(&caller, account("bamboohr", owner)).await);
        }
        let token = world.open(&caller, session(project)).await.token;
        Self { caller, accounts, token: token.text().expose().to_owned() }
    }

    /// Opens all of it with a hub that has nothing in memory.
    pub(super) async fn open(&self, hub: &Hub) -> Result<(), HubError> {
        let owner = authenticate(hub, &self.token).await?.owner.id;
        assert_eq!(owner, self.caller.project_name());
        for id in &self.accounts {
            opens(hub, &self.caller, id).await?;
        }
        let edit =
            auth_configs::Edit { values: given(&[("client_id", "2")]), ..Default::default() };
        auth_configs::edit(
            hub,
            &self.caller,
            "login",
            edit,
            Guard { dry_run: true, ..Guard::default() },
        )
        .await?;
        Ok(())
    }
}

/// Opens an account's credentials.
pub(super) async fn opens(hub: &Hub, caller: &Caller, id: &AccountId) -> Result<(), HubError> {
    let usable = refresh::usable(hub, caller, id, Want::Usable).await?;
    assert_eq!(usable.values.get("api_key"), Some("planted-api-key"));
    Ok(())
}

/// A rotation to its end.
pub(super) async fn rotate(world: &TestHub) -> Rotation {
    let hub = world.another();
    rotation::rotate(&hub, &world.caller(), &Wanted::default(), |_| Ok(())).await.unwrap()
}

/// What dies when it is told of the step of this number.
pub(super) fn dying<S>(number: usize) -> impl FnMut(S) -> Result<(), HubError> {
    let mut left = number;
    move |_| match left {
        0 => Err(HubError::new(&codes::INTERRUPTED, "dies")),
        _ => {
            left -= 1;
            Ok(())
        }
    }
}

/// A rotation that dies right after its step of this number; true where it came so far.
pub(super) async fn dies_after(world: &TestHub, number: usize) -> bool {
    let die = dying(number);
    let done = rotation::rotate(&world.another(), &world.caller(), &Wanted::default(), die).await;
    match done {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.code().name, codes::INTERRUPTED.name, "{error:?}");
            true
        }
    }
}

/// The keys of a key file.
pub(super) fn keys(path: &Path) -> Vec<MasterKey> {
    MasterKey::parse_all(&fs::read(path).unwrap()).unwrap()
}

/// Writes a key file as another one than hubctl would.
pub(super) fn write_keys(path: &Path, keys: &[&MasterKey]) {
    let text: String = keys.iter().map(|key| key.to_text().to_string() + "\n").collect();
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}
