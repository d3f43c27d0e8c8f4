//! `hubctl request`: calls to a provider with an account's credentials.

use std::io::{IsTerminal as _, Read};
use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use serde_json::json;
use tokio::sync::mpsc;
use url::Url;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::api::projects::WANTED_PROJECT;
use crate::api::proxy::{Pass, PassBody, Passed};
use crate::cli::assets;
use crate::cli::context::{Context, SystemClock};
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::ids::AccountId;
use crate::domain::provider_reason::retry_at;
use crate::domain::proxy::is_unclear;
use crate::domain::time::{Clock as _, Timestamp};
use crate::error::{Code, HubError, codes};

use super::confirm_profile;
use super::parameters::{self, LARGEST_BODY, Parameters, Sent, is_read};

/// A body up to this length is held, so that the call can be sent a second time, in bytes.
const HELD: u64 = 1 << 20;
/// How much of a longer body is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// Headers that the hub sets.
const OWN: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "transfer-encoding",
    "x-account-id",
    WANTED_PROJECT,
];

/// Call a provider with an account's credentials
///
/// The path is that of the provider's own API, below its root, as `hubctl connectors get KEY` shows
/// it; the hub signs the call. The answer's body goes to standard output as it came, also where the
/// provider refuses. The exit status says which, as of `hubctl api`: 2 for 400, 4 for 401, 5 for
/// 403, 3 for 404, 6 for 409 and 422, 9 for 429, 10 for 500. It is 6 as well where the account may
/// not be called. Redirects are not followed. Fields become parameters of a GET, and the JSON body
/// of any other method. With --dry-run, only reads are sent.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Request {
    /// GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE
    #[arg(value_parser = parameters::method, add = assets::methods())]
    method: String,

    /// Path below the root of the provider's API, such as /v1/employees
    path: String,

    /// Account whose credentials are used
    #[arg(long, value_name = "ID", add = assets::accounts())]
    account: AccountId,

    #[command(flatten)]
    sent: Sent,

    /// Write status and headers as well
    #[arg(short, long)]
    include: bool,
}

impl Run for Request {
    // A provider is called from this process where the store is one's own.
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        let is_shaped = parameters::is_shaped(context)?;
        let method = self.method.clone();
        let is_read = is_read(&method);
        if !is_read {
            confirm_profile(context)?;
        }
        let pass = self.pass(method)?;
        let may_repeat = pass.may_repeat();
        let backend = context.backend().await?;
        if context.globals.dry_run && !is_read {
            parameters::note_unsent(context, &pass.method, &self.path);
            return Ok(());
        }
        let passed = backend.pass(&self.account, pass).await;
        context.tell_notes(&backend);
        let shown = match passed {
            Ok(passed) => self.show(context, passed, is_shaped, may_repeat).await,
            Err(error) => Err(error),
        };
        shown.map_err(|error| self.look(error))
    }
}

