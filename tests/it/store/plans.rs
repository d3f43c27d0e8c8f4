//! Listings of accounts use an index for what they are limited to, on both databases. Several
//! connectors or statuses may be read in the order of the list instead: that needs no sorting.

use hubctl::domain::account::Status;
use hubctl::domain::event::{Event, EventKind};
use hubctl::domain::ids::ProjectNumber;
use hubctl::hub::accounts::{Filter, Sort};
use hubctl::store::accounts::refresh::{self, Search};
use hubctl::store::{accounts, api_keys, events};

use crate::support::asked::{account, config, key};
use crate::support::hub::{Place, TestHub, on_both_databases};

on_both_databases!(
    at_12_filters_use_an_index,
    at_14_the_order_of_creation_needs_no_sorting,
    kp_3_a_presented_key_is_one_look_by_its_number,
    accounts_whose_tokens_are_due_are_read_in_their_order,
    lists_of_events_read_the_rows_of_their_project_only,
);

/// Enough rows that on PostgreSQL, which knows how many there are, no plan is as good as any other.
async fn fill(world: &TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let model = world.account(&caller, &id).await;
    let mut tx = world.hub.store().begin_write().await.unwrap();
    for number in 0..1_000 {
        let mut one = model.clone();
        one.id = format!("id-{number:04}").parse().unwrap();
        one.owner.id = format!("o{number}");
        one.provider = format!("p{}", number % 50).parse().unwrap();
        if number % 20 == 0 {
            one.status = Status::Error;
        }
        accounts::insert(&mut tx, caller.project(), &one).await.unwrap();
    }
    tx.commit().await.unwrap();
    if !matches!(world.place, Place::Sqlite(_)) {
        world.raw("analyze");
    }
}

async fn plan(world: &TestHub, filter: &Filter) -> String {
    let mut tx = world.hub.store().begin_write().await.unwrap();
    if !matches!(world.place, Place::Sqlite(_)) {
        // A small table is best read as a whole, whatever indexes it has.
        tx.execute("set local enable_seqscan = off", &[]).await.unwrap();
    }
    accounts::plan(&mut tx, ProjectNumber(1), filter).await.unwrap().join("\n")
}

