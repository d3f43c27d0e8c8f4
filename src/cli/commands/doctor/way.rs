//! A hub elsewhere: the key, the way there, and what both sides think of each other.

use std::time::{Duration, Instant};

use crate::api::platform::Capabilities;
use crate::api::{OPERATIONS, Origin};
use crate::backend::Backend;
use crate::cli::context::{Context, SystemClock};
use crate::cli::credentials;
use crate::cli::settings::{KeySource, Remote};
use crate::client::{Client, Seen, Verified};
use crate::domain::caller::Permission;
use crate::domain::time::{Clock, Timestamp};
use crate::domain::words::counted;
use crate::error::Kind;
use crate::hub::keyring;

use super::{Findings, NO_WAY, There};

/// How far apart two clocks may be: signatures of webhooks allow for five minutes.
const SKEW_LIMIT: Duration = Duration::from_mins(1);
/// How long before its end a certificate is told of.
const CERTIFICATE_NOTICE: Duration = Duration::from_hours(14 * 24);
/// Where StackOne's calls to receivers come from (WH-12).
const VENDORS_ADDRESSES: &str = "35.175.11.132 54.221.239.152 52.5.1.25 34.249.109.57 \
    46.51.152.189 52.51.165.231 18.135.210.22 18.169.58.64 13.40.58.44";

/// Why there is nobody to look at more with.
const NO_KEY: &str = "there is no key to ask the hub with";

/// Looks at everything on the way to the hub.
///
/// # Errors
/// Why what is behind it can't be looked at.
pub(super) async fn hub(
    context: &Context,
    remote: &Remote,
    found: &mut Findings,
) -> Result<There, &'static str> {
    if !keyring(context, remote, found) {
        found.skip("API key", "it is in the keyring");
        return Err(NO_KEY);
    }
    let source = credentials::source_name(&remote.key);
    let key = match credentials::find(&context.settings, remote) {
        Ok(key) => key,
        Err(error) => {
            found.fail("API key", error);
            return Err(NO_KEY);
        }
    };
    match key.trimmed {
        true => {
            let text = format!("the key from {source} was copied with white space around it");
            let hint = match &remote.key {
                KeySource::Environment(_) => format!("set {source} to the key alone"),
                KeySource::File(path) => format!("leave the key alone in {}", path.display()),
                _ => "store it again: hubctl auth login".to_owned(),
            };
            found.warn("key source", text, hint);
        }
        false => found.ok("key source", source),
    }
    let client = match context.client_of(remote, &key.key) {
        Ok(client) => client,
        Err(error) => {
            found.fail("connection", error);
            return Err(NO_WAY);
        }
    };
    proxies(remote, &client, found);
    let began = Instant::now();
    let asked_at = SystemClock.now();
    let verified = match client.verify().await {
        Ok(verified) => verified,
        Err(error) => {
            let kind = error.code().kind;
            let is_refused = matches!(kind, Kind::Unauthenticated | Kind::Forbidden);
            found.fail(if is_refused { "API key" } else { "connection" }, error);
            return Err(if is_refused { "the hub refuses the key" } else { NO_WAY });
        }
    };
    found.ok("API key", "the hub accepts it");
    let took = began.elapsed();
    let how = if remote.api_url.scheme() == "https" { "over TLS" } else { "without TLS" };
    let text = format!("{} answered {how} in {} ms", remote.api_url, took.as_millis());
    let is_far = !crate::domain::origin::is_loopback(&remote.api_url);
    if remote.api_url.scheme() == "http" && is_far {
        found.warn("connection", text, "use an https:// address: the key can be read on the way");
    } else {
        found.ok("connection", text);
    }
    let seen = client.seen();
    tls(&seen, asked_at, found);
    let (project, time) = match verified {
        Verified::Platform => {
            platform(client.is_vendor(), found);
            (String::new(), seen.dated)
        }
        Verified::Hub(capabilities) => {
            about(&capabilities, found);
            (capabilities.project, Some(capabilities.time))
        }
    };
    match time {
        Some(time) => {
            let half = i64::try_from(took.as_millis() / 2).unwrap_or(i64::MAX);
            clock(time.millis_since(asked_at).saturating_sub(half), found);
        }
        None => found.skip("clock", "the hub does not tell its time"),
    }
    Ok(There { backend: Backend::remote(client), project })
}

