//! The HTTP clients, made when first needed and kept with their connections.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use reqwest::dns::Resolve as _;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Options, failures};
use crate::domain::provider_failure::ProviderFailure;
use crate::net::guard::{Guard, Guarded, Refused};
use crate::net::{self, Identity};

/// How many clients with a certificate are kept.
const MAX_IDENTITIES: usize = 32;

/// Clients that call only what the guard of addresses lets them.
pub(super) struct Clients {
    net: net::Options,
    gzip: bool,
    pub(super) guard: Guard,
    plain: OnceLock<reqwest::Client>,
    tls: OnceLock<reqwest::Client>,
    /// By the hash of the certificate and its key, the latest used last.
    with_identity: Mutex<Vec<([u8; 32], reqwest::Client)>>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Clients {
    /// Clients that are made when first asked for; answers may come compressed to those with `gzip`.
    pub(super) fn new(options: &Options, gzip: bool) -> Self {
        Self {
            net: options.net.clone(),
            gzip,
            guard: Guard::new(options.allowed.clone()),
            plain: OnceLock::new(),
            tls: OnceLock::new(),
            with_identity: Mutex::new(Vec::new()),
        }
    }

    /// The client for an address; one without encryption needs no trusted roots, and so none are
    /// read for it.
    pub(super) fn client(
        &self,
        url: &Url,
        identity: Option<&Identity>,
    ) -> Result<reqwest::Client, ProviderFailure> {
        if let Some(identity) = identity.filter(|_| url.scheme() == "https") {
            return self.identified(identity);
        }
        let (kept, plain) =
            if url.scheme() == "http" { (&self.plain, true) } else { (&self.tls, false) };
        if let Some(client) = kept.get() {
            return Ok(client.clone());
        }
        let made = self.make(plain, None)?;
        Ok(kept.get_or_init(|| made).clone())
    }

    fn identified(&self, identity: &Identity) -> Result<reqwest::Client, ProviderFailure> {
        let mut hash = Sha256::new();
        hash.update(identity.certificate.as_bytes());
        hash.update([0]);
        hash.update(identity.private_key.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let mut kept = self.with_identity.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(other, _)| *other == hash) {
            let found = kept.remove(at);
            let client = found.1.clone();
            kept.push(found);
            return Ok(client);
        }
        let client = self.make(false, Some(identity.clone()))?;
        if kept.len() >= MAX_IDENTITIES {
            kept.remove(0);
        }
        kept.push((hash, client.clone()));
        Ok(client)
    }

    fn make(
        &self,
        plain: bool,
        identity: Option<Identity>,
    ) -> Result<reqwest::Client, ProviderFailure> {
        let mut options = self.net.clone();
        options.needs_tls = !plain;
        options.gzip = self.gzip;
        options.identity = identity;
        options.resolver = Some(Arc::new(self.resolver(plain, self.net.proxy_host(plain))));
        net::client(&options).map_err(|error| failures::no_client(&error))
    }

    /// What judges every name that is looked up but that of `proxy`.
    fn resolver(&self, plain: bool, proxy: Option<String>) -> Guarded {
        let exempt = proxy.into_iter().collect();
        Guarded::new(self.guard.clone(), plain, exempt, self.net.resolver.clone())
    }

    /// Whether an address may be called. Behind a proxy names are looked up there, out of sight, so
    /// what this machine knows of them is judged before. The proxy's own name is judged here alone:
    /// where the proxy is dialled, and where it is told to leave its own host out, nobody can tell
    /// any more what the name is looked up for.
    pub(super) async fn check(&self, url: &Url) -> Result<(), ProviderFailure> {
        self.guard.check(url).map_err(|refused| failures::blocked(url, &refused))?;
        let plain = url.scheme() == "http";
        let Some(proxy) = self.net.proxy_host(plain) else { return Ok(()) };
        let Some(url::Host::Domain(host)) = url.host() else { return Ok(()) };
        let Ok(name) = host.parse() else { return Ok(()) };
        let Err(error) = self.resolver(plain, None).resolve(name).await else { return Ok(()) };
        match error.downcast_ref::<Refused>() {
            Some(refused) => Err(failures::blocked(url, refused)),
            None if is_same_host(host, &proxy) => Err(failures::unknown_name(url)),
            // What only the proxy knows is left to it.
            None => Ok(()),
        }
    }
}

/// Whether two names are of one machine; a dot at the end changes nothing about that.
fn is_same_host(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}
