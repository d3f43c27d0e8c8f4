//! What is told to the log: of calls to the hub, of calls to providers, and of errands.

use crate::domain::ids::AccountId;
use crate::domain::names::ConnectorKey;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::Exchange;

/// A call to the hub that was answered.
#[derive(Debug, Clone, Default)]
pub struct Call<'a> {
    /// When it began.
    pub at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Its method.
    pub method: &'a str,
    /// The status of its answer.
    pub status: u16,
    /// Path and query, as they were sent.
    pub target: &'a str,
    /// The account that its path or a header names.
    pub account: Option<&'a str>,
    /// The connector that its path names.
    pub provider: Option<&'a str>,
    /// What it was about.
    pub resource: Option<&'a str>,
    /// What was done.
    pub action: Option<&'a str>,
    /// The code of what went wrong.
    pub error: Option<&'a str>,
    /// Headers and bodies, where they are to be kept.
    pub exchange: Option<Exchange>,
    /// Whether it is one for a provider, although none was called.
    pub is_for_provider: bool,
}

/// Headers and bodies of a call to a provider, as they were.
#[derive(Debug, Clone, Default)]
pub struct Seen<'a> {
    /// Headers that were sent.
    pub request_headers: Vec<(&'a str, &'a [u8])>,
    /// What was sent.
    pub request_body: &'a [u8],
    /// Headers of the answer.
    pub response_headers: Vec<(&'a str, &'a [u8])>,
    /// The answer, as far as it was read.
    pub response_body: &'a [u8],
}

/// A call to a provider. Nothing of it needs to be without secrets: they are taken out here.
#[derive(Debug, Clone, Default)]
pub struct Step<'a> {
    /// When it began; now, if nothing is said.
    pub at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Its method.
    pub method: &'a str,
    /// Its address.
    pub url: &'a str,
    /// The status of the answer; none where there was no answer.
    pub status: Option<u16>,
    /// The account that it was for.
    pub account: Option<&'a AccountId>,
    /// The connector.
    pub provider: Option<&'a ConnectorKey>,
    /// What it was for, such as `refresh_token` or `verify`.
    pub action: &'a str,
    /// What went wrong, in words.
    pub error: Option<&'a str>,
    /// Values that it was made with and that must not be seen.
    pub secrets: Vec<&'a Secret>,
    /// Headers and bodies.
    pub seen: Option<Seen<'a>>,
}

/// Work that the hub does although nobody waits for it, or that a command does.
#[derive(Debug, Clone, Default)]
pub struct Errand<'a> {
    /// Where it came from, in the wire's words: `SCHEDULER`, `CLI`.
    pub source: &'a str,
    /// What is done, such as `refresh`.
    pub action: &'a str,
    /// The account that it is for.
    pub account: Option<&'a AccountId>,
    /// The connector.
    pub provider: Option<&'a ConnectorKey>,
    /// Whether it is done in the background.
    pub is_worker: bool,
}
