//! AC-1 to AC-13, AC-31 to AC-50: setting up auth configs.

use hubctl::domain::auth_config::VersionPin;
use hubctl::error::codes;
use hubctl::hub::auth_configs::{self, Edit, Filter, IfExists, New, add, make_default};
use hubctl::hub::connect_sessions;
use hubctl::hub::write::Guard;

use crate::support::asked::{config, given, named, oauth, session_with};
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    ac_1_ac_2_the_first_is_enabled_and_default,
    ac_3_ac_4_ac_5_a_later_one_is_default_only_if_asked,
    ac_4_a_default_that_moves_is_told,
    ac_6_a_method_twice_needs_a_name,
    ac_6_if_exists_skip_and_update,
    ac_7_only_what_is_not_the_default_can_become_it,
    ac_8_ac_9_make_default_moves_the_flag_once,
    ac_10_a_disabled_one_may_become_default,
    ac_12_ac_13_no_session_for_what_is_missing_or_disabled,
    ac_31_after_the_only_one_is_gone_the_next_is_first_again,
    ac_34_ac_36_fields_are_checked_and_named,
    ac_37_ac_38_ac_51_secrets_are_named_and_kept,
    ac_38_an_empty_secret_is_taken_away_or_refused,
    ac_39_ac_40_the_callback_holds_the_connector,
    ac_43_filters_combine_with_and,
    ac_45_a_pin_must_fit_a_version,
    ac_50_detail_counts_accounts,
);

async fn ac_1_ac_2_the_first_is_enabled_and_default(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, config("hubspot")).await;
    assert!(first.is_enabled() && first.is_default);
    assert_eq!(first.method.as_str(), "private_app");
    assert_eq!((world.events(), world.operations()), (1, 1));
}

async fn ac_3_ac_4_ac_5_a_later_one_is_default_only_if_asked(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    assert!(!second.is_default && world.config(&caller, &first.id).await.is_default);
    let third = New { make_default: true, ..named("hubspot", "third") };
    let third = world.add(&caller, third).await;
    assert!(third.is_default && !world.config(&caller, &first.id).await.is_default);
    assert_eq!(world.number("select count(*) from auth_configs where is_default = 1"), 1);
}

async fn ac_4_a_default_that_moves_is_told(world: TestHub) {
    let caller = world.caller();
    let told = || {
        ["created", "updated", "default_changed"].map(|kind| {
            let kind = format!("auth_config.{kind}");
            world.number(&format!("select count(*) from events where kind = '{kind}'"))
        })
    };
    let ask = async |name, token| {
        let values = given(token);
        let (make_default, if_exists) = (true, IfExists::Update);
        let new = New { values, make_default, if_exists, ..named("hubspot", name) };
        add(&world.hub, &caller, new, Guard::default()).await.unwrap().changed
    };
    assert!(ask("first", &[]).await);
    assert_eq!(told(), [1, 0, 0], "the first one has nobody to take it from");
    assert!(ask("second", &[]).await);
    assert_eq!(told(), [2, 0, 1]);
    assert!(ask("first", &[]).await);
    assert_eq!(told(), [2, 0, 2], "nothing but the default changed");
    assert!(ask("second", &[("external-trigger-token", "trigger-1")]).await);
    assert_eq!(told(), [2, 1, 3]);
    assert!(!ask("second", &[]).await);
    assert_eq!(told(), [2, 1, 3]);
}

async fn ac_6_a_method_twice_needs_a_name(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    world.add(&caller, config("hubspot")).await;
    world.add(&caller, oauth("login", "s1")).await;
    let again = world.changes_nothing(add(&world.hub, &caller, config("hubspot"), guard)).await;
    let error = refused(again, &codes::AUTH_CONFIG_EXISTS);
    assert!(error.hint_text().unwrap().contains("--if-exists"), "{error:?}");
    // The name is the project's, whatever the connector.
    let taken = add(&world.hub, &caller, named("bamboohr", "login"), guard).await;
    refused(taken, &codes::AUTH_CONFIG_EXISTS);
}

async fn ac_6_if_exists_skip_and_update(world: TestHub) {
    let caller = world.caller();
    let known = world.add(&caller, oauth("login", "s1")).await;
    let guard = Guard::default();
    let skip = New { if_exists: IfExists::Skip, ..oauth("login", "s2") };
    let done = world.changes_nothing(add(&world.hub, &caller, skip, guard)).await.unwrap();
    assert!(!done.changed);
    world.clock.advance_seconds(1);
    let update = New { if_exists: IfExists::Update, ..oauth("login", "s2") };
    let done = add(&world.hub, &caller, update.clone(), guard).await.unwrap();
    assert!(done.changed);
    assert_eq!(done.after.unwrap().config.id, known.id);
    let done = world.changes_nothing(add(&world.hub, &caller, update, guard)).await.unwrap();
    assert!(!done.changed, "the same secret again is no change");
}

