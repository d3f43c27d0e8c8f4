//! Commands that look at linked accounts.

use clap::builder::NonEmptyStringValueParser;
use futures_util::{StreamExt as _, stream};

use crate::api::accounts::{Account, AccountDetail, Explanation, Finding};
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::Absent;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::{Format, List as Rows, ListSummary, clean_line};
use crate::cli::tree::Run;
use crate::domain::account::{AccountType, Status, StatusReason};
use crate::domain::ids::{AccountId, AuthConfigId};
use crate::domain::names::ConnectorKey;
use crate::domain::refresh::REASON_REFUSED;
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::accounts::{BadSort, Filter, Sort, Usability};

use super::watch::Watch;

/// Fields of an account that a brief list lacks, and the columns that are made of them.
const NOT_BRIEF: (&[&str], &[&str]) = (
    &[
        "provider_name",
        "setup_information",
        "type",
        "categories",
        "integration_id",
        "connector_profile_id",
        "verified",
    ],
    &["type", "verified", "auth_config"],
);
/// The same for the reasons.
const REASONS: (&[&str], &[&str]) = (&["status_reasons"], &["reason", "since"]);
/// The same for what the hub makes of them and of the tokens.
const WHY: (&[&str], &[&str]) = (&["unusable"], &["reason", "since"]);
/// Fields that only a list of details has.
const DETAILS: &[&str] = &["metadata", "auth_config_name", "verified_at", "credentials_updated_at"];

/// Which accounts, and in what order.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Chosen {
    /// Only accounts of this connector; can be given several times
    #[arg(long, value_name = "CONNECTOR", add = assets::connectors())]
    provider: Vec<ConnectorKey>,

    /// Only accounts of this status: active, inactive, suspended, archived, expired or error; can
    /// be given several times
    #[arg(long, value_name = "STATUS", add = assets::statuses())]
    status: Vec<Status>,

    /// Only accounts of this owner; can be given several times
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    origin_owner_id: Vec<String>,

    /// Only accounts linked through this auth config; can be given several times
    #[arg(long, value_name = "ID", add = assets::auth_configs())]
    auth_config: Vec<AuthConfigId>,

    /// Only production or only test accounts
    #[arg(long = "type", value_name = "TYPE", add = assets::account_types())]
    kind: Option<AccountType>,

    /// Only accounts changed since: 24h, 7d, a time, or a Unix time
    #[arg(long, value_name = "DURATION|TIME")]
    since: Option<String>,

    /// Sort by created, updated, provider, owner or status; `-` in front turns the order round
    #[arg(long, value_name = "FIELD", default_value = "created", allow_hyphen_values = true, add = assets::orders())]
    sort: Order,

    /// Only accounts after this one, in the order of creation: the last id of an earlier page
    #[arg(long, value_name = "ID")]
    after: Option<AccountId>,
}

#[derive(Debug, Clone, Copy)]
struct Order {
    sort: Sort,
    descending: bool,
}

impl std::str::FromStr for Order {
    type Err = BadSort;

    fn from_str(text: &str) -> Result<Self, BadSort> {
        let (sort, descending) = Sort::with_direction(text)?;
        Ok(Self { sort, descending })
    }
}

impl Chosen {
    fn filter(self, context: &Context, format: Format) -> Result<Filter, HubError> {
        let leaves_out =
            |(fields, columns)| context.output.leaves_out::<Account<'_>>(format, fields, columns);
        if self.after.is_some() && self.sort.sort != Sort::Created {
            let text = "--after goes with the order of creation only";
            return Err(HubError::new(&codes::USAGE, text).hint("leave --sort out"));
        }
        let since = self.since.map(|since| input::since(&since, context.now())).transpose()?;
        Ok(Filter {
            providers: self.provider,
            provider: None,
            statuses: self.status,
            owner_ids: self.origin_owner_id,
            owner_id: None,
            ids: Vec::new(),
            auth_configs: self.auth_config,
            kind: self.kind,
            updated_since: since,
            after: self.after,
            sort: self.sort.sort,
            descending: self.sort.descending,
            offset: 0,
            limit: None,
            brief: leaves_out(NOT_BRIEF),
            without_reasons: leaves_out(REASONS),
            usability: match leaves_out(WHY) {
                true => Usability::Untold,
                false => Usability::Told,
            },
        })
    }
}

