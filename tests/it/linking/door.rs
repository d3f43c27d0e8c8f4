//! What an end user may do with a session's token, and nothing else.

use std::slice;

use hubctl::domain::account::{AccountType, Status};
use hubctl::domain::connect_session::NewSession;
use hubctl::domain::ids::AuthConfigId;
use hubctl::error::codes;
use hubctl::hub::auth_configs::{Given, disable, make_default};
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, connect_sessions, end_user};

use super::{account, add, begin, come_back, events, log_in, set_up, user, user_of};
use crate::support::asked::{given, session, session_with};
use crate::support::authority::KEY;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    cs_5_cs_6_the_first_success_makes_an_account_and_the_next_one_renews_it,
    cs_10_multiple_makes_a_new_account_each_time,
    cs_12_a_relink_leaves_owner_and_type_alone,
    cs_33_a_link_without_a_type_leaves_that_of_the_account,
    hb_4_cs_7_an_account_is_edited_by_what_it_was_linked_through,
    hb_14_a_page_may_name_an_account_of_the_sessions_owner,
    hb_8_hb_9_oa_17_what_the_provider_refuses_is_not_stored,
    two_posts_at_once_make_one_account,
    ac_11_ac_35_hb_1_cs_20_to_cs_22_what_is_offered,
    threat_08_threat_09_tokens_that_open_nothing,
    threat_10_a_session_is_held_to_its_auth_config,
    threat_11_owner_and_account_are_the_sessions,
    se_3_se_4_hb_10_threat_12_stored_secrets_are_kept_and_never_shown,
    at_7_a_relink_cures_and_keeps_the_label,
);

fn ids(choices: Vec<end_user::Choice>) -> Vec<AuthConfigId> {
    choices.into_iter().map(|choice| choice.config.id).collect()
}

fn key(value: &str) -> Given {
    given(&[("api_key", value)])
}

async fn cs_5_cs_6_the_first_success_makes_an_account_and_the_next_one_renews_it(
    mut world: TestHub,
) {
    let (caller, authority, config) = set_up(&mut world, "api_key").await;
    let mut new = session_with("acme-7", "acme");
    new.label = Some("HR".to_owned());
    new.metadata.insert("team".to_owned(), "x".into());
    let user = user(&world, &caller, new).await;
    assert!(end_user::existing(&world.hub, &user).await.unwrap().is_none());
    let linked = end_user::link(&world.hub, &user, &config.id, None, key(KEY)).await.unwrap();
    let first = linked.account;
    assert_eq!((first.status, first.verified_at), (Status::Active, Some(world.now())), "AT-2");
    assert_eq!(first.label.as_deref(), Some("HR"), "CS-31");
    assert_eq!(first.metadata["team"], "x", "CS-32");
    assert_eq!(first.owner.id, "acme-7");
    let seen = connect_sessions::get(&world.hub, &caller, user.session.id).await.unwrap();
    assert_eq!(seen.session.linked_account.as_ref(), Some(&first.id));
    // CS-30: the token works until it expires.
    let known = end_user::existing(&world.hub, &user).await.unwrap().unwrap();
    assert_eq!(known.account.id, first.id, "CS-7");
    let again = end_user::link(&world.hub, &user, &config.id, None, key(KEY)).await.unwrap();
    assert_eq!(again.account.id, first.id);
    assert_eq!((events(&world, "account.created"), events(&world, "account.updated")), (1, 1));
    assert_eq!(authority.calls(), 2);
}

async fn cs_10_multiple_makes_a_new_account_each_time(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "api_key").await;
    let mut new = session_with("acme-7", "acme");
    new.multiple = true;
    let user = user(&world, &caller, new).await;
    for _ in 0..2 {
        end_user::link(&world.hub, &user, &config.id, None, key(KEY)).await.unwrap();
        assert!(end_user::existing(&world.hub, &user).await.unwrap().is_none());
    }
    assert_eq!(world.number("select count(*) from accounts"), 2);
}

async fn cs_12_a_relink_leaves_owner_and_type_alone(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let test = NewSession { kind: Some(AccountType::Test), ..session_with("acme-7", "acme") };
    let first = user(&world, &caller, test).await;
    let id = end_user::link(hub, &first, &config.id, None, key(KEY)).await.unwrap().account.id;
    let before = account(&world, &caller, &id).await;
    let relink = NewSession { account: Some(id.clone()), ..session("acme-7") };
    let again = user(&world, &caller, relink).await;
    end_user::link(hub, &again, &config.id, Some(&id), Given::new()).await.unwrap();
    let after = account(&world, &caller, &id).await;
    assert_eq!((&after.owner, after.kind), (&before.owner, AccountType::Test));
}

