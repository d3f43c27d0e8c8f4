//! The end user's pages in a real browser: Chromium, driven by its own driver.
//!
//! A driver serves one test. Whatever it shows is looked at by axe-core as well, and kept as a
//! picture among what tests put out.

mod brand;
mod component;
mod everybody;
mod logins;
mod oidc;
mod page;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::support::cli::TestHome;
use crate::support::npm::fetch;
use crate::support::serving::{PATIENCE, Serving};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");

/// A connector with a field of every kind; nothing calls it.
const ACME: &str = include_str!("acme.json");

/// What keeps a browser to itself, quiet, and within a container.
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--disable-default-apps",
    "--lang=en",
];

/// A browser with a driver of its own; both end with it.
struct Browser {
    driver: WebDriver,
    process: Child,
    url: String,
    _profile: tempfile::TempDir,
}

/// A driver and its port. It takes one that is free on IPv4 and ends where IPv6 has it in use: then
/// another one is tried.
fn driver(home: &Path) -> (Child, String, impl Iterator<Item = String> + Send + use<>) {
    for _ in 0..5 {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", home).stdin(Stdio::null());
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed: apt-get install chromium chromium-driver");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        match lines.find(|line| line.contains("started successfully on port")) {
            Some(line) => {
                return (process, line.chars().filter(char::is_ascii_digit).collect(), lines);
            }
            None => drop(process.wait()),
        }
    }
    panic!("chromedriver does not start");
}

impl Browser {
    async fn start(flags: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (process, port, lines) = driver(profile.path());
        std::thread::spawn(move || lines.count());
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS.iter().chain(flags) {
            wanted.add_arg(flag).unwrap();
        }
        let data = profile.path().join("data");
        wanted.add_arg(&format!("--user-data-dir={}", data.display())).unwrap();
        wanted.add_arg("--window-size=1000,900").unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let driver = WebDriver::new(&url, wanted).await.unwrap();
        Self { driver, process, url, _profile: profile }
    }

    async fn stop(mut self) {
        self.driver.clone().quit().await.unwrap();
        _ = self.process.kill();
        _ = self.process.wait();
    }

    /// Something that only Chromium can be asked for.
    async fn devtools(&self, command: &str, parameters: Value) {
        let session = self.driver.session_id().to_string();
        let body = json!({ "cmd": command, "params": parameters });
        let url = format!("{}/session/{session}/goog/cdp/execute", self.url);
        let asked = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        assert!(asked.status().is_success(), "{command}: {}", asked.text().await.unwrap());
    }

    /// How wide the window is, in CSS pixels, and whether it is dark.
    async fn look(&self, width: u32, dark: bool) {
        let size = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let value = if dark { "dark" } else { "light" };
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", scheme).await;
    }

    async fn open(&self, address: &str) {
        self.driver.goto(address).await.unwrap();
    }

