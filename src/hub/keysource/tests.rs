//! Keys in files. The keyring's part needs a real one: see `tests/it/keyring.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{
    FormerKey, Kept, KeyPlace, KeySources, StoreKey, check_named, create, former_place,
    keep_former, load,
};
use crate::error::{HubError, codes};
use crate::hub::keyring::KeyringAccess;
use crate::hub::private_file::create_private;
use crate::hub::random::{SeededRandom, SystemRandom};
use crate::hub::refused;
use crate::hub::vault::MasterKey;

struct World {
    folder: TempDir,
    sources: KeySources,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let beside = folder.path().join("state/master.key");
        Self { folder, sources: KeySources { file: None, keyring: KeyringAccess::none(), beside } }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn naming(&self, file: &Path) -> KeySources {
        KeySources { file: Some(file.to_owned()), ..self.sources.clone() }
    }
}

fn store(kept: Kept) -> StoreKey {
    StoreKey { store_id: "store-1".to_owned(), kept: Some(kept) }
}

fn make(sources: &KeySources) -> Result<super::Created, HubError> {
    create(sources, "store-1", &SystemRandom::new())
}

#[test]
fn without_a_keyring_the_key_goes_beside_the_store_and_is_found_again() {
    let world = World::new();
    let made = make(&world.sources).unwrap();
    assert_eq!(made.place, KeyPlace::File);
    let note = made.note.as_ref().unwrap();
    assert!(note.contains("master.key") && note.contains("no system keyring"), "{note}");

    let again = make(&world.sources).unwrap();
    assert_eq!((again.key.id(), again.note), (made.key.id(), None));
    let found = load(&world.sources, &store(made.kept())).unwrap();
    assert_eq!((found.key.id(), found.place), (made.key.id(), KeyPlace::File));
}

#[test]
fn a_named_file_outranks_the_others_and_may_stand_in_for_them() {
    let world = World::new();
    let beside = make(&world.sources).unwrap();
    let copy = world.path("copy");
    create_private(&copy, beside.key.to_text().as_bytes()).unwrap();
    fs::remove_file(&world.sources.beside).unwrap();
    let found = load(&world.naming(&copy), &store(beside.kept())).unwrap();
    assert_eq!(found.place, KeyPlace::External);

    let fresh = make(&world.naming(&copy)).unwrap();
    assert_eq!((fresh.place, fresh.note.is_none()), (KeyPlace::External, true));
    assert!(!world.sources.beside.exists());
}

#[test]
fn threat_33_a_store_with_a_key_never_gets_another_one() {
    let world = World::new();
    let made = make(&world.sources).unwrap();
    fs::remove_file(&world.sources.beside).unwrap();
    let error = refused(load(&world.sources, &store(made.kept())), &codes::KEY_MISSING);
    assert!(error.hint_text().unwrap().contains("HUBCTL_MASTER_KEY_FILE"), "{error:?}");
    assert!(!world.sources.beside.exists());

    let elsewhere = Kept { place: KeyPlace::External, ..made.kept() };
    let error = refused(load(&world.sources, &store(elsewhere)), &codes::KEY_MISSING);
    assert!(error.hint_text().unwrap().contains("HUBCTL_MASTER_KEY_FILE"), "{error:?}");
    // A key file that lies about is no answer for a store that keeps its key elsewhere.
    make(&world.sources).unwrap();
    refused(load(&world.sources, &store(elsewhere)), &codes::KEY_MISSING);
    let unknown = StoreKey { kept: None, ..store(elsewhere) };
    refused(load(&world.sources, &unknown), &codes::KEY_MISSING);
}

#[test]
fn threat_33_the_key_of_another_store_is_refused() {
    let (world, other) = (World::new(), World::new());
    let (mine, theirs) = (make(&world.sources).unwrap(), make(&other.sources).unwrap());
    let named = world.naming(&other.sources.beside);
    let error = refused(load(&named, &store(mine.kept())), &codes::KEY_WRONG);
    for id in [mine.key.id(), theirs.key.id()] {
        assert!(error.message().contains(&id.to_string()), "{error}");
    }
    fs::copy(&other.sources.beside, &world.sources.beside).unwrap();
    refused(load(&world.sources, &store(mine.kept())), &codes::KEY_WRONG);
}

