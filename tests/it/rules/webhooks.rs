//! WH-1 to WH-11 and what webhooks must withstand: real receivers, on both databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use hubctl::domain::event::EventKind;
use hubctl::domain::ids::{DeliveryId, WebhookId};
use hubctl::domain::time::{Clock, Timestamp};
use hubctl::domain::webhook::signature::{Claims, SECRET_BYTES, SigningSecret, verify};
use hubctl::domain::webhook::{Rotation, Webhook};
use hubctl::error::codes;
use hubctl::hub::Hub;
use hubctl::hub::accounts::{self, Changes};
use hubctl::hub::random::SeededRandom;
use hubctl::hub::webhooks::deliveries::{self, Detail, Filter};
use hubctl::hub::webhooks::{self, New, round};
use hubctl::hub::write::IfThere;
use hubctl::store::deliveries as rows;
use serde_json::{Value, json};

use crate::support::asked::{account, config, session};
use crate::support::hooks::{SECRET, allowed, answering, receiver, secret};
use crate::support::http::{Asked, FakeHub, Reply};
use crate::support::hub::{DRY_RUN, Place, TestHub, guard, key_file, on_both_databases, refused};
use crate::support::serving::PATIENCE;

on_both_databases!(
    wh_1_wh_3_wh_4_changes_of_an_account_arrive_signed_and_in_order,
    wh_2_wh_11_a_relink_is_an_update_and_a_session_no_event_of_an_account,
    wh_5_only_who_is_subscribed_in_the_same_project_is_told,
    wh_7_what_happens_while_it_is_disabled_is_not_sent_later,
    wh_8_a_receiver_that_fails_changes_nothing,
    wh_9_attempts_follow_the_schedule_with_one_body,
    wh_9_a_receiver_may_ask_for_time,
    wh_9_after_five_days_of_failures_it_is_disabled_with_an_event,
    wh_9_a_receiver_that_is_asked_nothing_does_not_fail_meanwhile,
    wh_9_what_is_asked_for_during_an_attempt_begins_its_schedule_again,
    wh_8_a_clock_that_goes_back_holds_up_nothing,
    wh_10_disabling_a_config_tells_of_each_account,
    wh_12_deliveries_come_from_the_hubs_own_address,
    threat_18_private_addresses_are_refused_when_made_and_when_called,
    threat_20_redirects_are_not_followed,
    threat_30_410_is_the_end,
    threat_30_410_is_the_end_whatever_else_is_taken,
    wh_5_other_events_are_for_what_happens_from_then_on,
    a_late_410_of_a_former_address_says_nothing_of_the_present_one,
    a_late_410_does_not_disable_what_was_enabled_meanwhile,
    a_new_address_has_not_failed_yet,
    no_lease_runs_out_while_other_lanes_are_opened,
    threat_31_address_and_secrets_are_sealed,
    a_secret_is_replaced_while_both_sign,
    a_second_secret_is_not_lost_by_beginning_twice,
    a_delivery_is_sent_again_as_it_was,
    a_trial_is_sent_once_and_shown,
    a_trial_is_brought_to_its_end_where_whoever_asked_goes_away,
    a_trial_whose_end_nobody_saw_is_given_up,
    every_event_is_fanned_out_once,
    events_of_one_thing_never_overtake_one_another,
    two_replicas_send_each_delivery_once,
    a_webhook_that_is_deleted_meanwhile_is_passed_over,
    a_webhook_that_is_damaged_holds_up_no_other,
    deliveries_are_listed_from_an_instant_on,
    old_deliveries_are_forgotten,
    a_webhook_to_an_address_that_has_one_is_made_refused_or_passed_over,
    a_dry_run_leaves_nothing,
);

pub(super) async fn linked(world: &TestHub, owner: &str) -> hubctl::domain::ids::AccountId {
    world.link(&world.caller(), account("bamboohr", owner)).await
}

pub(super) async fn all(
    world: &TestHub,
    filter: &Filter,
) -> Vec<hubctl::domain::webhook::Delivery> {
    let mut found = Vec::new();
    deliveries::list(&world.hub, &world.caller(), filter, |delivery| {
        found.push(delivery);
        Ok(std::ops::ControlFlow::Continue(()))
    })
    .await
    .unwrap();
    found
}

async fn detail(world: &TestHub, id: DeliveryId) -> Detail {
    deliveries::get(&world.hub, &world.caller(), id).await.unwrap()
}

pub(super) async fn hook_now(world: &TestHub, id: &WebhookId) -> Webhook {
    webhooks::get(&world.hub, &world.caller(), id).await.unwrap()
}

fn claims(asked: &Asked) -> Claims {
    let mut claims = Claims::default();
    for (name, value) in &asked.headers {
        claims.header(name.as_str(), value.to_str().unwrap());
    }
    claims
}

async fn wh_1_wh_3_wh_4_changes_of_an_account_arrive_signed_and_in_order(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &format!("{}/hooks?token=t0ken", there.url())).await;
    let id = linked(&world, "acme").await;
    let mut changes = Changes::default();
    changes.update.label = Some(Some("Prod".to_owned()));
    accounts::update(&world.hub, &caller, &id, changes, guard()).await.unwrap();
    accounts::delete(&world.hub, &caller, &id, false, guard()).await.unwrap();
    assert_eq!(world.send().await, 3);
    assert_eq!(there.told("event"), ["account.created", "account.updated", "account.deleted"]);
    for asked in there.asked() {
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/hooks?token=t0ken"));
        assert_eq!(asked.header("content-type"), "application/json");
        assert!(asked.header("user-agent").starts_with("hubctl/"), "{asked:?}");
        let body = asked.json();
        let date = world.now().to_string();
        let expected = json!({
            "project_id": "default", "account_id": id, "event": body["event"],
            "event_date": date, "record_type": "account", "record_id": id, "sent_at": date,
            "provider": "bamboohr", "origin_owner_id": "acme", "origin_owner_name": "acme Inc",
            "setup_information": { "subdomain": "acme" },
        });
        assert_eq!(body, expected, "WH-4");
        assert!(!String::from_utf8_lossy(&asked.body).contains("planted"), "WH-4, SE-5");
        // Ours and that of the independent judge.
        verify(&[secret()], &claims(&asked), &asked.body, world.now()).unwrap();
        let judge = standardwebhooks::Webhook::new(SECRET).unwrap();
        let at = asked.header("webhook-timestamp").parse().unwrap();
        let signed = judge.sign(asked.header("webhook-id"), at, &asked.body).unwrap();
        assert_eq!(asked.header("webhook-signature"), signed, "WH-6");
        assert_eq!(asked.header("x-stackone-signature"), secret().sign(&asked.body), "WH-6");
    }
    assert_eq!(world.send().await, 0, "nothing is sent twice");
    let delivered = all(&world, &Filter::default()).await;
    assert!(delivered.iter().all(|one| one.state.as_str() == "delivered"), "{delivered:?}");
    let ids: Vec<String> = delivered.iter().rev().map(|one| one.event.to_string()).collect();
    let headers: Vec<String> =
        there.asked().iter().map(|asked| asked.header("webhook-id").to_owned()).collect();
    assert_eq!(ids, headers);
}

