//! The master key: every step a rotation can be stopped at, and every key that can be missing.

use std::fs;
use std::path::PathBuf;

use hubctl::error::{HubError, codes};
use hubctl::hub::keysource::{self, FormerKey, KeyPlace, KeySources};
use hubctl::hub::random::SystemRandom;
use hubctl::hub::rotation::Step::{Begun, KeyAtHand, Switched, Tidied, Wrapped};
use hubctl::hub::rotation::{self, Came, Wanted};
use hubctl::hub::vault::MasterKey;
use hubctl::hub::write::Guard;
use hubctl::hub::{Hub, accounts, connect_sessions};

use crate::support::asked::{account, config, session};
use crate::support::hub::{TestHub, key_file, on_both_databases, refused};

use super::{Filled, dies_after, keys, rotate, write_keys};

on_both_databases!(
    threat_33_stopped_at_any_step_the_store_opens_and_the_next_run_finishes,
    threat_33_a_half_rotated_store_with_one_key_refuses_what_needs_the_other,
    threat_33_the_old_key_alone_opens_nothing_afterwards,
    threat_33_processes_with_the_old_key_in_memory_go_on,
    threat_33_a_lost_new_key_is_given_up_and_nothing_is_lost,
    a_key_file_of_the_operators_is_never_changed,
    a_dry_run_changes_nothing,
    many_keys_are_wrapped_in_several_transactions,
    threat_33_the_old_key_stays_for_older_backups,
);

async fn filled(world: &TestHub) -> [Filled; 2] {
    [Filled::make(world, "first").await, Filled::make(world, "second").await]
}

async fn open_all(hub: &Hub, filled: &[Filled]) {
    for project in filled {
        project.open(hub).await.unwrap();
    }
}

async fn threat_33_stopped_at_any_step_the_store_opens_and_the_next_run_finishes(world: TestHub) {
    let all = filled(&world).await;
    let mut stopped = 0;
    while dies_after(&world, stopped).await {
        // Servers of before, and processes that begin now.
        open_all(&world.hub, &all).await;
        open_all(&world.another(), &all).await;
        let name = format!("made-after-{stopped}");
        let late = Filled::make(&world, &name).await;
        let next = rotate(&world).await;
        // After the last step there is nothing to go on with: that run is a rotation of its own.
        let is_over = next.before.next.is_none() && keys(&world.key_path()).len() == 1;
        assert!(next.resumed || is_over, "{stopped}: {next:?}");
        assert!(next.after.next.is_none(), "{stopped}");
        let at_hand = keys(&world.key_path());
        assert_eq!(at_hand.len(), 1, "{stopped}");
        assert_eq!(at_hand[0].id(), next.after.key_id);
        let hub = world.another();
        open_all(&hub, &all).await;
        late.open(&hub).await.unwrap();
        let with_others = "select count(*) from data_keys where next_wrapped is not null \
                           or master_key <> (select value from store where key = 'master_key_id')";
        assert_eq!(world.number(with_others), 0, "{stopped}");
        stopped += 1;
    }
    assert_eq!(stopped, 5, "the steps of a rotation of so few keys");
    let done = "select count(*) from operations where action = 'rotate-key'";
    assert!(world.number(done) >= 5);
}

