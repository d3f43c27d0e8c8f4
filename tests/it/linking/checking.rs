//! `accounts explain` and `doctor account`: everything about one account in one answer.

use hubctl::domain::caller::Caller;
use hubctl::domain::check::CheckState;
use hubctl::domain::connector::Connector;
use hubctl::domain::event::EventKind;
use hubctl::domain::ids::AccountId;
use hubctl::domain::oauth::token_call::basic;
use hubctl::error::codes;
use hubctl::hub::accounts::{self, Ask, Checked, Explanation, Finding};
use hubctl::hub::connectors;
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::write::Guard;
use hubctl::store::own_connectors::{self, OwnConnector};
use serde_json::json;

use super::{account, log_in, set_up};
use crate::support::asked::{account as new_account, config, given, key};
use crate::support::authority::{Authority, KEY};
use crate::support::hooks::{answering, receiver};
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    explain_joins_the_operation_and_the_event_behind_an_error,
    explain_tells_how_long_tokens_last_and_why_they_are_not_renewed,
    explain_names_the_webhooks_that_were_not_told,
    a_sound_account_passes_every_check,
    at_5_a_check_asks_the_provider_and_changes_nothing,
    threat_32_a_reason_that_is_kept_has_no_credentials_in_base64,
    ac_16_a_disabled_auth_config_fails_and_nobody_is_asked,
    threat_31_credentials_that_do_not_open_fail_alone,
    a_check_needs_the_right_to_write_before_it_asks_the_provider,
    tokens_and_calls_are_looked_at,
    at_5_a_refused_refresh_is_told_as_what_it_is,
    oa_13_a_token_that_nothing_renews_is_told_as_what_it_is,
    at_28_a_method_that_the_connector_lost_stands_in_the_way,
    a_value_that_the_connector_needs_by_now_stands_in_the_way,
);

async fn linked(world: &TestHub, caller: &Caller) -> AccountId {
    let values = given(&[("api_key", KEY)]);
    let new = accounts::New { values, verify: true, ..new_account("acme", "acme-7") };
    world.link(caller, new).await
}

async fn explained(world: &TestHub, caller: &Caller, id: &AccountId) -> Explanation {
    accounts::explain(&world.hub, caller, id).await.unwrap()
}

fn finding<'a>(told: &'a Explanation, code: &str) -> &'a Finding {
    let found = told.findings.iter().find(|finding| finding.code == code);
    found.unwrap_or_else(|| panic!("{code} is not in {told:?}"))
}

async fn checked(world: &TestHub, caller: &Caller, id: &AccountId) -> Vec<Checked> {
    accounts::check(&world.hub, caller, id, Ask::Provider).await.unwrap()
}

fn row<'a>(all: &'a [Checked], about: &str) -> &'a Checked {
    all.iter().find(|row| row.about == about).unwrap_or_else(|| panic!("{about}: {all:?}"))
}

fn revoked() -> Reply {
    Reply::json(401, &json!({"message": "revoked"}))
}

async fn explain_joins_the_operation_and_the_event_behind_an_error(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    assert!(explained(&world, &caller, &id).await.findings.is_empty());
    authority.answers_to_me(Some(revoked()));
    let at = world.now();
    let tried = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
    refused(tried, &codes::PROVIDER_REFUSED);
    world.clock.advance_seconds(600);
    let told = explained(&world, &caller, &id).await;
    let cause = &told.findings[0];
    assert!(!told.usable && cause.blocking && cause.cause.contains("revoked"), "{told:?}");
    assert_eq!(cause.since, Some(at));
    let operation = cause.operation.as_ref().unwrap();
    assert_eq!((&*operation.action, &*operation.actor), ("test", "local administrator"));
    let event = cause.event.as_ref().unwrap();
    let row =
        format!("select count(*) from events where id = '{event}' and kind = 'account.error'");
    assert_eq!(world.number(&row), 1);
    // The account's object forgets why once it works again; its event does not.
    for kept in ["\"actor\":\"local administrator\"", "status_reasons", "revoked"] {
        assert_eq!(world.number(&format!("{row} and data like '%{kept}%'")), 1, "{kept}");
    }
    assert_eq!(cause.command, Some(format!("hubctl accounts relink {id}")));
}

