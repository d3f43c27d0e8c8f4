//! `hubctl session`.

use clap::builder::NonEmptyStringValueParser;
use serde_json::{Map, Value};

use crate::api::accounts::AccountDetail;
use crate::api::connect_sessions::{ConnectSession, CreatedSession};
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::Output;
use crate::cli::records::connect_sessions::login;
use crate::cli::tree::Run;
use crate::domain::account::{AccountType, Owner};
use crate::domain::connect_session::{DEFAULT_LIFE_S, NewSession, State, check_owner};
use crate::domain::connector::Category;
use crate::domain::ids::{AccountId, AuthConfigId, SessionId};
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};
use crate::hub::connect_sessions::Filter;
use crate::hub::random::{Random, SystemRandom};
use crate::hub::write::Guard;

use super::connectors::category_parser;
use super::wait::{self, LinkWait, Waited};
use super::{Batch, consent, not_in_trial, result};

/// What every new session may say, alone or as the common part of a batch.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Asked {
    /// Connector to link; without it the end user chooses among the enabled ones
    #[arg(long, value_name = "CONNECTOR", add = assets::connectors())]
    pub(super) provider: Option<ConnectorKey>,

    /// Auth config to use instead of the connector's default
    #[arg(long, value_name = "ID", add = assets::auth_configs())]
    pub(super) auth_config: Option<AuthConfigId>,

    /// Offer only connectors of this category; can be given several times
    #[arg(long, value_name = "CATEGORY", value_parser = category_parser())]
    pub(super) category: Vec<Category>,

    /// Account to re-link instead of linking a new one; the session is its owner's
    #[arg(long, value_name = "ID", add = assets::accounts())]
    pub(super) account: Option<AccountId>,

    /// How long the token works: seconds, or 30m, 24h, 7d; 30 days at most [default: 30m, and 30d
    /// for a link]
    #[arg(long, value_name = "DURATION", allow_negative_numbers = true, value_parser = input::duration_s)]
    pub(super) expires_in: Option<i64>,

    /// Your own id of the customer whose account is linked
    #[arg(long, value_name = "ID")]
    pub(super) origin_owner_id: Option<String>,

    /// The customer's name [default: that of the account that is there, or the id]
    #[arg(long, value_name = "NAME")]
    pub(super) origin_owner_name: Option<String>,

    /// The person who links the account
    #[arg(long, value_name = "NAME")]
    pub(super) origin_username: Option<String>,

    /// Label for the account
    #[arg(long)]
    pub(super) label: Option<String>,

    /// Tag for session and account; can be given several times
    #[arg(long, value_name = "K=V")]
    pub(super) metadata: Vec<String>,

    /// What the account is for: production or test [default: that of the account that is there, or
    /// production]
    #[arg(long = "type", value_name = "TYPE", add = assets::account_types())]
    pub(super) kind: Option<AccountType>,

    /// Link a new account even where the owner has one of this connector
    #[arg(long)]
    pub(super) multiple: bool,
}

impl Asked {
    /// The session asked for. Whose it is with `--account`, [`Self::of_account`] looks up.
    pub(super) fn session(&self, context: &Context, life_s: i64) -> Result<NewSession, HubError> {
        let owner = match self.account {
            Some(_) => Owner { id: String::new(), name: String::new(), username: None },
            None => self.owner(context)?,
        };
        Ok(NewSession {
            owner,
            provider: self.provider.clone(),
            auth_config: self.auth_config.clone(),
            categories: self.category.clone(),
            account: self.account.clone(),
            expires_in_s: self.expires_in.unwrap_or(life_s),
            label: self.label.clone(),
            metadata: self.tags()?,
            multiple: self.multiple,
            kind: self.kind,
        })
    }

    /// The same with owner and type of the account that is to be linked again (CS-12). Flags may
    /// give its owner another name; what a profile or the environment says of owners is about new
    /// accounts.
    pub(super) async fn of_account(
        &self,
        new: NewSession,
        backend: &Backend,
    ) -> Result<NewSession, HubError> {
        let Some(id) = &self.account else { return Ok(new) };
        let (own, kind) = held(&backend.account(id).await?);
        if let Some(asked) = &self.origin_owner_id {
            check_owner(asked, &own.id)?;
        }
        if let Some(asked) = self.kind.filter(|asked| *asked != kind) {
            let text = format!("account {id} is a {} account, and stays one", kind.as_str());
            return Err(HubError::new(&codes::USAGE, text)
                .hint(format!("hubctl accounts update {id} --type {}", asked.as_str())));
        }
        let owner = Owner {
            id: own.id,
            name: self.origin_owner_name.clone().unwrap_or(own.name),
            username: self.origin_username.clone().or(own.username),
        };
        Ok(NewSession { owner, kind: Some(kind), ..new })
    }

    pub(super) fn tags(&self) -> Result<Map<String, Value>, HubError> {
        input::metadata(&self.metadata)
    }

