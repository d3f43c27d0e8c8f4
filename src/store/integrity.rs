//! What a database finds wrong with itself.

use super::{Inner, Result, Tx};

impl Tx {
    /// What the database finds wrong with itself, a line for each; `None` for one that can't be
    /// asked, or is looked after by others.
    pub async fn integrity(&mut self) -> Result<Option<Vec<String>>> {
        if matches!(self.inner, Inner::Postgres(_)) {
            return Ok(None);
        }
        let damage = "select integrity_check from pragma_integrity_check \
                      where integrity_check <> 'ok' limit 20";
        let lost = "select 'a row of ' || \"table\" || ' refers to one of ' || parent || \
                    ' that is not there' from pragma_foreign_key_check limit 20";
        let mut found = self.all(damage, &[], |row| Ok(row.text(0)?.to_owned())).await?;
        found.extend(self.all(lost, &[], |row| Ok(row.text(0)?.to_owned())).await?);
        Ok(Some(found))
    }
}