async fn threat_33_a_half_rotated_store_with_one_key_refuses_what_needs_the_other(world: TestHub) {
    let all = filled(&world).await;
    // Stopped before the first key was wrapped anew.
    assert!(dies_after(&world, 1).await);
    let path = world.key_path();
    let both = keys(&path);
    let [old, new] = [&both[0], &both[1]];
    write_keys(&path, &[new]);
    let before = world.dump();
    let error = refused(all[0].open(&world.another()).await, &codes::KEY_HALF_ROTATED);
    assert!(error.message().contains(&old.id().to_string()), "{error}");
    assert!(error.message().contains(&new.id().to_string()), "{error}");
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("hubctl store rotate-key") && hint.contains("HUBCTL_MASTER_KEY_FILE"));
    let hub = world.another();
    let made =
        connect_sessions::create(&hub, &world.caller(), session("x"), Guard::default()).await;
    refused(made, &codes::KEY_HALF_ROTATED);
    let run = rotation::rotate(&hub, &world.caller(), &Wanted::default(), |_| Ok(())).await;
    refused(run, &codes::KEY_HALF_ROTATED);
    assert_eq!(world.dump(), before, "nothing is written, sealed or not");
    // The old key alone still opens all, but can't go on.
    write_keys(&path, &[old]);
    open_all(&world.another(), &all).await;
    let run =
        rotation::rotate(&world.another(), &world.caller(), &Wanted::default(), |_| Ok(())).await;
    let error = refused(run, &codes::KEY_HALF_ROTATED);
    assert!(error.hint_text().unwrap().contains("--cancel"), "{error:?}");
    // Neither is the wrong key, and both are told.
    let other = MasterKey::generate(&SystemRandom::new()).unwrap();
    write_keys(&path, &[&other]);
    let error = refused(all[0].open(&world.another()).await, &codes::KEY_WRONG);
    for id in [old.id(), new.id(), other.id()] {
        assert!(error.message().contains(&id.to_string()), "{error}");
    }
    write_keys(&path, &[old, new]);
    // Stopped when every key is wrapped by both: either opens everything.
    assert!(dies_after(&world, 2).await);
    for one in [old, new] {
        write_keys(&path, &[one]);
        open_all(&world.another(), &all).await;
    }
    // What a process with one key makes now, one with the other can't open.
    write_keys(&path, &[old]);
    let late = Filled::make(&world, "late").await;
    write_keys(&path, &[new]);
    refused(late.open(&world.another()).await, &codes::KEY_HALF_ROTATED);
    let early = world.another();
    let caller = world.project("by-the-new-one").await;
    hubctl::hub::auth_configs::add(&early, &caller, config("bamboohr"), Guard::default())
        .await
        .unwrap();
    let linked = accounts::add(&early, &caller, account("bamboohr", "o"), Guard::default()).await;
    let linked = linked.unwrap().view.account.id;
    write_keys(&path, &[old]);
    refused(super::opens(&world.another(), &caller, &linked).await, &codes::KEY_HALF_ROTATED);
    write_keys(&path, &[old, new]);
    assert!(rotate(&world).await.resumed);
    open_all(&world.another(), &all).await;
    late.open(&world.another()).await.unwrap();
    super::opens(&world.another(), &caller, &linked).await.unwrap();
}

async fn threat_33_the_old_key_alone_opens_nothing_afterwards(world: TestHub) {
    let all = filled(&world).await;
    let (path, old) = (world.key_path(), keys(&world.key_path()));
    let done = rotate(&world).await;
    assert_eq!(
        (done.came, done.resumed, done.before.place),
        (Came::Rotated, false, KeyPlace::File)
    );
    assert_eq!((done.before.key_id, done.wrapped), (old[0].id(), 3));
    let new = keys(&path);
    write_keys(&path, &[&old[0]]);
    refused(all[0].open(&world.another()).await, &codes::KEY_WRONG);
    refused(all[1].open(&world.another()).await, &codes::KEY_WRONG);
    write_keys(&path, &[&new[0]]);
    open_all(&world.another(), &all).await;
    let record = world.dump()["operations"].concat();
    assert!(record.contains("rotate-key") && record.contains(&new[0].id().to_string()));
    for key in [&old[0], &new[0]] {
        assert!(!world.dump().into_values().flatten().any(|row| row.contains(&*key.to_text())));
    }
}

