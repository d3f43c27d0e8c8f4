//! `hubctl session wait`, and how a session stands.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::accounts::AccountDetail;
use crate::api::connect_sessions::ConnectSession;
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::output::{Cell, Column, Record};
use crate::cli::tree::Run;
use crate::domain::ids::{AccountId, SessionId};
use crate::error::{HubError, codes};

use super::{Ended, Live, Patience, tell_if_nobody_answers, until};

/// Wait until the end user of a connect session has linked an account
///
/// Ends at once where that has happened already. A failed login does not end the wait, since the
/// end user may try again, unless --fail-fast; what ends it is the end of the session, or of the
/// time given. A key that the provider refuses is no failed login: the page asks for it again. It
/// serves no link: `hubctl serve` does. Exit codes: 0 linked, 6 failed, 8 timed out while nobody had
/// failed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Wait {
    /// Number of the session
    #[arg(add = assets::open_sessions())]
    id: SessionId,

    #[command(flatten)]
    patience: Patience,

    /// End as soon as a login at the provider fails
    #[arg(long)]
    fail_fast: bool,
}

impl Run for Wait {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<Waited>()?;
        let limit = self.patience.limit()?;
        let backend = context.backend().await?;
        // A program is told of a failure in one line, and of nothing else.
        let is_told = matches!(backend, Backend::Local(_)) && !context.settings.json_errors;
        if is_told && stage(&backend.session(self.id).await?) == Stage::Waiting {
            tell_if_nobody_answers(context);
        }
        let waited = linked(context, &backend, self.id, limit, self.fail_fast).await?;
        let account = &waited.account;
        let lines = [
            ("Session", format!("{}  {}", waited.session_id, waited.status)),
            ("Account", format!("{}  ({})", account.id, account.provider)),
            ("Status", account.status.clone()),
        ];
        context.output.item(&waited, Some(&lines))
    }
}

/// A session whose end user linked an account.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::cli) struct Waited {
    /// Number of the session.
    pub(super) session_id: i64,
    /// Always `authenticated`.
    pub(super) status: &'static str,
    /// The account.
    pub(super) account: WaitedAccount,
    /// How long the wait took, in seconds.
    #[serde(rename = "waited_seconds")]
    pub(super) seconds: u64,
}

impl Waited {
    /// The id of the account.
    pub(in crate::cli) fn account_id(&self) -> &str {
        &self.account.id
    }
}

/// The account that was linked.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::cli) struct WaitedAccount {
    /// Its id.
    pub(super) id: String,
    /// Its connector.
    pub(super) provider: String,
    /// Its status.
    pub(super) status: String,
}

impl From<AccountDetail> for WaitedAccount {
    fn from(account: AccountDetail) -> Self {
        Self { id: account.id, provider: account.provider, status: account.status.into_owned() }
    }
}

impl Record for Waited {
    const COLUMNS: &'static [Column] = &[
        Column::new("session_id", "SESSION"),
        Column::new("status", "STATUS"),
        Column::new("account_id", "ACCOUNT"),
        Column::new("provider", "PROVIDER"),
        Column::new("account_status", "ACCOUNT STATUS"),
        Column::wide("waited_seconds", "WAITED (S)"),
    ];
    const FIELDS: &'static [&'static str] = &["session_id", "status", "account", "waited_seconds"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.account.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::Number(self.session_id),
            Cell::from(self.status),
            Cell::from(self.account.id.as_str()),
            Cell::from(self.account.provider.as_str()),
            Cell::Status(Cow::Borrowed(&self.account.status)),
            Cell::Number(i64::try_from(self.seconds).unwrap_or(i64::MAX)),
        ]);
    }
}

/// How a session stands, for who waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has tried yet.
    Waiting,
    /// The end user is at the provider's page.
    Trying,
    /// The latest login failed, for this reason.
    Failed(String),
    /// The end user left the latest login.
    LeftIt,
    /// An account is linked.
    Linked(String),
    /// The session ended without one: `expired` or `revoked`.
    Over(String),
}

/// Reads the stage of a session.
pub(super) fn stage(session: &ConnectSession) -> Stage {
    if let ("linked", Some(account)) = (session.status.as_ref(), &session.linked_account_id) {
        return Stage::Linked(account.clone());
    }
    let attempt = session.latest_connection_attempt.as_ref();
    let attempted = match attempt.map(|attempt| (attempt, attempt.status.as_deref())) {
        Some((_, Some("pending"))) => Stage::Trying,
        Some((attempt, Some("error"))) => {
            let code = attempt.oauth_error_code.as_deref().unwrap_or("error");
            let why = attempt.oauth_error_description.as_ref().map(|why| format!(": {why}"));
            Stage::Failed(format!("{code}{}", why.unwrap_or_default()))
        }
        Some((_, Some("cancelled" | "expired"))) => Stage::LeftIt,
        _ => Stage::Waiting,
    };
    match session.status.as_ref() {
        over @ ("expired" | "revoked") => Stage::Over(over.to_owned()),
        _ => attempted,
    }
}

