//! What tests take from npm.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

/// Fetches what the lock file of a folder of tests lists, once, whichever test comes first.
pub(crate) fn fetch(folder: &str) {
    let folder = Path::new(folder);
    let lock = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder.file_name().unwrap());
    let lock = File::create(lock.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    // npm writes it when everything else is there.
    let done = folder.join("node_modules/.package-lock.json");
    let wanted = folder.join("package-lock.json");
    let age = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if age(&done).is_some_and(|done| Some(done) >= age(&wanted)) {
        return;
    }
    let flags = ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
    let mut npm = Command::new("npm");
    let output = npm.args(flags).current_dir(folder).stdin(Stdio::null()).output();
    let output = output.expect("Node.js with npm is needed");
    assert!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
}
