//! Lists of accounts: filters, order, and rows that are shown as they are read.

use std::ops::ControlFlow;
use std::str::FromStr;

use crate::domain::account::{Account, AccountType, Listed, Status};
use crate::domain::ids::{AccountId, AuthConfigId, ProjectNumber};
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;
use crate::store::driver::to_json;
use crate::store::{Param, Result, Row, StoreError, Tx};

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

#[inline]
fn read_listed<'a>(row: &'a Row<'_>) -> Result<Listed<'a>> {
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
    })
}

/// Without what [`Filter::brief`] leaves out: less than half of the work for each of many rows.
const BRIEF: &str = "id, provider, owner_id, owner_name, username, label, \
                     coalesce(hold, status), created_at, updated_at";
const BRIEF_WITH_REASONS: &str = "id, provider, owner_id, owner_name, username, label, \
                                  coalesce(hold, status), created_at, updated_at, reasons";

#[inline]
fn read_brief<'a>(row: &'a Row<'_>, reasons: bool) -> Result<Listed<'a>> {
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

fn columns(filter: &Filter) -> &'static str {
    match (filter.brief, filter.without_reasons) {
        (true, true) => BRIEF,
        (true, false) => BRIEF_WITH_REASONS,
        (false, _) => COLUMNS,
    }
}

fn select<'a>(
    tx: &Tx,
    columns: &str,
    project: ProjectNumber,
    filter: &'a Filter,
    lists: &'a [OneOf<'a>],
) -> (String, Vec<Param<'a>>) {
    let mut sql = format!("select {columns} from accounts where project = ?1");
    let mut params: Vec<Param<'a>> = vec![project.into()];
    for list in lists {
        list.add_to(tx, &mut sql, &mut params);
    }
    if let Some(since) = filter.updated_since {
        params.push(since.into());
        sql.push_str(&format!(" and updated_at >= ?{}", params.len()));
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

/// Shows each account that fits to `each`, straight from the row.
pub async fn scan<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    filter: &Filter,
    mut each: impl FnMut(&Listed<'_>) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let lists = lists(filter)?;
    let (sql, params) = select(tx, columns(filter), project, filter, &lists);
    if filter.brief {
        let reasons = !filter.without_reasons;
        return tx.scan(&sql, &params, |row| each(&read_brief(row, reasons)?)).await;
    }
    tx.scan(&sql, &params, |row| each(&read_listed(row)?)).await
}

/// Shows each account that fits to `each` as it is alone: with the name of its auth config, and
/// when its credentials were replaced.
pub async fn scan_whole<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    filter: &Filter,
    mut each: impl FnMut(Account, String, Option<Timestamp>) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let lists = lists(filter)?;
    let (sql, params) = select(tx, &format!("{COLUMNS}, {BESIDE}"), project, filter, &lists);
    tx.scan(&sql, &params, |row| {
        let name = row.opt_text(NAME)?.unwrap_or_default().to_owned();
        each(read(row)?, name, row.opt_time(CREDENTIALS_AT)?)
    })
    .await
}

/// How the database goes about a listing, a line for each step.
pub async fn plan(tx: &mut Tx, project: ProjectNumber, filter: &Filter) -> Result<Vec<String>> {
    let lists = lists(filter)?;
    let (sql, params) = select(tx, columns(filter), project, filter, &lists);
    tx.plan(&sql, &params).await
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{Filter, scan};
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
