//! A server that is killed while it renews tokens that the provider gives out only once.

use std::time::{Duration, Instant};

use hubctl::domain::ids::ProjectNumber;

use crate::support::authority::Authority;
use crate::support::cli::TestHome;
use crate::support::hub::block_on;

/// The connector of a provider is set up in a home where nothing is yet.
pub(super) fn set_up(home: &TestHome) -> Authority {
    let authority = Authority::start();
    home.run("connectors enable bamboohr").code(0);
    block_on(authority.put("acme", &home.place().store(), ProjectNumber(1)));
    home.run("config set allow_targets 127.0.0.0/8").code(0);
    home.run(
        "connectors add acme --auth oauth2 --set client_id=the-hub \
         --set client_secret=planted-client-secret --default",
    )
    .code(0);
    authority
}

/// Links the account, or links it again.
pub(super) fn link(home: &TestHome, authority: &Authority, refresh: &str) -> String {
    authority.gave(refresh);
    let line = format!(
        "accounts add --provider acme --origin-owner-id acme-7 --set access_token=old \
         --set refresh_token={refresh} --no-verify --json"
    );
    home.run(&line).code(0).json()["id"].as_str().unwrap().to_owned()
}

fn kill_nine(home: &TestHome) {
    let authority = set_up(home);
    let key = home.key("ci", &["platform:read", "platform:write"]);
    let headers = format!("Authorization: Bearer {key}\r\n");
    let mut account = link(home, &authority, "first");
    let (mut survived, mut relinked) = (0, 0);
    for round in 0..8 {
        let mut serving = home.serve("");
        let mut gate = authority.gate();
        let path = format!("/admin/accounts/{account}/refresh");
        let mut client = serving.connect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\n");
        client.send(format!("{head}{headers}\r\n")).unwrap();
        // From here on the provider knows the old refresh token no more.
        block_on(gate.wait());
        if round % 2 == 0 {
            serving.signal("KILL");
            gate.open();
        } else {
            // The answer is on its way, or being written.
            gate.open();
            let until = Instant::now() + Duration::from_micros(400 * round);
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            serving.signal("KILL");
        }
        serving.ended();
        // As if the dead server's lease had run out.
        home.place().raw("update account_credentials set lease_until = 0");

        let ended = home.run(&format!("accounts refresh {account} --json"));
        let shown = home.run(&format!("accounts get {account} --json")).code(0).json();
        if ended.code == 0 {
            assert_eq!(shown["status"], "active", "{shown}");
            survived += 1;
            continue;
        }
        assert_eq!(shown["status"], "error", "{shown}");
        assert_eq!(shown["status_reasons"][0]["code"], "refresh_answer_lost", "{shown}");
        let told = home.run(&format!("accounts explain {account}")).code(0);
        assert!(told.stdout.contains("hubctl "), "no command helps: {told:#?}");
        account = link(home, &authority, &format!("again-{round}"));
        relinked += 1;
    }
    assert_eq!(survived + relinked, 8);
    assert!(relinked >= 4, "an answer that nobody waited for is lost");
}

#[test]
fn threat_24_kill_9_during_a_refresh_never_leaves_an_account_that_is_silently_dead() {
    kill_nine(&TestHome::new());
}

#[test]
fn threat_24_kill_9_during_a_refresh_leaves_no_account_silently_dead_on_postgresql() {
    kill_nine(&TestHome::postgres());
}
