//! Getting, renewing and revoking tokens.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use url::Url;

use super::body::set_body;
use super::request::{Answer, Request};
use super::sign::identity;
use super::verify::http_method;
use super::{Callback, Provider, Revocation, Target, Unrenewed, failures, jwt, saml};
use crate::domain::connector::filling::{Filling, Missing};
use crate::domain::connector::request::{CaptureFrom, TokenCall, TokenRequest};
use crate::domain::connector::{AuthKind, AuthMethod, Template};
use crate::domain::credentials::{ACCESS_TOKEN, REFRESH_TOKEN, Tokens, UNGRANTED};
use crate::domain::oauth::granted::ungranted;
use crate::domain::oauth::token_call::{self, Grant, basic};
use crate::domain::oauth::{answer, login, refusal};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::provider_reason;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// How long a provider may take to forget one token. An account has two, and whoever deletes it
/// waits for both.
const REVOKE_LIMIT: Duration = Duration::from_secs(5);

impl Provider {
    pub(super) async fn exchange_code(
        &self,
        target: Target<'_>,
        callback: Callback<'_>,
        now: Timestamp,
    ) -> Result<Tokens, ProviderFailure> {
        let method = target.method;
        let mut tokens = match &method.token_request {
            Some(TokenRequest::OAuth1(flow)) => {
                self.oauth1_access(target, flow, callback, now).await?
            }
            Some(TokenRequest::Call(call)) if method.token_url.is_none() => {
                self.login_call(target, call, now).await?
            }
            _ => {
                let grant = Grant::Code {
                    code: callback.code,
                    redirect_uri: callback.redirect_uri,
                    verifier: callback.verifier,
                };
                self.grant(target, method.token_url.as_ref(), &grant, now).await?
            }
        };
        for item in method.captured.iter().filter(|item| item.from == CaptureFrom::CallbackQuery) {
            let found = callback.query.iter().find(|(name, _)| Some(name) == item.path.as_ref());
            if let Some((_, value)) = found.filter(|(_, value)| !value.is_empty()) {
                tokens.captured.insert(item.key.clone(), Secret::new(value.as_str()));
            }
        }
        self.look_up(target, &mut tokens, true, now).await?;
        Ok(tokens)
    }

    pub(super) async fn obtain_tokens(
        &self,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<Option<Tokens>, ProviderFailure> {
        let method = target.method;
        let mut tokens = match &method.token_request {
            Some(TokenRequest::Call(call)) => self.login_call(target, call, now).await?,
            None if method.kind == AuthKind::OAuth2ClientCredentials => {
                let url = method.token_url.as_ref();
                self.grant(target, url, &Grant::ClientCredentials, now).await?
            }
            Some(TokenRequest::OAuth1(_)) | None => return Ok(None),
        };
        self.look_up(target, &mut tokens, true, now).await?;
        Ok(Some(tokens))
    }

    pub(super) async fn refresh_tokens(
        &self,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<Tokens, Unrenewed> {
        let method = target.method;
        let again = || ProviderFailure::new(Class::Refused, "a new login is needed");
        let standard = !matches!(method.token_request, Some(TokenRequest::Call(_)));
        let old = target.values.get(REFRESH_TOKEN).filter(|_| method.refresh && standard);
        let Some(token) = old else {
            // A grant without a user is simply made again.
            let alone = matches!(method.token_request, Some(TokenRequest::Call(_)))
                || method.kind == AuthKind::OAuth2ClientCredentials;
            return if alone {
                Ok(self.obtain_tokens(target, now).await?.ok_or_else(again)?)
            } else {
                Err(again().into())
            };
        };
        let url = method.refresh_url.as_ref().or(method.token_url.as_ref());
        let mut tokens = self.grant(target, url, &Grant::Refresh { token }, now).await?;
        match self.look_up(target, &mut tokens, false, now).await {
            Ok(()) => Ok(tokens),
            Err(failure) => Err(Unrenewed { failure, tokens: Some(tokens) }),
        }
    }

    /// A standard grant at a token end point.
    async fn grant(
        &self,
        target: Target<'_>,
        url: Option<&Template>,
        grant: &Grant<'_>,
        now: Timestamp,
    ) -> Result<Tokens, ProviderFailure> {
        let method = target.method;
        let mut filling = self.plain_filling(target);
        if let Some(made) = &method.jwt {
            let token = jwt::make(&filling, made, now)?;
            filling.make("jwt", token);
        }
        let missing = |gap: Missing| failures::missing(method, &gap);
        let url = url.ok_or_else(|| missing(Missing("token_url".to_owned())))?;
        let url = filling.address(url).map_err(|bad| failures::address(method, bad))?;
        let call = token_call::standard(&filling, grant).map_err(missing)?;
        let limit = self.options.call_limit;
        let answer = self.send_token_call(&filling, url, &call, limit).await?;
        let users_own = client_is_users_own(method);
        let mut tokens = answer::standard(method, answer.status, &answer.body, users_own, now)
            .map_err(|failure| failures::judged(failure, &answer.headers, now))?;
        note_ungranted(&filling, target, &mut tokens);
        Ok(tokens)
    }

    async fn send_token_call(
        &self,
        filling: &Filling<'_>,
        url: Url,
        call: &token_call::TokenCall,
        limit: Duration,
    ) -> Result<Answer, ProviderFailure> {
        let mut request = Request::new(Method::POST, url);
        let headers = filling.members(&filling.method().token_headers);
        let headers = headers.map_err(|gap| failures::missing(filling.method(), &gap))?;
        for (name, value) in headers {
            request.set(&name, &value)?;
        }
        request.set_default("accept", "application/json")?;
        request.set("content-type", call.content_type)?;
        if let Some(authorization) = &call.authorization {
            request.set("authorization", authorization.expose())?;
        }
        request.body = Some(Bytes::copy_from_slice(call.body.expose().as_bytes()));
        let identity = identity(filling)?;
        self.call_within(limit, request, identity.as_ref()).await
    }

    /// A login call: whatever the definition says, with the token somewhere in its answer.
    async fn login_call(
        &self,
        target: Target<'_>,
        call: &TokenCall,
        now: Timestamp,
    ) -> Result<Tokens, ProviderFailure> {
        let method = target.method;
        let filling = self.login_filling(target, call, now)?;
        let request = login_request(&filling, call)?;
        let identity = identity(&filling)?;
        let answer = self.call(request, identity.as_ref()).await?;
        let users_own = !method.config_fields.is_empty();
        answer::of_call(method, call, answer.status, &answer.body, users_own, now)
            .map_err(|failure| failures::judged(failure, &answer.headers, now))
    }

    fn login_filling<'a>(
        &self,
        target: Target<'a>,
        call: &TokenCall,
        now: Timestamp,
    ) -> Result<Filling<'a>, ProviderFailure> {
        let mut filling = self.plain_filling(target);
        if let Some(made) = &target.method.jwt {
            let token = jwt::make(&filling, made, now)?;
            filling.make("jwt", token);
        }
        if let Some(assertion) = &call.saml_assertion {
            let token = saml::make(&filling, assertion, &self.word()?, now)?;
            filling.make("saml_assertion", token);
        }
        Ok(filling)
    }

