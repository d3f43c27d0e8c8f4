//! Lists that are read while they arrive.

use std::ops::ControlFlow;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::error::{HubError, codes};

use super::Client;
use super::lines::{Broken, Lines};
use super::problem;
use super::send::{Begun, Call, Wanted};
use super::trace::Exchange;

impl Client {
    /// Sends and shows each element of a list to `each`, as JSON, while it arrives. It may take any
    /// time, but no element longer than the time-out: bytes alone are no sign that it goes on.
    pub(super) async fn list(
        &self,
        call: Call,
        mut each: impl FnMut(&[u8]) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        let Begun::Stream(mut response, mut exchange) = self.begin(call, Wanted::Stream).await?
        else {
            return Err(HubError::new(&codes::INTERNAL, "an answer was read too early"));
        };
        let done = self.stream(&mut response, &mut exchange, &mut each).await;
        self.finish(exchange.map(|exchange| *exchange), done.as_ref().err());
        done
    }

    async fn stream(
        &self,
        response: &mut Response,
        exchange: &mut Option<Box<Exchange>>,
        each: &mut impl FnMut(&[u8]) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        /// Why a list ends early.
        enum Stop {
            Broken(Broken),
            Other(HubError),
        }
        impl From<Broken> for Stop {
            fn from(broken: Broken) -> Self {
                Self::Broken(broken)
            }
        }
        let told = |stop: Stop| match stop {
            Stop::Broken(broken) => problem::bad_list(&self.origin, &broken),
            Stop::Other(error) => error,
        };
        let mut each = |element: &[u8]| each(element).map_err(Stop::Other);
        let mut lines = Lines::new();
        let mut until = Instant::now() + self.timeout;
        while let Some(bytes) = self.chunk(response, until).await? {
            if let Some(exchange) = exchange {
                exchange.received(&bytes);
            }
            let mut goes_on = false;
            let mut seen = |element: &[u8]| {
                goes_on = true;
                each(element)
            };
            if lines.push(&bytes, &mut seen).map_err(told)?.is_break() {
                return Ok(());
            }
            if goes_on {
                until = Instant::now() + self.timeout;
            }
        }
        lines.finish(&mut each).map_err(told)
    }

    async fn chunk(
        &self,
        response: &mut Response,
        until: Instant,
    ) -> Result<Option<bytes::Bytes>, HubError> {
        let late = || problem::timed_out(&self.origin, self.timeout.as_secs(), false);
        if Instant::now() > until {
            // Bytes that are there at once are taken however late it is.
            return Err(late());
        }
        match timeout_at(until, response.chunk()).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(self.unreachable(&error.without_url(), false)),
            Err(_) => Err(late()),
        }
    }
}
