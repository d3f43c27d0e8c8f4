//! AT-11 to AT-19: listing, filtering and changing accounts.

use hubctl::domain::account::{AccountType, Status, Update};
use hubctl::error::codes;
use hubctl::hub::accounts::{self, Changes, Filter, Sort, update};
use hubctl::hub::write::Guard;
use serde_json::json;

use crate::support::asked::{account, config, given, named, oauth};
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    at_12_filters_combine_with_and_their_values_with_or,
    at_12_sorts_go_both_ways_and_end_with_the_id,
    at_12_large_lists_of_values_work,
    at_13_no_match_is_empty_and_unknown_ids_are_missing,
    at_13_an_owner_in_the_place_of_an_account_leads_to_their_accounts,
    at_14_the_order_is_that_of_creation,
    at_15_at_19_only_keys_given_change,
    at_17_at_18_at_25_moving_to_another_auth_config,
    at_18_an_account_does_not_move_to_another_method,
    at_15_bad_values_are_refused,
    cs_8_an_owner_is_changed_and_links_follow,
    cs_8_a_name_that_was_not_given_leaves_the_stored_one,
    at_17_an_account_stays_with_its_connector,
);

/// Seven accounts: `hubspot` of a, b, c, `bamboohr` of a, b, `freshdesk` of a, d, a second apart.
async fn seven(world: &TestHub) -> Vec<String> {
    let caller = world.caller();
    let mut ids = Vec::new();
    for (provider, owners) in [("hubspot", "abc"), ("bamboohr", "ab"), ("freshdesk", "ad")] {
        world.add(&caller, config(provider)).await;
        for owner in owners.split("").filter(|owner| !owner.is_empty()) {
            ids.push(world.link(&caller, account(provider, owner)).await.to_string());
            world.clock.advance_seconds(1);
        }
    }
    ids
}

async fn at_12_filters_combine_with_and_their_values_with_or(world: TestHub) {
    let ids = seven(&world).await;
    let caller = world.caller();
    let pick = |numbers: &[usize]| numbers.iter().map(|n| ids[*n].clone()).collect::<Vec<_>>();
    let providers = |keys: &[&str]| keys.iter().map(|key| key.parse().unwrap()).collect();
    let all = Filter::default;
    let owners = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let listed = async |filter: Filter| world.listed(&caller, &filter).await;
    assert_eq!(
        listed(Filter { providers: providers(&["hubspot"]), ..all() }).await,
        pick(&[0, 1, 2])
    );
    assert_eq!(listed(Filter { owner_ids: owners(&["b", "d"]), ..all() }).await, pick(&[1, 4, 6]));
    let both = Filter {
        providers: providers(&["bamboohr", "freshdesk"]),
        owner_ids: owners(&["a"]),
        ..all()
    };
    assert_eq!(listed(both.clone()).await, pick(&[3, 5]));
    let freshdesk = Some("freshdesk".parse().unwrap());
    assert_eq!(listed(Filter { provider: freshdesk, ..both.clone() }).await, pick(&[5]));
    let owner = |id: &str| Some(id.to_owned());
    assert_eq!(listed(Filter { owner_id: owner("b"), ..both.clone() }).await, pick(&[]));
    assert_eq!(listed(Filter { owner_id: owner("a"), ..both }).await, pick(&[3, 5]));
    let some = Filter { ids: vec![ids[5].parse().unwrap(), ids[2].parse().unwrap()], ..all() };
    assert_eq!(listed(some).await, pick(&[2, 5]));
    world.disable(&caller, "bamboohr").await;
    let held = ids[3].parse().unwrap();
    accounts::suspend(&world.hub, &caller, &held, Guard::default()).await.unwrap();
    let status = |statuses: &[Status]| Filter { statuses: statuses.to_vec(), ..all() };
    assert_eq!(listed(status(&[Status::Inactive])).await, pick(&[4]));
    assert_eq!(listed(status(&[Status::Suspended])).await, pick(&[3]));
    assert_eq!(listed(status(&[Status::Suspended, Status::Inactive])).await, pick(&[3, 4]));
    let since = Filter { updated_since: Some(world.now()), ..all() };
    assert_eq!(listed(since).await, pick(&[3, 4]));
    let config = world.account(&caller, &held).await.auth_config;
    assert_eq!(listed(Filter { auth_configs: vec![config], ..all() }).await, pick(&[3, 4]));
    assert_eq!(listed(Filter { kind: Some(AccountType::Test), ..all() }).await, pick(&[]));
    assert_eq!(listed(Filter { kind: Some(AccountType::Production), ..all() }).await, ids);
}

