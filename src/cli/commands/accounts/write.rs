//! Commands that change linked accounts.

use crate::api::accounts::AccountDetail;
use crate::api::write::{Revoked, Written};
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::{Batch, consent, fields, result};
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::{Aside, WriteResult};
use crate::cli::tree::Run;
use crate::domain::account::{AccountType, Fixed, Owner, Update as Changes};
use crate::domain::ids::{AccountId, AuthConfigId};
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};
use crate::hub::accounts::{self, Tags};
use crate::hub::auth_configs::IfExists;
use crate::hub::write::Guard;

type Change = Written<AccountDetail>;

fn named(account: &AccountDetail) -> String {
    format!("{} ({} of {})", account.id, account.provider, account.origin_owner_name)
}

fn sentence(written: &Change, done: &str, would: &str, already: &str) -> String {
    let account = written.after.as_ref().or(written.before.as_ref()).map(named).unwrap_or_default();
    match (written.changed, written.dry_run) {
        (false, _) => format!("{already}: {account}."),
        (true, true) => format!("{would} {account}."),
        (true, false) => format!("{done} {account}."),
    }
}

/// Link an account from credentials at hand, for migrations and CI
///
/// The values are checked against the connector's fields, and then the provider is asked whether
/// they work: what it refuses is not stored. An owner who has an account of the connector gets new
/// credentials for it, in the place of tokens that were renewed since: in what runs again and again,
/// use --if-exists skip. For a method with a login in the browser, give the tokens of an earlier
/// login as `access_token` and `refresh_token`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// Connector of the account
    #[arg(long, value_name = "CONNECTOR", add = assets::connectors())]
    provider: ConnectorKey,

    /// Auth config to link through [default: that of the account that is there, or the connector's
    /// default]
    #[arg(long, value_name = "ID", add = assets::auth_configs())]
    auth_config: Option<AuthConfigId>,

    /// Your own id of the customer whose account it is
    #[arg(long, value_name = "ID")]
    origin_owner_id: Option<String>,

    /// The customer's name [default: that of the account that is there, or the id]
    #[arg(long, value_name = "NAME")]
    origin_owner_name: Option<String>,

    /// The person whose credentials these are
    #[arg(long, value_name = "NAME")]
    origin_username: Option<String>,

    /// Value of one of the connector's fields: from the line, from a file, or from standard input
    #[arg(long, value_name = "K=V|K=@FILE|K=-")]
    set: Vec<String>,

    /// Label for the account
    #[arg(long)]
    label: Option<String>,

    /// Tag for the account; can be given several times
    #[arg(long, value_name = "K=V")]
    metadata: Vec<String>,

    /// What the account is for: production or test [default: that of the account that is there, or
    /// production]
    #[arg(long = "type", value_name = "TYPE", add = assets::account_types())]
    kind: Option<AccountType>,

    /// Link a new account even where the owner has one of this connector
    #[arg(long)]
    multiple: bool,

    /// What to do where the owner has an account of this connector
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "update",
        value_parser = input::if_exists(),
        conflicts_with = "multiple"
    )]
    if_exists: IfExists,

    /// Do not ask the provider whether the credentials work
    #[arg(long)]
    no_verify: bool,
}

impl Run for Add {
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<AccountDetail>()?;
        let settings = &context.settings;
        let id = self.origin_owner_id.or_else(|| settings.owner_id.clone()).ok_or_else(|| {
            HubError::new(&codes::INPUT_NEEDED, "the owner of the account is needed")
                .hint("--origin-owner-id ID --origin-owner-name NAME")
        })?;
        let name = self.origin_owner_name.or_else(|| settings.owner_name.clone());
        let mut values = input::values(&self.set)?;
        let backend = context.backend().await?;
        if context.ask.allowed {
            let auth_config = self.auth_config.as_ref();
            ask(context, &backend, &self.provider, auth_config, &mut values).await?;
        }
        let metadata = input::metadata(&self.metadata)?;
        let new = accounts::New {
            provider: self.provider,
            auth_config: self.auth_config,
            owner: Owner {
                name: name.unwrap_or_else(|| id.clone()),
                id,
                username: self.origin_username,
            },
            tags: Tags {
                label: self.label,
                metadata: (!metadata.is_empty()).then_some(metadata),
                kind: self.kind,
            },
            values: std::mem::take(&mut values.given),
            multiple: self.multiple,
            if_exists: self.if_exists,
            verify: !self.no_verify,
        };
        let (account, created) = backend.add_account(new, context.guard()).await?;
        context.tell_notes(&backend);
        fields::warn_of_exposed(context, &values, |key| {
            !account.setup_information.contains_key(key)
        });
        let is_left = !created && self.if_exists == IfExists::Skip;
        if is_left {
            context.output.note(
                "the owner has an account of this connector: it is left as it is \
                 (--if-exists update gives it the new credentials)",
            );
        } else if !created {
            context.output.note(
                "the owner had an account of this connector: it got the new credentials \
                 (--multiple links a second one)",
            );
        }
        if !self.no_verify && !account.verified && !context.globals.dry_run && !is_left {
            context.output.note("the connector has no call that shows whether credentials work");
        }
        if context.globals.dry_run {
            context.output.trial("dry run: nothing was linked");
        }
        let word = match (created, context.globals.dry_run) {
            _ if is_left => "There already",
            (true, false) => "Linked",
            (true, true) => "Would link",
            (false, false) => "Re-linked",
            (false, true) => "Would re-link",
        };
        let lines = [
            (word, named(&account)),
            ("Status", account.status.to_string()),
            ("Auth config", account.auth_config_name.clone()),
        ];
        context.output.item(&account, Some(&lines))
    }
}

