//! Signing a request as its connector says, and whether an address is the connector's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;
use zeroize::Zeroizing;

use super::body::{form_members, merge_body};
use super::request::Request;
use super::{Provider, Target, failures, jwt};
use crate::domain::connector::address::{query_pairs, same_origin, set_query};
use crate::domain::connector::filling::Filling;
use crate::domain::connector::request::CaptureFrom;
use crate::domain::connector::signing::{Scheme, Signature, aws4, hmacs, oauth1};
use crate::domain::connector::{AuthMethod, Template};
use crate::domain::oauth::token_call::basic;
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::net::Identity;

/// Whether what can't be filled in yet is left out: look-ups come before all values are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    Fail,
    LeaveOut,
}

impl Provider {
    /// Adds to a request what the connector says: headers, credentials, signatures (threats 17, 18:
    /// only ask this for an address that [`Provider::belongs`]).
    ///
    /// # Errors
    /// When a value is missing or can't be sent.
    pub fn sign(
        &self,
        target: Target<'_>,
        request: &mut Request,
        now: Timestamp,
    ) -> Result<(), ProviderFailure> {
        let filling = self.filling(target, now)?;
        self.sign_with(&filling, target, request, Gaps::Fail, now)
    }

    /// The root of the API.
    ///
    /// # Errors
    /// When a value is missing or can't be part of an address.
    pub fn root(&self, target: Target<'_>) -> Result<Url, ProviderFailure> {
        let filling = self.plain_filling(target);
        let template = target.connector.base_url_for(target.method);
        filling.address(template).map_err(|bad| failures::address(target.method, bad))
    }

    /// Whether an address is the connector's with these values: scheme, host and port are those of
    /// the root of its API, or of a whole address that the definition sends the same credentials to.
    #[must_use]
    pub fn belongs(&self, target: Target<'_>, url: &Url) -> bool {
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        let filling = self.plain_filling(target);
        let method = target.method;
        let light = target.connector.verify_for(method).iter().map(|call| &call.path);
        let light = light.filter(|path| !path.as_str().starts_with('/'));
        let looked_up = method
            .captured
            .iter()
            .filter(|item| item.from == CaptureFrom::Lookup)
            .filter_map(|item| item.url.as_ref());
        let all =
            std::iter::once(target.connector.base_url_for(method)).chain(light).chain(looked_up);
        all.filter_map(|template| filling.address(template).ok()).any(|own| same_origin(&own, url))
    }

