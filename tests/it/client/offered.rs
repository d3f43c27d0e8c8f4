//! The vendor's platform: where what it does not offer is done, and version pins.

use hubctl::api::auth_configs::AuthConfigDetail;
use hubctl::api::write::Written;
use hubctl::error::HubError;
use hubctl::hub::auth_configs::Edit;
use hubctl::hub::write::Guard;
use serde_json::{Value, json};

use super::operations::call_everything;
use super::vendor::config;
use super::vendors;
use crate::support::asked::given;
use crate::support::http::{Asked, FakeHub, Reply};
use crate::support::hub::{DRY_RUN, block_on};

/// What the platform does not offer, and words of the place where it is done instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("accounts.check", "hubctl accounts get"),
    ("accounts.create", "Accounts page, the + Link Account button"),
    ("accounts.explain", "hubctl accounts get"),
    ("accounts.refresh", "Accounts page"),
    ("accounts.resume", "Accounts page"),
    ("accounts.suspend", "Accounts page"),
    ("accounts.test", "Accounts page"),
    ("auth_configs.create", "Connectors page, the + button"),
    ("auth_configs.delete", "Connectors page, in the menu"),
    ("auth_configs.disable", "Connectors page, in the menu"),
    ("auth_configs.enable", "Connectors page, in the menu"),
    ("auth_configs.make_default", "Connectors page, in the menu"),
    ("auth_configs.update", "Connectors page, Edit in the menu"),
    ("capabilities.get", "hubctl doctor"),
    ("connect_sessions.create_batch", "hubctl link create"),
    ("connect_sessions.list", "hubctl session get"),
    ("connect_sessions.revoke", "--expires-in"),
    ("connectors.forget", "StackOne's own command line"),
    ("connectors.import", "StackOne's own command line"),
    ("deliveries.get", "Webhooks page, delivery health"),
    ("deliveries.list", "Webhooks page, delivery health"),
    ("deliveries.redeliver", "Webhooks page, delivery health"),
    ("deliveries.redeliver_failed", "Webhooks page, delivery health"),
    ("events.follow", "https://app.stackone.com/webhooks"),
    ("events.list", "https://app.stackone.com/webhooks"),
    ("keys.create", "project settings, API keys"),
    ("keys.delete", "project settings, API keys"),
    ("keys.disable", "project settings, API keys"),
    ("keys.enable", "project settings, API keys"),
    ("keys.get", "project settings, API keys"),
    ("keys.list", "project settings, API keys"),
    ("oauth_apps.delete", "client id and secret of an auth config"),
    ("oauth_apps.list", "client id and secret of an auth config"),
    ("oauth_apps.set", "client id and secret of an auth config"),
    ("projects.create", "the project menu"),
    ("projects.delete", "the project menu"),
    ("projects.get", "project settings"),
    ("projects.impact", "the project menu"),
    ("projects.list", "the project menu"),
    ("projects.update", "project settings"),
    ("webhooks.create", "Webhooks page, the Add Webhook button"),
    ("webhooks.delete", "Webhooks page, at the webhook"),
    ("webhooks.disable", "Webhooks page, at the webhook"),
    ("webhooks.enable", "Webhooks page, at the webhook"),
    ("webhooks.get", "Webhooks page, at the webhook"),
    ("webhooks.list", "Webhooks page, at the webhook"),
    ("webhooks.rotate_secret", "Webhooks page, at the webhook"),
    ("webhooks.test", "Webhooks page, at the webhook"),
    ("webhooks.update", "Webhooks page, at the webhook"),
];

#[test]
fn what_the_platform_does_not_offer_is_never_sent_and_says_where_it_is_done() {
    let hub = FakeHub::script(vec![Reply::refusal(409, None, "no")]);
    let told = block_on(call_everything(&vendors(&hub)));
    let refused = told.iter().filter(|error| hubctl::cli::exit::exit_code(error) == 14);
    let mut refused: Vec<&HubError> = refused.collect();
    refused.sort_by_key(|error| error.message());
    // To count what a write would touch is refused as the write is.
    refused.dedup_by(|a, b| a.message() == b.message());
    assert_eq!(refused.len(), ELSEWHERE.len(), "{refused:#?}");
    for (error, (id, place)) in refused.into_iter().zip(ELSEWHERE) {
        let text = format!("StackOne's API does not offer {id}; nothing was sent");
        assert_eq!(error.message(), text);
        let hint = error.hint_text().unwrap_or_default();
        assert!(hint.contains(place), "{id}: `{hint}`");
    }
    assert!(
        hub.asked().iter().all(|asked| !asked.path.starts_with("/admin")),
        "{:?}",
        hub.routes()
    );
}

