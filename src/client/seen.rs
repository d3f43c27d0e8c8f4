//! What an answer shows of the way to the hub, beside what was asked: for `doctor`.

use std::sync::PoisonError;

use reqwest::Response;
use reqwest::header::DATE;
use reqwest::tls::{TlsInfo, Version};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::domain::time::Timestamp;

use super::Client;

/// What the newest glance showed.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The hub's clock, in whole seconds.
    pub dated: Option<Timestamp>,
    /// How the connection was encrypted, if it was.
    pub tls: Option<Tls>,
}

/// How a connection was encrypted.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The protocol.
    pub version: &'static str,
    /// Until when the hub's certificate is valid.
    pub valid_until: Option<Timestamp>,
}

impl Client {
    /// What the newest glance showed of the way to the hub.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn look_at(&self, response: &Response) {
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        let dated = date.map(|at| Timestamp::from_millis(at.timestamp().as_millisecond()));
        let tls = response.extensions().get::<TlsInfo>().map(tls);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen { dated, tls };
    }
}

fn tls(info: &TlsInfo) -> Tls {
    let version = match info.version() {
        Some(Version::TLS_1_2) => "TLS 1.2",
        Some(Version::TLS_1_3) => "TLS 1.3",
        _ => "TLS",
    };
    let certificate = info.peer_certificate().and_then(|der| Certificate::from_der(der).ok());
    let valid_until = certificate.and_then(|certificate| {
        let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
        i64::try_from(end.as_millis()).ok().map(Timestamp::from_millis)
    });
    Tls { version, valid_until }
}
