//! Keys are changed again and again while others write; a process is a thread that shares nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hubctl::domain::caller::Caller;
use hubctl::domain::ids::AccountId;
use hubctl::hub::rotation::{self, Wanted, data_keys};
use hubctl::hub::write::{Guard, IfThere};
use hubctl::hub::{Hub, accounts, auth_configs, projects};

use crate::support::asked::{account, config};
use crate::support::hub::{TestHub, block_on, on_both_databases};

use super::opens;

on_both_databases!(threat_33_four_writers_lose_nothing_while_keys_are_changed,);

const WRITERS: usize = 4;
const ROTATIONS: usize = 6;
/// So many times everything is opened meanwhile; on a busy machine that takes further rotations.
const READS: usize = 3;
const MOST_ROTATIONS: usize = 200;

/// Adds accounts, every few of them in a new project, and opens what it added before.
async fn write(
    hub: &Hub,
    admin: &Caller,
    writer: usize,
    stop: &AtomicBool,
) -> Vec<(Caller, AccountId)> {
    let (guard, mut made, mut project): (_, Vec<(Caller, AccountId)>, _) =
        (Guard::default(), Vec::new(), None);
    for number in 0.. {
        if stop.load(Ordering::Relaxed) && number > 10 {
            break;
        }
        if number % 4 == 0 {
            let name = format!("writer-{writer}-{number}").parse().unwrap();
            projects::create(hub, admin, &name, IfThere::Fail, guard).await.unwrap();
            let caller = hub.local_caller(&name).await.unwrap();
            auth_configs::add(hub, &caller, config("bamboohr"), guard).await.unwrap();
            project = Some(caller);
        }
        let caller = project.clone().unwrap();
        let new = account("bamboohr", &format!("owner-{number}"));
        let added = accounts::add(hub, &caller, new, guard).await.unwrap();
        made.push((caller, added.view.account.id));
        let (caller, id) = &made[number / 2];
        opens(hub, caller, id).await.unwrap();
    }
    made
}

async fn threat_33_four_writers_lose_nothing_while_keys_are_changed(world: TestHub) {
    let admin = world.caller();
    // The keys of the store are there.
    let there = super::Filled::make(&world, "there-before").await;
    let (stop, admin, there) = (&AtomicBool::new(false), &admin, &there);
    let reads = &AtomicUsize::new(0);
    let made: Vec<(Caller, AccountId)> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let hub = world.another();
                scope.spawn(move || block_on(write(&hub, admin, writer, stop)))
            })
            .collect();
        let changing = scope.spawn(|| {
            block_on(async {
                for round in 0..MOST_ROTATIONS {
                    if round >= ROTATIONS && reads.load(Ordering::Relaxed) >= READS {
                        break;
                    }
                    let hub = world.another();
                    let wanted = Wanted::default();
                    rotation::rotate(&hub, admin, &wanted, |_| Ok(())).await.unwrap();
                    if round % 2 == 1 {
                        data_keys::renew(&hub, admin, false, |_| Ok(())).await.unwrap();
                    }
                }
            });
        });
        // Processes that begin at any moment, with nothing in memory.
        let reading = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                block_on(there.open(&world.another())).unwrap();
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
        let changed = changing.join();
        stop.store(true, Ordering::Relaxed);
        let made = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        changed.unwrap();
        reading.join().unwrap();
        made
    });
    assert!(reads.load(Ordering::Relaxed) >= READS);
    assert!(made.len() > WRITERS * 10);
    // With the key that is there now, and nothing else in memory.
    let hub = world.another();
    for (caller, id) in &made {
        opens(&hub, caller, id).await.unwrap();
    }
    assert_eq!(super::keys(&world.key_path()).len(), 1);
    let count = world.number("select count(*) from account_credentials");
    assert_eq!(usize::try_from(count).unwrap(), made.len() + 2);
}
