//! What an administrator does with accounts that their provider has a say in.

use hubctl::domain::account::Status;
use hubctl::error::codes;
use hubctl::hub::accounts;
use hubctl::hub::auth_configs::IfExists;
use hubctl::hub::logs::Scope;
use hubctl::hub::write::Guard;

use super::{account, add, events, log_in, set_up};
use crate::support::asked::{account as new_account, given, owner};
use crate::support::authority::{Authority, KEY};
use crate::support::http::Reply;
use crate::support::hub::{DRY_RUN, TestHub, on_both_databases, refused};

on_both_databases!(
    accounts_are_added_when_their_provider_agrees,
    cs_6_an_account_that_is_there_is_passed_over_or_refused,
    cs_6_an_account_that_was_linked_meanwhile_is_passed_over,
    at_5_at_7_a_test_keeps_what_the_provider_says,
    at_5_an_outage_that_leads_elsewhere_does_not_end_a_proven_account,
    wh_10_a_test_that_proves_anew_what_was_proven_tells_nobody,
    credentials_can_be_edited,
    credentials_can_be_edited_without_asking,
    ac_38_an_edit_without_a_value_changes_nothing,
    ac_38_an_edit_with_the_stored_values_changes_nothing_that_works,
    at_20_a_delete_asks_the_provider_to_forget_the_tokens,
    at_20_a_delete_is_brought_to_its_end_where_whoever_asked_goes_away,
);

fn asked(key: &str) -> accounts::New {
    accounts::New {
        values: given(&[("api_key", key)]),
        verify: true,
        ..new_account("acme", "acme-7")
    }
}

async fn accounts_are_added_when_their_provider_agrees(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let before = world.dump();
    let answer = accounts::add(hub, &caller, asked("planted-bad"), Guard::default()).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    assert_eq!(world.dump(), before);
    let calls = authority.calls();
    accounts::add(hub, &caller, asked(KEY), DRY_RUN).await.unwrap();
    let unproven = accounts::New { verify: false, ..asked("planted-bad") };
    let added = accounts::add(hub, &caller, unproven, Guard::default()).await.unwrap();
    assert_eq!((added.view.account.verified_at, authority.calls()), (None, calls));
    let added = accounts::add(hub, &caller, asked(KEY), Guard::default()).await.unwrap();
    assert_eq!((added.created, added.view.account.verified_at), (false, Some(world.now())));
}

async fn cs_6_an_account_that_is_there_is_passed_over_or_refused(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let by = |if_exists, key: &str| accounts::New { if_exists, ..asked(key) };
    let first = by(IfExists::Skip, KEY);
    let first = accounts::add(hub, &caller, first, Guard::default()).await.unwrap();
    assert!(first.created && first.operation.is_some());
    let (before, calls) = (world.dump(), authority.calls());
    world.clock.advance_seconds(60);
    for guard in [DRY_RUN, Guard::default()] {
        let again = by(IfExists::Skip, "planted-old");
        let again = accounts::add(hub, &caller, again, guard).await.unwrap();
        assert_eq!((again.created, again.operation), (false, None));
        assert_eq!(again.view, first.view);
        let answer = accounts::add(hub, &caller, by(IfExists::Fail, KEY), guard).await;
        let error = refused(answer, &codes::ACCOUNT_EXISTS);
        assert!(error.message().contains(first.view.account.id.as_str()), "{error}");
    }
    assert_eq!((world.dump(), authority.calls()), (before, calls), "nobody is asked");
    // A second one is asked for.
    let second = accounts::New { multiple: true, ..by(IfExists::Fail, KEY) };
    assert!(accounts::add(hub, &caller, second, Guard::default()).await.unwrap().created);
}

async fn cs_6_an_account_that_was_linked_meanwhile_is_passed_over(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    for (if_exists, id) in [(IfExists::Skip, "acme-1"), (IfExists::Fail, "acme-2")] {
        let mut gate = authority.light_gate();
        let meanwhile = async {
            gate.wait().await;
            let new = new_account("acme", id);
            let values = given(&[("api_key", "planted-newer")]);
            let id = world.link(&caller, accounts::New { values, ..new }).await;
            gate.open();
            id
        };
        let new = accounts::New { owner: owner(id), if_exists, ..asked(KEY) };
        let (id, answer) =
            tokio::join!(meanwhile, accounts::add(hub, &caller, new, Guard::default()));
        if if_exists == IfExists::Fail {
            refused(answer, &codes::ACCOUNT_EXISTS);
        } else {
            assert_eq!(answer.unwrap().view.account.id, id);
        }
        assert_eq!(account(&world, &caller, &id).await.verified_at, None, "it is as it was linked");
    }
    assert_eq!(events(&world, "account.updated"), 0);
}

