//! New data keys: everything that is sealed is sealed anew, whoever writes meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use hubctl::domain::caller::Caller;
use hubctl::domain::event::EventKind;
use hubctl::domain::ids::WebhookId;
use hubctl::domain::request_log::Bodies;
use hubctl::domain::webhook::Rotation;
use hubctl::error::codes;
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::rotation::data_keys::{self, Renewal};
use hubctl::hub::write::Guard;
use hubctl::hub::{Hub, accounts, logs, projects, webhooks};

use crate::linking::{begin, come_back, log_in, set_up, user_of};
use crate::rules::request_logs::with_step;
use crate::support::asked::account;
use crate::support::hub::{DRY_RUN, TestHub, block_on, on_both_databases, refused};

use super::{Filled, dying, opens, rotate};

on_both_databases!(
    everything_sealed_is_sealed_anew_and_the_old_keys_go,
    threat_33_stopped_at_any_step_new_data_keys_are_gone_on_with,
    threat_24_tokens_written_meanwhile_are_never_lost,
    a_login_under_way_ends_after_its_key_went,
    a_value_that_is_damaged_keeps_its_key,
);

async fn renew(hub: &Hub, caller: &Caller) -> Renewal {
    data_keys::renew(hub, caller, false, |_| Ok(())).await.unwrap()
}

/// Data keys of this number.
fn of_number(world: &TestHub, number: u32) -> i64 {
    let sql = "select count(*) from data_keys where purpose = 'data' and number";
    world.number(&format!("{sql} = {number}"))
}

/// A webhook and a logged body, beside what [`Filled`] has.
async fn hook_and_body(world: &TestHub, caller: &Caller) -> WebhookId {
    let all = projects::Changes { log_bodies: Some(Bodies::All), ..projects::Changes::default() };
    let name = caller.project_name().parse().unwrap();
    projects::update(&world.hub, caller, &name, all, Guard::default()).await.unwrap();
    with_step(world, caller).await;
    world.hub.flush_logs().await.unwrap();
    assert!(world.number("select count(*) from request_bodies") > 0);
    let hook = world.hook_for(caller, "https://a.example/?token=t0ken", &[EventKind::KeyCreated]);
    hook.await.webhook.id
}

async fn everything_sealed_is_sealed_anew_and_the_old_keys_go(world: TestHub) {
    let all = [Filled::make(&world, "first").await, Filled::make(&world, "second").await];
    let caller = world.caller();
    let hook = hook_and_body(&world, &caller).await;
    let sealed = world.number(
        "select (select count(*) from account_credentials) \
         + (select count(*) from auth_configs where sealed is not null) \
         + (select count(*) from oauth_apps) + (select count(*) from webhooks) \
         + (select count(*) from request_bodies)",
    );
    let before = world.dump();
    let told = data_keys::renew(&world.another(), &caller, true, |_| Ok(())).await.unwrap();
    assert_eq!((told.keys, i64::try_from(told.values).unwrap()), (3, sealed));
    assert_eq!(world.dump(), before, "a dry run changes nothing");

    // Servers with the old keys in memory.
    let server = world.another();
    for project in &all {
        project.open(&server).await.unwrap();
    }
    let done = renew(&world.another(), &caller).await;
    assert_eq!((done.keys, i64::try_from(done.values).unwrap()), (3, sealed));
    assert_eq!((done.unreadable, done.resumed), (0, false));
    assert_eq!((of_number(&world, 1), of_number(&world, 2)), (0, 3));
    let after = world.dump();
    for table in ["account_credentials", "oauth_apps", "webhooks", "request_bodies"] {
        for row in &after[table] {
            assert!(!before[table].contains(row), "a row of {table} is as it was");
        }
    }
    for hub in [&server, &world.another()] {
        for project in &all {
            project.open(hub).await.unwrap();
        }
        webhooks::rotate(hub, &caller, &hook, Rotation::Begin, DRY_RUN).await.unwrap();
        let found = logs::get(hub, &caller, "with-step", true, true).await.unwrap();
        let step = found.steps.unwrap().pop().unwrap();
        assert_eq!(step.exchange.unwrap().response_body["error"], "invalid_grant");
    }
    // What the server writes now is for the new key, and stays readable with that alone.
    let owner = account("bamboohr", "late");
    let id = accounts::add(&server, &all[0].caller, owner, Guard::default()).await.unwrap();
    opens(&world.another(), &all[0].caller, &id.view.account.id).await.unwrap();
    // Together with a new master key, again and again.
    rotate(&world).await;
    let done = renew(&world.another(), &caller).await;
    assert_eq!(i64::try_from(done.values).unwrap(), sealed + 1);
    rotate(&world).await;
    for hub in [&server, &world.another()] {
        for project in &all {
            project.open(hub).await.unwrap();
        }
    }
}