#[test]
fn a_store_from_before_a_change_of_its_key_is_led_to_the_former_one() {
    let world = World::new();
    let mine = make(&world.sources).unwrap();
    let kept = store(mine.kept());
    let (place, id) = (KeyPlace::File, mine.key.id());
    let former = former_place(&world.sources, &kept.store_id, place, id).unwrap();
    keep_former(&world.sources, &former, &mine.key).unwrap();
    let newer = MasterKey::generate(&SystemRandom::new()).unwrap();
    fs::write(&world.sources.beside, newer.to_text().as_bytes()).unwrap();
    let error = refused(load(&world.sources, &kept), &codes::KEY_WRONG);
    let hint = error.hint_text().unwrap();
    assert!(
        hint.contains(&former.to_string()) && hint.contains("HUBCTL_MASTER_KEY_FILE"),
        "{hint}"
    );
    let FormerKey::File(path) = former else { panic!("no file") };
    assert_eq!(load(&world.naming(&path), &kept).unwrap().key.id(), id);
}

#[test]
fn threat_33_an_unreachable_keyring_is_no_reason_for_another_key() {
    let world = World::new();
    let made = make(&world.sources).unwrap();
    let kept = Kept { place: KeyPlace::Keyring, ..made.kept() };
    let error = refused(load(&world.sources, &store(kept)), &codes::KEYRING_FAILED);
    assert!(error.hint_text().unwrap().contains("HUBCTL_MASTER_KEY_FILE"), "{error:?}");
}

#[test]
fn a_named_file_that_is_missing_or_no_key_is_refused_with_the_way_out() {
    let world = World::new();
    let path = world.path("external");
    let error = refused(make(&world.naming(&path)), &codes::KEY_MISSING);
    assert!(error.hint_text().unwrap().contains("/dev/urandom"), "{error:?}");
    assert!(!path.exists() && !world.sources.beside.exists());
    // It is told before a key is needed, too.
    refused(check_named(&world.naming(&path)), &codes::KEY_MISSING);
    check_named(&world.sources).unwrap();

    create_private(&path, b"correct horse battery staple\n").unwrap();
    let error = refused(make(&world.naming(&path)), &codes::KEY_MALFORMED);
    assert!(error.message().contains("external") && !format!("{error:?}").contains("horse"));
    let long = world.path("long");
    create_private(&long, &[b' '; 5000]).unwrap();
    refused(make(&world.naming(&long)), &codes::KEY_MALFORMED);
}

#[cfg(unix)]
#[test]
fn threat_34_a_key_file_open_to_others_or_behind_a_link_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = World::new();
    let made = make(&world.sources).unwrap();
    let path = &world.sources.beside;
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);

    // The operator may name a link that is safe; what hubctl made itself is never behind one.
    let link = world.path("link");
    symlink(path, &link).unwrap();
    load(&world.naming(&link), &store(made.kept())).unwrap();
    let behind = KeySources { beside: link, ..world.sources.clone() };
    refused(load(&behind, &store(made.kept())), &codes::STORE_PERMISSIONS);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    refused(load(&world.sources, &store(made.kept())), &codes::STORE_PERMISSIONS);
    refused(make(&world.sources), &codes::STORE_PERMISSIONS);
}

#[test]
fn makers_at_the_same_time_end_with_one_key() {
    let world = World::new();
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|seed| {
                let sources = &world.sources;
                scope.spawn(move || {
                    create(sources, "store-1", &SeededRandom::new(seed)).unwrap().key.id()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let content = fs::read(&world.sources.beside).unwrap();
    assert_eq!(MasterKey::parse(&content).unwrap().id(), ids[0]);
}

#[test]
fn places_are_read_as_they_are_written() {
    for place in [KeyPlace::External, KeyPlace::Keyring, KeyPlace::File] {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    assert!("Keyring".parse::<KeyPlace>().is_err());
}
