//! `hubctl serve` as a process, and a client that sends exactly the bytes that a test wants.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cli::TestHome;

/// Longer than anything here takes, also on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// An address of this machine at which nobody listens.
pub(crate) fn free_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A server that runs, and is killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Of `--metrics-listen`.
    pub(crate) metrics: Option<SocketAddr>,
    log: Arc<Mutex<Vec<String>>>,
    more: Mutex<Receiver<()>>,
}

impl TestHome {
    /// Starts a server on a free port and waits until it listens.
    pub(crate) fn serve(&self, flags: &str) -> Serving {
        let words = format!("serve --listen 127.0.0.1:0 {flags}");
        Serving::begin(self.command(words.split_whitespace()), flags)
    }

    /// Starts one that may have no more open files than this.
    pub(crate) fn serve_with_files(&self, most: u32) -> Serving {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("ulimit -n {most}; exec \"$0\" serve --listen 127.0.0.1:0")])
            .arg(env!("CARGO_BIN_EXE_hubctl"))
            .env_clear()
            .env("HUBCTL_CONFIG_DIR", self.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        Serving::begin(shell, "")
    }

    /// A key with these scopes.
    pub(crate) fn key(&self, name: &str, scopes: &[&str]) -> String {
        let scopes: String = scopes.iter().map(|scope| format!(" --scope {scope}")).collect();
        let made = self.run(&format!("keys create {name}{scopes} --json")).code(0).json();
        made["key"].as_str().unwrap().to_owned()
    }
}

fn address(line: &str, after: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(after)?;
    let rest = rest.trim_start_matches(['s', ':', '/']);
    let end = rest.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

impl Serving {
    /// Starts it and waits until it listens.
    fn begin(mut command: Command, flags: &str) -> Self {
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, more) = channel();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
                if sender.send(()).is_err() {
                    break;
                }
            }
        });
        let placeholder = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut serving =
            Self { child, address: placeholder, metrics: None, log, more: Mutex::new(more) };
        let found = |line: &str| address(line, "listening on http");
        let line = serving.wait_for(|line| found(line).is_some());
        serving.address = found(&line).unwrap();
        if flags.contains("--metrics-listen") {
            let line = serving.wait_for(|line| line.contains("for metrics"));
            serving.metrics = address(&line, "listening on http");
        }
        serving
    }

    /// Waits for a line of the log and answers it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, fits: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.log.lock().unwrap().iter().find(|line| fits(line)) {
                return line.clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            if self.more.lock().unwrap().recv_timeout(left).is_err() {
                let ended = self.child.try_wait();
                panic!("the line never came; {ended:?}; {:#?}", self.log.lock().unwrap());
            }
        }
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let done = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(done.success());
    }

    /// From here on no file of it grows beyond so many bytes, if there is a limit.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit { current: bytes.or(maximum), maximum };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, limit).unwrap();
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end and answers its exit status.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> i32 {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
            }
            // The end of its log is the end of the process, or nearly so.
            _ = self.more.lock().unwrap().recv_timeout(Duration::from_millis(20));
            std::thread::yield_now();
        }
        panic!("it does not end: {:#?}", self.log());
    }

    #[track_caller]
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        assert_eq!(self.ended(), 0, "{:#?}", self.log());
        self.log()
    }

    pub(crate) fn connect(&self) -> Client<TcpStream> {
        Client::to(self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.connect().get(path, "")
    }

    /// Asks with a key.
    pub(crate) fn get_with(&self, key: &str, path: &str) -> Answer {
        self.connect().get(path, &format!("Authorization: Bearer {key}\r\n"))
    }

    /// What the system shows of it and of what it started: arguments and environments.
    pub(crate) fn in_the_process_list(&self) -> Vec<(String, Vec<u8>)> {
        processes_below(self.child.id())
    }

    /// A number of `/proc/PID/status`, in KiB.
    pub(crate) fn memory_kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches([':', ' ', '\t', 'k', 'B']).trim().parse().unwrap()
    }
}

/// What the system shows of a process and of those that it started, as long as they are there.
pub(crate) fn processes_below(id: u32) -> Vec<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    for name in ["cmdline", "environ"] {
        let path = format!("/proc/{id}/{name}");
        seen.extend(std::fs::read(&path).ok().map(|bytes| (path, bytes)));
    }
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    for thread in threads {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        seen.extend(children.flat_map(processes_below));
    }
    seen
}

impl Drop for Serving {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// One connection.
pub(crate) struct Client<S> {
    pub(crate) stream: S,
    rest: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Client<TcpStream> {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, rest: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(text.as_ref())?;
        self.stream.flush()
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str, headers: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: hub\r\n{headers}\r\n")).unwrap();
        self.answer().unwrap()
    }

    #[track_caller]
    pub(crate) fn post(&mut self, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}"
        );
        self.send(head).unwrap();
        self.answer().unwrap()
    }

    /// Reads one answer; `UnexpectedEof` where there is none at all.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let head = loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                break self.rest.drain(..end + 4).collect::<Vec<u8>>();
            }
            self.more()?;
        };
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = match headers.get("content-length") {
            Some(length) => self.take(length.parse().unwrap())?,
            None if headers.contains_key("transfer-encoding") => self.chunks()?,
            None => Vec::new(),
        };
        Ok(Answer { status, headers, body })
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(end) = self.rest.windows(2).position(|two| two == b"\r\n") {
                    break self.take(end + 2)?;
                }
                self.more()?;
            };
            let line = String::from_utf8(line).unwrap();
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            body.extend(self.take(length)?);
            self.take(2)?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.rest.len() < length {
            self.more()?;
        }
        Ok(self.rest.drain(..length).collect())
    }

    fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16_384];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.rest.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}: {}", self.text());
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Asserts the contract's error body (section 2) and answers its code.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        let body = self.json();
        assert_eq!(body["statusCode"], self.status, "{body}");
        assert_eq!(self.headers["content-type"], "application/json", "{body}");
        assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        let at: Result<jiff::Timestamp, _> = body["timestamp"].as_str().unwrap().parse();
        assert!(at.is_ok(), "{body}");
        assert_eq!(body["request_id"], self.headers["x-request-id"].as_str(), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }
}