async fn accounts_whose_tokens_are_due_are_read_in_their_order(world: TestHub) {
    fill(&world).await;
    let after = (world.now(), "id-0500".parse().unwrap());
    let mut tx = world.hub.store().begin_write().await.unwrap();
    if !matches!(world.place, Place::Sqlite(_)) {
        tx.execute("set local enable_seqscan = off", &[]).await.unwrap();
        tx.execute("set local enable_sort = off", &[]).await.unwrap();
    }
    let mut plans = vec![refresh::next_due_plan(&mut tx).await.unwrap()];
    for after in [None, Some(&after)] {
        for without in [&[][..], &["slow"]] {
            let search = Search { now: world.now(), after, without, limit: 256 };
            plans.push(refresh::due_plan(&mut tx, &search).await.unwrap());
        }
    }
    for plan in plans.iter().map(|plan| plan.join("\n")) {
        assert!(plan.contains("account_credentials_due"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{plan}");
    }
}

async fn at_12_filters_use_an_index(world: TestHub) {
    fill(&world).await;
    let owners = |many: usize| (0..many).map(|n| format!("o{n}")).collect::<Vec<_>>();
    let filters = [
        (Filter { owner_ids: owners(1), ..Filter::default() }, "accounts_owner"),
        (Filter { owner_ids: owners(3), ..Filter::default() }, "accounts_owner"),
        (Filter { owner_id: Some("o1".to_owned()), ..Filter::default() }, "accounts_owner"),
        (
            Filter { providers: vec!["p1".parse().unwrap()], ..Filter::default() },
            "accounts_provider",
        ),
        (Filter { statuses: vec![Status::Error], ..Filter::default() }, "accounts_status"),
        (
            Filter { auth_configs: vec!["c".parse().unwrap()], ..Filter::default() },
            "accounts_auth_config",
        ),
    ];
    for (filter, index) in filters {
        let plan = plan(&world, &filter).await;
        assert!(plan.contains(index), "{filter:?}\n{plan}");
        assert!(!plan.contains("SCAN accounts") && !plan.contains("Seq Scan"), "{plan}");
    }
    let ids = Filter { ids: vec!["a".parse().unwrap(), "b".parse().unwrap()], ..Filter::default() };
    let plan = plan(&world, &ids).await;
    assert!(
        plan.contains("PRIMARY KEY (project=? AND id=?)") || plan.contains("accounts_pkey"),
        "{plan}"
    );
}

async fn at_14_the_order_of_creation_needs_no_sorting(world: TestHub) {
    fill(&world).await;
    for (descending, after) in [(false, None), (true, None), (false, Some("x")), (true, Some("x"))]
    {
        let after = after.map(|id| id.parse().unwrap());
        let provider = vec!["hubspot".parse().unwrap()];
        for providers in [Vec::new(), provider] {
            let sort = Sort::Created;
            let filter =
                Filter { descending, after: after.clone(), sort, providers, ..Filter::default() };
            let plan = plan(&world, &filter).await;
            let sorts = plan.contains("TEMP B-TREE") || plan.contains("Sort");
            assert!(!sorts && !plan.contains("SCAN accounts"), "{filter:?}\n{plan}");
        }
    }
}

async fn kp_3_a_presented_key_is_one_look_by_its_number(world: TestHub) {
    let made = world.key(&world.caller(), key("ci", "admin")).await;
    let mut tx = world.hub.store().begin_write().await.unwrap();
    if !matches!(world.place, Place::Sqlite(_)) {
        tx.execute("set local enable_seqscan = off", &[]).await.unwrap();
    }
    let plan = api_keys::plan(&mut tx, made.key.number).await.unwrap().join("\n");
    for scan in ["SCAN", "Seq Scan", "SORT", "Sort"] {
        assert!(!plan.contains(scan), "{plan}");
    }
}

/// A quiet project among noisy ones, with every filter that there is.
async fn lists_of_events_read_the_rows_of_their_project_only(world: TestHub) {
    let quiet = world.project("quiet").await;
    world.add(&quiet, config("hubspot")).await;
    let id = world.link(&quiet, account("hubspot", "acme")).await;
    let mut tx = world.hub.store().begin_write().await.unwrap();
    let event = |number: i64| Event {
        id: format!("019a0000-0000-7000-8000-{number:012}").parse().unwrap(),
        kind: EventKind::SessionCreated,
        subject: number.to_string(),
        at: world.now(),
        data: None,
    };
    for first in (0..20_000).step_by(1_000) {
        let noise: Vec<Event> = (first..first + 1_000).map(event).collect();
        events::append(&mut tx, ProjectNumber(1), &noise).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = world.hub.store().begin_write().await.unwrap();
    if !matches!(world.place, Place::Sqlite(_)) {
        tx.execute("analyze events", &[]).await.unwrap();
    }
    let account = Some(id.to_string());
    let kinds = vec![EventKind::AccountCreated, EventKind::SessionCreated];
    let since = Some(world.now());
    let all = || events::Filter::default();
    for (filter, index) in [
        (all(), "events_place"),
        (events::Filter { limit: Some(50), ..all() }, "events_place"),
        (events::Filter { kinds: kinds.clone(), limit: Some(50), ..all() }, "events_place"),
        (events::Filter { since, ..all() }, "events_"),
        (events::Filter { after: Some(5), upto: Some(30_000), ..all() }, "events_place"),
        (events::Filter { account: account.clone(), ..all() }, "events_subject"),
        (events::Filter { account, kinds, since, limit: Some(5), ..all() }, "events_subject"),
    ] {
        let plan = events::plan(&mut tx, quiet.project(), &filter).await.unwrap().join("\n");
        reads_one_project(&world, &plan, index);
    }
    let plan = events::plan_of_last(&mut tx, quiet.project()).await.unwrap().join("\n");
    reads_one_project(&world, &plan, "events_place");
}

/// PostgreSQL knows how few rows there are, and may take any index that begins with the project.
#[track_caller]
fn reads_one_project(world: &TestHub, plan: &str, index: &str) {
    let index = if matches!(world.place, Place::Sqlite(_)) { index } else { "events_" };
    assert!(plan.contains(index), "{plan}");
    for whole in ["SCAN events", "Seq Scan on events", "events_pkey", "USE TEMP B-TREE"] {
        assert!(!plan.contains(whole), "{plan}");
    }
}

/// What PostgreSQL keeps prepared for the connection of a transaction.
#[cfg(unix)]
mod prepared {
    use std::ops::ControlFlow;
    use std::time::Instant;

    use hubctl::domain::event::{Event, EventKind};
    use hubctl::domain::ids::ProjectNumber;
    use hubctl::store::accounts::refresh::{self, Search};
    use hubctl::store::{StoreError, Tx, accounts, events, request_logs};

    use crate::support::hub::{TestHub, on_postgres};
    use crate::support::serving::PATIENCE;

    async fn kept(tx: &mut Tx) -> i64 {
        tx.number("select count(*) from pg_prepared_statements", &[]).await.unwrap()
    }

    #[test]
    fn no_statement_depends_on_how_long_a_list_is() {
        on_postgres(no_statement_depends);
    }

    async fn no_statement_depends(world: TestHub) {
        let (project, now) = (ProjectNumber(1), world.now());
        let mut tx = world.hub.store().begin_write().await.unwrap();
        let before = kept(&mut tx).await;
        for count in 1..=80 {
            let names: Vec<String> = (0..count).map(|number| format!("n-{number}")).collect();
            let filter = request_logs::Filter {
                accounts: names.clone(),
                providers: names.clone(),
                ..request_logs::Filter::default()
            };
            let order = request_logs::Order {
                sort: request_logs::Sort::Duration,
                ..request_logs::Order::default()
            };
            let table = request_logs::Table::Logs;
            let page = request_logs::page(&mut tx, table, project, &filter, order, None, 5).await;
            assert!(page.unwrap().rows.is_empty());
            let filter =
                accounts::Filter { owner_ids: names.clone(), ..accounts::Filter::default() };
            accounts::scan(&mut tx, project, &filter, |_| {
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            })
            .await
            .unwrap();
            let without: Vec<&str> = names.iter().map(String::as_str).collect();
            let search = Search { now, after: None, without: &without, limit: 5 };
            assert!(refresh::due(&mut tx, &search).await.unwrap().is_empty());
            let event = |subject: &String| Event {
                id: format!("{count}-{subject}").parse().unwrap(),
                kind: EventKind::SessionCreated,
                subject: subject.clone(),
                at: now,
                data: None,
            };
            let all: Vec<Event> = names.iter().map(event).collect();
            events::append(&mut tx, project, &all).await.unwrap();
        }
        // Of the log, of accounts by one, few and many, of what is due, of events in four sizes.
        assert_eq!(kept(&mut tx).await - before, 1 + 3 + 1 + 4);
    }

    #[test]
    fn a_connection_keeps_a_bounded_number() {
        on_postgres(a_bounded_number);
    }

    async fn a_bounded_number(world: TestHub) {
        let store = world.hub.store();
        // Where no store was made yet, nothing is asked of the database.
        store.begin_write().await.unwrap().commit().await.unwrap();
        let mut tx = store.begin_read().await.unwrap();
        for number in 0..1_100 {
            let asked = tx.number(&format!("select {number}::bigint"), &[]).await.unwrap();
            assert_eq!(asked, number);
        }
        assert!(kept(&mut tx).await > 1_100);
        drop(tx);
        // Dropped, it rolls back on its own and gives the connection back.
        let until = Instant::now() + PATIENCE;
        while store.gauges().idle == 0 {
            assert!(Instant::now() < until, "it never comes back");
            tokio::task::yield_now().await;
        }
        let mut tx = store.begin_read().await.unwrap();
        assert!(kept(&mut tx).await < 10);
        assert_eq!(tx.number("select 7::bigint", &[]).await.unwrap(), 7);
    }
}
