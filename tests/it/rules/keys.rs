//! KP-1 to KP-3, KP-8 and threats 13 to 15: API keys, what they may do, and from where.

use std::net::IpAddr;
use std::ops::ControlFlow::Break;

use hubctl::domain::api_key::{NewKey, State};
use hubctl::domain::caller::{ActingKey, Caller, Permission, Permissions};
use hubctl::domain::event::EventKind;
use hubctl::domain::ids::KeyNumber;
use hubctl::domain::webhook::Rotation;
use hubctl::error::{Code, HubError, codes};
use hubctl::hub::accounts::{self, Changes};
use hubctl::hub::auth_configs::{self, Action, Edit};
use hubctl::hub::webhooks::deliveries;
use hubctl::hub::write::IfThere;
use hubctl::hub::{
    api_keys, connect_sessions, connectors, events, logs, oauth_apps, projects, proxy, webhooks,
};

use crate::support::asked::{account, config, key, session};
use crate::support::hub::{TestHub, guard, on_both_databases, refused, sqlite_world};

on_both_databases!(
    kp_1_a_key_acts_in_its_own_project_only,
    kp_2_the_text_is_shown_once_and_only_a_keyed_hash_is_kept,
    kp_2_names_are_unique_in_a_project_and_stay,
    kp_2_last_use_is_noted_at_most_once_a_minute,
    kp_2_disabling_and_enabling_say_what_changed,
    kp_3_nobody_makes_a_key_with_more_rights_than_their_own,
    kp_3_no_key_outlives_the_one_that_made_it,
    kp_3_reading_a_key_waits_for_no_writer,
    kp_8_listed_addresses_are_admitted_and_no_others,
    kp_8_nobody_is_locked_out_unawares,
    threat_13_keys_and_projects_of_others_are_missing,
    threat_14_every_function_asks_for_its_right,
    threat_14_events_of_keys_are_for_those_who_may_list_keys,
    threat_15_every_bad_key_gets_the_same_answer,
    a_key_is_named_in_what_it_did,
);

const EVERY: &str = "platform:read platform:write connectors:read connectors:write admin";

async fn from(world: &TestHub, text: &str, source: Option<&str>) -> Result<Caller, HubError> {
    let source = source.map(|source| source.parse::<IpAddr>().unwrap());
    api_keys::authenticate(&world.hub, text, source).await
}

async fn kp_1_a_key_acts_in_its_own_project_only(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    world.add(&here, config("hubspot")).await;
    world.link(&here, account("hubspot", "acme")).await;
    let made = world.key(&there, key("ci", EVERY)).await;
    let caller = world.holder(&made).await;
    assert_eq!((caller.project(), caller.project_name()), (there.project(), "other"));
    assert!(world.listed(&caller, &accounts::Filter::default()).await.is_empty());
    world.add(&caller, config("bamboohr")).await;
    assert!(auth_configs::get(&world.hub, &there, "bamboohr").await.is_ok());
    refused(auth_configs::get(&world.hub, &here, "bamboohr").await, &codes::AUTH_CONFIG_UNKNOWN);
    // The name is free in each project, and each lists its own.
    world.key(&here, key("ci", "admin")).await;
    for caller in [&here, &there] {
        assert_eq!(api_keys::list(&world.hub, caller).await.unwrap().len(), 1);
    }
}

async fn kp_2_the_text_is_shown_once_and_only_a_keyed_hash_is_kept(world: TestHub) {
    let caller = world.caller();
    assert!(!api_keys::any(&world.hub).await.unwrap());
    let made = world.key(&caller, key("ci", "admin")).await;
    assert!(api_keys::any(&world.hub).await.unwrap());
    let text = made.token.text().expose().to_owned();
    let secret = text.strip_prefix(&format!("v1.local.{}_", made.key.number.0)).unwrap();
    assert_eq!(secret.len(), 43);
    let seen = api_keys::get(&world.hub, &caller, "ci").await.unwrap();
    assert_eq!(seen.key, made.key);
    let listed = api_keys::list(&world.hub, &caller).await.unwrap();
    let acting = world.holder(&made).await;
    assert!(!format!("{:?}{made:?}{seen:?}{listed:?}{acting:?}", world.dump()).contains(secret));
    // A key's own text, given for its name, is not repeated.
    let error = refused(api_keys::get(&world.hub, &caller, &text).await, &codes::API_KEY_UNKNOWN);
    assert!(!format!("{error:?}").contains(secret));
}