async fn explain_tells_how_long_tokens_last_and_why_they_are_not_renewed(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let began = world.now();
    let token = explained(&world, &caller, &id).await.token.unwrap();
    assert_eq!((token.expires_at, token.failures), (Some(began.plus_seconds(3_600)), 0));
    assert_eq!(token.renewed_at, began);
    assert!(token.next_try.is_some_and(|next| next < began.plus_seconds(3_600)), "{token:?}");
    authority.answers(Some(Reply::json(503, &json!({}))));
    world.clock.advance_seconds(3_590);
    refresh::round(&world.hub, 64, || true).await.unwrap();
    let told = explained(&world, &caller, &id).await;
    let failing = finding(&told, "refresh_failing");
    assert_eq!(failing.since, Some(world.now()));
    assert!(failing.cause.contains("next try at"), "{failing:?}");
    let token = told.token.unwrap();
    assert_eq!((token.failures, token.renewed_at), (1, began));
    assert!(token.next_try.unwrap() > world.now());
}

async fn explain_names_the_webhooks_that_were_not_told(mut world: TestHub) {
    let (caller, _authority, _) = set_up(&mut world, "api_key").await;
    let (deaf, fine) = (answering(500), receiver());
    let kinds = [EventKind::AccountCreated];
    let hook = world.hook_for(&caller, &deaf.url(), &kinds).await.webhook.id;
    world.hook_for(&caller, &fine.url(), &kinds).await;
    let id = linked(&world, &caller).await;
    let at = world.now();
    // Another account's delivery is none of this one's business.
    let values = given(&[("api_key", KEY)]);
    let other = accounts::New { values, verify: true, ..new_account("acme", "acme-8") };
    let other = world.link(&caller, other).await;
    world.send().await;
    world.clock.advance_seconds(1);
    let told = explained(&world, &caller, &id).await;
    let failing = finding(&told, "webhook_failing");
    assert!(told.usable && !failing.blocking);
    assert_eq!(failing.since, Some(at));
    for part in [&*deaf.url(), hook.as_str(), "answered 500", "it is tried again", "a delivery"] {
        assert!(failing.cause.contains(part), "{part}: {}", failing.cause);
    }
    let number = world.number(&format!(
        "select number from webhook_deliveries where subject = '{id}' and state = 'pending'"
    ));
    assert_eq!(failing.command, Some(format!("hubctl webhooks deliveries {number}")));
    assert_eq!(told.findings.len(), 1, "{told:?}");
    let made = world.key(&caller, key("reader", "platform:read")).await;
    let told = explained(&world, &world.holder(&made).await, &id).await;
    let needs = format!("hubctl webhooks deliveries {number} # needs a key with the scope admin");
    assert_eq!(finding(&told, "webhook_failing").command, Some(needs));
    world.raw("update webhook_deliveries set state = 'failed' where state = 'pending'");
    let told = explained(&world, &caller, &id).await;
    let command = format!("hubctl webhooks redeliver {number}");
    assert_eq!(finding(&told, "webhook_failing").command, Some(command));
    let row = checked(&world, &caller, &other).await;
    assert_eq!(self::row(&row, "webhooks").state, CheckState::Warning);
}