/// List linked accounts, the oldest first
///
/// Filters combine: an account is shown if it fits all of them, and a filter given several times
/// fits any of its values. The reason says why an account can't be used, and the column `since`, of
/// -o wide, since when: by its status, or because its tokens can't be renewed although it is active.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    chosen: Chosen,

    /// Only accounts that can't be used, whether an administrator wanted that, the provider refuses
    /// them, or their tokens can't be renewed
    #[arg(long)]
    unusable: bool,

    /// Go on and show accounts as they change, until Ctrl-C; looks every 2 seconds. One that was
    /// deleted comes once more with the status `deleted`, and one that fits the filters no more as
    /// it is then
    #[arg(long, conflicts_with_all = ["after", "sort", "unusable"])]
    watch: bool,
}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let mut filter = self.chosen.filter(context, context.output.list_format())?;
        if self.unusable {
            filter.usability = Usability::Unusable;
        }
        if self.watch && context.output.is_document_asked_for() {
            let text = "--watch never ends, and this format is one whole document";
            return Err(HubError::new(&codes::USAGE, text).hint("use -o jsonl"));
        }
        let backend = context.backend().await?;
        if self.watch {
            return Watch::new(context, &backend, filter).run().await;
        }
        let list = context.output.list_of::<Account<'_>>()?;
        write(list, &backend, &filter, |_| ()).await.map(drop)
    }
}

/// Writes the accounts that fit, and says how many they are.
pub(super) async fn write(
    mut list: Rows<'_>,
    backend: &Backend,
    filter: &Filter,
    mut seen: impl FnMut(&Account<'_>),
) -> Result<ListSummary, HubError> {
    let (mut troubled, mut first) = (0_u64, None);
    backend
        .accounts(filter, |account| {
            if account.needs_attention() {
                troubled += 1;
                first.get_or_insert_with(|| account.id.to_string());
            }
            seen(account);
            list.push(account)
        })
        .await?;
    let project = backend.project();
    list.finish(|summary| {
        let accounts = counted(summary.rows, "account");
        // Filtered, they are not all that the project has.
        let fit = match (is_narrowed(filter), summary.rows) {
            (false, _) => "",
            (true, 1) => " fits",
            (true, _) => " fit",
        };
        Some(match (summary.more, first) {
            (true, _) => return None,
            (false, None) => format!("{accounts} in {project}{fit}"),
            (false, Some(id)) => {
                let need = if troubled == 1 { "needs" } else { "need" };
                // A narrower list is not repeated, and one of nothing else shows them.
                let helps = match troubled > 1 && !is_narrowed(filter) {
                    true => "list --unusable".to_owned(),
                    false => format!("explain {id}"),
                };
                format!(
                    "{accounts} in {project}{fit}; {troubled} {need} attention: \
                     hubctl accounts {helps}"
                )
            }
        })
    })
}

/// Whether accounts of the project may be left out.
pub(super) fn is_narrowed(filter: &Filter) -> bool {
    !filter.providers.is_empty()
        || !filter.statuses.is_empty()
        || !filter.owner_ids.is_empty()
        || !filter.auth_configs.is_empty()
        || filter.kind.is_some()
        || filter.updated_since.is_some()
        || filter.after.is_some()
        || filter.is_unusable()
}

/// Write all linked accounts as JSON Lines, for backups and other programs
///
/// One object a line, with everything that `hubctl accounts get` shows, without a limit and without
/// credentials, which are never shown. Any other --output works as well.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    chosen: Chosen,
}

impl Run for Export {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let (output, format) = (&context.output, context.output.export_format());
        let filter = self.chosen.filter(context, format)?;
        let backend = context.backend().await?;
        let list = match output.leaves_out::<AccountDetail>(format, DETAILS, &[]) {
            true => {
                let mut list = output.export_of::<Account<'_>>()?;
                backend.accounts(&filter, |account| list.push(account)).await?;
                list
            }
            false => {
                let mut list = output.export_of::<AccountDetail>()?;
                let filter = Filter {
                    brief: false,
                    without_reasons: false,
                    usability: Usability::Untold,
                    ..filter
                };
                backend.account_details(&filter, |account| list.push(account)).await?;
                list
            }
        };
        list.finish(|summary| Some(counted(summary.rows, "account")))?;
        Ok(())
    }
}

