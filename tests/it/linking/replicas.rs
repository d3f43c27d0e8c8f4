//! Three servers as processes on one PostgreSQL, and many calls at once through an account whose
//! token is over.

use std::sync::Barrier;

use serde_json::json;

use super::killed::{link, set_up};
use crate::support::cli::TestHome;
use crate::support::hooks::wait_until;
use crate::support::hub::block_on;
use crate::support::serving::Serving;

/// Calls at once.
const CALLS: usize = 50;

/// Requests that a server has not answered yet, but for the one that asks for the number.
fn in_flight(serving: &Serving, key: &str) -> usize {
    let metrics = serving.get_with(key, "/metrics").status(200).text();
    let line =
        metrics.lines().find_map(|line| line.strip_prefix("hubctl_http_requests_in_flight "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse::<usize>().unwrap() - 1
}

#[test]
fn oa_15_threat_24_fifty_calls_over_three_servers_renew_a_token_once() {
    let home = TestHome::postgres();
    let authority = set_up(&home);
    let key = home.key("all", &["platform:read", "unified:read", "admin"]);
    let account = link(&home, &authority, "first");
    home.run(&format!("accounts refresh {account}")).code(0);
    // As if that had been long ago.
    home.place().raw("update account_credentials set token_expires_at = 1, refresh_after = 1");
    authority.forget("access-1");
    assert_eq!(authority.token_calls(), 1);
    let light_calls = authority.light_calls();

    // Whoever asks first is kept waiting until all calls are there.
    let mut gate = authority.gate();
    let servers = [(); 3].map(|()| home.serve("--rate-limit 0"));
    let (headers, body) = (
        format!("Authorization: Bearer {key}\r\nx-account-id: {account}\r\n"),
        json!({ "path": "/me" }).to_string(),
    );
    let begin = Barrier::new(CALLS + 1);
    std::thread::scope(|scope| {
        for number in 0..CALLS {
            let mut client = servers[number % 3].connect();
            let (headers, body, begin) = (&headers, &body, &begin);
            scope.spawn(move || {
                begin.wait();
                let answer = client.post("/unified/proxy", headers, body).status(200);
                assert_eq!(answer.json()["status"], 200, "{}", answer.text());
            });
        }
        begin.wait();
        block_on(gate.wait());
        let waiting = || servers.iter().map(|server| in_flight(server, &key)).sum::<usize>();
        wait_until(|| waiting() == CALLS, || waiting().to_string());
        gate.open();
    });
    assert_eq!(authority.token_calls(), 2, "one for all");
    assert_eq!(authority.light_calls() - light_calls, CALLS, "each with the new token");
    let shown = home.run(&format!("accounts get {account} --json")).code(0).json();
    assert_eq!(shown["status"], "active", "{shown}");
    for server in servers {
        server.stop();
    }
}
