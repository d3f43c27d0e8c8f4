//! CS-* and AL-* as far as they need no page: making, reading, listing and ending sessions.

use std::ops::ControlFlow;

use hubctl::domain::account::AccountType;
use hubctl::domain::connect_session::{LINK_LIFE_S, NewSession, State};
use hubctl::domain::ids::{AuthConfigId, SessionId};
use hubctl::error::codes;
use hubctl::hub::accounts::Tags;
use hubctl::hub::connect_sessions::{
    BatchItem, Filter, authenticate, create, create_batch, get, list, revoke,
};
use hubctl::hub::{accounts, auth_configs};
use serde_json::json;

use crate::support::asked::{account, config, named, session, session_with};
use crate::support::hub::{TestHub, guard, on_both_databases, refused};

on_both_databases!(
    cs_2_cs_26_cs_27_bad_values_are_listed,
    cs_3_cs_4_al_4_the_token_is_shown_once,
    cs_12_cs_13_an_account_to_edit,
    cs_12_cs_41_an_account_stays_with_its_owner,
    hb_4_cs_15_the_auth_config_of_a_known_account_comes_before_the_default,
    cs_14_cs_15_cs_18_cs_36_which_auth_config,
    cs_16_cs_17_cs_19_contradictions,
    cs_17_an_account_and_an_auth_config_of_different_connectors,
    cs_25_al_2_al_3_life_counts_from_creation,
    cs_28_cs_40_tokens_end,
    cs_28_altered_tokens_open_nothing,
    cs_30_a_revoked_session_stays_revoked,
    cs_32_everything_is_read_back_as_given,
    cs_39_lists_filter_by_state_and_time,
    cs_39_lists_filter_by_status_connector_and_owner,
    cs_40_reading_a_token_waits_for_no_writer,
    cs_40_a_session_outlives_its_auth_config,
);

async fn cs_2_cs_26_cs_27_bad_values_are_listed(world: TestHub) {
    let mut bad = session("");
    bad.owner.name = String::new();
    bad.expires_in_s = 0;
    bad.metadata.insert("key".to_owned(), json!("\0"));
    let caller = world.caller();
    let answer = world.changes_nothing(create(&world.hub, &caller, bad, guard())).await;
    let error = refused(answer, &codes::SESSION_INVALID);
    let fields: Vec<_> = error.details().iter().map(|detail| &detail["field"]).collect();
    assert_eq!(
        json!(fields),
        json!(["origin_owner_id", "origin_owner_name", "metadata", "expires_in"])
    );
    for life in [-1, 2_592_001, i64::MAX, i64::MIN] {
        let bad = NewSession { expires_in_s: life, ..session("acme") };
        refused(create(&world.hub, &caller, bad, guard()).await, &codes::SESSION_INVALID);
    }
}

async fn cs_3_cs_4_al_4_the_token_is_shown_once(world: TestHub) {
    let caller = world.caller();
    let made = world.open(&caller, session("acme")).await;
    let token = made.token.text().expose().to_owned();
    let url = format!("http://127.0.0.1:4780/connect/{token}");
    assert_eq!(made.auth_link_url.expose(), url);
    assert!(token.starts_with(&format!("hcs_{}_", made.session.id)));
    let read = get(&world.hub, &caller, made.session.id).await.unwrap();
    assert_eq!(read.session, made.session);
    let secret = crate::support::secret_part(&token);
    assert!(!format!("{:?}{made:?}", world.dump()).contains(secret));
}

async fn cs_12_cs_13_an_account_to_edit(world: TestHub) {
    let caller = world.caller();
    let config = world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let edit = NewSession { account: Some(id.clone()), multiple: true, ..session("acme") };
    let made = world.open(&caller, edit).await.session;
    assert_eq!((made.account, made.multiple), (Some(id), false));
    assert_eq!((made.auth_config, made.provider), (Some(config.id), Some(config.connector)));
    let unknown = NewSession { account: Some("nobody".parse().unwrap()), ..session("acme") };
    refused(create(&world.hub, &caller, unknown, guard()).await, &codes::ACCOUNT_UNKNOWN);
}

