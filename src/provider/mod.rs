//! Calls to providers: proving credentials, tokens, revocation, signed requests. It decides
//! nothing about accounts and stores nothing.
//!
//! Every call goes through the guard of addresses, follows no redirect and is bounded in time and
//! size. What a failure says is one line without any value of the request.

mod body;
mod call;
mod clients;
mod failures;
pub mod forward;
mod jwt;
mod look_up;
mod oauth1;
pub mod post;
mod request;
mod saml;
mod sign;
mod tokens;
mod verify;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::domain::connector::request::TokenRequest;
use crate::domain::connector::{AuthMethod, Connector};
use crate::domain::credentials::{Tokens, Values};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::net;

use clients::Clients;
pub use request::Request;
pub use watch::{BROKEN_OFF, Made, Seen, Watch};

/// The largest answer that is read as a whole, unpacked.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Fills bytes with random ones.
pub type Draw = dyn Fn(&mut [u8]) -> Result<(), HubError> + Send + Sync;

/// How providers are reached.
#[derive(Debug, Clone)]
pub struct Options {
    /// Networks that may be called although they are not public.
    pub allowed: Vec<IpNet>,
    /// Trust and proxies.
    pub net: net::Options,
    /// Longest time that a call of the hub's own may take.
    pub call_limit: Duration,
    /// Longest time that nothing may move in a caller's request that is passed on.
    pub silence_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            net: net::Options::default(),
            call_limit: Duration::from_secs(20),
            silence_limit: Duration::from_secs(54),
        }
    }
}

/// What calls providers.
pub struct Provider {
    options: Options,
    clients: Clients,
    draw: Arc<Draw>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Whom a call is for, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The connector.
    pub connector: &'a Connector,
    /// The method of linking.
    pub method: &'a AuthMethod,
    /// Set-up values, the end user's values, captured values and tokens.
    pub values: &'a Values,
}

/// What came back in the browser from the provider's login.
#[derive(Debug, Clone, Copy)]
pub struct Callback<'a> {
    /// The code; for OAuth 1.0a the verifier.
    pub code: &'a Secret,
    /// The address that the provider was told to send the browser to.
    pub redirect_uri: &'a str,
    /// The PKCE verifier, where one was used.
    pub verifier: Option<&'a Secret>,
    /// All members of the query, for captured values.
    pub query: &'a [(String, String)],
}

/// Why tokens could not be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrenewed {
    /// What went wrong.
    pub failure: ProviderFailure,
    /// Tokens that the provider has given all the same, before something that belongs to them
    /// could not be had: it may accept the old ones no more.
    pub tokens: Option<Tokens>,
}

impl From<ProviderFailure> for Unrenewed {
    fn from(failure: ProviderFailure) -> Self {
        Self { failure, tokens: None }
    }
}

/// What asking a provider to revoke a token came to (AT-20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// `access_token` or `refresh_token`.
    pub token: &'static str,
    /// Whether the provider confirmed it; otherwise why not.
    pub outcome: Result<(), String>,
}

impl Provider {
    /// What calls providers this way; clients are made at the first call.
    #[must_use]
    pub fn new(options: Options, draw: Arc<Draw>) -> Self {
        Self { clients: Clients::new(&options, true), options, draw }
    }

    /// Whether addresses may be `http`: only where the operator named networks, to which the guard
    /// then holds them. For [`crate::domain::oauth::login::login_url`].
    #[must_use]
    pub fn allows_plain(&self) -> bool {
        self.clients.guard.allows_any()
    }

    /// The connector's light calls, in their order: whether the credentials work (OA-17). The first
    /// that must succeed and does not ends it. `Ok(false)` where none succeeded: there is no such
    /// call for these values, or only such as need not succeed (OA-18).
    pub async fn verify(
        &self,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<bool, ProviderFailure> {
        let calls = target.connector.verify_for(target.method).iter();
        let mut is_shown = false;
        for call in calls.filter(|call| call.applies(target.values)) {
            match self.verify_by(call, target, now).await {
                Ok(()) => is_shown = true,
                Err(_) if call.optional => {}
                Err(failure) => return Err(failures::told(failure, target)),
            }
        }
        Ok(is_shown)
    }

    /// OAuth: the code that came back, for tokens; with look-ups and captured values.
    pub async fn exchange(
        &self,
        target: Target<'_>,
        callback: Callback<'_>,
        now: Timestamp,
    ) -> Result<Tokens, ProviderFailure> {
        let mut own = Values::default();
        own.insert("code", callback.code.clone());
        if let Some(verifier) = callback.verifier {
            own.insert("verifier", verifier.clone());
        }
        watch::learn(own.clone());
        let outcome = self.exchange_code(target, callback, now).await;
        outcome.map_err(|failure| failures::told(failures::shown(failure, &own), target))
    }

    /// The first step of OAuth 1.0a: a request token and its secret, kept as captured values
    /// `oauth_token` and `oauth_token_secret` until the callback.
    pub async fn request_token(
        &self,
        target: Target<'_>,
        callback_url: &str,
        now: Timestamp,
    ) -> Result<Values, ProviderFailure> {
        let Some(TokenRequest::OAuth1(flow)) = &target.method.token_request else {
            let text = "this method does not log in by OAuth 1.0a";
            return Err(ProviderFailure::new(Class::Configuration, text));
        };
        let outcome = self.oauth1_request(target, flow, callback_url, now).await;
        outcome.map_err(|failure| failures::told(failure, target))
    }

    /// Tokens without a browser: client credentials, login calls, signed assertions. `Ok(None)`
    /// where the method needs no token.
    pub async fn obtain(
        &self,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<Option<Tokens>, ProviderFailure> {
        let outcome = self.obtain_tokens(target, now).await;
        outcome.map_err(|failure| failures::told(failure, target))
    }

    /// New tokens for old ones: the refresh-token grant where the method has it, else as
    /// [`Provider::obtain`].
    pub async fn refresh(&self, target: Target<'_>, now: Timestamp) -> Result<Tokens, Unrenewed> {
        let outcome = self.refresh_tokens(target, now).await;
        outcome.map_err(|Unrenewed { failure, tokens }| Unrenewed {
            failure: failures::told(failure, target),
            tokens,
        })
    }
}
