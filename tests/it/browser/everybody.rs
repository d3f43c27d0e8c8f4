//! Pages that are met seldom, each shown to axe-core in both schemes and on a phone as well: those
//! of a login on its way and at its end, and those that tell what went wrong.

use hubctl::domain::connector::Connector;
use serde_json::json;
use url::{Position, Url};

use super::{Browser, World, browse};
use crate::support::http::{FakeHub, Reply};
use crate::support::hub::sqlite;
use crate::support::serving::Client;

const ROOT: &str = "https://slow.example";
const BUTTON: &str = "button.go";

/// A connector whose login never comes to a page, so that the browser stays where it was.
fn slow() -> Connector {
    serde_json::from_value(json!({
        "key": "slow", "name": "Slow sign-in", "categories": ["hris"], "base_url": ROOT,
        "auth": [{
            "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0",
            "setup_fields": [
                {"key": "client_id", "label": "Client ID", "type": "text", "required": true},
            ],
            "authorization": {"type": "bearer", "token": "${access_token}"},
            "authorization_url": format!("{ROOT}/authorize"),
            "token_url": format!("{ROOT}/token"),
        }],
    }))
    .unwrap()
}

impl World {
    /// The newest login.
    fn attempt(&self) -> String {
        let newest = "select id from connection_attempts order by number desc limit 1";
        let store = sqlite::open(&self.home.store());
        store.query_row(newest, [], |row| row.get(0)).unwrap()
    }

    fn change(&self, sql: &str) {
        sqlite::open(&self.home.store()).execute_batch(sql).unwrap();
    }
}

async fn says(browser: &Browser, text: &str) {
    browser.find("h1").await;
    let all = browser.text().await;
    assert!(all.contains(text), "{text}: {all}");
}

#[test]
fn every_page_of_a_login_is_for_everybody() {
    let provider = FakeHub::start(|_, _| Reply::text(204, "text/plain", ""));
    let world = World::start("--allow-target 127.0.0.0/8");
    world.home.knows(&slow(), (ROOT, provider.address()));
    world.home.run("connectors add slow --set client_id=x").code(0);
    browse(&[], async |browser| {
        let token = world.token("--provider slow");
        let link = format!("{}/connect/{token}", world.url());
        let leave = async || {
            browser.open(&link).await;
            browser.click(BUTTON).await;
            browser.heading("Opening Slow sign-in").await;
            format!("{link}?attempt={}", world.attempt())
        };
        let back = leave().await;
        browser.show("leave").await;
        browser.open(&back).await;
        says(browser, "The sign-in is not finished yet.").await;
        browser.show("login-pending").await;
        let path = format!("/hub/connection_attempts/{}", world.attempt());
        let mut client = Client::to(world.serving.address);
        let cancel =
            format!("DELETE {path} HTTP/1.1\r\nHost: hub\r\nx-hub-session-token: {token}\r\n\r\n");
        client.send(cancel).unwrap();
        client.answer().unwrap().status(204);
        browser.open(&back).await;
        says(browser, "The sign-in was cancelled.").await;
        browser.show("login-cancelled").await;
        let back = leave().await;
        world.change("update connection_attempts set expires_at = 1 where status = 'pending'");
        browser.open(&back).await;
        says(browser, "The sign-in took too long.").await;
        browser.show("login-expired").await;
        world.home.run("connectors disable slow --yes").code(0);
        browser.open(&back).await;
        says(browser, "it was switched off").await;
        browser.show("login-switched-off").await;
    });
    assert!(!provider.asked().is_empty());
}

#[test]
fn the_window_of_a_login_ends_on_a_page_for_everybody() {
    let world = World::start("");
    world.logins("sample-app");
    browse(&[], async |browser| {
        let token = world.token("--provider sample");
        // As the component opens it, which no page of the hub's leads to.
        let start = format!("{}/connect/oauth2/sample?token={token}", world.url());
        browser.open(&start).await;
        browser.click("button[value=deny]").await;
        browser.heading("Signing in at Sample provider did not work").await;
        says(browser, "You can close this window and try again.").await;
        browser.show("window-failed").await;
        browser.open(&start).await;
        browser.click("button[value=allow]").await;
        browser.heading("Sample provider is connected").await;
        says(browser, "You can close this window.").await;
        browser.show("window-done").await;
    });
}

#[test]
fn every_page_that_tells_what_went_wrong_is_for_everybody() {
    let world = World::start("");
    let configs = world.home.run("connectors list --json").code(0).json();
    let acme = configs.as_array().unwrap().iter().find(|row| row["connector_key"] == "acme");
    let acme = acme.unwrap()["id"].as_str().unwrap().to_owned();
    world.logins("sample-auto");
    let at = |path: &str| format!("{}{path}", world.url());
    browse(&[], async |browser| {
        let shows = async |address: &str, title: &str, name: &str| {
            browser.open(address).await;
            browser.heading(title).await;
            browser.show(name).await;
        };
        let state = "This sign-in can't be completed";
        shows(&at("/connect/oauth2/sample/callback"), state, "state").await;
        let elsewhere = at(&begun_elsewhere(&world));
        shows(&elsewhere, "This sign-in was started elsewhere", "wrong-browser").await;
        let other = world.link("--provider sample");
        let title = "This app can't be connected here";
        shows(&format!("{other}?c={acme}"), title, "not-offered").await;
        shows(&at("/connect"), "This link no longer works", "broken-link").await;
        shows(&at("/connect/oauth2/sample?token=%00"), "This can't be done", "request").await;
        let all = world.link("");
        shows(&format!("{all}?q=zzz"), "Connect an app", "list-none").await;
        browser.open(&world.link("--provider acme")).await;
        browser.find("#f-subdomain").await.send_keys("acme").await.unwrap();
        browser.find("#f-api_key").await.send_keys("planted").await.unwrap();
        let long = "document.querySelector('#f-note').value = 'x'.repeat(1 << 20)";
        browser.find("#f-note").await;
        browser.driver.execute(long, Vec::new()).await.unwrap();
        browser.click(BUTTON).await;
        browser.heading("This is too long").await;
        browser.show("too-long").await;
        // Secrets that nothing opens any more.
        world.change("update auth_configs set sealed = x'00' where sealed is not null");
        shows(&other, "Something went wrong on our side", "broken").await;
        world.home.run("connectors disable acme sample --yes").code(0);
        shows(&all, "Connect an app", "list-empty").await;
        says(browser, "There is nothing to connect with this link.").await;
        let guess = || world.serving.get("/connect/hcs_1_x").status;
        assert!((0..100).any(|_| guess() == 429), "guessing is never limited");
        shows(&at("/connect/hcs_1_x"), "Too many attempts", "too-many").await;
    });
}

/// Where a provider sends back a browser that is not this one.
fn begun_elsewhere(world: &World) -> String {
    let token = world.token("--provider sample");
    let begun = world.serving.get(&format!("/connect/oauth2/sample?token={token}")).status(302);
    let provider: Url = begun.headers["location"].parse().unwrap();
    let mut client = Client::to(provider.socket_addrs(|| None).unwrap()[0]);
    let sent = client.get(&provider[Position::BeforePath..], "").status(303);
    let back: Url = sent.headers["location"].parse().unwrap();
    back[Position::BeforePath..].to_owned()
}
