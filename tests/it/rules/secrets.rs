//! Threats 31 to 33: what a reader of the database gets, and what happens without the right key.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hubctl::error::{HubError, codes};
use hubctl::hub::accounts::{self, New};
use hubctl::hub::auth_configs::{self, Edit};
use hubctl::hub::connect_sessions::{self, authenticate};
use hubctl::hub::keysource::KeySources;
use hubctl::hub::random::SystemRandom;
use hubctl::hub::vault::MasterKey;

use crate::support::asked::{account, config, given, named, oauth, session, session_with};
use crate::support::hub::{Place, TestHub, guard, key_file, on_both_databases, refused};

on_both_databases!(
    se_6_threat_31_no_secret_lies_in_the_database,
    threat_31_a_sealed_value_opens_in_its_own_row_only,
    threat_31_an_older_sealed_value_is_refused,
    threat_33_without_its_key_nothing_is_opened_or_sealed,
    threat_33_another_key_is_refused,
    threat_33_a_key_that_was_put_away_elsewhere,
);

const TRIGGER: &str = "external-trigger-token";

fn with_trigger(name: &str, token: &str) -> auth_configs::New {
    let values =
        [("client_id", "client-1"), ("client_secret", "planted-secret-1"), (TRIGGER, token)];
    auth_configs::New { values: given(&values), ..oauth(name, "") }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 of a text depends on where it begins: the middle of each of the three spellings.
fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned(), hex(secret), hex(secret).to_uppercase()];
    for shift in 0..3 {
        let padded = format!("{}{secret}", "_".repeat(shift));
        for engine in [&STANDARD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            all.push(text[4..text.len() - 4].to_owned());
        }
    }
    all
}

async fn se_6_threat_31_no_secret_lies_in_the_database(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, with_trigger("login", "planted-trigger-22")).await;
    world.add(&caller, named("hubspot", "key")).await;
    auth_configs::make_default(&world.hub, &caller, "key", guard()).await.unwrap();
    world.link(&caller, account("hubspot", "acme")).await;
    let edit = Edit { values: given(&[("client_secret", "planted-secret-2")]), ..Edit::default() };
    auth_configs::edit(&world.hub, &caller, "login", edit, guard()).await.unwrap();
    let token = world.open(&caller, session("acme")).await.token;
    let batch = connect_sessions::BatchItem { new: session("b"), occurrence: 0 };
    let batch = connect_sessions::create_batch(&world.hub, &caller, vec![batch], guard()).await;
    let batch = batch.unwrap().remove(0).0.token;
    let key = fs::read_to_string(world.key_path()).unwrap();
    let mut content = world.dump().into_values().flatten().collect::<String>().into_bytes();
    if let Place::Sqlite(path) = &world.place {
        for file in ["", "-wal", "-shm"] {
            content.extend(fs::read(format!("{}{file}", path.display())).unwrap_or_default());
        }
    }
    let content = String::from_utf8_lossy(&content);
    assert!(content.contains("client-1"), "what is not secret is found");
    for secret in [
        "planted-secret-1",
        "planted-secret-2",
        "planted-trigger-22",
        "planted-access-key",
        token.secret(),
        batch.secret(),
        key.trim(),
    ] {
        for spelling in spellings(secret) {
            assert!(!content.contains(&spelling), "{spelling}");
        }
    }
}

/// Opens what is sealed in the project's auth configs.
async fn trigger(
    world: &TestHub,
    caller: &hubctl::domain::caller::Caller,
) -> Result<String, HubError> {
    let new = session_with("acme", "hubspot");
    let made = connect_sessions::create(&world.another(), caller, new, guard()).await?;
    Ok(made.external_trigger_token.unwrap().expose().to_owned())
}