async fn threat_33_the_old_key_stays_for_older_backups(world: TestHub) {
    let all = filled(&world).await;
    let (path, old) = (world.key_path(), keys(&world.key_path()).remove(0));
    let former = PathBuf::from(format!("{}.{}", path.display(), old.id()));
    let tried = Wanted { dry_run: true, ..Wanted::default() };
    let told =
        rotation::rotate(&world.another(), &world.caller(), &tried, |_| Ok(())).await.unwrap();
    assert_eq!(told.former, Some(FormerKey::File(former.clone())));
    assert!(!former.exists(), "a dry run keeps nothing");
    // What is in its place is not written over, and then nothing is begun.
    let other = MasterKey::generate(&SystemRandom::new()).unwrap();
    write_keys(&former, &[&other]);
    let before = world.dump();
    let wanted = Wanted::default();
    let run = rotation::rotate(&world.another(), &world.caller(), &wanted, |_| Ok(())).await;
    let error = refused(run, &codes::KEY_WRONG);
    assert!(error.message().contains(&old.id().to_string()), "{error}");
    assert_eq!((world.dump(), keys(&path).len()), (before, 1));
    assert_eq!(keys(&former)[0].id(), other.id());
    fs::remove_file(&former).unwrap();
    // It is there before anything else is.
    assert!(dies_after(&world, 0).await);
    assert_eq!(keys(&former)[0].id(), old.id());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&former).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let done = rotate(&world).await;
    assert_eq!((done.came, done.former), (Came::Rotated, Some(FormerKey::File(former.clone()))));
    assert_eq!((keys(&path).len(), keys(&former).len()), (1, 1));
    assert_eq!(keys(&former)[0].id(), old.id());
    let second = keys(&path).remove(0);
    rotate(&world).await;
    let mut both =
        [old.id(), second.id()].map(|id| PathBuf::from(format!("{}.{id}", path.display())));
    both.sort();
    assert_eq!(keysource::former_files(&path), both);
    open_all(&world.another(), &all).await;
}

async fn threat_33_processes_with_the_old_key_in_memory_go_on(world: TestHub) {
    let all = filled(&world).await;
    let server = world.another();
    open_all(&server, &all).await;
    rotate(&world).await;
    rotate(&world).await;
    open_all(&server, &all).await;
    // A project that it has not seen yet, and one that gets its key from it.
    let new = Filled::make(&world, "new").await;
    new.open(&server).await.unwrap();
    let caller = world.project("newer").await;
    hubctl::hub::auth_configs::add(&server, &caller, config("bamboohr"), Guard::default())
        .await
        .unwrap();
    let linked = accounts::add(&server, &caller, account("bamboohr", "o"), Guard::default()).await;
    super::opens(&world.another(), &caller, &linked.unwrap().view.account.id).await.unwrap();
    // One that can't find the new key refuses, and makes nothing with the old one.
    let (path, away) = (world.key_path(), world.folder.path().join("away"));
    let late = world.another();
    open_all(&late, &all).await;
    rotate(&world).await;
    fs::rename(&path, &away).unwrap();
    open_all(&late, &all).await;
    let caller = world.project("newest").await;
    hubctl::hub::auth_configs::add(&late, &caller, config("bamboohr"), Guard::default())
        .await
        .unwrap();
    let linked = accounts::add(&late, &caller, account("bamboohr", "o"), Guard::default()).await;
    refused(linked, &codes::KEY_MISSING);
    fs::rename(&away, &path).unwrap();
    accounts::add(&late, &caller, account("bamboohr", "o"), Guard::default()).await.unwrap();
}

async fn threat_33_a_lost_new_key_is_given_up_and_nothing_is_lost(world: TestHub) {
    let all = filled(&world).await;
    assert!(dies_after(&world, 2).await);
    let (path, caller) = (world.key_path(), world.caller());
    let both = keys(&path);
    write_keys(&path, &[&both[0]]);
    let tried = rotation::cancel(&world.another(), &caller, true).await.unwrap();
    assert_eq!((tried.came, tried.after.next), (Came::Cancelled, Some(both[1].id())));
    let done = rotation::cancel(&world.another(), &caller, false).await.unwrap();
    assert_eq!((done.came, done.after.next), (Came::Cancelled, None));
    open_all(&world.another(), &all).await;
    let again = rotation::cancel(&world.another(), &caller, false).await.unwrap();
    assert_eq!(again.came, Came::Nothing);
    let next = rotate(&world).await;
    assert!(!next.resumed && next.after.key_id != both[1].id());
    open_all(&world.another(), &all).await;
    // Given up where the key is still there, it goes; what it alone wrapped does not.
    assert!(dies_after(&world, 2).await);
    let both = keys(&path);
    write_keys(&path, &[&both[1]]);
    let late = Filled::make(&world, "late").await;
    let error = rotation::cancel(&world.another(), &caller, false).await;
    refused(error, &codes::KEY_HALF_ROTATED);
    write_keys(&path, &[&both[0], &both[1]]);
    rotation::cancel(&world.another(), &caller, false).await.unwrap();
    assert_eq!(keys(&path).len(), 1);
    open_all(&world.another(), &all).await;
    late.open(&world.another()).await.unwrap();
}