async fn cs_33_a_link_without_a_type_leaves_that_of_the_account(mut world: TestHub) {
    use AccountType::{Production, Test};
    let (caller, _authority, config) = set_up(&mut world, "api_key").await;
    for (asked, linked) in
        [(Some(Test), Test), (None, Test), (Some(Production), Production), (None, Production)]
    {
        // Which account it will be is known once its end user has chosen a connector.
        let user = user(&world, &caller, NewSession { kind: asked, ..session("acme-7") }).await;
        assert_eq!(user.session.kind, asked);
        let done = end_user::link(&world.hub, &user, &config.id, None, key(KEY)).await.unwrap();
        assert_eq!(done.account.kind, linked, "{asked:?}");
    }
    assert_eq!(world.number("select count(*) from accounts"), 1);
}

async fn hb_4_cs_7_an_account_is_edited_by_what_it_was_linked_through(mut world: TestHub) {
    let (caller, authority, by_login) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &by_login).await;
    let by_key = add(&world, &caller, "api_key").await;
    make_default(&world.hub, &caller, "api_key", Guard::default()).await.unwrap();
    let hub = &world.hub;
    let mine = user_of(&world, &caller, "acme-7").await;
    assert_eq!(end_user::existing(hub, &mine).await.unwrap().unwrap().account.id, id);
    let acme = "acme".parse().unwrap();
    let listed = end_user::choices(hub, &mine, Some(&acme)).await.unwrap();
    assert_eq!(ids(listed), slice::from_ref(&by_login.id));
    let (shown, form) = end_user::edited_by(hub, &mine, &id).await.unwrap();
    assert_eq!((&shown.id, &form.config.id), (&id, &by_login.id));
    assert_eq!(form.account.as_ref(), Some(&id));
    // The default's form would make another account of it.
    let moved = end_user::link(hub, &mine, &by_key.id, Some(&id), key(KEY)).await;
    refused(moved, &codes::CONNECT_NOT_OFFERED);
    assert_eq!(account(&world, &caller, &id).await.auth_config, by_login.id);
    // Where its own can't be had, what the session offers edits it.
    disable(hub, &caller, "oauth2", Guard::default()).await.unwrap();
    let mine = user_of(&world, &caller, "acme-7").await;
    let listed = end_user::choices(hub, &mine, Some(&acme)).await.unwrap();
    assert_eq!(ids(listed), slice::from_ref(&by_key.id));
    let (_, form) = end_user::edited_by(hub, &mine, &id).await.unwrap();
    assert_eq!(form.config.id, by_key.id);
    end_user::link(hub, &mine, &by_key.id, Some(&id), key(KEY)).await.unwrap();
    let moved = account(&world, &caller, &id).await;
    assert_eq!((moved.status, moved.auth_config), (Status::Active, by_key.id));
}

async fn hb_14_a_page_may_name_an_account_of_the_sessions_owner(mut world: TestHub) {
    let (caller, authority, by_login) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &by_login).await;
    let by_key = add(&world, &caller, "api_key").await;
    make_default(&world.hub, &caller, "api_key", Guard::default()).await.unwrap();
    let hub = &world.hub;
    let open = user(&world, &caller, session("acme-7")).await;
    assert!(end_user::existing(hub, &open).await.unwrap().is_none());
    let listed = end_user::choices(hub, &open, None).await.unwrap();
    assert_eq!(ids(listed), slice::from_ref(&by_key.id), "AC-35");
    let acme = "acme".parse().unwrap();
    let listed = end_user::choices(hub, &open, Some(&acme)).await.unwrap();
    assert_eq!(ids(listed), slice::from_ref(&by_login.id), "HB-4");
    let (_, form) = end_user::edited_by(hub, &open, &id).await.unwrap();
    assert_eq!((form.config.id, form.account.as_ref()), (by_login.id.clone(), Some(&id)));
    let begun = begin(hub, &authority, &open, &by_login).await;
    come_back(hub, &begun, "good").await;
    assert_eq!(account(&world, &caller, &id).await.auth_config, by_login.id);
    // One that is linked by a form keeps what is left empty.
    let other = user_of(&world, &caller, "globex-1").await;
    let theirs = end_user::link(hub, &other, &by_key.id, None, key(KEY)).await.unwrap().account.id;
    let other = user(&world, &caller, session("globex-1")).await;
    end_user::link(hub, &other, &by_key.id, Some(&theirs), Given::new()).await.unwrap();
    let multiple = NewSession { multiple: true, ..session("globex-1") };
    for stranger in [open, user(&world, &caller, multiple).await] {
        let shown = end_user::edited_by(hub, &stranger, &theirs).await.map(drop);
        refused(shown, &codes::ACCOUNT_UNKNOWN);
        let link = end_user::link(hub, &stranger, &by_key.id, Some(&theirs), key(KEY)).await;
        refused(link, &codes::ACCOUNT_UNKNOWN);
    }
}

