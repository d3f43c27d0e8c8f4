use super::*;
use crate::domain::auth_config::{NewAuthConfig, create};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::refresh::of_account;
use std::collections::BTreeSet;

const T: fn(i64) -> Timestamp = Timestamp::from_millis;

fn config(id: &str, connector: &str) -> AuthConfig {
    let new = NewAuthConfig {
        id: id.parse().unwrap(),
        connector: connector.parse().unwrap(),
        method: "api_key".parse().unwrap(),
        name: id.to_owned(),
        make_default: true,
        pin: None,
        setup: BTreeMap::new(),
        secrets: BTreeSet::new(),
    };
    create(&[], new, T(1)).after
}

fn link() -> Link {
    Link {
        owner: Owner { id: "acme-7".into(), name: "Acme".into(), username: None },
        label: None,
        metadata: None,
        kind: Some(AccountType::Production),
        setup: BTreeMap::new(),
        verified_at: None,
    }
}

fn account() -> Account {
    link_new("acc".parse().unwrap(), &config("cfg", "bamboohr"), link(), T(2))
}

#[test]
fn at_2_a_fresh_link_is_active() {
    assert_eq!(account().shown_status(), Status::Active);
}

#[test]
fn cs_8_owner_id_and_provider_decide_and_the_name_does_not() {
    let known = account();
    assert!(same_link(&known, "acme-7", &"bamboohr".parse().unwrap()));
    assert!(!same_link(&known, "Acme-7", &"bamboohr".parse().unwrap()), "CS-9: exact");
    assert!(!same_link(&known, "acme-7", &"hibob".parse().unwrap()));
}

#[test]
fn ac_14_ac_19_disable_and_enable_set_every_status_bluntly() {
    let mut failed = account();
    failed.status = Status::Error;
    let off = failed.config_disabled(T(3));
    assert!(off.changed);
    assert_eq!(off.after.shown_status(), Status::Inactive);
    assert_eq!(off.after.reasons[0].code.as_deref(), Some(REASON_DISABLED));
    let on = off.after.config_enabled(T(4));
    assert_eq!((on.changed, on.after.shown_status()), (true, Status::Active));
    assert_eq!(on.after.reasons, []);
}

#[test]
fn ac_19_to_21_an_administrators_hold_survives_disable_and_enable() {
    let held = account().suspend(T(3)).unwrap().after;
    let off = held.config_disabled(T(4)).after;
    assert_eq!(off.shown_status(), Status::Suspended);
    let on = off.config_enabled(T(5)).after;
    assert_eq!(on.shown_status(), Status::Suspended);
    assert_eq!(on.resume(T(6)).unwrap().after.shown_status(), Status::Active);
}

#[test]
fn at_9_resuming_under_a_disabled_config_gives_inactive() {
    let off = account().config_disabled(T(3)).after.suspend(T(4)).unwrap();
    assert!(off.changed, "suspending an inactive account is allowed");
    let resumed = off.after.resume(T(5)).unwrap().after;
    assert_eq!(resumed.shown_status(), Status::Inactive);
    assert_eq!(resumed.reasons.len(), 1);
}

#[test]
fn at_7_at_8_relinking_cures_an_error_but_not_a_disabled_config() {
    let mut failed = account();
    failed.status = Status::Error;
    let config = config("cfg", "bamboohr");
    let cured = failed.clone().relink(&config, link(), T(9));
    assert_eq!((cured.shown_status(), cured.id.as_str()), (Status::Active, "acc"));
    let disabled = config.disable(T(8)).after;
    assert_eq!(failed.relink(&disabled, link(), T(9)).shown_status(), Status::Inactive);
}

#[test]
fn at_15_at_19_update_touches_only_what_is_given() {
    let update = Update {
        label: Some(Some("EU".into())),
        metadata: vec![("plan".into(), Some("gold".into()))],
        ..Update::default()
    };
    let first = account().update(update.clone(), T(7));
    assert!(first.changed);
    assert_eq!((first.after.label.as_deref(), first.after.updated_at), (Some("EU"), T(7)));
    assert!(!first.after.clone().update(update, T(8)).changed, "the same again");
    let cleared =
        Update { label: Some(None), metadata: vec![("plan".into(), None)], ..Update::default() };
    let after = first.after.update(cleared, T(9)).after;
    assert_eq!((after.label, after.metadata.len()), (None, 0));
}

