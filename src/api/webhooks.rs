//! Webhooks and their deliveries on the wire.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::event::EventKind;
use crate::domain::ids::WebhookId;
use crate::domain::refusal::{Problem, Refusal};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::webhook::signature::SigningSecret;
use crate::domain::webhook::{self as domain, DeliveryState, Rotation, USUAL_EVENTS};
use crate::error::HubError;
use crate::hub::webhooks::deliveries::{Detail, Filter};
use crate::hub::webhooks::{Changes, New, WithSecret};
use crate::hub::write::IfThere;

use super::requests::{Query, SecretText};

/// A webhook, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// Where deliveries go; values of its query are hidden.
    pub url: String,
    /// What it is told of.
    pub events: Vec<String>,
    /// Whether deliveries are sent.
    pub enabled: bool,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// Why: `asked` by an administrator, `gone` by an answer of 410, or `failing` for five days.
    pub disabled_reason: Option<String>,
    /// Since when every attempt failed.
    pub failing_since: Option<Timestamp>,
    /// Since when a next secret signs beside the active one.
    pub next_secret_at: Option<Timestamp>,
    /// Since when the former secret signs beside the active one.
    pub previous_secret_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Webhook {
    /// The wire form of a webhook of a project.
    #[must_use]
    pub fn new(webhook: &domain::Webhook, project: &str) -> Self {
        Self {
            id: webhook.id.to_string(),
            project_id: project.to_owned(),
            url: webhook.url.clone(),
            events: webhook.events.iter().map(|kind| kind.as_str().to_owned()).collect(),
            enabled: webhook.disabled.is_none(),
            disabled_at: webhook.disabled.map(|(at, _)| at),
            disabled_reason: webhook.disabled.map(|(_, why)| why.as_str().to_owned()),
            failing_since: webhook.failing_since,
            next_secret_at: webhook.next_secret_at,
            previous_secret_at: webhook.previous_secret_at,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// A webhook and the secret that was made for it, which is shown this once (SE-8).
#[derive(Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct CreatedWebhook {
    /// Its id.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// Where deliveries go; values of its query are hidden.
    pub url: String,
    /// What it is told of.
    pub events: Vec<String>,
    /// The secret that was made; null where none was.
    pub secret: Option<String>,
    /// Whether anything was made or changed.
    pub changed: bool,
    /// Whether deliveries are sent.
    pub enabled: bool,
    /// Since when a next secret signs beside the active one.
    pub next_secret_at: Option<Timestamp>,
    /// Since when the former secret signs beside the active one.
    pub previous_secret_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl fmt::Debug for CreatedWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CreatedWebhook");
        out.field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

impl CreatedWebhook {
    /// The wire form of a webhook of a project with what was made for it.
    #[must_use]
    pub fn new(made: &WithSecret, project: &str) -> Self {
        let webhook = Webhook::new(&made.webhook, project);
        Self {
            id: webhook.id,
            project_id: webhook.project_id,
            url: webhook.url,
            events: webhook.events,
            secret: made.secret.as_ref().map(|secret| secret.text().expose().to_owned()),
            changed: made.changed,
            enabled: webhook.enabled,
            next_secret_at: webhook.next_secret_at,
            previous_secret_at: webhook.previous_secret_at,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// An event on its way to a webhook, or there.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// The webhook.
    pub webhook_id: String,
    /// The event; receivers see it as `webhook-id`.
    pub event_id: String,
    /// What happened.
    pub event: String,
    /// Id of what it happened to.
    pub record_id: String,
    /// `pending`, `delivered` or `failed`.
    pub status: String,
    /// Attempts so far.
    pub attempts: u32,
    /// The receiver's last status.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub done_at: Option<Timestamp>,
}

impl From<&domain::Delivery> for Delivery {
    fn from(delivery: &domain::Delivery) -> Self {
        Self {
            id: delivery.id.get(),
            webhook_id: delivery.webhook.to_string(),
            event_id: delivery.event.to_string(),
            event: delivery.kind.clone(),
            record_id: delivery.subject.clone(),
            status: delivery.state.as_str().to_owned(),
            attempts: delivery.attempts,
            last_status: delivery.last_status,
            last_error: delivery.last_error.clone(),
            next_attempt_at: delivery.next_at,
            created_at: delivery.created_at,
            done_at: delivery.done_at,
        }
    }
}

/// One attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// The receiver's status.
    pub status: Option<u16>,
    /// Why it does not count.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub answer: Option<String>,
}

/// A delivery with its attempts and what is sent.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct DeliveryDetail {
    /// Its number.
    pub id: i64,
    /// The webhook.
    pub webhook_id: String,
    /// The event; receivers see it as `webhook-id`.
    pub event_id: String,
    /// What happened.
    pub event: String,
    /// Id of what it happened to.
    pub record_id: String,
    /// `pending`, `delivered` or `failed`.
    pub status: String,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub done_at: Option<Timestamp>,
    /// The very text that is sent, once it is known.
    pub body: Option<String>,
    /// The attempts, in their order.
    pub attempts: Vec<Attempt>,
}

impl From<&Detail> for DeliveryDetail {
    fn from(detail: &Detail) -> Self {
        let Detail { delivery, attempts, body } = detail;
        let body = body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
        Self {
            id: delivery.id.get(),
            webhook_id: delivery.webhook.to_string(),
            event_id: delivery.event.to_string(),
            event: delivery.kind.clone(),
            record_id: delivery.subject.clone(),
            status: delivery.state.as_str().to_owned(),
            next_attempt_at: delivery.next_at,
            created_at: delivery.created_at,
            done_at: delivery.done_at,
            body,
            attempts: attempts
                .iter()
                .map(|attempt| Attempt {
                    number: attempt.number,
                    at: attempt.at,
                    duration_ms: attempt.duration_ms,
                    status: attempt.status,
                    error: attempt.error.clone(),
                    answer: attempt.answer.clone(),
                })
                .collect(),
        }
    }
}

/// What is asked for of a new webhook.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct NewWebhook {
    /// Where deliveries go.
    #[schemars(with = "String")]
    pub url: SecretText,
    /// What it is told of; without it, what happens to accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// A secret that its receiver has already; otherwise one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretText>,
    /// `fail` or `skip`: what to do where deliveries go to this address already. Without it another
    /// webhook is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IfThere>")]
    pub if_exists: Option<String>,
}

/// What is changed; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeWebhook {
    /// Where deliveries go.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub url: Option<SecretText>,
    /// What it is told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

fn bad(field: &'static str, error: &impl fmt::Display) -> HubError {
    Refusal::WebhookInvalid(Problem::new(field, error.to_string())).into()
}

fn url(text: SecretText) -> Result<domain::Address, HubError> {
    Secret::from(text).expose().parse().map_err(|error| bad("url", &error))
}

fn events(names: &[String]) -> Result<BTreeSet<EventKind>, HubError> {
    names.iter().map(|name| name.parse().map_err(|error| bad("events", &error))).collect()
}

fn names(events: &BTreeSet<EventKind>) -> Vec<String> {
    events.iter().map(|kind| kind.as_str().to_owned()).collect()
}

impl From<&New> for NewWebhook {
    fn from(new: &New) -> Self {
        Self {
            url: new.url.to_secret().into(),
            events: Some(names(&new.events)),
            secret: new.secret.as_ref().map(|secret| secret.text().clone().into()),
            if_exists: new.if_there.map(|if_there| if_there.as_str().to_owned()),
        }
    }
}

impl TryFrom<NewWebhook> for New {
    type Error = HubError;

    fn try_from(asked: NewWebhook) -> Result<Self, HubError> {
        let secret = asked.secret.map(|secret| SigningSecret::parse(secret.into()));
        let if_there = asked.if_exists.as_deref().map(str::parse::<IfThere>).transpose();
        Ok(Self {
            url: url(asked.url)?,
            events: match &asked.events {
                Some(names) => events(names)?,
                None => USUAL_EVENTS.into_iter().collect(),
            },
            secret: secret.transpose().map_err(|error| bad("secret", &error))?,
            if_there: if_there.map_err(|error| bad("if_exists", &error))?,
        })
    }
}

impl From<&Changes> for ChangeWebhook {
    fn from(changes: &Changes) -> Self {
        Self {
            url: changes.url.as_ref().map(|url| url.to_secret().into()),
            events: changes.events.as_ref().map(names),
        }
    }
}

impl TryFrom<ChangeWebhook> for Changes {
    type Error = HubError;

    fn try_from(asked: ChangeWebhook) -> Result<Self, HubError> {
        Ok(Self {
            url: asked.url.map(url).transpose()?,
            events: asked.events.as_deref().map(events).transpose()?,
        })
    }
}

/// A step of replacing a secret.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct RotateSecret {
    /// `begin`, `activate`, `finish` or `at_once`; `begin_again` where a change is under way, whose
    /// second secret is lost then.
    pub step: String,
}

impl From<Rotation> for RotateSecret {
    fn from(step: Rotation) -> Self {
        Self { step: step.as_str().to_owned() }
    }
}

impl TryFrom<RotateSecret> for Rotation {
    type Error = HubError;

    fn try_from(asked: RotateSecret) -> Result<Self, HubError> {
        asked.step.parse().map_err(|error| bad("step", &error))
    }
}

/// Which deliveries that were given up are sent again.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Redeliver {
    /// Those given up at or after this instant.
    pub since: Timestamp,
    /// Those of this webhook; of all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
}

