//! Commands that change auth configs, and the sentences in which they tell what they did.

mod add;
mod delete;
mod disable;
mod edit;
mod enable;
mod make_default;

pub(in crate::cli) use add::Add;
pub(in crate::cli) use delete::Delete;
pub(in crate::cli) use disable::Disable;
pub(in crate::cli) use edit::Edit;
pub(in crate::cli) use enable::Enable;
pub(in crate::cli) use make_default::MakeDefault;

use crate::api::auth_configs::AuthConfigDetail;
use crate::api::write::Written;
use crate::cli::output::WriteResult;
use crate::domain::names::ConnectorKey;
use crate::domain::words::counted;

type Config = Written<AuthConfigDetail>;

/// What a config is called in a sentence: `hubspot (auth config 0199…, Private app token, default)`.
fn named(config: &AuthConfigDetail) -> String {
    let default = if config.default { ", default" } else { "" };
    format!(
        "{} (auth config {}, {}{default})",
        config.connector_key, config.id, config.authentication_config_label
    )
}

fn sentence(written: &Config, done: &str, would: &str, already: &str) -> String {
    let config = written.after.as_ref().or(written.before.as_ref()).map(named).unwrap_or_default();
    let accounts = with_it(written);
    match (written.changed, written.dry_run) {
        (false, _) => format!("{already}: {config}."),
        (true, true) => format!("{would} {config}.{accounts}"),
        (true, false) => format!("{done} {config}.{accounts}"),
    }
}

/// The accounts that a write touched, as a sentence behind its own.
pub(super) fn with_it<T>(written: &Written<T>) -> String {
    match written.affected_accounts {
        0 => String::new(),
        count => {
            let verb = if written.dry_run { "would change" } else { "changed" };
            format!(" {} {verb} with it.", counted(count, "linked account"))
        }
    }
}

/// A connector key given as target stays the resource's name, as the caller wrote it.
fn resource_named(target: &str, mut result: WriteResult) -> WriteResult {
    if target.parse::<ConnectorKey>().is_ok() && !result.resource.ends_with(target) {
        result.resource = format!("connector/{target}");
    }
    result
}
