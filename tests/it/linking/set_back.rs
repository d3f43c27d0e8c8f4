//! What was noted of tokens before the clock was set back keeps no call waiting for that time to
//! come again.

use std::time::Duration;

use hubctl::error::codes;
use hubctl::hub::accounts;
use hubctl::hub::refresh::{self, Round, Want};
use serde_json::json;

use super::{log_in, set_up};
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    oa_13_a_failure_of_before_keeps_no_call_from_asking,
    oa_13_the_end_of_a_token_of_before_is_not_trusted,
    oa_15_threat_24_a_lease_of_before_ends_as_soon_as_any_other,
);

async fn oa_13_a_failure_of_before_keeps_no_call_from_asking(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(7200);
    authority.answers(Some(Reply::json(503, &json!({}))));
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    authority.answers(None);
    world.clock.advance_seconds(-3000);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("access_token"), Some("access-2"));
}

async fn oa_13_the_end_of_a_token_of_before_is_not_trusted(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    world.clock.advance_seconds(7200);
    let id = log_in(&world, &authority, &caller, &config).await;
    let codes = async || -> Vec<String> {
        let told = accounts::explain(&world.hub, &caller, &id).await.unwrap();
        assert!(told.usable, "{told:?}");
        let command = format!("hubctl accounts refresh {id}");
        assert!(told.findings.iter().all(|found| found.command.as_ref() == Some(&command)));
        told.findings.into_iter().map(|found| found.code).collect()
    };
    assert!(codes().await.is_empty());
    world.clock.advance_seconds(-7200);
    assert_eq!(codes().await, ["clock_set_back"]);
    for _ in 0..2 {
        let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
        assert_eq!(usable.values.get("access_token"), Some("access-2"));
    }
    assert!(codes().await.is_empty());
}

async fn oa_15_threat_24_a_lease_of_before_ends_as_soon_as_any_other(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let other = authority.reached_by(world.another());
    world.clock.advance_seconds(7200);
    let mut gate = authority.gate();
    let second = async {
        gate.wait().await;
        world.clock.advance_seconds(-3000);
        let mut second = Box::pin(refresh::usable(&other, &caller, &id, Want::Usable));
        let early = tokio::time::timeout(Duration::from_millis(500), &mut second).await;
        let until = world.number("select lease_until from account_credentials");
        gate.open();
        assert!(early.is_err(), "somebody is at it: {early:?}");
        (until - world.now().as_millis(), second.await)
    };
    let (first, (left, second)) =
        tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Usable), second);
    assert_eq!((first.unwrap().version, second.unwrap().version), (2, 2));
    assert_eq!((left, authority.token_calls()), (60_000, 2), "one for the login, one for both");
    // Whoever had the next one is gone.
    world.clock.advance_seconds(7200);
    let until = world.now().plus_seconds(3600).as_millis();
    world.raw(&format!("update account_credentials set lease_until = {until}"));
    let round = refresh::round(&world.hub, 64, || true).await.unwrap();
    assert_eq!((round, authority.token_calls()), (Round::default(), 2));
    world.clock.advance_seconds(60);
    let round = refresh::round(&world.hub, 64, || true).await.unwrap();
    assert_eq!(round, Round { refreshed: 1, failed: 0 });
}
