//! Webhooks: where a project's events are sent, under which secrets, and whether at all.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use url::Url;

use super::event::EventKind;
use super::ids::{DeliveryId, EventId, WebhookId};
use super::refusal::Refusal;
use super::secret::Secret;
use super::time::Timestamp;

pub mod payload;
pub mod schedule;
pub mod signature;

use signature::SigningSecret;

/// Longest address, in bytes.
const LONGEST: usize = 2_000;

/// The events that a webhook gets where none are named: those of the vendor's catalogue.
pub const USUAL_EVENTS: [EventKind; 3] =
    [EventKind::AccountCreated, EventKind::AccountUpdated, EventKind::AccountDeleted];

/// Where a webhook's deliveries go. Values in its query may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

/// The text is no address that deliveries can be sent to. What may be secret is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}: write it as https://app.example.com/hooks")]
pub struct BadAddress(&'static str);

impl Address {
    /// The address itself, to be called and sealed.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// The address as a secret.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        Secret::new(self.0.as_str())
    }

    /// Whether what is sent there can be read on the way.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The address for people: values of its query are hidden.
    #[must_use]
    pub fn shown(&self) -> String {
        without_values(self.0.as_str())
    }
}

/// An address without the values of its query, which may be secrets.
#[must_use]
pub fn without_values(address: &str) -> String {
    let Some((address, query)) = address.split_once('?') else { return address.to_owned() };
    let hidden = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) => format!("{name}=***"),
        None => "***".to_owned(),
    });
    format!("{address}?{}", hidden.collect::<Vec<_>>().join("&"))
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if text.len() > LONGEST {
            return Err(BadAddress("the address is too long"));
        }
        // The parser forgives these, and then the address is not what a person sees.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(BadAddress("the address has a sign that no address has"));
        }
        let Ok(url) = text.parse::<Url>() else {
            return Err(BadAddress("the address is not a URL"));
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadAddress("the address must begin with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadAddress("the address may not have a user name or password"));
        }
        if url.fragment().is_some() || url.host_str().is_none_or(str::is_empty) {
            return Err(BadAddress("the address may have host, port, path and query only"));
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown())
    }
}

/// Why a webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyDisabled {
    /// An administrator said so.
    Asked,
    /// The receiver answered 410.
    Gone,
    /// The receiver failed for five days.
    Failing,
}

impl WhyDisabled {
    /// The reason as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

impl FromStr for WhyDisabled {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Asked, Self::Gone, Self::Failing]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or(())
    }
}

/// A webhook as stored, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The number by which deliveries refer to it.
    pub number: i64,
    /// Its id.
    pub id: WebhookId,
    /// Where deliveries go, without what may be secret.
    pub url: String,
    /// What it is told of.
    pub events: BTreeSet<EventKind>,
    /// Since when and why it is disabled.
    pub disabled: Option<(Timestamp, WhyDisabled)>,
    /// Since when every attempt failed.
    pub failing_since: Option<Timestamp>,
    /// Since when a next secret waits to become the active one.
    pub next_secret_at: Option<Timestamp>,
    /// Since when the secret before the active one still signs.
    pub previous_secret_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes, and so what its secrets are sealed for; how its receiver does is none.
    pub version: i64,
}

impl Webhook {
    /// Disables it; `None` if it is disabled already (WH-7).
    #[must_use]
    pub fn disable(&self, why: WhyDisabled, now: Timestamp) -> Option<Self> {
        let after = Self { disabled: Some((now, why)), updated_at: now, ..self.clone() };
        self.disabled.is_none().then_some(after)
    }

    /// Sends to another address, which has not failed yet (WH-9).
    #[must_use]
    pub fn moved_to(&self, url: String) -> Self {
        Self { url, failing_since: None, ..self.clone() }
    }

    /// Enables it with a clean slate; `None` if it is enabled already (WH-7).
    #[must_use]
    pub fn enable(&self, now: Timestamp) -> Option<Self> {
        let after = Self { disabled: None, failing_since: None, updated_at: now, ..self.clone() };
        self.disabled.is_some().then_some(after)
    }