async fn kp_2_names_are_unique_in_a_project_and_stay(world: TestHub) {
    let caller = world.caller();
    let made = world.key(&caller, key("ci", "admin")).await;
    let again = api_keys::create(&world.hub, &caller, key("ci", "platform:read"), guard());
    refused(world.changes_nothing(again).await, &codes::API_KEY_EXISTS);
    for target in ["ci", made.key.id.as_str()] {
        assert_eq!(api_keys::get(&world.hub, &caller, target).await.unwrap().key, made.key);
    }
    api_keys::delete(&world.hub, &caller, "ci", guard()).await.unwrap();
    let second = world.key(&caller, key("ci", "admin")).await;
    assert!(second.key.number > made.key.number, "a number is used twice");
}

async fn kp_2_last_use_is_noted_at_most_once_a_minute(world: TestHub) {
    let caller = world.caller();
    let mut numbers = Vec::new();
    for name in ["a", "b", "c"] {
        numbers.push(world.key(&caller, key(name, "admin")).await.key.number);
    }
    let used = async |name| {
        let seen = api_keys::get(&world.hub, &caller, name).await.unwrap();
        seen.key.last_used_at
    };
    let touch = async |numbers: &[KeyNumber]| api_keys::touch_used(&world.hub, numbers).await;
    api_keys::delete(&world.hub, &caller, "c", guard()).await.unwrap();
    let first = world.now();
    touch(&[numbers[2], numbers[0], numbers[0], KeyNumber(99)]).await.unwrap();
    assert_eq!((used("a").await, used("b").await), (Some(first), None));
    world.clock.advance_seconds(59);
    world.changes_nothing(touch(&[numbers[0]])).await.unwrap();
    world.clock.advance_seconds(1);
    touch(&numbers).await.unwrap();
    assert_eq!((used("a").await, used("b").await), (Some(world.now()), Some(world.now())));
    // To present a key writes nothing.
    let made = world.key(&caller, key("d", "admin")).await;
    world.changes_nothing(world.holder(&made)).await;
    world.changes_nothing(touch(&[])).await.unwrap();
}

async fn kp_2_disabling_and_enabling_say_what_changed(world: TestHub) {
    let caller = world.caller();
    let made = world.key(&caller, key("ci", "admin")).await;
    let (events, operations) = (world.events(), world.operations());
    let done = api_keys::disable(&world.hub, &caller, "ci", guard()).await.unwrap();
    assert!(done.changed && done.operation.is_some());
    assert_eq!(done.before.unwrap().key.disabled_at, None);
    let after = done.after.unwrap();
    assert_eq!(after.key.state(after.now), State::Disabled);
    let again = api_keys::disable(&world.hub, &caller, "ci", guard());
    assert!(!world.changes_nothing(again).await.unwrap().changed);
    let done = api_keys::enable(&world.hub, &caller, made.key.id.as_str(), guard()).await.unwrap();
    assert_eq!((done.changed, done.after.unwrap().key), (true, made.key.clone()));
    let again = api_keys::enable(&world.hub, &caller, "ci", guard());
    assert!(!world.changes_nothing(again).await.unwrap().changed);
    assert_eq!(world.holder(&made).await.key().unwrap().id, made.key.id);
    let done = api_keys::delete(&world.hub, &caller, "ci", guard()).await.unwrap();
    assert_eq!((done.before.unwrap().key, done.after), (made.key, None));
    assert_eq!((world.events() - events, world.operations() - operations), (3, 3));
    refused(api_keys::enable(&world.hub, &caller, "ci", guard()).await, &codes::API_KEY_UNKNOWN);
}

