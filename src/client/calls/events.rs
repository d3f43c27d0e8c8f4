//! Events.

use std::ops::ControlFlow;

use crate::api::events::{Event, NewEvents, place_text, to_query};
use crate::client::Client;
use crate::error::HubError;
use crate::hub::events::{Filter, Place};

impl Client {
    /// `events.list`
    pub async fn events(
        &self,
        filter: &Filter,
        mut each: impl FnMut(&Event<'_>) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        let call = self.call("events.list", &[])?.query(&to_query(filter));
        self.list(call, |row| each(&self.element(row)?)).await
    }

    /// `events.follow`: what comes behind a place, waiting for it at most so many seconds.
    pub async fn follow(
        &self,
        place: &Place,
        filter: &Filter,
        wait_s: u64,
    ) -> Result<NewEvents, HubError> {
        let mut query = to_query(filter).without("after");
        query.push_opt("after", place_text(place));
        query.push("wait", wait_s);
        self.json(self.call("events.follow", &[])?.query(&query)).await
    }
}
