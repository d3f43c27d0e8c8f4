//! Tokens are renewed once for all who need them, and never lost silently.

use std::time::Duration;

use futures_util::future::join_all;
use hubctl::domain::account::Status;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::domain::ids::AccountId;
use hubctl::error::codes;
use hubctl::hub::refresh::{self, Round, Want};
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, auth_configs, end_user};
use serde_json::json;

use super::{account, add, add_to, events, log_in, set_up};
use crate::support::asked::session_with;
use crate::support::authority::Authority;
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    oa_15_threat_24_many_calls_over_three_hubs_ask_once,
    threat_24_a_late_holder_of_the_lease_writes_nothing,
    threat_23_a_bad_answer_keeps_the_old_token,
    threat_25_a_deleted_account_stays_deleted_and_its_new_token_is_revoked,
    at_20_threat_25_tokens_that_come_while_others_are_revoked_are_revoked_too,
    at_20_threat_25_an_account_goes_after_its_newest_tokens_are_revoked,
    threat_25_a_suspended_account_is_not_called,
    oa_14_a_refused_refresh_is_an_error_and_a_new_one_cures_it,
    a_provider_that_is_down_is_waited_for,
    oa_15_a_call_waits_for_no_refresh_while_its_token_is_good,
    oa_14_a_page_before_the_token_end_point_ends_no_account,
    threat_33_a_master_key_that_is_away_is_no_reason_to_link_again,
    an_answer_lost_in_a_crash_asks_for_a_relink,
    the_worker_renews_what_is_due,
    a_lease_that_was_lost_keeps_nobody_else_waiting,
    tokens_without_a_browser_are_got_again,
    oa_13_a_token_that_is_counted_down_to_nothing_has_an_end,
    a_provider_that_never_answers_holds_up_no_other,
    answers_that_come_while_the_worker_is_stopped_are_kept,
);

async fn oa_15_threat_24_many_calls_over_three_hubs_ask_once(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let hubs = [
        world.hub.clone(),
        authority.reached_by(world.another()),
        authority.reached_by(world.another()),
    ];
    world.clock.advance_seconds(3600);
    let before = world.events();
    let calls = hubs.iter().flat_map(|hub| {
        let (caller, id) = (&caller, &id);
        (0..12).map(move |_| refresh::usable(hub, caller, id, Want::Usable))
    });
    for usable in join_all(calls).await {
        let usable = usable.unwrap();
        assert_eq!((usable.version, usable.values.get("access_token")), (2, Some("access-2")));
        assert_eq!(usable.values.get("refresh_token"), Some("refresh-2"));
    }
    assert_eq!(authority.token_calls(), 2, "one for the login, one for all");
    assert_eq!(world.events(), before, "WH-10: a silent refresh");
    // A 401 to old credentials asks once more, and only once.
    let again = hubs.iter().map(|hub| refresh::usable(hub, &caller, &id, Want::NewerThan(2)));
    assert!(join_all(again).await.iter().all(|usable| usable.as_ref().unwrap().version == 3));
    let late = refresh::usable(&world.hub, &caller, &id, Want::NewerThan(2)).await.unwrap();
    assert_eq!((late.version, authority.token_calls()), (3, 3));
}

async fn threat_24_a_late_holder_of_the_lease_writes_nothing(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    authority.rotates(false);
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(3600);
    let other = authority.reached_by(world.another());
    let mut gate = authority.gate();
    let take_over = async {
        gate.wait().await;
        world.clock.advance_seconds(61);
        let usable = refresh::usable(&other, &caller, &id, Want::Usable).await.unwrap();
        assert_eq!((usable.version, usable.values.get("access_token")), (2, Some("access-3")));
        gate.open();
    };
    let (paused, ()) =
        tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Usable), take_over);
    let paused = paused.unwrap();
    assert_eq!((paused.version, paused.values.get("access_token")), (2, Some("access-3")));
    assert_eq!(authority.token_calls(), 3);
    assert_eq!(authority.revocations(), 0, "the grant is still in use");
}