/// Waits until a session has linked an account, and looks at that.
///
/// # Errors
/// `session.over` where it ended without one, `session.login_failed`, `wait.timed_out`.
pub(super) async fn linked(
    context: &Context,
    backend: &Backend,
    id: SessionId,
    limit: Duration,
    fail_fast: bool,
) -> Result<Waited, HubError> {
    let mut live = Live::new(context);
    let mut failed = None;
    let login_failed = |why: &str| {
        let text = format!("the login of session {id} failed: {why}");
        HubError::new(&codes::SESSION_LOGIN_FAILED, text)
            .hint(format!("the link still works; hubctl session get {id}"))
    };
    let ended = until(context, limit, &mut live, async |live| {
        let session = backend.session(id).await?;
        match stage(&session) {
            Stage::Waiting => live.say("waiting for the end user to open the link"),
            Stage::Trying => live.say("the end user is logging in at the provider"),
            Stage::LeftIt => live.say("the end user left the login; waiting for the next"),
            Stage::Failed(why) => {
                if fail_fast {
                    return Err(login_failed(&why));
                }
                live.say(&format!("the login failed ({why}); waiting for the next"));
                if failed.as_ref() != Some(&why) && !context.ask.allowed {
                    live.aside(|| context.output.note(format_args!("the login failed: {why}")));
                }
                failed = Some(why);
                return Ok(None);
            }
            Stage::Over(state) => {
                let text = format!("session {id} is {state}, and no account was linked");
                return Err(HubError::new(&codes::SESSION_OVER, text)
                    .hint("make a new one with `hubctl session create`"));
            }
            Stage::Linked(account) => return Ok(Some(account)),
        }
        failed = None;
        Ok(None)
    })
    .await;
    drop(live);
    match ended? {
        Ended::Seen(account, waited) => {
            let account = account
                .parse::<AccountId>()
                .map_err(HubError::internal("the linked account has no id"))?;
            let account = backend.account(&account).await?.into();
            let (session_id, seconds) = (id.get(), waited.as_secs());
            Ok(Waited { session_id, status: "authenticated", account, seconds })
        }
        Ended::TimedOut => Err(match failed {
            Some(why) => login_failed(&why),
            None => {
                let text = format!("no account was linked with session {id} in {limit:?}");
                HubError::new(&codes::WAIT_TIMED_OUT, text)
                    .hint(format!("hubctl session wait {id}"))
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Stage, stage};
    use crate::api::connect_sessions::ConnectSession;

    fn session(status: &str, account: Option<&str>, attempt: &Value) -> ConnectSession {
        serde_json::from_value(json!({
            "id": 1, "organization_id": "local", "project_id": "default", "provider": "x",
            "origin_owner_id": "a", "origin_owner_name": "A", "type": "production",
            "latest_connection_attempt": attempt, "status": status,
            "linked_account_id": account, "created_at": "2026-06-01T12:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn cs_39_the_stage_is_that_of_the_newest_attempt_and_of_the_session() {
        let failed = json!({
            "id": "a", "status": "error", "oauth_error_code": "access_denied",
            "oauth_error_description": "the person denied it",
        });
        let bare = json!({ "id": "a", "status": "error" });
        let with = |status: &str| json!({ "id": "a", "status": status });
        let failed_as = |why: &str| Stage::Failed(why.to_owned());
        let linked = || Stage::Linked("id".to_owned());
        for (status, account, attempt, expected) in [
            ("pending", None, &Value::Null, Stage::Waiting),
            ("pending", None, &with("pending"), Stage::Trying),
            ("pending", None, &failed, failed_as("access_denied: the person denied it")),
            ("pending", None, &bare, failed_as("error")),
            ("pending", None, &with("cancelled"), Stage::LeftIt),
            ("pending", None, &with("expired"), Stage::LeftIt),
            ("pending", None, &with("something-new"), Stage::Waiting),
            ("linked", Some("id"), &with("authenticated"), linked()),
            ("linked", Some("id"), &failed, linked()),
            ("linked", Some("id"), &Value::Null, linked()),
            ("expired", None, &failed, Stage::Over("expired".to_owned())),
            ("revoked", Some("id"), &Value::Null, Stage::Over("revoked".to_owned())),
        ] {
            assert_eq!(stage(&session(status, account, attempt)), expected, "{status} {attempt}");
        }
    }
}