async fn wh_2_wh_11_a_relink_is_an_update_and_a_session_no_event_of_an_account(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &there.url()).await;
    world.open(&caller, session("acme")).await;
    linked(&world, "acme").await;
    linked(&world, "acme").await;
    world.send().await;
    assert_eq!(there.told("event"), ["account.created", "account.updated"]);
    assert_eq!(world.number("select count(*) from events where kind = 'session.created'"), 1);
}

async fn wh_5_only_who_is_subscribed_in_the_same_project_is_told(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let other = world.project("other").await;
    let [ours, deletions, keys, theirs, disabled] = std::array::from_fn(|_| receiver());
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &ours.url()).await;
    world.hook_for(&caller, &deletions.url(), &[EventKind::AccountDeleted]).await;
    world.hook_for(&caller, &keys.url(), &[EventKind::KeyCreated]).await;
    world.hook(&other, &theirs.url()).await;
    let off = world.hook(&caller, &disabled.url()).await;
    webhooks::disable(&world.hub, &caller, &off, guard()).await.unwrap();
    linked(&world, "acme").await;
    world.key(&caller, crate::support::asked::key("ci", "admin")).await;
    world.send().await;
    assert_eq!(ours.told("event"), ["account.created"]);
    assert_eq!(keys.told("event"), ["key.created"]);
    assert_eq!(keys.asked()[0].json()["data"], json!({ "name": "ci" }));
    for silent in [&deletions, &theirs, &disabled] {
        assert!(silent.asked().is_empty(), "{:?}", silent.asked());
    }
}

async fn wh_7_what_happens_while_it_is_disabled_is_not_sent_later(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    linked(&world, "before").await;
    let hook = world.hook(&caller, &there.url()).await;
    assert_eq!(world.send().await, 0, "nothing of the time before it was made");
    linked(&world, "one").await;
    // On its way, and not sent yet: it waits.
    webhooks::disable(&world.hub, &caller, &hook, guard()).await.unwrap();
    assert_eq!(world.send().await, 0);
    linked(&world, "two").await;
    assert_eq!(world.send().await, 0);
    linked(&world, "three").await;
    webhooks::enable(&world.hub, &caller, &hook, guard()).await.unwrap();
    linked(&world, "four").await;
    world.send().await;
    assert_eq!(there.told("origin_owner_id"), ["one", "four"]);
    // What was queued before it was disabled waits, and is sent afterwards.
    let failing = FakeHub::script(vec![
        Reply::text(500, "text/plain", ""),
        Reply::text(200, "text/plain", ""),
    ]);
    let second = world.hook(&caller, &failing.url()).await;
    linked(&world, "five").await;
    world.send().await;
    webhooks::disable(&world.hub, &caller, &second, guard()).await.unwrap();
    world.clock.advance_seconds(3_600);
    assert_eq!(world.send().await, 0);
    webhooks::enable(&world.hub, &caller, &second, guard()).await.unwrap();
    assert_eq!(world.send().await, 1);
    assert_eq!(failing.told("origin_owner_id"), ["five", "five"]);
    // Doing it again changes nothing.
    let events = world.events();
    let again = webhooks::enable(&world.hub, &caller, &second, guard()).await.unwrap();
    assert!(!again.changed && world.events() == events);
}

async fn wh_8_a_receiver_that_fails_changes_nothing(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    world.add(&caller, config("bamboohr")).await;
    // Nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    world.hook(&caller, &format!("http://127.0.0.1:{port}/")).await;
    let id = linked(&world, "acme").await;
    assert_eq!(world.send().await, 1);
    world.account(&caller, &id).await;
    let [delivery] = all(&world, &Filter::default()).await.try_into().unwrap();
    assert_eq!((delivery.state.as_str(), delivery.attempts), ("pending", 1));
    let told = delivery.last_error.unwrap();
    assert!(told.starts_with("can't connect"), "{told}");
    assert_eq!(delivery.last_status, None);
}

async fn wh_9_attempts_follow_the_schedule_with_one_body(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = answering(500);
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    assert_eq!(world.send().await, 1);
    let since = world.now();
    for (made, pause) in (1..).zip([5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]) {
        world.clock.advance_seconds(pause - 1);
        assert_eq!(world.send().await, 0, "too early after attempt {made}");
        world.clock.advance_seconds(1);
        assert_eq!(world.send().await, 1, "attempt {}", made + 1);
    }
    let asked = there.asked();
    assert_eq!(asked.len(), 8);
    for one in &asked {
        assert_eq!(one.body, asked[0].body, "frozen, `sent_at` included");
        assert_eq!(one.header("x-stackone-signature"), asked[0].header("x-stackone-signature"));
        assert_eq!(one.header("webhook-id"), asked[0].header("webhook-id"));
    }
    assert_eq!(asked[0].json()["sent_at"], since.to_string());
    let last: i64 = asked[7].header("webhook-timestamp").parse().unwrap();
    assert_eq!(last, world.now().as_millis() / 1000, "each attempt is signed anew");
    verify(&[secret()], &claims(&asked[7]), &asked[7].body, world.now()).unwrap();
    let [delivery] = all(&world, &Filter::default()).await.try_into().unwrap();
    assert_eq!((delivery.state.as_str(), delivery.next_at), ("failed", None));
    let detail = detail(&world, delivery.id).await;
    assert_eq!(detail.attempts.len(), 8);
    assert_eq!(detail.body.unwrap(), asked[0].body);
    assert_eq!(detail.attempts[0].answer.as_deref(), Some("no"));
    world.clock.advance_seconds(1_000_000);
    assert_eq!(world.send().await, 0, "given up");
    let now = hook_now(&world, &hook).await;
    assert_eq!((now.failing_since, now.disabled), (Some(since), None));
}