async fn threat_31_a_sealed_value_opens_in_its_own_row_only(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    let first = world.add(&here, with_trigger("first", "one")).await;
    let second = world.add(&here, with_trigger("second", "two")).await;
    world.add(&there, with_trigger("first", "three")).await;
    assert_eq!(trigger(&world, &here).await.unwrap(), "one");
    let copy = |from: &str| {
        world.raw(&format!(
            "update auth_configs set sealed = (select sealed from auth_configs where {from}) \
             where id = '{}'",
            first.id
        ));
    };
    copy(&format!("id = '{}'", second.id));
    refused(trigger(&world, &here).await, &codes::SEAL_BROKEN);
    copy(&format!("project = {}", there.project().0));
    let error = trigger(&world, &here).await.unwrap_err();
    assert_eq!(error.code().name, codes::SEAL_BROKEN.name, "{error:?}");
}

async fn threat_31_an_older_sealed_value_is_refused(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, with_trigger("login", "one")).await;
    world.raw("create table kept as select sealed from auth_configs");
    let edit = Edit { values: given(&[(TRIGGER, "two")]), ..Edit::default() };
    auth_configs::edit(&world.hub, &caller, "login", edit, guard()).await.unwrap();
    assert_eq!(trigger(&world, &caller).await.unwrap(), "two");
    world.raw("update auth_configs set sealed = (select sealed from kept)");
    refused(trigger(&world, &caller).await, &codes::SEAL_BROKEN);
}

async fn threat_33_without_its_key_nothing_is_opened_or_sealed(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, with_trigger("login", "one")).await;
    let token = world.open(&caller, session("acme")).await.token;
    let moved = world.folder.path().join("moved.key");
    fs::rename(world.key_path(), &moved).unwrap();
    let hub = world.another();
    let before = world.dump();
    let error = refused(trigger(&world, &caller).await, &codes::KEY_MISSING);
    assert!(error.hint_text().unwrap().contains("HUBCTL_MASTER_KEY_FILE"), "{error:?}");
    refused(authenticate(&hub, token.text().expose()).await, &codes::KEY_MISSING);
    let made = connect_sessions::create(&hub, &caller, session("b"), guard()).await;
    refused(made, &codes::KEY_MISSING);
    let added = auth_configs::add(&hub, &caller, oauth("other", "s"), guard()).await;
    refused(added, &codes::KEY_MISSING);
    let tokens = given(&[("access_token", "x")]);
    let linked = New { values: tokens, ..account("hubspot", "acme") };
    refused(accounts::add(&hub, &caller, linked, guard()).await, &codes::KEY_MISSING);
    assert_eq!(world.dump(), before);
    assert!(!world.key_path().exists(), "no other key is made");
    // What needs no key works.
    auth_configs::disable(&hub, &caller, "hubspot", guard()).await.unwrap();
    fs::rename(&moved, world.key_path()).unwrap();
    authenticate(&hub, token.text().expose()).await.unwrap();
}

async fn threat_33_another_key_is_refused(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, with_trigger("login", "one")).await;
    let token = world.open(&caller, session("acme")).await.token;
    let other = MasterKey::generate(&SystemRandom::new()).unwrap();
    fs::write(world.key_path(), other.to_text().as_str()).unwrap();
    let before = world.dump();
    refused(trigger(&world, &caller).await, &codes::KEY_WRONG);
    refused(authenticate(&world.another(), token.text().expose()).await, &codes::KEY_WRONG);
    fs::write(world.key_path(), "nonsense").unwrap();
    refused(trigger(&world, &caller).await, &codes::KEY_MALFORMED);
    assert_eq!(world.dump(), before);
}

async fn threat_33_a_key_that_was_put_away_elsewhere(world: TestHub) {
    let caller = world.caller();
    let token = world.open(&caller, session("acme")).await.token;
    let elsewhere = world.folder.path().join("elsewhere.key");
    fs::rename(world.key_path(), &elsewhere).unwrap();
    let sources = KeySources { file: Some(elsewhere.clone()), ..key_file(&world.folder) };
    let hub = world.another_with(sources);
    authenticate(&hub, token.text().expose()).await.unwrap();
    world.add(&caller, config("hubspot")).await;
    let missing = KeySources { file: Some(world.key_path()), ..key_file(&world.folder) };
    let error = authenticate(&world.another_with(missing), token.text().expose()).await;
    refused(error, &codes::KEY_MISSING);
}