async fn ac_7_only_what_is_not_the_default_can_become_it(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    let only = world.add(&caller, named("hubspot", "only")).await;
    world.add(&caller, named("bamboohr", "of another connector")).await;
    let alone = make_default(&world.hub, &caller, only.id.as_str(), guard);
    assert!(!world.changes_nothing(alone).await.unwrap().changed);
    let other = world.add(&caller, named("hubspot", "other")).await;
    let kept = make_default(&world.hub, &caller, only.id.as_str(), guard);
    assert!(!world.changes_nothing(kept).await.unwrap().changed);
    assert!(make_default(&world.hub, &caller, other.id.as_str(), guard).await.unwrap().changed);
}

async fn ac_8_ac_9_make_default_moves_the_flag_once(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    let guard = Guard::default();
    let done = make_default(&world.hub, &caller, "second", guard).await.unwrap();
    assert!(done.changed && done.after.unwrap().config.is_default);
    assert!(!world.config(&caller, &first.id).await.is_default);
    let again = make_default(&world.hub, &caller, second.id.as_str(), guard);
    assert!(!world.changes_nothing(again).await.unwrap().changed);
    let ambiguous = make_default(&world.hub, &caller, "hubspot", guard).await;
    assert_eq!(refused(ambiguous, &codes::AMBIGUOUS_TARGET).details().len(), 2);
}

async fn ac_10_a_disabled_one_may_become_default(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    world.disable(&caller, "second").await;
    make_default(&world.hub, &caller, "second", Guard::default()).await.unwrap();
    let second = world.config(&caller, &second.id).await;
    assert!(second.is_default && !second.is_enabled());
}

async fn ac_12_ac_13_no_session_for_what_is_missing_or_disabled(world: TestHub) {
    let caller = world.caller();
    let create = |provider| {
        let new = session_with("acme", provider);
        connect_sessions::create(&world.hub, &caller, new, Guard::default())
    };
    let error = refused(create("hubspot").await, &codes::CONNECTOR_NOT_ENABLED);
    assert!(error.message().contains("hubspot"), "{error:?}");
    let error = refused(create("hubspto").await, &codes::CONNECTOR_UNKNOWN);
    assert!(error.hint_text().unwrap().contains("hubspot"), "{error:?}");
    world.add(&caller, config("hubspot")).await;
    world.disable(&caller, "hubspot").await;
    refused(create("hubspot").await, &codes::CONNECTOR_NOT_ENABLED);
    world.enable(&caller, "hubspot").await;
    create("hubspot").await.unwrap();
}

async fn ac_31_after_the_only_one_is_gone_the_next_is_first_again(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    world.disable(&caller, "hubspot").await;
    auth_configs::delete(&world.hub, &caller, "hubspot", Guard::default()).await.unwrap();
    let next = world.add(&caller, config("hubspot")).await;
    assert!(next.is_default && next.is_enabled());
}

async fn ac_34_ac_36_fields_are_checked_and_named(world: TestHub) {
    let caller = world.caller();
    // A store is made first: a write that fails makes none.
    world.hub.store().begin_write().await.unwrap().commit().await.unwrap();
    let missing = New { values: given(&[("client_id", "x")]), ..oauth("login", "") };
    let error = add(&world.hub, &caller, missing, Guard::default()).await;
    let error = refused(error, &codes::FIELDS_INVALID);
    assert!(error.message().contains("client_secret"), "{error:?}");
    let stray = New { values: given(&[("clientid", "x")]), ..oauth("login", "") };
    let error =
        refused(add(&world.hub, &caller, stray, Guard::default()).await, &codes::FIELDS_INVALID);
    assert!(error.details().len() >= 3, "{error:?}");
    let method = New { method: Some("nonsense".parse().unwrap()), ..config("hubspot") };
    refused(add(&world.hub, &caller, method, Guard::default()).await, &codes::AUTH_METHOD_UNKNOWN);
    assert_eq!((world.events(), world.operations()), (0, 0));
}

async fn ac_37_ac_38_ac_51_secrets_are_named_and_kept(world: TestHub) {
    let caller = world.caller();
    let values = given(&[
        ("client_id", "client-1"),
        ("client_secret", "planted-1"),
        ("external-trigger-token", "trigger-1"),
    ]);
    let new = New { values, ..oauth("login", "") };
    let before = world.add(&caller, new).await;
    assert_eq!(before.setup.get("client_id").map(String::as_str), Some("client-1"));
    assert!(before.secrets.contains("client_secret") && before.secrets.len() == 2);
    let sealed = "select sealed_version from auth_configs";
    assert_eq!(world.number(sealed), 1);

    // A change beside the secrets leaves them alone, one secret replaced keeps the other.
    let edit = |values| Edit { values, ..Edit::default() };
    let guard = Guard::default();
    let public = edit(given(&[("scopes", "contacts")]));
    let done = auth_configs::edit(&world.hub, &caller, "login", public, guard).await.unwrap();
    assert!(done.changed);
    assert_eq!(world.number(sealed), 1);
    let other = world.another();
    let secret = edit(given(&[("client_secret", "planted-2")]));
    auth_configs::edit(&other, &caller, "login", secret, guard).await.unwrap();
    assert_eq!(world.number(sealed), 2, "the seal is bound to a new number");
    let session = world.open(&caller, session_with("acme", "hubspot")).await;
    assert_eq!(session.external_trigger_token.unwrap().expose(), "trigger-1");
    let after = world.config(&caller, &before.id).await;
    assert_eq!(after.setup.get("scopes").map(String::as_str), Some("contacts"));
    assert_eq!(after.secrets, before.secrets);
}

