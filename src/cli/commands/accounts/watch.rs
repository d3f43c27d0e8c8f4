//! `hubctl accounts list --watch`: what is there, then what changes and what goes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::api::JsonText;
use crate::api::accounts::Account;
use crate::api::events::Event;
use crate::backend::Backend;
use crate::cli::commands::events::place_of;
use crate::cli::commands::outlasting::Outlasting;
use crate::cli::context::{Context, SystemClock};
use crate::cli::output::Endless;
use crate::domain::event::EventKind;
use crate::domain::time::{Clock as _, Timestamp};
use crate::error::{HubError, Kind};
use crate::hub::accounts::Filter;
use crate::hub::events::{self, Place};

use super::read::{is_narrowed, write};

/// How often accounts that are watched are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How far a look goes back before the one before it: a change has the time at which it began, and
/// is visible only when it is committed.
const OVERLAP_S: i64 = 30;
/// What stands for the status of an account that is no more.
pub(in crate::cli) const DELETED: &str = "deleted";

/// Accounts that are looked at again and again.
pub(super) struct Watch<'c> {
    context: &'c Context,
    backend: &'c Backend,
    filter: Filter,
    rows: Endless<'c>,
    /// Those that changed of late, and when.
    seen: HashMap<String, Timestamp>,
    /// Those that were shown and still fit, as far as is known, and how they were shown.
    shown: HashMap<String, JsonText<'static>>,
    /// Behind which event deletions are looked for; none where the hub does not tell of them.
    place: Option<Place>,
}

impl<'c> Watch<'c> {
    pub(super) fn new(context: &'c Context, backend: &'c Backend, filter: Filter) -> Self {
        Self {
            context,
            backend,
            filter,
            rows: context.output.endless(),
            seen: HashMap::new(),
            shown: HashMap::new(),
            place: Some(Place::End),
        }
    }

    /// Shows what is there, then what changed since the last look.
    pub(super) async fn run(mut self) -> Result<(), HubError> {
        let mut since = SystemClock.now().plus_seconds(-OVERLAP_S);
        let mut looks = Outlasting::default();
        // What is deleted while the first list comes is told of as well.
        self.deletions().await?;
        let list = self.rows.part::<Account<'_>>()?;
        let first = write(list, self.backend, &self.filter, |account| {
            self.shown.insert(account.id.to_string(), JsonText::of(account));
            if account.updated_at >= since {
                self.seen.insert(account.id.to_string(), account.updated_at);
            }
        });
        if let Some(first) = looks.follow(self.context, first.await)? {
            self.rows.wrote(first);
        }
        loop {
            self.rows.rest(LOOK_EVERY);
            if self.rows.is_over() {
                return Ok(());
            }
            let next = SystemClock.now().plus_seconds(-OVERLAP_S);
            let looked = self.look(since).await;
            if looks.follow(self.context, looked)?.is_some() {
                since = next;
                self.seen.retain(|_, at| *at >= since);
            }
        }
    }

    async fn look(&mut self, since: Timestamp) -> Result<(), HubError> {
        self.changed(since).await?;
        self.left(since).await?;
        self.deleted().await
    }

    /// Shows what fits and changed.
    async fn changed(&mut self, since: Timestamp) -> Result<(), HubError> {
        let filter = Filter { updated_since: Some(since), ..self.filter.clone() };
        let mut list = self.rows.part::<Account<'_>>()?;
        let looked = self.backend.accounts(&filter, |account| {
            self.shown.insert(account.id.to_string(), JsonText::of(account));
            let at = account.updated_at;
            if self.seen.insert(account.id.to_string(), at) == Some(at) {
                return Ok(ControlFlow::Continue(()));
            }
            list.push(account)
        });
        let looked = looked.await;
        // What came before a failure counts as seen.
        self.rows.wrote(list.finish(|_| None)?);
        looked
    }

    /// Shows, as it is now, what was shown and fits no more.
    async fn left(&mut self, since: Timestamp) -> Result<(), HubError> {
        let chosen = Filter { updated_since: None, ..self.filter.clone() };
        if self.rows.is_over() || !is_narrowed(&chosen) {
            return Ok(());
        }
        let filter = Filter {
            updated_since: Some(since),
            brief: chosen.brief,
            without_reasons: chosen.without_reasons,
            usability: chosen.usability,
            ..Filter::default()
        };
        let mut list = self.rows.part::<Account<'_>>()?;
        let looked = self.backend.accounts(&filter, |account| {
            let (id, at): (&str, _) = (&account.id, account.updated_at);
            // What still fits was seen just now.
            if self.seen.get(id) == Some(&at) || self.shown.remove(id).is_none() {
                return Ok(ControlFlow::Continue(()));
            }
            self.seen.insert(id.to_owned(), at);
            list.push(account)
        });
        let looked = looked.await;
        self.rows.wrote(list.finish(|_| None)?);
        looked
    }

    /// Shows what was shown and is deleted, as it was.
    async fn deleted(&mut self) -> Result<(), HubError> {
        if self.rows.is_over() {
            return Ok(());
        }
        let mut list = self.rows.part::<Account<'_>>()?;
        for event in self.deletions().await? {
            let Some(row) = self.shown.remove(&*event.record_id) else { continue };
            let Ok(mut account) = serde_json::from_str::<Account<'_>>(&row.0) else { continue };
            account.status = Cow::Borrowed(DELETED);
            account.updated_at = event.event_date;
            if list.push(&account)?.is_break() {
                break;
            }
        }
        self.rows.wrote(list.finish(|_| None)?);
        Ok(())
    }

    /// What was deleted since the last time. A platform without events does not tell.
    async fn deletions(&mut self) -> Result<Vec<Event<'static>>, HubError> {
        let Some(place) = &self.place else { return Ok(Vec::new()) };
        let filter =
            events::Filter { kinds: vec![EventKind::AccountDeleted], ..events::Filter::default() };
        let looked = self.backend.follow(place, &filter, 0).await;
        match looked {
            Ok(found) => {
                self.place = Some(place_of(&found.next)?);
                Ok(found.events)
            }
            Err(error) if error.code().kind == Kind::Unsupported => {
                self.place = None;
                self.context.output.note("this hub does not tell of accounts that are deleted");
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}