#[test]
fn ac_45_a_pin_is_set_and_removed_by_the_platforms_own_routes() {
    let pin = std::sync::Mutex::new(Value::Null);
    let hub = FakeHub::start(move |asked, _| {
        let mut pin = pin.lock().unwrap();
        match asked.route().as_str() {
            "GET /connector_profiles" => {
                let mut row = config("c1", "hubspot", true);
                row["connector_version"] = json!("1.2.3");
                row["connector_pinned_version"] = pin.clone();
                Reply::json(200, &json!({"data": [row], "total": 1}))
            }
            "PUT /connector_profiles/c1/pinned_version" => {
                *pin = asked.json()["pinned_version"].clone();
                let at = "2026-06-01T12:00:00Z";
                let set = json!({
                    "connector_profile_id": "c1", "pinned_version": *pin, "owner": "stackone",
                    "created_at": at, "updated_at": at,
                });
                Reply::json(200, &set)
            }
            "DELETE /connector_profiles/c1/pinned_version" => {
                *pin = Value::Null;
                Reply::text(204, "application/json", "")
            }
            other => panic!("{other}"),
        }
    });
    let client = vendors(&hub);
    let to = |pin: Option<&str>| Edit {
        pin: Some(pin.map(|pin| pin.parse().unwrap())),
        ..Edit::default()
    };
    let edit = |edit, guard| block_on(client.edit_auth_config("hubspot", edit, guard));
    let pinned = |written: &Written<AuthConfigDetail>| {
        written.after.as_ref().unwrap().connector_pinned_version.clone()
    };
    let sent = || hub.asked().into_iter().filter(|asked| asked.method != "GET").collect::<Vec<_>>();

    let tried = edit(to(Some("1.2.x")), DRY_RUN).unwrap();
    assert!(tried.changed && tried.dry_run && sent().is_empty());
    assert_eq!(pinned(&tried).as_deref(), Some("1.2.x"));
    let set = edit(to(Some("1.2.x")), Guard::default()).unwrap();
    assert_eq!((set.resource.as_str(), set.changed), ("auth_config/c1", true));
    assert_eq!(set.before.as_ref().unwrap().connector_pinned_version, None);
    assert_eq!(pinned(&set).as_deref(), Some("1.2.x"));
    let version = set.after.unwrap().connector_version;
    assert_eq!(version, None, "which one it leads to was not told");
    assert_eq!(sent()[0].route(), "PUT /connector_profiles/c1/pinned_version");
    assert_eq!(sent()[0].json()["pinned_version"], "1.2.x");
    assert!(!edit(to(Some("1.2.x")), Guard::default()).unwrap().changed);
    let gone = edit(to(None), Guard::default()).unwrap();
    assert_eq!((gone.changed, pinned(&gone)), (true, None));
    assert!(!edit(to(None), Guard::default()).unwrap().changed);
    let routes: Vec<String> = sent().iter().map(Asked::route).collect();
    assert_eq!(routes[1..], ["DELETE /connector_profiles/c1/pinned_version"]);

    // Beside a name or a value nothing is sent, not even the pin.
    let before = hub.asked().len();
    for more in [
        Edit { name: Some("n".to_owned()), ..to(Some("latest")) },
        Edit { values: given(&[("scopes", "x")]), ..to(None) },
    ] {
        let error = edit(more, Guard::default()).unwrap_err();
        assert_eq!(hubctl::cli::exit::exit_code(&error), 14, "{error:?}");
        assert!(error.hint_text().unwrap().contains("--pin"), "{error:?}");
    }
    assert_eq!(hub.asked().len(), before);
}
