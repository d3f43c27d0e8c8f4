//! What the code above the store relies on, whichever database it is.

use std::ops::ControlFlow;

use hubctl::domain::account::Account;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::domain::ids::ProjectNumber;
use hubctl::hub::accounts::{Filter, Sort};
use hubctl::store::accounts::{Credentials, TokenLife};
use hubctl::store::{
    StoreError, Tx, accounts, auth_configs, connect_sessions, operations, own_connectors, projects,
};

use crate::support::asked::{account, config, named, session};
use crate::support::hub::{TestHub, on_both_databases, on_kept_connections};

on_both_databases!(
    stale_saves_and_deletes_are_refused,
    the_database_itself_refuses_duplicates,
    the_database_itself_refuses_a_second_default,
    projects_do_not_see_each_other,
    scans_stop_early_and_pass_errors_on,
    whole_accounts_come_in_every_order,
    a_dropped_transaction_leaves_nothing,
    a_failed_statement_spoils_its_transaction,
    a_reader_sees_one_state,
    a_reader_sees_what_was_written_since_its_last_transaction,
    a_look_reads_what_is_there_and_writes_nothing,
    writers_wait_for_one_another,
    an_account_needs_its_auth_config,
    a_store_that_is_not_there_reads_as_empty,
);

on_kept_connections!(
    stale_saves_and_deletes_are_refused,
    the_database_itself_refuses_duplicates,
    the_database_itself_refuses_a_second_default,
    projects_do_not_see_each_other,
    scans_stop_early_and_pass_errors_on,
    whole_accounts_come_in_every_order,
    a_dropped_transaction_leaves_nothing,
    a_failed_statement_spoils_its_transaction,
    a_reader_sees_one_state,
    a_reader_sees_what_was_written_since_its_last_transaction,
    writers_wait_for_one_another,
    an_account_needs_its_auth_config,
    a_store_that_is_not_there_reads_as_empty,
);

fn stale<T>(answer: Result<T, StoreError>) {
    assert!(matches!(answer.err(), Some(StoreError::Stale)));
}

fn duplicate<T>(answer: Result<T, StoreError>) {
    assert!(matches!(answer.err(), Some(StoreError::Duplicate)));
}

async fn write(world: &TestHub) -> Tx {
    world.hub.store().begin_write().await.unwrap()
}

async fn read(world: &TestHub) -> Tx {
    world.hub.store().begin_read().await.unwrap()
}

/// An auth config with an account, as they are stored.
async fn pair(world: &TestHub, caller: &Caller) -> (AuthConfig, Account) {
    let config = world.add(caller, config("hubspot")).await;
    let id = world.link(caller, account("hubspot", "acme")).await;
    (world.config(caller, &config.id).await, world.account(caller, &id).await)
}

async fn stale_saves_and_deletes_are_refused(world: TestHub) {
    let caller = world.caller();
    let project = caller.project();
    let (config, account) = pair(&world, &caller).await;
    let mut tx = write(&world).await;
    accounts::save(&mut tx, project, &account).await.unwrap();
    auth_configs::save(&mut tx, project, &config, None).await.unwrap();
    tx.commit().await.unwrap();
    let before = world.dump();
    stale(accounts::save(&mut write(&world).await, project, &account).await);
    stale(accounts::delete(&mut write(&world).await, project, &account).await);
    stale(auth_configs::save(&mut write(&world).await, project, &config, None).await);
    stale(auth_configs::delete(&mut write(&world).await, project, &config).await);
    let other = ProjectNumber(77);
    let mut account = account;
    account.version += 1;
    stale(accounts::save(&mut write(&world).await, other, &account).await);
    stale(accounts::delete(&mut write(&world).await, other, &account).await);
    assert_eq!(world.dump(), before);
    accounts::save(&mut write(&world).await, project, &account).await.unwrap();
}