async fn threat_33_stopped_at_any_step_new_data_keys_are_gone_on_with(world: TestHub) {
    let all = [Filled::make(&world, "first").await, Filled::make(&world, "second").await];
    let (caller, server) = (world.caller(), world.another());
    for project in &all {
        project.open(&server).await.unwrap();
    }
    let mut number = 0;
    loop {
        let done = data_keys::renew(&world.another(), &caller, false, dying(number)).await;
        let keys = world.number("select max(number) from data_keys where purpose = 'data'");
        for hub in [&server, &world.another()] {
            for project in &all {
                project.open(hub).await.unwrap();
            }
        }
        if done.is_ok() {
            break;
        }
        refused(done, &codes::INTERRUPTED);
        // A project whose old key went is done; the others are gone on with.
        let under_way = world.number(
            "select count(*) from (select project from data_keys where purpose = 'data' \
             group by project having count(*) > 1) as two",
        );
        if under_way > 0 {
            let next = renew(&world.another(), &caller).await;
            assert!(next.resumed && next.keys == 0, "{number}: {next:?}");
        }
        let newest = u32::try_from(keys).unwrap();
        assert_eq!(of_number(&world, newest), 2, "{number}: one key for each project");
        let rest = "select count(*) from data_keys where purpose = 'data'";
        assert_eq!(world.number(rest), 2, "{number}");
        number += 1;
    }
    assert!(number >= 5, "{number} steps");
}

async fn threat_24_tokens_written_meanwhile_are_never_lost(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let (stop, world) = (AtomicBool::new(false), &world);
    let renewals = std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                count += 1;
                block_on(async { renew(&world.another(), &world.caller()).await });
            }
            count
        });
        let refreshing = scope.spawn(|| {
            let hub = authority.reached_by(world.another());
            let mut version = 1;
            for _ in 0..25 {
                let usable = block_on(refresh::usable(&hub, &caller, &id, Want::Now)).unwrap();
                version += 1;
                assert_eq!(usable.version, version, "nobody else renews");
                let token = format!("access-{version}");
                assert_eq!(usable.values.get("access_token"), Some(token.as_str()));
            }
        });
        let refreshed = refreshing.join();
        stop.store(true, Ordering::Relaxed);
        refreshed.unwrap();
        renewing.join().unwrap()
    });
    assert!(renewals > 1, "{renewals} renewals of the data keys while tokens were renewed");
    let usable = refresh::usable(&world.another(), &caller, &id, Want::Usable).await.unwrap();
    assert_eq!((usable.version, usable.values.get("access_token")), (26, Some("access-26")));
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-26"));
}

async fn a_login_under_way_ends_after_its_key_went(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    renew(&world.another(), &caller).await;
    assert_eq!(of_number(&world, 1), 0);
    let ended = come_back(&world.hub, &begun, "good").await;
    let hubctl::hub::oauth::AttemptState::Authenticated { account } = ended.attempt.state else {
        panic!("{:?}", ended.attempt.state);
    };
    let usable = refresh::usable(&world.another(), &caller, &account, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("access_token"), Some("access-1"));
}

async fn a_value_that_is_damaged_keeps_its_key(world: TestHub) {
    let (good, bad) = (Filled::make(&world, "good").await, Filled::make(&world, "bad").await);
    let (caller, id) = (world.caller(), bad.accounts[1].as_str());
    // Sealed for another row: it opens nowhere.
    world.raw(&format!(
        "update account_credentials set sealed = \
         (select sealed from account_credentials where account = '{}') where account = '{id}'",
        bad.accounts[0]
    ));
    let done = renew(&world.another(), &caller).await;
    assert_eq!((done.unreadable, done.keys), (1, 2));
    assert_eq!((of_number(&world, 1), of_number(&world, 2)), (1, 2));
    good.open(&world.another()).await.unwrap();
    opens(&world.another(), &bad.caller, &bad.accounts[0]).await.unwrap();
    let broken = opens(&world.another(), &bad.caller, &bad.accounts[1]).await;
    refused(broken, &codes::SEAL_BROKEN);
    // Once it is gone, the next run ends it.
    accounts::delete(&world.hub, &bad.caller, &bad.accounts[1], true, Guard::default())
        .await
        .unwrap();
    let done = renew(&world.another(), &caller).await;
    assert_eq!((done.resumed, done.unreadable, of_number(&world, 1)), (true, 0, 0));
}
