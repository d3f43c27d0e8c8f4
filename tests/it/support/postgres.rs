//! A private PostgreSQL for the tests: one cluster for all test processes, one database per test.
//!
//! The first test that needs it starts it, under a file lock in the target folder; the others
//! find its folder written there. Each test process holds a shared lock on a second file for as
//! long as it lives. A small shell loop stops the cluster and removes its folder once nobody has
//! held that lock for half a minute, so nothing has to be cleaned up by hand, even after a crash.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hubctl::hub::random::{Random as _, SystemRandom};

/// Stops the cluster in `$1` when the lock file `$2` has been free for 30 seconds or is gone.
const WATCH: &str = r#"
free=0
while [ "$free" -lt 6 ] && [ -e "$2" ] && [ -e "$1/postmaster.pid" ]; do
  sleep 5
  if flock -n -x "$2" true; then free=$((free + 1)); else free=0; fi
done
exec 9>>"$3"
flock -x 9
if [ -e "$2" ] && ! flock -n -x "$2" true; then exec sh -c "$0" "$0" "$1" "$2" "$3" 9>&-; fi
read -r pid <"$1/postmaster.pid" && kill -INT "$pid"
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e "$1/postmaster.pid" ] || break; sleep 1; done
rm -rf "$1"
"#;

/// The URL of a new, empty database, for `tokio-postgres` and everything above it.
pub(crate) fn database() -> String {
    static CLUSTER: OnceLock<PathBuf> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let socket = CLUSTER.get_or_init(cluster);
    let mut random = [0; 4];
    SystemRandom::new().fill(&mut random).unwrap();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("t_{:08x}_{number}", u32::from_be_bytes(random));
    execute(&url(socket, "postgres"), &format!("create database {name}"));
    url(socket, &name)
}

fn url(socket: &Path, name: &str) -> String {
    format!("postgres://postgres@/{name}?host={}", socket.display())
}

/// A thread of its own, because the caller may be inside a runtime.
pub(crate) fn execute(url: &str, sql: &str) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
            let (client, connection) = connected.unwrap();
            tokio::spawn(connection);
            client.batch_execute(sql).await.unwrap();
        });
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap());
}

/// Lets nobody into a database of [`database`], and throws out whoever is in it; or lets all in.
pub(crate) fn admit(url: &str, anybody: bool) {
    let (start, rest) = url.split_once("@/").unwrap();
    let (name, more) = rest.split_once('?').unwrap();
    let beside = format!("{start}@/postgres?{more}");
    execute(&beside, &format!("alter database {name} with allow_connections {anybody}"));
    if !anybody {
        let others = format!("from pg_stat_activity where datname = '{name}'");
        execute(&beside, &format!("select pg_terminate_backend(pid, 10000) {others}"));
    }
}

/// The folder of the running cluster, started if there is none; this process counts as a user.
fn cluster() -> PathBuf {
    let files = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(files).unwrap();
    let [lock, users, place] =
        ["lock", "users", "place"].map(|name| files.join(format!("postgres.{name}")));
    let open = |path| OpenOptions::new().create(true).append(true).open(path).unwrap();
    let starting = open(&lock);
    starting.lock().unwrap();
    let user = open(&users);
    user.lock_shared().unwrap();
    // Held until the process ends, and released by the system even when it is killed.
    std::mem::forget(user);

    let known = fs::read_to_string(&place).map(PathBuf::from);
    if let Some(folder) = known.ok().filter(|folder| answers(folder)) {
        return folder;
    }
    let folder = start();
    fs::write(&place, folder.to_str().unwrap()).unwrap();
    detached(Command::new("sh").args(["-c", WATCH, WATCH]).args([&folder, &users, &lock]), &folder);
    folder
}

fn answers(folder: &Path) -> bool {
    answers_at(folder, 5432)
}

fn answers_at(folder: &Path, port: u16) -> bool {
    UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).is_ok()
}

fn start() -> PathBuf {
    start_with(5432, &["listen_addresses="], |_| {})
}

/// A server of the test's own, stopped and removed with it.
pub(crate) struct Own {
    folder: PathBuf,
    port: u16,
}

impl Own {
    /// Starts it on this port with these settings; `prepare` is shown its folder before, whose
    /// files are then the server's.
    pub(crate) fn start_at(port: u16, settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        Self { folder: start_with(port, settings, prepare), port }
    }