async fn a_key_file_of_the_operators_is_never_changed(world: TestHub) {
    let (caller, folder) = (world.caller(), world.folder.path());
    let [one, two, both] = ["one.key", "two.key", "both.key"].map(|name| folder.join(name));
    let random = SystemRandom::new();
    write_keys(&one, &[&MasterKey::generate(&random).unwrap()]);
    let with = |file: &std::path::Path| {
        world.another_with(KeySources { file: Some(file.to_owned()), ..key_file(&world.folder) })
    };
    let id = {
        let hub = with(&one);
        let project = world.project("theirs").await;
        hubctl::hub::auth_configs::add(&hub, &project, config("bamboohr"), Guard::default())
            .await
            .unwrap();
        let new = account("bamboohr", "o");
        (
            accounts::add(&hub, &project, new, Guard::default()).await.unwrap().view.account.id,
            project,
        )
    };
    let (id, project) = (id.0, id.1);
    let content = fs::read(&one).unwrap();
    let wanted = Wanted::default();
    let run = rotation::rotate(&with(&one), &caller, &wanted, |_| Ok(())).await;
    let error = refused(run, &codes::INPUT_NEEDED);
    assert!(error.hint_text().unwrap().contains("--new-key-file"), "{error:?}");

    let named = Wanted { new_key_file: Some(two.clone()), ..Wanted::default() };
    let tried = Wanted { dry_run: true, ..named.clone() };
    rotation::rotate(&with(&one), &caller, &tried, |_| Ok(())).await.unwrap();
    assert!(!two.exists(), "a dry run makes no key");
    let prepared = Wanted { prepare: true, ..named.clone() };
    let done = rotation::rotate(&with(&one), &caller, &prepared, |_| Ok(())).await.unwrap();
    assert_eq!((done.came, done.made_file.as_ref()), (Came::Prepared, Some(&two)));
    assert!(!world.key_path().exists(), "nothing is put beside the store");
    for file in [&one, &two] {
        super::opens(&with(file), &project, &id).await.unwrap();
    }
    // Another key is not gone on with.
    let third = folder.join("three.key");
    write_keys(&third, &[&MasterKey::generate(&random).unwrap()]);
    let other = Wanted { new_key_file: Some(third), ..Wanted::default() };
    let run = rotation::rotate(&with(&one), &caller, &other, |_| Ok(())).await;
    assert!(refused(run, &codes::KEY_ROTATES).hint_text().unwrap().contains("--cancel"));
    let done = rotation::rotate(&with(&one), &caller, &named, |_| Ok(())).await.unwrap();
    assert_eq!(
        (done.came, done.resumed, done.after.place),
        (Came::Rotated, true, KeyPlace::External)
    );
    refused(super::opens(&with(&one), &project, &id).await, &codes::KEY_WRONG);
    super::opens(&with(&two), &project, &id).await.unwrap();
    // The same command once more has nothing to do, whichever file the environment names.
    for file in [&one, &two] {
        let again = rotation::rotate(&with(file), &caller, &named, |_| Ok(())).await.unwrap();
        assert_eq!(again.came, Came::Nothing);
    }
    // Both keys in one file: nothing has to be named.
    write_keys(&both, &[&keys(&two)[0], &MasterKey::generate(&random).unwrap()]);
    let kept = fs::read(&both).unwrap();
    let tried = Wanted { dry_run: true, ..wanted.clone() };
    let told = rotation::rotate(&with(&both), &caller, &tried, |_| Ok(())).await.unwrap();
    assert_eq!((told.after.key_id, told.after.next), (keys(&both)[1].id(), None));
    let done = rotation::rotate(&with(&both), &caller, &wanted, |_| Ok(())).await.unwrap();
    assert_eq!((done.came, done.after.key_id), (Came::Rotated, keys(&both)[1].id()));
    super::opens(&with(&both), &project, &id).await.unwrap();
    assert_eq!((fs::read(&one).unwrap(), fs::read(&both).unwrap()), (content, kept));
    let run = rotation::rotate(&with(&both), &caller, &wanted, |_| Ok(())).await;
    refused(run, &codes::INPUT_NEEDED);
}

