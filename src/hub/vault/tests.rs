//! The vault's promises; the numbers are those of the threat list.

use proptest::prelude::*;

use super::{
    DataKey, DataKeys, HashKey, KeyId, MasterKey, Place, WrapPlace, open, seal, sealed_key_id,
    wrapped_by,
};
use crate::error::codes;
use crate::hub::random::{Random, SeededRandom};
use crate::hub::refused;

const PLACE: Place<'static> =
    Place { project: 7, object: "accounts", id: "a-1", field: "credentials", version: 3 };
const WRAP: WrapPlace<'static> = WrapPlace { store_id: "store-1", project: 7, key_id: 2 };

fn data_keys(random: &dyn Random) -> DataKeys {
    let mut keys = DataKeys::new();
    keys.insert(1, DataKey::generate(random).unwrap());
    keys.insert(2, DataKey::generate(random).unwrap());
    keys
}

fn sealed(keys: &DataKeys, place: &Place<'_>, plain: &[u8]) -> Vec<u8> {
    let (id, key) = keys.newest().unwrap();
    seal(key, id, place, plain, &SeededRandom::new(99)).unwrap()
}

#[test]
fn a_sealed_value_opens_at_its_place_and_has_the_documented_form() {
    let keys = data_keys(&SeededRandom::new(1));
    for plain in [&b""[..], b"x", &[0xA5; 10_000]] {
        let blob = sealed(&keys, &PLACE, plain);
        assert_eq!(blob.len(), 1 + 4 + 24 + plain.len() + 16);
        assert_eq!(blob[..5], [1, 0, 0, 0, 2]);
        assert_eq!(sealed_key_id(&blob), Some(2));
        assert_eq!(open(&keys, &PLACE, &blob).unwrap().as_slice(), plain);
    }
}

#[test]
fn equal_values_are_sealed_differently_each_time() {
    let random = SeededRandom::new(1);
    let key = DataKey::generate(&random).unwrap();
    let one = seal(&key, 1, &PLACE, b"same", &random).unwrap();
    let two = seal(&key, 1, &PLACE, b"same", &random).unwrap();
    assert_ne!(one[5..29], two[5..29]);
    assert_ne!(one[29..], two[29..]);
}

#[test]
fn threat_31_a_value_moved_anywhere_else_does_not_open() {
    let keys = data_keys(&SeededRandom::new(1));
    let blob = sealed(&keys, &PLACE, b"token");
    for elsewhere in [
        Place { project: 8, ..PLACE },
        Place { object: "auth_configs", ..PLACE },
        Place { id: "a-2", ..PLACE },
        Place { field: "verifier", ..PLACE },
        Place { version: 4, ..PLACE },
        // The same letters, cut differently.
        Place { object: "accountsa", id: "-1", ..PLACE },
        Place { id: "a-1credentials", field: "", ..PLACE },
    ] {
        let error = refused(open(&keys, &elsewhere, &blob), &codes::SEAL_BROKEN);
        assert!(error.message().contains(elsewhere.id), "{error}");
    }
}

#[test]
fn threat_31_any_changed_or_missing_byte_is_noticed_and_nothing_is_told() {
    let keys = data_keys(&SeededRandom::new(1));
    let blob = sealed(&keys, &PLACE, b"planted-secret");
    for at in 0..blob.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = blob.clone();
            changed[at] ^= change;
            let error = refused(open(&keys, &PLACE, &changed), &codes::SEAL_BROKEN);
            let told = format!("{error:?}");
            assert!(!told.contains("planted"), "{told}");
        }
        refused(open(&keys, &PLACE, &blob[..at]), &codes::SEAL_BROKEN);
    }
    let longer = [blob.as_slice(), b"\0"].concat();
    refused(open(&keys, &PLACE, &longer), &codes::SEAL_BROKEN);
}