async fn hb_8_hb_9_oa_17_what_the_provider_refuses_is_not_stored(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "api_key").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let before = world.dump();
    let answer = end_user::link(&world.hub, &user, &config.id, None, key("planted-bad")).await;
    let error = refused(answer, &codes::PROVIDER_REFUSED);
    assert!(error.message().contains("not known here"), "{error:?}");
    assert!(!format!("{error:?}").contains("planted-bad"));
    for bad in [given(&[]), given(&[("api_key", KEY), ("owner", "x")]), key("")] {
        let calls = authority.calls();
        let answer = end_user::link(&world.hub, &user, &config.id, None, bad).await;
        refused(answer, &codes::FIELDS_INVALID);
        assert_eq!(authority.calls(), calls, "what is not complete is not sent");
    }
    assert_eq!(world.dump(), before);
}

async fn two_posts_at_once_make_one_account(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "api_key").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let other = super::super::support::authority::Authority::start().reached_by(world.another());
    let (a, b) = tokio::join!(
        end_user::link(&world.hub, &user, &config.id, None, key(KEY)),
        end_user::link(&other, &user, &config.id, None, key(KEY)),
    );
    assert_eq!(a.unwrap().account.id, b.unwrap().account.id);
    assert_eq!(world.number("select count(*) from accounts"), 1);
    assert_eq!(events(&world, "account.created"), 1);
}

async fn ac_11_ac_35_hb_1_cs_20_to_cs_22_what_is_offered(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "api_key").await;
    let second = add(&world, &caller, "oauth2").await;
    let open = user(&world, &caller, session("acme-7")).await;
    let offered = ids(end_user::choices(&world.hub, &open, None).await.unwrap());
    assert_eq!(offered, slice::from_ref(&config.id), "the default alone (AC-35)");
    let mut named = session("acme-7");
    named.auth_config = Some(second.id.clone());
    let named = user(&world, &caller, named).await;
    let offered = ids(end_user::choices(&world.hub, &named, None).await.unwrap());
    assert_eq!(offered, slice::from_ref(&second.id), "CS-14");
    let form = end_user::form(&world.hub, &named, &second.id).await.unwrap();
    assert!(form.needs_browser());
    for (category, fits) in [("hris", true), ("crm", false)] {
        let mut new = session("acme-7");
        new.categories = vec![category.parse().unwrap()];
        let user = user(&world, &caller, new).await;
        let offered = end_user::choices(&world.hub, &user, None).await.unwrap();
        assert_eq!(!offered.is_empty(), fits, "{category}");
        let form = end_user::form(&world.hub, &user, &config.id).await;
        assert_eq!(form.is_ok(), fits, "{category}");
    }
    disable(&world.hub, &caller, "api_key", Guard::default()).await.unwrap();
    assert!(end_user::choices(&world.hub, &open, None).await.unwrap().is_empty(), "AC-11");
}

async fn threat_08_threat_09_tokens_that_open_nothing(mut world: TestHub) {
    let (caller, _authority, _) = set_up(&mut world, "api_key").await;
    let mut tokens = Vec::new();
    for owner in ["a", "b", "c"] {
        let new = session_with(owner, "acme");
        let made = connect_sessions::create(&world.hub, &caller, new, Guard::default()).await;
        tokens.push(made.unwrap());
    }
    let text = |at: usize| tokens[at].token.text().expose().to_owned();
    let id = tokens[1].session.id;
    connect_sessions::revoke(&world.hub, &caller, id, Guard::default()).await.unwrap();
    let swapped = text(0).replace("hcs_1_", "hcs_3_");
    let mut told = Vec::new();
    for bad in
        ["", "hcs_", "hcs_99_x", &text(0)[..30], &format!("{}A", text(0)), &swapped, &text(1)]
    {
        let error = refused(end_user::enter(&world.hub, bad).await, &codes::SESSION_TOKEN_INVALID);
        told.push(format!("{error} {:?} {:?}", error.hint_text(), error.details()));
    }
    world.clock.advance_seconds(3600);
    let over = end_user::enter(&world.hub, &text(2)).await;
    told.push(format!("{} None []", refused(over, &codes::SESSION_TOKEN_INVALID)));
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
}

