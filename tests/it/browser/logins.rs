//! Logins of other kinds in a browser: through the hub's own application, and by OAuth 1.0a.

use super::{World, browse};
use crate::support::cli::TestHome;
use crate::support::signer::{CONSUMER, Signer, connector};

const ROOT: &str = "https://signed.example";

impl World {
    /// Another place that acts on this hub over the network, and may call providers.
    fn away(&self) -> TestHome {
        let scopes = ["platform:read", "platform:write", "unified:read", "unified:write"];
        let key = self.home.key("away", &scopes);
        TestHome::new().with("HUBCTL_API_URL", self.url()).with("HUBCTL_API_KEY", key)
    }

    fn knows(&self, signer: &Signer) {
        self.home.knows(&connector(ROOT), (ROOT, signer.server.address()));
        let mut add = vec!["connectors", "add", "signed"];
        let sets = [("consumer_key", CONSUMER.0), ("consumer_secret", CONSUMER.1)];
        let sets = sets.map(|(name, value)| format!("--set={name}={value}"));
        add.extend(sets.iter().map(String::as_str));
        self.home.args(add).code(0);
    }
}

#[test]
fn ac_41_a_login_goes_through_the_hubs_own_application() {
    let world = World::start("");
    let set = "--set client_id=sample-app --set client_secret=sample-secret";
    world.home.run(&format!("oauth-apps set sample {set}")).code(0);
    world.home.run("connectors add sample --auth oauth2 --default").code(0);
    browse(&[], async |browser| {
        browser.open(&world.link("--provider sample")).await;
        browser.heading("Connect Sample provider").await;
        browser.click("button.go").await;
        browser.click("button[value=allow]").await;
        browser.heading("Sample provider is connected").await;
        let account = world.accounts()[0]["id"].as_str().unwrap().to_owned();
        world.away().run(&format!("accounts test {account}")).code(0);
        world.home.run("oauth-apps delete sample --yes").code(6).tells("without a client");
        // Its secret is changed at the provider and not yet here: the end user is told that it is
        // no fault of theirs, and nothing is linked.
        let wrong = "--set client_id=sample-app --set client_secret=planted-other-secret";
        world.home.run(&format!("oauth-apps set sample {wrong} --yes")).code(0);
        browser.open(&world.link("--provider sample --multiple")).await;
        browser.heading("Connect Sample provider").await;
        browser.click("button.go").await;
        browser.click("button[value=allow]").await;
        browser.find("#problem").await;
        assert!(!browser.driver.source().await.unwrap().contains("planted"));
        browser.show("login-misconfigured").await;
        assert_eq!(world.accounts().len(), 1);
        world.home.run(&format!("oauth-apps set sample {set} --yes")).code(0);
        browser.click("button.go").await;
        browser.click("button[value=allow]").await;
        browser.heading("Sample provider is connected").await;
    });
}

#[test]
fn a_login_by_oauth_1_goes_to_the_provider_and_back() {
    let world = World::start("--allow-target 127.0.0.0/8");
    let signer = Signer::start();
    world.knows(&signer);
    browse(&[], async |browser| {
        browser.open(&world.link("--provider signed")).await;
        browser.heading("Connect Signed board").await;
        browser.click("button.go").await;
        browser.heading("Allow").await;
        browser.click("#no").await;
        browser.find("#problem").await;
        assert!(browser.text().await.contains("Access was not granted"));
        assert!(world.accounts().is_empty());
        browser.click("button.go").await;
        browser.heading("Allow").await;
        browser.click("#yes").await;
        browser.heading("Signed board is connected").await;
        let address = browser.address().await;
        assert!(!address.contains("oauth_") && !address.contains("verifier"), "{address}");
    });
    let accounts = world.accounts();
    assert_eq!((accounts.len(), &accounts[0]["status"]), (1, &"active".into()));
    let account = accounts[0]["id"].as_str().unwrap();
    // What is asked through the hub is signed as well, query and all.
    let away = world.away();
    away.run(&format!("accounts test {account} --json")).code(0);
    let path = "/boards/a%20b?q=x%2By&q=%C3%A9&empty=";
    let called = away.run(&format!("request GET {path} --account {account} --json")).code(0);
    assert!(called.stdout.contains("/api/boards/a%20b?"), "{called:?}");
    let posted = format!("request POST /boards --account {account} -F name=x");
    away.run(&posted).code(0);
    assert_eq!(signer.refused(), [""; 0]);
    for secret in signer.secrets() {
        assert!(!called.stdout.contains(&secret) && !called.stderr.contains(&secret));
    }
    signer.forget();
    away.run(&format!("accounts test {account}")).code(6).tells("unknown token");
}
