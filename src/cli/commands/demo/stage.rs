//! Where the demo takes place: a folder with everything in it, and the program run there as a
//! person would run it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::interrupts;
use crate::domain::webhook::signature::{SECRET_BYTES, SigningSecret};
use crate::env;
use crate::error::{HubError, codes};
use crate::hub::private_file::create_private;
use crate::hub::random::{Random as _, SystemRandom};
use crate::sample::CLIENT_SECRET;

/// Longest time that the hub may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked whether it has ended.
const BEAT: Duration = Duration::from_millis(20);

/// Variables that say how things look; all others are taken away.
const OF_LOOKS: &[&str] =
    &[env::NO_COLOR, env::CLICOLOR, env::CLICOLOR_FORCE, env::TERM, env::COLUMNS, env::TZ];

/// The words of a line, as a shell reads those of the demo: one may be quoted, and none has a space.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace().map(|word| word.trim_matches('\''))
}

/// The error of a demo that can't go on.
pub(super) fn failed(text: impl Into<String>) -> HubError {
    HubError::new(&codes::DEMO_FAILED, text.into())
}

/// The folder of the demo; it is gone when this is dropped.
pub(super) struct Stage {
    folder: TempDir,
    program: PathBuf,
}

impl Stage {
    /// Makes the folder, for the user alone, with a master key and the secret of the provider's
    /// client.
    pub(super) fn set() -> Result<Self, HubError> {
        let cant = |error: std::io::Error| failed("no folder for the demo").source(error);
        let program = std::env::current_exe().map_err(cant)?;
        let mut folder = tempfile::Builder::new();
        folder.prefix("hubctl-demo-");
        #[cfg(unix)]
        folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = folder.tempdir().map_err(cant)?;
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(key.as_mut_slice())?;
        let key = Zeroizing::new(STANDARD.encode(*key));
        create_private(&folder.path().join("master.key"), key.as_bytes())?;
        create_private(&folder.path().join("client-secret.txt"), CLIENT_SECRET.as_bytes())?;
        Ok(Self { folder, program })
    }

    /// Makes the secret that deliveries are signed with, and puts it beside the other one.
    pub(super) fn signing_secret(&self) -> Result<SigningSecret, HubError> {
        let mut random = Zeroizing::new([0; SECRET_BYTES]);
        SystemRandom::new().fill(random.as_mut_slice())?;
        let secret = SigningSecret::mint(&random);
        let text = secret.text();
        create_private(&self.path().join("signing-secret.txt"), text.expose().as_bytes())?;
        Ok(secret)
    }

    /// Leaves the folder behind.
    pub(super) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program with the words of a line, where nothing of the user's own is known.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words(line).skip(1));
        for variable in env::ALL.iter().filter(|variable| !OF_LOOKS.contains(&variable.name)) {
            command.env_remove(variable.name);
        }
        command
            .env(env::CONFIG_DIR, self.path())
            .env(env::MASTER_KEY_FILE, self.path().join("master.key"))
            .env(env::NO_INPUT, "1")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Shows a line and runs it; its output is the demo's.
    pub(super) fn run(&self, context: &Context, line: &str) -> Result<(), HubError> {
        context.output.text(&format!("$ {line}"))?;
        let status = self.command(line).status();
        let status = status.map_err(|error| failed(format!("`{line}` can't run")).source(error))?;
        ended(line, status)
    }

    /// Shows a line whose answer is kept under a name, and the answer.
    pub(super) fn answer(
        &self,
        context: &Context,
        name: &str,
        line: &str,
    ) -> Result<String, HubError> {
        context.output.text(&format!("$ {name}=$({line}); echo ${name}"))?;
        let output = self.command(line).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| failed(format!("`{line}` can't run")).source(error))?;
        ended(line, output.status)?;
        let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if answer.is_empty() {
            return Err(failed(format!("`{line}` answered nothing")));
        }
        context.output.text(&answer)?;
        Ok(answer)
    }
}

fn ended(line: &str, status: std::process::ExitStatus) -> Result<(), HubError> {
    if status.success() {
        return Ok(());
    }
    if interrupts::asked_to_stop() {
        return Err(HubError::new(&codes::INTERRUPTED, "stopped"));
    }
    Err(failed(format!("`{line}` ended with {status}")))
}

/// The hub and the provider; they end when this is dropped.
pub(super) struct Served {
    /// The address of the hub.
    pub(super) hub: String,
    /// The host of the provider.
    pub(super) provider_host: String,
    child: Child,
    lines: Receiver<String>,
}

impl Served {
    /// Serves, and waits until both listen.
    pub(super) fn start(context: &Context, stage: &Stage) -> Result<Self, HubError> {
        let line = "hubctl serve --listen 127.0.0.1:0 --with-sample-provider --log-format text";
        context.output.text(&format!("$ {line} &"))?;
        let child = stage.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| failed("the hub can't be served").source(error))?;
        let (sender, lines) = channel();
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                // Read to its end, so that the hub never waits for its log.
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    _ = sender.send(line);
                }
            });
        }
        let mut served = Self { hub: String::new(), provider_host: String::new(), child, lines };
        served.hub = served.wait_for(context, "listening on ")?;
        let provider = served.wait_for(context, "the sample provider is at ")?;
        let host = provider.trim_start_matches("http://").rsplit_once(':');
        served.provider_host = host.map(|(host, _)| host.to_owned()).unwrap_or_default();
        Ok(served)
    }

    /// The address after these words in one of the next lines, which is shown.
    fn wait_for(&self, context: &Context, words: &str) -> Result<String, HubError> {
        let until = Instant::now() + PATIENCE;
        let mut last = String::new();
        loop {
            if interrupts::asked_to_stop() {
                return Err(HubError::new(&codes::INTERRUPTED, "stopped"));
            }
            let line = match self.lines.recv_timeout(BEAT) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => continue,
                Err(_) => return Err(failed(format!("the hub did not come up: {last}"))),
            };
            if let Some((_, rest)) = line.split_once(words) {
                context.output.text(&line)?;
                let end = rest.find([' ', ';']).unwrap_or(rest.len());
                return Ok(rest[..end].to_owned());
            }
            last = line;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};

            // In order, so that what it has of the store is closed.
            _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                _ = self.lines.recv_timeout(BEAT);
            }
        }
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::Stage;

    #[test]
    fn threat_34_the_folder_of_the_demo_is_closed_to_others() {
        let stage = Stage::set().unwrap();
        let mode = stage.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
    }
}