    /// The owner: flag, environment or profile, a question, else a fresh one with a note.
    fn owner(&self, context: &Context) -> Result<Owner, HubError> {
        let settings = &context.settings;
        let given = self.origin_owner_id.clone().or_else(|| settings.owner_id.clone());
        let (id, was_given) = match given {
            Some(id) => (id, true),
            None if settings.require_owner => {
                let text = "the profile requires an origin owner, and none was given";
                return Err(HubError::new(&codes::OWNER_REQUIRED, text)
                    .hint("--origin-owner-id ID --origin-owner-name NAME"));
            }
            None => (fresh_owner(context)?, false),
        };
        let default_name = was_given.then(|| settings.owner_name.clone()).flatten();
        let name = self.origin_owner_name.clone().or(default_name).unwrap_or_else(|| id.clone());
        Ok(Owner { id, name, username: self.origin_username.clone() })
    }
}

/// Whose an account is, and what it is for.
pub(super) fn held(account: &AccountDetail) -> (Owner, AccountType) {
    let owner = Owner {
        id: account.origin_owner_id.clone(),
        name: account.origin_owner_name.clone(),
        username: account.origin_username.clone(),
    };
    (owner, account.kind.parse().unwrap_or_default())
}

fn fresh_owner(context: &Context) -> Result<String, HubError> {
    let mut bytes = [0; 4];
    SystemRandom::new().fill(&mut bytes)?;
    let fresh = format!("hubctl-{:08x}", u32::from_be_bytes(bytes));
    if context.ask.allowed {
        let any = |_: &str| Ok(());
        return context.ask.text("Origin owner id", Some(&fresh), any, || {
            HubError::new(&codes::INPUT_NEEDED, "no origin owner given")
        });
    }
    context.note_of_success(format!("no origin owner given, using {fresh}"));
    Ok(fresh)
}

/// What to print of a new session.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(in crate::cli) enum Part {
    /// The token, shown this once
    Token,
    /// The address to send to the end user
    AuthLinkUrl,
    /// The session's number
    Id,
    /// The id of the account that was linked; with --wait
    AccountId,
}

impl Part {
    /// The part of a new session; `None` for what is known only later.
    fn of(self, session: &CreatedSession) -> Option<String> {
        match self {
            Self::Token => Some(session.token.clone()),
            Self::AuthLinkUrl => Some(session.auth_link_url.clone()),
            Self::Id => Some(session.id.to_string()),
            Self::AccountId => None,
        }
    }

    /// Prints the part; what is known only later leaves standard output to it, and the link is told
    /// beside it, since somebody has to open it.
    pub(super) fn print(self, context: &Context, session: &CreatedSession) -> Result<(), HubError> {
        match self.of(session) {
            Some(part) => context.output.text(&part),
            None => {
                context.output.remark(format_args!("Auth link  {}", session.auth_link_url));
                Ok(())
            }
        }
    }

    /// Refuses to print an account that nobody waits for, and to hand out or wait for what a dry
    /// run does not make.
    pub(super) fn check(
        context: &Context,
        part: Option<Self>,
        waiting: &LinkWait,
    ) -> Result<(), HubError> {
        let flag = if waiting.waits() { Some("--wait") } else { part.map(|_| "--print") };
        not_in_trial(context, flag, "session")?;
        if matches!(part, Some(Self::AccountId)) && !waiting.waits() {
            let text = "--print account_id needs --wait: there is no account before";
            return Err(HubError::new(&codes::USAGE, text).hint("add --wait"));
        }
        Ok(())
    }

    /// Tells how a wait ended, in the form that was asked for.
    pub(super) fn tell(
        part: Option<Self>,
        context: &Context,
        waited: &Waited,
    ) -> Result<(), HubError> {
        match part {
            Some(Self::AccountId) => context.output.text(waited.account_id()),
            _ => wait::tell(context, waited),
        }
    }
}

/// Create a connect session: the right to link one account for a while
///
/// The answer holds the token and the auth link, which are shown this once and work for half an
/// hour unless --expires-in. Without --provider the end user chooses among the enabled connectors.
/// End it early with `hubctl session revoke`. With --wait, the command ends when an account is
/// linked: exit code 0, 6 if that failed, 8 if it did not happen in time. The JSON answer is the
/// session all the same; `-o jsonl` adds a line with the account.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    #[command(flatten)]
    asked: Asked,

    /// Print this part alone
    #[arg(long, value_name = "PART")]
    print: Option<Part>,

    #[command(flatten)]
    waiting: LinkWait,
}

impl Run for Create {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<CreatedSession>()?;
        Part::check(context, self.print, &self.waiting)?;
        let new = self.asked.session(context, DEFAULT_LIFE_S)?;
        let mut door = self.waiting.begin(context).await?;
        let new = self.asked.of_account(new, &door.backend).await?;
        let created = door.session(context, new).await?;
        context.tell_notes(&door.backend);
        tell_trial(context);
        match self.print {
            Some(part) => part.print(context, &created)?,
            None => {
                let config = match (&created.integration_id, context.output.is_human()) {
                    (Some(id), true) if !context.globals.dry_run => {
                        Some(door.backend.auth_config(id).await?)
                    }
                    _ => None,
                };
                let lines = card(&context.output, &created, config.as_ref());
                context.output.item(&created, Some(&lines))?;
            }
        }
        match door.finish(context, &created).await? {
            Some(waited) => Part::tell(self.print, context, &waited),
            None => Ok(()),
        }
    }
}

