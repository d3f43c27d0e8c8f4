//! Runs the program on a store of its own, with an empty environment.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a store, and the program that works on it.
pub(crate) struct Hub {
    folder: TempDir,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, with nothing from this process's environment.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
        command
            .args(arguments)
            .env_clear()
            .env("HUBCTL_CONFIG_DIR", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command line that succeeds writes.
    pub(crate) fn ok(&self, line: &str) -> String {
        let output = self.run(line.split_whitespace());
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "hubctl {line}: {problem}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Its JSON answer.
    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --json"))).unwrap()
    }
}