async fn the_database_itself_refuses_duplicates(world: TestHub) {
    let caller = world.caller();
    let (config, account) = pair(&world, &caller).await;
    let project = caller.project();
    duplicate(auth_configs::insert(&mut write(&world).await, project, &config, None).await);
    let named_alike = AuthConfig { id: "other".parse().unwrap(), is_default: false, ..config };
    duplicate(auth_configs::insert(&mut write(&world).await, project, &named_alike, None).await);
    duplicate(accounts::insert(&mut write(&world).await, project, &account).await);
    let session = world.open(&caller, session("a")).await.session;
    let mut tx = write(&world).await;
    let insert = connect_sessions::insert(&mut tx, project, &session, &[1; 32], Some(b"key"));
    insert.await.unwrap();
    let again = connect_sessions::insert(&mut tx, project, &session, &[2; 32], Some(b"key"));
    duplicate(again.await);
}

async fn the_database_itself_refuses_a_second_default(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    let second = AuthConfig { is_default: true, ..second };
    let mut tx = write(&world).await;
    duplicate(auth_configs::save(&mut tx, caller.project(), &second, None).await);
    drop(tx);
    let third = AuthConfig { id: "third".parse().unwrap(), name: "third".to_owned(), ..first };
    duplicate(auth_configs::insert(&mut write(&world).await, caller.project(), &third, None).await);
    let elsewhere = world.project("other").await.project();
    auth_configs::insert(&mut write(&world).await, elsewhere, &third, None).await.unwrap();
}

async fn projects_do_not_see_each_other(world: TestHub) {
    let (here, there) = (world.caller().project(), world.project("other").await);
    let (config, account) = pair(&world, &there).await;
    let session = world.open(&there, session("acme")).await.session;
    let mut tx = write(&world).await;
    let own = own_connectors::OwnConnector {
        key: "mine".parse().unwrap(),
        version: "1.0.0".to_owned(),
        definition: "{}".to_owned(),
        created_at: world.now(),
    };
    own_connectors::save(&mut tx, there.project(), &own).await.unwrap();
    let tx = &mut tx;
    assert_eq!(auth_configs::by_id(tx, here, &config.id).await.unwrap(), None);
    assert_eq!(auth_configs::by_name(tx, here, &config.name).await.unwrap(), None);
    assert!(auth_configs::of_connector(tx, here, &config.connector).await.unwrap().is_empty());
    assert!(auth_configs::sealed(tx, here, &config.id).await.unwrap().is_none());
    auth_configs::scan::<StoreError>(tx, here, |_| panic!()).await.unwrap();
    assert_eq!(accounts::by_id(tx, here, &account.id).await.unwrap(), None);
    let of_owner = accounts::of_owner(tx, here, "acme", &account.provider).await.unwrap();
    assert!(of_owner.is_empty());
    assert_eq!(accounts::count_of_config(tx, here, &config.id).await.unwrap(), 0);
    assert_eq!(accounts::count_inactive(tx, here, &config.id, false).await.unwrap(), 0);
    let next = accounts::next_of_config(tx, here, &config.id, false, None, 10).await.unwrap();
    assert!(next.is_empty());
    assert!(accounts::credentials(tx, here, &account.id).await.unwrap().is_none());
    accounts::scan::<StoreError>(tx, here, &Filter::default(), |_| panic!()).await.unwrap();
    assert_eq!(projects::count_accounts(tx, here).await.unwrap(), 0);
    assert_eq!(connect_sessions::by_id(tx, here, session.id).await.unwrap(), None);
    let all = connect_sessions::Filter::default();
    connect_sessions::scan::<StoreError>(tx, here, all, |_| panic!()).await.unwrap();
    let waiting = connect_sessions::Filter { pending_at: Some(world.now()), ..all };
    connect_sessions::scan::<StoreError>(tx, here, waiting, |_| panic!()).await.unwrap();
    assert!(!connect_sessions::revoke(tx, here, session.id, world.now()).await.unwrap());
    let resource = format!("account/{}", account.id);
    assert!(operations::latest(tx, here, &resource, "add").await.unwrap().is_none());
    assert!(operations::latest(tx, there.project(), &resource, "add").await.unwrap().is_some());
    assert!(own_connectors::list(tx, here).await.unwrap().is_empty());
    assert!(own_connectors::by_key(tx, here, &own.key).await.unwrap().is_empty());
    assert_eq!(own_connectors::delete(tx, here, &own.key).await.unwrap(), 0);
}