async fn wh_9_a_receiver_may_ask_for_time(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = FakeHub::script(vec![
        Reply::text(429, "text/plain", "").header("retry-after", "60"),
        Reply::text(503, "text/plain", "").header("retry-after", "999999999"),
        // Two hours after the day that it is asked again.
        Reply::text(503, "text/plain", "").header("retry-after", "Tue, 02 Jun 2026 14:01:00 GMT"),
        Reply::text(204, "text/plain", ""),
    ]);
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    assert_eq!(world.send().await, 1);
    world.clock.advance_seconds(59);
    assert_eq!(world.send().await, 0);
    world.clock.advance_seconds(1);
    assert_eq!(world.send().await, 1);
    world.clock.advance_seconds(86_399);
    assert_eq!(world.send().await, 0, "a day at most");
    world.clock.advance_seconds(1);
    assert_eq!(world.send().await, 1);
    world.clock.advance_seconds(7_199);
    assert_eq!(world.send().await, 0, "a date is a time, too");
    world.clock.advance_seconds(1);
    assert_eq!(world.send().await, 1);
    let [delivery] = all(&world, &Filter::default()).await.try_into().unwrap();
    assert_eq!((delivery.state.as_str(), delivery.last_status), ("delivered", Some(204)));
    assert_eq!(delivery.attempts, 4);
    assert_eq!(hook_now(&world, &hook).await.failing_since, None, "it works again");
}

async fn wh_9_after_five_days_of_failures_it_is_disabled_with_an_event(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let (there, watcher) = (answering(500), receiver());
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    world.hook_for(&caller, &watcher.url(), &[EventKind::WebhookDisabled]).await;
    linked(&world, "first").await;
    world.send().await;
    // It goes on failing all the time: see below for one that is asked nothing.
    for _ in 0..4 {
        world.clock.advance_seconds(86_400);
        assert_eq!(world.send().await, 1);
    }
    world.clock.advance_seconds(86_400 - 1);
    linked(&world, "second").await;
    world.send().await;
    assert!(hook_now(&world, &hook).await.disabled.is_none());
    world.clock.advance_seconds(5);
    world.send().await;
    let disabled = hook_now(&world, &hook).await.disabled.unwrap();
    assert_eq!((disabled.0, disabled.1.as_str()), (world.now(), "failing"));
    world.send().await;
    let [told] = watcher.asked().try_into().unwrap();
    let told = told.json();
    assert_eq!((&told["record_type"], &told["record_id"]), (&json!("webhook"), &json!(hook)));
    assert_eq!(told["data"]["disabled_reason"], "failing");
    // Enabled again it starts afresh.
    webhooks::enable(&world.hub, &caller, &hook, guard()).await.unwrap();
    linked(&world, "third").await;
    world.send().await;
    let now = hook_now(&world, &hook).await;
    assert_eq!((now.disabled, now.failing_since), (None, Some(world.now())));
}

async fn wh_9_a_receiver_that_is_asked_nothing_does_not_fail_meanwhile(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = answering(500);
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "first").await;
    let since = world.now();
    for _ in 0..8 {
        assert_eq!(world.send().await, 1);
        world.clock.advance_seconds(36_000);
    }
    assert_eq!(world.send().await, 0, "given up");
    assert_eq!(hook_now(&world, &hook).await.failing_since, Some(since));
    world.clock.advance_seconds(7 * 86_400);
    linked(&world, "second").await;
    assert_eq!(world.send().await, 1);
    let now = hook_now(&world, &hook).await;
    assert_eq!((now.disabled, now.failing_since), (None, Some(world.now())));
}

async fn wh_9_what_is_asked_for_during_an_attempt_begins_its_schedule_again(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let may = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&may);
    // The eighth attempt, which is the last one, waits.
    let there = FakeHub::start(move |_, count| {
        while count == 7 && !open.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Reply::text(500, "text/plain", "")
    });
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    for _ in 0..7 {
        assert_eq!(world.send().await, 1);
        world.clock.advance_seconds(36_000);
    }
    let [delivery] = all(&world, &Filter::default()).await.try_into().unwrap();
    tokio::join!(world.send(), async {
        arrived(&there, 8).await;
        deliveries::redeliver(&world.hub, &caller, delivery.id, guard()).await.unwrap();
        may.store(true, Ordering::Relaxed);
    });
    // Whether the same round has sent it already or not.
    world.send().await;
    assert_eq!(there.asked().len(), 9);
    let detail = detail(&world, delivery.id).await;
    assert_eq!((detail.delivery.state.as_str(), detail.attempts.len()), ("pending", 9));
    assert_eq!(detail.delivery.next_at, Some(world.now().plus_seconds(5)));
}

/// A server is killed while its clock is an hour ahead; the clock is set right, and another one
/// goes on.
async fn wh_8_a_clock_that_goes_back_holds_up_nothing(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &there.url()).await;
    let leased_for = |seconds| {
        let until = world.now().plus_seconds(seconds).as_millis();
        world.raw(&format!("update webhooks set lease_owner = 'killed', lease_until = {until}"));
    };
    world.clock.advance_seconds(3_600);
    leased_for(10);
    linked(&world, "acme").await;
    assert_eq!(world.send().await, 0, "somebody else sends it");
    world.clock.advance_seconds(-3_600);
    assert_eq!(world.send().await, 1);
    // The clocks of two machines may differ by less than a lease holds.
    leased_for(15);
    linked(&world, "globex").await;
    assert_eq!(world.send().await, 0, "somebody else sends it");
    world.clock.advance_seconds(16);
    assert_eq!(world.send().await, 1);
    assert_eq!(there.told("origin_owner_id"), ["acme", "globex"]);
}

