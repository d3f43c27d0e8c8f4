//! A login at a certified OpenID provider, in a browser.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use hubctl::domain::connector::Connector;
use serde_json::json;

use super::{Browser, FOLDER, World, browse, fetch};

const ROOT: &str = "https://oidc.example";

/// The provider's process; it ends with its standard input.
struct Provider {
    child: Child,
    address: SocketAddr,
}

impl Provider {
    fn start(redirect_uri: &str) -> Self {
        let mut command = Command::new("node");
        command.arg("provider.mjs").current_dir(FOLDER).env("REDIRECT_URI", redirect_uri);
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "NODE_OPTIONS"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Node.js is needed");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("listening ")).expect("it listens");
        let address = line.rsplit('/').next().unwrap().parse().unwrap();
        // It goes on telling, and ends when nobody listens.
        std::thread::spawn(move || lines.count());
        Self { child, address }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A hub that knows the provider, and by which issuer.
fn world(issuer: &str) -> (World, Provider) {
    fetch(FOLDER);
    let world = World::start("--allow-target 127.0.0.0/8");
    let provider = Provider::start(&format!("{}/connect/oauth2/oidc/callback", world.url()));
    let connector: Connector = serde_json::from_value(json!({
        "key": "oidc", "name": "Open provider", "base_url": ROOT,
        "verify": {"method": "GET", "path": "/me", "expect_status": 200},
        "auth": [{
            "key": "oauth2", "type": "oauth2_authorization_code", "label": "OpenID Connect",
            "setup_fields": [
                {"key": "client_id", "label": "Client ID", "type": "text", "required": true},
                {"key": "client_secret", "label": "Client secret", "type": "password",
                 "required": true, "secret": true},
            ],
            "authorization": {"type": "bearer", "token": "${access_token}"},
            "authorization_url": format!("{ROOT}/auth"),
            "authorization_params": {"prompt": "consent"},
            "token_url": format!("{ROOT}/token"),
            "token_auth_method": "basic", "pkce": true, "scope_separator": " ",
            "default_scopes": ["openid", "offline_access"], "refresh": true, "issuer": issuer,
        }],
    }))
    .unwrap();
    world.home.knows(&connector, (ROOT, provider.address));
    let set = "--set client_id=hub --set client_secret=planted-client-secret";
    world.home.run(&format!("connectors add oidc --auth oauth2 {set}")).code(0);
    (world, provider)
}

/// Logs in at the provider and allows what is asked.
async fn allow(browser: &Browser) {
    browser.fill("input[name=login]", "someone").await;
    browser.fill("input[name=password]", "anything").await;
    browser.click("button[type=submit]").await;
    // Who somebody is comes first, what is allowed after it.
    browser.find("input[name=prompt][value=consent]").await;
    browser.click("button[type=submit]").await;
}

#[test]
fn a_login_at_a_certified_provider_links_an_account_or_is_denied() {
    let (world, _provider) = world(ROOT);
    browse(&[], async |browser| {
        browser.open(&world.link("--provider oidc")).await;
        browser.heading("Connect Open provider").await;
        browser.click("button.go").await;
        browser.find("input[name=login]").await;
        browser.click("a[href$='/abort']").await;
        browser.find("#problem").await;
        assert!(browser.text().await.contains("Access was not granted"));
        assert!(world.accounts().is_empty());
        browser.click("button.go").await;
        allow(browser).await;
        browser.heading("Open provider is connected").await;
        let accounts = world.accounts();
        assert_eq!(accounts.len(), 1);
        assert_eq!(accounts[0]["status"], "active");
    });
}

#[test]
fn threat_06_a_certified_provider_that_is_another_issuer_links_nothing() {
    let (world, _provider) = world("https://elsewhere.example");
    browse(&[], async |browser| {
        browser.open(&world.link("--provider oidc")).await;
        browser.heading("Connect Open provider").await;
        browser.click("button.go").await;
        allow(browser).await;
        browser.heading("This sign-in can't be completed").await;
        assert!(world.accounts().is_empty());
    });
}
