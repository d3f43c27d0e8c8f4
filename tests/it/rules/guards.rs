//! What holds for every write: dry runs leave nothing, limits are checked where it counts, and
//! each change has its events and its record.

use hubctl::domain::account::Update;
use hubctl::domain::connector::{Connector, Template};
use hubctl::error::{HubError, codes};
use hubctl::hub::accounts::{self, Changes};
use hubctl::hub::auth_configs::{self, Edit};
use hubctl::hub::write::{Guard, IfThere};
use hubctl::hub::{api_keys, connect_sessions, connectors, projects};

use crate::support::asked::{account, config, given, key, named, oauth, session};
use crate::support::hub::{DRY_RUN, TestHub, at_most, on_both_databases, refused};

on_both_databases!(
    ac_18_a_dry_run_leaves_nothing,
    ac_18_a_dry_run_on_a_new_store_makes_no_key,
    ac_18_no_more_accounts_than_allowed,
    wh_8_each_write_has_its_events_and_its_record,
    ac_46_importing_is_all_or_nothing,
    ac_47_an_import_counts_the_accounts_that_it_changes,
    ac_45_forgetting_looks_at_pins_and_counts_the_accounts_that_change,
);

fn label(text: &str) -> Changes {
    let update = Update { label: Some(Some(text.to_owned())), ..Update::default() };
    Changes { update, ..Changes::default() }
}

fn secret(text: &str) -> Edit {
    Edit { values: given(&[("client_secret", text)]), ..Edit::default() }
}

async fn ac_18_a_dry_run_leaves_nothing(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, oauth("login", "s")).await;
    world.add(&caller, named("hubspot", "key")).await;
    auth_configs::make_default(&world.hub, &caller, "key", Guard::default()).await.unwrap();
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let open = world.open(&caller, session("acme")).await.session.id;
    world.project("other").await;
    world.key(&caller, key("ci", "admin")).await;
    let hub = &world.hub;
    let before = world.dump();
    let done = auth_configs::disable(hub, &caller, "key", DRY_RUN).await.unwrap();
    assert_eq!((done[0].changed, done[0].affected), (true, 1));
    assert!(auth_configs::make_default(hub, &caller, "login", DRY_RUN).await.unwrap().changed);
    assert!(
        auth_configs::edit(hub, &caller, "login", secret("new"), DRY_RUN).await.unwrap().changed
    );
    assert!(auth_configs::add(hub, &caller, config("bamboohr"), DRY_RUN).await.unwrap().changed);
    auth_configs::enable(hub, &caller, "freshdesk", DRY_RUN).await.unwrap();
    auth_configs::delete(hub, &caller, "login", DRY_RUN).await.unwrap();
    assert!(accounts::add(hub, &caller, account("hubspot", "new"), DRY_RUN).await.unwrap().created);
    accounts::update(hub, &caller, &id, label("x"), DRY_RUN).await.unwrap();
    accounts::suspend(hub, &caller, &id, DRY_RUN).await.unwrap();
    accounts::delete(hub, &caller, &id, false, DRY_RUN).await.unwrap();
    connect_sessions::create(hub, &caller, session("new"), DRY_RUN).await.unwrap();
    connect_sessions::revoke(hub, &caller, open, DRY_RUN).await.unwrap();
    projects::create(hub, &caller, &"new".parse().unwrap(), IfThere::Fail, DRY_RUN).await.unwrap();
    let allowlist = Some("10.0.0.0/8".parse().unwrap());
    let changes = projects::Changes { allowlist, ..projects::Changes::default() };
    let done = projects::update(hub, &caller, &"other".parse().unwrap(), changes, DRY_RUN).await;
    assert!(done.unwrap().changed);
    api_keys::create(hub, &caller, key("new", "admin"), DRY_RUN).await.unwrap();
    assert!(api_keys::disable(hub, &caller, "ci", DRY_RUN).await.unwrap().changed);
    api_keys::delete(hub, &caller, "ci", DRY_RUN).await.unwrap();
    projects::delete(hub, &caller, &"other".parse().unwrap(), DRY_RUN).await.unwrap();
    assert_eq!(world.dump(), before);
}

async fn ac_18_a_dry_run_on_a_new_store_makes_no_key(world: TestHub) {
    let caller = world.caller();
    world.project("other").await;
    let dry = connect_sessions::create(&world.hub, &caller, session("acme"), DRY_RUN);
    world.changes_nothing(dry).await.unwrap();
    let dry = auth_configs::add(&world.hub, &caller, oauth("login", "s"), DRY_RUN);
    world.changes_nothing(dry).await.unwrap();
    assert!(!world.key_path().exists(), "a rehearsal made a master key");
    assert_eq!(world.hub.take_note(), None);
    // What was made for the rehearsal is not used for real afterwards.
    let made = world.open(&caller, session("acme")).await;
    let token = made.token.text().expose();
    connect_sessions::authenticate(&world.another(), token).await.unwrap();
    assert!(world.hub.take_note().is_some());
}