/// Fills in on a terminal what is missing.
async fn ask(
    context: &Context,
    backend: &Backend,
    provider: &ConnectorKey,
    auth_config: Option<&AuthConfigId>,
    values: &mut input::Values,
) -> Result<(), HubError> {
    let detail = backend.connector(provider).await?;
    let config = detail.auth_configs.iter().flatten().find(|config| match auth_config {
        Some(id) => config.id == id.as_str(),
        None => config.default,
    });
    let method = config.and_then(|config| {
        let key = config.authentication_config_key.as_str();
        detail.authentication.iter().find(|method| method.key.as_str() == key)
    });
    match method {
        Some(method) => fields::ask(context, &method.config_fields, values),
        // What is wrong is said by the hub.
        None => Ok(()),
    }
}

/// Change label, tags, type, names, values or auth config of an account
///
/// What is not given stays, secrets among it, but not for another host: where a new value leads
/// calls elsewhere, secrets have to be given again. An empty value clears an optional one. New
/// values are checked against the connector's fields, and the provider is asked whether they work,
/// unless --no-verify: what it refuses is not stored.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Update {
    /// Id of the account
    #[arg(add = assets::accounts())]
    id: AccountId,

    /// New label; an empty one clears it
    #[arg(long)]
    label: Option<String>,

    /// Tag to set, or with nothing after `=` to remove; can be given several times
    #[arg(long, value_name = "K=V")]
    metadata: Vec<String>,

    /// What the account is for: production or test
    #[arg(long = "type", value_name = "TYPE", add = assets::account_types())]
    kind: Option<AccountType>,

    /// New name of the owner
    #[arg(long, value_name = "NAME")]
    origin_owner_name: Option<String>,

    /// New user name; an empty one clears it
    #[arg(long, value_name = "NAME")]
    origin_username: Option<String>,

    /// Move the account to another auth config of its connector
    #[arg(long, value_name = "ID", add = assets::auth_configs())]
    auth_config: Option<AuthConfigId>,

    /// New value of one of the connector's fields: from the line, from a file, or from standard
    /// input
    #[arg(long, value_name = "K=V|K=@FILE|K=-")]
    set: Vec<String>,

    /// Do not ask the provider whether the new values work
    #[arg(long, requires = "set")]
    no_verify: bool,
}

impl Run for Update {
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let clears = |text: String| (!text.is_empty()).then_some(text);
        let metadata = input::metadata(&self.metadata)?;
        let tag = |(key, value): (String, serde_json::Value)| {
            let cleared = value.as_str() == Some("");
            (key, (!cleared).then_some(value))
        };
        let update = Changes {
            label: self.label.map(clears),
            clear_metadata: false,
            metadata: metadata.into_iter().map(tag).collect(),
            kind: self.kind,
            owner_id: None,
            owner_name: self.origin_owner_name,
            username: self.origin_username.map(clears),
        };
        let mut values = input::values(&self.set)?;
        let changes = accounts::Changes {
            update,
            provider: None,
            fixed: Fixed::default(),
            auth_config: self.auth_config,
            credentials: std::mem::take(&mut values.given),
            no_verify: self.no_verify,
        };
        if changes == accounts::Changes::default() {
            return Err(HubError::new(&codes::INPUT_NEEDED, "nothing to change was given").hint(
                "give --label, --metadata, --type, --origin-owner-name, --set or --auth-config",
            ));
        }
        let backend = context.backend().await?;
        let written = backend.update_account(&self.id, changes, context.guard()).await?;
        context.tell_notes(&backend);
        fields::warn_of_exposed(context, &values, |key| {
            let after = written.after.as_ref();
            !after.is_some_and(|after| after.setup_information.contains_key(key))
        });
        let text = sentence(&written, "Updated", "Would update", "Nothing to change");
        context.output.writes(&[result("update", written, text)])
    }
}