async fn at_5_at_7_a_test_keeps_what_the_provider_says(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let id = world.link(&caller, asked(KEY)).await;
    authority.answers_to_me(Some(Reply::json(401, &serde_json::json!({"message": "revoked"}))));
    let error = refused(
        accounts::test(hub, &caller, &id, Guard::default()).await,
        &codes::PROVIDER_REFUSED,
    );
    assert!(error.message().contains("revoked"), "{error}");
    assert_eq!(error.hint_text(), Some(&*format!("hubctl accounts relink {id}")));
    let broken = account(&world, &caller, &id).await;
    assert_eq!((broken.status, broken.verified_at), (Status::Error, None));
    assert_eq!(events(&world, "account.error"), 1);
    authority.answers_to_me(Some(Reply::json(503, &serde_json::json!({}))));
    let answer = accounts::test(hub, &caller, &id, Guard::default()).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    assert_eq!(account(&world, &caller, &id).await, broken);
    authority.answers_to_me(None);
    assert!(accounts::test(hub, &caller, &id, Guard::default()).await.unwrap().changed);
    let cured = account(&world, &caller, &id).await;
    assert_eq!((cured.status, cured.verified_at), (Status::Active, Some(world.now())));
    assert!(cured.reasons.is_empty());
    let answer = accounts::refresh_now(hub, &caller, &id, Guard::default()).await;
    refused(answer, &codes::ACCOUNT_STATE);
}

async fn at_5_an_outage_that_leads_elsewhere_does_not_end_a_proven_account(mut world: TestHub) {
    let (caller, authority) = (world.caller(), Authority::start());
    authority.welcome_by_host(&mut world, &caller).await;
    add(&world, &caller, "api_key").await;
    let hub = &world.hub;
    let proven = world.link(&caller, asked(KEY)).await;
    let owner = new_account("acme", "acme-8");
    let values = given(&[("api_key", KEY)]);
    let unproven = world.link(&caller, accounts::New { values, verify: false, ..owner }).await;
    for (status, page) in [(302, ""), (404, "<html>Back soon</html>")] {
        authority.answers_to_me(Some(Reply::text(status, "text/html", page)));
        let before = account(&world, &caller, &proven).await;
        let answer = accounts::test(hub, &caller, &proven, Guard::default()).await;
        let error = refused(answer, &codes::PROVIDER_UNREACHABLE);
        assert!(error.message().contains("it has worked before"), "{error}");
        assert_eq!(account(&world, &caller, &proven).await, before);
        // A wrong address is told from the first.
        let answer = accounts::test(hub, &caller, &unproven, Guard::default()).await;
        refused(answer, &codes::PROVIDER_REFUSED);
        assert_eq!(account(&world, &caller, &unproven).await.status, Status::Error);
    }
    authority.answers_to_me(Some(Reply::json(404, &serde_json::json!({"message": "gone"}))));
    let answer = accounts::test(hub, &caller, &proven, Guard::default()).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    assert_eq!(account(&world, &caller, &proven).await.status, Status::Error);
}