fn proxies(remote: &Remote, client: &Client, found: &mut Findings) {
    if let Some(proxy) = client.proxy() {
        let text = format!("the environment names a proxy for this address: {proxy}");
        found.warn("proxy", text, "if it is not wanted for this hub, add its host to NO_PROXY");
    }
    if let Some(file) = &remote.network.ca_file {
        let from = remote.network.ca_from.as_deref().unwrap_or_default();
        let text = format!("only those of {} are trusted, from {from}", file.display());
        found.ok("certificates", text);
    }
}

/// How the keyring is, where the key is kept in it. Says whether the key can be read without
/// anybody being asked for a password.
fn keyring(context: &Context, remote: &Remote, found: &mut Findings) -> bool {
    if !matches!(remote.key, KeySource::Keyring) {
        let source = credentials::source_name(&remote.key);
        found.skip("keyring", &format!("the API key does not come from it: {source}"));
        return true;
    }
    let settings = &context.settings;
    match keyring::look(&settings.keyring) {
        Ok(()) => {
            found.ok("keyring", "it answers and is open");
            true
        }
        Err(trouble) => {
            let error = credentials::keyring_error(trouble, &settings.sources.profile);
            found.fail("keyring", error);
            false
        }
    }
}

/// How the connection is encrypted, and until when the hub can prove who it is.
fn tls(seen: &Seen, now: Timestamp, found: &mut Findings) {
    let Some(tls) = &seen.tls else { return };
    let version = tls.version;
    let Some(until) = tls.valid_until else {
        found.ok("TLS", format!("{version}, the certificate does not say how long it is valid"));
        return;
    };
    let text = format!("{version}, the certificate is valid until {until}");
    let notice = i64::try_from(CERTIFICATE_NOTICE.as_millis()).unwrap_or(i64::MAX);
    match until.millis_since(now) < notice {
        true => found.warn("TLS", text, "renew it on the hub: without it no command gets through"),
        false => found.ok("TLS", text),
    }
}

/// What is known of a hub that says nothing of itself.
fn platform(is_vendor: bool, found: &mut Findings) {
    found.ok("hub", "the vendor's platform, or a hub that speaks its API only");
    let text = "accounts, sessions, auth configs, logs and calls; other commands exit with 14";
    found.ok("capabilities", text);
    if is_vendor {
        let text = format!("let webhooks through to your receivers from {VENDORS_ADDRESSES}");
        found.ok("firewall", text);
    }
}

fn about(capabilities: &Capabilities, found: &mut Findings) {
    let Capabilities { server, version, project, scopes, operations, .. } = capabilities;
    let own = env!("CARGO_PKG_VERSION");
    let text = format!("{server} {version}, project {project}");
    match version == own {
        true => found.ok("hub", text),
        false => found.warn("hub", text, format!("this is hubctl {own}; use the same version")),
    }
    let wanted = [Permission::PlatformRead, Permission::PlatformWrite];
    let lacking: Vec<&str> = wanted
        .iter()
        .map(|scope| scope.as_str())
        .filter(|scope| !scopes.iter().any(|found| found == scope))
        .collect();
    match lacking.is_empty() {
        true => found.ok("scopes", scopes.join(" ")),
        false => {
            let text = format!("the key lacks {}", lacking.join(" and "));
            found.warn("scopes", text, "use a key that has it: hubctl keys create NAME --scope S");
        }
    }
    let asked = OPERATIONS.iter().filter(|row| row.origin == Origin::Extension).map(|row| row.id);
    let lacking: Vec<&str> = asked.filter(|id| !operations.iter().any(|has| has == id)).collect();
    match lacking.is_empty() {
        true => found.ok("capabilities", "all that this hubctl asks for"),
        false => {
            let text = format!("the hub does not offer {}", lacking.join(", "));
            found.warn("capabilities", text, "a newer hubctl there may offer more");
        }
    }
}

fn clock(skew_ms: i64, found: &mut Findings) {
    let skew = Duration::from_millis(skew_ms.unsigned_abs());
    match skew > SKEW_LIMIT {
        true => {
            let text = format!("the hub's clock differs by {}", counted(skew.as_secs(), "second"));
            found.warn("clock", text, "set both clocks by a time server");
        }
        // A hub that tells whole seconds may seem to be one off.
        false => {
            let bound = counted(skew.as_secs() + 1, "second");
            found.ok("clock", format!("the hub's clock differs by less than {bound}"));
        }
    }
}
