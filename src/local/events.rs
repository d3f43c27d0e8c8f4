//! Events.

use std::time::Duration;

use crate::api::events::{Event, NewEvents, place_text};
use crate::error::HubError;
use crate::hub::events::{self, Filter, Place};

use super::{Flow, Local};

impl Local {
    /// `events.list`
    pub async fn events(
        &self,
        filter: &Filter,
        mut each: impl FnMut(&Event<'_>) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        let project = caller.project_name();
        events::list(hub, caller, filter, |row| each(&Event::new(row, project))).await
    }

    /// `events.follow`: what comes behind a place, waiting for it at most so many seconds.
    pub async fn follow(
        &self,
        place: &Place,
        filter: &Filter,
        wait_s: u64,
    ) -> Result<NewEvents, HubError> {
        let (hub, caller) = self.parts();
        let project = caller.project_name();
        let mut found = Vec::new();
        let wait = Duration::from_secs(wait_s);
        let next = events::follow(hub, caller, place, filter, wait, |row| {
            found.push(Event::new(row, project).into_owned());
            Ok(())
        })
        .await?;
        Ok(NewEvents { events: found, next: place_text(&next).unwrap_or_default() })
    }
}
