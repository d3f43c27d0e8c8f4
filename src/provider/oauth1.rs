//! The two token calls of OAuth 1.0a; the login between them is the browser's.

use http::Method;
use url::Url;

use super::request::{Answer, Request};
use super::{Callback, Provider, Target, failures};
use crate::domain::connector::Template;
use crate::domain::connector::request::OAuth1Flow;
use crate::domain::connector::signing::{Scheme, oauth1};
use crate::domain::credentials::{Tokens, Values};
use crate::domain::oauth::answer;
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// The names under which the token and its secret are kept.
const TOKEN: &str = "oauth_token";
const TOKEN_SECRET: &str = "oauth_token_secret";

impl Provider {
    pub(super) async fn oauth1_request(
        &self,
        target: Target<'_>,
        flow: &OAuth1Flow,
        callback_url: &str,
        now: Timestamp,
    ) -> Result<Values, ProviderFailure> {
        let extra = [("oauth_callback", callback_url)];
        let url = &flow.request_token_url;
        let answer = self.oauth1_call(target, url, None, &extra, now).await?;
        let (token, secret) = answer::oauth1(answer.status, &answer.body)
            .map_err(|failure| failures::judged(failure, &answer.headers, now))?;
        let mut values = Values::default();
        values.insert(TOKEN, token);
        values.insert(TOKEN_SECRET, secret);
        Ok(values)
    }

    pub(super) async fn oauth1_access(
        &self,
        target: Target<'_>,
        flow: &OAuth1Flow,
        callback: Callback<'_>,
        now: Timestamp,
    ) -> Result<Tokens, ProviderFailure> {
        let (Some(token), Some(secret)) =
            (target.values.get(TOKEN), target.values.get(TOKEN_SECRET))
        else {
            return Err(ProviderFailure::new(Class::Refused, "the login was not begun here"));
        };
        let returned = callback.query.iter().find(|(name, _)| name == TOKEN);
        if returned.is_some_and(|(_, value)| value != token) {
            let text = "the provider came back with the token of another login";
            return Err(ProviderFailure::new(Class::BadAnswer, text));
        }
        let extra = [("oauth_verifier", callback.code.expose())];
        let url = &flow.access_token_url;
        let answer = self.oauth1_call(target, url, Some((token, secret)), &extra, now).await?;
        let (token, secret) = answer::oauth1(answer.status, &answer.body)
            .map_err(|failure| failures::judged(failure, &answer.headers, now))?;
        let captured =
            [(TOKEN.to_owned(), token.clone()), (TOKEN_SECRET.to_owned(), secret)].into();
        Ok(Tokens {
            access_token: token,
            refresh_token: None,
            expires_at: None,
            refresh_expires_at: None,
            scope: None,
            captured,
        })
    }

    async fn oauth1_call(
        &self,
        target: Target<'_>,
        url: &Template,
        token: Option<(&str, &str)>,
        extra: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Answer, ProviderFailure> {
        let method = target.method;
        let Scheme::OAuth1(own) = &method.authorization.scheme else {
            let text = "a method of OAuth 1.0a must sign its calls by it";
            return Err(ProviderFailure::new(Class::Configuration, text));
        };
        let filling = self.plain_filling(target);
        let text = |template: &Template| {
            let filled = filling.text(template).map(Secret::new);
            filled.map_err(|gap| failures::missing(method, &gap))
        };
        let (consumer, secret) = (text(&own.consumer_key)?, text(&own.consumer_secret)?);
        let keys = oauth1::Keys {
            consumer_key: consumer.expose(),
            consumer_secret: secret.expose(),
            token,
            method: own.signature_method,
            realm: None,
        };
        let url: Url = filling.address(url).map_err(|bad| failures::address(method, bad))?;
        let mut request = Request::new(Method::POST, url);
        request.set("content-length", "0")?;
        self.sign_oauth1(&keys, &mut request, extra, now)?;
        self.call(request, None).await
    }
}
