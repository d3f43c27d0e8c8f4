//! The vendor's own platform: which operations it offers, and how they map to its API.
//!
//! What it does not offer is refused before anything is sent, with the place where it is done.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::Operation;
use crate::api::requests::Query;
use crate::error::{HubError, codes};

use super::page::{MOST_PAGES, Page};
use super::{Client, problem};

pub(super) mod accounts;
pub(super) mod auth_configs;
pub(super) mod connect_sessions;
pub(super) mod connectors;
pub(super) mod proxy;
pub(super) mod request_logs;
mod wire;

/// Where people administer the vendor's platform.
const DASHBOARD: &str = "https://app.stackone.com";
/// Rows asked for at once.
const PAGE_SIZE: u64 = 100;
/// A page with fewer rows is the last one, whatever page size the platform grants: it grants this
/// one without being asked.
const SMALLEST_PAGE: usize = 25;

/// Operations that the platform offers, or that need no hub at all.
const OFFERED: &[&str] = &[
    "accounts.list",
    "accounts.get",
    "accounts.update",
    "accounts.delete",
    "accounts.proxy",
    "auth_configs.list",
    "auth_configs.target",
    "auth_configs.get",
    // Its version pin alone.
    "auth_configs.update",
    "connect_sessions.create",
    "connect_sessions.get",
    "connectors.list",
    "connectors.get",
    "connectors.guide",
    "logs.list",
    "platform.requests.get",
];

/// Whether the platform is reached at this host.
pub(super) fn is_vendors(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "stackone.com" || host.ends_with(".stackone.com")
}

/// See [`Client::offers`].
pub(super) fn offers(operations: &[&str]) -> Result<(), HubError> {
    let is_write = |id: &str| Operation::find(id).is_none_or(|operation| operation.method != "GET");
    let writes = operations.iter().filter(|id| is_write(id));
    // A command that reads before it writes can't do anything where it can't write.
    let decisive: Vec<&&str> = match writes.clone().next() {
        Some(_) => writes.collect(),
        None => operations.iter().collect(),
    };
    let is_offered = |id: &str| OFFERED.contains(&id);
    match decisive.first() {
        Some(first) if !decisive.iter().any(|id| is_offered(id)) => Err(unsupported(first)),
        _ => Ok(()),
    }
}

/// The error for what only the dashboard can do.
fn unsupported(id: &str) -> HubError {
    let text = format!("StackOne's API does not offer {id}; nothing was sent");
    HubError::new(&codes::REMOTE_UNSUPPORTED, text).hint(place(id))
}

/// Where it is done instead.
fn place(id: &str) -> String {
    let (resource, verb) = id.split_once('.').unwrap_or((id, ""));
    match (resource, verb) {
        ("capabilities", _) => "hubctl doctor tells what can be seen of it from here".to_owned(),
        ("auth_configs", "create") => format!("{DASHBOARD}: Connectors page, the + button"),
        ("auth_configs", "update") => format!(
            "{DASHBOARD}: Connectors page, Edit in the menu of the auth config's row; --pin and \
             --unpin alone work from here"
        ),
        ("auth_configs", _) => {
            format!("{DASHBOARD}: Connectors page, in the menu of the auth config's row")
        }
        ("connectors", _) => {
            "own connectors are published there with StackOne's own command line: stackone push"
                .to_owned()
        }
        ("oauth_apps", _) => format!(
            "{DASHBOARD}: Connectors page, client id and secret of an auth config; StackOne's \
             support sets those of partners"
        ),
        ("accounts", "explain" | "check") => {
            "hubctl accounts get ID shows status and reasons".to_owned()
        }
        ("accounts", "create") => {
            format!("{DASHBOARD}: Accounts page, the + Link Account button; or hubctl link create")
        }
        ("accounts", _) => format!("{DASHBOARD}: Accounts page, in the menu of the account's row"),
        ("connect_sessions", "create_batch") => {
            "hubctl link create makes one link at a time there".to_owned()
        }
        ("connect_sessions", "revoke") => {
            "a session ends there when it expires; a short --expires-in limits it".to_owned()
        }
        ("connect_sessions", _) => {
            "hubctl session get ID shows a session of which you have the number".to_owned()
        }
        ("keys" | "api_keys", _) => format!("{DASHBOARD}: project settings, API keys"),
        ("projects", "get" | "update") => format!("{DASHBOARD}: project settings"),
        ("projects", _) => format!("{DASHBOARD}: the project menu"),
        ("webhooks", "create") => {
            format!("{DASHBOARD}/webhooks: Webhooks page, the Add Webhook button")
        }
        ("webhooks", _) => format!("{DASHBOARD}/webhooks: Webhooks page, at the webhook"),
        ("deliveries", _) => {
            format!("{DASHBOARD}/webhooks: Webhooks page, delivery health of the webhook")
        }
        ("events", _) => format!(
            "events are told to webhooks alone there: {DASHBOARD}/webhooks; hubctl logs list \
             shows the calls"
        ),
        _ => DASHBOARD.to_owned(),
    }
}