/// What a dry run answers looks like what works.
pub(super) fn tell_trial(context: &Context) {
    if context.globals.dry_run {
        context.output.trial("dry run: nothing was made, and the token and link do not work");
    }
}

/// A new session as a terminal shows it.
pub(super) fn card(
    output: &Output,
    session: &CreatedSession,
    config: Option<&crate::api::auth_configs::AuthConfigDetail>,
) -> Vec<(&'static str, String)> {
    let target = match (config, &session.provider) {
        (Some(config), _) => {
            let default = if config.default { " (default)" } else { "" };
            format!("{}  {}{default}", config.connector_key, config.authentication_config_label)
        }
        (None, Some(provider)) => provider.clone(),
        (None, None) => "the end user chooses the connector".to_owned(),
    };
    vec![
        ("Auth link", session.auth_link_url.clone()),
        ("Session", format!("{}  {target}", session.id)),
        ("Owner", format!("{}  ({})", session.origin_owner_name, session.origin_owner_id)),
        ("Expires", output.moment(session.expires_at)),
    ]
}

/// Show a connect session, without its token
///
/// With how the newest login at the provider stands, and why it failed: in a pipe that is the
/// column `login`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Number of the session
    #[arg(add = assets::sessions())]
    id: SessionId,
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let session = backend.session(self.id).await?;
        let any = || "chosen by the end user".to_owned();
        let mut lines = vec![
            ("Session", session.id.to_string()),
            ("Status", session.status.to_string()),
            ("Connector", session.provider.clone().unwrap_or_else(any)),
            ("Owner", format!("{}  ({})", session.origin_owner_name, session.origin_owner_id)),
            ("Created", context.output.moment(session.created_at)),
        ];
        lines.extend(session.latest_connection_attempt.as_ref().map(|attempt| {
            let (word, why) = login(attempt);
            let at = attempt.updated_at.map(|at| format!(" {}", context.output.moment(at)));
            ("Login", format!("{word}{}{why}", at.unwrap_or_default()))
        }));
        lines.extend(session.expires_at.map(|at| ("Expires", context.output.moment(at))));
        lines.extend(session.integration_id.clone().map(|id| ("Auth config", id)));
        lines.extend(session.account_id.clone().map(|id| ("Re-links", id)));
        lines.extend(session.linked_account_id.clone().map(|id| ("Linked", id)));
        lines.extend(session.label.clone().map(|label| ("Label", label)));
        context.output.item(&session, Some(&lines))
    }
}

/// List the connect sessions of the project, the newest first
///
/// The column `login` tells how the newest login at the provider stands, and why it failed. A
/// session whose login failed still waits for an account: its end user can try again.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only those that still wait for an account
    #[arg(long)]
    pending: bool,

    /// Only waiting ones that expire within this time
    #[arg(long, value_name = "DURATION", allow_negative_numbers = true, value_parser = input::duration_s)]
    expiring: Option<i64>,

    /// Only those whose newest login at the provider failed
    #[arg(long)]
    failed: bool,

    /// Only sessions that stand so: pending, linked, expired or revoked
    #[arg(long, value_name = "STATUS", conflicts_with_all = ["pending", "expiring"], add = assets::session_states())]
    status: Option<State>,

    /// Only sessions for this connector
    #[arg(long, value_name = "CONNECTOR", add = assets::connectors())]
    provider: Option<ConnectorKey>,

    /// Only sessions of this owner
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    origin_owner_id: Option<String>,
}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let filter = Filter {
            pending: self.pending,
            expiring_in_s: self.expiring,
            state: self.status,
            provider: self.provider,
            owner_id: self.origin_owner_id,
            failed: self.failed,
        };
        let none = match filter == Filter::default() {
            true => "no sessions; see `hubctl session create --help`".to_owned(),
            false => format!("no sessions in {} fit", backend.project()),
        };
        let mut list = context.output.list_of::<ConnectSession>()?;
        backend.sessions(filter, |session| list.push(session)).await?;
        list.finish(|summary| (summary.rows == 0).then_some(none))?;
        Ok(())
    }
}

/// Revoke connect sessions: their tokens and links stop working at once
///
/// Accounts already linked stay.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Revoke {
    /// Numbers of the sessions; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::open_sessions())]
    ids: Vec<String>,
}

impl Run for Revoke {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let batch = Batch::new(context, "session", "revoke", &targets, "hubctl session revoke ID")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let id: SessionId = input::parsed(target)?;
            let session = backend.session(id).await?;
            if session.status != "revoked" {
                let what = format!("session {id} and its link stop working");
                consent(context, &what, 0, "Revoke")?;
            }
            let written = backend.revoke_session(id, guard).await?;
            let text = match (written.changed, written.dry_run) {
                (false, _) => format!("Session {id} is revoked already."),
                (true, true) => format!("Would revoke session {id}."),
                (true, false) => format!("Revoked session {id}."),
            };
            Ok(vec![result("revoke", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}
