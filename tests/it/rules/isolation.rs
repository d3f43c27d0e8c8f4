//! Projects: KP-1, KP-6, AC-32, AC-33 and threat 13. What belongs to another project is missing.

use hubctl::domain::connect_session::NewSession;
use hubctl::domain::event::EventKind;
use hubctl::domain::secret::Secret;
use hubctl::error::{HubError, codes};
use hubctl::hub::accounts::{self, Changes, New};
use hubctl::hub::auth_configs::{self, Action, Edit};
use hubctl::hub::write::IfThere;
use hubctl::hub::{connect_sessions, oauth_apps, projects, webhooks};

use crate::support::asked::{account, config, given, key, named, oauth, session, session_with};
use crate::support::hub::{TestHub, guard, on_both_databases, refused};

on_both_databases!(
    ac_32_kp_1_lists_are_the_projects_own,
    threat_13_accounts_of_another_project_are_missing,
    ac_33_threat_13_auth_configs_of_another_project_are_missing,
    threat_13_sessions_of_another_project_are_missing,
    kp_6_a_deleted_project_takes_everything_along,
    kp_6_numbers_of_its_sessions_are_never_used_again,
    kp_6_what_may_not_be_deleted,
    kp_6_a_new_project_never_meets_the_keys_of_a_deleted_one,
);

/// The error for an id of the other project must be that for an id which nobody has.
fn same<T, U>(foreign: Result<T, HubError>, missing: Result<U, HubError>, ids: (&str, &str)) {
    let (Err(foreign), Err(missing)) = (foreign, missing) else { panic!("one was answered") };
    assert_eq!(format!("{foreign:?}").replace(ids.0, ids.1), format!("{missing:?}"));
}

async fn ac_32_kp_1_lists_are_the_projects_own(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    world.add(&there, config("hubspot")).await;
    world.link(&there, account("hubspot", "acme")).await;
    world.open(&there, session("acme")).await;
    assert!(world.listed(&here, &accounts::Filter::default()).await.is_empty());
    auth_configs::list(&world.hub, &here, &auth_configs::Filter::default(), |_| panic!())
        .await
        .unwrap();
    connect_sessions::list(&world.hub, &here, connect_sessions::Filter::default(), |_| panic!())
        .await
        .unwrap();
    let new = session_with("acme", "hubspot");
    let session = connect_sessions::create(&world.hub, &here, new, guard()).await;
    refused(session, &codes::CONNECTOR_NOT_ENABLED);
    // The same name and owner are free here.
    let first = world.add(&here, config("hubspot")).await;
    assert!(first.is_default);
    let added =
        accounts::add(&world.hub, &here, account("hubspot", "acme"), guard()).await.unwrap();
    assert!(added.created);
    assert_eq!(world.disable(&here, "hubspot").await, 1);
    assert_eq!(world.listed(&there, &accounts::Filter::default()).await.len(), 1);
}

async fn threat_13_accounts_of_another_project_are_missing(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    world.add(&there, config("hubspot")).await;
    world.add(&here, config("hubspot")).await;
    let theirs = world.link(&there, account("hubspot", "acme")).await;
    let nobody: hubctl::domain::ids::AccountId = "nobody".parse().unwrap();
    let ids = (theirs.as_str(), nobody.as_str());
    let hub = &world.hub;
    let before = world.dump();
    let get = |id| accounts::get(hub, &here, id);
    same(get(&theirs).await, get(&nobody).await, ids);
    let explain = |id| accounts::explain(hub, &here, id);
    same(explain(&theirs).await, explain(&nobody).await, ids);
    let update = |id| accounts::update(hub, &here, id, Changes::default(), guard());
    same(update(&theirs).await, update(&nobody).await, ids);
    let suspend = |id| accounts::suspend(hub, &here, id, guard());
    same(suspend(&theirs).await, suspend(&nobody).await, ids);
    let resume = |id| accounts::resume(hub, &here, id, guard());
    same(resume(&theirs).await, resume(&nobody).await, ids);
    let delete = |id| accounts::delete(hub, &here, id, false, guard());
    same(delete(&theirs).await, delete(&nobody).await, ids);
    let session = |id: &hubctl::domain::ids::AccountId| {
        let new = NewSession { account: Some(id.clone()), ..session("acme") };
        connect_sessions::create(hub, &here, new, guard())
    };
    same(session(&theirs).await, session(&nobody).await, ids);
    for filter in [
        accounts::Filter { ids: vec![theirs.clone()], ..Default::default() },
        accounts::Filter { owner_ids: vec!["acme".to_owned()], ..Default::default() },
    ] {
        assert!(world.listed(&here, &filter).await.is_empty());
    }
    assert_eq!(world.dump(), before);
}