/// Show linked accounts
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Ids of the accounts; `-` reads them from standard input
    #[arg(value_name = "ID", required = true, add = assets::accounts())]
    ids: Vec<String>,
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let ids = input::targets(&self.ids)?;
        let ids: Vec<AccountId> =
            ids.iter().map(|id| input::parsed(id)).collect::<Result<_, _>>()?;
        let backend = context.backend().await?;
        if let [id] = ids.as_slice() {
            let account = backend.account(id).await?;
            return context.output.item(&account, Some(&account_card(context, &account)));
        }
        let mut list = context.output.list_of::<AccountDetail>()?;
        let (at_once, backend) = (backend.at_once(), &backend);
        let asked = stream::iter(&ids).map(|id| async move { (id, backend.account(id).await) });
        let mut accounts = asked.buffered(at_once);
        let (mut absent, mut found) = (Absent::new(context), 0);
        while let Some((id, read)) = accounts.next().await {
            let Some(account) = absent.sort_out(id.as_str(), read)? else { continue };
            found += 1;
            if list.push(&account)?.is_break() {
                break;
            }
        }
        // Of nothing there is no answer.
        if found > 0 || ids.is_empty() {
            list.finish(|_| None)?;
        }
        absent.end(found)
    }
}

/// Whether its provider was asked and said no; under a hold, the reasons tell.
fn is_refused(account: &AccountDetail) -> bool {
    let is_refusal = |reason: &StatusReason| reason.code.as_deref() == Some(REASON_REFUSED);
    matches!(&*account.status, "error" | "expired") || account.status_reasons.iter().any(is_refusal)
}

/// A linked account as a terminal shows it.
pub(in crate::cli) fn account_card(
    context: &Context,
    account: &AccountDetail,
) -> Vec<(&'static str, String)> {
    let name = account.provider_name.as_deref().unwrap_or_default();
    let verified = match account.verified_at {
        Some(at) => format!("yes, {}", context.output.moment(at)),
        None if is_refused(account) => "no: the provider refuses the credentials".to_owned(),
        None => "no: the provider was not asked".to_owned(),
    };
    let mut lines = vec![
        ("Account", account.id.clone()),
        ("Connector", format!("{}  ({name})", account.provider)),
        ("Owner", format!("{}  ({})", account.origin_owner_name, account.origin_owner_id)),
        ("Status", account.status.to_string()),
    ];
    for reason in &account.status_reasons {
        let words = reason.description.as_deref().or(reason.code.as_deref()).unwrap_or_default();
        lines.push(("Reason", format!("{words}, {}", context.output.since(reason.timestamp))));
    }
    lines.extend(account.origin_username.clone().map(|name| ("User", name)));
    lines.extend(account.label.clone().map(|label| ("Label", label)));
    lines.push(("Type", account.kind.to_string()));
    lines.push(("Verified", verified));
    lines.push((
        "Auth config",
        format!("{}  ({})", account.integration_id, account.auth_config_name),
    ));
    let mut title = "Values";
    for (key, value) in &account.setup_information {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        lines.push((std::mem::take(&mut title), format!("{key} = {value}")));
    }
    let mut title = "Metadata";
    for (key, value) in &account.metadata {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        lines.push((std::mem::take(&mut title), format!("{key} = {value}")));
    }
    lines.push(("Created", context.output.moment(account.created_at)));
    lines.push(("Updated", context.output.moment(account.updated_at)));
    lines
}

/// Explain why an account is not active, since when, and which command helps
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Explain {
    /// Id of the account
    #[arg(add = assets::accounts())]
    id: AccountId,
}

impl Run for Explain {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let explanation = backend.explain(&self.id).await?;
        let output = &context.output;
        if output.is_human() {
            return output.text(&told(context, &explanation));
        }
        if output.is_machine() {
            return output.value(&super::super::to_value(&explanation));
        }
        let mut list = output.list_of::<Finding>()?;
        for finding in &explanation.findings {
            if list.push(finding)?.is_break() {
                break;
            }
        }
        list.finish(|_| None).map(drop)
    }
}