async fn wh_10_disabling_a_config_tells_of_each_account(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    for owner in ["a", "b", "c"] {
        linked(&world, owner).await;
    }
    world.hook(&caller, &there.url()).await;
    world.disable(&caller, "bamboohr").await;
    world.enable(&caller, "bamboohr").await;
    world.send().await;
    assert_eq!(there.told("event"), ["account.updated"; 6]);
    let mut owners = there.told("origin_owner_id");
    owners.sort_unstable();
    assert_eq!(owners, ["a", "a", "b", "b", "c", "c"]);
}

/// Nobody stands between: an operator behind a firewall admits the machine that the hub runs on.
async fn wh_12_deliveries_come_from_the_hubs_own_address(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || listener.accept().unwrap().1.ip());
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &format!("http://{address}/hooks")).await;
    linked(&world, "acme").await;
    world.send().await;
    assert_eq!(peer.join().unwrap(), address.ip());
}

async fn threat_18_private_addresses_are_refused_when_made_and_when_called(world: TestHub) {
    let caller = world.caller();
    let new = |url: &str| New {
        url: url.parse().unwrap(),
        events: [EventKind::AccountCreated].into(),
        secret: None,
        if_there: None,
    };
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://[fd00::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://0.0.0.0/",
        "http://app.example.com/",
        "http://8.8.8.8/",
    ] {
        let made = world.changes_nothing(webhooks::create(&world.hub, &caller, new(url), guard()));
        refused(made.await, &codes::WEBHOOK_BLOCKED);
    }
    let made = webhooks::create(&world.hub, &caller, new("https://app.example.com/"), guard());
    let hook = made.await.unwrap().0.webhook.id;
    let changes = webhooks::Changes { url: Some("https://[::1]/".parse().unwrap()), events: None };
    let changed = webhooks::update(&world.hub, &caller, &hook, changes, guard()).await;
    refused(changed, &codes::WEBHOOK_BLOCKED);
    // One that was allowed when it was made is not called when it is not allowed any more.
    let there = receiver();
    let mut lenient = allowed(world.another());
    let (made, _) = webhooks::create(&lenient, &caller, new(&there.url()), guard()).await.unwrap();
    let sent = deliveries::test(&lenient, &caller, &made.webhook.id, guard()).await.unwrap();
    assert_eq!((sent.delivery.state.as_str(), there.asked().len()), ("delivered", 1));
    // A name that stands for this machine is refused as well, at the moment of the call (threat 19).
    let named = there.url().replace("http://127.0.0.1", "https://localhost");
    let (made, _) = webhooks::create(&lenient, &caller, new(&named), guard()).await.unwrap();
    lenient = world.another();
    for id in [&made.webhook.id, &hook] {
        let sent = deliveries::test(&lenient, &caller, id, guard()).await.unwrap();
        assert_eq!(sent.delivery.state.as_str(), "failed", "{sent:?}");
    }
    assert_eq!(there.asked().len(), 1);
}

async fn threat_20_redirects_are_not_followed(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let inside = receiver();
    let to = inside.url();
    let there =
        FakeHub::start(move |_, _| Reply::text(307, "text/plain", "").header("location", &*to));
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    assert_eq!(world.send().await, 1);
    assert!(inside.asked().is_empty());
    let [delivery] = all(&world, &Filter::default()).await.try_into().unwrap();
    assert_eq!((delivery.state.as_str(), delivery.last_status), ("pending", Some(307)));
    assert!(delivery.last_error.unwrap().contains("redirects"));
}

async fn threat_30_410_is_the_end(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = answering(410);
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    linked(&world, "globex").await;
    world.send().await;
    let now = hook_now(&world, &hook).await;
    assert_eq!(now.disabled.map(|(_, why)| why.as_str()), Some("gone"));
    assert_eq!(world.number("select count(*) from events where kind = 'webhook.disabled'"), 1);
    let asked = there.asked().len();
    linked(&world, "initech").await;
    world.clock.advance_seconds(3_600);
    assert_eq!(world.send().await, 0);
    assert_eq!(there.asked().len(), asked);
}

async fn threat_30_410_is_the_end_whatever_else_is_taken(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = FakeHub::start(|_, count| {
        Reply::text(if count == 3 { 410 } else { 200 }, "text/plain", "")
    });
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    for owner in 0..8 {
        linked(&world, &format!("owner-{owner}")).await;
    }
    world.send().await;
    let now = hook_now(&world, &hook).await;
    assert_eq!(now.disabled.map(|(_, why)| why.as_str()), Some("gone"));
}

async fn wh_5_other_events_are_for_what_happens_from_then_on(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook_for(&caller, &there.url(), &[EventKind::AccountCreated]).await;
    let hook = hook.webhook.id;
    let to = |events: &[EventKind]| webhooks::Changes {
        events: Some(events.iter().copied().collect()),
        url: None,
    };
    linked(&world, "before").await;
    let deletions = to(&[EventKind::AccountDeleted]);
    webhooks::update(&world.hub, &caller, &hook, deletions, guard()).await.unwrap();
    linked(&world, "between").await;
    let both = to(&[EventKind::AccountCreated, EventKind::AccountDeleted]);
    webhooks::update(&world.hub, &caller, &hook, both, guard()).await.unwrap();
    linked(&world, "after").await;
    world.send().await;
    assert_eq!(there.told("origin_owner_id"), ["before", "after"]);
}

/// A receiver that answers the first attempt with 410, as soon as it may, and takes all others.
pub(super) fn gone_at_first() -> (FakeHub, Arc<AtomicBool>) {
    let may = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&may);
    let there = FakeHub::start(move |_, count| {
        while count == 0 && !open.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Reply::text(if count == 0 { 410 } else { 200 }, "text/plain", "")
    });
    (there, may)
}