async fn ac_33_threat_13_auth_configs_of_another_project_are_missing(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    let theirs = world.add(&there, oauth("their login", "s")).await;
    world.add(&here, named("hubspot", "mine")).await;
    let mine = world.link(&here, account("hubspot", "acme")).await;
    let hub = &world.hub;
    let before = world.dump();
    for (known, missing) in
        [(theirs.id.as_str(), "nothing-there"), ("their login", "no such login")]
    {
        let ids = (known, missing);
        let target = |text| auth_configs::target(hub, &here, text);
        same(target(known).await, target(missing).await, ids);
        let get = |text| auth_configs::get(hub, &here, text);
        same(get(known).await, get(missing).await, ids);
        let enable = |text| auth_configs::enable(hub, &here, text, guard());
        same(enable(known).await, enable(missing).await, ids);
        let disable = |text| auth_configs::disable(hub, &here, text, guard());
        same(disable(known).await, disable(missing).await, ids);
        let make_default = |text| auth_configs::make_default(hub, &here, text, guard());
        same(make_default(known).await, make_default(missing).await, ids);
        let edit = |text| auth_configs::edit(hub, &here, text, Edit::default(), guard());
        same(edit(known).await, edit(missing).await, ids);
        let delete = |text| auth_configs::delete(hub, &here, text, guard());
        same(delete(known).await, delete(missing).await, ids);
        let impact = |text| auth_configs::impact(hub, &here, text, Action::Disable);
        same(impact(known).await, impact(missing).await, ids);
    }
    let ids = (theirs.id.as_str(), "nothing-there");
    let session = |id: &str| {
        let new = NewSession { auth_config: Some(id.parse().unwrap()), ..session("acme") };
        connect_sessions::create(hub, &here, new, guard())
    };
    same(session(ids.0).await, session(ids.1).await, ids);
    let link = |id: &str| {
        let auth_config = Some(id.parse().unwrap());
        accounts::add(hub, &here, New { auth_config, ..account("hubspot", "x") }, guard())
    };
    same(link(ids.0).await, link(ids.1).await, ids);
    let to = |id: &str| {
        let changes = Changes { auth_config: Some(id.parse().unwrap()), ..Changes::default() };
        accounts::update(hub, &here, &mine, changes, guard())
    };
    same(to(ids.0).await, to(ids.1).await, ids);
    assert_eq!(world.dump(), before);
}

async fn threat_13_sessions_of_another_project_are_missing(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    let theirs = world.open(&there, session("acme")).await.session.id;
    let nobody = "99".parse().unwrap();
    let ids = (&*format!("session {theirs}"), "session 99");
    let hub = &world.hub;
    let get = |id| connect_sessions::get(hub, &here, id);
    same(get(theirs).await, get(nobody).await, ids);
    let revoke = |id| connect_sessions::revoke(hub, &here, id, guard());
    same(revoke(theirs).await, revoke(nobody).await, ids);
    assert_eq!(world.number("select count(*) from connect_sessions where revoked_at is null"), 1);
}