async fn kp_3_nobody_makes_a_key_with_more_rights_than_their_own(world: TestHub) {
    let made = world.key(&world.caller(), key("small", "platform:read admin")).await;
    let small = world.holder(&made).await;
    let usual = NewKey { scopes: None, ..key("usual", "admin") };
    let more = key("more", "platform:read connectors:write");
    let all = key("all", EVERY);
    let lacking =
        [(usual, "platform:write"), (more, "connectors:write"), (all, "connectors:write")];
    for (new, lacked) in lacking {
        let create = api_keys::create(&world.hub, &small, new, guard());
        let error = refused(world.changes_nothing(create).await, &codes::FORBIDDEN);
        assert!(error.message().contains(lacked), "{error}");
    }
    world.key(&small, key("equal", "platform:read admin")).await;
    for bad in [
        NewKey { scopes: Some(Permissions::default()), ..key("none", "admin") },
        NewKey { expires_in_s: Some(0), ..key("dead", "admin") },
        NewKey { expires_in_s: Some(i64::MAX), ..key("long", "admin") },
    ] {
        let create = api_keys::create(&world.hub, &small, bad, guard());
        refused(world.changes_nothing(create).await, &codes::API_KEY_INVALID);
    }
}

async fn kp_3_no_key_outlives_the_one_that_made_it(world: TestHub) {
    let lasts = |name: &str, seconds| NewKey { expires_in_s: seconds, ..key(name, "admin") };
    let made = world.key(&world.caller(), lasts("maker", Some(60))).await;
    let maker = world.holder(&made).await;
    world.clock.advance_seconds(10);
    for seconds in [None, Some(51)] {
        let create = api_keys::create(&world.hub, &maker, lasts("longer", seconds), guard());
        let error = refused(world.changes_nothing(create).await, &codes::FORBIDDEN);
        let end = made.key.expires_at.unwrap().to_string();
        assert!(error.message().contains(&end), "{error}");
        assert!(
            error.hint_text().is_some_and(|hint| hint.contains("--expires-in 20")),
            "{error:?}"
        );
    }
    let equal = world.key(&maker, lasts("equal", Some(50))).await;
    assert_eq!(equal.key.expires_at, made.key.expires_at);
    // Whoever has no end makes keys that have none.
    world.key(&world.caller(), lasts("ever", None)).await;
}

async fn kp_3_reading_a_key_waits_for_no_writer(world: TestHub) {
    let made = world.key(&world.caller(), key("ci", "admin")).await;
    let other = world.another();
    let writer = world.hub.store().begin_write().await.unwrap();
    api_keys::authenticate(&other, made.token.text().expose(), None).await.unwrap();
    drop(writer);
}

async fn kp_8_listed_addresses_are_admitted_and_no_others(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    let made = world.key(&there, key("ci", "admin")).await;
    let open = world.key(&here, key("ci", "admin")).await;
    let (text, open) = (made.token.text().expose(), open.token.text().expose());
    let name = "other".parse().unwrap();
    let set = |entries: &str| {
        let changes =
            projects::Changes { allowlist: Some(entries.parse().unwrap()), ..Default::default() };
        projects::update(&world.hub, &here, &name, changes, guard())
    };
    assert!(from(&world, text, Some("203.0.113.9")).await.is_ok());
    let list = "10.0.0.0/8 192.0.2.1-192.0.2.9 2001:db8::/32";
    let done = set(list).await.unwrap();
    assert_eq!(done.after.unwrap().allowlist.to_string(), list);
    assert!(!world.changes_nothing(set(list)).await.unwrap().changed);
    for inside in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.9", "2001:db8::7"] {
        assert!(from(&world, text, Some(inside)).await.is_ok(), "{inside}");
    }
    for outside in [Some("11.0.0.1"), Some("192.0.2.10"), Some("::1"), None] {
        refused(from(&world, text, outside).await, &codes::ADDRESS_REFUSED);
        // A key that is not valid learns nothing of the list.
        refused(from(&world, &format!("{text}x"), outside).await, &codes::KEY_INVALID);
        // Other projects and the local administrator are not bound by it.
        assert!(from(&world, open, outside).await.is_ok());
    }
    let local = world.hub.local_caller(&name).await.unwrap();
    assert_eq!(api_keys::list(&world.hub, &local).await.unwrap().len(), 1);
    // Left out, the list stays.
    let nothing = projects::update(&world.hub, &here, &name, projects::Changes::default(), guard());
    assert!(!world.changes_nothing(nothing).await.unwrap().changed);
    assert!(set("").await.unwrap().changed);
    assert!(from(&world, text, None).await.is_ok());
}

