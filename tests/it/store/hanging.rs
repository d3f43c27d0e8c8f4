//! PostgreSQL: what it ends on its own, and writers that stop in the middle of their work.

use std::time::Instant;

use hubctl::error::HubError;
use hubctl::store::{Store, StoreError, Tx};

use crate::support::hub::{Place, on_postgres};
use crate::support::serving::PATIENCE;

const INSERT: &str = "insert into store (key, value) values (?1, ?2)";
const PATIENCE_OF_SERVER: &str =
    "select setting::bigint from pg_settings where name = 'idle_in_transaction_session_timeout'";

async fn insert(tx: &mut Tx, key: &str) -> Result<u64, StoreError> {
    tx.execute(INSERT, &[key.into(), "x".into()]).await
}

#[test]
fn what_the_server_ends_on_its_own_is_told_as_busy_or_unreachable() {
    on_postgres(async |world| {
        let store = world.hub.store();
        store.prepare().await.unwrap();
        for (code, is_busy) in [
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
        let told = HubError::from(ended.unwrap_err());
        assert_eq!(told.code().name, "store.busy");
        assert!(told.message().contains("due to statement timeout"), "{told:?}");
        assert!(told.hint_text().unwrap().contains("show statement_timeout"), "{told:?}");
    });
}

#[test]
fn threat_24_a_writer_that_hangs_holds_nobody_up_for_long_and_a_reader_may() {
    on_postgres(async |world| {
        let store = world.hub.store();
        store.prepare().await.unwrap();
        let patience_ms = async |tx: &mut Tx| tx.number(PATIENCE_OF_SERVER, &[]).await.unwrap();
        for mut writer in [store.begin_append().await.unwrap(), store.begin_shared().await.unwrap()]
        {
            assert_eq!(patience_ms(&mut writer).await, 30_000);
        }
        assert_eq!(patience_ms(&mut store.begin_read().await.unwrap()).await, 0);

        let mut hanging = store.begin_write().await.unwrap();
        assert_eq!(patience_ms(&mut hanging).await, 30_000);
        insert(&mut hanging, "hanging").await.unwrap();
        let sooner = "set local idle_in_transaction_session_timeout = '200ms'";
        hanging.execute(sooner, &[]).await.unwrap();
        // Another hub writes as soon as the server has lost patience.
        let other = world.place.store();
        let began = Instant::now();
        let mut tx = other.begin_write().await.unwrap();
        assert!(began.elapsed() < PATIENCE);
        insert(&mut tx, "other").await.unwrap();
        tx.commit().await.unwrap();
        // Who comes back is told so, and nothing of its work is there.
        let told = insert(&mut hanging, "late").await;
        assert!(matches!(told, Err(StoreError::Unreachable(_))), "{told:?}");
        assert!(hanging.commit().await.is_err());
        assert_eq!(world.number("select count(*) from store where key in ('hanging', 'late')"), 0);
        assert_eq!(patience_ms(&mut store.begin_read().await.unwrap()).await, 0);
    });
}

#[test]
fn a_user_who_may_only_read_is_not_ready() {
    on_postgres(async |world| {
        world.hub.store().prepare().await.unwrap();
        let Place::Postgres(url) = &world.place else { unreachable!() };
        let database = url.split(['/', '?']).nth(3).unwrap();
        let user = format!("reader_{database}");
        let grant = |rights: &str| {
            world.raw(&format!("grant {rights} on all tables in schema public to {user}"));
        };
        world.raw(&format!("create role {user} login"));
        grant("select");
        let store = Store::postgres(&url.replacen("postgres@", &format!("{user}@"), 1)).unwrap();
        let told = HubError::from(store.ping().await.unwrap_err());
        assert_eq!(told.code().name, "store.read_only");
        assert!(told.hint_text().unwrap().contains("grant"), "{told:?}");
        grant("insert, update, delete");
        store.ping().await.unwrap();
    });
}

#[test]
fn a_database_that_takes_no_writes_is_not_ready_and_said_to_be_a_database() {
    on_postgres(async |world| {
        let store = world.hub.store();
        store.prepare().await.unwrap();
        store.ping().await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        let own = "do $$ begin execute 'alter database ' || current_database() || \
                   ' set default_transaction_read_only = on'; end $$";
        tx.execute(own, &[]).await.unwrap();
        tx.commit().await.unwrap();

        // Connections that are open keep their setting.
        let other = world.place.store();
        let asked = other.ping().await;
        let refused = insert(&mut other.begin_write().await.unwrap(), "k").await.map(drop);
        for told in [asked, refused] {
            assert!(matches!(told, Err(StoreError::ReadOnly(_))), "{told:?}");
            let told = HubError::from(told.unwrap_err());
            assert_eq!(told.code().name, "store.read_only");
            let hint = told.hint_text().unwrap_or_default().to_owned();
            assert!(told.to_string().contains("database"), "{told}");
            assert!(hint.contains("standby") && !hint.contains("folder"), "{hint}");
        }
    });
}