/// Suspend accounts: no calls through them, credentials kept
///
/// Undo with `hubctl accounts resume`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Suspend {
    /// Ids of the accounts; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::accounts())]
    ids: Vec<String>,
}

impl Run for Suspend {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let batch =
            Batch::new(context, "account", "suspend", &targets, "hubctl accounts suspend ID")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            suspend_one(context, &backend, target, guard).await
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

async fn suspend_one(
    context: &Context,
    backend: &Backend,
    target: &str,
    guard: Guard,
) -> Result<Vec<WriteResult>, HubError> {
    let id: AccountId = input::parsed(target)?;
    let account = backend.account(&id).await?;
    if account.status != "suspended" {
        consent(
            context,
            &format!("suspending {} stops all calls through it", named(&account)),
            1,
            "Suspend",
        )?;
    }
    let written = backend.suspend(&id, guard).await?;
    let text = sentence(&written, "Suspended", "Would suspend", "Already suspended");
    Ok(vec![result("suspend", written, text)])
}

/// Resume suspended accounts
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Resume {
    /// Ids of the accounts; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::accounts())]
    ids: Vec<String>,
}

impl Run for Resume {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let mut batch =
            Batch::new(context, "account", "resume", &targets, "hubctl accounts resume ID")?;
        batch.asks = false;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let written = backend.resume(&input::parsed(target)?, guard).await?;
            let text = sentence(&written, "Resumed", "Would resume", "Not suspended");
            Ok(vec![result("resume", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

/// Delete accounts and destroy their credentials
///
/// The provider is asked to forget their tokens first, where it can be asked; whatever it says, the
/// accounts go. This can't be undone. The same owner can link again, as a new account.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Ids of the accounts; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::accounts())]
    ids: Vec<String>,

    /// Do not ask the provider to forget the tokens
    #[arg(long)]
    keep_remote: bool,
}

impl Run for Delete {
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let batch =
            Batch::new(context, "account", "delete", &targets, "hubctl accounts delete ID")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let id: AccountId = input::parsed(target)?;
            let account = backend.account(&id).await?;
            let what = format!("deleting {} destroys its credentials", named(&account));
            consent(context, &what, 1, "Delete")?;
            let written = backend.delete_account(&id, self.keep_remote, guard).await?;
            let asides = written.revoked.iter().map(of_token).collect();
            let text = sentence(&written, "Deleted", "Would delete", "Not there");
            Ok(vec![WriteResult { asides, ..result("delete", written, text) }])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

/// What the provider made of a token of a deleted account.
fn of_token(told: &Revoked) -> Aside {
    let token = &told.token;
    match &told.reason {
        None => Aside::Note(format!("{token}: revoked at the provider")),
        Some(reason) => Aside::Warning(format!("{token}: not revoked at the provider: {reason}")),
    }
}

/// Ask the provider whether the credentials of accounts work
///
/// Makes the connector's light call. An account that it refuses goes into `error`, one that works
/// again becomes active; the command fails with code 6 where one is refused.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Test {
    /// Ids of the accounts; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::accounts())]
    ids: Vec<String>,
}

impl Run for Test {
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let mut batch =
            Batch::new(context, "account", "test", &targets, "hubctl accounts test ID")?;
        batch.asks = false;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let written = backend.test_account(&input::parsed(target)?, guard).await?;
            let untold = "No call of the connector's tells whether credentials work";
            let untold = if written.dry_run { "Would ask about" } else { untold };
            let text = sentence(&written, "The credentials work", "They work for", untold);
            Ok(vec![result("test", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

/// Get new tokens for accounts now
///
/// Tokens are renewed by themselves before they end; this is for finding out whether they can be.
/// One in `error` becomes active where the provider agrees.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Refresh {
    /// Ids of the accounts; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::accounts())]
    ids: Vec<String>,
}

impl Run for Refresh {
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let mut batch =
            Batch::new(context, "account", "refresh", &targets, "hubctl accounts refresh ID")?;
        batch.asks = false;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let written = backend.refresh_account(&input::parsed(target)?, guard).await?;
            let text = sentence(&written, "Renewed the tokens of", "Would renew", "As before");
            Ok(vec![result("refresh", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}