    /// Waits for an element and answers it.
    async fn find(&self, css: &str) -> WebElement {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(found) = self.driver.find(By::Css(css)).await {
                return found;
            }
            assert!(
                Instant::now() < until,
                "no {css} on {}: {}",
                self.address().await,
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    async fn has(&self, css: &str) -> bool {
        self.driver.find(By::Css(css)).await.is_ok()
    }

    async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    async fn fill(&self, css: &str, text: &str) {
        let input = self.find(css).await;
        input.clear().await.unwrap();
        input.send_keys(text).await.unwrap();
    }

    /// Waits until the heading says this.
    async fn heading(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = match self.driver.find(By::Css("h1")).await {
                Ok(heading) => heading.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if found == text {
                return;
            }
            assert!(
                Instant::now() < until,
                "`{found}` is not `{text}` on {}: {}",
                self.address().await,
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Everything that can be read.
    async fn text(&self) -> String {
        match self.driver.find(By::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    async fn address(&self) -> String {
        self.driver.current_url().await.map(String::from).unwrap_or_default()
    }

    /// Keeps a picture of the page.
    async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
        fs::create_dir_all(&folder).unwrap();
        self.driver.screenshot(&folder.join(format!("{name}.png"))).await.unwrap();
    }

    /// Asks axe-core what is wrong with the page for people with disabilities, or can't be told to
    /// be right; and whether anything of it is wider than its window.
    async fn is_for_everybody(&self, what: &str) {
        let axe = fs::read_to_string(Path::new(FOLDER).join("node_modules/axe-core/axe.min.js"));
        self.driver.execute(axe.unwrap(), Vec::new()).await.unwrap();
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations', 'incomplete'] }).then((found) => done(
                found.violations.concat(found.incomplete).map((one) =>
                    one.id + ': ' + one.help + ' ' + one.nodes.map((node) => node.html + node.failureSummary).join(' | '))));";
        let found = self.driver.execute_async(script, Vec::new()).await.unwrap();
        assert_eq!(*found.json(), json!([]), "{what}");
        let script = "return document.documentElement.scrollWidth - innerWidth";
        let over = self.driver.execute(script, Vec::new()).await.unwrap();
        assert!(over.json().as_f64().unwrap() <= 0.0, "{what} is too wide by {:?}", over.json());
    }

    /// The page in both schemes, on a desk and on a phone: for everybody, and as pictures.
    async fn show(&self, what: &str) {
        for (width, dark) in [(320, false), (320, true), (900, true), (900, false)] {
            self.look(width, dark).await;
            let name = format!("{what}-{width}-{}", if dark { "dark" } else { "light" });
            self.is_for_everybody(&name).await;
            self.picture(&name).await;
        }
    }

    /// Presses keys wherever the focus is.
    async fn press(&self, keys: &str) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// The id, or else the text, of what has the focus.
    async fn focused(&self) -> String {
        let script = "const e = document.activeElement; return e.id || e.textContent.trim()";
        let found = self.driver.execute(script, Vec::new()).await.unwrap();
        found.json().as_str().unwrap_or_default().to_owned()
    }
}

/// Runs a test with a browser of its own.
fn browse(flags: &[&str], test: impl AsyncFnOnce(&Browser)) {
    fetch(FOLDER);
    crate::support::hub::block_on(async {
        let browser = Browser::start(flags).await;
        let tested = std::panic::AssertUnwindSafe(test(&browser));
        let ended = futures_util::FutureExt::catch_unwind(tested).await;
        browser.stop().await;
        if let Err(failure) = ended {
            std::panic::resume_unwind(failure);
        }
    });
}

/// A hub with two connectors: one with a field of every kind, and the sample provider.
struct World {
    home: TestHome,
    serving: Serving,
}

impl World {
    fn start(flags: &str) -> Self {
        let home = TestHome::new();
        home.file("acme.json", ACME);
        home.run("connectors import acme.json").code(0);
        home.run("connectors enable acme").code(0);
        let mut serving = home.serve(&format!("--with-sample-provider {flags}"));
        serving.wait_for(|line| line.contains("the sample provider is at"));
        Self { home, serving }
    }

    fn url(&self) -> String {
        format!("http://{}", self.serving.address)
    }

    /// A session's token.
    fn token(&self, flags: &str) -> String {
        let line = format!(
            "session create --origin-owner-id acme-7 --origin-owner-name Globex --json {flags}"
        );
        self.home.run(&line).code(0).json()["token"].as_str().unwrap().to_owned()
    }

    /// The address of a session's page.
    fn link(&self, flags: &str) -> String {
        format!("{}/connect/{}", self.url(), self.token(flags))
    }

    /// The accounts that are linked.
    fn accounts(&self) -> Vec<Value> {
        self.home.run("accounts list --json").code(0).json().as_array().unwrap().clone()
    }

    /// Sets up logins at the sample provider, by a client whose name says how they go.
    fn logins(&self, client: &str) {
        self.home
            .run(&format!(
                "connectors add sample --auth oauth2 --set client_id={client} \
             --set client_secret=sample-secret --default"
            ))
            .code(0);
    }
}

/// A file of what npm fetched.
fn fetched(path: &str) -> PathBuf {
    Path::new(FOLDER).join("node_modules").join(path)
}