/// Waits until so many attempts have arrived.
pub(super) async fn arrived(there: &FakeHub, count: usize) {
    let until = Instant::now() + PATIENCE;
    while there.asked().len() < count {
        assert!(Instant::now() < until, "{} of {count}", there.asked().len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn a_late_410_of_a_former_address_says_nothing_of_the_present_one(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let ((old, may), new) = (gone_at_first(), receiver());
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &old.url()).await;
    linked(&world, "acme").await;
    let (sent, ()) = tokio::join!(world.send(), async {
        arrived(&old, 1).await;
        let url = Some(new.url().parse().unwrap());
        let moved = webhooks::Changes { url, events: None };
        webhooks::update(&world.hub, &caller, &hook, moved, guard()).await.unwrap();
        may.store(true, Ordering::Relaxed);
    });
    assert_eq!(sent, 1);
    let now = hook_now(&world, &hook).await;
    assert_eq!((now.disabled, now.failing_since), (None, None));
    assert_eq!(now.url, format!("{}/", new.url()));
    assert_eq!(world.number("select count(*) from events where kind = 'webhook.disabled'"), 0);
    // What the old one would not take is on its way to the new one.
    world.clock.advance_seconds(5);
    assert_eq!(world.send().await, 1);
    assert_eq!((old.asked().len(), new.told("origin_owner_id")), (1, vec!["acme".to_owned()]));
}

async fn a_late_410_does_not_disable_what_was_enabled_meanwhile(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let (there, may) = gone_at_first();
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    tokio::join!(world.send(), async {
        arrived(&there, 1).await;
        webhooks::disable(&world.hub, &caller, &hook, guard()).await.unwrap();
        webhooks::enable(&world.hub, &caller, &hook, guard()).await.unwrap();
        may.store(true, Ordering::Relaxed);
    });
    let now = hook_now(&world, &hook).await;
    assert_eq!((now.disabled, now.failing_since), (None, None));
    world.clock.advance_seconds(5);
    world.send().await;
    let [delivery] = all(&world, &Filter::default()).await.try_into().unwrap();
    assert_eq!(delivery.state.as_str(), "delivered");
}

async fn a_new_address_has_not_failed_yet(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let (old, new) = (answering(500), answering(503));
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &old.url()).await;
    linked(&world, "first").await;
    world.send().await;
    world.clock.advance_seconds(5 * 86_400);
    let url = Some(new.url().parse().unwrap());
    let moved = webhooks::Changes { url, events: None };
    webhooks::update(&world.hub, &caller, &hook, moved, guard()).await.unwrap();
    linked(&world, "second").await;
    world.send().await;
    let now = hook_now(&world, &hook).await;
    assert_eq!((now.disabled, now.failing_since), (None, Some(world.now())));
    assert!(!new.asked().is_empty());
}

/// A clock that goes on by so much whenever somebody looks at it: what reads it takes its time.
struct TickingClock {
    millis: AtomicI64,
    tick_ms: i64,
}

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.fetch_add(self.tick_ms, Ordering::Relaxed))
    }
}

/// Opening a lane reads the clock twice, so that opening all of these takes longer than a lease
/// holds.
async fn no_lease_runs_out_while_other_lanes_are_opened(mut world: TestHub) {
    const HOOKS: u64 = 200;
    const LEASE_MS: i64 = 10_000;
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    for _ in 0..HOOKS {
        world.hook(&caller, &there.url()).await;
    }
    linked(&world, "acme").await;
    let clock = TickingClock { millis: AtomicI64::new(world.now().as_millis()), tick_ms: 30 };
    let hub = allowed(Hub::new(
        world.place.store(),
        Arc::new(clock),
        Arc::new(SeededRandom::new(99)),
        key_file(&world.folder),
        "http://127.0.0.1:4780".parse().unwrap(),
    ));
    assert_eq!(round(&hub).await.unwrap(), HOOKS);
    // A body is made when its lane is opened.
    let opened: Vec<Timestamp> =
        there.told("sent_at").iter().map(|at| at.parse().unwrap()).collect();
    let sent = Timestamp::from_millis(world.number("select min(at) from webhook_attempts"));
    let waited_ms = sent.millis_since(*opened.iter().min().unwrap());
    assert!(waited_ms < LEASE_MS, "{waited_ms} ms");
    assert!(opened.iter().any(|at| *at > sent), "others are opened while it is sent");
}

async fn threat_31_address_and_secrets_are_sealed(world: TestHub) {
    let caller = world.caller();
    let made =
        world.hook_for(&caller, "https://a.example/?token=t0ken-1", &[EventKind::KeyCreated]);
    let made = made.await;
    assert_eq!(made.secret, None, "who brings a secret knows it");
    let id = made.webhook.id;
    let next = webhooks::rotate(&world.hub, &caller, &id, Rotation::Begin, guard()).await.unwrap();
    let next = next.secret.unwrap().text().expose().to_owned();
    let rows = format!("{:?}", world.dump());
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for planted in ["t0ken-1", SECRET, &next] {
        assert!(!rows.contains(planted) && !rows.contains(&hex(planted)), "{planted}");
    }
    assert!(rows.contains("https://a.example/?token=***"), "{rows}");
    // A row's secrets open in that row only.
    let other = world.hook(&caller, "https://b.example/").await;
    world.raw(&format!(
        "update webhooks set sealed = (select sealed from webhooks where id = '{id}'), \
         sealed_version = 2 where id = '{other}'"
    ));
    let moved = deliveries::test(&world.hub, &caller, &other, guard()).await;
    refused(moved, &codes::SEAL_BROKEN);
}

