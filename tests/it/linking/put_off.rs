//! Accounts that the worker can't read: they are put off, and keep nobody else waiting.

use std::time::{Duration, Instant};

use hubctl::domain::account::Status;
use hubctl::hub::accounts;
use hubctl::hub::refresh::{self, Round, Want};
use serde_json::{Value, json};

use super::checking::take_the_method_away;
use super::refresh::link_a_machine;
use super::{account, add_to, killed, set_up};
use crate::support::authority::Authority;
use crate::support::cli::TestHome;
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases};

on_both_databases!(
    oa_13_an_account_without_its_method_is_put_off_and_keeps_no_other_waiting,
    threat_31_a_broken_seal_is_not_opened_again_at_once,
    threat_33_a_master_key_that_is_away_for_a_moment_delays_no_refresh_for_long,
);

async fn oa_13_an_account_without_its_method_is_put_off_and_keeps_no_other_waiting(
    mut world: TestHub,
) {
    let (caller, authority, config) = set_up(&mut world, "machine").await;
    let broken = link_a_machine(&world, &caller, &config, "acme-7").await;
    let other = Authority::start();
    other.welcome_as("other", &mut world, &caller).await;
    let sound = add_to("other", &world, &caller, "machine", "sound").await;
    world.clock.advance_seconds(1);
    link_a_machine(&world, &caller, &sound, "acme-8").await;
    take_the_method_away(&world, &authority, "machine", "2.0.0").await;
    world.clock.advance_seconds(3600);
    let before = world.events();
    // A round has room for one, and the broken account is due for the longer time.
    let round = refresh::round(&world.hub, 1, || true).await.unwrap();
    assert_eq!(round, Round { refreshed: 0, failed: 1 });
    let round = refresh::round(&world.hub, 1, || true).await.unwrap();
    assert_eq!(round, Round { refreshed: 1, failed: 0 });
    assert_eq!(refresh::round(&world.hub, 64, || true).await.unwrap(), Round::default());
    let due = refresh::next_due(&world.hub).await.unwrap().unwrap();
    assert!(due.millis_since(world.now()) >= 2_880_000, "{due}");
    let told = accounts::explain(&world.hub, &caller, &broken).await.unwrap();
    let failing = told.findings.iter().find(|finding| finding.code == "refresh_failing").unwrap();
    assert!(failing.cause.contains("is not in the connector any more"), "{failing:?}");
    assert_eq!(failing.since, Some(world.now()));
    assert_eq!(told.token.unwrap().failures, 1);
    // OA-14: nothing was refused.
    assert_eq!(account(&world, &caller, &broken).await.status, Status::Active);
    assert_eq!(world.events(), before);
    // Once it is mended no call waits: nobody was asked.
    take_the_method_away(&world, &authority, "none", "3.0.0").await;
    let usable = refresh::usable(&world.hub, &caller, &broken, Want::Usable).await.unwrap();
    assert_eq!((usable.version, usable.values.get("access_token")), (2, Some("access-2")));
    assert_eq!(world.number("select max(failures) from account_credentials"), 0);
}

async fn threat_31_a_broken_seal_is_not_opened_again_at_once(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "machine").await;
    let id = link_a_machine(&world, &caller, &config, "acme-7").await;
    world.clock.advance_seconds(3600);
    world.raw("update account_credentials set version = version + 1");
    let asked = authority.calls();
    let round = refresh::round(&world.hub, 64, || true).await.unwrap();
    assert_eq!(round, Round { refreshed: 0, failed: 1 });
    assert_eq!(refresh::round(&world.hub, 64, || true).await.unwrap(), Round::default());
    let due = refresh::next_due(&world.hub).await.unwrap().unwrap();
    assert!(due > world.now(), "{due}");
    assert_eq!(authority.calls(), asked);
    let told = accounts::explain(&world.hub, &caller, &id).await.unwrap();
    let failing = told.findings.iter().find(|finding| finding.code == "refresh_failing").unwrap();
    assert!(failing.cause.contains("a sealed value does not belong"), "{failing:?}");
    // Nobody was asked, so that nothing is known of the client that others use as well.
    assert!(!failing.cause.contains("all accounts"), "{failing:?}");
    // Nor is an answer missing that nobody was asked for.
    let lost = "select count(*) from account_credentials where asked_at is not null";
    assert_eq!(world.number(lost), 0);
}