async fn ac_38_an_empty_secret_is_taken_away_or_refused(world: TestHub) {
    let caller = world.caller();
    let values = [("client_id", "c"), ("client_secret", "s"), ("external-trigger-token", "t")];
    let new = New { values: given(&values), ..oauth("login", "") };
    let config = world.add(&caller, new).await;
    let empty = |key| Edit { values: given(&[(key, "")]), ..Edit::default() };
    let guard = Guard::default();
    let required = auth_configs::edit(&world.hub, &caller, "login", empty("client_secret"), guard);
    let error = refused(world.changes_nothing(required).await, &codes::FIELDS_INVALID);
    assert!(error.message().contains("`client_secret` is required"), "{error:?}");
    let optional = || empty("external-trigger-token");
    let done = auth_configs::edit(&world.hub, &caller, "login", optional(), guard).await.unwrap();
    assert!(done.changed);
    let secrets = world.config(&caller, &config.id).await.secrets;
    assert_eq!(secrets, ["client_secret".to_owned()].into());
    let session = world.open(&caller, session_with("acme", "hubspot")).await;
    assert!(session.external_trigger_token.is_none());
    let again = auth_configs::edit(&world.hub, &caller, "login", optional(), guard);
    assert!(!world.changes_nothing(again).await.unwrap().changed);
}

async fn ac_39_ac_40_the_callback_holds_the_connector(world: TestHub) {
    let caller = world.caller();
    let new = oauth("login", "s");
    let added = add(&world.hub, &caller, new, Guard::default()).await.unwrap();
    let url = "http://127.0.0.1:4780/connect/oauth2/hubspot/callback";
    assert_eq!(added.after.unwrap().callback_url.as_deref(), Some(url));
    let second = add(&world.hub, &caller, oauth("second", "s"), Guard::default()).await.unwrap();
    assert_eq!(second.after.unwrap().callback_url.as_deref(), Some(url), "it is one for both");
    let key = add(&world.hub, &caller, named("hubspot", "key"), Guard::default()).await.unwrap();
    assert_eq!(key.after.unwrap().callback_url, None);
}

async fn ac_43_filters_combine_with_and(world: TestHub) {
    let caller = world.caller();
    for (connector, name) in [("hubspot", "a"), ("hubspot", "b"), ("bamboohr", "c")] {
        world.add(&caller, named(connector, name)).await;
    }
    world.disable(&caller, "b").await;
    let names = async |filter: Filter| {
        let mut names = Vec::new();
        let listing = auth_configs::list(&world.hub, &caller, &filter, |view| {
            names.push(view.config.name.clone());
            Ok(std::ops::ControlFlow::Continue(()))
        });
        listing.await.unwrap();
        names.concat()
    };
    let hubspot = Some("hubspot".parse().unwrap());
    assert_eq!(names(Filter::default()).await, "cab");
    assert_eq!(names(Filter { enabled: Some(true), ..Filter::default() }).await, "ca");
    let both = Filter { enabled: Some(false), connector: hubspot.clone(), ..Filter::default() };
    assert_eq!(names(both).await, "b");
    let search = Filter { search: Some("HUBS".to_owned()), ..Filter::default() };
    assert_eq!(names(search).await, "ab");
    let crm = Filter { categories: vec!["hris".parse().unwrap()], ..Filter::default() };
    assert_eq!(names(crm).await, "c");
}

async fn ac_45_a_pin_must_fit_a_version(world: TestHub) {
    let caller = world.caller();
    let pinned = |pin: &str| New { pin: Some(pin.parse().unwrap()), ..named("hubspot", pin) };
    let guard = Guard::default();
    refused(add(&world.hub, &caller, pinned("7.x.x"), guard).await, &codes::CONNECTOR_UNKNOWN);
    let kept = world.add(&caller, pinned("1.x.x")).await;
    let read = world.config(&caller, &kept.id).await;
    assert_eq!(read.pin.as_ref().map(VersionPin::as_str), Some("1.x.x"));
    let unpin = Edit { pin: Some(None), ..Edit::default() };
    auth_configs::edit(&world.hub, &caller, "1.x.x", unpin, guard).await.unwrap();
    assert_eq!(world.config(&caller, &kept.id).await.pin, None);
    for bad in ["^1.2.0", "~1.2.0", "1.x.0", ""] {
        assert!(bad.parse::<VersionPin>().is_err(), "{bad}");
    }
}

async fn ac_50_detail_counts_accounts(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    for owner in ["a", "b"] {
        world.link(&caller, crate::support::asked::account("hubspot", owner)).await;
    }
    let detail = auth_configs::get(&world.hub, &caller, "hubspot").await.unwrap();
    assert_eq!(detail.accounts, 2);
}