    /// Whether it can take a step: a change of the secret begins while one alone is live, since a
    /// second one that receivers know would be lost.
    ///
    /// # Errors
    /// [`Refusal::NextSecretWaits`], [`Refusal::FormerSecretSigns`].
    pub fn may_take(&self, step: Rotation) -> Result<(), Refusal> {
        let webhook = || self.id.clone();
        match (step, self.next_secret_at, self.previous_secret_at) {
            (Rotation::Begin, Some(since), _) => {
                Err(Refusal::NextSecretWaits { webhook: webhook(), since })
            }
            (Rotation::Begin, None, Some(since)) => {
                Err(Refusal::FormerSecretSigns { webhook: webhook(), since })
            }
            _ => Ok(()),
        }
    }
}

/// A step of the change of a secret, during which receivers accept both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Makes the next secret: it signs beside the active one from now on.
    Begin,
    /// The same in the place of a next secret that was lost, or of a former one that still signs:
    /// who knows that one alone refuses deliveries.
    BeginAgain,
    /// Makes the next secret the active one; the former still signs beside it.
    Activate,
    /// Forgets the former secret.
    Finish,
    /// Makes a new secret the only one at once.
    AtOnce,
}

impl Rotation {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Begin, Self::BeginAgain, Self::Activate, Self::Finish, Self::AtOnce];

    /// The step as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::BeginAgain => "begin_again",
            Self::Activate => "activate",
            Self::Finish => "finish",
            Self::AtOnce => "at_once",
        }
    }

    /// Whether the step needs a new secret.
    #[must_use]
    pub const fn makes_one(self) -> bool {
        matches!(self, Self::Begin | Self::BeginAgain | Self::AtOnce)
    }
}

/// The text is no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use begin, begin_again, activate, finish or at_once")]
pub struct BadRotation;

impl FromStr for Rotation {
    type Err = BadRotation;

    fn from_str(text: &str) -> Result<Self, BadRotation> {
        Self::ALL.into_iter().find(|step| step.as_str() == text).ok_or(BadRotation)
    }
}

/// The secrets of a webhook. The active one alone makes the vendor's signature, all of them those
/// of Standard Webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Signs.
    pub active: SigningSecret,
    /// Will sign.
    pub next: Option<SigningSecret>,
    /// Did sign.
    pub previous: Option<SigningSecret>,
}

impl Secrets {
    /// A first secret.
    #[must_use]
    pub const fn of(active: SigningSecret) -> Self {
        Self { active, next: None, previous: None }
    }

    /// All of them, the active one first.
    pub fn all(&self) -> impl Iterator<Item = &SigningSecret> {
        std::iter::once(&self.active).chain(&self.next).chain(&self.previous)
    }