async fn kp_8_nobody_is_locked_out_unawares(world: TestHub) {
    world.project("other").await;
    let made = world.key(&world.caller(), key("ci", "admin projects:write")).await;
    let text = made.token.text().expose();
    let holder = from(&world, text, Some("203.0.113.9")).await.unwrap();
    let (hub, holder) = (&world.hub, &holder);
    let set = |name: &str, entries: &str, may_lock_out: bool| {
        let changes = projects::Changes {
            allowlist: Some(entries.parse().unwrap()),
            from: Some("::ffff:203.0.113.9".parse().unwrap()),
            may_lock_out,
            ..Default::default()
        };
        let name = name.parse().unwrap();
        async move { projects::update(hub, holder, &name, changes, guard()).await }
    };
    let refused_as = world.changes_nothing(set("default", "10.0.0.0/8", false)).await;
    let error = refused(refused_as, &codes::PROJECT_LOCKS_OUT);
    assert!(error.message().contains("203.0.113.9"), "{error}");
    assert!(set("default", "203.0.113.0/24", false).await.unwrap().changed);
    // A list that does not bind the key in use, and one that is wanted all the same.
    assert!(set("other", "10.0.0.0/8", false).await.unwrap().changed);
    assert!(set("default", "10.0.0.0/8", true).await.unwrap().changed);
    let error = refused(from(&world, text, Some("203.0.113.9")).await, &codes::ADDRESS_REFUSED);
    assert!(error.message().ends_with("from 203.0.113.9"), "{error}");
    // What is there already locks out nobody anew, and any other setting may be changed.
    assert!(!set("default", "10.0.0.0/8", false).await.unwrap().changed);
    assert!(set("default", "", false).await.unwrap().changed);
}

fn same<T, U>(foreign: Result<T, HubError>, missing: Result<U, HubError>, ids: (&str, &str)) {
    let (Err(foreign), Err(missing)) = (foreign, missing) else { panic!("one was answered") };
    assert_eq!(format!("{foreign:?}").replace(ids.0, ids.1), format!("{missing:?}"));
}