async fn ac_18_no_more_accounts_than_allowed(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    world.link(&caller, account("hubspot", "brand")).await;
    world.project("other").await;
    let hub = &world.hub;
    let before = world.dump();
    let error = auth_configs::disable(hub, &caller, "hubspot", at_most(1)).await;
    let error = refused(error, &codes::TOO_MANY_AFFECTED);
    assert_eq!(
        (&error.details()[0]["affected_accounts"], &error.details()[0]["limit"]),
        (&2.into(), &1.into())
    );
    assert_eq!(error.message(), "2 linked accounts would become inactive, the limit given is 1");
    let told = |error: HubError, what: &str| {
        let text = format!("1 linked account would {what}, the limit given is 0");
        assert_eq!((error.code().name, error.message()), (codes::TOO_MANY_AFFECTED.name, &*text));
    };
    told(accounts::suspend(hub, &caller, &id, at_most(0)).await.unwrap_err(), "be suspended");
    told(accounts::delete(hub, &caller, &id, false, at_most(0)).await.unwrap_err(), "be deleted");
    let update = accounts::update(hub, &caller, &id, label("x"), at_most(0)).await;
    told(update.unwrap_err(), "be changed");
    let relink = accounts::add(hub, &caller, account("hubspot", "acme"), at_most(0)).await;
    told(relink.unwrap_err(), "be linked again");
    let other = world.project("other").await;
    let name = "default".parse().unwrap();
    let default = projects::count_accounts(hub, &other, &name).await.unwrap();
    assert_eq!(default, 2);
    assert_eq!(world.dump(), before);
    accounts::add(hub, &caller, account("hubspot", "new"), at_most(0)).await.unwrap();
    auth_configs::disable(hub, &caller, "hubspot", at_most(3)).await.unwrap();
}

async fn wh_8_each_write_has_its_events_and_its_record(world: TestHub) {
    let caller = world.caller();
    let hub = &world.hub;
    let guard = Guard::default();
    let mut seen = (0, 0);
    let mut grew = |events, operations| {
        let now = (world.events(), world.operations());
        assert_eq!((now.0 - seen.0, now.1 - seen.1), (events, operations));
        seen = now;
    };
    world.add(&caller, named("hubspot", "first")).await;
    grew(1, 1);
    world.add(&caller, oauth("second", "planted")).await;
    grew(1, 1);
    let id = world.link(&caller, account("hubspot", "acme")).await;
    grew(1, 1);
    accounts::update(hub, &caller, &id, label("x"), guard).await.unwrap();
    grew(1, 1);
    auth_configs::edit(hub, &caller, "second", secret("planted-2"), guard).await.unwrap();
    grew(1, 1);
    auth_configs::make_default(hub, &caller, "second", guard).await.unwrap();
    grew(1, 1);
    world.disable(&caller, "first").await;
    grew(2, 1);
    refused(
        auth_configs::delete(hub, &caller, "first", guard).await,
        &codes::AUTH_CONFIG_HAS_ACCOUNTS,
    );
    grew(0, 0);
    accounts::delete(hub, &caller, &id, false, guard).await.unwrap();
    grew(1, 1);
    auth_configs::delete(hub, &caller, "first", guard).await.unwrap();
    grew(1, 1);
    let dump = world.dump();
    let written = format!("{:?}{:?}", dump["operations"], dump["events"]);
    assert!(!written.contains("planted"), "{written}");
    assert!(written.contains("client_secret"), "names of secrets are recorded");
}