async fn cs_12_cs_41_an_account_stays_with_its_owner(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let tags = Tags { kind: Some(AccountType::Test), ..Tags::default() };
    let id = world.link(&caller, accounts::New { tags, ..account("hubspot", "acme") }).await;
    let of = |owner: &str| NewSession { account: Some(id.clone()), ..session(owner) };
    let open = create(&world.hub, &caller, of("globex"), guard());
    let error = refused(world.changes_nothing(open).await, &codes::SESSION_INVALID);
    assert!(error.message().starts_with("origin_owner_id: "), "{error}");
    let items = vec![BatchItem { new: of("globex"), occurrence: 0 }];
    let batch = create_batch(&world.hub, &caller, items, guard()).await;
    refused(batch.map(drop), &codes::SESSION_INVALID);
    let made = world.open(&caller, of("acme")).await.session;
    assert_eq!(made.kind, Some(AccountType::Test), "a type that was not asked for changes nothing");
}

async fn hb_4_cs_15_the_auth_config_of_a_known_account_comes_before_the_default(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await.id;
    let second = world.add(&caller, named("hubspot", "second")).await.id;
    let link = async |owner: &str, id: &AuthConfigId| {
        let auth_config = Some(id.clone());
        world.link(&caller, accounts::New { auth_config, ..account("hubspot", owner) }).await
    };
    let chosen = async |new| world.open(&caller, new).await.session.auth_config.unwrap();
    let of = |owner: &str| session_with(owner, "hubspot");
    link("acme", &second).await;
    assert_eq!(chosen(of("acme")).await, second, "CS-7");
    assert_eq!(chosen(of("globex")).await, first);
    assert_eq!(chosen(NewSession { multiple: true, ..of("acme") }).await, first, "CS-10");
    let naming = NewSession { auth_config: Some(first.clone()), ..of("acme") };
    assert_eq!(chosen(naming).await, first, "CS-14");
    link("initech", &first).await;
    let hub = &world.hub;
    auth_configs::make_default(hub, &caller, second.as_str(), guard()).await.unwrap();
    assert_eq!(chosen(of("initech")).await, first, "AC-8");
    world.disable(&caller, "first").await;
    assert_eq!(chosen(of("initech")).await, second, "AC-12");
}

async fn cs_14_cs_15_cs_18_cs_36_which_auth_config(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    let default = world.open(&caller, session_with("acme", "hubspot")).await.session;
    assert_eq!(default.auth_config, Some(first.id));
    let naming = NewSession { auth_config: Some(second.id.clone()), ..session("acme") };
    let made = world.open(&caller, naming).await.session;
    assert_eq!((made.auth_config, made.provider), (Some(second.id), Some(second.connector)));
    let open = world.open(&caller, session("acme")).await.session;
    assert_eq!((open.auth_config, open.provider), (None, None));
}

async fn cs_16_cs_17_cs_19_contradictions(world: TestHub) {
    let caller = world.caller();
    let hubspot = world.add(&caller, config("hubspot")).await;
    world.add(&caller, config("bamboohr")).await;
    let wrong =
        NewSession { auth_config: Some(hubspot.id.clone()), ..session_with("acme", "bamboohr") };
    refused(create(&world.hub, &caller, wrong, guard()).await, &codes::AUTH_CONFIG_MISMATCH);
    let unknown = NewSession { auth_config: Some("nothing".parse().unwrap()), ..session("acme") };
    refused(create(&world.hub, &caller, unknown, guard()).await, &codes::AUTH_CONFIG_UNKNOWN);
    world.disable(&caller, "hubspot").await;
    let off = NewSession { auth_config: Some(hubspot.id), ..session("acme") };
    refused(create(&world.hub, &caller, off, guard()).await, &codes::CONNECTOR_NOT_ENABLED);
}