async fn threat_13_keys_and_projects_of_others_are_missing(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    let theirs = world.key(&there, key("theirs", EVERY)).await.key.id;
    let made = world.key(&here, key("ci", EVERY)).await;
    let caller = &world.holder(&made).await;
    let hub = &world.hub;
    let before = world.dump();
    for ids in [(theirs.as_str(), "0199-nobody"), ("theirs", "nobody")] {
        let get = |text| api_keys::get(hub, caller, text);
        same(get(ids.0).await, get(ids.1).await, ids);
        let disable = |text| api_keys::disable(hub, caller, text, guard());
        same(disable(ids.0).await, disable(ids.1).await, ids);
        let enable = |text| api_keys::enable(hub, caller, text, guard());
        same(enable(ids.0).await, enable(ids.1).await, ids);
        let delete = |text| api_keys::delete(hub, caller, text, guard());
        same(delete(ids.0).await, delete(ids.1).await, ids);
    }
    let (other, missing) = ("other".parse().unwrap(), "missing".parse().unwrap());
    let ids = ("other", "missing");
    let get = |name| projects::get(hub, caller, name);
    same(get(&other).await, get(&missing).await, ids);
    let count = |name| projects::count_accounts(hub, caller, name);
    same(count(&other).await, count(&missing).await, ids);
    let update = |name| {
        let changes =
            projects::Changes { allowlist: Some("::1".parse().unwrap()), ..Default::default() };
        projects::update(hub, caller, name, changes, guard())
    };
    same(update(&other).await, update(&missing).await, ids);
    refused(projects::delete(hub, caller, &other, guard()).await, &codes::FORBIDDEN);
    refused(projects::delete(hub, caller, &missing, guard()).await, &codes::FORBIDDEN);
    let listed = projects::list(hub, caller).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["default"]);
    assert_eq!(world.dump(), before);
    // Its own project it may set up; all of them only with the scope for that.
    let own = "default".parse().unwrap();
    assert!(update(&own).await.unwrap_or_else(|_| panic!()).changed);
    let hubwide = world.key(&there, key("hub", "admin projects:write")).await;
    let hubwide = world.holder(&hubwide).await;
    assert_eq!(projects::list(hub, &hubwide).await.unwrap().len(), 2);
    projects::create(hub, &hubwide, &missing, IfThere::Fail, guard()).await.unwrap();
    projects::delete(hub, &hubwide, &missing, guard()).await.unwrap();
    refused(projects::delete(hub, &hubwide, &other, guard()).await, &codes::PROJECT_NOT_EMPTY);
}

/// A caller with every right but these.
fn without(lacking: &[Permission]) -> Caller {
    let scopes = Permission::ALL.into_iter().filter(|right| !lacking.contains(right)).collect();
    let (id, name) = ("k".parse().unwrap(), "ci".parse().unwrap());
    let key = ActingKey { number: KeyNumber(1), id, name, scopes, expires_at: None };
    Caller::with_key(key, hubctl::domain::ids::ProjectNumber(1), "default".to_owned())
}

fn oauth_app() -> oauth_apps::New {
    oauth_apps::New {
        connector: "hubspot".parse().unwrap(),
        client_id: "a".to_owned(),
        client_secret: hubctl::domain::secret::Secret::new("b"),
    }
}

fn new_webhook() -> webhooks::New {
    let url = "https://receiver.example/hooks".parse().unwrap();
    webhooks::New { url, events: [EventKind::AccountCreated].into(), secret: None, if_there: None }
}

/// A call to a provider that reads.
fn read() -> proxy::Call {
    let (method, body) = (http::Method::GET, proxy::Upload::Empty);
    proxy::Call { method, base: None, path: "/".to_owned(), headers: http::HeaderMap::new(), body }
}

