//! A hub that may call this machine, webhooks that lead to receivers on it, and what arrived there.

use std::time::{Duration, Instant};

use hubctl::domain::caller::Caller;
use hubctl::domain::event::EventKind;
use hubctl::domain::ids::WebhookId;
use hubctl::domain::secret::Secret;
use hubctl::domain::webhook::USUAL_EVENTS;
use hubctl::domain::webhook::signature::SigningSecret;
use hubctl::hub::Hub;
use hubctl::hub::webhooks::{self, New, WithSecret};
use hubctl::hub::write::Guard;
use hubctl::provider::Options;
use serde_json::Value;

use super::http::{Asked, FakeHub, Reply};
use super::hub::TestHub;
use super::serving::PATIENCE;

/// The secret of every webhook here.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn secret() -> SigningSecret {
    SigningSecret::parse(Secret::new(SECRET)).unwrap()
}

/// The same hub, allowed to call loopback addresses.
pub(crate) fn allowed(hub: Hub) -> Hub {
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    hub.with_provider(Options { allowed, ..Options::default() })
}

impl TestHub {
    /// Lets it call loopback addresses.
    pub(crate) fn may_call_itself(&mut self) {
        self.hub = allowed(self.another());
    }

    /// A webhook for the usual events.
    pub(crate) async fn hook(&self, caller: &Caller, url: &str) -> WebhookId {
        self.hook_for(caller, url, &USUAL_EVENTS).await.webhook.id
    }

    pub(crate) async fn hook_for(
        &self,
        caller: &Caller,
        url: &str,
        events: &[EventKind],
    ) -> WithSecret {
        let new = New {
            url: url.parse().unwrap(),
            events: events.iter().copied().collect(),
            secret: Some(secret()),
            if_there: None,
        };
        webhooks::create(&self.hub, caller, new, Guard::default()).await.unwrap().0
    }

    /// Sends everything that is due.
    pub(crate) async fn send(&self) -> u64 {
        webhooks::round(&self.hub).await.unwrap()
    }
}

/// A receiver that takes everything.
pub(crate) fn receiver() -> FakeHub {
    FakeHub::start(|_, _| Reply::text(200, "text/plain", "ok"))
}

/// A receiver that answers with this status.
pub(crate) fn answering(status: u16) -> FakeHub {
    FakeHub::start(move |_, _| Reply::text(status, "text/plain", "no"))
}

impl FakeHub {
    /// A member of each body that arrived, in order.
    pub(crate) fn told(&self, key: &str) -> Vec<String> {
        let text = |asked: &Asked| match &asked.json()[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.asked().iter().map(text).collect()
    }

    /// Waits until so many requests arrived.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) {
        wait_until(|| self.asked().len() >= count, || format!("{} of {count}", self.asked().len()));
    }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn wait_until(holds: impl Fn() -> bool, told: impl Fn() -> String) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "it never came: {}", told());
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
