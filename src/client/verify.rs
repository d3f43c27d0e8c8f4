//! Whether the hub is one, and what the key may do there.

use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use crate::api::platform::Capabilities;
use crate::api::projects::{WANTED_PROJECT, check_wanted};
use crate::api::requests::Query;
use crate::domain::origin::web_address;
use crate::error::{HubError, codes};

use super::page::Page;
use super::send::Call;
use super::{Client, problem};

/// What was found behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// A hubctl hub.
    Hub(Box<Capabilities>),
    /// The vendor's platform, or a hub that speaks only its API; it says nothing of itself.
    Platform,
}

impl Client {
    /// `capabilities.get`
    ///
    /// # Errors
    /// `remote.unsupported` from what is no hubctl hub, or as the way to it reports.
    pub async fn capabilities(&self) -> Result<Capabilities, HubError> {
        self.json(self.call("capabilities.get", &[])?).await
    }

    /// Asks the hub whether it takes the key, and what for. For `auth login` and `doctor`: it
    /// tries once, and waits for nothing.
    ///
    /// # Errors
    /// As the hub refuses the key, `remote.other_project`, or as the way to it reports.
    pub async fn verify(&self) -> Result<Verified, HubError> {
        if !self.is_vendor {
            let call = self.call("capabilities.get", &[])?.impatient();
            match self.json::<Capabilities>(call).await {
                Ok(capabilities) => {
                    self.check_project(&capabilities)?;
                    return Ok(Verified::Hub(Box::new(capabilities)));
                }
                // It may be a hub of another make.
                Err(error) if error.code().name == codes::REMOTE_UNSUPPORTED.name => {}
                Err(error) => return Err(error),
            }
        }
        let mut query = Query::default();
        query.push("page", 1);
        query.push("page_size", 1);
        let call = self.call("platform.accounts.list", &[])?.query(&query).impatient();
        let answer: Box<RawValue> = self.json(call).await?;
        match Page::read(answer.get().as_bytes()) {
            Ok(Some(_)) => Ok(Verified::Platform),
            _ => Err(problem::bad_answer(&self.origin, "does not answer as a hub does")),
        }
    }

    /// Asks whether a hub answers at all, without regard to any key. Answers where end users reach
    /// it, if it says so.
    ///
    /// # Errors
    /// As the way to it reports, `server.not_ready` from a hub that can't work now, or
    /// `remote.bad_answer` from something else.
    pub async fn answers(&self) -> Result<Option<Url>, HubError> {
        let url = format!("{}/readyz", self.root).parse();
        let url = url.map_err(|_| problem::bad_answer(&self.origin, "has no such address"))?;
        let call = Call::raw(reqwest::Method::GET, url, HeaderMap::new());
        let answer = self.any_status(call.impatient()).await?;
        let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let said = |name: &str| body.get(name).and_then(Value::as_str);
        let says = |name: &str, word: &str| said(name) == Some(word);
        match answer.status {
            200 if says("status", "ready") => {
                Ok(said("public_url").and_then(|url| web_address(url).ok()))
            }
            503 if says("code", codes::NOT_READY.name) => {
                let text = format!("the hub at {} is not ready", self.origin);
                Err(HubError::new(&codes::NOT_READY, text))
            }
            status => {
                let what = format!("answered with status {status}, and not as a hub does");
                Err(problem::bad_answer(&self.origin, &what))
            }
        }
    }

    /// Asks the hub whether it knows an auth link, without regard to any key. The page behind it is
    /// not looked at.
    ///
    /// # Errors
    /// As the way to it reports.
    pub async fn knows_link(&self, link: &Url) -> Result<bool, HubError> {
        let call = Call::raw(reqwest::Method::GET, link.clone(), HeaderMap::new());
        let answer = self.any_status(call.impatient()).await?;
        // The page of a link that is over, or of another store, is gone; and whoever has asked for
        // too many of those learns no more.
        Ok(!matches!(answer.status, 404 | 410 | 429))
    }

    fn check_project(&self, capabilities: &Capabilities) -> Result<(), HubError> {
        let found = self.scrubber.clean(&capabilities.project);
        match &self.wanted_project {
            Some(wanted) if !found.is_empty() => check_wanted(wanted, &found),
            _ => Ok(()),
        }
    }

    /// The project that was named goes with every call, so that a hub refuses a key of another one
    /// before it does anything; to ask it first would cost a round trip.
    pub(super) fn name_project(&self, headers: &mut HeaderMap) {
        let wanted = self.wanted_project.as_deref().filter(|_| !self.is_vendor);
        if let Some(wanted) = wanted.and_then(|wanted| HeaderValue::from_str(wanted).ok()) {
            headers.insert(WANTED_PROJECT, wanted);
        }
    }

    /// Notes that a hub did what was asked without a look at the project that was named.
    pub(super) fn note_unchecked_project(&self, response: &Response) {
        let Some(wanted) = self.wanted_project.as_ref().filter(|_| !self.is_vendor) else { return };
        if response.status().is_success() && !response.headers().contains_key(WANTED_PROJECT) {
            let origin = &self.origin;
            self.note(format!(
                "the hub at {origin} does not say whose its key is: project `{wanted}` was not \
                 checked"
            ));
        }
    }
}