/// Every function of the hub that takes a caller, called by one who lacks a right.
async fn call_all(world: &TestHub, caller: &Caller) -> Vec<(&'static str, Result<(), HubError>)> {
    let hub = &world.hub;
    let id = &"nobody".parse().unwrap();
    let number = "99".parse().unwrap();
    let hubspot = &"hubspot".parse().unwrap();
    let name = &"other".parse().unwrap();
    let (hook, delivery) = (&"nobody".parse().unwrap(), "99".parse().unwrap());
    let mut all: Vec<(&'static str, Result<(), HubError>)> = Vec::new();
    macro_rules! call {
        ($($name:literal $call:expr;)*) => { $(all.push(($name, $call.await.map(drop)));)* };
    }
    call! {
        "auth_configs.list" auth_configs::list(hub, caller, &auth_configs::Filter::default(), |_| Ok(Break(())));
        "auth_configs.target" auth_configs::target(hub, caller, "hubspot");
        "auth_configs.get" auth_configs::get(hub, caller, "hubspot");
        "auth_configs.impact" auth_configs::impact(hub, caller, "hubspot", Action::Disable);
        "auth_configs.create" auth_configs::add(hub, caller, config("hubspot"), guard());
        "auth_configs.update" auth_configs::edit(hub, caller, "hubspot", Edit::default(), guard());
        "auth_configs.enable" auth_configs::enable(hub, caller, "hubspot", guard());
        "auth_configs.disable" auth_configs::disable(hub, caller, "hubspot", guard());
        "auth_configs.make_default" auth_configs::make_default(hub, caller, "hubspot", guard());
        "auth_configs.delete" auth_configs::delete(hub, caller, "hubspot", guard());
        "platform.connector_profiles.versions" auth_configs::versions(hub, caller, "hubspot");
        "platform.connect_sessions.authenticate" connect_sessions::by_token(hub, caller, "hcs_");
        "platform.accounts.get" accounts::get_plain(hub, caller, id);
        "connectors.list" connectors::available(hub, caller, &connectors::Filter::default());
        "connectors.get" connectors::get(hub, caller, hubspot);
        "connectors.guide" connectors::get(hub, caller, hubspot);
        "connectors.import" connectors::import(hub, caller, &[], guard());
        "connectors.forget" connectors::forget(hub, caller, hubspot, guard());
        "connect_sessions.create" connect_sessions::create(hub, caller, session("acme"), guard());
        "connect_sessions.create_batch" connect_sessions::create_batch(hub, caller, Vec::new(), guard());
        "connect_sessions.get" connect_sessions::get(hub, caller, number);
        "connect_sessions.list" connect_sessions::list(hub, caller, connect_sessions::Filter::default(), |_| Ok(Break(())));
        "connect_sessions.revoke" connect_sessions::revoke(hub, caller, number, guard());
        "logs.list" logs::scan(hub, caller, &logs::Filter::default(), true, |_| Ok(Break(())));
        "accounts.list" accounts::list(hub, caller, &accounts::Filter::default(), |_, _| Ok(Break(())));
        "accounts.get" accounts::get(hub, caller, id);
        "accounts.explain" accounts::explain(hub, caller, id);
        "accounts.check" accounts::check(hub, caller, id, accounts::Ask::Nobody);
        "accounts.create" accounts::add(hub, caller, account("hubspot", "acme"), guard());
        "accounts.update" accounts::update(hub, caller, id, Changes::default(), guard());
        "accounts.suspend" accounts::suspend(hub, caller, id, guard());
        "accounts.resume" accounts::resume(hub, caller, id, guard());
        "accounts.test" accounts::test(hub, caller, id, guard());
        "accounts.refresh" accounts::refresh_now(hub, caller, id, guard());
        "oauth_apps.list" oauth_apps::list(hub, caller);
        "oauth_apps.set" oauth_apps::set(hub, caller, oauth_app(), guard());
        "oauth_apps.delete" oauth_apps::delete(hub, caller, &"hubspot".parse().unwrap(), guard());
        "accounts.proxy" proxy::pass(hub, caller, id, read());
        "accounts.delete" accounts::delete(hub, caller, id, false, guard());
        "projects.list" projects::list(hub, caller);
        "projects.get" projects::get(hub, caller, name);
        "events.list" events::list(hub, caller, &events::Filter::default(), |_| Ok(Break(())));
        "events.follow" events::follow(hub, caller, &events::Place::Beginning, &events::Filter::default(), std::time::Duration::ZERO, |_| Ok(()));
        "webhooks.list" webhooks::list(hub, caller);
        "webhooks.get" webhooks::get(hub, caller, hook);
        "webhooks.create" webhooks::create(hub, caller, new_webhook(), guard());
        "webhooks.update" webhooks::update(hub, caller, hook, webhooks::Changes::default(), guard());
        "webhooks.enable" webhooks::enable(hub, caller, hook, guard());
        "webhooks.disable" webhooks::disable(hub, caller, hook, guard());
        "webhooks.delete" webhooks::delete(hub, caller, hook, guard());
        "webhooks.rotate_secret" webhooks::rotate(hub, caller, hook, Rotation::Begin, guard());
        "webhooks.test" deliveries::test(hub, caller, hook, guard());
        "deliveries.list" deliveries::list(hub, caller, &deliveries::Filter::default(), |_| Ok(Break(())));
        "deliveries.get" deliveries::get(hub, caller, delivery);
        "deliveries.redeliver" deliveries::redeliver(hub, caller, delivery, guard());
        "deliveries.redeliver_failed" deliveries::redeliver_since(hub, caller, None, world.now(), guard());
        "projects.impact" projects::count_accounts(hub, caller, name);
        "projects.create" projects::create(hub, caller, name, IfThere::Fail, guard());
        "projects.update" projects::update(hub, caller, name, projects::Changes::default(), guard());
        "projects.delete" projects::delete(hub, caller, name, guard());
        "keys.list" api_keys::list(hub, caller);
        "keys.get" api_keys::get(hub, caller, "ci");
        "keys.create" api_keys::create(hub, caller, key("new", "admin"), guard());
        "keys.disable" api_keys::disable(hub, caller, "ci", guard());
        "keys.enable" api_keys::enable(hub, caller, "ci", guard());
        "keys.delete" api_keys::delete(hub, caller, "ci", guard());
    }
    all
}

async fn threat_14_every_function_asks_for_its_right(world: TestHub) {
    let nothing = without(&Permission::ALL);
    let answers = world.changes_nothing(call_all(&world, &nothing)).await;
    let mut called = std::collections::HashSet::new();
    for (operation, answer) in answers {
        let row = hubctl::api::OPERATIONS.iter().find(|row| row.id == operation).unwrap();
        let error = refused(answer, &codes::FORBIDDEN);
        assert_eq!(error.details()[0]["scope"], row.permission.as_str(), "{operation}");
        called.insert(operation);
    }
    // The platform's operations go the same ways; what a key may do, its holder may always ask.
    let of_hub = |id: &str| !id.starts_with("platform.") && id != "capabilities.get";
    let missed: Vec<_> = hubctl::api::OPERATIONS
        .iter()
        .filter(|row| of_hub(row.id) && !called.contains(row.id))
        .collect();
    assert!(missed.is_empty(), "never called: {missed:?}");
}

/// Each right opens what the table says, and the others do not stand in for it.
#[test]
fn threat_14_no_right_stands_in_for_another() {
    crate::support::hub::block_on(async {
        for right in Permission::ALL {
            let lacking: Vec<_> = [right].into_iter().chain(right.included_in()).collect();
            for (operation, answer) in call_all(&sqlite_world(), &without(&lacking)).await {
                let row = hubctl::api::OPERATIONS.iter().find(|row| row.id == operation).unwrap();
                let forbidden = answer.is_err_and(|e| is(&e, &codes::FORBIDDEN));
                let is_needed = lacking.contains(&row.permission);
                assert_eq!(forbidden, is_needed, "{operation} without {lacking:?}");
            }
        }
    });
}

fn is(error: &HubError, code: &'static Code) -> bool {
    error.code().name == code.name
}

async fn threat_14_events_of_keys_are_for_those_who_may_list_keys(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let reader = world.holder(&world.key(&caller, key("ci", "platform:read")).await).await;
    let all = [(&caller, true), (&reader, false)];
    for (who, sees) in all {
        let mut seen = Vec::new();
        let filter = events::Filter::default();
        let listing = events::list(&world.hub, who, &filter, |event| {
            seen.push(event.kind.to_owned());
            Ok(std::ops::ControlFlow::Continue(()))
        });
        listing.await.unwrap();
        let (place, wait) = (events::Place::Beginning, std::time::Duration::ZERO);
        let following = events::follow(&world.hub, who, &place, &filter, wait, |event| {
            seen.push(event.kind.to_owned());
            Ok(())
        });
        following.await.unwrap();
        let count = |kind: &str| seen.iter().filter(|seen| *seen == kind).count();
        let expected = if sees { 2 } else { 0 };
        assert_eq!((count("auth_config.created"), count("key.created")), (2, expected));
    }
    let kinds = vec![EventKind::AuthConfigCreated, EventKind::KeyCreated];
    let named = events::Filter { kinds, ..events::Filter::default() };
    let listing = events::list(&world.hub, &reader, &named, |_| Ok(Break(())));
    refused(listing.await, &codes::FORBIDDEN);
}

async fn threat_15_every_bad_key_gets_the_same_answer(world: TestHub) {
    let (caller, other) = (world.caller(), world.project("other").await);
    let good = world.key(&caller, key("good", EVERY)).await;
    let text = good.token.text().expose().to_owned();
    let (head, secret) = text.split_once('_').unwrap();
    let disabled = world.key(&caller, key("disabled", EVERY)).await;
    api_keys::disable(&world.hub, &caller, "disabled", guard()).await.unwrap();
    let new = NewKey { expires_in_s: Some(10), ..key("expired", EVERY) };
    let expired = world.key(&caller, new).await;
    assert!(from(&world, expired.token.text().expose(), None).await.is_ok());
    let deleted = world.key(&caller, key("deleted", EVERY)).await;
    api_keys::delete(&world.hub, &caller, "deleted", guard()).await.unwrap();
    let orphan = world.key(&other, key("orphan", EVERY)).await;
    projects::delete(&world.hub, &caller, &"other".parse().unwrap(), guard()).await.unwrap();
    let session = world.open(&caller, session("acme")).await;
    world.clock.advance_seconds(10);

    let of = |made: &api_keys::Created| made.token.text().expose().to_owned();
    let end = if secret.ends_with('A') { "Q" } else { "A" };
    let bad = [
        String::new(),
        "x".to_owned(),
        text[..text.len() - 1].to_owned(),
        format!("{text}A"),
        format!("{text} "),
        format!(" {text}"),
        format!("{}{end}", &text[..text.len() - 1]),
        text.to_lowercase(),
        text.replace("v1.local.", "v1.eu1."),
        format!("{head}_{}", disabled.token.secret()),
        format!("v1.local.{}_{secret}", disabled.key.number.0),
        format!("v1.local.{}_{secret}", i64::MAX),
        format!("v1.local.0_{secret}"),
        format!("v1.local.-1_{secret}"),
        "v1.local.".repeat(200_000),
        of(&disabled),
        of(&expired),
        of(&deleted),
        of(&orphan),
        session.token.text().expose().to_owned(),
        format!("hcs_{}", text.trim_start_matches("v1.local.")),
    ];
    let mut answers = std::collections::BTreeSet::new();
    for bad in &bad {
        let error = refused(from(&world, bad, None).await, &codes::KEY_INVALID);
        answers.insert(format!("{error:?}"));
        // And a key opens no session.
        let opened = connect_sessions::authenticate(&world.hub, &text).await;
        refused(opened, &codes::SESSION_TOKEN_INVALID);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(world.holder(&good).await.key().unwrap().name.as_str(), "good");
    // A store that has no key yet refuses as any other, and gets no key by it.
    let fresh = sqlite_world();
    let error = refused(from(&fresh, &text, None).await, &codes::KEY_INVALID);
    assert!(answers.contains(&format!("{error:?}")) && !fresh.key_path().exists());
    // Another process on the store sees a disabled key as such at once.
    let elsewhere = world.another();
    assert!(api_keys::authenticate(&elsewhere, &text, None).await.is_ok());
    api_keys::disable(&world.hub, &caller, "good", guard()).await.unwrap();
    let answer = api_keys::authenticate(&elsewhere, &text, None).await;
    refused(answer, &codes::KEY_INVALID);
}

async fn a_key_is_named_in_what_it_did(world: TestHub) {
    let made = world.key(&world.caller(), key("ci", EVERY)).await;
    let holder = world.holder(&made).await;
    world.add(&holder, config("hubspot")).await;
    world.disable(&holder, "hubspot").await;
    let count = |text: &str| {
        world.number(&format!("select count(*) from operations where actor = '{text}'"))
    };
    assert_eq!((count("api key ci"), count("local administrator")), (2, 1));
    let rows = world.dump()["events"].join("\n");
    assert!(rows.contains("key.created") && rows.contains(made.key.id.as_str()), "{rows}");
}