#[test]
fn cs_8_an_owner_can_be_another_one_and_a_connector_can_not() {
    let update = Update { owner_id: Some("brand-1".into()), ..Update::default() };
    let moved = account().update(update, T(7));
    assert!(moved.changed);
    assert_eq!(moved.after.owner, Owner { id: "brand-1".into(), ..account().owner });
    assert!(same_link(&moved.after, "brand-1", &account().provider));
    assert_eq!(account().stays_with(&account().provider), Ok(()));
    let refused = account().stays_with(&"hibob".parse().unwrap());
    assert!(matches!(refused, Err(Refusal::Invalid(problems)) if problems[0].field == "provider"));
}

#[test]
fn at_15_what_can_not_be_changed_may_be_named_as_it_is() {
    let method = "api_key".parse().unwrap();
    let so = |named: &Fixed| account().stays_so(&method, named);
    let word = |text: &str| Some(text.to_owned());
    let status = word(account().shown_status().as_str());
    let same =
        Fixed { method: word("api_key"), environment: word(""), shared: Some(false), status };
    assert_eq!((so(&Fixed::default()), so(&same)), (Ok(()), Ok(())));
    let other = Fixed {
        method: word("oauth2"),
        environment: word("eu"),
        shared: Some(true),
        status: word("archived"),
    };
    let Err(Refusal::Invalid(problems)) = so(&other) else { panic!("{other:?}") };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["authentication_config_key", "environment", "shared", "status"]);
}

#[test]
fn at_17_at_18_an_account_moves_only_within_its_connector() {
    let own = config("cfg", "bamboohr");
    let to_other = account().move_to(&own, &config("x", "hibob"), T(5));
    assert!(matches!(to_other, Err(Refusal::WrongConnector { .. })));
    let disabled = config("two", "bamboohr").disable(T(4)).after;
    let moved = account().move_to(&own, &disabled, T(5)).unwrap().after;
    assert_eq!(moved.shown_status(), Status::Inactive);
    assert_eq!(moved.auth_config.as_str(), "two");
    let back = moved.move_to(&disabled, &own, T(6)).unwrap().after;
    assert_eq!(back.shown_status(), Status::Active);
}

#[test]
fn at_18_ac_47_credentials_of_one_method_do_not_move_to_another() {
    let own = config("cfg", "bamboohr");
    let login = AuthConfig { method: "oauth2".parse().unwrap(), ..config("login", "bamboohr") };
    let Err(Refusal::OtherMethod { account: id, own: has, named, auth_config }) =
        account().move_to(&own, &login, T(5))
    else {
        panic!("it moved");
    };
    assert_eq!((id.as_str(), auth_config.as_str()), ("acc", "login"));
    assert_eq!((has.as_str(), named.as_str()), ("api_key", "oauth2"));
}

#[test]
fn at_18_what_the_provider_said_is_of_the_auth_config_that_was_left() {
    let (own, two) = (config("cfg", "bamboohr"), config("two", "bamboohr"));
    let mut proven = account();
    proven.verified_at = Some(T(3));
    let moved = proven.move_to(&own, &two, T(5)).unwrap().after;
    assert_eq!((moved.shown_status(), moved.verified_at), (Status::Active, None));
    let mut failed = account();
    failed.status = Status::Error;
    let moved = failed.move_to(&own, &two, T(5)).unwrap().after;
    assert_eq!(moved.shown_status(), Status::Error, "a move proves nothing");
}

#[test]
fn at_6_an_archived_account_is_not_the_one_that_a_link_updates() {
    let mut known = account();
    let provider = known.provider.clone();
    known.hold = Some(Status::Suspended);
    assert!(same_link(&known, "acme-7", &provider), "a pause is kept, not gone around");
    known.hold = Some(Status::Archived);
    assert!(!same_link(&known, "acme-7", &provider));
}

#[test]
fn at_5_something_else_at_an_address_that_worked_says_nothing_of_the_credentials() {
    let elsewhere = || ProviderFailure::new(Class::Refused, "leads elsewhere").elsewhere(true);
    let class = |verified_at, failure| {
        let account = Account { verified_at, ..account() };
        of_account(&account, failure).class
    };
    assert_eq!(class(None, elsewhere()), Class::Refused);
    assert_eq!(class(Some(T(3)), elsewhere()), Class::Transient);
    assert_eq!(class(Some(T(3)), elsewhere().elsewhere(false)), Class::Refused);
    let told = of_account(&Account { verified_at: Some(T(3)), ..account() }, elsewhere()).message;
    assert_eq!(told, "leads elsewhere; it has worked before, and this may pass");
}
