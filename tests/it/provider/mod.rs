//! Calls to providers, against real servers on this machine.

mod catalog;
mod forward;
mod hostile;
mod keys;
mod light;
mod oauth;
mod revoking;

use std::sync::Arc;
use std::time::Duration;

use hubctl::domain::connector::{AuthMethod, Connector};
use hubctl::domain::credentials::Values;
use hubctl::domain::secret::Secret;
use hubctl::domain::time::Timestamp;
use hubctl::provider::{Options, Provider, Target};
use serde_json::{Value, json};

/// A provider that may call this machine, and waits this long.
fn provider_within(limit: Duration) -> Provider {
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    let options =
        Options { allowed, call_limit: limit, silence_limit: limit, ..Options::default() };
    Provider::new(options, Arc::new(draw))
}

fn provider() -> Provider {
    provider_within(Duration::from_secs(20))
}

/// Bytes that differ from call to call.
#[expect(clippy::unnecessary_wraps, reason = "the source of a hub may fail")]
fn draw(bytes: &mut [u8]) -> Result<(), hubctl::error::HubError> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    let number = DRAWN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    bytes.iter_mut().zip(number.iter().rev().cycle()).for_each(|(byte, drawn)| *byte = *drawn);
    Ok(())
}

fn now() -> Timestamp {
    "2026-06-01T09:00:00Z".parse().unwrap()
}

fn values(given: &[(&str, &str)]) -> Values {
    let mut values = Values::default();
    for (name, value) in given {
        values.insert(*name, Secret::new(*value));
    }
    values
}

/// A connector with one method, at an address of this machine.
fn connector(base: &str, method: &Value, verify: &Value) -> Connector {
    let mut whole = json!({
        "key": "m", "type": "api_key", "label": "M",
        "config_fields": [
            {"key": "api_key", "label": "Key", "type": "password"},
            {"key": "company", "label": "Company", "type": "text"}
        ],
        "authorization": {"type": "bearer", "token": "${api_key}"}
    });
    for (name, value) in method.as_object().unwrap() {
        whole[name] = value.clone();
    }
    serde_json::from_value(json!({
        "key": "acme", "name": "Acme", "base_url": base, "auth": [whole], "verify": verify
    }))
    .unwrap()
}

fn target<'a>(connector: &'a Connector, values: &'a Values) -> Target<'a> {
    let method: &AuthMethod = &connector.auth[0];
    Target { connector, method, values }
}