async fn ac_46_importing_is_all_or_nothing(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    let key = "hubspot".parse().unwrap();
    let found = connectors::get(&world.hub, &caller, &key).await.unwrap().connector;
    let mut own = Connector::clone(&found);
    let mut import = async |version: &str, name: &str, guard| {
        own.version = version.to_owned();
        own.name = name.to_owned();
        connectors::import(&world.hub, &caller, std::slice::from_ref(&own), guard)
            .await
            .unwrap()
            .remove(0)
            .outcome
    };
    let other = world.project("other").await;
    let before = world.dump();
    assert!(import("2.10.0", "Mine", DRY_RUN).await.changed);
    assert_eq!(world.dump(), before);
    assert!(import("2.10.0", "Mine", guard).await.changed);
    assert!(!import("2.10.0", "Mine", guard).await.changed);
    assert!(import("2.9.0", "Older", guard).await.changed);
    let found = connectors::get(&world.hub, &caller, &key).await.unwrap();
    assert!(found.own);
    assert_eq!(
        (found.connector.name.as_str(), found.connector.version.as_str()),
        ("Mine", "2.10.0")
    );
    assert!(!connectors::get(&world.hub, &other, &key).await.unwrap().own);
    assert_eq!(connectors::own(&world.hub, &caller).await.unwrap().len(), 1);
    world.add(&caller, config("hubspot")).await;
    let done = connectors::forget(&world.hub, &caller, &key, guard).await.unwrap();
    assert_eq!(done.outcome.after.unwrap().name, "HubSpot");
    refused(connectors::forget(&world.hub, &caller, &key, guard).await, &codes::CONNECTOR_UNKNOWN);
}

/// The project's own definition of `BambooHR`, as it is used without a pin.
async fn bamboohr(world: &TestHub, version: &str) -> Connector {
    let caller = world.caller();
    let found = connectors::get(&world.hub, &caller, &"bamboohr".parse().unwrap()).await.unwrap();
    Connector { version: version.to_owned(), ..Connector::clone(&found.connector) }
}

async fn ac_47_an_import_counts_the_accounts_that_it_changes(world: TestHub) {
    let (caller, hub) = (world.caller(), &world.hub);
    world.add(&caller, config("bamboohr")).await;
    world.link(&caller, account("bamboohr", "acme")).await;
    world.link(&caller, account("bamboohr", "beta")).await;
    let import = async |own: &Connector, guard| {
        let done = connectors::import(hub, &caller, std::slice::from_ref(own), guard).await;
        done.map(|mut done| done.remove(0).outcome)
    };
    let same = Connector { name: "Mine".to_owned(), ..bamboohr(&world, "2.0.0").await };
    assert_eq!(import(&same, at_most(0)).await.unwrap().affected, 0, "nothing of a call");
    let mut gone = Connector { version: "2.1.0".to_owned(), ..same.clone() };
    gone.auth.retain(|method| method.key.as_str() != "api_key");
    let mut more = Connector { version: "2.1.0".to_owned(), ..same.clone() };
    more.auth[0].config_fields[0].required = true;
    let mut field = more.auth[0].config_fields[0].clone();
    field.key = "another".to_owned();
    more.auth[0].config_fields.push(field);
    for own in [&gone, &more] {
        let before = world.dump();
        refused(import(own, at_most(1)).await, &codes::TOO_MANY_AFFECTED);
        let tried = import(own, DRY_RUN).await.unwrap();
        assert_eq!((tried.changed, tried.affected), (true, 2));
        assert_eq!(world.dump(), before);
    }
    assert_eq!(import(&gone, at_most(2)).await.unwrap().affected, 2);
    // What is not used changes nobody.
    let older = Connector { version: "1.9.0".to_owned(), ..more };
    assert_eq!(import(&older, at_most(0)).await.unwrap().affected, 0);
}

async fn ac_45_forgetting_looks_at_pins_and_counts_the_accounts_that_change(world: TestHub) {
    let (caller, hub) = (world.caller(), &world.hub);
    let key = "bamboohr".parse().unwrap();
    let mut own = bamboohr(&world, "2.0.0").await;
    own.base_url = Template::new("https://api.acme.example");
    connectors::import(hub, &caller, &[own], Guard::default()).await.unwrap();
    let pin = Some("2.x.x".parse().unwrap());
    let pinned = auth_configs::New { pin, ..named("bamboohr", "pinned") };
    let pinned = world.add(&caller, pinned).await;
    let error =
        refused(connectors::forget(hub, &caller, &key, DRY_RUN).await, &codes::CONNECTOR_IN_USE);
    assert!(error.message().contains("`pinned`"), "{error}");
    world.add(&caller, named("bamboohr", "free")).await;
    let unpin = Edit { pin: Some(None), ..Edit::default() };
    auth_configs::edit(hub, &caller, pinned.id.as_str(), unpin, Guard::default()).await.unwrap();
    world.link(&caller, account("bamboohr", "acme")).await;
    let before = world.dump();
    let tried = connectors::forget(hub, &caller, &key, at_most(0)).await;
    refused(tried, &codes::TOO_MANY_AFFECTED);
    assert_eq!(world.dump(), before);
    let done = connectors::forget(hub, &caller, &key, at_most(1)).await.unwrap();
    assert_eq!(done.outcome.affected, 1);
}