impl Redeliver {
    /// The webhook that is meant.
    ///
    /// # Errors
    /// `webhook.invalid`
    pub fn webhook(&self) -> Result<Option<WebhookId>, HubError> {
        let id = self.webhook_id.as_deref().map(str::parse);
        id.transpose().map_err(|error| bad("webhook_id", &error))
    }
}

/// How many deliveries are sent again.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Redelivered {
    /// The instant asked for.
    pub since: Timestamp,
    /// How many.
    pub deliveries: u64,
    /// Whether it was only tried.
    pub dry_run: bool,
}

/// Which deliveries to list, as query parameters.
#[must_use]
pub fn to_query(filter: &Filter) -> Query {
    let mut query = Query::default();
    query.push_opt("webhook_id", filter.webhook.as_ref());
    query.push_opt("status", filter.state.map(DeliveryState::as_str));
    query.push_opt("since", filter.since);
    query.push_opt("limit", filter.limit);
    query
}

/// Which deliveries to list.
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn filter(query: &Query) -> Result<Filter, HubError> {
    query.whose("webhook_id")?;
    let state = query.text("status").map(|text| {
        text.parse::<DeliveryState>().map_err(|()| {
            let text = "status: use pending, delivered or failed";
            HubError::new(&crate::error::codes::BAD_VALUE, text)
        })
    });
    Ok(Filter {
        webhook: query.one("webhook_id")?,
        state: state.transpose()?,
        since: query.since("since")?,
        limit: query.one("limit")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<New, HubError> {
        serde_json::from_str::<NewWebhook>(json).unwrap().try_into()
    }

    #[test]
    fn an_empty_webhook_is_not_every_webhook() {
        let webhook = |text: &str| filter(&Query::parse(text)).map(|filter| filter.webhook);
        assert_eq!(webhook("webhook_id=").unwrap_err().code().name, "usage.bad_value");
        assert_eq!(webhook("status=failed").unwrap(), None);
    }

    #[test]
    fn a_request_is_read_back_as_it_was_written() {
        let full = r#"{"url":"https://a.example/?t=x","events":["account.created"],
            "secret":"hubctl-test-secret-0001","if_exists":"skip","later":1}"#;
        for text in [full, r#"{"url":"https://a.example/"}"#] {
            let new = read(text).unwrap();
            let written = serde_json::to_string(&NewWebhook::from(&new)).unwrap();
            let again = read(&written).unwrap();
            assert_eq!((again.url, again.events), (new.url, new.events));
            assert_eq!((again.secret, again.if_there), (new.secret, new.if_there));
        }
        assert_eq!(read(r#"{"url":"https://a.example/"}"#).unwrap().events.len(), 3);
        let change: Changes =
            serde_json::from_str::<ChangeWebhook>(r#"{"url":null}"#).unwrap().try_into().unwrap();
        assert!(change.url.is_none() && change.events.is_none());
    }

    #[test]
    fn values_that_can_not_be_are_told_without_secrets() {
        for (text, told) in [
            (r#"{"url":"nonsense-hunter2"}"#, "url: the address is not a URL"),
            (r#"{"url":"https://a.example","events":["nope"]}"#, "events: `nope` is no kind"),
            (r#"{"url":"https://a.example","secret":"hunter2"}"#, "secret: a signing secret has"),
            (r#"{"url":"https://a.example","if_exists":"x"}"#, "if_exists: use fail or skip"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code().name, "webhook.invalid");
            assert!(error.message().starts_with(told), "{error}");
            assert!(!error.message().contains("hunter2"), "{error}");
        }
        assert!(Rotation::try_from(RotateSecret { step: "later".to_owned() }).is_err());
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let text = r#"{"id":"i","project_id":"p","url":"https://a","events":[],"secret":"s3cret",
            "changed":true,"enabled":true,"next_secret_at":null,"previous_secret_at":null,
            "created_at":"2026-06-01T09:00:00Z","updated_at":"2026-06-01T09:00:00Z"}"#;
        let made: CreatedWebhook = serde_json::from_str(text).unwrap();
        assert!(!format!("{made:?}").contains("s3cret"));
        let new: NewWebhook = serde_json::from_str(r#"{"url":"https://a?t=s3cret"}"#).unwrap();
        assert!(!format!("{new:?}").contains("s3cret"));
    }
}
