//! Lists of accounts: filters, order, and rows that are shown as they are read.

use std::ops::ControlFlow;
use std::str::FromStr;

use crate::domain::account::{Account, AccountType, Failing, Listed, Status};
use crate::domain::ids::{AccountId, AuthConfigId, ProjectNumber};
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;
use crate::store::driver::to_json;
use crate::store::{Param, Result, Row, StoreError, Tx};

use super::refresh::any_failing;
use super::{COLUMNS, read};

/// What stands beside an account in other tables: the name of its auth config, and when its
/// credentials were replaced. PostgreSQL would name them after their columns, and an order could
/// then mean either.
const BESIDE: &str = "(select c.name from auth_configs c where c.project = accounts.project \
                      and c.id = accounts.auth_config) as auth_config_name, \
                      (select c.updated_at from account_credentials c \
                      where c.project = accounts.project and c.account = accounts.id) \
                      as credentials_at";
/// Where these are in a row, behind the columns of the account.
const NAME: usize = 17;
const CREDENTIALS_AT: usize = 18;

/// What is stored of tokens that could not be renewed, behind all other columns of a row.
const FAILING: &str = "of_failing.failing_since, of_failing.failure, of_failing.token_expires_at, \
                       of_failing.refresh_after";
/// Their names must not be those of columns of the accounts.
const JOIN_FAILING: &str = "left join (select project as of_project, account as of_account, \
                            failing_since, failure, token_expires_at, refresh_after \
                            from account_credentials where failing_since is not null) of_failing \
                            on of_failing.of_project = accounts.project \
                            and of_failing.of_account = accounts.id";

/// Reads [`FAILING`] from this column on, if it is there.
#[inline]
fn read_failing<'a>(row: &'a Row<'_>, at: Option<usize>) -> Result<Option<Failing<'a>>> {
    let Some(at) = at else { return Ok(None) };
    let Some(since) = row.opt_time(at)? else { return Ok(None) };
    Ok(Some(Failing {
        since,
        failure: row.opt_text(at + 1)?.unwrap_or_default(),
        expires_at: row.opt_time(at + 2)?,
        next_try: row.opt_time(at + 3)?,
    }))
}

#[inline]
fn read_listed<'a>(row: &'a Row<'_>, failing: Option<usize>) -> Result<Listed<'a>> {
    Ok(Listed {
        id: row.text(0)?,
        provider: row.text(1)?,
        auth_config: row.text(2)?,
        owner_id: row.text(3)?,
        owner_name: row.text(4)?,
        username: row.opt_text(5)?,
        label: row.opt_text(6)?,
        kind: row.text(7)?,
        status: row.opt_text(9)?.map_or_else(|| row.text(8), Ok)?,
        reasons: row.text(10)?,
        setup: row.text(11)?,
        verified_at: row.opt_time(13)?,
        created_at: row.time(14)?,
        updated_at: row.time(15)?,
        failing: read_failing(row, failing)?,
    })
}

/// Without what [`Filter::brief`] leaves out: less than half of the work for each of many rows.
const BRIEF: &str = "id, provider, owner_id, owner_name, username, label, \
                     coalesce(hold, status), created_at, updated_at";
const BRIEF_WITH_REASONS: &str = "id, provider, owner_id, owner_name, username, label, \
                                  coalesce(hold, status), created_at, updated_at, reasons";

#[inline]
fn read_brief<'a>(row: &'a Row<'_>, reasons: bool, failing: Option<usize>) -> Result<Listed<'a>> {
    Ok(Listed {
        id: row.text(0)?,
        provider: row.text(1)?,
        auth_config: "",
        owner_id: row.text(2)?,
        owner_name: row.text(3)?,
        username: row.opt_text(4)?,
        label: row.opt_text(5)?,
        kind: "",
        status: row.text(6)?,
        reasons: if reasons { row.text(9)? } else { "[]" },
        setup: "{}",
        verified_at: None,
        created_at: row.time(7)?,
        updated_at: row.time(8)?,
        failing: read_failing(row, failing)?,
    })
}

