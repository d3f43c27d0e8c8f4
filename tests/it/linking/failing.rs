//! What `accounts explain` and `doctor account` say of tokens that can't be renewed, and of
//! accounts that are held.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use hubctl::domain::account::Unusable;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::domain::check::CheckState;
use hubctl::domain::ids::AccountId;
use hubctl::error::codes;
use hubctl::hub::accounts::{self, Ask, Checked, Explanation, Filter, Finding, Usability};
use hubctl::hub::oauth::AttemptState;
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::write::Guard;
use serde_json::json;

use super::{begin, come_back, log_in, set_up, user_of};
use crate::support::authority::Authority;
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    oa_13_a_refresh_that_keeps_failing_stands_in_the_way_once_the_token_has_ended,
    oa_13_a_refresh_that_fails_says_until_when_calls_work,
    oa_14_a_client_that_is_refused_is_set_right_at_its_auth_config,
    a_scope_that_was_not_granted_is_told_until_it_is,
    kp_9_what_a_token_end_point_says_is_kept_with_its_call,
    oa_14_a_token_that_is_refused_and_not_renewed_stands_in_the_way,
    oa_14_a_token_that_may_still_do_stands_in_no_way,
    oa_14_accounts_whose_tokens_can_not_be_renewed_are_listed,
    at_4_at_3_what_a_hold_refuses_is_not_advised,
    at_5_a_check_does_not_contradict_itself,
    at_13_an_account_that_goes_during_a_check_is_not_there,
);

async fn explained(world: &TestHub, caller: &Caller, id: &AccountId) -> Explanation {
    accounts::explain(&world.hub, caller, id).await.unwrap()
}

fn failing(told: &Explanation) -> &Finding {
    let found = told.findings.iter().find(|finding| finding.code == "refresh_failing");
    found.unwrap_or_else(|| panic!("{told:?}"))
}

fn codes_of(told: &Explanation) -> Vec<&str> {
    told.findings.iter().map(|finding| finding.code.as_str()).collect()
}

async fn checked(world: &TestHub, caller: &Caller, id: &AccountId, ask: Ask) -> Vec<Checked> {
    accounts::check(&world.hub, caller, id, ask).await.unwrap()
}

fn row<'a>(all: &'a [Checked], about: &str) -> &'a Checked {
    all.iter().find(|row| row.about == about).unwrap_or_else(|| panic!("{about}: {all:?}"))
}

/// A refresh that fails now.
async fn fails(world: &TestHub, caller: &Caller, id: &AccountId) {
    let tried = refresh::usable(&world.hub, caller, id, Want::Now).await;
    assert!(tried.is_err(), "{tried:?}");
}

async fn oa_13_a_refresh_that_keeps_failing_stands_in_the_way_once_the_token_has_ended(
    mut world: TestHub,
) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let end = world.now().plus_seconds(3_600);
    world.clock.advance_seconds(4_000);
    let since = world.now();
    let client = Reply::json(401, &json!({"error": "invalid_client"}));
    let refresh = format!("hubctl accounts refresh {id}");
    let edit = format!("hubctl connectors edit {} --set client_secret=@FILE", config.id);
    for (answer, command) in [
        (Reply::json(429, &json!({})), &refresh),
        (Reply::json(503, &json!({})), &refresh),
        (Reply::json(200, &json!({})), &refresh),
        (client, &edit),
    ] {
        authority.answers(Some(answer));
        fails(&world, &caller, &id).await;
        let told = explained(&world, &caller, &id).await;
        assert!(!told.usable, "{told:?}");
        let blocking = told.findings.iter().filter(|finding| finding.blocking).count();
        assert_eq!((blocking, told.findings[0].code.as_str()), (1, "refresh_failing"));
        let found = failing(&told);
        assert_eq!((found.since, found.command.as_ref()), (Some(since), Some(command)));
        let why = told.token.as_ref().unwrap().failing.clone().unwrap().1;
        let next = told.token.as_ref().unwrap().next_try.unwrap();
        for part in [format!("ended at {end}"), why, format!("next try at {next}")] {
            assert!(found.cause.contains(&part), "{part}: {}", found.cause);
        }
        assert_eq!(found.cause.contains("at once"), command == &refresh, "{found:?}");
        for moot in ["token_expired", "not_verified"] {
            assert!(!codes_of(&told).contains(&moot), "{told:?}");
        }
        // Where nobody asks the provider, the check of the tokens is the one that fails.
        let all = checked(&world, &caller, &id, Ask::Nobody).await;
        assert_eq!(row(&all, "token").state, CheckState::Failed);
        assert_eq!(row(&all, "token").hint.as_ref(), Some(command));
    }
    // When a try is due, nobody knows what comes of it.
    world.clock.advance_seconds(10_000);
    let told = explained(&world, &caller, &id).await;
    assert!(told.usable && failing(&told).cause.contains("the next call tries again"), "{told:?}");
    authority.answers(None);
    refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    let told = explained(&world, &caller, &id).await;
    assert!(told.usable && !codes_of(&told).contains(&"refresh_failing"), "{told:?}");
}