async fn a_sound_account_passes_every_check(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    let asked = authority.calls();
    let all = checked(&world, &caller, &id).await;
    assert_eq!(authority.calls(), asked + 1);
    let names: Vec<&str> = all.iter().map(|row| row.about).collect();
    let whole = [
        "account",
        "connector",
        "auth config",
        "credentials",
        "token",
        "provider",
        "calls",
        "webhooks",
    ];
    assert_eq!(names, whole);
    assert!(all.iter().all(|row| row.state == CheckState::Ok), "{all:?}");
    let quiet = accounts::check(&world.hub, &caller, &id, Ask::Nobody).await.unwrap();
    assert_eq!(row(&quiet, "provider").state, CheckState::Skipped);
    assert_eq!(authority.calls(), asked + 1);
    let nobody = "no-such".parse().unwrap();
    let answer = accounts::check(&world.hub, &caller, &nobody, Ask::Provider).await;
    refused(answer, &codes::ACCOUNT_UNKNOWN);
}

async fn at_5_a_check_asks_the_provider_and_changes_nothing(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    for (answer, code) in [
        (revoked(), &codes::PROVIDER_REFUSED),
        (Reply::json(503, &json!({})), &codes::PROVIDER_UNREACHABLE),
    ] {
        authority.answers_to_me(Some(answer));
        let before = world.dump();
        let all = checked(&world, &caller, &id).await;
        assert_eq!(world.dump(), before);
        let provider = row(&all, "provider");
        assert_eq!((provider.state, provider.code.unwrap().name), (CheckState::Failed, code.name));
    }
    // One that is in error already is asked as well.
    authority.answers_to_me(Some(revoked()));
    let tried = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
    refused(tried, &codes::PROVIDER_REFUSED);
    authority.answers_to_me(None);
    let all = checked(&world, &caller, &id).await;
    assert_eq!(row(&all, "account").state, CheckState::Failed);
    assert_eq!(row(&all, "provider").state, CheckState::Ok);
    // Nobody has to log in again for that.
    let test = format!("hubctl accounts test {id}");
    assert_eq!(row(&all, "account").hint.as_ref(), Some(&test));
    let told = explained(&world, &caller, &id).await;
    assert!(finding(&told, "credentials_refused").cause.contains(&test), "{told:?}");
}

async fn threat_32_a_reason_that_is_kept_has_no_credentials_in_base64(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    let header = basic("user", KEY);
    let message = format!("bad header: {}", header.expose());
    authority.answers_to_me(Some(Reply::json(401, &json!({ "message": message }))));
    let tried = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
    refused(tried, &codes::PROVIDER_REFUSED);
    let kept = account(&world, &caller, &id).await;
    let reason = kept.reasons[0].description.as_ref().unwrap();
    assert!(reason.contains("bad header: Basic dXNlcjp***"), "{reason}");
    let (_, end_of_key) = header.expose().split_at(header.expose().len() - 16);
    assert!(!format!("{:?}", world.dump()).contains(end_of_key));
}

async fn ac_16_a_disabled_auth_config_fails_and_nobody_is_asked(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    world.disable(&caller, "api_key").await;
    let asked = authority.calls();
    let all = checked(&world, &caller, &id).await;
    assert_eq!(authority.calls(), asked);
    let failed = row(&all, "auth config");
    assert_eq!(failed.state, CheckState::Failed);
    assert_eq!(failed.hint, Some(format!("hubctl connectors enable {}", config.id)));
    let connector = row(&all, "connector");
    assert_eq!((connector.state, &connector.hint), (CheckState::Warning, &failed.hint));
    let provider = row(&all, "provider");
    assert_eq!(provider.state, CheckState::Skipped);
    assert!(provider.message.contains("inactive"), "{provider:?}");
}

async fn threat_31_credentials_that_do_not_open_fail_alone(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    world.raw("update account_credentials set version = version + 1");
    let asked = authority.calls();
    let all = checked(&world, &caller, &id).await;
    let failed = row(&all, "credentials");
    assert_eq!(
        (failed.state, failed.code.unwrap().name),
        (CheckState::Failed, codes::SEAL_BROKEN.name)
    );
    assert_eq!(row(&all, "provider").state, CheckState::Skipped);
    assert_eq!(row(&all, "auth config").state, CheckState::Ok);
    assert_eq!(authority.calls(), asked);
}