    /// Asks the provider to forget the tokens; empty where no way to ask is known. The refresh
    /// token comes first, since that ends the access token with it at most vendors.
    pub async fn revoke(&self, target: Target<'_>, now: Timestamp) -> Vec<Revocation> {
        let Some(template) = &target.method.revocation_url else { return Vec::new() };
        let mut outcomes = Vec::new();
        for name in [REFRESH_TOKEN, ACCESS_TOKEN] {
            let Some(token) = target.values.get(name) else { continue };
            let outcome = self.revoke_one(target, template, token, name, now).await;
            let outcome = outcome.map_err(|failure| failures::told(failure, target).message);
            outcomes.push(Revocation { token: name, outcome });
        }
        outcomes
    }

    async fn revoke_one(
        &self,
        target: Target<'_>,
        template: &Template,
        token: &str,
        hint: &str,
        now: Timestamp,
    ) -> Result<(), ProviderFailure> {
        let method = target.method;
        let filling = self.plain_filling(target);
        let url = filling.address(template).map_err(|bad| failures::address(method, bad))?;
        let call = token_call::revocation(&filling, token, hint);
        let call = call.map_err(|gap| failures::missing(method, &gap))?;
        let limit = self.options.call_limit.min(REVOKE_LIMIT);
        let answer = self.send_token_call(&filling, url, &call, limit).await?;
        let json = serde_json::from_slice(&answer.body).unwrap_or_default();
        // A token that the provider no longer knows is revoked.
        let gone = provider_reason::code(&json).as_deref() == Some("invalid_token");
        if (200..300).contains(&answer.status) || gone {
            return Ok(());
        }
        let failure = refusal::read(answer.status, &json, false)
            .unwrap_or_else(|| failures::answer(answer.status, &answer.body, false));
        Err(failures::judged(failure, &answer.headers, now))
    }
}

/// Keeps the scopes with the tokens that were asked for and not granted.
fn note_ungranted(filling: &Filling<'_>, target: Target<'_>, tokens: &mut Tokens) {
    let method = target.method;
    // A definition may ask for scopes in a way of its own. `include_granted_scopes` asks for none.
    let asks =
        |name: &String| matches!(name.as_str(), "scope" | "scopes") || name.ends_with("_scope");
    let is_own = method.authorization_params.keys().chain(method.token_extra.keys()).any(asks);
    let Some(granted) = tokens.scope.as_deref().filter(|_| !is_own) else { return };
    let Ok(asked) = login::scope(filling) else { return };
    let lacking = ungranted(&asked, granted, method.scope_separator());
    // What an earlier answer lacked is forgotten.
    if !lacking.is_empty() || target.values.get(UNGRANTED).is_some() {
        let lacking = serde_json::Value::from(lacking).to_string();
        tokens.captured.insert(UNGRANTED.to_owned(), Secret::new(lacking));
    }
}

/// Whether the OAuth client is one of the end user's own making.
fn client_is_users_own(method: &AuthMethod) -> bool {
    let field = method.client_id_field();
    field.is_some_and(|field| method.config_fields.iter().any(|own| own.key == field.key))
}

fn login_request(filling: &Filling<'_>, call: &TokenCall) -> Result<Request, ProviderFailure> {
    let method = filling.method();
    let missing = |gap: Missing| failures::missing(method, &gap);
    let url = filling.address(&call.url).map_err(|bad| failures::address(method, bad))?;
    let mut request = Request::new(http_method(call.method), url);
    for (name, value) in filling.members(&call.headers).map_err(missing)? {
        request.set(&name, &value)?;
    }
    request.set_default("accept", "application/json")?;
    if let Some(pair) = &call.basic {
        let user = filling.text(&pair.username).map_err(missing)?;
        let password = filling.text(&pair.password).map_err(missing)?;
        request.set("authorization", basic(&user, &password).expose())?;
    }
    if !call.body.is_empty() {
        set_body(filling, &mut request, &call.body, call.content_type)?;
    }
    Ok(request)
}