async fn a_secret_is_replaced_while_both_sign(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    let id = world.hook(&caller, &there.url()).await;
    let rotate = async |step| webhooks::rotate(&world.hub, &caller, &id, step, guard()).await;
    let test = async || {
        deliveries::test(&world.hub, &caller, &id, guard()).await.unwrap();
        there.asked().pop().unwrap()
    };
    refused(rotate(Rotation::Activate).await, &codes::WEBHOOK_STATE);
    let begun = rotate(Rotation::Begin).await.unwrap();
    assert_eq!(begun.webhook.next_secret_at, Some(world.now()));
    let (old, new) = (secret(), begun.secret.unwrap());
    let fits = |asked: &Asked, secret: &SigningSecret, only: &str| {
        let mut claims = claims(asked);
        if only == "standard" {
            claims.signature = None;
        } else {
            claims.signatures = None;
        }
        verify(std::slice::from_ref(secret), &claims, &asked.body, world.now()).is_ok()
    };
    let asked = test().await;
    assert!(fits(&asked, &old, "vendor") && !fits(&asked, &new, "vendor"));
    assert!(fits(&asked, &old, "standard") && fits(&asked, &new, "standard"));
    let active = rotate(Rotation::Activate).await.unwrap();
    assert!(active.secret.is_none() && active.webhook.previous_secret_at.is_some());
    let asked = test().await;
    assert!(!fits(&asked, &old, "vendor") && fits(&asked, &new, "vendor"));
    assert!(fits(&asked, &old, "standard") && fits(&asked, &new, "standard"));
    let done = rotate(Rotation::Finish).await.unwrap();
    assert_eq!((done.webhook.next_secret_at, done.webhook.previous_secret_at), (None, None));
    let asked = test().await;
    assert!(!fits(&asked, &old, "standard") && fits(&asked, &new, "standard"));
    let leaked = rotate(Rotation::AtOnce).await.unwrap().secret.unwrap();
    let asked = test().await;
    assert!(fits(&asked, &leaked, "vendor") && !fits(&asked, &new, "standard"));
    assert_ne!(leaked, SigningSecret::mint(&[0; SECRET_BYTES]));
}

async fn a_second_secret_is_not_lost_by_beginning_twice(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    let id = world.hook(&caller, &there.url()).await;
    let rotate = async |step| webhooks::rotate(&world.hub, &caller, &id, step, guard()).await;
    let signs = async |secret: &SigningSecret| {
        deliveries::test(&world.hub, &caller, &id, guard()).await.unwrap();
        let asked = there.asked().pop().unwrap();
        let mut claims = claims(&asked);
        claims.signature = None;
        verify(std::slice::from_ref(secret), &claims, &asked.body, world.now()).is_ok()
    };
    let next = rotate(Rotation::Begin).await.unwrap().secret.unwrap();
    let since = world.now();
    world.clock.advance_seconds(60);
    let again = world.changes_nothing(rotate(Rotation::Begin)).await;
    let refusal = refused(again, &codes::WEBHOOK_STATE);
    assert!(refusal.message().contains(&since.to_string()), "{refusal}");
    assert!(refusal.hint_text().unwrap().contains(&format!("{id} --activate")), "{refusal:?}");
    assert!(signs(&next).await);
    // Where that is meant, it takes the other one's place.
    let other = rotate(Rotation::BeginAgain).await.unwrap();
    assert_eq!(other.webhook.next_secret_at, Some(world.now()));
    let other = other.secret.unwrap();
    assert!(signs(&other).await && !signs(&next).await);
    rotate(Rotation::Activate).await.unwrap();
    let again = world.changes_nothing(rotate(Rotation::Begin)).await;
    let refusal = refused(again, &codes::WEBHOOK_STATE);
    assert!(refusal.hint_text().unwrap().contains("--finish"), "{refusal:?}");
    assert!(signs(&secret()).await && signs(&other).await);
    rotate(Rotation::Finish).await.unwrap();
    rotate(Rotation::Begin).await.unwrap();
}

async fn a_delivery_is_sent_again_as_it_was(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    world.send().await;
    let [delivery] = all(&world, &Filter::default()).await.try_into().unwrap();
    world.clock.advance_seconds(500);
    let again = deliveries::redeliver(&world.hub, &caller, delivery.id, guard()).await.unwrap();
    assert_eq!(again.after.unwrap().state.as_str(), "pending");
    assert_eq!(world.send().await, 1);
    let asked = there.asked();
    assert_eq!((asked.len(), &asked[0].body), (2, &asked[1].body));
    assert_eq!(asked[0].header("webhook-id"), asked[1].header("webhook-id"));
    assert_eq!(detail(&world, delivery.id).await.attempts.len(), 2);
    // Those given up since a time, of a webhook that is enabled.
    world.raw("update webhook_deliveries set state = 'failed'");
    let since = world.now().plus_seconds(-60);
    let again =
        async |hook| deliveries::redeliver_since(&world.hub, &caller, hook, since, guard()).await;
    let other = "0199-none".parse().unwrap();
    refused(again(Some(&other)).await, &codes::WEBHOOK_UNKNOWN);
    assert_eq!(again(Some(&hook)).await.unwrap(), 1);
    assert_eq!(again(None).await.unwrap(), 0, "it is on its way already");
    assert_eq!(world.send().await, 1);
    webhooks::disable(&world.hub, &caller, &hook, guard()).await.unwrap();
    let refusal = deliveries::redeliver(&world.hub, &caller, delivery.id, guard()).await;
    refused(refusal, &codes::WEBHOOK_STATE);
    refused(again(Some(&hook)).await, &codes::WEBHOOK_STATE);
    let missing = DeliveryId::from_row(99_999);
    let unknown = deliveries::redeliver(&world.hub, &caller, missing, guard()).await;
    refused(unknown, &codes::DELIVERY_UNKNOWN);
}

async fn a_trial_is_sent_once_and_shown(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = answering(500);
    let hook = world.hook(&caller, &there.url()).await;
    webhooks::disable(&world.hub, &caller, &hook, guard()).await.unwrap();
    let sent = deliveries::test(&world.hub, &caller, &hook, guard()).await.unwrap();
    assert_eq!(sent.delivery.state.as_str(), "failed");
    assert_eq!(sent.attempts[0].status, Some(500));
    let body = there.asked()[0].json();
    assert_eq!((&body["event"], &body["record_id"]), (&json!("webhook.test"), &json!(hook)));
    verify(&[secret()], &claims(&there.asked()[0]), &there.asked()[0].body, world.now()).unwrap();
    world.clock.advance_seconds(3_600);
    webhooks::enable(&world.hub, &caller, &hook, guard()).await.unwrap();
    assert_eq!(world.send().await, 0, "a trial is not repeated");
    assert_eq!(hook_now(&world, &hook).await.failing_since, None);
    let tried = world.changes_nothing(deliveries::test(&world.hub, &caller, &hook, DRY_RUN)).await;
    assert!(tried.unwrap().attempts.is_empty());
    assert_eq!(there.asked().len(), 1);
}