async fn a_check_needs_the_right_to_write_before_it_asks_the_provider(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    let made = world.key(&caller, key("reader", "platform:read")).await;
    let reader = world.holder(&made).await;
    let asked = authority.calls();
    let all = checked(&world, &reader, &id).await;
    assert_eq!(authority.calls(), asked);
    assert_eq!(row(&all, "provider").state, CheckState::Skipped);
    assert_eq!(row(&all, "credentials").state, CheckState::Ok);
}

async fn tokens_and_calls_are_looked_at(mut world: TestHub) {
    use hubctl::hub::logs::Step;

    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.hub.flush_logs().await.unwrap();
    let all = checked(&world, &caller, &id).await;
    assert_eq!(row(&all, "token").state, CheckState::Ok);
    assert!(row(&all, "token").message.contains("it ends at"), "{all:?}");
    let step = Step {
        method: "GET",
        url: "https://api.example/people",
        status: Some(500),
        account: Some(&id),
        action: "list",
        ..Step::default()
    };
    world.hub.log_step(caller.project(), &step);
    world.hub.flush_logs().await.unwrap();
    world.clock.advance_seconds(4_000);
    authority.answers(Some(Reply::json(503, &json!({}))));
    let all = checked(&world, &caller, &id).await;
    let token = row(&all, "token");
    assert_eq!(token.state, CheckState::Warning);
    assert_eq!(token.hint, Some(format!("hubctl accounts refresh {id}")));
    let calls = row(&all, "calls");
    assert_eq!(calls.state, CheckState::Warning);
    assert!(calls.message.contains("was answered 500"), "{calls:?}");
    assert!(calls.hint.as_ref().unwrap().starts_with("hubctl logs get "));
    assert_eq!(row(&all, "provider").state, CheckState::Failed, "its token can't be renewed");
}

async fn at_5_a_refused_refresh_is_told_as_what_it_is(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(4_000);
    authority.answers(Some(Reply::json(400, &json!({"error": "invalid_grant"}))));
    let tried = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(tried, &codes::PROVIDER_REFUSED);
    let told = explained(&world, &caller, &id).await;
    assert!(!told.usable);
    finding(&told, "credentials_refused");
    for untrue in ["not_verified", "token_expired"] {
        assert!(told.findings.iter().all(|finding| finding.code != untrue), "{told:?}");
    }
    let all = checked(&world, &caller, &id).await;
    let token = row(&all, "token");
    assert_eq!(token.state, CheckState::Warning);
    assert!(!token.message.contains("renews it"), "{token:?}");
    let failing = finding(&told, "refresh_failing");
    assert_eq!(failing.command, Some(format!("hubctl accounts relink {id}")));
}

async fn oa_13_a_token_that_nothing_renews_is_told_as_what_it_is(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let alone = json!({"access_token": "alone", "token_type": "bearer", "expires_in": 3600});
    authority.answers(Some(Reply::json(200, &alone)));
    authority.answers_to_me(Some(Reply::json(200, &json!({}))));
    let id = log_in(&world, &authority, &caller, &config).await;
    world.clock.advance_seconds(4_000);
    let told = explained(&world, &caller, &id).await;
    let ended = finding(&told, "token_expired");
    let relink = Some(format!("hubctl accounts relink {id}"));
    assert!(ended.cause.contains("a new login") && !ended.cause.contains("next call"), "{ended:?}");
    assert_eq!(ended.command, relink);
    let all = checked(&world, &caller, &id).await;
    assert_eq!(
        (row(&all, "token").state, &row(&all, "token").hint),
        (CheckState::Warning, &relink)
    );
}

