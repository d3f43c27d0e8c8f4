//! Calls go one way: every module may use only what is below it.

use super::sources;

/// A module, and the modules of the crate that it may name.
#[rustfmt::skip]
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("error", &[]),
    ("env", &[]),
    ("catalog", &["domain"]),
    ("store", &["domain", "error"]),
    ("hub", &["domain", "catalog", "store", "provider", "error"]),
    // Wire types are made from what the hub hands out; they call nothing.
    ("api", &["domain", "hub", "error"]),
    ("local", &["api", "hub", "domain", "catalog", "error"]),
    // Makes HTTP clients; what is asked of them is decided elsewhere.
    ("net", &["error"]),
    // Calls third parties; decides nothing about what they answer.
    ("provider", &["domain", "error", "net"]),
    ("client", &["api", "hub", "domain", "catalog", "error", "net"]),
    ("backend", &["api", "client", "local", "hub", "domain", "error"]),
    // A provider of its own, beside the server; of the hub it uses the source of randomness alone.
    ("sample", &["domain", "error", "hub"]),
    ("server", &["api", "local", "hub", "domain", "catalog", "store", "error"]),
    ("cli", &["api", "backend", "client", "local", "server", "sample", "hub", "domain", "catalog", "store", "provider", "error", "env", "net"]),
    ("lib", &[]),
    ("main", &[]),
];

/// What only some files may name: a text, where it is at home, and where it may be as well.
#[rustfmt::skip]
const AT_HOME: &[(&str, &[&str])] = &[
    ("rusqlite", &["store/driver/mod.rs", "store/driver/sqlite", "store/driver/served/"]),
    ("axum", &["server/", "sample/"]),
    // Beside the server, what decides which proxy an address has.
    ("hyper", &["server/", "net/mod.rs"]),
    ("StatusCode", &["server/", "sample/"]),
    ("tokio_postgres", &["store/driver/mod.rs", "store/driver/postgres/"]),
    ("deadpool", &["store/driver/postgres/"]),
    ("clap", &["cli/"]),
    ("anstream", &["cli/"]),
    ("comfy_table", &["cli/"]),
    ("dialoguer", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("::env::var", &["cli/settings/environment.rs", "cli/assets.rs"]),
    ("::env::args", &["cli/mod.rs", "cli/assets.rs"]),
    ("process::exit", &[]),
    ("println!", &[]),
    ("print!(", &[]),
    ("eprintln!", &[]),
    ("driver::", &["store/"]),
    ("reqwest", &["net/", "client/", "provider/"]),
    ("reqwest::Client::", &["net/mod.rs"]),
];

/// The code without comments, and without what tests alone compile.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn every_module_uses_only_what_is_below_it() {
    let mut wrong = Vec::new();
    for file in sources() {
        let layer = file.path.split(['/', '.']).next().unwrap();
        let rule = LAYERS.iter().find(|(name, _)| *name == layer);
        let (_, allowed) = rule.unwrap_or_else(|| panic!("no rule for the layer of {}", file.path));
        for (line, text) in code(&file.text) {
            for used in text.split("crate::").skip(1) {
                let name = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                let used: Vec<&str> = match used.strip_prefix('{') {
                    // `use crate::{a, b::c};`
                    Some(list) => list.split(',').map(str::trim).collect(),
                    None => name.into_iter().collect(),
                };
                for name in used {
                    let name = name.split("::").next().unwrap_or_default();
                    let name = name.trim_end_matches(['}', ';']);
                    if name != layer && !allowed.contains(&name) && !name.is_empty() {
                        wrong.push(format!("src/{}:{line} uses {name}", file.path));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn drivers_terminal_and_environment_stay_at_home() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (name, homes) in AT_HOME {
            let is_test = file.path.contains("/tests/") || file.path.ends_with("tests.rs");
            if is_test || homes.iter().any(|home| file.path.starts_with(home)) {
                continue;
            }
            for (line, text) in code(&file.text) {
                let is_word = |at: usize| {
                    at == 0
                        || !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                };
                if text.match_indices(name).any(|(at, _)| is_word(at) || name.starts_with(':')) {
                    wrong.push(format!("src/{}:{line} names {name}", file.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
