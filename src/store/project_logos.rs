//! Table `project_logos`.

use crate::domain::brand::{Logo, LogoMark};
use crate::domain::ids::ProjectNumber;

use super::{Result, StoreError, Tx};

/// Keeps a project's logo, in place of the one before.
pub async fn save(tx: &mut Tx, project: ProjectNumber, logo: &Logo) -> Result<()> {
    let sql = "insert into project_logos (project, mark, picture) values (?1, ?2, ?3) \
               on conflict (project) do update set mark = excluded.mark, \
               picture = excluded.picture";
    let mark = logo.mark().to_string();
    tx.execute(sql, &[project.into(), (&mark).into(), logo.bytes().into()]).await?;
    Ok(())
}

/// Removes a project's logo.
pub async fn delete(tx: &mut Tx, project: ProjectNumber) -> Result<()> {
    tx.execute("delete from project_logos where project = ?1", &[project.into()]).await?;
    Ok(())
}

/// A project's logo, if it is the one of this hash.
pub async fn by_hash(tx: &mut Tx, project: ProjectNumber, hash: &str) -> Result<Option<Logo>> {
    let sql = "select mark, picture from project_logos where project = ?1";
    let params = [project.into()];
    let found = tx.optional(sql, &params, |row| {
        let mark: LogoMark = row.parsed(0)?;
        // Another picture is not even copied.
        let picture = (mark.hash() == hash).then(|| row.bytes(1).map(<[u8]>::to_vec));
        picture.transpose()
    });
    let Some(picture) = found.await?.flatten() else { return Ok(None) };
    let logo = Logo::read(picture);
    logo.map(Some).map_err(|error| StoreError::Damaged(format!("a project's logo: {error}")))
}