fn told(context: &Context, explanation: &Explanation) -> String {
    let account = &explanation.account;
    let able = if explanation.usable { "can be used" } else { "can't be used" };
    let status = if account.status == "error" { "in error" } else { &*account.status };
    let mut out = format!(
        "{} account {} of {} is {status} and {able}.\n",
        clean_line(account.provider_name.as_deref().unwrap_or(&account.provider)),
        account.id,
        clean_line(&account.origin_owner_name)
    );
    for finding in &explanation.findings {
        let mark = if finding.blocking { "cause" } else { "note" };
        let cause = context.output.timed(&finding.cause);
        out.push_str(&format!("\n{mark}: {}\n", clean_line(&cause)));
        if let Some(since) = finding.since {
            let actor =
                finding.actor.as_ref().map(|actor| format!(", by {actor}")).unwrap_or_default();
            let request = finding
                .request_id
                .as_ref()
                .map(|id| format!(" (hubctl logs get {id})"))
                .unwrap_or_default();
            let event =
                finding.event_id.as_ref().map(|id| format!(", event {id}")).unwrap_or_default();
            let since = context.output.since(since);
            out.push_str(&format!("  {since}{actor}{request}{event}\n"));
        }
        if let Some(command) = &finding.command {
            out.push_str(&format!("  {command}\n"));
        }
    }
    if let Some(token) = &explanation.token {
        let moment = |at| context.output.moment(at);
        let now = context.output.options().now;
        let end = token.expires_at.map(|at| {
            let verb = if at <= now { "ended" } else { "ends" };
            format!("{verb} {}, ", moment(at))
        });
        let end = end.unwrap_or_default();
        let next = token.next_try_at.map(|at| format!(", next {}", moment(at))).unwrap_or_default();
        let renewed = moment(token.renewed_at);
        out.push_str(&format!("\ntoken: {end}last renewed {renewed}{next}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{NOT_BRIEF, REASONS};
    use crate::api::accounts::Account;
    use crate::cli::output::Record;
    use crate::domain::account::Listed;
    use crate::domain::connector::Category;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_a_brief_list_lacks_is_named() {
        let full = Listed {
            id: "id",
            provider: "jira",
            auth_config: "config",
            owner_id: "owner",
            owner_name: "Owner",
            username: Some("user"),
            label: Some("label"),
            kind: "production",
            status: "active",
            reasons: r#"[{"code": "paused", "timestamp": "2026-06-01T12:00:00Z"}]"#,
            setup: r#"{"site": "acme"}"#,
            verified_at: Some(Timestamp::from_millis(1)),
            created_at: Timestamp::from_millis(2),
            updated_at: Timestamp::from_millis(3),
            failing: None,
        };
        let brief = Listed {
            auth_config: "",
            kind: "",
            reasons: "[]",
            setup: "{}",
            verified_at: None,
            ..full
        };
        let full = Account::new(&full, Some("Jira"), &[Category::Crm]);
        let brief = Account::new(&brief, None, &[]);

        let (one, other) = [&full, &brief].map(|row| serde_json::to_value(row).unwrap()).into();
        let differs = |field: &&&str| one[**field] != other[**field];
        let fields: Vec<&str> = Account::FIELDS.iter().filter(differs).copied().collect();
        let mut named = [NOT_BRIEF.0, REASONS.0].concat();
        named.sort_by_key(|name| Account::FIELDS.iter().position(|field| field == name));
        assert_eq!(fields, named);

        let (mut one, mut other) = (Vec::new(), Vec::new());
        full.cells(&mut one);
        brief.cells(&mut other);
        let cells = one.iter().zip(&other).zip(Account::COLUMNS);
        let columns = cells.filter(|((one, other), _)| one != other).map(|(_, c)| c.name);
        let mut columns: Vec<&str> = columns.collect();
        let mut named = [NOT_BRIEF.1, REASONS.1].concat();
        columns.sort_unstable();
        named.sort_unstable();
        assert_eq!(columns, named);
    }
}
