//! Values learnt while linking: by calls with the new token.

use serde_json::Value;

use super::request::Request;
use super::sign::{Gaps, identity};
use super::verify::http_method;
use super::{Provider, Target, failures, watch};
use crate::domain::connector::request::{CaptureFrom, Captured, HttpMethod};
use crate::domain::credentials::{ACCESS_TOKEN, Tokens};
use crate::domain::oauth::answer::as_text;
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::provider_reason::at;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

impl Provider {
    /// Makes the look-ups of a method. Later ones only where the token is part of the address: that
    /// makes a session of the token, which ends with it; what else was learnt stays, since the
    /// account could otherwise become another one.
    pub(super) async fn look_up(
        &self,
        target: Target<'_>,
        tokens: &mut Tokens,
        first: bool,
        now: Timestamp,
    ) -> Result<(), ProviderFailure> {
        let session = |item: &&Captured| {
            item.url.as_ref().is_some_and(|url| url.names().any(|name| name == ACCESS_TOKEN))
        };
        let wanted: Vec<&Captured> = target
            .method
            .captured
            .iter()
            .filter(|item| item.from == CaptureFrom::Lookup)
            .filter(|item| first || session(item))
            .collect();
        let mut asked: Vec<(&Captured, Value)> = Vec::new();
        for item in wanted {
            let same = |other: &&(&Captured, Value)| {
                (other.0.method, &other.0.url, &other.0.headers)
                    == (item.method, &item.url, &item.headers)
            };
            let known = asked.iter().find(same).map(|(_, answer)| answer.clone());
            let answer = match known {
                Some(answer) => answer,
                None => {
                    let mut values = target.values.clone();
                    values.add_tokens(tokens);
                    watch::learn(target.method.secrets_of(&values));
                    let target = Target { values: &values, ..target };
                    let answer = self.ask(target, item, now).await;
                    let answer = answer.map_err(|failure| failures::told(failure, target))?;
                    asked.push((item, answer.clone()));
                    answer
                }
            };
            let path = item.path.as_deref().unwrap_or_default();
            let value = at(&answer, path).and_then(as_text).ok_or_else(|| {
                let text = format!(
                    "the provider knows no `{}` for this login: it may have access to nothing yet",
                    item.key
                );
                ProviderFailure::new(Class::Refused, text)
            })?;
            tokens.captured.insert(item.key.clone(), Secret::new(value));
        }
        Ok(())
    }

    async fn ask(
        &self,
        target: Target<'_>,
        item: &Captured,
        now: Timestamp,
    ) -> Result<Value, ProviderFailure> {
        let method = target.method;
        let filling = self.plain_filling(target);
        let address = item.url.as_ref().map(|url| filling.address(url)).transpose();
        let url = address.map_err(|bad| failures::address(method, bad))?;
        let url = url.ok_or_else(|| {
            ProviderFailure::new(Class::Configuration, "a look-up has no address")
        })?;
        let mut request = Request::new(http_method(item.method.unwrap_or(HttpMethod::Get)), url);
        self.sign_with(&filling, target, &mut request, Gaps::LeaveOut, now)?;
        let headers = filling.members(&item.headers);
        for (name, value) in headers.map_err(|gap| failures::missing(method, &gap))? {
            request.set(&name, &value)?;
        }
        let identity = identity(&filling)?;
        let answer = self.call(request, identity.as_ref()).await?;
        if !(200..300).contains(&answer.status) {
            let failure = failures::answer(answer.status, &answer.body, false);
            return Err(failures::judged(failure, &answer.headers, now));
        }
        serde_json::from_slice(&answer.body).map_err(|_| {
            let text = format!("what should tell `{}` is not JSON", item.key);
            let failure = ProviderFailure::new(Class::BadAnswer, text).with_status(answer.status);
            failures::judged(failure, &answer.headers, now)
        })
    }
}