    /// The URL of a database, on the server's socket.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}&port={}", url(&self.folder, name), self.port)
    }

    fn pid(&self) -> Option<String> {
        let file = fs::read_to_string(self.folder.join("postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }

    fn children(&self) -> Vec<String> {
        let pid = self.pid().unwrap();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        children.split_whitespace().map(str::to_owned).collect()
    }

    /// Freezes the whole server, until the answer is dropped.
    pub(crate) fn freeze(&self) -> Frozen {
        Frozen::of(self.pid().into_iter().chain(self.children()).collect())
    }

    /// Freezes the connections that are open to a database; new ones are served.
    pub(crate) fn freeze_connections(&self, database: &str) -> Frozen {
        let title = |pid: &String| fs::read_to_string(format!("/proc/{pid}/cmdline"));
        let mut processes = self.children();
        processes
            .retain(|pid| title(pid).is_ok_and(|title| title.contains(&format!(" {database} "))));
        Frozen::of(processes)
    }
}

/// Processes that stand still.
pub(crate) struct Frozen(Vec<String>);

impl Frozen {
    fn of(processes: Vec<String>) -> Self {
        // Some may have ended since they were looked for.
        let stops = |pid: &String| {
            Command::new("kill").args(["-s", "STOP", pid]).status().unwrap().success()
        };
        let stopped: Vec<String> = processes.into_iter().filter(stops).collect();
        assert!(!stopped.is_empty());
        Self(stopped)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // Some may have been ended meanwhile.
        _ = Command::new("kill").args(["-s", "CONT"]).args(&self.0).status();
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            _ = Command::new("kill").args(["-QUIT", &pid]).status();
        }
        _ = fs::remove_dir_all(&self.folder);
    }
}

fn start_with(port: u16, settings: &[&str], prepare: impl FnOnce(&Path)) -> PathBuf {
    let programs = programs();
    // Sockets need a short path, and the server's user must be able to walk down to it.
    let folder = tempfile::Builder::new().prefix("hubctl-pg-").tempdir_in("/tmp").unwrap().keep();
    let data = folder.as_path();
    let server_user = server_user();
    if let Some((user, group)) = server_user {
        chown(data, Some(user), Some(group)).unwrap();
    }
    let command = |name: &str| {
        let mut command = Command::new(programs.join(name));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir(data);
        if let Some((user, group)) = server_user {
            command.uid(user).gid(group);
        }
        command
    };
    let init = command("initdb")
        .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
        .arg(data)
        .output()
        .unwrap();
    assert!(init.status.success(), "initdb: {}", String::from_utf8_lossy(&init.stderr));

    prepare(data);
    if let Some((user, group)) = server_user {
        for entry in fs::read_dir(data).unwrap() {
            chown(entry.unwrap().path(), Some(user), Some(group)).unwrap();
        }
    }
    let mut server = command("postgres");
    server.arg("-D").arg(data).arg("-k").arg(data).args(["-p", &port.to_string()]);
    let always = [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=200",
        "autovacuum=off",
    ];
    for setting in always.iter().chain(settings) {
        server.args(["-c", setting]);
    }
    detached(&mut server, data);
    let deadline = Instant::now() + Duration::from_secs(30);
    // The socket answers a little before the server lets anybody in.
    while !(answers_at(data, port) && log_says(data, "ready to accept connections")) {
        let log = fs::read_to_string(data.join("test.log")).unwrap_or_default();
        assert!(Instant::now() < deadline, "PostgreSQL did not start:\n{log}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    folder
}

fn log_says(data: &Path, text: &str) -> bool {
    fs::read_to_string(data.join("test.log")).is_ok_and(|log| log.contains(text))
}

/// Starts a process that outlives the test: in its own group, and holding none of its pipes.
fn detached(command: &mut Command, folder: &Path) {
    let log = File::options().create(true).append(true).open(folder.join("test.log")).unwrap();
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    std::thread::spawn(move || child.wait());
}

/// Where `initdb` and `postgres` are: the search path, else the newest version as Debian puts it.
fn programs() -> PathBuf {
    let searched = ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"].map(PathBuf::from);
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .collect();
    debian.sort_unstable();
    let debian = debian.into_iter().rev().map(|(_, path)| path.join("bin"));
    searched
        .into_iter()
        .chain(debian)
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .expect("these tests need PostgreSQL's server: `apt-get install postgresql`")
}

/// PostgreSQL refuses to run as root; its package makes a user for it.
fn server_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    let probe = tempfile::tempfile().unwrap();
    if probe.metadata().unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<_> = line.expect("root needs a user `postgres` here").split(':').collect();
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}
