//! `hubctl webhooks listen`: events on their way to a receiver on this machine.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Instant;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::api::events::Event;
use crate::cli::commands::events::{Chosen, follow, refuse_documents};
use crate::cli::context::{Context, SystemClock};
use crate::cli::output::{Cell, Column, Record};
use crate::cli::records::EVENT;
use crate::cli::tree::Run;
use crate::domain::ids::EventId;
use crate::domain::time::{Clock as _, Timestamp};
use crate::domain::webhook::Address;
use crate::domain::webhook::payload::{self, Told};
use crate::domain::webhook::signature::{
    SECRET_BYTES, SIGNATURE, STANDARD_ID, STANDARD_SIGNATURE, STANDARD_TIMESTAMP, SigningSecret,
};
use crate::error::HubError;
use crate::hub::events::Place;
use crate::hub::random::{Random as _, SystemRandom};
use crate::net;
use crate::provider::Options;
use crate::provider::post::Poster;

/// Post events to an address of your own as they happen, until Ctrl-C
///
/// For developing a receiver, without a webhook and without a public address: each event is shown
/// on a line and posted as a webhook would post it, signed with a secret that is shown once on
/// standard error. A post that fails is shown and not repeated.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Listen {
    /// Address to post to, such as `http://127.0.0.1:3000/hooks`
    #[arg(long, value_name = "URL")]
    forward_to: Address,

    #[command(flatten)]
    chosen: Chosen,

    /// Begin after this event: the last id that was seen
    #[arg(long, value_name = "ID")]
    after: Option<EventId>,

    /// File with the signing secret to use, instead of a new one
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    secret_file: Option<PathBuf>,
}

/// An event that was posted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::cli) struct Forwarded {
    /// When it was posted.
    #[schemars(with = "String")]
    sent_at: Timestamp,
    /// What happened.
    event: String,
    /// Id of what it happened to.
    record_id: String,
    /// The event.
    event_id: String,
    /// The receiver's status; null where there was no answer.
    status: Option<u16>,
    /// How long it took.
    duration_ms: i64,
    /// Why there was no answer.
    error: Option<String>,
}

impl Record for Forwarded {
    const COLUMNS: &'static [Column] = &[
        Column::new("sent", "SENT").spare(2),
        EVENT,
        Column::new("record", "RECORD").whole(),
        Column::new("status", "STATUS").words(6),
        Column::new("duration_ms", "MS").spare(1),
        Column::new("error", "ERROR").spare(3),
        Column::wide("event_id", "EVENT ID"),
    ];
    const FIELDS: &'static [&'static str] =
        &["sent_at", "event", "record_id", "event_id", "status", "duration_ms", "error"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.event_id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::Time(self.sent_at),
            Cell::from(self.event.as_str()),
            Cell::from(self.record_id.as_str()),
            self.status.map_or(Cell::Empty, |status| Cell::Number(i64::from(status))),
            Cell::Number(self.duration_ms),
            Cell::opt(self.error.as_deref()),
            Cell::from(self.event_id.as_str()),
        ]);
    }
}

/// Posts to one receiver. Whoever types an address may call it, wherever it is.
struct Forwarder {
    poster: Poster,
    to: Address,
    secret: SigningSecret,
}

impl Forwarder {
    fn new(context: &Context, to: Address, secret: SigningSecret) -> Self {
        let everything = ["0.0.0.0/0", "::/0"];
        let allowed: Vec<IpNet> = everything.iter().filter_map(|net| net.parse().ok()).collect();
        let net =
            net::Options { ca_file: context.globals.cacert.clone(), ..net::Options::default() };
        let poster = Poster::new(&Options { allowed, net, ..Options::default() });
        Self { poster, to, secret }
    }

    async fn post(&self, event: &Event<'_>) -> Forwarded {
        let data: Value = event.data.value();
        let told = Told {
            project: &event.project_id,
            event: &event.event,
            at: event.event_date,
            subject: &event.record_id,
            data: Some(&data),
        };
        let sent_at = SystemClock.now();
        let body = payload::body(&told, sent_at);
        let at_s = sent_at.as_millis().div_euclid(1000);
        let headers = [
            (SIGNATURE, self.secret.sign(&body)),
            (STANDARD_ID, event.id.to_string()),
            (STANDARD_TIMESTAMP, at_s.to_string()),
            (STANDARD_SIGNATURE, self.secret.sign_standard(&event.id, at_s, &body)),
        ];
        let began = Instant::now();
        let posted = self.poster.post(self.to.url(), &headers, body.into()).await;
        let (status, error) = match posted {
            Ok(posted) => (Some(posted.status), None),
            Err(error) => (None, Some(error)),
        };
        Forwarded {
            sent_at,
            event: event.event.to_string(),
            record_id: event.record_id.to_string(),
            event_id: event.id.to_string(),
            status,
            duration_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
            error,
        }
    }
}

impl Run for Listen {
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        refuse_documents(context)?;
        context.output.check::<Forwarded>()?;
        let known = self.secret_file.as_deref().map(super::verify::secret_of).transpose()?;
        let is_new = known.is_none();
        let secret = match known {
            Some(known) => known,
            None => {
                let mut random = Zeroizing::new([0; SECRET_BYTES]);
                SystemRandom::new().fill(random.as_mut_slice())?;
                SigningSecret::mint(&random)
            }
        };
        let backend = context.backend().await?;
        if is_new {
            context.output.note(format_args!("signing secret: {}", secret.text().expose()));
        }
        let shown = self.forward_to.shown();
        context.output.note(format_args!("events of {} go to {shown}", backend.project()));
        let forwarder = Forwarder::new(context, self.forward_to, secret);
        let place = self.after.map_or(Place::End, Place::After);
        let mut rows = context.output.endless();
        follow(context, &backend, place, self.chosen.filter(), &mut rows, async |rows, events| {
            for event in &events {
                if rows.is_over() {
                    break;
                }
                let forwarded = forwarder.post(event).await;
                // Each is shown at once, not when others came.
                let mut list = rows.part::<Forwarded>()?;
                _ = list.push(&forwarded)?;
                rows.wrote(list.finish(|_| None)?);
            }
            Ok(())
        })
        .await
    }
}
