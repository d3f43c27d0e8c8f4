//! What every write has in common: guards, the record of what was done, and its outcome.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::domain::caller::{Actor, Caller};
use crate::domain::event::{ACTOR, Event, EventKind};
use crate::domain::ids::{EventId, OperationId};
use crate::domain::refusal::{Refusal, Touch};
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::store::operations::{self, Operation};
use crate::store::{Tx, events};

use super::Hub;
use super::logs::Scope;

/// Bounds that the caller sets for a write; they are checked inside its transaction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guard {
    /// Do everything and then undo it, to see what would happen.
    pub dry_run: bool,
    /// How many linked accounts may be touched.
    pub max_affected: Option<u64>,
}

impl Guard {
    /// Refuses to touch more accounts than the caller allows.
    ///
    /// # Errors
    /// [`Refusal::TooMany`].
    pub fn check(&self, affected: u64, touch: Touch) -> Result<(), Refusal> {
        match self.max_affected {
            Some(limit) if affected > limit => Err(Refusal::TooMany { affected, touch, limit }),
            _ => Ok(()),
        }
    }

    /// Commits, or leaves no trace in a dry run.
    pub(super) async fn finish(&self, tx: Tx) -> Result<(), HubError> {
        if !self.dry_run {
            tx.commit().await?;
        }
        Ok(())
    }
}

/// What to do where what is asked for is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, schemars::JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum IfThere {
    /// Refuse.
    #[default]
    Fail,
    /// Leave it as it is.
    Skip,
}

impl IfThere {
    /// The choice as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// The text is none of the choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use fail or skip")]
pub struct BadIfThere;

impl FromStr for IfThere {
    type Err = BadIfThere;

    fn from_str(text: &str) -> Result<Self, BadIfThere> {
        match text {
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            _ => Err(BadIfThere),
        }
    }
}

/// What a write did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<T> {
    /// The thing before, if there was one.
    pub before: Option<T>,
    /// The thing after, if it is still there.
    pub after: Option<T>,
    /// Whether anything changed.
    pub changed: bool,
    /// How many linked accounts changed with it.
    pub affected: u64,
    /// The record of it, if it changed something that shows.
    pub operation: Option<OperationId>,
}

impl<T: Clone> Outcome<T> {
    /// Nothing changed.
    pub fn unchanged(thing: T) -> Self {
        let before = Some(thing.clone());
        Self { before, after: Some(thing), changed: false, affected: 0, operation: None }
    }
}

/// What to record of a change.
pub(super) struct Record<'a> {
    pub(super) action: &'a str,
    pub(super) resource: String,
    pub(super) affected: u64,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

impl Hub {
    /// Begins a write, or its rehearsal.
    pub(super) async fn begin(&self, guard: Guard) -> Result<Tx, HubError> {
        Ok(match guard.dry_run {
            true => self.store.begin_rehearsal().await?,
            false => self.store.begin_write().await?,
        })
    }

    /// Records what an administrator changed; part of the transaction that changes it.
    pub(super) async fn record(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        now: Timestamp,
        record: Record<'_>,
    ) -> Result<OperationId, HubError> {
        let id: OperationId = self.random.uuid_v7(now)?.into();
        let operation = Operation {
            id: id.clone(),
            at: now,
            actor: caller.actor().to_string(),
            request: Scope::logged_id(self, caller.project()),
            action: record.action.to_owned(),
            resource: record.resource,
            affected: record.affected,
            before: record.before,
            after: record.after,
        };
        operations::insert(tx, caller.project(), &operation).await?;
        Ok(id)
    }

    /// The event of what happened to a thing, with who did it where that is told of its kind.
    pub(super) fn event(
        &self,
        caller: &Caller,
        kind: EventKind,
        subject: &str,
        now: Timestamp,
        data: Option<Value>,
    ) -> Result<Event, HubError> {
        let id: EventId = self.random.uuid_v7(now)?.into();
        let data = match kind.names_actor() {
            true => Some(with_actor(data, caller.actor())),
            false => data,
        };
        Ok(Event { id, kind, subject: subject.to_owned(), at: now, data })
    }

    /// Appends one event to the transaction that caused it.
    pub(super) async fn emit(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        kind: EventKind,
        subject: &str,
        now: Timestamp,
        data: Option<Value>,
    ) -> Result<(), HubError> {
        let event = self.event(caller, kind, subject, now, data)?;
        Ok(events::append(tx, caller.project(), &[event]).await?)
    }
}

/// Facts of an event with who did it.
fn with_actor(data: Option<Value>, actor: &Actor) -> Value {
    let mut data = data.unwrap_or_else(|| Value::Object(Map::new()));
    if let Some(facts) = data.as_object_mut() {
        facts.insert(ACTOR.to_owned(), actor.word().into());
    }
    data
}
