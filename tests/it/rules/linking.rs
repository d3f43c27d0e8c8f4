//! CS-5 to CS-11 and AT-2 to AT-10: linking from credentials at hand, and an administrator's hold.

use hubctl::domain::account::{AccountType, Link, Status};
use hubctl::domain::connect_session::NewSession;
use hubctl::domain::connector::Connector;
use hubctl::error::codes;
use hubctl::hub::accounts::{self, New, Tags, add, resume, suspend};
use hubctl::hub::{auth_configs, connect_sessions, connectors};
use hubctl::store::accounts as rows;
use serde_json::json;

use crate::support::asked::{account, config, given, named, oauth, owner, session};
use crate::support::hub::{DRY_RUN, TestHub, guard, on_both_databases, refused};

on_both_databases!(
    cs_5_at_2_a_new_owner_gets_a_new_account,
    cs_6_cs_8_a_known_one_keeps_its_id,
    cs_9_owners_are_compared_exactly,
    cs_10_multiple_makes_another,
    cs_17_cs_19_only_an_enabled_config_of_the_connector,
    cs_31_cs_32_cs_33_tags_are_kept_and_replaced,
    cs_15_ac_8_a_known_account_stays_with_its_auth_config,
    at_4_at_9_suspend_and_resume,
    at_6_an_archived_account_is_left_where_it_is,
    cs_41_a_relink_stores_the_owner_that_it_was_given,
    at_7_relinking_cures_an_error_and_keeps_a_hold,
    at_10_explain_names_the_cause,
    ac_34_fields_of_the_method_are_checked,
    ac_47_a_login_takes_its_tokens,
    hb_7_presets_are_filled_in_for_credentials_at_hand,
);

async fn cs_5_at_2_a_new_owner_gets_a_new_account(world: TestHub) {
    let caller = world.caller();
    let config = world.add(&caller, config("bamboohr")).await;
    let added = add(&world.hub, &caller, account("bamboohr", "acme"), guard()).await.unwrap();
    let one = added.view.account;
    assert!(added.created);
    assert_eq!((one.status, &one.auth_config), (Status::Active, &config.id));
    assert_eq!(one.setup.get("subdomain").map(String::as_str), Some("acme"));
    assert!(!one.setup.contains_key("api_key"), "AT-26");
    assert_eq!(world.account(&caller, &one.id).await, one);
    assert_eq!(world.number("select count(*) from events where kind = 'account.created'"), 1);
    assert_eq!(world.operations(), 2);
}

async fn cs_6_cs_8_a_known_one_keeps_its_id(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let first = add(&world.hub, &caller, account("hubspot", "acme"), guard()).await.unwrap();
    let sealed = world.dump()["account_credentials"].clone();
    world.clock.advance_seconds(60);
    let mut again = account("hubspot", "acme");
    again.owner.name = "Acme renamed".to_owned();
    let again = add(&world.another(), &caller, again, guard()).await.unwrap();
    assert!(!again.created);
    let (first, second) = (first.view.account, again.view.account);
    assert_eq!((&second.id, second.created_at), (&first.id, first.created_at));
    assert_eq!(second.owner.name, "Acme renamed");
    assert_eq!(again.view.credentials_at, Some(world.now()));
    assert_ne!(world.dump()["account_credentials"], sealed);
    assert_eq!(world.number("select version from account_credentials"), 2);
    assert_eq!(world.number("select count(*) from events where kind = 'account.updated'"), 1);
    assert_eq!(world.number("select count(*) from events where kind = 'account.created'"), 1);
}

async fn cs_9_owners_are_compared_exactly(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    world.add(&caller, config("freshdesk")).await;
    for id in ["acme", "Acme", "acme ", "acm\u{e9}", "acme\u{301}"] {
        world.link(&caller, account("hubspot", id)).await;
    }
    world.link(&caller, account("freshdesk", "acme")).await;
    let all = accounts::Filter::default();
    assert_eq!(world.listed(&caller, &all).await.len(), 6);
    let exact = accounts::Filter { owner_ids: vec!["acme".to_owned()], ..all };
    assert_eq!(world.listed(&caller, &exact).await.len(), 2);
}

async fn cs_10_multiple_makes_another(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let first = world.link(&caller, account("hubspot", "acme")).await;
    world.clock.advance_seconds(1);
    let another = New { multiple: true, ..account("hubspot", "acme") };
    let second = world.link(&caller, another).await;
    assert_ne!(first, second);
    // Without `multiple` the newest of them is the one that is updated.
    assert_eq!(world.link(&caller, account("hubspot", "acme")).await, second);
}

