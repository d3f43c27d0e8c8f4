//! Writes the rows that wait, many in one transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::domain::ids::ProjectNumber;
use crate::domain::request_log::Keeping;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::sealing::Spot;
use crate::store::request_logs::{self, Table};
use crate::store::{Tx, accounts, projects};

use super::{BATCH, Waiting};

/// Where the headers and bodies of a row lie.
pub(super) fn spot(table: Table, number: &str) -> Spot<'_> {
    let field = if table == Table::Steps { "step" } else { "request" };
    Spot { table: "request_bodies", id: number, field, version: 0 }
}

impl Hub {
    /// Writes every row that waits, and none that comes meanwhile; a caller sees its own calls
    /// afterwards. Dropped, it goes on with what it has begun, and the next one waits for that.
    ///
    /// # Errors
    /// As the store reports them; what was not written waits on.
    pub async fn flush_logs(&self) -> Result<(), HubError> {
        // Whoever writes already may have rows that wait no more and are not visible yet.
        let turn = Arc::clone(&self.logs.turn).lock_owned().await;
        let count = self.logs.waiting();
        if count == 0 {
            return Ok(());
        }
        // Rows in hand are everybody's: where whoever asked goes away, they are written all the
        // same, and none is put back of which the store may have been told.
        let own = self.clone();
        let task = tokio::spawn(async move { own.write_waiting(count, turn).await });
        task.await.map_err(HubError::internal("the log was not written to its end"))?
    }

    /// Writes so many of the rows that wait, while nobody else does.
    async fn write_waiting(
        &self,
        mut left: usize,
        _turn: OwnedMutexGuard<()>,
    ) -> Result<(), HubError> {
        while left > 0 {
            let mut batch = self.logs.take(left.min(BATCH));
            left -= batch.len();
            if let Err(error) = self.write_logs(&mut batch).await {
                self.logs.put_back(batch);
                return Err(error);
            }
        }
        self.logs.wake_for_rest();
        Ok(())
    }

    /// Learns which projects keep bodies, where another process may have changed it.
    pub async fn learn_what_logs_keep(&self) -> Result<(), HubError> {
        let mut tx = self.store.begin_look().await?;
        let all = projects::keeping_bodies(&mut tx).await?;
        self.logs.set_all(all);
        Ok(())
    }

    async fn write_logs(&self, batch: &mut [Waiting]) -> Result<(), HubError> {
        // A body may need the project's key, which others must not make at the same time.
        let mut tx = match batch.iter().any(|row| row.exchange.is_some()) {
            true => self.store.begin_write().await?,
            false => self.store.begin_append().await?,
        };
        let mut keeping: HashMap<i64, Option<Keeping>> = HashMap::new();
        for row in batch.iter() {
            let project = row.entry.project;
            if let Entry::Vacant(place) = keeping.entry(project.0) {
                place.insert(projects::keeping(&mut tx, project).await?);
            }
        }
        // Rows of a project that was deleted meanwhile go with it.
        let kept = |row: &Waiting| keeping.get(&row.entry.project.0).copied().flatten();
        let rows: Vec<(&mut Waiting, Keeping)> =
            batch.iter_mut().filter_map(|row| kept(row).map(|keeping| (row, keeping))).collect();
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let first = request_logs::take_numbers(&mut tx, count).await?;
        let mut keys_of = HashMap::new();
        for ((row, keeping), number) in rows.into_iter().zip(first..) {
            let entry = &mut row.entry;
            // A commit that got no answer may have been done.
            if entry.number > 0 && request_logs::is_there(&mut tx, row.table, entry).await? {
                continue;
            }
            entry.number = number;
            if entry.provider.is_none()
                && let Some(account) = &entry.account
            {
                entry.provider = self.provider_of(&mut tx, entry.project, account).await?;
            }
            let ends = keeping.retention.ends(entry.at);
            request_logs::insert(&mut tx, row.table, entry, ends).await?;
            let keeps_bodies = keeping.bodies.keeps(row.telling);
            if let Some(exchange) = row.exchange.as_ref().filter(|_| keeps_bodies) {
                let id = number.to_string();
                let place = spot(row.table, &id);
                let project = entry.project;
                // The newest of them stays that until this transaction ends.
                let keys = match keys_of.entry(project.0) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        place.insert(self.keys_to_seal(&mut tx, project).await?)
                    }
                };
                let sealed = self.seal_text(keys, project, place, exchange.as_bytes())?;
                request_logs::insert_body(&mut tx, project, row.table, number, &sealed, ends)
                    .await?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn provider_of(
        &self,
        tx: &mut Tx,
        project: ProjectNumber,
        account: &str,
    ) -> Result<Option<String>, HubError> {
        if let Some(known) = self.logs.provider_of(project, account) {
            return Ok(Some(known));
        }
        let found = accounts::provider_of(tx, project, account).await?;
        if let Some(provider) = &found {
            self.logs.remember_provider(project, account, provider);
        }
        Ok(found)
    }
}
