//! The commands: arguments, one call to the backend, one answer. No rule is written here.

use serde_json::{Value, json};

use crate::api::write::Written;
use crate::error::{HubError, codes};

use super::context::Context;
use super::output::WriteResult;
use super::prompt;

pub(super) mod accounts;
pub(super) mod api;
pub(super) mod auth;
mod batch;
pub(super) mod config;
pub(super) mod connectors;
pub(super) mod contract;
pub(super) mod demo;
pub(super) mod doctor;
pub(super) mod events;
mod fields;
pub(super) mod keys;
pub(super) mod link;
pub(super) mod logs;
pub(super) mod meta;
pub(super) mod oauth_apps;
mod outlasting;
mod parameters;
pub(super) mod profile;
mod project_page;
pub(super) mod projects;
pub(super) mod request;
pub(super) mod serve;
pub(super) mod session;
pub(super) mod store;
pub(super) mod wait;
pub(super) mod webhooks;

use batch::{Absent, Batch};

/// Asks before anything is written with a protected profile: `--yes` is not enough, the profile
/// must be named, with `--confirm` or by typing it.
///
/// # Errors
/// `profile.protected` where asking is not possible or another profile is named; declined by
/// another answer.
pub(super) fn confirm_profile(context: &Context) -> Result<(), HubError> {
    let name = &context.settings.sources.profile;
    let protected = |text: String| HubError::new(&codes::PROFILE_PROTECTED, text);
    if let Some(given) = &context.globals.confirm {
        // Also where nothing is protected: whoever names a profile means that one.
        return if given == name {
            Ok(())
        } else {
            let text = format!("--confirm names `{given}`, and this acts with profile `{name}`");
            Err(protected(text).hint(format!("add -P {given}, or leave --confirm out")))
        };
    }
    if context.settings.protected.is_none() || context.globals.dry_run {
        return Ok(());
    }
    let needed = || {
        protected(format!("profile `{name}` is protected: a write needs its name"))
            .hint(format!("add --confirm {name}"))
    };
    let question = format!("Profile {name} is protected. Type its name to go on");
    let answer = context.ask.text(&question, None, |_| Ok(()), needed)?;
    if answer.trim() == name {
        Ok(())
    } else {
        let text = "the profile was not named; nothing was changed";
        Err(HubError::new(&codes::CONFIRM_DECLINED, text))
    }
}

/// Whether consent was given with the command, or is not needed.
fn consents(context: &Context) -> bool {
    context.globals.yes || context.globals.dry_run
}

/// Asks before something is stopped or taken away; `--yes` and `--dry-run` need no question.
fn consent(context: &Context, what: &str, affected: u64, word: &str) -> Result<(), HubError> {
    if consents(context) {
        return Ok(());
    }
    let needed = || {
        let hint = if affected > 0 {
            format!("add --yes, or --yes --max-affected {affected} to fail if it grows")
        } else {
            "add --yes".to_owned()
        };
        prompt::confirm_required(what.to_owned(), hint)
            .detail(json!({ "affected_accounts": affected }))
    };
    let mut letters = what.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    context.ask.confirm(&format!("{first}{}. {word}?", letters.as_str()), needed)
}

/// The result of a write for the output, with the sentence that a terminal shows.
fn result<T: serde::Serialize>(
    action: &'static str,
    written: Written<T>,
    human: String,
) -> WriteResult {
    let value = |thing: Option<T>| thing.and_then(|thing| serde_json::to_value(thing).ok());
    WriteResult {
        action,
        resource: written.resource,
        changed: written.changed,
        dry_run: written.dry_run,
        affected_accounts: written.affected_accounts,
        operation_id: written.operation_id,
        before: value(written.before),
        after: value(written.after),
        ok: true,
        error: None,
        human,
        asides: Vec::new(),
    }
}

/// Tells that there is nothing to do, which programs see from an empty answer.
fn tell_nothing_to_do(context: &Context, why: &str) {
    if !context.settings.json_errors {
        context.output.note(format_args!("{why}: there is nothing to do"));
    }
}

/// The answer where no target is named and none is found.
fn nothing_to_do(context: &Context, why: &str) -> Result<(), HubError> {
    context.output.write_many(&[])?;
    tell_nothing_to_do(context, why);
    Ok(())
}

/// Refuses a flag that is about what a dry run does not make.
fn not_in_trial(context: &Context, flag: Option<&str>, thing: &str) -> Result<(), HubError> {
    let Some(flag) = flag.filter(|_| context.globals.dry_run) else { return Ok(()) };
    let text = format!("{flag} can't be used with --dry-run: no {thing} is made");
    Err(HubError::new(&codes::USAGE, text).hint(format!("leave {flag} out")))
}

/// A thing as JSON.
fn to_value(thing: &impl serde::Serialize) -> Value {
    serde_json::to_value(thing).unwrap_or_default()
}
