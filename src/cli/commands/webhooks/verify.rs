//! `hubctl webhooks verify`: whether a body that arrived is one that the hub sent (threat 29).

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::{Cell, Column, Record};
use crate::cli::tree::Run;
use crate::domain::time::Timestamp;
use crate::domain::webhook::signature::{Claims, SigningSecret, verify};
use crate::error::{HubError, codes};

/// Check the signature of a delivery that a receiver got
///
/// The body is read from FILE or standard input and must be the very bytes that arrived: a line
/// end that was added is enough to fail. Every signature given is checked. That of Standard
/// Webhooks says when it was made, and may be 5 minutes old at most; `x-stackone-signature` says
/// nothing of time: with --max-age, the `sent_at` of the body is looked at. Ends with status 0
/// where all of it fits, and with 6 where something does not.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Verify {
    /// File with the signing secret; can be given several times while a secret is replaced
    #[arg(long, value_name = "FILE", required = true, value_hint = clap::ValueHint::FilePath)]
    secret_file: Vec<PathBuf>,

    /// Value of the header x-stackone-signature
    #[arg(long, value_name = "SIGNATURE")]
    signature: Option<String>,

    /// File with the headers of the request, one `Name: value` a line
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    header_file: Option<PathBuf>,

    /// Longest time since the body says it was sent
    #[arg(long, value_name = "DURATION", value_parser = input::duration_s)]
    max_age: Option<i64>,

    /// The body [default: standard input]
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true, value_hint = clap::ValueHint::FilePath)]
    body: PathBuf,
}

/// What was proven of a delivery.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::cli) struct Proof {
    /// Always true: what is not proven is an error.
    valid: bool,
    /// The headers whose signatures fit.
    by: Vec<&'static str>,
    /// Which of the secrets given fits, from 1.
    secret: usize,
    /// What the body says that happened.
    event: Option<String>,
    /// When the body says that it was sent.
    #[schemars(with = "Option<String>")]
    sent_at: Option<Timestamp>,
}

impl Record for Proof {
    const COLUMNS: &'static [Column] = &[
        Column::new("valid", "VALID"),
        Column::new("by", "BY"),
        Column::new("secret", "SECRET"),
        Column::new("event", "EVENT"),
        Column::new("sent", "SENT"),
    ];
    const FIELDS: &'static [&'static str] = &["valid", "by", "secret", "event", "sent_at"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed("valid")
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::Bool(self.valid),
            Cell::from(self.by.join(",")),
            Cell::Number(i64::try_from(self.secret).unwrap_or(i64::MAX)),
            Cell::opt(self.event.as_deref()),
            Cell::opt_time(self.sent_at),
        ]);
    }
}

/// The secret in a file.
pub(super) fn secret_of(path: &Path) -> Result<SigningSecret, HubError> {
    let secret = input::file_value(path)?;
    super::write::parse_secret(secret, &path.display().to_string())
}

fn unproven(why: impl std::fmt::Display) -> HubError {
    HubError::new(&codes::WEBHOOK_NOT_PROVEN, why.to_string())
}

impl Run for Verify {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<Proof>()?;
        if self.signature.is_none() && self.header_file.is_none() {
            let text = "no signature was given";
            return Err(HubError::new(&codes::INPUT_NEEDED, text)
                .hint("give --signature SIGNATURE, or --header-file FILE"));
        }
        let secrets: Vec<SigningSecret> =
            self.secret_file.iter().map(|path| secret_of(path)).collect::<Result<_, _>>()?;
        let mut claims = Claims::default();
        if let Some(path) = &self.header_file {
            let headers = input::bytes(path)?;
            for line in input::unmarked(&String::from_utf8_lossy(&headers)).lines() {
                if let Some((name, value)) = line.split_once(':') {
                    claims.header(name, value);
                }
            }
        }
        claims.signature = self.signature.or(claims.signature);
        let body = input::bytes(&self.body)?;
        let now = context.now();
        let proven = verify(&secrets, &claims, &body, now).map_err(unproven)?;
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        let sent_at: Option<Timestamp> =
            told["sent_at"].as_str().and_then(|text| text.parse().ok());
        if let Some(most_s) = self.max_age {
            let sent_at =
                sent_at.ok_or_else(|| unproven("the body does not say when it was sent"))?;
            let age_s = now.millis_since(sent_at) / 1000;
            if age_s > most_s {
                let text = format!("it was sent {age_s} s ago, more than the {most_s} s allowed");
                return Err(unproven(text));
            }
        }
        let proof = Proof {
            valid: true,
            by: proven.by,
            secret: proven.secret + 1,
            event: told["event"].as_str().map(str::to_owned),
            sent_at,
        };
        let mut lines = vec![
            ("Signature", "fits".to_owned()),
            ("By", proof.by.join(" ")),
            ("Secret", format!("{} of {}", proof.secret, secrets.len())),
        ];
        lines.extend(proof.event.clone().map(|event| ("Event", event)));
        lines.extend(sent_at.map(|at| ("Sent", context.output.moment(at))));
        context.output.item(&proof, Some(&lines))
    }
}