async fn threat_23_a_bad_answer_keeps_the_old_token(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let sealed = || world.number("select version from account_credentials");
    for bad in [
        Reply::text(200, "text/html", "<html>down</html>"),
        Reply::json(200, &json!({})),
        Reply::json(200, &json!({"access_token": ["x"]})),
        Reply::json(200, &json!({"access_token": "x", "token_type": "mac"})),
        Reply::json(200, &json!([])),
    ] {
        authority.answers(Some(bad));
        let answer = refresh::usable(&world.hub, &caller, &id, Want::Now).await;
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(sealed(), 1);
        // The account is as it was, and its token works on.
        let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
        assert_eq!(usable.values.get("access_token"), Some("access-1"));
        assert_eq!(usable.account.status, Status::Active);
    }
    authority.answers(None);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Now).await.unwrap();
    assert_eq!(usable.values.get("access_token"), Some("access-2"));
}

async fn threat_25_a_deleted_account_stays_deleted_and_its_new_token_is_revoked(
    mut world: TestHub,
) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let mut gate = authority.gate();
    let delete = async {
        gate.wait().await;
        accounts::delete(&world.hub, &caller, &id, true, Guard::default()).await.unwrap();
        gate.open();
    };
    let (answer, ()) = tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Now), delete);
    refused(answer, &codes::ACCOUNT_UNKNOWN);
    assert_eq!(world.number("select count(*) from accounts"), 0);
    assert_eq!(world.number("select count(*) from account_credentials"), 0);
    assert!(authority.revocations() > 0);
    assert!(!authority.works("access-2"));
}

async fn at_20_threat_25_tokens_that_come_while_others_are_revoked_are_revoked_too(
    mut world: TestHub,
) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    authority.keeps("access-4");
    for (newer, is_forgotten) in [("access-2", true), ("access-4", false)] {
        let id = log_in(&world, &authority, &caller, &config).await;
        let mut gate = authority.revocation_gate();
        let renew = async {
            gate.wait().await;
            let usable = refresh::usable(&world.hub, &caller, &id, Want::Now).await.unwrap();
            assert_eq!(usable.values.get("access_token"), Some(newer));
            gate.open();
        };
        let delete = accounts::delete(&world.hub, &caller, &id, false, Guard::default());
        let (removed, ()) = tokio::join!(delete, renew);
        let revoked = removed.unwrap().revoked;
        let told: Vec<_> = revoked.iter().map(|one| (one.token, one.outcome.is_ok())).collect();
        assert_eq!(told, [("refresh_token", true), ("access_token", is_forgotten)]);
        assert_eq!(authority.works(newer), !is_forgotten);
        assert_eq!(world.number("select count(*) from account_credentials"), 0);
    }
    assert_eq!(authority.revocations(), 8, "two pairs of tokens for each account");
}

async fn at_20_threat_25_an_account_goes_after_its_newest_tokens_are_revoked(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let accounts_left = || world.number("select count(*) from accounts");
    let mut gate = authority.revocation_gate();
    let watch = async {
        gate.wait().await;
        refresh::usable(&world.hub, &caller, &id, Want::Now).await.unwrap();
        // The two that it had first, then the first of the newer ones.
        for _ in 0..2 {
            let next = authority.revocation_gate();
            gate.open();
            gate = next;
            gate.wait().await;
        }
        // Who is stopped now leaves tokens that are known to somebody.
        let left = accounts_left();
        gate.open();
        left
    };
    let delete = accounts::delete(&world.hub, &caller, &id, false, Guard::default());
    let (removed, left) = tokio::join!(delete, watch);
    assert!(removed.unwrap().revoked.iter().all(|one| one.outcome.is_ok()));
    assert_eq!((left, accounts_left(), authority.revocations()), (1, 0, 4));
    assert!(!authority.works("access-1") && !authority.works("access-2"));
    assert_eq!(events(&world, "account.deleted"), 1);
}