async fn at_12_sorts_go_both_ways_and_end_with_the_id(world: TestHub) {
    let ids = seven(&world).await;
    let caller = world.caller();
    world.disable(&caller, "freshdesk").await;
    let sorted = async |sort, descending| {
        let filter = Filter { sort, descending, ..Filter::default() };
        let listed = world.listed(&caller, &filter).await;
        let place = |id| ids.iter().position(|known| known == id).unwrap();
        listed.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(sorted(Sort::Created, true).await, [6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(sorted(Sort::Provider, false).await, [3, 4, 5, 6, 0, 1, 2]);
    assert_eq!(sorted(Sort::Owner, false).await, [0, 3, 5, 1, 4, 2, 6]);
    assert_eq!(sorted(Sort::Owner, true).await, [6, 2, 4, 1, 5, 3, 0]);
    assert_eq!(sorted(Sort::Status, false).await, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(sorted(Sort::Status, true).await, [6, 5, 4, 3, 2, 1, 0]);
    let first = ids[0].parse().unwrap();
    world.clock.advance_seconds(60);
    accounts::suspend(&world.hub, &caller, &first, Guard::default()).await.unwrap();
    assert_eq!(sorted(Sort::Updated, true).await[0], 0);
    let after = |number: usize, descending| Filter {
        after: Some(ids[number].parse().unwrap()),
        descending,
        ..Filter::default()
    };
    assert_eq!(world.listed(&caller, &after(4, false)).await, ids[5..]);
    assert_eq!(world.listed(&caller, &after(1, true)).await, ids[..1]);
}

async fn at_12_large_lists_of_values_work(world: TestHub) {
    let ids = seven(&world).await;
    let caller = world.caller();
    for many in [200, 70_000] {
        let mut wanted: Vec<_> = (0..many).map(|n| format!("no-{n}").parse().unwrap()).collect();
        wanted.push(ids[4].parse().unwrap());
        let mut owner_ids: Vec<_> = (0..many).map(|n| format!("owner '{n}\"")).collect();
        owner_ids.push("b".to_owned());
        let filter = Filter { ids: wanted, owner_ids, ..Filter::default() };
        assert_eq!(world.listed(&caller, &filter).await, [ids[4].clone()], "{many}");
    }
}

async fn at_13_no_match_is_empty_and_unknown_ids_are_missing(world: TestHub) {
    let caller = world.caller();
    assert!(world.listed(&caller, &Filter::default()).await.is_empty());
    let id = "nobody".parse().unwrap();
    refused(accounts::get(&world.hub, &caller, &id).await, &codes::ACCOUNT_UNKNOWN);
    let change = update(&world.hub, &caller, &id, Changes::default(), Guard::default());
    refused(change.await, &codes::ACCOUNT_UNKNOWN);
}

async fn at_13_an_owner_in_the_place_of_an_account_leads_to_their_accounts(world: TestHub) {
    seven(&world).await;
    let (here, there) = (world.caller(), world.project("other").await);
    let list = "hubctl accounts list";
    let theirs = format!("{list} --origin-owner-id a");
    for (caller, id, hint) in [(&here, "a", &*theirs), (&here, "x", list), (&there, "a", list)] {
        let explained = accounts::explain(&world.hub, caller, &id.parse().unwrap()).await;
        let error = refused(explained, &codes::ACCOUNT_UNKNOWN);
        assert_eq!(error.hint_text(), Some(hint), "{id}");
    }
}

async fn at_14_the_order_is_that_of_creation(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let mut ids = Vec::new();
    for number in 0..60 {
        // Several within one millisecond, then a step.
        let owner = format!("{:02}", 99 - number);
        ids.push(world.link(&caller, account("hubspot", &owner)).await.to_string());
        world.clock.advance_seconds(number % 3 / 2);
    }
    assert_eq!(world.listed(&caller, &Filter::default()).await, ids);
}

async fn at_15_at_19_only_keys_given_change(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let before = world.account(&caller, &id).await;
    world.clock.advance_seconds(60);
    let change = |update| Changes { update, ..Changes::default() };
    let set = Update {
        label: Some(Some("main".to_owned())),
        metadata: vec![("b".to_owned(), Some(json!(1))), ("a".to_owned(), Some(json!("x")))],
        kind: Some(AccountType::Test),
        ..Update::default()
    };
    let guard = Guard::default();
    let done = update(&world.hub, &caller, &id, change(set.clone()), guard).await.unwrap();
    assert!(done.changed && done.operation.is_some());
    let after = world.account(&caller, &id).await;
    assert_eq!((after.label.as_deref(), after.kind), (Some("main"), AccountType::Test));
    assert_eq!((after.updated_at, after.created_at), (world.now(), before.created_at));
    assert_eq!((&after.owner, after.status), (&before.owner, before.status));
    assert_eq!(json!(after.metadata).to_string(), r#"{"b":1,"a":"x"}"#);
    world.clock.advance_seconds(60);
    let again = update(&world.hub, &caller, &id, change(set), guard);
    assert!(!world.changes_nothing(again).await.unwrap().changed);
    let clear =
        Update { label: Some(None), metadata: vec![("b".to_owned(), None)], ..Update::default() };
    update(&world.hub, &caller, &id, change(clear), guard).await.unwrap();
    let after = world.account(&caller, &id).await;
    assert_eq!((after.label, json!(after.metadata)), (None, json!({"a": "x"})));
}

async fn at_17_at_18_at_25_moving_to_another_auth_config(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    let other = world.add(&caller, config("bamboohr")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let to = |config: &str| {
        let auth_config = Some(config.parse().unwrap());
        let changes = Changes { auth_config, ..Changes::default() };
        update(&world.hub, &caller, &id, changes, Guard::default())
    };
    refused(world.changes_nothing(to(other.id.as_str())).await, &codes::AUTH_CONFIG_MISMATCH);
    refused(world.changes_nothing(to("nothing")).await, &codes::AUTH_CONFIG_UNKNOWN);
    world.disable(&caller, "second").await;
    assert!(to(second.id.as_str()).await.unwrap().changed);
    let moved = world.account(&caller, &id).await;
    assert_eq!((&moved.auth_config, moved.status), (&second.id, Status::Inactive));
    assert!(!world.changes_nothing(to(second.id.as_str())).await.unwrap().changed);
    assert_eq!(world.enable(&caller, "second").await, 1);
    assert_eq!(world.account(&caller, &id).await.status, Status::Active);
}

async fn at_18_an_account_does_not_move_to_another_method(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, named("hubspot", "first")).await;
    let login = world.add(&caller, oauth("login", "s")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let auth_config = Some(login.id.clone());
    let changes = Changes { auth_config, ..Changes::default() };
    let moving = update(&world.hub, &caller, &id, changes, Guard::default());
    let error = refused(world.changes_nothing(moving).await, &codes::ACCOUNT_STATE);
    let hint = format!("hubctl link create --account {id} --auth-config {}", login.id);
    assert_eq!(error.hint_text(), Some(&*hint));
}

async fn at_15_bad_values_are_refused(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let long = "x".repeat(20_000);
    for bad in [
        Update { owner_name: Some(" ".to_owned()), ..Update::default() },
        Update { owner_id: Some(String::new()), ..Update::default() },
        Update { owner_id: Some(long.clone()), ..Update::default() },
        Update { label: Some(Some("a\0b".to_owned())), ..Update::default() },
        Update { username: Some(Some(long.clone())), ..Update::default() },
        Update { metadata: vec![("k".to_owned(), Some(json!(long)))], ..Update::default() },
        Update { metadata: vec![("k\0".to_owned(), Some(json!(1)))], ..Update::default() },
    ] {
        let changes = Changes { update: bad, ..Changes::default() };
        let change = update(&world.hub, &caller, &id, changes, Guard::default());
        refused(world.changes_nothing(change).await, &codes::BAD_VALUE);
    }
}

async fn cs_8_an_owner_is_changed_and_links_follow(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let before = world.account(&caller, &id).await;
    world.clock.advance_seconds(60);
    let events = world.events();
    let to = |owner: &str| {
        let changed = Update { owner_id: Some(owner.to_owned()), ..Update::default() };
        let changes = Changes { update: changed, ..Changes::default() };
        update(&world.hub, &caller, &id, changes, Guard::default())
    };
    let done = to("brand").await.unwrap();
    assert!(done.changed && done.operation.is_some());
    assert_eq!(world.events(), events + 1);
    let after = world.account(&caller, &id).await;
    assert_eq!((after.owner.id.as_str(), &after.owner.name), ("brand", &before.owner.name));
    assert_eq!(after.updated_at, world.now());
    assert!(!world.changes_nothing(to("brand")).await.unwrap().changed);
    assert_eq!(world.link(&caller, account("hubspot", "brand")).await, id);
    assert_ne!(world.link(&caller, account("hubspot", "acme")).await, id, "CS-5");
    // As with `multiple`, an owner may have several; the newest is the one that is linked again.
    assert!(to("acme").await.unwrap().changed);
    let owned = Filter { owner_id: Some("acme".to_owned()), ..Filter::default() };
    assert_eq!(world.listed(&caller, &owned).await.len(), 2);
}

async fn at_17_an_account_stays_with_its_connector(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    world.add(&caller, config("bamboohr")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let to = |provider: &str| {
        let label = Some(Some("new".to_owned()));
        let changes = Changes {
            update: Update { label, ..Update::default() },
            provider: Some(provider.parse().unwrap()),
            // Nobody is asked whether these work.
            credentials: match provider {
                "bamboohr" => given(&[("api_key", "another-provider's")]),
                _ => given(&[]),
            },
            ..Changes::default()
        };
        update(&world.hub, &caller, &id, changes, Guard::default())
    };
    let error = world.changes_nothing(to("bamboohr")).await;
    let error = refused(error, &codes::BAD_VALUE);
    assert_eq!(error.message(), "provider: can't be changed: the account is of `hubspot`");
    assert!(to("hubspot").await.unwrap().changed);
}

async fn cs_8_a_name_that_was_not_given_leaves_the_stored_one(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    world.link(&caller, account("hubspot", "a")).await;
    // Where nobody gives a name, the id stands for it.
    for (name, kept) in [("a", "a Inc"), ("Acme", "Acme"), ("a", "Acme")] {
        let mut again = account("hubspot", "a");
        again.owner.name = name.to_owned();
        let added = accounts::add(&world.hub, &caller, again, Guard::default()).await.unwrap();
        assert_eq!((added.created, &*added.view.account.owner.name), (false, kept));
    }
}
