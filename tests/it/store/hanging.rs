//! PostgreSQL: what it ends on its own, and writers that stop in the middle of their work.

use hubctl::store::StoreError;

use crate::support::hub::on_postgres;

#[test]
fn what_the_server_ends_on_its_own_is_told_as_busy_or_unreachable() {
    on_postgres(async |world| {
        let store = world.hub.store();
        store.prepare().await.unwrap();
        for (code, is_busy) in [
            ("57014", true),
            ("25P03", true),
            ("57P01", false),
            ("57P02", false),
            ("57P03", false),
            ("57P05", false),
        ] {
            let raise =
                format!("do $$ begin raise exception 'ended' using errcode = '{code}'; end $$");
            let ended = store.begin_write().await.unwrap().execute(&raise, &[]).await;
            let fits = match ended {
                Err(StoreError::Busy) => is_busy,
                Err(StoreError::Unreachable(_)) => !is_busy,
                _ => false,
            };
            assert!(fits, "{code}: {ended:?}");
        }
        // As it comes: the server's own limit on a statement.
        let mut tx = store.begin_read().await.unwrap();
        tx.execute("set local statement_timeout = '10ms'", &[]).await.unwrap();
        let ended = tx.number("select cast(1 as bigint) from pg_sleep(60)", &[]).await;
        assert!(matches!(ended, Err(StoreError::Busy)), "{ended:?}");
    });
}