async fn threat_25_a_suspended_account_is_not_called(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(3600);
    let mut gate = authority.gate();
    let suspend = async {
        gate.wait().await;
        accounts::suspend(&world.hub, &caller, &id, Guard::default()).await.unwrap();
        gate.open();
    };
    let (answer, ()) =
        tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Usable), suspend);
    refused(answer, &codes::ACCOUNT_NOT_USABLE);
    let calls = authority.calls();
    for want in [Want::Usable, Want::NewerThan(9), Want::Now] {
        let answer = refresh::usable(&world.hub, &caller, &id, want).await;
        refused(answer, &codes::ACCOUNT_NOT_USABLE);
    }
    assert_eq!(authority.calls(), calls, "AT-28: nobody is asked");
    // AT-4: it resumes with what was renewed meanwhile.
    accounts::resume(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("access_token"), Some("access-2"));
    auth_configs::disable(&world.hub, &caller, "oauth2", Guard::default()).await.unwrap();
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::ACCOUNT_NOT_USABLE);
    assert_eq!(authority.calls(), calls, "AC-16");
}

async fn oa_14_a_refused_refresh_is_an_error_and_a_new_one_cures_it(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(3600);
    authority.answers(Some(Reply::json(400, &json!({"error": "invalid_grant"}))));
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    let broken = account(&world, &caller, &id).await;
    assert_eq!(broken.status, Status::Error);
    assert_eq!(broken.reasons[0].code.as_deref(), Some("credentials_refused"));
    assert_eq!((events(&world, "account.updated"), events(&world, "account.error")), (1, 1));
    let calls = authority.calls();
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::ACCOUNT_NOT_USABLE);
    assert_eq!(refresh::round(&world.hub, 64, || true).await.unwrap(), Round::default());
    assert_eq!((authority.calls(), refresh::next_due(&world.hub).await.unwrap()), (calls, None));
    authority.answers(None);
    accounts::refresh_now(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    let cured = account(&world, &caller, &id).await;
    assert_eq!((cured.status, cured.reasons.len()), (Status::Active, 0), "AT-7");
    assert_eq!(events(&world, "account.updated"), 2);
}

async fn a_provider_that_is_down_is_waited_for(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.answers(Some(Reply::json(503, &json!({}))));
    // Within the last minute the old token still does.
    world.clock.advance_seconds(3560);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!((usable.version, authority.token_calls()), (1, 2));
    world.clock.advance_seconds(60);
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    let calls = authority.token_calls();
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    assert_eq!(authority.token_calls(), calls, "no storm");
    let due = refresh::next_due(&world.hub).await.unwrap().unwrap();
    assert!(due.millis_since(world.now()) >= 48_000, "{due}");
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
    let told = accounts::explain(&world.hub, &caller, &id).await.unwrap();
    assert!(told.findings.iter().any(|finding| finding.code == "refresh_failing"), "{told:?}");
    let before = world.events();
    authority.answers(None);
    world.clock.advance_seconds(3600);
    let round = refresh::round(&world.hub, 64, || true).await.unwrap();
    assert_eq!(round, Round { refreshed: 1, failed: 0 });
    assert_eq!(world.number("select failures from account_credentials"), 0);
    assert_eq!(world.events(), before);
}

async fn oa_15_a_call_waits_for_no_refresh_while_its_token_is_good(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let other = authority.reached_by(world.another());
    world.clock.advance_seconds(3545);
    let mut gate = authority.gate();
    let second = async {
        gate.wait().await;
        let second = refresh::usable(&other, &caller, &id, Want::Usable);
        let second = tokio::time::timeout(Duration::from_secs(5), second).await;
        // Once the token has ended there is no other way; the lease lasts for longer.
        world.clock.advance_seconds(57);
        let mut third = Box::pin(refresh::usable(&other, &caller, &id, Want::Usable));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut third).await;
        gate.open();
        assert!(early.is_err(), "{early:?}");
        (second.unwrap().unwrap(), third.await.unwrap())
    };
    let (first, (second, third)) =
        tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Usable), second);
    let token = |usable: &refresh::Usable| usable.values.get("access_token").map(str::to_owned);
    assert_eq!(token(&first.unwrap()).as_deref(), Some("access-2"));
    assert_eq!((second.version, token(&second).as_deref()), (1, Some("access-1")));
    assert_eq!(token(&third).as_deref(), Some("access-2"));
    assert_eq!(authority.token_calls(), 2);
}