impl Request {
    fn pass(&self, method: String) -> Result<Pass, HubError> {
        let Parameters { query, body } = self.sent.parameters(&method)?;
        let mut path = self.path.clone();
        if !query.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&Serializer::new(String::new()).extend_pairs(&query).finish());
        }
        let mut headers = self.sent.headers()?;
        for (name, _) in &headers {
            let name = name.to_ascii_lowercase();
            if OWN.contains(&name.as_str()) || name.starts_with("x-proxy-") {
                let text = format!("the header {name} is not for you to set");
                return Err(HubError::new(&codes::BAD_VALUE, text)
                    .hint("the hub signs the call with the account's credentials"));
            }
        }
        let body = match (&self.sent.input, body) {
            (Some(path), _) => upload(path)?,
            (None, Some(body)) => PassBody::Whole(body),
            (None, None) => PassBody::Empty,
        };
        let mut default = |name: &str, value: &str| {
            if !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
                headers.push((name.to_owned(), value.to_owned()));
            }
        };
        default("accept", "*/*");
        if !matches!(body, PassBody::Empty) {
            default("content-type", "application/json");
        }
        Ok(Pass { method, path, headers, body })
    }

    /// Says where to look, where the provider may have done what it was asked.
    fn look(&self, error: HubError) -> HubError {
        if !error.is_outcome_unknown() {
            return error;
        }
        let log = format!("hubctl logs list --account {} --since 1h", self.account.as_str());
        error.hint(format!("look at the provider before calling again; {log} has what it answered"))
    }

    async fn show(
        &self,
        context: &Context,
        passed: Passed,
        is_shaped: bool,
        may_repeat: bool,
    ) -> Result<(), HubError> {
        let output = &context.output;
        let status = passed.status;
        // The provider has the call: what breaks from here on does not undo it.
        let is_known = may_repeat || (status >= 400 && !is_unclear(status));
        let broken = |error: HubError| if is_known { error } else { error.outcome_unknown() };
        if self.include {
            parameters::show_head(output, status, &passed.headers)?;
        }
        let kind = passed.header("content-type").unwrap_or_default().to_ascii_lowercase();
        // A filter is for what was asked for, and a refusal is something else.
        let filters = is_shaped && status < 300;
        if let Some(note) = elsewhere(&passed) {
            context.note_of_success(note);
        }
        let wait = passed.header("retry-after");
        let again_at = wait.and_then(|wait| retry_at(wait, SystemClock.now()));
        let refused = refusal(status, again_at, may_repeat);
        let mut body = passed.body;
        if filters || (output.is_human() && kind.contains("json")) {
            let held = whole(&mut body).await.map_err(broken)?;
            match parameters::json(&held) {
                Some(json) if filters => output.json(json)?,
                Some(json) => output.indented(json)?,
                None if held.is_empty() => {}
                None => output.bytes(&held)?,
            }
        } else {
            let mut pieces = output.pieces();
            let ended = loop {
                match body.try_next().await {
                    Ok(Some(piece)) => pieces.push(&piece)?,
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
                if output.is_broken() {
                    break Ok(());
                }
            };
            pieces.finish()?;
            ended.map_err(broken)?;
        }
        refused.map_or(Ok(()), Err)
    }
}

async fn whole(body: &mut crate::api::proxy::Came) -> Result<Bytes, HubError> {
    let mut held = BytesMut::new();
    while let Some(piece) = body.try_next().await? {
        if (held.len() + piece.len()) as u64 > LARGEST_BODY {
            let text = format!("the answer is larger than {LARGEST_BODY} bytes");
            return Err(HubError::new(&codes::PROVIDER_BAD_ANSWER, text)
                .hint("without --output, --fields, --limit and --jq it is written as it comes: hubctl ... > FILE"));
        }
        held.extend_from_slice(&piece);
    }
    Ok(held.freeze())
}

/// What is said of an answer that leads elsewhere: its body is often empty, and the command ends
/// well. Of the address only the host is told: the rest may have secrets in it.
fn elsewhere(passed: &Passed) -> Option<String> {
    let status = passed.status;
    if !matches!(status, 300..=303 | 305..=399) {
        return None;
    }
    let here = Url::parse("https://here.invalid").ok()?;
    let to = passed.header("location").and_then(|to| here.join(to).ok());
    let leads = match to {
        Some(to) if to.origin() == here.origin() => " and leads to another path".to_owned(),
        Some(to) if to.origin().is_tuple() => {
            format!(" and leads to {}", to.origin().ascii_serialization())
        }
        _ => String::new(),
    };
    Some(format!("the provider answered {status}{leads}; redirects are not followed"))
}

/// What a provider's status means for whoever called; none where it did what was asked for.
fn refusal(status: u16, again_at: Option<Timestamp>, may_repeat: bool) -> Option<HubError> {
    let code: &'static Code = match status {
        ..=399 => return None,
        401 => &codes::ANSWER_UNAUTHENTICATED,
        403 => &codes::ANSWER_FORBIDDEN,
        404 | 410 => &codes::ANSWER_NOT_FOUND,
        409 | 412 | 422 => &codes::ANSWER_CONFLICT,
        429 => &codes::ANSWER_RATE_LIMITED,
        501 => &codes::ANSWER_UNSUPPORTED,
        407 | 408 | 425 | 500.. => &codes::ANSWER_FAILED,
        _ => &codes::ANSWER_INVALID,
    };
    let error = HubError::new(code, format!("the provider answered {status}"))
        .detail(json!({ "provider_status": status, "retry_at": again_at }));
    Some(if may_repeat || !is_unclear(status) { error } else { error.outcome_unknown() })
}