async fn oa_13_a_refresh_that_fails_says_until_when_calls_work(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let end = world.now().plus_seconds(3_600);
    authority.answers(Some(Reply::json(503, &json!({}))));
    fails(&world, &caller, &id).await;
    let told = explained(&world, &caller, &id).await;
    let found = failing(&told);
    assert!(told.usable && !found.blocking, "{told:?}");
    assert!(found.cause.contains(&format!("stops working at {end}")), "{found:?}");
    // The token that is there is what the provider takes.
    let all = checked(&world, &caller, &id, Ask::Provider).await;
    assert_eq!(row(&all, "token").state, CheckState::Warning);
    let provider = row(&all, "provider");
    assert_eq!(provider.state, CheckState::Ok);
    assert_eq!(provider.message, "Acme still accepts the present access token");
}

async fn oa_14_a_client_that_is_refused_is_set_right_at_its_auth_config(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.answers(Some(Reply::json(401, &json!({"error": "invalid_client"}))));
    fails(&world, &caller, &id).await;
    let told = explained(&world, &caller, &id).await;
    let edit = format!("hubctl connectors edit {} --set client_secret=@FILE", config.id);
    assert_eq!(failing(&told).command, Some(edit));
    assert!(failing(&told).cause.contains("all accounts of its auth config"), "{told:?}");
    // A grant that is dead takes a new login.
    authority.answers(Some(Reply::json(400, &json!({"error": "invalid_grant"}))));
    fails(&world, &caller, &id).await;
    let told = explained(&world, &caller, &id).await;
    let relink = Some(format!("hubctl accounts relink {id}"));
    assert_eq!((&failing(&told).command, failing(&told).blocking), (&relink, false));
    assert_eq!((&told.findings[0].command, told.usable), (&relink, false));
}

async fn a_scope_that_was_not_granted_is_told_until_it_is(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let relink = Some(format!("hubctl accounts relink {id}"));
    for (scope, is_told) in [
        (json!("profile"), true),
        // Who says nothing has changed nothing.
        (json!(null), true),
        (json!(["read", "profile"]), false),
    ] {
        let answer = json!({"access_token": "narrow", "expires_in": 3600, "scope": scope});
        authority.answers(Some(Reply::json(200, &answer)));
        refresh::usable(&world.hub, &caller, &id, Want::Now).await.unwrap();
        let told = explained(&world, &caller, &id).await;
        let found = told.findings.iter().find(|found| found.code == "scopes_not_granted");
        assert_eq!(found.is_some(), is_told, "{scope}: {told:?}");
        if let Some(found) = found {
            assert!(told.usable && !found.blocking, "{told:?}");
            assert!(found.cause.ends_with(": read"), "{found:?}");
            assert_eq!(found.command, relink);
        }
    }
}

async fn kp_9_what_a_token_end_point_says_is_kept_with_its_call(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let refused = json!({"error": "invalid_client", "error_description": "Bad secret"});
    for (answer, told) in [
        (Reply::json(401, &refused), "was answered 401: Bad secret (invalid_client)"),
        (Reply::text(200, "text/html", "<h1>Soon"), "was answered 200: the provider's answer"),
    ] {
        // Calls are in the order of their beginnings.
        world.clock.advance_seconds(1);
        authority.answers(Some(answer));
        fails(&world, &caller, &id).await;
        world.hub.flush_logs().await.unwrap();
        let explanation = explained(&world, &caller, &id).await;
        let found = explanation.findings.iter().find(|found| found.code == "provider_failed");
        assert!(found.is_some_and(|found| found.cause.contains(told)), "{explanation:?}");
        let all = checked(&world, &caller, &id, Ask::Nobody).await;
        assert_eq!(row(&all, "calls").state, CheckState::Warning, "{all:?}");
    }
}