async fn cs_17_cs_19_only_an_enabled_config_of_the_connector(world: TestHub) {
    let caller = world.caller();
    let bamboohr = world.add(&caller, config("bamboohr")).await;
    let link = |new| add(&world.hub, &caller, new, guard());
    refused(link(account("hubspot", "acme")).await, &codes::CONNECTOR_NOT_ENABLED);
    refused(link(account("nonsense", "acme")).await, &codes::CONNECTOR_UNKNOWN);
    let wrong = New { auth_config: Some(bamboohr.id), ..account("hubspot", "acme") };
    refused(link(wrong).await, &codes::AUTH_CONFIG_MISMATCH);
    let missing = New { auth_config: Some("x".parse().unwrap()), ..account("hubspot", "acme") };
    refused(link(missing).await, &codes::AUTH_CONFIG_UNKNOWN);
    world.disable(&caller, "bamboohr").await;
    refused(link(account("bamboohr", "acme")).await, &codes::CONNECTOR_NOT_ENABLED);
    let nobody = New { owner: owner(" "), ..account("bamboohr", "acme") };
    refused(link(nobody).await, &codes::BAD_VALUE);
}

async fn cs_31_cs_32_cs_33_tags_are_kept_and_replaced(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let tags = Tags {
        label: Some("main".to_owned()),
        metadata: json!({"tier": "gold"}).as_object().cloned(),
        kind: Some(AccountType::Test),
    };
    let id = world.link(&caller, New { tags: tags.clone(), ..account("hubspot", "acme") }).await;
    let first = world.account(&caller, &id).await;
    assert_eq!((first.label, Some(first.kind)), (tags.label, tags.kind));
    world.link(&caller, account("hubspot", "acme")).await;
    let second = world.account(&caller, &id).await;
    assert_eq!((second.label.as_deref(), second.kind), (Some("main"), AccountType::Test));
    assert_eq!(json!(second.metadata), json!({"tier": "gold"}));
    let tags = Tags { kind: Some(AccountType::Production), ..Tags::default() };
    world.link(&caller, New { tags, ..account("hubspot", "acme") }).await;
    assert_eq!(world.account(&caller, &id).await.kind, AccountType::Production);
}

async fn cs_15_ac_8_a_known_account_stays_with_its_auth_config(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await.id;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let second = auth_configs::New { make_default: true, ..named("hubspot", "second") };
    let second = world.add(&caller, second).await.id;
    assert_eq!(world.link(&caller, account("hubspot", "acme")).await, id);
    assert_eq!(world.account(&caller, &id).await.auth_config, first);
    let other = world.link(&caller, account("hubspot", "globex")).await;
    assert_eq!(world.account(&caller, &other).await.auth_config, second);
    let naming = New { auth_config: Some(second.clone()), ..account("hubspot", "acme") };
    assert_eq!(world.link(&caller, naming).await, id);
    assert_eq!(world.account(&caller, &id).await.auth_config, second, "CS-14");
}

async fn at_4_at_9_suspend_and_resume(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let done = suspend(&world.hub, &caller, &id, guard()).await.unwrap();
    assert_eq!(done.after.unwrap().account.shown_status(), Status::Suspended);
    let again = suspend(&world.hub, &caller, &id, guard());
    assert!(!world.changes_nothing(again).await.unwrap().changed);
    world.disable(&caller, "hubspot").await;
    let done = resume(&world.hub, &caller, &id, guard()).await.unwrap();
    assert_eq!(done.after.unwrap().account.shown_status(), Status::Inactive);
    let done = suspend(&world.hub, &caller, &id, guard()).await.unwrap();
    assert!(done.changed, "an inactive one may be suspended");
    world.raw("update accounts set hold = 'archived'");
    refused(suspend(&world.hub, &caller, &id, guard()).await, &codes::ACCOUNT_STATE);
    refused(resume(&world.hub, &caller, &id, guard()).await, &codes::ACCOUNT_STATE);
}

async fn at_6_an_archived_account_is_left_where_it_is(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let archived = world.link(&caller, account("hubspot", "acme")).await;
    world.raw("update accounts set hold = 'archived'");
    let before = world.account(&caller, &archived).await;
    let new = add(&world.hub, &caller, account("hubspot", "acme"), guard()).await.unwrap();
    assert!(new.created);
    assert_eq!(world.account(&caller, &archived).await, before);
    assert_eq!(world.link(&caller, account("hubspot", "acme")).await, new.view.account.id);
    let edit = NewSession { account: Some(archived), ..session("acme") };
    let open = connect_sessions::create(&world.hub, &caller, edit, guard());
    refused(world.changes_nothing(open).await, &codes::ACCOUNT_STATE);
}

async fn cs_41_a_relink_stores_the_owner_that_it_was_given(world: TestHub) {
    let caller = world.caller();
    let config = world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let link = Link {
        owner: owner("globex"),
        label: None,
        metadata: None,
        kind: None,
        setup: std::collections::BTreeMap::new(),
        verified_at: None,
    };
    let project = caller.project();
    let mut tx = world.hub.store().begin_write().await.unwrap();
    let known = rows::by_id(&mut tx, project, &id).await.unwrap().unwrap();
    let after = known.relink(&config, link, world.now());
    rows::save(&mut tx, project, &after).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.account(&caller, &id).await.owner, owner("globex"));
    let of = |id: &str| accounts::Filter { owner_ids: vec![id.to_owned()], ..Default::default() };
    assert_eq!(world.listed(&caller, &of("globex")).await, [id.as_str()]);
    assert_eq!(world.listed(&caller, &of("acme")).await, [""; 0]);
}