/// In what order to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// By creation; ids sort in that order too (AT-14).
    #[default]
    Created,
    /// By the last change.
    Updated,
    /// By connector.
    Provider,
    /// By owner id.
    Owner,
    /// By the status shown.
    Status,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Created, Self::Updated, Self::Provider, Self::Owner, Self::Status];

    /// The order as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Provider => "provider",
            Self::Owner => "owner",
            Self::Status => "status",
        }
    }
}

impl Sort {
    /// An order and whether a `-` in front turns it round.
    ///
    /// # Errors
    /// When it is no order.
    pub fn with_direction(text: &str) -> std::result::Result<(Self, bool), BadSort> {
        match text.strip_prefix('-') {
            Some(name) => Ok((name.parse()?, true)),
            None => Ok((text.parse()?, false)),
        }
    }
}

/// The text is not an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use created, updated, provider, owner or status")]
pub struct BadSort;

impl FromStr for Sort {
    type Err = BadSort;

    fn from_str(text: &str) -> std::result::Result<Self, BadSort> {
        Ok(match text {
            "created" | "created_at" => Self::Created,
            "updated" | "updated_at" => Self::Updated,
            "provider" => Self::Provider,
            "owner" | "origin_owner_id" => Self::Owner,
            "status" => Self::Status,
            _ => return Err(BadSort),
        })
    }
}

/// Which accounts to list; filters combine with AND, values within one with OR (AT-12).
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Connectors.
    pub providers: Vec<ConnectorKey>,
    /// A connector, whatever `providers` has.
    pub provider: Option<ConnectorKey>,
    /// Statuses as shown.
    pub statuses: Vec<Status>,
    /// Owner ids.
    pub owner_ids: Vec<String>,
    /// An owner's id, whatever `owner_ids` has.
    pub owner_id: Option<String>,
    /// Account ids.
    pub ids: Vec<AccountId>,
    /// Auth configs.
    pub auth_configs: Vec<AuthConfigId>,
    /// Production or test.
    pub kind: Option<AccountType>,
    /// Only those changed at or after this instant.
    pub updated_since: Option<Timestamp>,
    /// Only those after this one in the order of creation.
    pub after: Option<AccountId>,
    /// The order.
    pub sort: Sort,
    /// Whether the order is turned round.
    pub descending: bool,
    /// Rows to leave out at the beginning.
    pub offset: u64,
    /// Most rows to show.
    pub limit: Option<u64>,
    /// Leaves auth config, type, values and proof of the credentials out.
    pub brief: bool,
    /// Leaves the reasons out as well, where it is brief.
    pub without_reasons: bool,
    /// Whether it is told which of them can't be used.
    pub usability: Usability,
}

/// Whether a list tells which accounts can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Usability {
    /// It does not.
    #[default]
    Untold,
    /// It tells of each that can't be used why and since when.
    Told,
    /// It has no others, and tells why and since when.
    Unusable,
}

impl Filter {
    /// Whether it is told of each account why it can't be used.
    #[must_use]
    pub const fn tells_why(&self) -> bool {
        matches!(self.usability, Usability::Told | Usability::Unusable)
    }

    /// Whether there are only accounts that can't be used.
    #[must_use]
    pub const fn is_unusable(&self) -> bool {
        matches!(self.usability, Usability::Unusable)
    }

    const fn has_reasons(&self) -> bool {
        !self.without_reasons || self.tells_why()
    }
}

/// A column and the values of which it must have one; none at all means any.
struct OneOf<'a> {
    column: &'static str,
    values: Vec<&'a str>,
    json: String,
}

impl<'a> OneOf<'a> {
    fn new(column: &'static str, values: impl Iterator<Item = &'a str>) -> Result<Self> {
        let values: Vec<&str> = values.collect();
        let json = if values.len() > 1 { to_json(&values)? } else { String::new() };
        Ok(Self { column, values, json })
    }