async fn kp_6_a_deleted_project_takes_everything_along(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    for caller in [&here, &there] {
        world.add(caller, oauth("login", "planted")).await;
        world.add(caller, named("hubspot", "key")).await;
        let hubspot =
            New { auth_config: Some(key_of(&world, caller).await), ..account("hubspot", "a") };
        world.link(caller, hubspot).await;
        world.open(caller, session("acme")).await;
        world.key(caller, key("ci", "admin")).await;
        let app = oauth_apps::New {
            connector: "hubspot".parse().unwrap(),
            client_id: "a".to_owned(),
            client_secret: Secret::new("b"),
        };
        oauth_apps::set(&world.hub, caller, app, guard()).await.unwrap();
        let url = "https://receiver.example/hooks".parse().unwrap();
        let new = webhooks::New {
            url,
            events: [EventKind::AccountCreated].into(),
            secret: None,
            if_there: None,
        };
        webhooks::create(&world.hub, caller, new, guard()).await.unwrap();
    }
    let name = "other".parse().unwrap();
    let before = world.dump();
    let count = projects::count_accounts(&world.hub, &here, &name).await.unwrap();
    assert_eq!(count, 1);
    let done = projects::delete(&world.hub, &here, &name, guard()).await.unwrap();
    assert_eq!((done.affected, done.changed), (1, true));
    for (table, rows) in world.dump() {
        if table.starts_with("request_") {
            // The log goes when it is pruned.
            continue;
        }
        let whole = ["migrations", "store", "projects", "log_numbers"];
        // Rows of these are found by their delivery's number alone.
        let numbered = ["webhook_bodies", "webhook_attempts", "webhook_cursor"];
        if !whole.iter().chain(&numbered).any(|name| *name == table) {
            let column =
                format!("select count(*) from {table} where project = {}", there.project().0);
            assert_eq!(world.number(&column), 0, "{table}");
            let lost = rows.is_empty() && !before[&table].is_empty();
            assert!(!lost, "{table} lost rows of others");
        }
    }
    refused(world.hub.local_caller(&name).await, &codes::PROJECT_UNKNOWN);
}

async fn kp_6_numbers_of_its_sessions_are_never_used_again(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    let theirs = world.open(&there, session("acme")).await.session.id;
    let name = "other".parse().unwrap();
    projects::delete(&world.hub, &here, &name, guard()).await.unwrap();
    let mine = world.open(&here, session("acme")).await.session.id;
    assert!(mine.get() > theirs.get(), "{mine} {theirs}");
}

async fn key_of(
    world: &TestHub,
    caller: &hubctl::domain::caller::Caller,
) -> hubctl::domain::ids::AuthConfigId {
    auth_configs::get(&world.hub, caller, "key").await.unwrap().view.config.id
}

async fn kp_6_what_may_not_be_deleted(world: TestHub) {
    let here = world.caller();
    let there = world.project("other").await;
    let delete = |caller, name: &str| {
        let (hub, name) = (&world.hub, name.parse().unwrap());
        async move { projects::delete(hub, caller, &name, guard()).await }
    };
    refused(delete(&here, "default").await, &codes::PROJECT_NOT_EMPTY);
    refused(delete(&there, "other").await, &codes::PROJECT_NOT_EMPTY);
    refused(delete(&here, "missing").await, &codes::PROJECT_UNKNOWN);
    let name = "other".parse().unwrap();
    refused(
        projects::create(&world.hub, &here, &name, IfThere::Fail, guard()).await,
        &codes::PROJECT_EXISTS,
    );
    let kept = projects::create(&world.hub, &here, &name, IfThere::Skip, guard()).await.unwrap();
    assert_eq!((kept.0.name.as_str(), kept.1), ("other", false));
    assert_eq!(projects::list(&world.hub, &here).await.unwrap().len(), 2);
}

async fn kp_6_a_new_project_never_meets_the_keys_of_a_deleted_one(world: TestHub) {
    let here = world.caller();
    let old = world.project("old").await;
    world.add(&old, oauth("login", "planted")).await;
    // Another process deletes it, while this one still has its data key at hand.
    let name = "old".parse().unwrap();
    projects::delete(&world.another(), &here, &name, guard()).await.unwrap();
    let new = world.project("new").await;
    world.add(&new, oauth("login", "planted")).await;
    assert_ne!(new.project(), old.project());
    let values = given(&[("external-trigger-token", "t")]);
    let edit = Edit { values, ..Edit::default() };
    auth_configs::edit(&world.another(), &new, "login", edit, guard()).await.unwrap();
    let hub = world.another();
    let made = connect_sessions::create(&hub, &new, session_with("a", "hubspot"), guard());
    assert_eq!(made.await.unwrap().external_trigger_token, Some(Secret::new("t")));
}
