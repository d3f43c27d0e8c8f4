//! Table `operations`: what administrators changed.

use serde_json::Value;

use crate::domain::ids::{OperationId, ProjectNumber};
use crate::domain::time::Timestamp;

use super::driver::to_json;
use super::{Result, Row, Tx};

/// One recorded change.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// By which id the log has the call that did it, if it has one.
    pub request: Option<String>,
    /// What was done, such as `disable`.
    pub action: String,
    /// To what, such as `auth_config/0199…`.
    pub resource: String,
    /// How many linked accounts it touched.
    pub affected: u64,
    /// The thing before, without secrets.
    pub before: Option<Value>,
    /// The thing after, without secrets.
    pub after: Option<Value>,
}

fn read(row: &Row<'_>) -> Result<Operation> {
    Ok(Operation {
        id: row.parsed(0)?,
        at: row.time(1)?,
        actor: row.text(2)?.to_owned(),
        action: row.text(3)?.to_owned(),
        resource: row.text(4)?.to_owned(),
        affected: u64::try_from(row.int(5)?).unwrap_or(0),
        request: row.opt_text(6)?.map(str::to_owned),
        before: None,
        after: None,
    })
}

/// Records an operation.
pub async fn insert(tx: &mut Tx, project: ProjectNumber, operation: &Operation) -> Result<()> {
    let sql = "insert into operations \
               (project, id, at, actor, action, resource, affected, before, after, request) \
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let before = operation.before.as_ref().map(to_json).transpose()?;
    let after = operation.after.as_ref().map(to_json).transpose()?;
    let params = [
        project.into(),
        operation.id.as_str().into(),
        operation.at.into(),
        (&operation.actor).into(),
        (&operation.action).into(),
        (&operation.resource).into(),
        i64::try_from(operation.affected).unwrap_or(i64::MAX).into(),
        before.as_ref().into(),
        after.as_ref().into(),
        operation.request.as_ref().into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// The latest operation of one kind on one thing.
pub async fn latest(
    tx: &mut Tx,
    project: ProjectNumber,
    resource: &str,
    action: &str,
) -> Result<Option<Operation>> {
    let sql = "select id, at, actor, action, resource, affected, request from operations \
               where project = ?1 and resource = ?2 and action = ?3 order by id desc limit 1";
    tx.optional(sql, &[project.into(), resource.into(), action.into()], read).await
}