    /// The number of texts that come out is small, however many values there are, since drivers
    /// keep them prepared.
    fn add_to<'p>(&'p self, tx: &Tx, sql: &mut String, params: &mut Vec<Param<'p>>) {
        let (column, number) = (self.column, params.len() + 1);
        match self.values.as_slice() {
            [] => {}
            [value] => {
                params.push(Param::Text(value));
                sql.push_str(&format!(" and {column} = ?{number}"));
            }
            [.., last] if self.values.len() <= FEW => {
                let mut separator = format!(" and {column} in (");
                // One text for any few: the last value fills up.
                for value in self.values.iter().chain(std::iter::repeat(last)).take(FEW) {
                    params.push(Param::Text(value));
                    sql.push_str(&format!("{separator}?{}", params.len()));
                    ", ".clone_into(&mut separator);
                }
                sql.push(')');
            }
            _ => {
                params.push(Param::Text(&self.json));
                sql.push_str(&format!(" and {}", tx.is_one_of(column, number)));
            }
        }
    }
}

/// Values that stand in the text one by one, where the planner sees how few they are.
const FEW: usize = 8;

const SHOWN_STATUS: &str = "coalesce(hold, status)";
const PROVIDER: &str = "provider";
const OWNER_ID: &str = "owner_id";

fn lists(filter: &Filter) -> Result<[OneOf<'_>; 8]> {
    Ok([
        OneOf::new(PROVIDER, filter.providers.iter().map(ConnectorKey::as_str))?,
        OneOf::new(PROVIDER, filter.provider.iter().map(ConnectorKey::as_str))?,
        OneOf::new(SHOWN_STATUS, filter.statuses.iter().map(|status| status.as_str()))?,
        OneOf::new(OWNER_ID, filter.owner_ids.iter().map(String::as_str))?,
        OneOf::new(OWNER_ID, filter.owner_id.iter().map(String::as_str))?,
        OneOf::new("id", filter.ids.iter().map(AccountId::as_str))?,
        OneOf::new("auth_config", filter.auth_configs.iter().map(AuthConfigId::as_str))?,
        OneOf::new("kind", filter.kind.iter().map(|kind| kind.as_str()))?,
    ])
}

/// The columns, and how many they are.
const fn columns(filter: &Filter) -> (&'static str, usize) {
    match (filter.brief, filter.has_reasons()) {
        (true, false) => (BRIEF, 9),
        (true, true) => (BRIEF_WITH_REASONS, 10),
        (false, _) => (COLUMNS, NAME),
    }
}

fn select<'a>(
    tx: &Tx,
    columns: &str,
    project: ProjectNumber,
    filter: &'a Filter,
    lists: &'a [OneOf<'a>],
    failing: bool,
) -> (String, Vec<Param<'a>>) {
    let mut sql = match failing {
        true => format!("select {columns}, {FAILING} from accounts {JOIN_FAILING}"),
        false => format!("select {columns} from accounts"),
    };
    sql.push_str(" where project = ?1");
    let mut params: Vec<Param<'a>> = vec![project.into()];
    for list in lists {
        list.add_to(tx, &mut sql, &mut params);
    }
    if let Some(since) = filter.updated_since {
        params.push(since.into());
        sql.push_str(&format!(" and updated_at >= ?{}", params.len()));
    }
    if filter.is_unusable() {
        // Of those whose tokens could not be renewed, some still work.
        let or = if failing { " or of_failing.failing_since is not null" } else { "" };
        sql.push_str(&format!(" and ({SHOWN_STATUS} <> 'active'{or})"));
    }
    if let Some(after) = &filter.after {
        params.push(after.into());
        let sign = if filter.descending { '<' } else { '>' };
        sql.push_str(&format!(" and id {sign} ?{}", params.len()));
    }
    let direction = if filter.descending { " desc" } else { "" };
    let first = match filter.sort {
        Sort::Created => String::new(),
        Sort::Updated => format!("updated_at{direction}, "),
        Sort::Provider => format!("{PROVIDER}{direction}, "),
        Sort::Owner => format!("{OWNER_ID}{direction}, "),
        Sort::Status => format!("{SHOWN_STATUS}{direction}, "),
    };
    sql.push_str(&format!(" order by {first}id{direction}"));
    if let Some(limit) = filter.limit {
        let number = |count: u64| Param::from(i64::try_from(count).unwrap_or(i64::MAX));
        params.extend([number(limit), number(filter.offset)]);
        sql.push_str(&format!(" limit ?{} offset ?{}", params.len() - 1, params.len()));
    }
    (sql, params)
}

