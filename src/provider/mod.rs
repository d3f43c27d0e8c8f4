//! Calls to providers: proving credentials, tokens, revocation, signed requests. It decides
//! nothing about accounts and stores nothing.

use std::time::Duration;

use ipnet::IpNet;

use crate::domain::connector::{AuthMethod, Connector};
use crate::domain::credentials::{Tokens, Values};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::net;

pub mod post;

/// How providers are reached.
#[derive(Debug, Clone)]
pub struct Options {
    /// Networks that may be called although they are not public.
    pub allowed: Vec<IpNet>,
    /// Trust and proxies.
    pub net: net::Options,
    /// Longest time that a call may take.
    pub call_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            net: net::Options::default(),
            call_limit: Duration::from_secs(20),
        }
    }
}

/// What calls providers.
#[derive(Debug)]
pub struct Provider {
    #[expect(dead_code, reason = "skeleton")]
    options: Options,
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
#[derive(Debug, Clone)]
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
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// The connector's light call: whether the credentials work (OA-17, OA-18). `Ok(false)` where
    /// the connector has no such call.
    pub async fn verify(
        &self,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<bool, ProviderFailure> {
        let _ = (target, now);
        Err(not_yet())
    }

    /// OAuth: the code that came back, for tokens; with look-ups and captured values.
    pub async fn exchange(
        &self,
        target: Target<'_>,
        callback: Callback<'_>,
        now: Timestamp,
    ) -> Result<Tokens, ProviderFailure> {
        let _ = (target, callback, now);
        Err(not_yet())
    }

    /// The first step of OAuth 1.0a: a request token and its secret, kept as captured values
    /// `oauth_token` and `oauth_token_secret` until the callback.
    pub async fn request_token(
        &self,
        target: Target<'_>,
        callback_url: &str,
        now: Timestamp,
    ) -> Result<Values, ProviderFailure> {
        let _ = (target, callback_url, now);
        Err(not_yet())
    }

    /// Tokens without a browser: client credentials, login calls, signed assertions. `Ok(None)`
    /// where the method needs no token.
    pub async fn obtain(
        &self,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<Option<Tokens>, ProviderFailure> {
        let _ = (target, now);
        Err(not_yet())
    }

    /// New tokens for old ones: the refresh-token grant where the method has it, else as
    /// [`Provider::obtain`].
    pub async fn refresh(
        &self,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<Tokens, ProviderFailure> {
        let _ = (target, now);
        Err(not_yet())
    }

    /// Asks the provider to forget the tokens; empty where it has no way to be asked.
    pub async fn revoke(&self, target: Target<'_>, now: Timestamp) -> Vec<Revocation> {
        let _ = (target, now);
        Vec::new()
    }
}

fn not_yet() -> ProviderFailure {
    ProviderFailure {
        class: Class::Transient,
        status: None,
        code: None,
        message: "not yet".to_owned(),
        retry_at: None,
    }
}
