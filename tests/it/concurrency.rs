//! Many processes on one store: nothing fails, nothing is lost, and there is one key of each kind.
//!
//! A process is a thread here that shares nothing with the others: its own store and its own hub.

use std::collections::HashSet;
use std::sync::Barrier;

use hubctl::domain::account::Account;
use hubctl::domain::ids::AccountId;
use hubctl::domain::secret::Secret;
use hubctl::hub::accounts::{self, Filter};
use hubctl::hub::auth_configs::{self, Edit};
use hubctl::hub::connect_sessions::{self, authenticate};
use hubctl::hub::write::{Guard, IfThere};
use hubctl::hub::{Hub, projects};
use hubctl::store::accounts as rows;

use crate::support::asked::{account, config, given, named, oauth, session, session_with};
use crate::support::hub::{TestHub, block_on, on_both_databases};

on_both_databases!(
    threat_33_first_uses_end_with_one_key_of_each_kind,
    twenty_processes_lose_nothing,
    ac_14_no_active_account_slips_under_a_disabled_config,
    ac_3_ac_6_racing_adds_leave_one_default,
    a_process_that_dies_loses_nothing_committed,
);

const PROCESSES: usize = 20;

/// Runs `work` once per process, all at the same moment.
fn at_once<T: Send>(world: &TestHub, work: impl Fn(usize, &Hub) -> T + Sync) -> Vec<T> {
    let (barrier, work) = (Barrier::new(PROCESSES), &work);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PROCESSES)
            .map(|number| {
                let (hub, barrier) = (world.another(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    work(number, &hub)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

async fn threat_33_first_uses_end_with_one_key_of_each_kind(world: TestHub) {
    let caller = world.caller();
    let tokens = at_once(&world, |number, hub| {
        block_on(async {
            let owner = format!("owner-{number}");
            let new = auth_configs::New {
                values: given(&[
                    ("client_id", "c"),
                    ("client_secret", "s"),
                    ("external-trigger-token", &owner),
                ]),
                ..oauth(&owner, "")
            };
            let guard = Guard::default();
            let mut token = None;
            if number % 2 == 0 {
                auth_configs::add(hub, &caller, new.clone(), guard).await.unwrap();
            }
            for _ in 0..3 {
                let made = connect_sessions::create(hub, &caller, session(&owner), guard).await;
                token = Some(made.unwrap().token);
            }
            if number % 2 == 1 {
                auth_configs::add(hub, &caller, new, guard).await.unwrap();
            }
            (owner, token.unwrap())
        })
    });
    let facts = "select count(*) from store where key";
    assert_eq!(world.number(&format!("{facts} = 'store_id'")), 1);
    assert_eq!(world.number(&format!("{facts} = 'master_key_id'")), 1);
    assert_eq!(world.number("select count(*) from data_keys where purpose = 'hash'"), 1);
    assert_eq!(world.number("select count(*) from data_keys where purpose = 'data'"), 1);
    let hub = world.another();
    for (owner, token) in tokens {
        let found = authenticate(&hub, token.text().expose()).await.unwrap();
        assert_eq!(found.owner.id, owner);
        let id = auth_configs::get(&hub, &caller, &owner).await.unwrap().view.config.id;
        let mut new = session(&owner);
        new.auth_config = Some(id);
        let made = connect_sessions::create(&hub, &caller, new, Guard::default()).await.unwrap();
        assert_eq!(made.external_trigger_token, Some(Secret::new(owner)));
    }
}

async fn twenty_processes_lose_nothing(world: TestHub) {
    const WRITES: usize = 50;
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    world.add(&caller, config("bamboohr")).await;
    world.link(&caller, account("bamboohr", "there before")).await;
    let (sessions, linked, toggled) = at_once(&world, |number, hub| {
        block_on(async {
            let guard = Guard::default();
            let (mut tokens, mut ids, mut toggled) = (Vec::new(), Vec::new(), 0);
            for write in 0..WRITES {
                let owner = format!("{number}-{write}");
                match (number + write) % 5 {
                    0 | 1 => {
                        let new = session_with(&owner, "hubspot");
                        let made = connect_sessions::create(hub, &caller, new, guard).await;
                        tokens.push(made.unwrap().token);
                    }
                    2 | 3 => {
                        let new = account("hubspot", &owner);
                        let added = accounts::add(hub, &caller, new, guard).await.unwrap();
                        ids.push(added.view.account.id);
                    }
                    _ => {
                        let done = match write % 2 {
                            0 => auth_configs::enable(hub, &caller, "bamboohr", guard).await,
                            _ => auth_configs::disable(hub, &caller, "bamboohr", guard).await,
                        };
                        toggled += usize::from(done.unwrap()[0].changed);
                    }
                }
            }
            (tokens, ids, toggled)
        })
    })
    .into_iter()
    .fold((Vec::new(), HashSet::new(), 0), |mut all, one| {
        all.0.extend(one.0);
        all.1.extend(one.1);
        (all.0, all.1, all.2 + one.2)
    });
    assert_eq!((sessions.len(), linked.len()), (400, 400));
    let count = |sql: &str| usize::try_from(world.number(sql)).unwrap();
    assert_eq!(count("select count(*) from connect_sessions"), 400);
    assert_eq!(count("select count(*) from account_credentials"), 401);
    assert_eq!(count("select count(*) from operations"), 3 + 400 + toggled);
    // A session has one, and so has an account; a switch has an event of its own and one of the account that follows it.
    assert_eq!(count("select count(*) from events"), 3 + 400 + 400 + 2 * toggled);
    let listed = world.listed(&caller, &Filter::default()).await;
    assert_eq!(listed.len(), 401);
    for id in linked {
        assert!(listed.contains(&id.to_string()));
    }
    let hub = world.another();
    for token in sessions {
        authenticate(&hub, token.text().expose()).await.unwrap();
    }
}

/// AC-14 as a race: an account is linked through an auth config that is being disabled.
async fn ac_14_no_active_account_slips_under_a_disabled_config(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    at_once(&world, |number, hub| {
        block_on(async {
            let guard = Guard::default();
            for write in 0..5 {
                if number == 0 {
                    auth_configs::enable(hub, &caller, "hubspot", guard).await.unwrap();
                    auth_configs::disable(hub, &caller, "hubspot", guard).await.unwrap();
                } else {
                    let new = account("hubspot", &format!("{number}-{write}"));
                    // Refused while it is disabled, which is right.
                    let _ = accounts::add(hub, &caller, new, guard).await;
                }
            }
        });
    });
    world.disable(&caller, "hubspot").await;
    let active = "select count(*) from accounts where status <> 'inactive'";
    assert_eq!(world.number(active), 0);
}

async fn ac_3_ac_6_racing_adds_leave_one_default(world: TestHub) {
    let caller = world.caller();
    at_once(&world, |number, hub| {
        let mut new = named("hubspot", &format!("config {number}"));
        new.make_default = number % 3 == 0;
        let guard = Guard::default();
        block_on(auth_configs::add(hub, &caller, new, guard)).unwrap();
        let edit = Edit { name: Some(format!("renamed {number}")), ..Edit::default() };
        block_on(auth_configs::edit(hub, &caller, &format!("config {number}"), edit, guard))
            .unwrap();
    });
    assert_eq!(world.number("select count(*) from auth_configs where is_default = 1"), 1);
    assert_eq!(world.number("select count(*) from auth_configs where name like 'renamed %'"), 20);
    let created = "select count(*) from events where kind = 'auth_config.created'";
    assert_eq!(world.number(created), 20);
    let made = at_once(&world, |_, hub| {
        let name = "same".parse().unwrap();
        block_on(projects::create(hub, &caller, &name, IfThere::Fail, Guard::default())).is_ok()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

/// The second run of [`a_process_that_dies_loses_nothing_committed`]: it writes, commits, writes
/// more, and dies in the middle of it.
async fn dies(place: &str) -> ! {
    let store = match place.strip_prefix("sqlite:") {
        Some(path) => hubctl::store::Store::sqlite(path),
        None => hubctl::store::Store::postgres(place).unwrap(),
    };
    let project = hubctl::domain::ids::ProjectNumber(1);
    let mut tx = store.begin_write().await.unwrap();
    let first: AccountId = "first".parse().unwrap();
    let model = rows::by_id(&mut tx, project, &first).await.unwrap().unwrap();
    let like = |id: &str| Account { id: id.parse().unwrap(), ..model.clone() };
    rows::insert(&mut tx, project, &like("second")).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin_write().await.unwrap();
    rows::insert(&mut tx, project, &like("third")).await.unwrap();
    rows::delete(&mut tx, project, &model).await.unwrap();
    std::process::abort();
}

const PLACE: &str = "CONCURRENCY_TEST_PLACE";

#[expect(clippy::disallowed_methods, reason = "the first run tells the second one where to write")]
async fn a_process_that_dies_loses_nothing_committed(world: TestHub) {
    use crate::support::hub::Place;
    if let Ok(place) = std::env::var(PLACE) {
        dies(&place).await;
    }
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    world.link(&caller, account("hubspot", "acme")).await;
    let (place, name) = match &world.place {
        Place::Sqlite(path) => (format!("sqlite:{}", path.display()), "sqlite"),
        #[cfg(unix)]
        Place::Postgres(url) => (url.clone(), "postgres"),
    };
    // The account gets a name that the other process knows.
    world.raw("delete from account_credentials; update accounts set id = 'first'");
    let test = format!("concurrency::{name}::a_process_that_dies_loses_nothing_committed");
    let died = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(PLACE, place)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&died.stderr).into_owned();
    assert!(!died.status.success() && !said.contains("panicked"), "{said}");
    assert_eq!(world.listed(&caller, &Filter::default()).await, ["first", "second"]);
    // Its lock went with it.
    world.link(&caller, account("hubspot", "brand")).await;
    if matches!(world.place, Place::Sqlite(_)) {
        assert_eq!(
            world
                .number("select count(*) from pragma_integrity_check where integrity_check = 'ok'"),
            1
        );
    }
}