async fn threat_33_a_master_key_that_is_away_for_a_moment_delays_no_refresh_for_long(
    mut world: TestHub,
) {
    let (caller, authority, config) = set_up(&mut world, "machine").await;
    let id = link_a_machine(&world, &caller, &config, "acme-7").await;
    let broken = link_a_machine(&world, &caller, &config, "acme-8").await;
    world.raw(&format!(
        "update account_credentials set version = version + 1 where account = '{broken}'"
    ));
    world.clock.advance_seconds(3600);
    let (key, aside) = (world.key_path(), world.folder.path().join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    // A hub that has not seen the key yet.
    let hub = authority.reached_by(world.another());
    let both = Round { refreshed: 0, failed: 2 };
    assert_eq!(refresh::round(&hub, 64, || true).await.unwrap(), both);
    assert_eq!(refresh::round(&hub, 64, || true).await.unwrap(), Round::default());
    let due = refresh::next_due(&hub).await.unwrap().unwrap();
    let wait_s = due.millis_since(world.now()) / 1000;
    assert!((48..=72).contains(&wait_s), "{wait_s}");
    // As long as it is away, it is looked for ever more rarely.
    world.clock.advance_seconds(72);
    assert_eq!(refresh::round(&hub, 64, || true).await.unwrap(), both);
    let due = refresh::next_due(&hub).await.unwrap().unwrap();
    assert!(due.millis_since(world.now()) >= 90_000, "{due}");
    std::fs::rename(&aside, &key).unwrap();
    world.clock.advance_seconds(144);
    let done = Round { refreshed: 1, failed: 1 };
    assert_eq!(refresh::round(&hub, 64, || true).await.unwrap(), done);
    // What is damaged itself waits for whoever mends it.
    let waits = "select max(refresh_after) from account_credentials where failures > 0";
    assert!(world.number(waits) - world.now().as_millis() >= 2_880_000);
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
    assert_eq!(account(&world, &caller, &broken).await.status, Status::Active);
}

#[test]
fn oa_13_a_round_in_which_everything_fails_is_not_begun_again_at_once() {
    let home = TestHome::new();
    let authority = killed::set_up(&home);
    killed::link(&home, &authority, "first");
    // Nobody can read its tokens, nor note that.
    home.place().raw(
        "update account_credentials set version = version + 1, refresh_after = 1; \
         create trigger no_notes before update on account_credentials \
         begin select raise(abort, 'no'); end",
    );
    let mut serving = home.serve("");
    let is_told = |line: &str| line.contains("hubctl::refresh");
    serving.wait_for(is_told);
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let told = serving.log().iter().filter(|line| is_told(line)).count();
    // A few rounds, and two lines each.
    assert!(told < 40, "{told} lines: {:?}", serving.log().last());
}

#[test]
fn oa_13_a_refresh_that_fails_is_told_with_its_account() {
    let home = TestHome::new();
    let authority = killed::set_up(&home);
    let account = killed::link(&home, &authority, "first");
    let words = json!({ "error": "server_error", "error_description": "as this client asked for" });
    authority.answers(Some(Reply::json(503, &words)));
    home.place().raw("update account_credentials set refresh_after = 1");
    let mut serving = home.serve("");
    let line = serving.wait_for(|line| line.contains("hubctl::refresh"));
    let told: Value = serde_json::from_str(&line).unwrap();
    // What a provider says is not what the line is found by.
    assert_eq!(told["message"], "a refresh failed", "{told}");
    assert_eq!((&told["account"], &told["provider"]), (&json!(account), &json!("acme")), "{told}");
    assert_eq!((&told["level"], &told["provider_status"]), (&json!("WARN"), &json!(503)), "{told}");
    assert!(told["project"].is_string() && told["code"].is_string(), "{told}");
    assert!(told["cause"].is_string(), "{told}");
}