/// Imports the connector `acme` anew, without this method.
pub(super) async fn take_the_method_away(
    world: &TestHub,
    authority: &Authority,
    method: &str,
    version: &str,
) {
    let mut connector = authority.connector();
    connector.auth.retain(|known| known.key.as_str() != method);
    let row = OwnConnector {
        key: connector.key.clone(),
        version: version.to_owned(),
        definition: serde_json::to_string(&Connector { version: version.to_owned(), ..connector })
            .unwrap(),
        created_at: world.now(),
    };
    let mut tx = world.hub.store().begin_write().await.unwrap();
    own_connectors::save(&mut tx, world.caller().project(), &row).await.unwrap();
    tx.commit().await.unwrap();
}

async fn at_28_a_method_that_the_connector_lost_stands_in_the_way(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    let asked = authority.calls();
    let pin = format!("hubctl connectors edit {} --pin 1.0.0", config.id);
    let import = "hubctl connectors import FILE".to_owned();
    for (version, command) in [("2.0.0", pin), ("1.0.0", import)] {
        take_the_method_away(&world, &authority, "api_key", version).await;
        let told = explained(&world, &caller, &id).await;
        let missing = finding(&told, "method_missing");
        assert!(!told.usable && missing.blocking, "{told:?}");
        assert_eq!(missing.command.as_ref(), Some(&command));
        let all = checked(&world, &caller, &id).await;
        let connector = row(&all, "connector");
        assert_eq!((connector.state, &connector.hint), (CheckState::Failed, &Some(command)));
        assert_eq!(connector.code.unwrap().name, codes::ACCOUNT_NOT_USABLE.name);
        for about in ["credentials", "provider"] {
            assert_eq!(row(&all, about).state, CheckState::Skipped);
        }
        let tried = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
        refused(tried, &codes::ACCOUNT_NOT_USABLE);
    }
    assert_eq!(authority.calls(), asked);
}

async fn a_value_that_the_connector_needs_by_now_stands_in_the_way(world: TestHub) {
    let own = |field: &str, version: &str| -> Connector {
        let definition = json!({
            "key": "unover", "name": "Unover", "categories": ["crm"], "version": version,
            "base_url": "https://api.unover.example", "verify_reason": "none is known",
            "auth": [{
                "key": "api_key", "type": "api_key", "label": "API key",
                "config_fields": [{"key": field, "label": "Key", "type": "password",
                                   "required": true, "secret": true, "placeholder": "xyz"}],
                "authorization": {"type": "bearer", "token": format!("${{{field}}}")}
            }]
        });
        serde_json::from_value(definition).unwrap()
    };
    let caller = world.caller();
    let import = async |connector: Connector| {
        let all = [connector];
        let done = connectors::import(&world.hub, &caller, &all, Guard::default());
        done.await.unwrap();
    };
    import(own("api_key", "1.0.0")).await;
    world.add(&caller, config("unover")).await;
    let values = given(&[("api_key", "planted-key")]);
    let new = accounts::New { values, ..new_account("unover", "acme-7") };
    let id = world.link(&caller, new).await;
    assert!(explained(&world, &caller, &id).await.usable);
    world.clock.advance_seconds(60);
    import(own("token", "1.1.0")).await;
    let told = explained(&world, &caller, &id).await;
    let missing = &told.findings[0];
    assert!(!told.usable && missing.blocking && missing.code == "value_missing", "{told:?}");
    assert!(missing.cause.contains("version 1.1.0") && missing.cause.contains("`token`"));
    let operation = missing.operation.as_ref().unwrap();
    assert_eq!((&*operation.action, &*operation.actor), ("import", "local administrator"));
    let relink = Some(format!("hubctl accounts relink {id}"));
    assert_eq!((missing.since, &missing.command), (Some(world.now()), &relink));
    let all = checked(&world, &caller, &id).await;
    let credentials = row(&all, "credentials");
    assert_eq!((credentials.state, &credentials.hint), (CheckState::Failed, &relink));
}