#[test]
fn threat_31_neither_blob_nor_wrapped_key_holds_what_it_hides() {
    let random = SeededRandom::new(1);
    let (master, key) =
        (MasterKey::generate(&random).unwrap(), DataKey::generate(&random).unwrap());
    let blob = seal(&key, 1, &PLACE, b"planted-secret", &random).unwrap();
    assert!(!blob.windows(7).any(|part| part == b"planted"));
    let wrapped = key.wrap(&master, &WRAP, &random).unwrap();
    assert!(!wrapped.windows(8).any(|part| part == &key.bytes()[..8]));
    assert!(!wrapped.windows(8).any(|part| part == &master.bytes()[..8]));
}

#[test]
fn threat_31_a_wrapped_key_opens_only_where_it_lies() {
    let random = SeededRandom::new(1);
    let master = MasterKey::generate(&random).unwrap();
    let key = DataKey::generate(&random).unwrap();
    let blob = key.wrap(&master, &WRAP, &random).unwrap();
    assert_eq!(wrapped_by(&blob), Some(master.id()));
    let back = DataKey::unwrap_with(&master, &WRAP, &blob).unwrap();
    assert_eq!(back.bytes(), key.bytes());

    for elsewhere in [
        WrapPlace { store_id: "store-2", ..WRAP },
        WrapPlace { project: 8, ..WRAP },
        WrapPlace { key_id: 3, ..WRAP },
    ] {
        refused(DataKey::unwrap_with(&master, &elsewhere, &blob), &codes::SEAL_BROKEN);
    }
    refused(HashKey::unwrap_with(&master, &WRAP, &blob), &codes::SEAL_BROKEN);
    for at in 9..blob.len() {
        let mut changed = blob.clone();
        changed[at] ^= 1;
        refused(DataKey::unwrap_with(&master, &WRAP, &changed), &codes::SEAL_BROKEN);
        refused(DataKey::unwrap_with(&master, &WRAP, &blob[..at]), &codes::SEAL_BROKEN);
    }
}

#[test]
fn threat_33_another_master_key_is_refused_as_the_wrong_one() {
    let random = SeededRandom::new(1);
    let right = MasterKey::generate(&random).unwrap();
    let wrong = MasterKey::generate(&random).unwrap();
    let blob = DataKey::generate(&random).unwrap().wrap(&right, &WRAP, &random).unwrap();
    let error = refused(DataKey::unwrap_with(&wrong, &WRAP, &blob), &codes::KEY_WRONG);
    assert!(error.message().contains(&right.id().to_string()), "{error}");
    assert!(error.message().contains(&wrong.id().to_string()), "{error}");
}

#[test]
fn threat_33_another_data_key_does_not_open() {
    let keys = data_keys(&SeededRandom::new(1));
    let blob = sealed(&keys, &PLACE, b"token");
    refused(open(&data_keys(&SeededRandom::new(2)), &PLACE, &blob), &codes::SEAL_BROKEN);
    refused(open(&DataKeys::new(), &PLACE, &blob), &codes::SEAL_BROKEN);
}

#[test]
fn threat_32_keys_print_nothing_of_themselves() {
    let random = SeededRandom::new(1);
    let master = MasterKey::generate(&random).unwrap();
    let shown = format!("{master:?}");
    assert_eq!(shown, format!("MasterKey({})", master.id()));
    assert_eq!(format!("{:?}", DataKey::generate(&random).unwrap()), "DataKey(..)");
    assert_eq!(format!("{:?}", HashKey::generate(&random).unwrap()), "HashKey(..)");
}

#[test]
fn hashes_depend_on_key_purpose_and_secret_without_running_together() {
    let random = SeededRandom::new(1);
    let key = HashKey::generate(&random).unwrap();
    let digest = key.digest("api key", "secret");
    assert!(key.matches("api key", "secret", &digest));
    assert!(!key.matches("api key", "secreT", &digest));
    assert!(!key.matches("session token", "secret", &digest));
    assert!(!key.matches("api ke", "ysecret", &digest));
    assert!(!key.matches("api key", "secret", &digest[..31]));
    assert!(!key.matches("api key", "secret", b""));
    assert!(!HashKey::generate(&random).unwrap().matches("api key", "secret", &digest));
}

