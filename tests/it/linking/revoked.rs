//! Deletions that come to no end after the provider has forgotten the tokens (AT-20).

use std::time::Duration;

use hubctl::domain::account::Status;
use hubctl::error::codes;
use hubctl::hub::accounts;
use hubctl::hub::write::Guard;

use super::{account, events, log_in, set_up};
use crate::support::hub::{TestHub, block_on, on_both_databases, refused, sqlite_world};

on_both_databases!(at_20_at_5_an_account_that_stays_without_its_tokens_is_in_error);

async fn at_20_at_5_an_account_that_stays_without_its_tokens_is_in_error(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    // A store that takes other writes, and fails for good at this one.
    world.raw("alter table operations rename to no_operations");
    let answer = accounts::delete(&world.hub, &caller, &id, true, Guard::default()).await;
    refused(answer, &codes::INTERNAL);
    let kept = account(&world, &caller, &id).await;
    assert_eq!((kept.status, authority.revocations()), (Status::Active, 0), "nothing was revoked");
    let answer = accounts::delete(&world.hub, &caller, &id, false, Guard::default()).await;
    refused(answer, &codes::INTERNAL);
    world.raw("alter table no_operations rename to operations");
    let left = account(&world, &caller, &id).await;
    assert_eq!((left.status, left.verified_at), (Status::Error, None));
    assert_eq!(left.reasons[0].code.as_deref(), Some("tokens_revoked"));
    assert_eq!((events(&world, "account.updated"), events(&world, "account.error")), (1, 1));
    let told = accounts::explain(&world.hub, &caller, &id).await.unwrap();
    let found = &told.findings[0];
    assert!(found.blocking && found.cause.contains("delete the account again"), "{found:?}");
    accounts::delete(&world.hub, &caller, &id, false, Guard::default()).await.unwrap();
    assert_eq!(world.number("select count(*) from accounts"), 0);
}

#[test]
fn at_20_an_account_whose_tokens_are_revoked_waits_for_the_store_to_take_its_end() {
    block_on(async {
        let mut world = sqlite_world();
        let (caller, authority, config) = set_up(&mut world, "oauth2").await;
        let id = log_in(&world, &authority, &caller, &config).await;
        let hub = authority.reached_by(world.impatient());
        let mut gate = authority.revocation_gate();
        let mut deleting = Box::pin(accounts::delete(&hub, &caller, &id, false, Guard::default()));
        tokio::select! {
            early = &mut deleting => panic!("{early:?}"),
            () = gate.wait() => {}
        }
        let store = rusqlite::Connection::open(world.folder.path().join("hub.db")).unwrap();
        store.execute_batch("begin immediate").unwrap();
        gate.open();
        let early = tokio::time::timeout(Duration::from_millis(500), &mut deleting).await;
        assert!(early.is_err(), "it waits for the store: {early:?}");
        store.execute_batch("rollback").unwrap();
        assert!(deleting.await.unwrap().outcome.changed);
        assert_eq!(world.number("select count(*) from accounts"), 0);
        assert_eq!((authority.revocations(), events(&world, "account.error")), (2, 0));
    });
}
