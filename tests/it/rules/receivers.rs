//! Webhooks that are damaged, or whose receivers are gone, beside what else happens at that moment:
//! on both databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hubctl::hub::accounts;
use hubctl::hub::webhooks::deliveries::Filter;
use hubctl::hub::webhooks::{self, Changes, round, sender};
use tokio::sync::oneshot;
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

use super::webhooks::{all, arrived, gone_at_first, hook_now, linked};
use crate::support::asked::{account, config};
use crate::support::hooks::{answering, receiver};
use crate::support::hub::{Place, TestHub, guard, on_both_databases};
use crate::support::serving::PATIENCE;

on_both_databases!(
    wh_5_threat_30_many_webhooks_that_are_damaged_hold_up_no_other,
    wh_5_a_webhook_that_is_damaged_is_told_of_once_in_a_while,
    wh_7_what_happened_before_its_receiver_was_gone_is_sent_later,
    wh_9_a_410_is_kept_with_the_end_of_its_webhook_or_not_at_all,
    wh_9_five_days_of_failures_end_with_the_end_of_the_webhook_or_not_yet,
);

/// Leaves only the last webhook with an address and secrets that can be opened.
fn damage_all_but_the_last(world: &TestHub) {
    world.raw(
        "update webhooks set sealed = (select sealed from webhooks order by number desc limit 1)",
    );
}

async fn wh_5_threat_30_many_webhooks_that_are_damaged_hold_up_no_other(mut world: TestHub) {
    // More than are opened in one stretch.
    const DAMAGED: usize = 70;
    world.may_call_itself();
    let caller = world.caller();
    let (broken, fine) = (receiver(), receiver());
    world.add(&caller, config("bamboohr")).await;
    for _ in 0..DAMAGED {
        world.hook(&caller, &broken.url()).await;
    }
    world.hook(&caller, &fine.url()).await;
    damage_all_but_the_last(&world);
    linked(&world, "acme").await;
    let sent = tokio::time::timeout(PATIENCE, world.send()).await.expect("it comes to an end");
    assert_eq!((sent, broken.asked().len(), fine.asked().len()), (1, 0, 1));
    let leases = "select count(*) from webhooks where lease_owner is not null";
    assert_eq!(world.number(leases), 0, "nobody holds what nobody sends for");
}

/// Counts the errors in the log of webhooks.
#[derive(Clone, Default)]
struct Errors(Arc<AtomicUsize>);

impl Subscriber for Errors {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        *about.level() == Level::ERROR && about.target() == "hubctl::webhooks"
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

async fn wh_5_a_webhook_that_is_damaged_is_told_of_once_in_a_while(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let (broken, fine) = (receiver(), receiver());
    world.add(&caller, config("bamboohr")).await;
    world.hook(&caller, &broken.url()).await;
    world.hook(&caller, &fine.url()).await;
    damage_all_but_the_last(&world);
    let errors = Errors::default();
    let _told = tracing::subscriber::set_default(errors.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        _ = stopped.await;
    };
    tokio::join!(sender::run(&world.hub, stopped), async {
        // Each is a look of its own.
        for (count, owner) in (1..).zip(["one", "two", "three"]) {
            linked(&world, owner).await;
            arrived(&fine, count).await;
        }
        stop.send(()).unwrap();
    });
    assert_eq!(errors.0.load(Ordering::Relaxed), 1);
    assert!(broken.asked().is_empty());
}

async fn wh_7_what_happened_before_its_receiver_was_gone_is_sent_later(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let (there, may) = gone_at_first();
    world.add(&caller, config("bamboohr")).await;
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    // Whoever sends here is not woken by what another process commits.
    let other = world.another();
    tokio::join!(world.send(), async {
        arrived(&there, 1).await;
        let new = account("bamboohr", "before");
        accounts::add(&other, &caller, new, guard()).await.unwrap();
        may.store(true, Ordering::Relaxed);
    });
    let disabled = hook_now(&world, &hook).await.disabled;
    assert_eq!(disabled.map(|(_, why)| why.as_str()), Some("gone"));
    linked(&world, "meanwhile").await;
    webhooks::enable(&world.hub, &caller, &hook, guard()).await.unwrap();
    linked(&world, "after").await;
    world.send().await;
    assert_eq!(there.told("origin_owner_id"), ["acme", "before", "after"]);
}

/// Makes the store refuse to disable webhooks in the next seconds: whoever tries ends there, as if
/// it were killed.
fn refuse_to_disable(world: &TestHub, for_s: i64) {
    let until = world.now().plus_seconds(for_s).as_millis();
    let update = "before update of disabled_at on webhooks";
    let soon = format!("new.disabled_at < {until}");
    world.raw(&match world.place {
        Place::Sqlite(_) => format!(
            "create trigger no_end {update} when {soon} begin select raise(abort, 'no'); end"
        ),
        #[cfg(unix)]
        Place::Postgres(_) => format!(
            "create function no_end() returns trigger language plpgsql as \
             $$ begin raise exception 'no'; end $$; \
             create trigger no_end {update} for each row when ({soon}) execute function no_end()"
        ),
    });
}

/// Asserts that one delivery waits after so many attempts.
async fn assert_pending(world: &TestHub, attempts: u32) {
    let [one] = all(world, &Filter::default()).await.try_into().unwrap();
    assert_eq!((one.state.as_str(), one.attempts), ("pending", attempts), "{one:?}");
    let noted = world.number("select count(*) from webhook_attempts");
    assert_eq!(noted, i64::from(attempts));
}

async fn wh_9_a_410_is_kept_with_the_end_of_its_webhook_or_not_at_all(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let (old, new) = (answering(410), receiver());
    world.add(&caller, config("bamboohr")).await;
    refuse_to_disable(&world, 1);
    let hook = world.hook(&caller, &old.url()).await;
    linked(&world, "acme").await;
    round(&world.hub).await.unwrap_err();
    assert_eq!((old.asked().len(), hook_now(&world, &hook).await.disabled), (1, None));
    assert_pending(&world, 0).await;
    // An administrator who moves it at that moment gets at the new address what the old one
    // did not take.
    let url = Some(new.url().parse().unwrap());
    webhooks::update(&world.hub, &caller, &hook, Changes { url, events: None }, guard())
        .await
        .unwrap();
    world.clock.advance_seconds(60);
    assert_eq!(world.send().await, 1);
    assert_eq!((old.asked().len(), new.told("origin_owner_id")), (1, vec!["acme".to_owned()]));
}

async fn wh_9_five_days_of_failures_end_with_the_end_of_the_webhook_or_not_yet(mut world: TestHub) {
    const DAYS_MS: i64 = 5 * 86_400_000;
    world.may_call_itself();
    let caller = world.caller();
    let there = answering(500);
    world.add(&caller, config("bamboohr")).await;
    refuse_to_disable(&world, 61);
    let hook = world.hook(&caller, &there.url()).await;
    linked(&world, "acme").await;
    world.send().await;
    assert_pending(&world, 1).await;
    world.raw(&format!("update webhooks set failing_since = failing_since - {DAYS_MS}"));
    world.clock.advance_seconds(60);
    round(&world.hub).await.unwrap_err();
    assert_pending(&world, 1).await;
    world.clock.advance_seconds(60);
    assert_eq!(world.send().await, 1);
    assert_pending(&world, 2).await;
    let disabled = hook_now(&world, &hook).await.disabled;
    assert_eq!(disabled.map(|(_, why)| why.as_str()), Some("failing"));
}
