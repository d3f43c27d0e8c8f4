//! A database server that hangs: it keeps its connections open and answers nothing.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::cli::TestHome;
use crate::support::postgres::{Own, execute};
use crate::support::serving::{PATIENCE, free_url};

/// A database server, a home whose store is there, and a key.
fn world() -> (Own, TestHome, String) {
    let server = Own::start_at(5432, &["listen_addresses="], |_| {});
    execute(&server.url("postgres"), "create database hub");
    let home = TestHome::new().with("HUBCTL_STATE", server.url("hub"));
    let key = home.key("ci", &["platform:read"]);
    (server, home, key)
}

#[test]
fn connections_that_never_answer_are_given_up_for_new_ones() {
    let (server, home, key) = world();
    let serving = home.serve("--grace 3s");
    serving.get_with(&key, "/accounts").status(200);
    let frozen = server.freeze_connections("hub");
    let until = Instant::now() + PATIENCE;
    for path in ["/accounts", "/readyz"] {
        while serving.get_with(&key, path).status != 200 {
            assert!(Instant::now() < until, "{path} stays down: {:#?}", serving.log());
        }
    }
    serving.stop();
    drop(frozen);
}

#[test]
fn a_server_whose_store_hangs_ends_after_its_grace() {
    let (server, home, key) = world();
    let mut serving = home.serve("--grace 3s");
    // Its use is still to be noted.
    serving.get_with(&key, "/accounts").status(200);
    let frozen = server.freeze();
    let began = Instant::now();
    serving.signal("TERM");
    assert_eq!(serving.ended(), 0);
    // Twice what all parts of its end may take together: the machine may be busy.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    drop(frozen);
}

#[test]
fn a_start_that_waits_for_its_store_ends_when_it_is_told_to() {
    let (server, home, _) = world();
    let frozen = server.freeze();
    let url = free_url();
    let address = url.strip_prefix("http://").unwrap();
    let mut child = home.command(["serve", "--listen", address]).spawn().unwrap();
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until && child.try_wait().unwrap().is_none());
    }
    // The first one is for later.
    for signal in ["HUP", "TERM"] {
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(frozen);
}

#[test]
fn a_second_signal_ends_a_server_whose_store_hangs_at_once() {
    let (server, home, key) = world();
    let mut serving = home.serve("--grace 1h");
    let mut client = serving.connect();
    client.get("/accounts", &format!("Authorization: Bearer {key}\r\n")).status(200);
    let frozen = server.freeze();
    serving.signal("TERM");
    // Nobody is being answered any more when idle connections are closed.
    assert!(client.is_closed());
    serving.signal("TERM");
    assert_eq!(serving.ended(), 143);
    drop(frozen);
}
