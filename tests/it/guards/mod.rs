//! What nobody should have to remember: layers, sizes, leftovers, a name for every operation, and a
//! test for every rule.

mod coverage;
mod layers;
mod leftovers;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src/`: its path there, and its text without its unit tests.
struct Source {
    path: String,
    text: String,
}

/// Every Rust file under `src/`, in order; files of tests alone are left out.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                if !path.ends_with("tests.rs") {
                    found.push(Source { path, text: code.to_owned() });
                }
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "the sources were not found");
    found
}
