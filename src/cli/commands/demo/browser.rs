//! What the customer's browser does, by the same requests: it begins a login at the hub, allows it
//! at the provider, and brings the code back.

use url::Url;

use crate::cli::context::Context;
use crate::error::HubError;
use crate::net::{self, HttpClient};

use super::stage::failed;

/// Pages that a login may lead through.
const MOST_PAGES: usize = 10;

/// The browser: a client that follows nothing by itself, and the cookies of the hub.
struct Browser {
    client: HttpClient,
    hub: Url,
    cookies: Vec<String>,
}

/// A page.
struct Page {
    /// Its own address.
    at: Url,
    status: u16,
    /// Where it sends the browser.
    onward: Option<Url>,
    text: String,
}

/// Links an account with a link.
pub(super) async fn link(context: &Context, link: &str) -> Result<(), HubError> {
    let tell = |text: String| context.output.text(&format!("  {text}"));
    let link: Url = link.parse().map_err(|_| failed("the link is no address"))?;
    let token = link.path_segments().and_then(Iterator::last).unwrap_or_default().to_owned();
    let hub = link.join("/").map_err(|_| failed("the link has no host"))?;
    let client = net::client(&net::Options::default())?;
    let mut browser = Browser { client, hub, cookies: Vec::new() };

    let page = browser.get(&link).await?;
    tell(format!("the link: {} {}", page.status, title(&page.text)))?;
    let offered = browser.api(&token, "hub/connectors", None).await?;
    let config = member(&offered, "/integrations/0/integration_id")?;
    let body = serde_json::json!({ "token": token });
    let attempt = browser.api(&token, "hub/connection_attempts", Some(&body)).await?;
    let attempt = member(&attempt, "/id")?;

    let mut start = browser.at(&format!("connect/oauth2/{config}"))?;
    start
        .query_pairs_mut()
        .append_pair("token", &token)
        .append_pair("connection_attempt_id", &attempt);
    let mut page = browser.get(&start).await?;
    for _ in 0..MOST_PAGES {
        if let Some(onward) = page.onward.take() {
            page = browser.get(&onward).await?;
            continue;
        }
        if let Some(login) = hidden(&page.text, "login") {
            tell(format!("the provider asks: {}", title(&page.text)))?;
            tell("the customer presses Allow".to_owned())?;
            page = browser.allow(&page, &login).await?;
            continue;
        }
        break;
    }
    tell(format!("the hub: {} {}", page.status, title(&page.text)))?;
    let state = browser.api(&token, &format!("hub/connection_attempts/{attempt}"), None).await?;
    match state.get("status").and_then(serde_json::Value::as_str) {
        Some("authenticated") => Ok(()),
        other => Err(failed(format!("the login is {}", other.unwrap_or("in no state")))),
    }
}

impl Browser {
    fn at(&self, path: &str) -> Result<Url, HubError> {
        self.hub.join(path).map_err(|_| failed("the hub has no such address"))
    }

    /// Opens a page.
    async fn get(&mut self, url: &Url) -> Result<Page, HubError> {
        let mut request = self.client.get(url.clone());
        if url.origin() == self.hub.origin() && !self.cookies.is_empty() {
            request = request.header("cookie", self.cookies.join("; "));
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| failed("a page does not open").source(error))?;
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
        let onward = header("location").and_then(|to| url.join(to).ok());
        if url.origin() == self.hub.origin() {
            let set = response.headers().get_all("set-cookie").iter();
            let set = set.filter_map(|value| value.to_str().ok()?.split(';').next());
            let set: Vec<String> = set.map(str::to_owned).collect();
            self.cookies.extend(set);
        }
        let status = response.status().as_u16();
        let text = response.text().await;
        let text = text.map_err(|error| failed("a page breaks off").source(error))?;
        Ok(Page { at: url.clone(), status, onward, text })
    }

    /// Presses the button of the provider's page.
    async fn allow(&self, page: &Page, login: &str) -> Result<Page, HubError> {
        let to = between(&page.text, "<form method=\"post\" action=\"", "\"");
        let to = to.and_then(|to| page.at.join(to).ok());
        let to = to.ok_or_else(|| failed("the provider's page has no form"))?;
        let form = [("login", login), ("decision", "allow")];
        let sent = self.client.post(to.clone()).form(&form).send().await;
        let response = sent.map_err(|error| failed("the form is not taken").source(error))?;
        let onward = response.headers().get("location").and_then(|to| to.to_str().ok());
        let onward = onward.and_then(|to| to.parse().ok());
        let status = response.status().as_u16();
        let text = response.text().await.unwrap_or_default();
        Ok(Page { at: to, status, onward, text })
    }

    /// Asks the hub as its page does.
    async fn api(
        &self,
        token: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<serde_json::Value, HubError> {
        let url = self.at(path)?;
        let request = match body {
            Some(body) => self.client.post(url).json(body),
            None => self.client.get(url),
        };
        let sent = request.header("x-hub-session-token", token).send().await;
        let response = sent.map_err(|error| failed("the hub does not answer").source(error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(failed(format!("the hub answers /{path} with {}", status.as_u16())));
        }
        let answer = response.json().await;
        answer.map_err(|error| failed(format!("the hub's answer to /{path}")).source(error))
    }
}

fn member(answer: &serde_json::Value, at: &str) -> Result<String, HubError> {
    let found = answer.pointer(at).and_then(serde_json::Value::as_str);
    found.map(str::to_owned).ok_or_else(|| failed(format!("the hub's answer lacks {at}")))
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn title(page: &str) -> &str {
    between(page, "<title>", "</title>").unwrap_or_default()
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> Option<String> {
    between(page, &format!("name=\"{name}\" value=\""), "\"").map(str::to_owned)
}