async fn a_trial_is_brought_to_its_end_where_whoever_asked_goes_away(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let may = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&may);
    let there = FakeHub::start(move |_, _| {
        while !own.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Reply::text(200, "text/plain", "")
    });
    let hook = world.hook(&caller, &there.url()).await;
    let mut trial = Box::pin(deliveries::test(&world.hub, &caller, &hook, guard()));
    tokio::select! {
        early = &mut trial => panic!("{early:?}"),
        () = arrived(&there, 1) => {}
    }
    drop(trial);
    may.store(true, Ordering::Relaxed);
    world.hub.settled().await;
    let [left] = all(&world, &Filter::default()).await.try_into().unwrap();
    assert_eq!((left.state.as_str(), left.last_status), ("delivered", Some(200)));
}

async fn a_trial_whose_end_nobody_saw_is_given_up(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    let hook = world.hook(&caller, &there.url()).await;
    for _ in 0..2 {
        deliveries::test(&world.hub, &caller, &hook, guard()).await.unwrap();
    }
    // As if the process had been killed before the first of them was answered.
    let lost = world.number("select min(number) from webhook_deliveries");
    world.raw(&format!(
        "update webhook_deliveries set state = 'pending', attempts = 0, tries = 0, done_at = null, \
         last_status = null where number = {lost}; \
         delete from webhook_attempts where delivery = {lost}"
    ));
    let states = async |world: &TestHub| -> Vec<String> {
        let all = all(world, &Filter::default()).await;
        all.iter().map(|delivery| delivery.state.as_str().to_owned()).collect()
    };
    world.clock.advance_seconds(299);
    world.send().await;
    assert_eq!(states(&world).await, ["delivered", "pending"], "it may be on its way");
    world.clock.advance_seconds(2);
    assert_eq!(world.send().await, 0, "it is not sent again");
    assert_eq!(states(&world).await, ["delivered", "failed"]);
    let given_up = detail(&world, DeliveryId::from_row(lost)).await.delivery;
    assert_eq!((given_up.attempts, given_up.last_status), (0, None));
    assert_eq!(there.asked().len(), 2);
}

async fn every_event_is_fanned_out_once(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    world.send().await;
    // A process that was cut off between the deliveries and the note of them starts over.
    world.raw("update webhook_cursor set seq = 0");
    assert_eq!(world.send().await, 0);
    assert_eq!(there.asked().len(), 1);
    // More than one step of the work.
    for number in 0..300 {
        linked(&world, &format!("owner-{number}")).await;
    }
    assert_eq!(world.send().await, 300);
    let mut told = there.told("origin_owner_id");
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 301);
}

async fn events_of_one_thing_never_overtake_one_another(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    let mut ids = Vec::new();
    for owner in ["a", "b", "c", "d"] {
        ids.push(linked(&world, owner).await);
    }
    world.hook(&caller, &there.url()).await;
    for number in 0..30 {
        for id in &ids {
            let mut changes = Changes::default();
            changes.update.owner_name = Some(format!("{number:02}"));
            accounts::update(&world.hub, &caller, id, changes, guard()).await.unwrap();
        }
    }
    assert_eq!(world.send().await, 120);
    for id in &ids {
        let told: Vec<String> = there
            .asked()
            .iter()
            .map(Asked::json)
            .filter(|body| body["account_id"] == json!(id))
            .map(|body| body["origin_owner_name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(told.len(), 30);
        assert!(told.is_sorted(), "{told:?}");
    }
}

async fn two_replicas_send_each_delivery_once(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let receivers: Vec<FakeHub> = (0..4).map(|_| receiver()).collect();
    world.add(&caller, config("bamboohr")).await;
    for there in &receivers {
        world.hook(&caller, &there.url()).await;
    }
    for number in 0..40 {
        linked(&world, &format!("owner-{number}")).await;
    }
    let (one, other) = (allowed(world.another()), allowed(world.another()));
    let (sent, also) = futures_util::join!(round(&one), round(&other));
    let (sent, also) = (sent.unwrap(), also.unwrap());
    let rest = world.send().await;
    assert_eq!(sent + also + rest, 160);
    for there in &receivers {
        let mut told = there.told("record_id");
        told.sort_unstable();
        told.dedup();
        assert_eq!((told.len(), there.asked().len()), (40, 40));
    }
}

async fn a_webhook_that_is_deleted_meanwhile_is_passed_over(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    webhooks::delete(&world.hub, &caller, &hook, guard()).await.unwrap();
    assert_eq!(world.send().await, 0);
    refused(webhooks::get(&world.hub, &caller, &hook).await, &codes::WEBHOOK_UNKNOWN);
    for table in ["webhook_deliveries", "webhook_bodies", "webhook_attempts"] {
        assert_eq!(world.number(&format!("select count(*) from {table}")), 0, "{table}");
    }
    assert_eq!(world.number("select count(*) from events where kind = 'webhook.deleted'"), 1);
}

async fn a_webhook_that_is_damaged_holds_up_no_other(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let [broken, fine] = std::array::from_fn(|_| receiver());
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &broken.url()).await;
    world.hook(&caller, &fine.url()).await;
    world.raw(
        "update webhooks set sealed = (select sealed from webhooks order by number desc limit 1)",
    );
    linked(&world, "acme").await;
    world.send().await;
    assert_eq!((broken.asked().len(), fine.asked().len()), (0, 1));
}

async fn deliveries_are_listed_from_an_instant_on(mut world: TestHub) {
    world.may_call_itself();
    let (caller, there) = (world.caller(), receiver());
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &there.url()).await;
    let mut made = Vec::new();
    for owner in ["a", "b", "c"] {
        linked(&world, owner).await;
        world.send().await;
        made.push(world.now());
        world.clock.advance_seconds(3_600);
    }
    // One by a clock that is a little behind.
    world.raw(
        "update webhook_deliveries set created_at = created_at - 60000 \
         where number = (select max(number) from webhook_deliveries)",
    );
    let since = |at: Timestamp| Filter { since: Some(at), ..Filter::default() };
    let before = made[2].plus_seconds(-60);
    for (at, count) in [(made[0], 3), (made[1], 2), (before, 1), (made[2], 0)] {
        assert_eq!(all(&world, &since(at)).await.len(), count, "{at}");
    }
    let newest = Filter { limit: Some(1), ..since(made[0]) };
    assert_eq!(all(&world, &newest).await, all(&world, &since(before)).await);
    let mut tx = world.hub.store().begin_write().await.unwrap();
    if !matches!(world.place, Place::Sqlite(_)) {
        tx.execute("set local enable_seqscan = off", &[]).await.unwrap();
    }
    let plan = rows::plan(&mut tx, caller.project(), &since(made[1])).await.unwrap().join("\n");
    for whole in ["SCAN d", "SCAN e", "Seq Scan on webhook_deliveries"] {
        assert!(!plan.contains(whole), "{plan}");
    }
}

