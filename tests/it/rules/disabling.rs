//! AC-14 to AC-23: what happens to accounts when their auth config is switched off and on.

use hubctl::domain::account::{REASON_DISABLED, Status};
use hubctl::domain::connect_session::{DEFAULT_LIFE_S, NewSession};
use hubctl::domain::ids::{AccountId, AuthConfigId};
use hubctl::error::codes;
use hubctl::hub::auth_configs::{self, Action};
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, connectors};
use hubctl::store::accounts as rows;

use crate::support::asked::{account, config, named, session, session_with};
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    ac_14_ac_15_ac_17_its_accounts_go_inactive_and_no_others,
    ac_18_impact_says_what_would_be_touched,
    ac_15_ac_18_only_sessions_that_lose_something_are_counted,
    ac_8_ac_18_another_default_touches_the_sessions_that_follow_it,
    ac_19_ac_23_they_come_back_with_their_credentials,
    ac_20_what_was_in_error_comes_back_active,
    ac_21_a_hold_survives_both,
    ac_22_doing_it_again_changes_nothing,
    ac_22_enabling_an_unknown_connector_sets_it_up,
    ac_14_thousands_follow_as_each_one_would,
);

async fn ac_14_ac_15_ac_17_its_accounts_go_inactive_and_no_others(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    let mine = world.link(&caller, account("hubspot", "acme")).await;
    let mut other = account("hubspot", "brand");
    other.auth_config = Some(second.id);
    let other = world.link(&caller, other).await;
    world.clock.advance_seconds(60);
    let events = world.events();
    assert_eq!(world.disable(&caller, "first").await, 1);
    assert_eq!(world.events(), events + 2, "one for the config, one for its account");
    for kind in ["auth_config.disabled", "account.updated"] {
        let by = "data like '%\"actor\":\"local administrator\"%'";
        let named = format!("select count(*) from events where kind = '{kind}' and {by}");
        assert_eq!(world.number(&named), 1, "{kind}");
    }
    let mine = world.account(&caller, &mine).await;
    assert_eq!((mine.shown_status(), mine.updated_at), (Status::Inactive, world.now()));
    assert_eq!(mine.reasons[0].code.as_deref(), Some(REASON_DISABLED));
    assert_eq!(mine.reasons[0].timestamp, world.now());
    assert_eq!(world.account(&caller, &other).await.shown_status(), Status::Active);
    let inactive = accounts::Filter { statuses: vec![Status::Inactive], ..Default::default() };
    assert_eq!(world.listed(&caller, &inactive).await, [mine.id.as_str()]);
}

async fn ac_18_impact_says_what_would_be_touched(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    for owner in ["a", "b", "c"] {
        world.link(&caller, account("hubspot", owner)).await;
    }
    world.open(&caller, session_with("a", "hubspot")).await;
    let impact = async |action| {
        let impact = auth_configs::impact(&world.hub, &caller, "hubspot", action).await.unwrap();
        (impact.accounts, impact.sessions)
    };
    assert_eq!(impact(Action::Disable).await, (3, 1));
    assert_eq!(impact(Action::Enable).await, (0, 0));
    world.disable(&caller, "hubspot").await;
    assert_eq!(impact(Action::Disable).await, (0, 0));
    assert_eq!(impact(Action::Enable).await, (3, 0));
}

async fn ac_15_ac_18_only_sessions_that_lose_something_are_counted(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    world.add(&caller, config("bamboohr")).await;
    let naming = |id: &AuthConfigId| NewSession { auth_config: Some(id.clone()), ..session("a") };
    let of = |categories: &[&str]| {
        let categories = categories.iter().map(|name| name.parse().unwrap()).collect();
        NewSession { categories, ..session("a") }
    };
    let account = world.link(&caller, account("hubspot", "acme")).await;
    for new in [
        session_with("a", "hubspot"),
        naming(&first.id),
        NewSession { account: Some(account), ..session("acme") },
        naming(&second.id),
        session_with("a", "bamboohr"),
        session("a"),
        of(&["crm", "marketing"]),
        of(&["hris"]),
    ] {
        world.open(&caller, new).await;
    }
    let impact = async |target: &str| {
        let impact = async |action| {
            auth_configs::impact(&world.hub, &caller, target, action).await.unwrap().sessions
        };
        let both = (impact(Action::Disable).await, impact(Action::Delete).await);
        assert_eq!(both.0, both.1, "{target}");
        both.0
    };
    // The default: three that use it, and two in which it can be chosen.
    assert_eq!(impact("first").await, 5);
    assert_eq!(impact("second").await, 1);
    assert_eq!(impact("hubspot").await, 6);
    assert_eq!(impact("bamboohr").await, 3);
    world.disable(&caller, "first").await;
    assert_eq!(impact("first").await, 0);
    assert_eq!(impact("hubspot").await, 1);
    // What is over loses nothing.
    world.clock.advance_seconds(DEFAULT_LIFE_S);
    assert_eq!(impact("second").await, 0);
}

async fn ac_8_ac_18_another_default_touches_the_sessions_that_follow_it(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await;
    world.add(&caller, named("hubspot", "second")).await;
    world.link(&caller, account("hubspot", "acme")).await;
    let naming = NewSession { auth_config: Some(first.id), ..session("a") };
    for new in [session("a"), session_with("a", "hubspot"), naming] {
        world.open(&caller, new).await;
    }
    let impact = async |target| {
        let action = Action::MakeDefault;
        let impact = auth_configs::impact(&world.hub, &caller, target, action).await.unwrap();
        (impact.accounts, impact.sessions)
    };
    assert_eq!((impact("second").await, impact("first").await), ((0, 1), (0, 0)));
    // A default that is disabled takes something from them, but not where nothing was.
    world.disable(&caller, "second").await;
    assert_eq!(impact("second").await, (0, 1));
    world.disable(&caller, "first").await;
    assert_eq!(impact("second").await, (0, 0));
}

