//! Every rule of the contract has a test that names its number.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The groups of rules, and the highest number in each: auth configs, connect sessions, auth links,
/// hub, secrets, logins, accounts, webhooks, keys and projects.
const RULES: &[(&str, u32)] = &[
    ("ac", 51),
    ("cs", 41),
    ("al", 8),
    ("hb", 19),
    ("se", 8),
    ("oa", 18),
    ("at", 28),
    ("wh", 12),
    ("kp", 15),
];

fn all_files(folder: PathBuf, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_files(path, out);
        } else if path.extension().is_some_and(|end| end == "rs") {
            out.push(path);
        }
    }
}

/// The rules that a test's name has: `ac_1`, `ac_1_ac_2`, and all from `ac_1_to_ac_4` or
/// `ac_1_to_4`.
fn named(test: &str) -> BTreeSet<(&'static str, u32)> {
    let words: Vec<&str> = test.split('_').collect();
    let group = |word: &str| RULES.iter().map(|(group, _)| *group).find(|group| *group == word);
    let mut found = BTreeSet::new();
    let (mut at, mut last) = (0, None);
    while let Some(word) = words.get(at) {
        let is_range = at > 0 && words[at - 1] == "to";
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok());
        let rule = match (group(word), last, number(at)) {
            (Some(group), _, _) => number(at + 1).map(|number| (group, number, 2)),
            (None, Some((group, _)), Some(number)) if is_range => Some((group, number, 1)),
            _ => None,
        };
        let Some((group, number, words_of_it)) = rule else {
            at += 1;
            continue;
        };
        let first =
            last.filter(|(of, _)| is_range && *of == group).map_or(number, |(_, from)| from);
        found.extend((first..=number).map(|number| (group, number)));
        last = Some((group, number));
        at += words_of_it;
    }
    found
}

#[test]
fn every_rule_has_a_test_that_names_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    all_files(root.join("src"), &mut files);
    all_files(root.join("tests/it"), &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        for rest in text.split("fn ").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            found.extend(named(&rest[..end.unwrap_or(rest.len())]));
        }
    }
    let all = RULES.iter().flat_map(|(group, last)| (1..=*last).map(move |n| (*group, n)));
    let missing: Vec<_> = all.filter(|rule| !found.contains(rule)).collect();
    assert!(missing.is_empty(), "no test names these rules: {missing:?}");
    assert_eq!(named("ac_1_ac_3_to_ac_5_x_at_7_to_8_404"), {
        [("ac", 1), ("ac", 3), ("ac", 4), ("ac", 5), ("at", 7), ("at", 8)].into()
    });
}