async fn a_dry_run_changes_nothing(world: TestHub) {
    let empty = Wanted { dry_run: true, ..Wanted::default() };
    let run = rotation::rotate(&world.hub, &world.caller(), &empty, |_| Ok(())).await;
    refused(run, &codes::KEY_MISSING);
    let all = filled(&world).await;
    let (before, content) = (world.dump(), fs::read(world.key_path()).unwrap());
    let told =
        rotation::rotate(&world.another(), &world.caller(), &empty, |_| Ok(())).await.unwrap();
    assert_eq!((told.wrapped, told.resumed), (3, false));
    assert_eq!(told.after, told.before, "the next key is not made yet");
    assert_eq!((world.dump(), fs::read(world.key_path()).unwrap()), (before, content));
    assert!(dies_after(&world, 1).await);
    let (before, content) = (world.dump(), fs::read(world.key_path()).unwrap());
    let told =
        rotation::rotate(&world.another(), &world.caller(), &empty, |_| Ok(())).await.unwrap();
    assert_eq!((told.wrapped, told.resumed), (3, true));
    let next = keys(&world.key_path())[1].id();
    assert_eq!((told.before.next, told.after.next), (Some(next), None));
    assert_eq!(told.after.key_id, next, "the key that follows is known");
    let prepared = Wanted { prepare: true, ..empty.clone() };
    let told =
        rotation::rotate(&world.another(), &world.caller(), &prepared, |_| Ok(())).await.unwrap();
    assert_eq!((told.after.key_id, told.after.next), (told.before.key_id, Some(next)));
    assert_eq!((world.dump(), fs::read(world.key_path()).unwrap()), (before, content));
    open_all(&world.another(), &all).await;
    // A file is for keys that are kept in one.
    let wrong = Wanted { new_key_file: Some(world.folder.path().join("new.key")), ..empty };
    let run = rotation::rotate(&world.another(), &world.caller(), &wrong, |_| Ok(())).await;
    refused(run, &codes::USAGE);
}

async fn many_keys_are_wrapped_in_several_transactions(world: TestHub) {
    let all = filled(&world).await;
    // As many projects as make three transactions, each with a key that is a copy in name only.
    let random = SystemRandom::new();
    let store_id = world.dump()["store"].iter().find_map(|row| {
        let mut parts = row.trim_matches(['(', ')']).split(['|', ',']);
        (parts.next() == Some("store_id")).then(|| parts.next().unwrap().to_owned())
    });
    let (store_id, master) = (store_id.unwrap(), &keys(&world.key_path())[0]);
    let hex = if matches!(world.place, crate::support::hub::Place::Sqlite(_)) {
        |hex: &str| format!("x'{hex}'")
    } else {
        |hex: &str| format!("decode('{hex}', 'hex')")
    };
    let rows: Vec<String> = (1000..1450)
        .map(|project| {
            let place = hubctl::hub::vault::WrapPlace { store_id: &store_id, project, key_id: 1 };
            let key = hubctl::hub::vault::DataKey::generate(&random).unwrap();
            let wrapped = key.wrap(master, &place, &random).unwrap();
            let wrapped: String = wrapped.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("({project}, 1, 'data', '{}', {})", master.id(), hex(&wrapped))
        })
        .collect();
    world.raw(&format!(
        "insert into data_keys (project, number, purpose, master_key, wrapped) values {}",
        rows.join(", ")
    ));
    let mut steps = Vec::new();
    let (hub, caller, wanted) = (world.another(), world.caller(), Wanted::default());
    let done = rotation::rotate(&hub, &caller, &wanted, |step| {
        steps.push(step);
        match step {
            Wrapped { done: 200, .. } => Err(HubError::new(&codes::INTERRUPTED, "dies")),
            _ => Ok(()),
        }
    });
    refused(done.await, &codes::INTERRUPTED);
    open_all(&world.another(), &all).await;
    let done = rotation::rotate(&hub, &caller, &wanted, |step| {
        steps.push(step);
        Ok(())
    });
    assert_eq!(done.await.unwrap().wrapped, 253);
    let expected = [
        KeyAtHand,
        Begun,
        Wrapped { done: 200, of: 453 },
        KeyAtHand,
        Begun,
        Wrapped { done: 200, of: 253 },
        Wrapped { done: 253, of: 253 },
        Switched,
        Tidied,
    ];
    assert_eq!(steps, expected);
    open_all(&world.another(), &all).await;
}
