//! What a hub counts of what it does for webhooks and at providers.

use hubctl::domain::event::EventKind;
use hubctl::hub::backlog::{Due, backlog};
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::tallies::Tally;
use hubctl::hub::webhooks;
use hubctl::hub::write::Guard;
use serde_json::json;

use super::webhooks::linked;
use crate::linking::{log_in, set_up};
use crate::support::asked::config;
use crate::support::hooks::{answering, receiver};
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases};

on_both_databases!(
    what_became_of_webhooks_is_counted,
    refreshes_and_calls_are_counted_by_what_they_came_to,
    what_is_due_and_how_long_is_known,
);

/// Those that were counted.
fn counted<const N: usize>(tally: &Tally<N>) -> Vec<(&'static str, u64)> {
    tally.rows().filter(|(_, count)| *count > 0).collect()
}

async fn what_became_of_webhooks_is_counted(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let (well, ill, gone) = (receiver(), answering(500), answering(410));
    world.add(&caller, config("bamboohr")).await;
    for there in [&well, &ill, &gone] {
        world.hook_for(&caller, &there.url(), &[EventKind::AccountCreated]).await;
    }
    linked(&world, "acme").await;
    assert_eq!(world.send().await, 3);
    let tallies = world.hub.tallies();
    assert_eq!(counted(&tallies.attempts), [("delivered", 1), ("failed", 1), ("gone", 1)]);
    assert_eq!(counted(&tallies.disabled), [("gone", 1)]);
    // A receiver that fails for five days is given up with all that waits for it.
    for _ in 0..5 {
        world.clock.advance_seconds(86_400);
        assert_eq!(world.send().await, 1);
    }
    assert_eq!(counted(&world.hub.tallies().disabled), [("gone", 1), ("failing", 1)]);
}

async fn refreshes_and_calls_are_counted_by_what_they_came_to(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(3600);
    refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    let down = Reply::text(503, "text/plain", "down");
    for answer in [down, Reply::json(400, &json!({"error": "invalid_grant"}))] {
        authority.answers(Some(answer));
        assert!(refresh::usable(&world.hub, &caller, &id, Want::Now).await.is_err());
    }
    let tallies = world.hub.tallies();
    assert_eq!(counted(&tallies.refreshes), [("ok", 1), ("refused", 1), ("transient", 1)]);
    let calls = counted(&tallies.calls);
    for status in ["2xx", "4xx", "5xx"] {
        assert!(calls.iter().any(|(known, _)| *known == status), "{status}: {calls:?}");
    }
}

async fn what_is_due_and_how_long_is_known(mut world: TestHub) {
    let none = Due::default();
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let ill = answering(500);
    let hook = world.hook_for(&caller, &ill.url(), &[EventKind::AccountCreated]).await;
    let id = log_in(&world, &authority, &caller, &config).await;
    assert_eq!(world.send().await, 1);
    let due = async || backlog(&world.hub).await.unwrap();
    let now = due().await;
    assert_eq!((now.deliveries, now.refreshes), (none, none), "both lie ahead");
    world.clock.advance_seconds(86_400);
    let late = due().await;
    assert_eq!((late.deliveries.count, late.refreshes.count), (1, 1));
    assert!(late.deliveries.oldest_s > 80_000.0 && late.refreshes.oldest_s > 80_000.0, "{late:?}");
    // What nobody is going to do is not due.
    refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    webhooks::disable(&world.hub, &caller, &hook.webhook.id, Guard::default()).await.unwrap();
    let now = due().await;
    assert_eq!((now.deliveries, now.refreshes), (none, none));
}