async fn scans_stop_early_and_pass_errors_on(world: TestHub) {
    let caller = world.caller();
    let (_, model) = pair(&world, &caller).await;
    let mut tx = write(&world).await;
    for number in 0..500 {
        let id = format!("id-{number:03}").parse().unwrap();
        let one = Account { id, ..model.clone() };
        accounts::insert(&mut tx, caller.project(), &one).await.unwrap();
    }
    tx.commit().await.unwrap();
    let (mut tx, all) = (read(&world).await, Filter::default());
    for stop in [1, 3, 500] {
        let mut seen = 0;
        let scan = accounts::scan::<StoreError>(&mut tx, caller.project(), &all, |_| {
            seen += 1;
            Ok(if seen == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        scan.await.unwrap();
        assert_eq!(seen, stop);
    }
    let failing = accounts::scan(&mut tx, caller.project(), &all, |_| {
        Err(StoreError::Other("enough".to_owned()))
    });
    assert_eq!(failing.await.unwrap_err().to_string(), "enough");
    // The connection is as good as before.
    drop(tx);
    assert_eq!(world.listed(&caller, &Filter::default()).await.len(), 501);
}

async fn whole_accounts_come_in_every_order(world: TestHub) {
    let caller = world.caller();
    let (config, _) = pair(&world, &caller).await;
    world.clock.advance_seconds(1);
    world.link(&caller, account("hubspot", "other")).await;
    for (sort, descending) in Sort::ALL.into_iter().flat_map(|sort| [(sort, false), (sort, true)]) {
        let filter = Filter { sort, descending, ..Filter::default() };
        let (mut tx, mut ids) = (read(&world).await, Vec::new());
        accounts::scan_whole::<StoreError>(&mut tx, caller.project(), &filter, |one| {
            let at = (&one.auth_config_name, one.credentials_at);
            assert_eq!(at, (&config.name, Some(one.account.created_at)));
            ids.push(one.account.id.to_string());
            Ok(ControlFlow::Continue(()))
        })
        .await
        .unwrap();
        drop(tx);
        assert_eq!(ids.len(), 2);
        assert_eq!(ids, world.listed(&caller, &filter).await, "{sort:?} {descending}");
    }
}

async fn a_dropped_transaction_leaves_nothing(world: TestHub) {
    let caller = world.caller();
    let (config, account) = pair(&world, &caller).await;
    let before = world.dump();
    for _ in 0..40 {
        let mut tx = write(&world).await;
        let credentials = Credentials { version: 9, sealed: vec![1], updated_at: world.now() };
        let (project, life) = (caller.project(), TokenLife::default());
        accounts::save_credentials(&mut tx, project, &account.id, &credentials, life)
            .await
            .unwrap();
        accounts::delete(&mut tx, caller.project(), &account).await.unwrap();
        auth_configs::delete(&mut tx, caller.project(), &config).await.unwrap();
    }
    assert_eq!(world.dump(), before);
}

async fn a_failed_statement_spoils_its_transaction(world: TestHub) {
    let caller = world.caller();
    let (config, account) = pair(&world, &caller).await;
    let before = world.dump();
    let mut tx = write(&world).await;
    accounts::delete(&mut tx, caller.project(), &account).await.unwrap();
    duplicate(auth_configs::insert(&mut tx, caller.project(), &config, None).await);
    assert!(tx.commit().await.is_err(), "half of it was committed");
    assert_eq!(world.dump(), before);
    assert!(tx_refuses_nonsense(&world).await);
}

async fn tx_refuses_nonsense(world: &TestHub) -> bool {
    write(world).await.execute("delete from nothing_of_the_kind", &[]).await.is_err()
}

async fn a_reader_sees_one_state(world: TestHub) {
    let caller = world.caller();
    let (_, account) = pair(&world, &caller).await;
    let mut tx = read(&world).await;
    let count = async |tx: &mut Tx| projects::count_accounts(tx, caller.project()).await.unwrap();
    assert_eq!(count(&mut tx).await, 1);
    let mut writer = world.another().store().begin_write().await.unwrap();
    accounts::delete(&mut writer, caller.project(), &account).await.unwrap();
    assert_eq!(count(&mut tx).await, 1);
    writer.commit().await.unwrap();
    assert_eq!(count(&mut tx).await, 1);
    let answer = tx.execute("delete from accounts", &[]).await;
    assert!(matches!(answer, Err(StoreError::ReadOnly(_))), "{answer:?}");
    drop(tx);
    assert_eq!(count(&mut read(&world).await).await, 0);
}

async fn a_reader_sees_what_was_written_since_its_last_transaction(world: TestHub) {
    let caller = world.caller();
    // The first look is at a store that is not there.
    assert!(world.listed(&caller, &Filter::default()).await.is_empty());
    pair(&world, &caller).await;
    assert_eq!(world.listed(&caller, &Filter::default()).await.len(), 1);
    let other = world.another();
    let mut tx = other.store().begin_read().await.unwrap();
    assert_eq!(projects::count_accounts(&mut tx, caller.project()).await.unwrap(), 1);
}

async fn writers_wait_for_one_another(world: TestHub) {
    let caller = world.caller();
    let (_, account) = pair(&world, &caller).await;
    let other = world.place.store();
    let mut first = write(&world).await;
    accounts::delete(&mut first, caller.project(), &account).await.unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let second = std::thread::spawn(move || {
        crate::support::hub::block_on(async {
            tell.send("begins").unwrap();
            let mut tx = other.begin_write().await.unwrap();
            tell.send("has begun").unwrap();
            projects::count_accounts(&mut tx, ProjectNumber(1)).await.unwrap()
        })
    });
    assert_eq!(told.recv().unwrap(), "begins");
    let early = told.recv_timeout(std::time::Duration::from_millis(300));
    assert!(early.is_err(), "the second writer did not wait");
    first.commit().await.unwrap();
    assert_eq!(second.join().unwrap(), 0);
}

async fn an_account_needs_its_auth_config(world: TestHub) {
    let caller = world.caller();
    let (config, account) = pair(&world, &caller).await;
    let before = world.dump();
    let mut tx = write(&world).await;
    auth_configs::delete(&mut tx, caller.project(), &config).await.unwrap();
    assert!(tx.commit().await.is_err(), "accounts without an auth config");
    let lost =
        Account { id: "lost".parse().unwrap(), auth_config: "no".parse().unwrap(), ..account };
    let mut tx = write(&world).await;
    accounts::insert(&mut tx, caller.project(), &lost).await.unwrap();
    assert!(tx.commit().await.is_err());
    assert_eq!(world.dump(), before);
}

async fn a_store_that_is_not_there_reads_as_empty(world: TestHub) {
    let caller = world.caller();
    assert!(world.listed(&caller, &Filter::default()).await.is_empty());
    let found = hubctl::hub::projects::list(&world.hub, &caller).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(!world.hub.store().is_new() || cfg!(unix));
    let files: Vec<_> = std::fs::read_dir(world.folder.path()).unwrap().collect();
    assert!(files.is_empty(), "{files:?}");
}

async fn a_look_reads_what_is_there_and_writes_nothing(world: TestHub) {
    let other = world.project("other").await;
    let count = "select count(*) from projects";
    let mut look = world.hub.store().begin_look().await.unwrap();
    assert_eq!(look.number(count, &[]).await.unwrap(), 2);
    let delete = "delete from projects where number = ?1";
    let refused = look.execute(delete, &[other.project().into()]).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly(_))));
    drop(look);
    // Its connection is of use again, for a look and for a transaction.
    for _ in 0..40 {
        let mut look = world.hub.store().begin_look().await.unwrap();
        assert_eq!(look.number(count, &[]).await.unwrap(), 2);
        let mut tx = write(&world).await;
        tx.execute(delete, &[other.project().into()]).await.unwrap();
    }
    assert_eq!(read(&world).await.number(count, &[]).await.unwrap(), 2);
}
