//! What links nothing is no event of an account, and no receiver hears of it (WH-11).

use hubctl::domain::attempt::LIFE_S;
use hubctl::domain::caller::Caller;
use hubctl::domain::event::EventKind;
use hubctl::error::codes;
use hubctl::hub::end_user::{self, EndUser};
use hubctl::hub::oauth::{self, Returned};

use super::{begin, come_back, query, secret, set_up, user_of};
use crate::support::asked::given;
use crate::support::authority::KEY;
use crate::support::hooks::receiver;
use crate::support::http::{FakeHub, Reply};
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    wh_11_a_login_that_links_nothing_is_no_event_of_an_account,
    wh_11_a_form_that_is_refused_is_no_event_of_an_account,
);

/// A receiver of everything that happens to accounts.
async fn listening(world: &TestHub, caller: &Caller) -> FakeHub {
    let there = receiver();
    let kinds = [
        EventKind::AccountCreated,
        EventKind::AccountUpdated,
        EventKind::AccountDeleted,
        EventKind::AccountError,
    ];
    world.hook_for(caller, &there.url(), &kinds).await;
    there
}

fn told(world: &TestHub) -> i64 {
    world.number("select count(*) from events where kind like 'account.%'")
}

async fn wh_11_a_login_that_links_nothing_is_no_event_of_an_account(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let there = listening(&world, &caller).await;
    let hub = &world.hub;
    // Once as a first link, and once where there is an account to renew.
    for before in [vec![], vec!["account.created"]] {
        let user = user_of(&world, &caller, "acme-7").await;
        let start = async || begin(hub, &authority, &user, &config).await;
        for brought in [
            &[("error", "access_denied")][..],
            &[("error", "server_error"), ("error_description", "later")],
            &[("nothing", "x")],
            &[("code", "bad")],
        ] {
            let begun = start().await;
            let brought = query(&begun, brought);
            let binding = Some(&begun.binding);
            let returned = Returned { provider: "acme", query: &brought, binding };
            oauth::finish(hub, returned).await.unwrap();
        }
        for (code, me) in [("provider.refused", 403), ("provider.unreachable", 503)] {
            authority.answers_to_me(Some(Reply::json(me, &serde_json::json!({}))));
            let ended = come_back(hub, &start().await, "good").await;
            assert!(format!("{ended:?}").contains(code), "{ended:?}");
        }
        authority.answers_to_me(None);
        let foreign = start().await;
        let brought = query(&foreign, &[("code", "good"), ("iss", "https://evil.example")]);
        let binding = Some(&foreign.binding);
        let returned = Returned { provider: "acme", query: &brought, binding };
        refused(oauth::finish(hub, returned).await, &codes::OAUTH_BAD_STATE);
        let stolen = start().await;
        let (brought, forged) = (query(&stolen, &[("code", "good")]), secret("x"));
        let returned = Returned { provider: "acme", query: &brought, binding: Some(&forged) };
        refused(oauth::finish(hub, returned).await, &codes::OAUTH_WRONG_BROWSER);
        let cancelled = start().await;
        oauth::cancel(hub, &user, &cancelled.attempt).await.unwrap();
        let expired = start().await;
        world.clock.advance_seconds(LIFE_S);
        for late in [&cancelled, &expired] {
            let brought = query(late, &[("code", "good")]);
            let binding = Some(&late.binding);
            let returned = Returned { provider: "acme", query: &brought, binding };
            refused(oauth::finish(hub, returned).await, &codes::OAUTH_BAD_STATE);
        }
        world.send().await;
        assert_eq!(there.told("event"), before);
        assert_eq!(told(&world), i64::try_from(before.len()).unwrap());
        // One that links is told, so that the receiver would have heard of the others.
        come_back(hub, &start().await, "good").await;
        world.send().await;
        if before.is_empty() {
            assert_eq!(there.told("event"), ["account.created"]);
        }
    }
    assert_eq!(there.told("event"), ["account.created", "account.updated"]);
}

async fn refuses(world: &TestHub, user: &EndUser, config: &hubctl::domain::ids::AuthConfigId) {
    let too_long = "x".repeat(1 << 20);
    for (values, code) in [
        (given(&[]), &codes::FIELDS_INVALID),
        (given(&[("api_key", KEY), ("stray", "x")]), &codes::FIELDS_INVALID),
        (given(&[("api_key", &too_long)]), &codes::FIELDS_INVALID),
        (given(&[("api_key", "planted-bad")]), &codes::PROVIDER_REFUSED),
    ] {
        let linked = end_user::link(&world.hub, user, config, None, values).await;
        refused(linked, code);
    }
}

async fn wh_11_a_form_that_is_refused_is_no_event_of_an_account(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "api_key").await;
    let there = listening(&world, &caller).await;
    let user = user_of(&world, &caller, "acme-7").await;
    refuses(&world, &user, &config.id).await;
    authority.answers_to_me(Some(Reply::json(503, &serde_json::json!({}))));
    let right = || given(&[("api_key", KEY)]);
    let answer = end_user::link(&world.hub, &user, &config.id, None, right()).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    authority.answers_to_me(None);
    world.send().await;
    assert_eq!((told(&world), there.asked().len()), (0, 0));
    end_user::link(&world.hub, &user, &config.id, None, right()).await.unwrap();
    refuses(&world, &user, &config.id).await;
    world.send().await;
    assert_eq!((told(&world), there.told("event")), (1, vec!["account.created".to_owned()]));
}