/// The body in a file, or on standard input for `-`; a long one is read while it is sent.
fn upload(path: &Path) -> Result<PassBody, HubError> {
    let (mut reader, length): (Box<dyn Read + Send>, Option<u64>) = if path == Path::new("-") {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            let text = "`-` reads standard input, and that is the terminal";
            return Err(HubError::new(&codes::INPUT_NEEDED, text).hint("name a file instead"));
        }
        (Box::new(stdin), None)
    } else {
        let file = input::open(path)?;
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file);
        (Box::new(file), length.map(|metadata| metadata.len()))
    };
    if length.is_some_and(|length| length <= HELD) {
        let mut held = Zeroizing::new(Vec::new());
        let read = reader.take(HELD).read_to_end(&mut held);
        read.map_err(input::unreadable(path.display()))?;
        return Ok(PassBody::Whole(held));
    }
    let (sender, receiver) = mpsc::channel(2);
    // A thread of its own: reading may wait for ever, and nobody waits for it at the end.
    std::thread::spawn(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let piece = match reader.read(&mut piece) {
                Ok(0) => return,
                Ok(count) => {
                    piece.truncate(count);
                    Ok(Bytes::from(piece))
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_last = piece.is_err();
            if sender.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(PassBody::Streamed { pieces: Box::pin(pieces), length })
}

#[cfg(test)]
mod tests {
    use super::{Bytes, HubError, Passed, elsewhere, refusal};
    use crate::cli::exit::exit_code;

    #[test]
    fn an_answer_that_leads_elsewhere_is_told() {
        let told = |status, to: Option<&str>| {
            let headers = to.map(|to| ("Location".to_owned(), to.to_owned())).into_iter().collect();
            let body = Box::pin(futures_util::stream::empty::<Result<Bytes, HubError>>());
            elsewhere(&Passed { status, headers, body })
        };
        let note = |leads: &str| {
            Some(format!("the provider answered 302{leads}; redirects are not followed"))
        };
        let page = "https://login.example:8443/in?token=planted";
        assert_eq!(told(302, Some(page)), note(" and leads to https://login.example:8443"));
        assert_eq!(
            told(302, Some("//login.example/x")),
            note(" and leads to https://login.example")
        );
        assert_eq!(told(302, Some("/in")), note(" and leads to another path"));
        assert_eq!(told(302, None), note(""));
        for status in [200, 204, 304, 404] {
            assert_eq!(told(status, Some(page)), None, "{status}");
        }
    }

    #[test]
    fn a_write_after_which_a_provider_fails_may_have_been_done() {
        for status in [408, 500, 502, 503, 504, 599] {
            let [read, write] =
                [true, false].map(|repeats| refusal(status, None, repeats).unwrap());
            assert!(read.retryable() && !read.is_outcome_unknown(), "{status}");
            assert!(!write.retryable() && write.is_outcome_unknown(), "{status}");
        }
        for status in [400, 401, 404, 409, 422, 425, 429, 501] {
            let told = refusal(status, None, false).unwrap();
            assert!(!told.is_outcome_unknown(), "{status}");
            assert_eq!(told.details()[0]["provider_status"], status);
        }
    }

    #[test]
    fn a_providers_status_decides_how_the_command_ends() {
        for (status, expected) in [
            (200, 0),
            (204, 0),
            (302, 0),
            (304, 0),
            (400, 2),
            (401, 4),
            (403, 5),
            (404, 3),
            (405, 2),
            (409, 6),
            (410, 3),
            (412, 6),
            (415, 2),
            (422, 6),
            (429, 9),
            (500, 10),
            (501, 14),
            (503, 10),
        ] {
            let found = refusal(status, None, true).map_or(0, |error| exit_code(&error));
            assert_eq!(found, expected, "{status}");
        }
    }
}