/// Whether tokens that could not be renewed have to be read: where there are none, as is usual, a
/// list takes no longer for them.
async fn reads_failing(tx: &mut Tx, project: ProjectNumber, filter: &Filter) -> Result<bool> {
    Ok(filter.tells_why() && any_failing(tx, project).await?)
}

/// Shows each account that fits to `each`, straight from the row. Of those that are to be unusable,
/// some whose tokens could not be renewed may be usable.
pub async fn scan<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    filter: &Filter,
    mut each: impl FnMut(&Listed<'_>) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let lists = lists(filter)?;
    let (columns, width) = columns(filter);
    let failing = reads_failing(tx, project, filter).await?;
    let (sql, params) = select(tx, columns, project, filter, &lists, failing);
    let failing = failing.then_some(width);
    if filter.brief {
        let reasons = filter.has_reasons();
        return tx.scan(&sql, &params, |row| each(&read_brief(row, reasons, failing)?)).await;
    }
    tx.scan(&sql, &params, |row| each(&read_listed(row, failing)?)).await
}

/// An account as it is alone: with the name of its auth config, and when its credentials were
/// replaced.
pub struct Whole<'a> {
    /// The account.
    pub account: Account,
    /// The name of its auth config.
    pub auth_config_name: String,
    /// When its credentials were replaced.
    pub credentials_at: Option<Timestamp>,
    /// What is stored of its tokens, where that was read and they could not be renewed.
    pub failing: Option<Failing<'a>>,
}

/// Shows each account that fits to `each` as it is alone; of those that are to be unusable, some
/// may be usable, as for [`scan`].
pub async fn scan_whole<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    filter: &Filter,
    mut each: impl FnMut(Whole<'_>) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let lists = lists(filter)?;
    let failing = reads_failing(tx, project, filter).await?;
    let columns = format!("{COLUMNS}, {BESIDE}");
    let (sql, params) = select(tx, &columns, project, filter, &lists, failing);
    let failing = failing.then_some(CREDENTIALS_AT + 1);
    tx.scan(&sql, &params, |row| {
        each(Whole {
            account: read(row)?,
            auth_config_name: row.opt_text(NAME)?.unwrap_or_default().to_owned(),
            credentials_at: row.opt_time(CREDENTIALS_AT)?,
            failing: read_failing(row, failing)?,
        })
    })
    .await
}