async fn ac_19_ac_23_they_come_back_with_their_credentials(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let credentials = world.dump()["account_credentials"].clone();
    world.disable(&caller, "hubspot").await;
    assert_eq!(world.enable(&caller, "hubspot").await, 1);
    let account = world.account(&caller, &id).await;
    assert_eq!((account.status, account.reasons.len()), (Status::Active, 0));
    assert_eq!(world.dump()["account_credentials"], credentials);
}

async fn ac_20_what_was_in_error_comes_back_active(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    world.raw("update accounts set status = 'error'");
    assert_eq!(world.disable(&caller, "hubspot").await, 1);
    world.enable(&caller, "hubspot").await;
    assert_eq!(world.account(&caller, &id).await.status, Status::Active);
}

async fn ac_21_a_hold_survives_both(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    accounts::suspend(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    world.disable(&caller, "hubspot").await;
    let off = world.account(&caller, &id).await;
    assert_eq!((off.shown_status(), off.status), (Status::Suspended, Status::Inactive));
    assert_eq!(off.reasons.len(), 2);
    world.enable(&caller, "hubspot").await;
    let on = world.account(&caller, &id).await;
    assert_eq!((on.shown_status(), on.status), (Status::Suspended, Status::Active));
    accounts::resume(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    let free = world.account(&caller, &id).await;
    assert_eq!((free.shown_status(), free.reasons.len()), (Status::Active, 0));
}

async fn ac_22_doing_it_again_changes_nothing(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    world.link(&caller, account("hubspot", "acme")).await;
    let guard = Guard::default();
    let enable = auth_configs::enable(&world.hub, &caller, "hubspot", guard);
    assert!(!world.changes_nothing(enable).await.unwrap()[0].changed);
    world.disable(&caller, "hubspot").await;
    let disable = auth_configs::disable(&world.hub, &caller, "hubspot", guard);
    assert!(!world.changes_nothing(disable).await.unwrap()[0].changed);
}

async fn ac_22_enabling_an_unknown_connector_sets_it_up(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    let done = auth_configs::enable(&world.hub, &caller, "freshdesk", guard).await.unwrap();
    assert!(done[0].changed && done[0].after.as_ref().unwrap().config.is_default);
    refused(
        auth_configs::disable(&world.hub, &caller, "hubspot", guard).await,
        &codes::AUTH_CONFIG_UNKNOWN,
    );
    let needs = connectors::available(&world.hub, &caller, &connectors::Filter::default()).await;
    let needs = needs.unwrap().into_iter().find(|one| one.auth.iter().all(|one| one.needs_setup));
    let key = needs.unwrap().key;
    let error = auth_configs::enable(&world.hub, &caller, key.as_str(), guard).await;
    let error = refused(error, &codes::CONNECTOR_NEEDS_SETUP);
    assert!(error.hint_text().unwrap().contains(" --set "), "{error:?}");
}

/// The mass change is written as few statements; what comes out must be what the rule makes of
/// each account by itself.
async fn ac_14_thousands_follow_as_each_one_would(world: TestHub) {
    const MANY: usize = 2_203;
    let caller = world.caller();
    let config = world.add(&caller, config("hubspot")).await;
    let first = world.link(&caller, account("hubspot", "acme")).await;
    let mut tx = world.hub.store().begin_write().await.unwrap();
    let model = rows::by_id(&mut tx, caller.project(), &first).await.unwrap().unwrap();
    let reason = |code: &str| hubctl::domain::account::StatusReason {
        timestamp: world.now(),
        code: Some(code.to_owned()),
        description: None,
    };
    for number in 1..MANY {
        let mut one = model.clone();
        one.id = format!("00-{number:05}").parse().unwrap();
        match number % 7 {
            1 => {
                (one.hold, one.reasons) =
                    (Some(Status::Suspended), vec![reason("suspended_by_administrator")]);
            }
            2 => (one.status, one.reasons) = (Status::Error, vec![reason("refused")]),
            3 => one.hold = Some(Status::Archived),
            4 => (one.status, one.hold) = (Status::Expired, Some(Status::Suspended)),
            _ => {}
        }
        rows::insert(&mut tx, caller.project(), &one).await.unwrap();
    }
    tx.commit().await.unwrap();
    for on in [false, true] {
        world.clock.advance_seconds(10);
        let before = all(&world).await;
        let events = world.events();
        let affected = match on {
            true => world.enable(&caller, config.id.as_str()).await,
            false => world.disable(&caller, config.id.as_str()).await,
        };
        assert_eq!(affected, MANY as u64);
        assert_eq!(world.events(), events + 1 + i64::try_from(MANY).unwrap());
        let after = all(&world).await;
        for (before, after) in before.into_iter().zip(after) {
            let rule = if on {
                before.config_enabled(world.now())
            } else {
                before.config_disabled(world.now())
            };
            let mut expected = rule.after;
            expected.version += 1;
            assert_eq!(after, expected);
        }
    }
}

async fn all(world: &TestHub) -> Vec<hubctl::domain::account::Account> {
    let caller = world.caller();
    let ids = world.listed(&caller, &accounts::Filter::default()).await;
    let mut tx = world.hub.store().begin_read().await.unwrap();
    let mut found = Vec::new();
    for id in ids {
        let id: AccountId = id.parse().unwrap();
        found.extend(rows::by_id(&mut tx, caller.project(), &id).await.unwrap());
    }
    found
}