async fn oa_14_a_page_before_the_token_end_point_ends_no_account(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let page = "<html><title>Checking your browser</title></html>";
    authority.answers(Some(Reply::text(403, "text/html", page)));
    world.clock.advance_seconds(3600);
    let before = world.events();
    let round = refresh::round(&world.hub, 64, || true).await.unwrap();
    assert_eq!(round, Round { refreshed: 0, failed: 1 });
    let kept = account(&world, &caller, &id).await;
    assert_eq!((kept.status, kept.reasons.len()), (Status::Active, 0));
    assert_eq!(world.events(), before);
    let due = refresh::next_due(&world.hub).await.unwrap().unwrap();
    assert!(due > world.now(), "{due}");
    authority.answers(None);
    world.clock.advance_seconds(3600);
    let round = refresh::round(&world.hub, 64, || true).await.unwrap();
    assert_eq!(round, Round { refreshed: 1, failed: 0 });
}

async fn threat_33_a_master_key_that_is_away_is_no_reason_to_link_again(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(3600);
    let usual = accounts::explain(&world.hub, &caller, &id).await.unwrap();
    assert!(usual.usable, "{usual:?}");
    std::fs::remove_file(world.key_path()).unwrap();
    let told = accounts::explain(&world.another(), &caller, &id).await.unwrap();
    let first = &told.findings[0];
    assert_eq!((told.usable, first.code.as_str(), first.blocking), (false, "key.missing", true));
    let cause = "its credentials can't be opened: the store's master key was not found";
    assert!(first.cause.starts_with(cause), "{first:?}");
    assert_eq!(first.command.as_deref(), Some("hubctl explain-error key.missing"));
    assert!(!format!("{told:?}").contains("relink"), "{told:?}");
    let checks = accounts::check(&world.another(), &caller, &id, accounts::Ask::Nobody).await;
    assert!(!format!("{:?}", checks.unwrap()).contains("relink"));
}

async fn an_answer_lost_in_a_crash_asks_for_a_relink(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let mut gate = authority.gate();
    // A process that is killed between the provider's answer and its own write.
    let (dying, who, which) = (authority.reached_by(world.another()), caller.clone(), id.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.spawn(async move { refresh::usable(&dying, &who, &which, Want::Now).await });
    gate.wait().await;
    runtime.shutdown_background();
    gate.open();
    let bound = std::time::Instant::now() + Duration::from_secs(20);
    while !authority.works("access-2") && std::time::Instant::now() < bound {
        tokio::task::yield_now().await;
    }
    world.clock.advance_seconds(61);
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Now).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    let broken = account(&world, &caller, &id).await;
    assert_eq!(broken.status, Status::Error);
    assert_eq!(broken.reasons[0].code.as_deref(), Some("refresh_answer_lost"));
    assert!(broken.reasons[0].description.as_ref().unwrap().contains("link the account again"));
}

async fn the_worker_renews_what_is_due(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    authority.life_s(1000);
    let id = log_in(&world, &authority, &caller, &config).await;
    assert_eq!(refresh::round(&world.hub, 64, || true).await.unwrap(), Round::default());
    let due = refresh::next_due(&world.hub).await.unwrap().unwrap();
    assert_eq!(due.millis_since(world.now()), 800_000);
    world.clock.advance_seconds(800);
    let other = authority.reached_by(world.another());
    let (a, b) =
        tokio::join!(refresh::round(&world.hub, 64, || true), refresh::round(&other, 64, || true));
    assert_eq!(a.unwrap().refreshed + b.unwrap().refreshed, 1);
    assert_eq!(authority.token_calls(), 2);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.version, 2);
    world.clock.advance_seconds(800);
    accounts::suspend(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    assert_eq!(refresh::round(&world.hub, 64, || true).await.unwrap(), Round::default());
    assert_eq!(refresh::next_due(&world.hub).await.unwrap(), None);
}

async fn a_lease_that_was_lost_keeps_nobody_else_waiting(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "machine").await;
    let first = link_a_machine(&world, &caller, &config, "first").await;
    world.clock.advance_seconds(5);
    let second = link_a_machine(&world, &caller, &config, "second").await;
    let due = refresh::next_due(&world.hub).await.unwrap().unwrap();
    let lease = |id: &AccountId, seconds: i64| {
        let (until, id) = (due.plus_seconds(seconds).as_millis(), id.as_str());
        world.raw(&format!(
            "update account_credentials set lease_until = {until} where account = '{id}'"
        ));
    };
    let next = async || refresh::next_due(&world.hub).await.unwrap().unwrap();
    lease(&first, 60);
    assert_eq!(next().await, due.plus_seconds(5), "it is due before the lease ends");
    lease(&second, 90);
    assert_eq!(next().await, due.plus_seconds(60), "the first lease to end");
    lease(&second, 40);
    assert_eq!(next().await, due.plus_seconds(40), "the first lease to end");
}