async fn at_7_relinking_cures_an_error_and_keeps_a_hold(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    world.raw(
        "update accounts set status = 'error', \
         reasons = '[{\"timestamp\":\"2026-06-01T00:00:00Z\",\"code\":\"x\",\"description\":null}]'",
    );
    world.link(&caller, account("hubspot", "acme")).await;
    let cured = world.account(&caller, &id).await;
    assert_eq!((cured.status, cured.reasons.len()), (Status::Active, 0));
    suspend(&world.hub, &caller, &id, guard()).await.unwrap();
    world.link(&caller, account("hubspot", "acme")).await;
    assert_eq!(world.account(&caller, &id).await.shown_status(), Status::Suspended);
}

async fn at_10_explain_names_the_cause(world: TestHub) {
    let caller = world.caller();
    let config = world.add(&caller, named("hubspot", "main")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let fine = accounts::explain(&world.hub, &caller, &id).await.unwrap();
    assert!(fine.usable);
    let suspended_at = world.now();
    suspend(&world.hub, &caller, &id, guard()).await.unwrap();
    world.clock.advance_seconds(60);
    world.disable(&caller, "main").await;
    let told = accounts::explain(&world.hub, &caller, &id).await.unwrap();
    assert!(!told.usable);
    let codes: Vec<&str> = told.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["suspended", "auth_config_disabled"]);
    assert_eq!(told.findings[0].since, Some(suspended_at));
    assert_eq!(told.findings[1].since, Some(world.now()));
    let command = format!("hubctl connectors enable {}", config.id);
    assert_eq!(told.findings[1].command.as_ref(), Some(&command));
    for (finding, action) in told.findings.iter().zip(["suspend", "disable"]) {
        let operation = finding.operation.as_ref().unwrap();
        assert_eq!(
            (operation.action.as_str(), operation.actor.as_str()),
            (action, "local administrator")
        );
    }
}

async fn ac_34_fields_of_the_method_are_checked(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("bamboohr")).await;
    let bad = given(&[("api_key", "planted"), ("subdomain", "not a host"), ("extra", "1")]);
    let bad = New { values: bad, ..account("bamboohr", "acme") };
    let link = add(&world.hub, &caller, bad, guard());
    let error = refused(world.changes_nothing(link).await, &codes::FIELDS_INVALID);
    assert_eq!(error.details().len(), 2, "{error:?}");
    assert!(!format!("{error:?}").contains("planted"), "{error:?}");
}

async fn ac_47_a_login_takes_its_tokens(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, oauth("login", "s")).await;
    let values = given(&[("access_token", "planted-access"), ("refresh_token", "planted-refresh")]);
    let new = New { values, ..account("hubspot", "acme") };
    let id = world.link(&caller, new).await;
    assert!(world.account(&caller, &id).await.setup.is_empty());
    let none = New { values: given(&[]), ..account("hubspot", "brand") };
    refused(add(&world.hub, &caller, none, guard()).await, &codes::FIELDS_INVALID);
}

async fn hb_7_presets_are_filled_in_for_credentials_at_hand(world: TestHub) {
    let caller = world.caller();
    let key = "bamboohr".parse().unwrap();
    let found = connectors::get(&world.hub, &caller, &key).await.unwrap();
    let mut own = Connector { version: "2.0.0".to_owned(), ..Connector::clone(&found.connector) };
    let field = |field| serde_json::from_value(field).unwrap();
    let tenant = json!({"key": "tenant", "label": "Tenant", "type": "text"});
    let preset = json!({"key": "ws", "label": "WS", "type": "text", "default": "${tenant}-ws"});
    own.auth[0].setup_fields.push(field(tenant));
    own.auth[0].config_fields.push(field(preset));
    connectors::import(&world.hub, &caller, &[own], guard()).await.unwrap();
    let method = Some("api_key".parse().unwrap());
    for (name, values, wanted) in
        [("with", given(&[("tenant", "t7")]), Some("t7-ws")), ("without", given(&[]), None)]
    {
        let new = auth_configs::New { values, method: method.clone(), ..named("bamboohr", name) };
        let config = world.add(&caller, new).await;
        let new = New { auth_config: Some(config.id), ..account("bamboohr", name) };
        let id = world.link(&caller, new).await;
        let kept = async || world.account(&caller, &id).await.setup.get("ws").cloned();
        assert_eq!(kept().await.as_deref(), wanted, "{name}");
        let changes = accounts::Changes {
            credentials: given(&[("subdomain", "other")]),
            ..accounts::Changes::default()
        };
        accounts::update(&world.hub, &caller, &id, changes, DRY_RUN).await.unwrap();
        assert_eq!(kept().await.as_deref(), wanted, "{name}");
    }
}
