//! Runs the built binary as a user would: an empty environment but a folder of its own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::hub::{Dump, Place};

/// Every scope that a key can have.
pub(crate) const SCOPES: [&str; 8] = [
    "platform:read",
    "platform:write",
    "unified:read",
    "unified:write",
    "connectors:read",
    "connectors:write",
    "admin",
    "projects:write",
];

/// What a terminal showed, in letters: it is read byte by byte, each as a letter of its own.
pub(crate) fn letters(read: &str) -> String {
    let bytes = read.chars().map(|byte| u8::try_from(byte).unwrap()).collect();
    String::from_utf8(bytes).unwrap()
}

/// A folder with its own configuration, store and key.
pub(crate) struct TestHome {
    folder: tempfile::TempDir,
    env: Vec<(OsString, OsString)>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    line: String,
}

impl TestHome {
    /// A home with a store in an SQLite file.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("hubctl-it-").tempdir().unwrap();
        Self { folder, env: Vec::new() }
    }

    /// A home with a store in a new PostgreSQL database.
    pub(crate) fn postgres() -> Self {
        Self::new().with("HUBCTL_STATE", super::postgres::database())
    }

    /// The home with one more environment variable.
    pub(crate) fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("hubctl.db")
    }

    /// Where its store is, to look at it behind the hub's back.
    pub(crate) fn place(&self) -> Place {
        let state = self.env.iter().find(|(name, _)| name == "HUBCTL_STATE");
        match state {
            Some((_, url)) => Place::Postgres(url.to_str().unwrap().to_owned()),
            None => Place::Sqlite(self.store()),
        }
    }

    /// Writes a file in the home and answers its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes `config.toml`, for the user alone.
    pub(crate) fn config(&self, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.file("config.toml", text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The command, with its folder as working folder, nothing on standard input.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
        command
            .args(arguments)
            .env_clear()
            .env("HUBCTL_CONFIG_DIR", self.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command line of words without quotes.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.args(line.split_whitespace())
    }

    pub(crate) fn args<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        let mut command = self.command(arguments);
        let line = format!("{command:?}");
        Ended::of(command.output().unwrap(), line)
    }

    /// Runs with this on standard input.
    pub(crate) fn piped(&self, line: &str, input: impl AsRef<[u8]>) -> Ended {
        let mut command = self.command(line.split_whitespace());
        let told = format!("{command:?}");
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_vec();
        let writer = std::thread::spawn(move || _ = stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ended::of(output, told)
    }

    /// Runs a shell script in which `$H` is hubctl.
    pub(crate) fn shell(&self, script: &str) -> Ended {
        let mut command = Command::new("bash");
        command
            .args(["-c", script])
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("H", env!("CARGO_BIN_EXE_hubctl"))
            .env("HUBCTL_CONFIG_DIR", self.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::null());
        Ended::of(command.output().unwrap(), script.to_owned())
    }

    /// Starts a command on a terminal of its own.
    pub(crate) fn terminal(&self, line: &str) -> rexpect::session::PtySession {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("TERM", "xterm")
            .env("HUBCTL_CONFIG_DIR", self.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path());
        rexpect::session::spawn_command(command, Some(30_000)).unwrap()
    }

    /// Every row of every table, to see that nothing changed, or what is nowhere.
    pub(crate) fn dump(&self) -> Dump {
        self.place().dump()
    }

    /// Links an account of `connector` for `owner` and answers its id.
    pub(crate) fn account(&self, connector: &str, owner: &str, sets: &str) -> String {
        let line = format!(
            "accounts add --provider {connector} --origin-owner-id {owner} {sets} --no-verify --json"
        );
        self.run(&line).code(0).json()["id"].as_str().unwrap().to_owned()
    }
}

impl Ended {
    fn of(output: Output, line: String) -> Self {
        let code = output.status.code().or_else(|| output.status.signal().map(|s| 128 + s));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let ended = Self { code: code.unwrap(), stdout, stderr, line };
        assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
        ended
    }

    pub(crate) fn wait(child: Child) -> Self {
        Self::of(child.wait_with_output().unwrap(), String::new())
    }

    /// Asserts the exit status.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Asserts a text on standard error.
    #[track_caller]
    pub(crate) fn tells(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in {self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The one error line of standard error.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let line = self.stderr.lines().find(|line| line.starts_with("{\"error\""));
        let line = line.unwrap_or_else(|| panic!("no error line: {self:#?}"));
        let error: Value = serde_json::from_str(line).unwrap();
        assert_eq!(error["error"]["exit_code"], self.code, "{self:#?}");
        error["error"].clone()
    }

    pub(crate) fn line(&self) -> &str {
        &self.line
    }
}