/// Whether an error says that the thing is not there.
fn is_absent(error: &HubError) -> bool {
    error.code().name == codes::REMOTE_NOT_FOUND.name
}

/// The same answer as a local store's, where a thing is not there.
fn absent_as(error: HubError, local: impl FnOnce() -> HubError) -> HubError {
    match (is_absent(&error), error.http_status()) {
        (true, Some(status)) => local().answered(status, error.request_id().map(str::to_owned)),
        _ => error,
    }
}

/// The whole of a list that comes in pages, each row once.
async fn all_pages(client: &Client, id: &str, filter: &Query) -> Result<Vec<Value>, HubError> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    let bad = |what: &str| Err(problem::bad_answer(&client.origin, what));
    for page in 1..=MOST_PAGES {
        let mut query = filter.clone();
        query.push("page", page);
        query.push("page_size", PAGE_SIZE);
        let answer: Box<RawValue> = client.json(client.call(id, &[])?.query(&query)).await?;
        let Ok(Some(Page { rows, total, .. })) = Page::read(answer.get().as_bytes()) else {
            return bad("answered with something else than a list");
        };
        let count = rows.len();
        let before = all.len();
        for row in rows {
            let row: Value = serde_json::from_str(row.get()).unwrap_or_default();
            let id = match row.get("id") {
                Some(Value::String(id)) if !id.is_empty() => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                _ => return bad("answered with a list whose rows have no id"),
            };
            if seen.insert(id) {
                all.push(row);
            }
        }
        let is_whole = total.is_some_and(|total| all.len() as u64 >= total);
        if is_whole || count < SMALLEST_PAGE || all.len() == before {
            return match total {
                Some(total) if total > all.len() as u64 => {
                    bad(&format!("said that there are {total} rows, and sent {}", all.len()))
                }
                _ => Ok(all),
            };
        }
    }
    bad("has a list without end")
}

#[cfg(test)]
mod tests {
    use super::{DASHBOARD, OFFERED, is_vendors, offers};
    use crate::api::{OPERATIONS, Origin};

    #[test]
    fn the_vendor_is_known_by_its_host() {
        for host in
            ["api.stackone.com", "api.eu1.stackone.com", "API.StackOne.com", "api.stackone.com."]
        {
            assert!(is_vendors(host), "{host}");
        }
        for host in ["stackone.com.evil.example", "api.stackone.co", "notstackone.com", "127.0.0.1"]
        {
            assert!(!is_vendors(host), "{host}");
        }
    }

    #[test]
    fn what_is_not_offered_names_the_place_where_it_is_done() {
        for operation in OPERATIONS.iter().filter(|row| row.origin == Origin::Extension) {
            match offers(&[operation.id]) {
                Ok(()) => assert!(OFFERED.contains(&operation.id), "{}", operation.id),
                Err(error) => {
                    assert_eq!(error.code().name, "remote.unsupported");
                    assert!(error.message().contains(operation.id), "{error}");
                    let hint = error.hint_text().unwrap_or_default();
                    assert!(!["", DASHBOARD].contains(&hint), "{error}: `{hint}`");
                }
            }
        }
        for id in OFFERED {
            assert!(OPERATIONS.iter().any(|operation| operation.id == *id), "{id}");
        }
    }

    #[test]
    fn a_command_is_refused_before_its_first_read_if_it_can_not_write() {
        for refused in [
            &["auth_configs.target", "auth_configs.disable", "auth_configs.impact"][..],
            &["projects.impact", "projects.delete"],
            &["accounts.explain"],
            &["webhooks.create"],
        ] {
            assert!(offers(refused).is_err(), "{refused:?}");
        }
        for fine in [
            &["connect_sessions.create", "connect_sessions.create_batch"][..],
            &["auth_configs.get", "connectors.get"],
            &["accounts.delete"],
            &[],
        ] {
            assert!(offers(fine).is_ok(), "{fine:?}");
        }
    }
}