async fn threat_10_a_session_is_held_to_its_auth_config(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "api_key").await;
    let second = add(&world, &caller, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let calls = authority.calls();
    refused(end_user::form(&world.hub, &user, &second.id).await, &codes::CONNECT_NOT_OFFERED);
    let answer = end_user::link(&world.hub, &user, &second.id, None, Given::new()).await;
    refused(answer, &codes::CONNECT_NOT_OFFERED);
    let elsewhere = world.project("other").await;
    authority.welcome(&mut world, &elsewhere).await;
    let foreign = add(&world, &elsewhere, "api_key").await;
    for id in [&foreign.id, &"no-such".parse().unwrap()] {
        let answer = end_user::link(&world.hub, &user, id, None, key(KEY)).await;
        refused(answer, &codes::AUTH_CONFIG_UNKNOWN);
    }
    disable(&world.hub, &caller, "api_key", Guard::default()).await.unwrap();
    let answer = end_user::link(&world.hub, &user, &config.id, None, key(KEY)).await;
    refused(answer, &codes::CONNECTOR_NOT_ENABLED);
    assert_eq!(authority.calls(), calls);
}

async fn threat_11_owner_and_account_are_the_sessions(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "api_key").await;
    let mine = user_of(&world, &caller, "acme-7").await;
    let theirs = user_of(&world, &caller, "globex-1").await;
    let hub = &world.hub;
    let account = end_user::link(hub, &theirs, &config.id, None, key(KEY)).await.unwrap().account;
    // HB-14: another owner's account is not there.
    let answer = end_user::link(hub, &mine, &config.id, Some(&account.id), key(KEY)).await;
    refused(answer, &codes::ACCOUNT_UNKNOWN);
    for name in ["origin_owner_id", "account_id", "label", "project"] {
        let mut values = key(KEY);
        values.extend(given(&[(name, "evil")]));
        let answer = end_user::link(hub, &mine, &config.id, None, values).await;
        refused(answer, &codes::FIELDS_INVALID);
    }
    let linked = end_user::link(hub, &mine, &config.id, None, key(KEY)).await.unwrap().account;
    assert_eq!(linked.owner.id, "acme-7");
    assert_ne!(linked.id, account.id);
}

async fn se_3_se_4_hb_10_threat_12_stored_secrets_are_kept_and_never_shown(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "api_key").await;
    let first = user_of(&world, &caller, "acme-7").await;
    let mut values = key(KEY);
    values.extend(given(&[("site", "north")]));
    let hub = &world.hub;
    let account = end_user::link(hub, &first, &config.id, None, values).await.unwrap().account;
    let mut new = session_with("acme-7", "acme");
    new.account = Some(account.id.clone());
    let user = user(&world, &caller, new).await;
    let form = end_user::form(hub, &user, &config.id).await.unwrap();
    assert_eq!(form.account.as_ref(), Some(&account.id));
    assert_eq!(form.stored_secrets.iter().collect::<Vec<_>>(), ["api_key"]);
    assert!(!format!("{form:?}").contains(KEY), "SE-1");
    let site = form.fields.iter().find(|field| field.key == "site").unwrap();
    assert_eq!(site.default.as_deref(), Some("north"), "SE-3");
    // SE-4, HB-11: the placeholder and nothing at all keep what is stored.
    for values in
        [given(&[("api_key", "__secretvalue:**redacted**"), ("site", "south")]), Given::new()]
    {
        let edited =
            end_user::link(hub, &user, &config.id, Some(&account.id), values).await.unwrap();
        assert_eq!(edited.account.id, account.id, "CS-12");
        assert_eq!(edited.account.setup["site"], "south", "HB-10");
    }
    let bad = end_user::link(hub, &user, &config.id, Some(&account.id), key("planted-bad")).await;
    refused(bad, &codes::PROVIDER_REFUSED);
    let still = end_user::link(hub, &user, &config.id, Some(&account.id), Given::new()).await;
    still.unwrap();
}

async fn at_7_a_relink_cures_and_keeps_the_label(mut world: TestHub) {
    let (caller, _authority, config) = set_up(&mut world, "api_key").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let hub = &world.hub;
    let id = end_user::link(hub, &user, &config.id, None, key(KEY)).await.unwrap().account.id;
    let update = hubctl::domain::account::Update {
        label: Some(Some("mine".to_owned())),
        ..Default::default()
    };
    let changes = accounts::Changes { update, ..Default::default() };
    accounts::update(hub, &caller, &id, changes, Guard::default()).await.unwrap();
    world.raw("update accounts set status = 'error'");
    end_user::link(hub, &user, &config.id, None, key(KEY)).await.unwrap();
    let cured = account(&world, &caller, &id).await;
    assert_eq!((cured.status, cured.label.as_deref()), (Status::Active, Some("mine")));
    assert!(cured.reasons.is_empty());
}