async fn cs_17_an_account_and_an_auth_config_of_different_connectors(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let bamboohr = world.add(&caller, config("bamboohr")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let edit = NewSession { account: Some(id), ..session("acme") };
    let other = NewSession { auth_config: Some(bamboohr.id), ..edit.clone() };
    refused(create(&world.hub, &caller, other, guard()).await, &codes::AUTH_CONFIG_MISMATCH);
    let other = NewSession { provider: Some("bamboohr".parse().unwrap()), ..edit };
    refused(create(&world.hub, &caller, other, guard()).await, &codes::AUTH_CONFIG_MISMATCH);
}

async fn cs_25_al_2_al_3_life_counts_from_creation(world: TestHub) {
    let caller = world.caller();
    let short = world.open(&caller, session("acme")).await.session;
    assert_eq!(short.expires_at, world.now().plus_seconds(1_800));
    let link = NewSession { expires_in_s: LINK_LIFE_S, ..session("acme") };
    let link = world.open(&caller, link).await.session;
    assert_eq!(link.expires_at.millis_since(link.created_at), 30 * 24 * 3_600_000);
}

async fn cs_28_cs_40_tokens_end(world: TestHub) {
    let caller = world.caller();
    let (kept, ended) =
        (world.open(&caller, session("acme")).await, world.open(&caller, session("acme")).await);
    let other = world.another();
    for made in [&kept, &ended] {
        let found = authenticate(&other, made.token.text().expose()).await.unwrap();
        assert_eq!(found, made.session);
    }
    revoke(&world.hub, &caller, ended.session.id, guard()).await.unwrap();
    let revoked = authenticate(&other, ended.token.text().expose()).await;
    let revoked = refused(revoked, &codes::SESSION_TOKEN_INVALID);
    world.clock.advance_seconds(1_799);
    authenticate(&other, kept.token.text().expose()).await.unwrap();
    world.clock.advance_seconds(1);
    let expired = authenticate(&other, kept.token.text().expose()).await;
    let expired = refused(expired, &codes::SESSION_TOKEN_INVALID);
    let unknown = kept.token.text().expose().replacen("hcs_", "hcs_9", 1);
    let unknown = refused(authenticate(&other, &unknown).await, &codes::SESSION_TOKEN_INVALID);
    assert_eq!(format!("{expired:?}"), format!("{unknown:?}"));
    assert_eq!(format!("{expired:?}"), format!("{revoked:?}"));
}

async fn cs_28_altered_tokens_open_nothing(world: TestHub) {
    let caller = world.caller();
    let one = world.open(&caller, session("acme")).await.token.text().expose().to_owned();
    let two = world.open(&caller, session("acme")).await.token.text().expose().to_owned();
    let secret = |token: &str| token.splitn(3, '_').nth(2).unwrap().to_owned();
    let swapped = format!("hcs_1_{}", secret(&two));
    for bad in ["", "x", &one[..one.len() - 1], &format!("{one}A"), &swapped, &one.to_uppercase()] {
        refused(authenticate(&world.hub, bad).await, &codes::SESSION_TOKEN_INVALID);
    }
    // A store that has no session yet refuses as any other, and gets no key by it.
    let fresh = crate::support::hub::sqlite_world();
    refused(authenticate(&fresh.hub, &one).await, &codes::SESSION_TOKEN_INVALID);
    assert!(!fresh.key_path().exists());
}

async fn cs_30_a_revoked_session_stays_revoked(world: TestHub) {
    let caller = world.caller();
    let id = world.open(&caller, session("acme")).await.session.id;
    let done = revoke(&world.hub, &caller, id, guard()).await.unwrap();
    let after = done.after.unwrap();
    assert_eq!(after.session.state(after.now), State::Revoked);
    assert_eq!(get(&world.hub, &caller, id).await.unwrap().session, after.session);
    world.clock.advance_seconds(5);
    let again = world.changes_nothing(revoke(&world.hub, &caller, id, guard())).await.unwrap();
    assert!(!again.changed);
    let unknown = revoke(&world.hub, &caller, SessionId::from_row(99), guard()).await;
    refused(unknown, &codes::SESSION_UNKNOWN);
}

async fn cs_32_everything_is_read_back_as_given(world: TestHub) {
    let caller = world.caller();
    let mut asked = session("Ünïcode ' \" \\ ?1 $1 \u{1f980}");
    asked.owner.username = Some("me@example.com".to_owned());
    asked.label = Some("a\nb".to_owned());
    asked.categories = vec!["hris".parse().unwrap(), "crm".parse().unwrap()];
    asked.metadata = json!({"z": 1, "a": {"b": [true, null]}}).as_object().unwrap().clone();
    asked.multiple = true;
    asked.kind = Some(AccountType::Test);
    let id = world.open(&caller, asked.clone()).await.session.id;
    let read = get(&world.another(), &caller, id).await.unwrap().session;
    assert_eq!((&read.owner, &read.label), (&asked.owner, &asked.label));
    assert_eq!((&read.categories, read.multiple, read.kind), (&asked.categories, true, asked.kind));
    assert_eq!(json!(read.metadata).to_string(), json!(asked.metadata).to_string());
}

async fn cs_39_lists_filter_by_state_and_time(world: TestHub) {
    let caller = world.caller();
    let mut ids = Vec::new();
    for life in [10, 100, 1_000] {
        let new = NewSession { expires_in_s: life, ..session("acme") };
        ids.push(world.open(&caller, new).await.session.id.get());
    }
    let seen = async |filter| {
        let mut seen = Vec::new();
        let listing = list(&world.hub, &caller, filter, |one| {
            seen.push(one.session.id.get());
            Ok(ControlFlow::Continue(()))
        });
        listing.await.unwrap();
        seen
    };
    let pending = || Filter { pending: true, ..Filter::default() };
    assert_eq!(seen(Filter::default()).await, [ids[2], ids[1], ids[0]]);
    world.clock.advance_seconds(10);
    assert_eq!(seen(pending()).await, [ids[2], ids[1]]);
    let expiring = Filter { expiring_in_s: Some(90), ..Filter::default() };
    assert_eq!(seen(expiring).await, [ids[1]]);
    revoke(&world.hub, &caller, SessionId::from_row(ids[2]), guard()).await.unwrap();
    assert_eq!(seen(pending()).await, [ids[1]]);
    assert_eq!(seen(Filter::default()).await.len(), 3);
}

async fn cs_39_lists_filter_by_status_connector_and_owner(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("bamboohr")).await;
    let asked = [
        NewSession { expires_in_s: 10, ..session("acme") },
        session("acme"),
        session("acme"),
        NewSession { provider: Some("bamboohr".parse().unwrap()), ..session("globex") },
    ];
    let mut ids = Vec::new();
    for new in asked {
        ids.push(world.open(&caller, new).await.session.id.get());
    }
    world.clock.advance_seconds(10);
    revoke(&world.hub, &caller, SessionId::from_row(ids[1]), guard()).await.unwrap();
    let linked = format!("update connect_sessions set linked_account = 'x' where id = {}", ids[2]);
    world.raw(&linked);
    let seen = async |filter| {
        let mut seen = Vec::new();
        let listing = list(&world.hub, &caller, filter, |one| {
            seen.push((one.session.id.get(), one.session.state(one.now)));
            Ok(ControlFlow::Continue(()))
        });
        listing.await.unwrap();
        seen
    };
    let states = [State::Expired, State::Revoked, State::Linked, State::Pending];
    for (id, state) in ids.iter().zip(states) {
        let filter = Filter { state: Some(state), ..Filter::default() };
        assert_eq!(seen(filter).await, [(*id, state)]);
    }
    let of = |owner: &str| Filter { owner_id: Some(owner.to_owned()), ..Filter::default() };
    assert_eq!(seen(of("acme")).await.len(), 3);
    let narrow = Filter { state: Some(State::Revoked), ..of("acme") };
    assert_eq!(seen(narrow).await, [(ids[1], State::Revoked)]);
    // The newest login of each decides, not any of them.
    let failed = || Filter { failed: true, ..Filter::default() };
    assert!(seen(failed()).await.is_empty());
    let tried = |status: &str, since: i64| {
        world.raw(&format!(
            "insert into connection_attempts \
             (project, session, id, status, error_code, created_at, updated_at, expires_at) \
             select project, id, '{status}-' || id, '{status}', 'access_denied', 1, 1, 1 \
             from connect_sessions where id >= {since} order by id"
        ));
    };
    tried("error", ids[0]);
    assert_eq!(seen(failed()).await.len(), 4);
    tried("cancelled", ids[2]);
    assert_eq!(seen(failed()).await, [(ids[1], State::Revoked), (ids[0], State::Expired)]);
    let narrow = Filter { failed: true, ..of("globex") };
    assert!(seen(narrow).await.is_empty());
    assert!(seen(of("nobody")).await.is_empty());
    let provider = Some("bamboohr".parse().unwrap());
    let filter = Filter { provider, ..Filter::default() };
    assert_eq!(seen(filter).await, [(ids[3], State::Pending)]);
}

async fn cs_40_reading_a_token_waits_for_no_writer(world: TestHub) {
    let made = world.open(&world.caller(), session("acme")).await;
    let other = world.another();
    let writer = world.hub.store().begin_write().await.unwrap();
    authenticate(&other, made.token.text().expose()).await.unwrap();
    drop(writer);
}

async fn cs_40_a_session_outlives_its_auth_config(world: TestHub) {
    let caller = world.caller();
    let config = world.add(&caller, config("hubspot")).await;
    let made = world.open(&caller, session_with("acme", "hubspot")).await;
    auth_configs::delete(&world.hub, &caller, "hubspot", guard()).await.unwrap();
    let read = get(&world.hub, &caller, made.session.id).await.unwrap();
    assert_eq!(read.session.auth_config, Some(config.id.clone()));
    authenticate(&world.hub, made.token.text().expose()).await.unwrap();
    let new = NewSession { auth_config: Some(config.id), ..session("acme") };
    refused(create(&world.hub, &caller, new, guard()).await, &codes::AUTH_CONFIG_UNKNOWN);
    assert!(world.listed(&caller, &accounts::Filter::default()).await.is_empty());
}