async fn tokens_without_a_browser_are_got_again(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let config = add(&world, &caller, "machine").await;
    let id = link_a_machine(&world, &caller, &config, "acme-7").await;
    world.clock.advance_seconds(3600);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!((usable.version, usable.values.get("access_token")), (2, Some("access-2")));
    assert_eq!(authority.token_calls(), 2);
}

async fn oa_13_a_token_that_is_counted_down_to_nothing_has_an_end(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "machine").await;
    let id = link_a_machine(&world, &caller, &config, "acme-7").await;
    let same = json!({"access_token": "access-1", "expires_in": 0});
    authority.answers(Some(Reply::json(200, &same)));
    world.clock.advance_seconds(3_590);
    let use_it = async || refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(use_it().await.values.get("access_token"), Some("access-1"));
    let asked = authority.token_calls();
    assert_eq!(use_it().await.values.get("access_token"), Some("access-1"));
    assert_eq!(authority.token_calls(), asked, "not at once");
    let due = refresh::next_due(&world.hub).await.unwrap().unwrap();
    assert_eq!(due.millis_since(world.now()), 30_000);
    authority.answers(None);
    world.clock.advance_seconds(2);
    assert_eq!(use_it().await.values.get("access_token"), Some("access-2"));
}

/// An account whose tokens need no browser.
pub(super) async fn link_a_machine(
    world: &TestHub,
    caller: &Caller,
    config: &AuthConfig,
    owner: &str,
) -> AccountId {
    let mut new = session_with(owner, config.connector.as_str());
    new.auth_config = Some(config.id.clone());
    let user = super::user(world, caller, new).await;
    let none = auth_configs::Given::new();
    let linked = end_user::link(&world.hub, &user, &config.id, None, none).await;
    linked.unwrap().account.id
}

async fn a_provider_that_never_answers_holds_up_no_other(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "machine").await;
    let silent = Authority::start();
    silent.welcome_as("silent", &mut world, &caller).await;
    let dead = add_to("silent", &world, &caller, "machine", "silent").await;
    // More than go on at once, at one provider and in all.
    for number in 0..70 {
        link_a_machine(&world, &caller, &dead, &format!("dead-{number}")).await;
    }
    world.clock.advance_seconds(1);
    for number in 0..140 {
        link_a_machine(&world, &caller, &config, &format!("alive-{number}")).await;
    }
    silent.answers(Some(Reply::silence()));
    world.clock.advance_seconds(3600);
    let others = async {
        let renewed = "select count(*) from account_credentials where version = 2";
        let until = std::time::Instant::now() + Duration::from_secs(15);
        while world.number(renewed) < 140 {
            assert!(std::time::Instant::now() < until, "{} of 140", world.number(renewed));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        round = refresh::round(&world.hub, 4096, || true) => panic!("it ended: {round:?}"),
        () = others => {}
    }
}

async fn answers_that_come_while_the_worker_is_stopped_are_kept(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "machine").await;
    for number in 0..40 {
        link_a_machine(&world, &caller, &config, &format!("owner-{number}")).await;
    }
    let renewed = "select coalesce(sum(version - 1), 0) from account_credentials";
    for answers in [1, 3, 9, 20] {
        world.clock.advance_seconds(3600);
        let calls = authority.token_calls() + answers;
        let stop = async {
            while authority.token_calls() < calls {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        };
        tokio::select! {
            _ = refresh::round(&world.hub, 4096, || true) => {}
            () = stop => {}
        }
        // A lease that outlived the clock's next step would be taken over.
        let settled = tokio::time::timeout(Duration::from_secs(15), world.hub.settled()).await;
        settled.expect("what was begun comes to its end");
        // The first tokens came with the accounts.
        let asked = i64::try_from(authority.token_calls()).unwrap();
        assert_eq!(world.number(renewed) + 40, asked);
    }
}