async fn old_deliveries_are_forgotten(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    world.send().await;
    world.clock.advance_seconds(30 * 86_400 - 60);
    linked(&world, "globex").await;
    world.send().await;
    assert_eq!(all(&world, &Filter::default()).await.len(), 2);
    world.clock.advance_seconds(120);
    world.send().await;
    let left = all(&world, &Filter::default()).await;
    assert_eq!(left.len(), 1, "30 days");
    assert_eq!(world.number("select count(*) from webhook_bodies"), 1);
    assert_eq!(world.number("select count(*) from webhook_attempts"), 1);
}

async fn a_webhook_to_an_address_that_has_one_is_made_refused_or_passed_over(world: TestHub) {
    let (hub, caller, other) = (&world.hub, world.caller(), world.project("other").await);
    let url = "https://a.example/?t=1";
    let id = world.hook(&caller, url).await;
    let new = |url: &str, if_there| New {
        url: url.parse().unwrap(),
        events: [EventKind::KeyCreated].into(),
        secret: None,
        if_there,
    };
    let skip = new(url, Some(IfThere::Skip));
    let kept = world.changes_nothing(webhooks::create(hub, &caller, skip, guard())).await;
    let (kept, is_new) = kept.unwrap();
    assert_eq!((kept.webhook.id, kept.secret, is_new), (id.clone(), None, false));
    let fail = new(url, Some(IfThere::Fail));
    let made = world.changes_nothing(webhooks::create(hub, &caller, fail, guard())).await;
    assert!(refused(made, &codes::WEBHOOK_EXISTS).message().contains(id.as_str()));
    // Another hidden value is another address, and another project has webhooks of its own.
    for (caller, url, if_there) in [
        (&caller, "https://a.example/?t=2", Some(IfThere::Skip)),
        (&caller, "https://a.example/?t=3", Some(IfThere::Fail)),
        (&other, url, Some(IfThere::Skip)),
        (&caller, url, None),
    ] {
        let made = webhooks::create(hub, caller, new(url, if_there), guard()).await.unwrap();
        assert!(made.1 && made.0.secret.is_some() && made.0.webhook.id != id);
    }
}

async fn a_dry_run_leaves_nothing(world: TestHub) {
    let caller = world.caller();
    let id = world.hook(&caller, "https://a.example/").await;
    let new = New {
        url: "https://b.example/".parse().unwrap(),
        events: [EventKind::KeyCreated].into(),
        secret: None,
        if_there: None,
    };
    let hub = &world.hub;
    let made = world.changes_nothing(webhooks::create(hub, &caller, new, DRY_RUN)).await;
    assert!(made.unwrap().0.secret.is_some());
    let changes = webhooks::Changes { events: Some([EventKind::KeyDeleted].into()), url: None };
    let changed = webhooks::update(hub, &caller, &id, changes, DRY_RUN);
    assert!(world.changes_nothing(changed).await.unwrap().changed);
    let disabled = webhooks::disable(hub, &caller, &id, DRY_RUN);
    assert!(world.changes_nothing(disabled).await.unwrap().changed);
    let rotated = webhooks::rotate(hub, &caller, &id, Rotation::AtOnce, DRY_RUN);
    assert!(world.changes_nothing(rotated).await.unwrap().secret.is_some());
    let deleted = webhooks::delete(hub, &caller, &id, DRY_RUN);
    assert!(world.changes_nothing(deleted).await.unwrap().changed);
    assert!(hook_now(&world, &id).await.disabled.is_none());
}

/// In real time, so on one database only.
#[test]
fn threat_30_who_hangs_or_floods_delays_nobody_and_is_cut_off() {
    crate::support::hub::on_sqlite(async |mut world: TestHub| {
        world.may_call_itself();
        let caller = world.caller();
        let good = receiver();
        let silent = FakeHub::start(|_, _| Reply::silence());
        let stuck = FakeHub::start(|_, _| Reply::text(200, "text/plain", "begun").hang());
        let flood = vec![b'x'; 1 << 20];
        let endless =
            FakeHub::start(move |_, _| Reply::text(200, "text/plain", flood.clone()).endless());
        world.add(&caller, config("bamboohr")).await;
        for there in [&silent, &stuck, &endless] {
            world.hook(&caller, &there.url()).await;
        }
        let hook = world.hook(&caller, &good.url()).await;
        for number in 0..20 {
            linked(&world, &format!("owner-{number}")).await;
        }
        let began = Instant::now();
        let sending = world.send();
        let watching = async {
            while good.asked().len() < 20 && began.elapsed() < Duration::from_secs(30) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            began.elapsed()
        };
        let (took, _) = futures_util::join!(watching, async {
            // The rest of the round is about the others, one of which never answers.
            tokio::time::timeout(Duration::from_secs(14), sending).await.ok()
        });
        assert!(took < Duration::from_secs(8), "{took:?}");
        let filter = Filter { webhook: Some(hook), ..Filter::default() };
        assert!(all(&world, &filter).await.iter().all(|one| one.state.as_str() == "delivered"));
        let cut: Vec<_> = all(&world, &Filter::default())
            .await
            .into_iter()
            .filter(|one| one.last_error.as_deref() == Some("no answer within 10 s"))
            .collect();
        assert!(!cut.is_empty(), "who is silent is given 10 s");
        let kept = world.number("select coalesce(max(length(answer)), 0) from webhook_attempts");
        assert!((1..=1024).contains(&kept), "{kept}");
        let body: Value = good.asked()[0].json();
        assert_eq!(body["event"], "account.created");
    });
}