/// Values computed with Python's `hmac`: the fingerprint is stored, so it may never change.
#[test]
fn the_fingerprint_of_a_key_never_changes() {
    let bytes: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let master = MasterKey::parse(&bytes).unwrap();
    assert_eq!(master.id().to_string(), "5500b9531f7585fd");
    assert_eq!("5500b9531f7585fd".parse(), Ok(master.id()));
    assert!("5500b9531f7585fd0".parse::<KeyId>().is_err());
    assert!("".parse::<KeyId>().is_err());
}

#[test]
fn what_is_no_key_is_malformed() {
    let hex = "0123456789abcdef".repeat(4);
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    for content in [
        String::new(),
        "\n".to_owned(),
        hex[..63].to_owned(),
        format!("{hex}0"),
        format!("g{}", &hex[1..]),
        format!("0x{}", &hex[2..]),
        base64[..42].to_owned(),
        format!("{base64}=="),
        format!("{base64}=\n{base64}="),
        format!("{}9", &base64[..42]),
        "a".repeat(31),
        "a".repeat(34),
        "0".repeat(64),
        "\0".repeat(32),
    ] {
        refused(MasterKey::parse(content.as_bytes()), &codes::KEY_MALFORMED);
    }
}

#[test]
fn several_keys_stand_one_a_line() {
    let random = SeededRandom::new(1);
    let keys = [MasterKey::generate(&random).unwrap(), MasterKey::generate(&random).unwrap()];
    let [one, two] = keys.each_ref().map(|key| key.to_text().to_string());
    let ids = |content: &str| -> Vec<KeyId> {
        let found = MasterKey::parse_all(content.as_bytes()).unwrap();
        found.iter().map(MasterKey::id).collect()
    };
    let both: Vec<KeyId> = keys.iter().map(MasterKey::id).collect();
    assert_eq!(ids(&format!("{one}\n{two}\n")), both);
    assert_eq!(ids(&format!("\n {one}\r\n\n{two}\n{one}\n")), both);
    assert_eq!(ids(&one), both[..1]);
    let raw = "k".repeat(31) + "l";
    for content in [
        String::new(),
        "\n\n".to_owned(),
        format!("{one}{two}"),
        format!("{one}\nplanted words\n"),
        format!("{one}\n{}", &two[1..]),
        format!("{one}\n{raw}\n"),
    ] {
        let error = refused(MasterKey::parse_all(content.as_bytes()), &codes::KEY_MALFORMED);
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }
}

fn same(key: &MasterKey, content: &[u8]) -> bool {
    MasterKey::parse(content).is_ok_and(|read| read.bytes() == key.bytes())
}

proptest! {
    #[test]
    fn every_spelling_of_a_key_is_read(bytes: [u8; 32], before in "[ \t\r\n]{0,3}", after in "[ \t\r\n]{0,3}") {
        use base64::Engine as _;
        use base64::engine::general_purpose as engines;
        prop_assume!(bytes.iter().any(|byte| *byte != bytes[0]));
        let key = MasterKey::parse(&bytes).unwrap();
        let hex = bytes.map(|byte| format!("{byte:02x}")).concat();
        for text in [
            hex.to_uppercase(),
            hex,
            key.to_text().to_string(),
            engines::STANDARD.encode(bytes),
            engines::STANDARD_NO_PAD.encode(bytes),
            engines::URL_SAFE.encode(bytes),
        ] {
            let content = format!("{before}{text}{after}");
            prop_assert!(same(&key, content.as_bytes()));
        }
        prop_assert!(same(&key, &[&bytes[..], b"\n"].concat()));
    }

    #[test]
    fn any_content_is_read_without_a_crash(content in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = MasterKey::parse(&content);
        let _ = sealed_key_id(&content);
        let _ = wrapped_by(&content);
        let keys = data_keys(&SeededRandom::new(1));
        prop_assert!(open(&keys, &PLACE, &content).is_err());
    }
}