/// An account of another owner.
async fn log_in_another(
    world: &TestHub,
    authority: &Authority,
    caller: &Caller,
    config: &AuthConfig,
) -> AccountId {
    let user = user_of(world, caller, "acme-8").await;
    let begun = begin(&world.hub, authority, &user, config).await;
    match come_back(&world.hub, &begun, "good").await.attempt.state {
        AttemptState::Authenticated { account } => account,
        other => panic!("{other:?}"),
    }
}

/// What a list tells of each account.
async fn told_of_each(
    world: &TestHub,
    caller: &Caller,
    filter: Filter,
) -> BTreeMap<String, Option<Unusable>> {
    let mut told = BTreeMap::new();
    let listing = accounts::list(&world.hub, caller, &filter, |row, unusable| {
        told.insert(row.id.to_owned(), unusable);
        Ok(ControlFlow::Continue(()))
    });
    listing.await.unwrap();
    told
}

async fn oa_14_a_token_that_is_refused_and_not_renewed_stands_in_the_way(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let other = log_in_another(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(10);
    authority.answers(Some(Reply::json(401, &json!({"error": "invalid_client"}))));
    let known = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    let tried = refresh::usable(&world.hub, &caller, &id, Want::NewerThan(known.version)).await;
    refused(tried, &codes::PROVIDER_MISCONFIGURED);
    let told = explained(&world, &caller, &id).await;
    let found = failing(&told);
    assert!(!told.usable && found.blocking, "{told:?}");
    assert!(found.cause.contains("refuses its access token"), "{found:?}");
    assert!(!found.cause.contains("stops working"), "{found:?}");
    // It stays so where the worker tries in vain.
    world.clock.advance_seconds(10);
    fails(&world, &caller, &id).await;
    assert!(!explained(&world, &caller, &id).await.usable);
    // Others of the auth config still work, but not for long.
    let told = explained(&world, &caller, &other).await;
    assert!(told.usable, "{told:?}");
    let shared = told.findings.iter().find(|found| found.code == "auth_config_refused").unwrap();
    let edit = format!("hubctl connectors edit {} --set client_secret=@FILE", config.id);
    assert_eq!((shared.since, &shared.command), (Some(world.now()), &Some(edit)));
    assert!(shared.cause.contains("stops working at"), "{shared:?}");
    world.clock.advance_seconds(4_000);
    let told = explained(&world, &caller, &other).await;
    assert!(!codes_of(&told).contains(&"token_expired"), "{told:?}");
    assert!(codes_of(&told).contains(&"auth_config_refused"), "{told:?}");
}

async fn oa_14_a_token_that_may_still_do_stands_in_no_way(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(10);
    // A call was answered 401, and the provider is down.
    authority.answers(Some(Reply::json(503, &json!({}))));
    let known = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    let tried = refresh::usable(&world.hub, &caller, &id, Want::NewerThan(known.version)).await;
    refused(tried, &codes::PROVIDER_UNREACHABLE);
    let told = explained(&world, &caller, &id).await;
    assert!(told.usable && !failing(&told).blocking, "{told:?}");
    // A test was answered 403, and the client is refused.
    world.clock.advance_seconds(10);
    authority.answers_to_me(Some(Reply::json(403, &json!({"message": "no seat"}))));
    authority.answers(Some(Reply::json(401, &json!({"error": "invalid_client"}))));
    let tested = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
    refused(tested, &codes::PROVIDER_MISCONFIGURED);
    let told = explained(&world, &caller, &id).await;
    assert!(told.usable, "{told:?}");
}

async fn oa_14_accounts_whose_tokens_can_not_be_renewed_are_listed(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let other = log_in_another(&world, &authority, &caller, &config).await;
    let told = || Filter { usability: Usability::Told, ..Filter::default() };
    let only = || Filter { usability: Usability::Unusable, ..Filter::default() };
    assert!(world.listed(&caller, &only()).await.is_empty());
    authority.answers(Some(Reply::json(401, &json!({"error": "invalid_client"}))));
    fails(&world, &caller, &id).await;
    assert!(world.listed(&caller, &only()).await.is_empty(), "its token still does");
    world.clock.advance_seconds(3_600);
    let end = world.now();
    fails(&world, &caller, &id).await;
    world.clock.advance_seconds(60);
    assert!(!explained(&world, &caller, &id).await.usable);
    for brief in [false, true] {
        for sort in accounts::Sort::ALL {
            let all = told_of_each(&world, &caller, Filter { brief, sort, ..told() }).await;
            assert_eq!(all[other.as_str()], None, "{sort:?}");
            let found = all[id.as_str()].as_ref().unwrap();
            assert_eq!((&*found.code, found.since), ("refresh_failing", Some(end)));
            assert!(found.cause.contains("invalid_client"), "{found:?}");
        }
        let untold = Filter { brief, ..Filter::default() };
        assert!(told_of_each(&world, &caller, untold).await.values().all(Option::is_none));
        let page = Filter { brief, limit: Some(1), ..only() };
        assert_eq!(world.listed(&caller, &page).await, [id.to_string()]);
        let next = Filter { offset: 1, ..page };
        assert!(world.listed(&caller, &next).await.is_empty());
    }
    // What an administrator holds can't be used either, and for that reason.
    accounts::suspend(&world.hub, &caller, &other, Guard::default()).await.unwrap();
    let all = told_of_each(&world, &caller, only()).await;
    let held = all[other.as_str()].as_ref().unwrap();
    assert_eq!((all.len(), &*held.code), (2, "suspended_by_administrator"));
    assert_eq!(held.since, Some(world.now()));
    let mut seen = 0;
    let filter = only();
    let views = accounts::list_views(&world.hub, &caller, &filter, |_| {
        seen += 1;
        Ok(ControlFlow::Continue(()))
    });
    views.await.unwrap();
    assert_eq!(seen, 2);
    // Another secret may help: the next call tries.
    authority.answers(None);
    world.clock.advance_seconds(10_000);
    refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(world.listed(&caller, &only()).await, [other.to_string()]);
}

async fn at_4_at_3_what_a_hold_refuses_is_not_advised(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(4_000);
    world.raw("update accounts set verified_at = null");
    let guard = Guard::default;
    accounts::suspend(&world.hub, &caller, &id, guard()).await.unwrap();
    let told = explained(&world, &caller, &id).await;
    assert_eq!(codes_of(&told), ["suspended"]);
    assert_eq!(told.findings[0].command, Some(format!("hubctl accounts resume {id}")));
    accounts::resume(&world.hub, &caller, &id, guard()).await.unwrap();
    world.disable(&caller, "oauth2").await;
    let told = explained(&world, &caller, &id).await;
    assert_eq!(codes_of(&told), ["auth_config_disabled"]);
    assert_eq!(told.findings[0].command, Some(format!("hubctl connectors enable {}", config.id)));
    // Of a refresh that failed before, what is known is told, but not what is refused.
    world.enable(&caller, "oauth2").await;
    authority.answers(Some(Reply::json(503, &json!({}))));
    fails(&world, &caller, &id).await;
    accounts::suspend(&world.hub, &caller, &id, guard()).await.unwrap();
    let told = explained(&world, &caller, &id).await;
    let found = failing(&told);
    assert_eq!((found.blocking, &found.command), (false, &None), "{told:?}");
    for command in told.findings.iter().filter_map(|finding| finding.command.as_ref()) {
        for verb in ["refresh", "test"] {
            assert!(!command.starts_with(&format!("hubctl accounts {verb}")), "{command}");
        }
    }
}

async fn at_5_a_check_does_not_contradict_itself(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.answers(Some(Reply::json(400, &json!({"error": "invalid_grant"}))));
    fails(&world, &caller, &id).await;
    let all = checked(&world, &caller, &id, Ask::Provider).await;
    assert_eq!(row(&all, "account").state, CheckState::Failed);
    let provider = row(&all, "provider");
    assert_eq!(provider.message, "Acme still accepts the present access token");
}

async fn at_13_an_account_that_goes_during_a_check_is_not_there(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(4_000);
    let mut gate = authority.gate();
    let delete = async {
        gate.wait().await;
        accounts::delete(&world.hub, &caller, &id, true, Guard::default()).await.unwrap();
        gate.open();
    };
    let check = accounts::check(&world.hub, &caller, &id, Ask::Provider);
    let (answer, ()) = tokio::join!(check, delete);
    refused(answer, &codes::ACCOUNT_UNKNOWN);
}