    /// Fills templates that need nothing of the hub's own making.
    pub(super) fn plain_filling<'a>(&self, target: Target<'a>) -> Filling<'a> {
        Filling::new(target.method, target.values, self.clients.guard.allows_any())
    }

    /// Fills templates; a token that calls are signed with is made where one is.
    pub(super) fn filling<'a>(
        &self,
        target: Target<'a>,
        now: Timestamp,
    ) -> Result<Filling<'a>, ProviderFailure> {
        let mut filling = self.plain_filling(target);
        if let Some(made) = &target.method.jwt
            && uses_jwt(target)
        {
            let token = jwt::make(&filling, made, now)?;
            filling.make("jwt", token);
        }
        Ok(filling)
    }

    pub(super) fn sign_with(
        &self,
        filling: &Filling<'_>,
        target: Target<'_>,
        request: &mut Request,
        gaps: Gaps,
        now: Timestamp,
    ) -> Result<(), ProviderFailure> {
        let method = target.method;
        let text = |template: &Template| match (filling.text(template), gaps) {
            (Err(_), Gaps::LeaveOut) => Ok(String::new()),
            (other, _) => other.map_err(|missing| failures::missing(method, &missing)),
        };
        for (name, template) in &target.connector.headers {
            let value = text(template)?;
            if !value.is_empty() {
                request.set_default(name, &value)?;
            }
        }
        let authorization = &method.authorization;
        for (name, template) in &authorization.header {
            let value = text(template)?;
            if !value.is_empty() {
                request.set(name, &value)?;
            }
        }
        let mut query = Vec::new();
        for (name, template) in &authorization.query {
            let value = text(template)?;
            if !value.is_empty() {
                query.push((name.clone(), value));
            }
        }
        set_query(&mut request.url, &query);
        match &authorization.scheme {
            Scheme::None | Scheme::Header | Scheme::Query => {}
            Scheme::Basic { username, password } => {
                let value = basic(&text(username)?, &text(password)?);
                request.set("authorization", value.expose())?;
            }
            Scheme::Bearer { token, bare } => {
                let token = text(token)?;
                if !token.is_empty() {
                    let word = if *bare { "" } else { "Bearer " };
                    request.set("authorization", &format!("{word}{token}"))?;
                }
            }
            Scheme::Body(members) => {
                let own = filling.object(members).map_err(|gap| failures::missing(method, &gap))?;
                merge_body(request, target, own)?;
            }
            Scheme::OAuth1(keys) => {
                let realm = keys.realm.as_ref().map(&text).transpose()?;
                let (token, secret) = (text(&keys.token)?, text(&keys.token_secret)?);
                let (consumer, consumer_secret) =
                    (text(&keys.consumer_key)?, text(&keys.consumer_secret)?);
                let keys = oauth1::Keys {
                    consumer_key: &consumer,
                    consumer_secret: &consumer_secret,
                    token: Some((&token, &secret)),
                    method: keys.signature_method,
                    realm: realm.as_deref(),
                };
                self.sign_oauth1(&keys, request, &[], now)?;
            }
            Scheme::Signature => {
                if let Some(signature) = &method.signature {
                    sign_by(signature, filling, request, now)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn sign_oauth1(
        &self,
        keys: &oauth1::Keys<'_>,
        request: &mut Request,
        extra: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<(), ProviderFailure> {
        let nonce = self.word()?;
        let call = oauth1::Call {
            verb: request.method.as_str(),
            url: &request.url,
            form: &form_members(request),
            extra,
            nonce: &nonce,
            now,
        };
        let header = oauth1::header(keys, &call);
        request.set("authorization", header.expose())
    }

    /// A word that is never used twice.
    pub(super) fn word(&self) -> Result<String, ProviderFailure> {
        let mut bytes = [0; 18];
        (self.draw)(&mut bytes)
            .map_err(|error| ProviderFailure::new(Class::Transient, error.to_string()))?;
        // Letters and digits only, since some vendors' parsers know no others.
        Ok(URL_SAFE_NO_PAD.encode(bytes).replace(['-', '_'], "0"))
    }
}

/// The client certificate of the method.
pub(super) fn identity(filling: &Filling<'_>) -> Result<Option<Identity>, ProviderFailure> {
    let Some(mtls) = &filling.method().mtls else { return Ok(None) };
    let text = |template: &Template| {
        let text = filling.text(template);
        let text = text.map_err(|missing| failures::missing(filling.method(), &missing))?;
        Ok(jwt::tidy_pem(&Secret::new(text)))
    };
    Ok(Some(Identity {
        certificate: text(&mtls.certificate)?.expose().to_owned(),
        private_key: Zeroizing::new(text(&mtls.private_key)?.expose().to_owned()),
    }))
}

/// Whether the made token is part of calls, and not of the token call alone.
fn uses_jwt(target: Target<'_>) -> bool {
    let written = serde_json::to_string(&target.method.authorization).unwrap_or_default();
    let of_connector = target.connector.headers.values().any(|t| t.names().any(|n| n == "jwt"));
    written.contains("${jwt}") || of_connector
}

fn sign_by(
    signature: &Signature,
    filling: &Filling<'_>,
    request: &mut Request,
    now: Timestamp,
) -> Result<(), ProviderFailure> {
    let text = |template: &Template| {
        filling.text(template).map_err(|missing| failures::missing(filling.method(), &missing))
    };
    let verb = request.method.as_str().to_owned();
    match signature {
        Signature::DuoHmacSha1 {
            string_to_sign, joiner, date_header, username, secret, ..
        } => {
            let date = hmacs::rfc2822(now);
            let posted = form_members(request);
            let members = if posted.is_empty() {
                query_pairs(request.url.query().unwrap_or_default())
            } else {
                posted
            };
            let secret = text(secret)?;
            let mac =
                hmacs::duo(string_to_sign, joiner, &date, &verb, &request.url, &members, &secret);
            request.set(date_header, &date)?;
            request.set("authorization", basic(&text(username)?, &mac).expose())
        }
        Signature::Aws4 { service, region, access_key_id, secret_access_key, session_token } => {
            let region = region.as_ref().map(&text).transpose()?.filter(|text| !text.is_empty());
            let token = session_token.as_ref().map(&text).transpose()?;
            let (id, key) = (text(access_key_id)?, text(secret_access_key)?);
            let keys = aws4::Keys {
                access_key_id: &id,
                secret_access_key: &key,
                session_token: token.as_deref().filter(|token| !token.is_empty()),
                region: region.as_deref().unwrap_or("us-east-1"),
                service,
            };
            let body = request.body.clone().unwrap_or_default();
            for (name, value) in aws4::headers(&keys, &verb, &request.url, &body, now) {
                request.set(name, value.expose())?;
            }
            Ok(())
        }
        Signature::Hmac {
            algorithm,
            header_name,
            prefix,
            date_format,
            include_host,
            include_body_hash,
            output_format,
            username,
            secret,
        } => {
            let date = match date_format.as_deref() {
                Some("rfc2822") => hmacs::rfc2822(now),
                _ => hmacs::iso8601(now),
            };
            let body = request.body.clone().unwrap_or_default();
            let call = hmacs::Call {
                verb: &verb,
                url: &request.url,
                date: &date,
                body: include_body_hash.then_some(&*body),
                with_host: *include_host,
            };
            let mac = hmacs::common(algorithm, &text(secret)?, &call);
            request.set("date", &date)?;
            if output_format.as_deref() == Some("basic") {
                let user = username.as_ref().map(&text).transpose()?.unwrap_or_default();
                return request.set("authorization", basic(&user, &mac).expose());
            }
            let prefix = prefix.clone().unwrap_or_else(|| format!("hmac-{algorithm}"));
            request.set(header_name, format!("{prefix} {mac}").trim())
        }
    }
}

/// Whether signing needs the whole body before it is sent.
pub(super) fn needs_body(method: &AuthMethod) -> bool {
    match &method.authorization.scheme {
        Scheme::Body(_) | Scheme::OAuth1(_) => true,
        Scheme::Signature => match &method.signature {
            Some(Signature::Hmac { include_body_hash, .. }) => *include_body_hash,
            _ => true,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests;
