//! `hubctl keys`.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::api::keys::{CreatedKey, Key};
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::api_key::{KeyName, NewKey};
use crate::domain::caller::Permission;
use crate::error::HubError;
use crate::hub::write::Guard;

use super::{Batch, consent, not_in_trial, result};

/// List the API keys of the project
///
/// A key's text is never shown again. The last use is noted at most once a minute.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let mut list = context.output.list_of::<Key>()?;
        for key in backend.keys().await? {
            if list.push(&key)?.is_break() {
                break;
            }
        }
        list.finish(|summary| {
            (summary.rows == 0).then(|| "no API keys; see `hubctl keys create --help`".to_owned())
        })
        .map(drop)
    }
}

/// Show an API key, without its text
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Name or id of the key
    #[arg(value_name = "KEY", value_parser = input::target, add = assets::keys())]
    key: String,
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let key = backend.key(&self.key).await?;
        let moment = |at| context.output.moment(at);
        let mut lines = vec![
            ("Key", key.name.clone()),
            ("Id", key.id.clone()),
            ("Status", key.status.clone()),
            ("Scopes", key.scopes.join(" ")),
            ("Created", moment(key.created_at)),
            ("Expires", key.expires_at.map_or_else(|| "never".to_owned(), moment)),
            ("Last used", key.last_used_at.map_or_else(|| "never".to_owned(), moment)),
        ];
        lines.extend(key.disabled_at.map(|at| ("Disabled", moment(at))));
        context.output.item(&key, Some(&lines))
    }
}

fn scope_parser() -> impl TypedValueParser<Value = Permission> {
    PossibleValuesParser::new(Permission::ALL.map(Permission::as_str))
        .try_map(|text| text.parse::<Permission>())
}

/// Create an API key: the credential of a program that calls this project's hub
///
/// The answer holds the key, which is shown this once. Without --scope it may do what programs
/// need to link accounts and to call them: platform:read, platform:write, unified:read,
/// unified:write and connectors:read. The scope connectors:read is for the catalog and what of it
/// is enabled, and platform:read includes it. The scope admin is for managing keys and settings of
/// the project, projects:write for all projects of the hub. A key that another one makes has no
/// scope that its maker lacks, and ends no later. The name can't be changed later. Stop the key with
/// `hubctl keys disable`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    /// Name: 1 to 64 letters, digits, `-`, `_` and `.`
    #[arg(value_name = "NAME")]
    name: KeyName,

    /// What the key may do; can be given several times
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scope_parser())]
    scope: Vec<Permission>,

    /// How long the key works: seconds, or 24h, 90d [default: until it is deleted]
    #[arg(long, value_name = "DURATION", allow_negative_numbers = true, value_parser = input::duration_s)]
    expires_in: Option<i64>,

    /// Print this part alone
    #[arg(long, value_name = "PART")]
    print: Option<Part>,
}

/// What to print of a new key.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Part {
    /// The key itself, shown this once
    Key,
    /// Its id
    Id,
}

impl Run for Create {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<CreatedKey>()?;
        not_in_trial(context, self.print.map(|_| "--print"), "key")?;
        let scopes = (!self.scope.is_empty()).then(|| self.scope.into_iter().collect());
        let new = NewKey { name: self.name, scopes, expires_in_s: self.expires_in };
        let backend = context.backend().await?;
        let created = backend.create_key(new, context.guard()).await?;
        context.tell_notes(&backend);
        if context.globals.dry_run {
            context.output.trial("dry run: nothing was made, and the key does not work");
        } else if context.output.is_human() {
            context.output.note("keep the key now: it is not shown again");
        }
        match self.print {
            Some(Part::Key) => return context.output.text(&created.key),
            Some(Part::Id) => return context.output.text(&created.id),
            None => {}
        }
        let expires = created.expires_at.map(|at| context.output.moment(at));
        let lines = [
            ("API key", created.key.clone()),
            ("Name", created.name.clone()),
            ("Scopes", created.scopes.join(" ")),
            ("Expires", expires.unwrap_or_else(|| "never".to_owned())),
        ];
        context.output.item(&created, Some(&lines))
    }
}

/// Disable API keys: whoever holds one is refused at once
///
/// Undo with `hubctl keys enable`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Disable {
    /// Names or ids of the keys; `-` reads them from standard input
    #[arg(value_name = "KEY", add = assets::keys())]
    keys: Vec<String>,
}

impl Run for Disable {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.keys)?;
        let batch = Batch::new(context, "key", "disable", &targets, "hubctl keys disable NAME")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let key = backend.key(target).await?;
            if key.disabled_at.is_none() {
                let what = format!(
                    "disabling API key {} refuses whoever uses it{}",
                    key.name,
                    used(context, &key)
                );
                consent(context, &what, 0, "Disable")?;
            }
            let written = backend.disable_key(target, guard).await?;
            let text = match (written.changed, written.dry_run) {
                (false, _) => format!("API key {} is disabled already.", key.name),
                (true, true) => format!("Would disable API key {}.", key.name),
                (true, false) => format!("Disabled API key {}.", key.name),
            };
            Ok(vec![result("disable", written, text)])
        };
        batch.each(&backend, &targets, each).await
    }
}

/// When a key was last used, for the question before it is stopped.
fn used(context: &Context, key: &Key) -> String {
    match key.last_used_at {
        Some(at) => format!(" (last used {})", context.output.moment(at)),
        None => " (never used so far)".to_owned(),
    }
}

/// Enable disabled API keys
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Enable {
    /// Names or ids of the keys; `-` reads them from standard input
    #[arg(value_name = "KEY", add = assets::keys())]
    keys: Vec<String>,
}

impl Run for Enable {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.keys)?;
        let batch = Batch::new(context, "key", "enable", &targets, "hubctl keys enable NAME")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let written = backend.enable_key(target, guard).await?;
            let key = written.after.as_ref();
            let name = key.map_or(target.as_str(), |key| key.name.as_str());
            let text = match (written.changed, written.dry_run) {
                (false, _) => format!("API key {name} is enabled already."),
                (true, true) => format!("Would enable API key {name}."),
                (true, false) => format!("Enabled API key {name}."),
            };
            if key.is_some_and(|key| key.status == "expired") {
                context.output.warn(format_args!("API key {name} is expired; make a new one"));
            }
            Ok(vec![result("enable", written, text)])
        };
        batch.each(&backend, &targets, each).await
    }
}

/// Delete API keys
///
/// This can't be undone: whoever holds one is refused at once and for good.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Names or ids of the keys; `-` reads them from standard input
    #[arg(value_name = "KEY", add = assets::keys())]
    keys: Vec<String>,
}

impl Run for Delete {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.keys)?;
        let batch = Batch::new(context, "key", "delete", &targets, "hubctl keys delete NAME")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let key = backend.key(target).await?;
            let what = format!(
                "deleting API key {} refuses whoever uses it{}",
                key.name,
                used(context, &key)
            );
            consent(context, &what, 0, "Delete")?;
            let written = backend.delete_key(target, guard).await?;
            let text = match written.dry_run {
                true => format!("Would delete API key {}.", key.name),
                false => format!("Deleted API key {}.", key.name),
            };
            Ok(vec![result("delete", written, text)])
        };
        batch.each(&backend, &targets, each).await
    }
}