async fn wh_10_a_test_that_proves_anew_what_was_proven_tells_nobody(mut world: TestHub) {
    let (caller, _authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let unproven = accounts::New { verify: false, ..asked(KEY) };
    let id = world.link(&caller, unproven).await;
    let first = accounts::test(hub, &caller, &id, Guard::default()).await.unwrap();
    assert!(first.changed && first.operation.is_some(), "it is verified from now on");
    assert_eq!(events(&world, "account.updated"), 1);
    let shown = account(&world, &caller, &id).await;
    let told = (world.events(), world.operations());
    world.clock.advance_seconds(60);
    let again = accounts::test(hub, &caller, &id, Guard::default()).await.unwrap();
    assert!(again.changed && again.operation.is_none(), "{again:?}");
    let kept = account(&world, &caller, &id).await;
    assert_eq!((kept.verified_at, kept.updated_at), (Some(world.now()), shown.updated_at));
    assert_eq!((world.events(), world.operations()), told);
}

async fn credentials_can_be_edited(mut world: TestHub) {
    let (caller, _authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let id = world.link(&caller, asked(KEY)).await;
    let edit = |pairs: &[(&str, &str)]| accounts::Changes {
        credentials: given(pairs),
        ..Default::default()
    };
    let before = world.events();
    let linked_at = Some(world.now());
    world.clock.advance_seconds(60);
    for guard in [DRY_RUN, Guard::default()] {
        let changes = edit(&[("site", "north")]);
        let done = accounts::update(hub, &caller, &id, changes, guard).await.unwrap();
        assert!(done.changed);
        let (before, after) = (done.before.unwrap(), done.after.unwrap());
        assert_eq!((before.credentials_at, after.credentials_at), (linked_at, Some(world.now())));
        assert_eq!(before.account.setup["site"], "main");
        assert_eq!(after.account.setup["site"], "north");
    }
    assert_eq!(world.events(), before + 1);
    let unchanged = world.dump();
    let bad = edit(&[("api_key", "planted-bad")]);
    let answer = accounts::update(hub, &caller, &id, bad, Guard::default()).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    let unknown = edit(&[("nonsense", "x")]);
    let answer = accounts::update(hub, &caller, &id, unknown, Guard::default()).await;
    refused(answer, &codes::FIELDS_INVALID);
    assert_eq!(world.dump(), unchanged);
    // What the account has was not refused.
    hub.flush_logs().await.unwrap();
    assert_eq!(world.number("select count(*) from request_steps"), 1);
    let explained = accounts::explain(hub, &caller, &id).await.unwrap();
    assert!(explained.findings.iter().all(|found| found.code != "provider_failed"));
    assert!(accounts::test(hub, &caller, &id, Guard::default()).await.unwrap().changed);
}

async fn credentials_can_be_edited_without_asking(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let id = world.link(&caller, asked(KEY)).await;
    let calls = authority.calls();
    let credentials = given(&[("api_key", "planted-later")]);
    let changes = accounts::Changes { credentials, no_verify: true, ..Default::default() };
    let done = accounts::update(hub, &caller, &id, changes, Guard::default()).await.unwrap();
    let after = done.after.unwrap().account;
    assert_eq!((done.changed, after.status, after.verified_at), (true, Status::Active, None));
    assert_eq!(authority.calls(), calls);
    let tested = accounts::test(hub, &caller, &id, Guard::default()).await;
    refused(tested, &codes::PROVIDER_REFUSED);
}

async fn ac_38_an_edit_without_a_value_changes_nothing(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let id = world.link(&caller, asked(KEY)).await;
    authority.answers_to_me(Some(Reply::json(401, &serde_json::json!({"message": "revoked"}))));
    let tested = accounts::test(hub, &caller, &id, Guard::default()).await;
    refused(tested, &codes::PROVIDER_REFUSED);
    authority.answers_to_me(None);
    let (broken, calls) = (world.dump(), authority.calls());
    let update = async |value: &str, guard| {
        let credentials = given(&[("api_key", value)]);
        let changes = accounts::Changes { credentials, ..Default::default() };
        accounts::update(hub, &caller, &id, changes, guard).await
    };
    for guard in [DRY_RUN, Guard::default()] {
        let error = refused(update("\n", guard).await, &codes::FIELDS_INVALID);
        assert!(error.message().contains("`api_key` is required"), "{error:?}");
        // HB-11: what stands for a stored secret is no value either.
        assert!(!update("__secretvalue:**redacted**", guard).await.unwrap().changed);
    }
    assert_eq!((world.dump(), authority.calls()), (broken, calls));
}

async fn ac_38_an_edit_with_the_stored_values_changes_nothing_that_works(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let id = world.link(&caller, asked(KEY)).await;
    let same = async |guard| {
        let credentials = given(&[("api_key", KEY), ("site", "main")]);
        let changes = accounts::Changes { credentials, ..Default::default() };
        accounts::update(hub, &caller, &id, changes, guard).await.unwrap()
    };
    let (before, calls) = (world.dump(), authority.calls());
    world.clock.advance_seconds(60);
    for guard in [DRY_RUN, Guard::default()] {
        let done = same(guard).await;
        assert_eq!((done.changed, done.affected, done.operation), (false, 0, None));
    }
    assert_eq!((world.dump(), authority.calls()), (before, calls));
    // What was refused may have been set right at the provider.
    world.raw("update accounts set status = 'error'");
    assert!(same(Guard::default()).await.changed);
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
    assert_eq!(authority.calls(), calls + 1);
}

async fn at_20_a_delete_asks_the_provider_to_forget_the_tokens(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let hub = &world.hub;
    for keeps in [true, false] {
        let id = log_in(&world, &authority, &caller, &config).await;
        accounts::delete(hub, &caller, &id, keeps, DRY_RUN).await.unwrap();
        assert_eq!(authority.revocations(), 0);
        let removed = accounts::delete(hub, &caller, &id, keeps, Guard::default()).await.unwrap();
        assert_eq!(removed.revoked.is_empty(), keeps, "{removed:?}");
        assert!(removed.revoked.iter().all(|told| told.outcome.is_ok()));
        assert_eq!(world.number("select count(*) from account_credentials"), 0, "AT-21");
    }
    assert!(authority.works("access-1") && !authority.works("access-2"));
}

async fn at_20_a_delete_is_brought_to_its_end_where_whoever_asked_goes_away(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let hub = &world.hub;
    let id = log_in(&world, &authority, &caller, &config).await;
    let mut gate = authority.revocation_gate();
    let scope = Scope::of_request("cut");
    scope.belongs_to_caller(&caller, "API", None);
    let delete = accounts::delete(hub, &caller, &id, false, Guard::default());
    let mut delete = Box::pin(scope.within(delete));
    tokio::select! {
        early = &mut delete => panic!("{early:?}"),
        () = gate.wait() => {}
    }
    drop(delete);
    gate.open();
    hub.settled().await;
    refused(accounts::get(hub, &caller, &id).await, &codes::ACCOUNT_UNKNOWN);
    assert_eq!(world.number("select count(*) from account_credentials"), 0, "AT-21");
    assert_eq!((authority.revocations(), events(&world, "account.deleted")), (2, 1));
    // What the provider was asked belongs to the call, whoever waited for it.
    hub.flush_logs().await.unwrap();
    let steps = "select count(*) from request_steps where request_id = 'cut'";
    assert_eq!(world.number(steps), 2);
}