    /// Takes a step that [`Webhook::may_take`] allows; `made` is the new secret of one that makes
    /// one.
    ///
    /// # Errors
    /// [`Refusal::NoNextSecret`].
    pub fn rotate(self, step: Rotation, made: Option<SigningSecret>) -> Result<Self, Refusal> {
        Ok(match (step, made) {
            (Rotation::Begin | Rotation::BeginAgain, made) => {
                Self { next: made, previous: None, ..self }
            }
            (Rotation::AtOnce, Some(active)) => Self::of(active),
            (Rotation::AtOnce, None) => self,
            // It was done before: who repeats it lost the answer.
            (Rotation::Activate, _) if self.next.is_none() && self.previous.is_some() => self,
            (Rotation::Activate, _) => {
                let active = self.next.ok_or(Refusal::NoNextSecret)?;
                Self { active, next: None, previous: Some(self.active) }
            }
            (Rotation::Finish, _) => Self { previous: None, ..self },
        })
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be tried.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The state as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

/// An event on its way to a webhook, or there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Id of the event; receivers see it as `webhook-id`, also when it is sent again.
    pub event: EventId,
    /// What happened.
    pub kind: String,
    /// Id of what it happened to.
    pub subject: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub done_at: Option<Timestamp>,
    /// The receiver's last status.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// One attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// The receiver's status.
    pub status: Option<u16>,
    /// Why there was no answer, or why it does not count.
    pub error: Option<String>,
    /// The beginning of the answer, as text without control characters.
    pub answer: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> SigningSecret {
        SigningSecret::mint(&[byte; signature::SECRET_BYTES])
    }

    fn webhook() -> Webhook {
        let made = Timestamp::from_millis(0);
        Webhook {
            number: 1,
            id: "0199-hook".parse().unwrap(),
            url: "https://a.example/".to_owned(),
            events: USUAL_EVENTS.into(),
            disabled: None,
            failing_since: None,
            next_secret_at: None,
            previous_secret_at: None,
            created_at: made,
            updated_at: made,
            version: 1,
        }
    }

    #[test]
    fn addresses_are_checked_and_their_secrets_hidden() {
        let address: Address = "https://App.example.com/h?token=s3cret&flag".parse().unwrap();
        assert_eq!(address.shown(), "https://app.example.com/h?token=***&***");
        assert!(!format!("{address:?}").contains("s3cret"));
        assert_eq!(address.url().as_str(), "https://app.example.com/h?token=s3cret&flag");
        assert!("http://127.0.0.1:1/".parse::<Address>().unwrap().is_plain());
        for bad in [
            "",
            "app.example.com",
            "ftp://app.example.com",
            "https://",
            "https://user:hunter2@app.example.com",
            "https://app.example.com/#hunter2",
            "https://app.example.com/a b",
            "https://app.example.com\\@evil",
            "https://app.example.com/\u{7}",
            "file:///etc/passwd",
        ] {
            let error = bad.parse::<Address>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(format!("https://a/{}", "x".repeat(2_000)).parse::<Address>().is_err());
    }

    #[test]
    fn wh_7_wh_9_enabled_or_at_another_address_it_has_a_clean_slate() {
        let [failed, now] = [1, 2].map(Timestamp::from_millis);
        let failing = Webhook { failing_since: Some(failed), ..webhook() };
        assert_eq!(failing.enable(now), None);
        let disabled = failing.disable(WhyDisabled::Failing, now).unwrap();
        assert_eq!(disabled.disabled, Some((now, WhyDisabled::Failing)));
        assert_eq!(disabled.disable(WhyDisabled::Asked, now), None);
        let enabled = disabled.enable(now).unwrap();
        assert_eq!((enabled.disabled, enabled.failing_since), (None, None));
        let moved = failing.moved_to("https://b.example/".to_owned());
        assert_eq!((moved.url.as_str(), moved.failing_since), ("https://b.example/", None));
    }

    #[test]
    fn a_secret_is_replaced_in_steps_or_at_once() {
        let first = Secrets::of(secret(1));
        assert_eq!(first.clone().rotate(Rotation::Activate, None), Err(Refusal::NoNextSecret));
        let begun = first.clone().rotate(Rotation::Begin, Some(secret(2))).unwrap();
        assert_eq!((&begun.active, &begun.next), (&secret(1), &Some(secret(2))));
        let again = begun.clone().rotate(Rotation::BeginAgain, Some(secret(3))).unwrap();
        assert_eq!(again.next, Some(secret(3)), "a secret that was lost is made anew");
        let active = begun.rotate(Rotation::Activate, None).unwrap();
        assert_eq!((&active.active, &active.previous), (&secret(2), &Some(secret(1))));
        assert_eq!(active.all().count(), 2);
        assert_eq!(active.clone().rotate(Rotation::Activate, None), Ok(active.clone()));
        let done = active.rotate(Rotation::Finish, None).unwrap();
        assert_eq!(done, Secrets::of(secret(2)));
        assert_eq!(done.clone().rotate(Rotation::Finish, None), Ok(done));
        let leaked = first.rotate(Rotation::AtOnce, Some(secret(4))).unwrap();
        assert_eq!(leaked, Secrets::of(secret(4)));
    }

    #[test]
    fn another_secret_takes_the_place_of_one_that_is_live_only_where_that_is_meant() {
        let since = Timestamp::from_millis(1);
        let waiting = Webhook { next_secret_at: Some(since), ..webhook() };
        let former = Webhook { previous_secret_at: Some(since), ..webhook() };
        let id = || webhook().id;
        let waits = Refusal::NextSecretWaits { webhook: id(), since };
        assert_eq!(waiting.may_take(Rotation::Begin), Err(waits));
        let signs = Refusal::FormerSecretSigns { webhook: id(), since };
        assert_eq!(former.may_take(Rotation::Begin), Err(signs));
        assert_eq!(webhook().may_take(Rotation::Begin), Ok(()));
        for step in Rotation::ALL.into_iter().filter(|step| *step != Rotation::Begin) {
            assert_eq!((waiting.may_take(step), former.may_take(step)), (Ok(()), Ok(())));
        }
    }
}