/// How the database goes about a listing, a line for each step.
pub async fn plan(tx: &mut Tx, project: ProjectNumber, filter: &Filter) -> Result<Vec<String>> {
    let lists = lists(filter)?;
    let failing = filter.tells_why();
    let (sql, params) = select(tx, columns(filter).0, project, filter, &lists, failing);
    tx.plan(&sql, &params).await
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{Filter, Usability, scan};
    use crate::domain::account::{Account, AccountType, Listed, Owner, Status, StatusReason};
    use crate::domain::ids::ProjectNumber;
    use crate::domain::time::Timestamp;
    use crate::store::accounts::insert;
    use crate::store::{Store, StoreError};

    async fn plan(filter: &Filter) -> String {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(folder.path().join("hubctl.db"));
        store.begin_write().await.unwrap().commit().await.unwrap();
        let mut tx = store.begin_read().await.unwrap();
        super::plan(&mut tx, ProjectNumber(1), filter).await.unwrap().join("\n")
    }

    #[tokio::test]
    async fn no_filter_reads_the_whole_project() {
        let owner = Filter { owner_ids: vec!["x".to_owned()], ..Filter::default() };
        let provider = Filter { providers: vec!["jira".parse().unwrap()], ..Filter::default() };
        let status = Filter { statuses: vec![Status::Error], ..Filter::default() };
        let config = Filter { auth_configs: vec!["a".parse().unwrap()], ..Filter::default() };
        for (filter, index) in [
            (owner, "accounts_owner (project=? AND owner_id=?"),
            (provider, "accounts_provider (project=? AND provider=?"),
            (status, "accounts_status (project=? AND <expr>=?"),
            (config, "accounts_auth_config (project=? AND auth_config=?"),
        ] {
            let plan = plan(&filter).await;
            assert!(plan.contains(index), "{plan}");
        }
    }

    #[tokio::test]
    async fn the_order_of_creation_needs_no_sorting() {
        for brief in [false, true] {
            let plan = plan(&Filter { brief, ..Filter::default() }).await;
            assert_eq!(plan, "SEARCH accounts USING PRIMARY KEY (project=?)");
        }
    }

    #[tokio::test]
    async fn who_could_not_be_renewed_is_found_by_an_index_without_sorting() {
        let told = [Usability::Told, Usability::Unusable];
        for (brief, usability) in [false, true].into_iter().flat_map(|b| told.map(|u| (b, u))) {
            let plan = plan(&Filter { brief, usability, ..Filter::default() }).await;
            assert!(
                plan.contains("account_credentials_failing (project=? AND account=?)"),
                "{plan}"
            );
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{plan}");
        }
    }

    fn brief(row: &Listed<'_>) -> String {
        let Listed { id, provider, owner_id, owner_name, username, label, status, .. } = row;
        let (created, updated) = (row.created_at, row.updated_at);
        format!(
            "{id} {provider} {owner_id} {owner_name} {username:?} {label:?} {status} {created} {updated}"
        )
    }

    #[tokio::test]
    async fn a_brief_list_shows_the_same_accounts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(folder.path().join("hubctl.db"));
        let mut tx = store.begin_write().await.unwrap();
        let account = Account {
            id: "a".parse().unwrap(),
            provider: "jira".parse().unwrap(),
            auth_config: "c".parse().unwrap(),
            owner: Owner { id: "o".into(), name: "Name".into(), username: Some("u".into()) },
            label: None,
            kind: AccountType::Test,
            status: Status::Active,
            hold: Some(Status::Suspended),
            reasons: vec![StatusReason {
                timestamp: Timestamp::from_millis(2),
                code: Some("paused".into()),
                description: None,
            }],
            setup: [("k".into(), "v".into())].into(),
            metadata: serde_json::Map::new(),
            verified_at: None,
            created_at: Timestamp::from_millis(1),
            updated_at: Timestamp::from_millis(2),
            version: 0,
        };
        insert(&mut tx, ProjectNumber(1), &account).await.unwrap();
        let mut seen = Vec::new();
        let mut reasons = Vec::new();
        for (is_brief, without_reasons) in [(false, false), (true, false), (true, true)] {
            let filter = Filter { brief: is_brief, without_reasons, ..Filter::default() };
            let each = |row: &Listed<'_>| {
                seen.push(brief(row));
                reasons.push(row.reasons.to_owned());
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            };
            scan(&mut tx, ProjectNumber(1), &filter, each).await.unwrap();
        }
        assert_eq!(seen.len(), 3);
        assert_eq!((&seen[0], &seen[0]), (&seen[1], &seen[2]));
        assert_eq!(reasons[0], reasons[1]);
        assert_eq!(reasons[2], "[]");
    }
}
