//! What a database finds wrong with itself, and what is wrong with its schema.

use super::migrate::{self, Dialect};
use super::{Inner, Result, Tx};

impl Tx {
    /// What is wrong with the store's tables, a line for each; `None` where nothing is in a database
    /// that can't be asked, or is looked after by others.
    pub async fn integrity(&mut self) -> Result<Option<Vec<String>>> {
        if matches!(self.inner, Inner::Postgres(_)) {
            let other = self.other_steps(Dialect::Postgres).await?;
            return Ok((!other.is_empty()).then_some(other));
        }
        let damage = "select integrity_check from pragma_integrity_check \
                      where integrity_check <> 'ok' limit 20";
        let lost = "select 'a row of ' || \"table\" || ' refers to one of ' || parent || \
                    ' that is not there' from pragma_foreign_key_check limit 20";
        let mut found = self.all(damage, &[], |row| Ok(row.text(0)?.to_owned())).await?;
        found.extend(self.all(lost, &[], |row| Ok(row.text(0)?.to_owned())).await?);
        // What is damaged may not be readable.
        if found.is_empty() {
            found = self.other_steps(Dialect::Sqlite).await?;
        }
        Ok(Some(found))
    }

    /// Steps of the schema that the store did not take as this version has them.
    async fn other_steps(&mut self, dialect: Dialect) -> Result<Vec<String>> {
        let taken = "select number, checksum from migrations";
        let taken = self.all(taken, &[], |row| Ok((row.int(0)?, row.text(1)?.to_owned()))).await?;
        let others = migrate::after(0)
            .filter(|step| !taken.contains(&(step.number, step.checksum(dialect))));
        Ok(others.map(|step| format!("step {} of its schema was another one", step.name)).collect())
    }
}
