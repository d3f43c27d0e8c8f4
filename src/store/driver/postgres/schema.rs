//! The schema of a PostgreSQL store: whether it is there, and how it is made and brought up to date.

use std::sync::atomic::Ordering;

use deadpool_postgres::{GenericClient, Object};
use tokio_postgres::IsolationLevel;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::{Database, chain, placeholders};
use crate::store::migrate::{self, Dialect};
use crate::store::{Result, StoreError, Told};

/// Key of the advisory lock under which the schema is changed (`hubctl` in ASCII).
const SCHEMA_LOCK: i64 = 0x6875_6263_746c;
/// Whether the tables are there, and whether there is a schema for them. The catalog's own table is
/// asked, since name lookups keep what they did not find, also while this process waits for the lock.
const EXISTS: &str = "select count(distinct relname) = 2, current_schema() is not null \
     from pg_catalog.pg_class c \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = any (current_schemas(false)) and c.relname in ('migrations', 'store')";
const LATEST: &str = "select coalesce(max(number), 0)::bigint from migrations";
const LOCK: &str = "select pg_advisory_xact_lock($1), \
     set_config('idle_in_transaction_session_timeout', '30s', true)";

impl Database {
    /// Whether there is a store, which is not made for it.
    pub(in crate::store) async fn is_there(&self) -> Result<bool> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(true);
        }
        let connection = self.connect().await?;
        let found = self.schema_in(&connection).await?;
        self.is_missing.store(found.is_none(), Ordering::Relaxed);
        if let Some(found) = found
            && !is_older(found)?
        {
            self.ready.store(true, Ordering::Release);
        }
        Ok(found.is_some())
    }

    /// Replicas that start together wait here for one another.
    pub(super) async fn bring_up_to_date(&self, connection: &mut Object) -> Result<()> {
        if let Some(found) = self.schema_in(&*connection).await?
            && !is_older(found)?
        {
            return Ok(());
        }
        if self.read_only {
            return Err(StoreError::read_only_database());
        }
        // Each statement sees what others did while this process waited for them.
        let begin = connection.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let transaction = begin.start().await?;
        // A limit for queries, as a role may have it, would end each attempt at the same step.
        transaction.batch_execute("set local statement_timeout = 0").await?;
        transaction.execute(LOCK, &[&SCHEMA_LOCK]).await?;
        let found = self.schema_in(&transaction).await?;
        if found.is_none() {
            self.refuse_other_texts(&transaction).await?;
        }
        let version = found.unwrap_or(0);
        if is_older(version)? {
            for migration in migrate::after(version) {
                let step = transaction.batch_execute(migration.text(Dialect::Postgres)).await;
                step.map_err(|error| self.refused_step(error, found.is_some()))?;
                let checksum = migration.checksum(Dialect::Postgres);
                let record = placeholders(migrate::RECORD);
                let params: [&(dyn ToSql + Sync); 3] =
                    [&migration.number, &migration.name, &checksum];
                transaction.execute(record.as_ref(), &params).await?;
            }
            self.is_new.store(version == 0, Ordering::Relaxed);
        }
        transaction.commit().await?;
        self.is_missing.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The number of the latest step; none where there are no tables of a store.
    async fn schema_in(&self, client: &impl GenericClient) -> Result<Option<i64>> {
        let row = client.query_one(EXISTS, &[]).await?;
        if row.try_get(0)? {
            let latest = client.query_one(LATEST, &[]).await;
            return Ok(Some(latest.map_err(|error| self.refused_step(error, false))?.try_get(0)?));
        }
        if row.try_get(1)? {
            return Ok(None);
        }
        let text = format!("{} has no schema that its user may use", self.name);
        let hint =
            "see where it looks with: show search_path; make that schema, or grant usage on it";
        Err(StoreError::Unreadable(Told::new(text, hint)))
    }

    /// Texts of any language and script are stored.
    async fn refuse_other_texts(&self, client: &impl GenericClient) -> Result<()> {
        let encoding = "select current_setting('server_encoding')";
        let encoding: String = client.query_one(encoding, &[]).await?.try_get(0)?;
        if encoding == "UTF8" {
            return Ok(());
        }
        let text = format!("{} has the encoding {encoding}, and a store needs UTF8", self.name);
        let hint = "make another database with: createdb --encoding=UTF8 --template=template0 NAME";
        Err(StoreError::Unreadable(Told::new(text, hint)))
    }

    /// Why the tables can't be read or changed as a store's.
    fn refused_step(&self, error: tokio_postgres::Error, is_change: bool) -> StoreError {
        match error.code() {
            Some(
                &(SqlState::DATATYPE_MISMATCH
                | SqlState::DUPLICATE_TABLE
                | SqlState::UNDEFINED_COLUMN
                | SqlState::UNDEFINED_TABLE),
            ) => StoreError::NotAStore(self.name.clone()),
            // Only their owner may change tables, whatever rights others are given.
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) if is_change => {
                let hint = "make the user of the address the owner of the store's tables, with all \
                            rights on their schema; pg_restore --no-owner as that user does so";
                StoreError::Unreadable(Told::new(chain(&error), hint))
            }
            _ => error.into(),
        }
    }
}

fn is_older(found: i64) -> Result<bool> {
    let known = migrate::LATEST;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(found < known)
}
