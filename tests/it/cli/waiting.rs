//! Waiting for end users, and links to be opened.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use rexpect::process::WaitStatus;

use crate::support::cli::{Ended, TestHome, letters};
use crate::support::serving::free_url;

const OWNER: &str = "--provider bamboohr --origin-owner-id acme-7 --origin-owner-name Acme";

fn enabled() -> TestHome {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    home
}

fn linked_account(home: &TestHome) -> String {
    home.account("bamboohr", "acme-7", "--set subdomain=acme --set api_key=x")
}

fn session(home: &TestHome, more: &str) -> i64 {
    let made = home.run(&format!("session create {OWNER} {more} --json")).code(0);
    made.json()["id"].as_i64().unwrap()
}

/// The same store behind a server.
fn away(home: &TestHome, url: &str) -> TestHome {
    let key = home.key("waiting", &["platform:read", "platform:write"]);
    TestHome::new().with("HUBCTL_API_URL", url).with("HUBCTL_API_KEY", key)
}

/// Asserts it on the store and on a server of it.
fn on_both(home: &TestHome, check: impl Fn(&TestHome)) {
    check(home);
    let serving = home.serve("");
    check(&away(home, &format!("http://{}", serving.address)));
    serving.stop();
}

#[test]
fn a_wait_tells_its_exit_code_and_takes_no_longer_than_allowed() {
    let home = enabled();
    let pending = session(&home, "");
    let revoked = session(&home, "");
    home.run(&format!("session revoke {revoked} --yes")).code(0);
    on_both(&home, |at| {
        let timed_out = at.run(&format!("session wait {pending} --timeout 1s --json")).code(8);
        let error = timed_out.error();
        assert_eq!((&error["code"], &error["retryable"]), (&"wait.timed_out".into(), &true.into()));
        assert_eq!(timed_out.stdout, "");
        let over = at.run(&format!("session wait {revoked} --json")).code(6).error();
        assert_eq!(over["code"], "session.over");
        assert!(over["message"].as_str().unwrap().contains("revoked"), "{over}");
        let unknown = at.run("session wait 99999 --json").code(3).error();
        assert_eq!(unknown["code"], "session.not_found");
        at.run(&format!("session wait {pending} --timeout -1s")).code(2);
        at.run(&format!("session wait {pending} --timeout 0")).code(8);
    });
}

#[test]
fn a_session_that_expires_meanwhile_ends_the_wait() {
    let home = enabled();
    let short = session(&home, "--expires-in 1");
    let ended = home.run(&format!("session wait {short} --timeout 20s --json")).code(6);
    assert!(ended.error()["message"].as_str().unwrap().contains("expired"), "{ended:?}");
}

#[test]
fn an_account_is_waited_for_by_its_status() {
    let home = enabled();
    let account = linked_account(&home);
    on_both(&home, |at| {
        let seen = at.run(&format!("accounts wait {account} --json")).code(0).json();
        assert_eq!((&seen["id"], &seen["status"]), (&account.as_str().into(), &"active".into()));
        let error = at
            .run(&format!("accounts wait {account} --for status=suspended --timeout 1s --json"))
            .code(8)
            .error();
        assert!(error["message"].as_str().unwrap().contains("still active"), "{error}");
        at.run("accounts wait 01a20250-41fc-72db-9a57-561b561bd265").code(3);
        at.run(&format!("accounts wait {account} --for suspended")).code(2);
        at.run(&format!("accounts wait {account} --for status=asleep")).code(2);
    });
    let waiting = home
        .command(format!("accounts wait {account} --for status=suspended --json").split(' '))
        .spawn()
        .unwrap();
    home.run(&format!("accounts suspend {account} --yes")).code(0);
    assert_eq!(Ended::wait(waiting).code(0).json()["status"], "suspended");
}

#[test]
fn cs_12_a_relink_is_a_session_of_the_account_and_its_owner() {
    let home = enabled();
    let account = linked_account(&home);
    on_both(&home, |at| {
        let made = at.run(&format!("accounts relink {account} --expires-in 1h --json")).code(0);
        let made = made.json();
        assert_eq!(made["account_id"], account.as_str());
        assert_eq!(
            (&made["origin_owner_id"], &made["provider"]),
            (&"acme-7".into(), &"bamboohr".into())
        );
        let link = at.run(&format!("accounts relink {account}")).code(0);
        assert!(link.stdout.starts_with("http") && link.stdout.contains("/connect/hcs_"));
        let drawn = at.run(&format!("accounts relink {account} --qr --print id")).code(0);
        assert!(drawn.stdout.trim().parse::<i64>().is_ok() && drawn.stderr.contains('█'));
        at.run("accounts relink 01a20250-41fc-72db-9a57-561b561bd265").code(3);
    });
    assert_eq!(home.run("session list --json").json().as_array().unwrap().len(), 6);
}

#[test]
fn cs_12_cs_41_a_session_of_an_account_is_its_owners() {
    let home = enabled();
    let account = linked_account(&home);
    home.run(&format!("accounts update {account} --type test --origin-owner-name Acme")).code(0);
    // Whose new accounts are by default does not matter here.
    let home = home.with("HUBCTL_ORIGIN_OWNER_ID", "globex-1");
    on_both(&home, |at| {
        for command in ["session create", "link create"] {
            let made = at.run(&format!("{command} --account {account} --json")).code(0);
            assert!(!made.stderr.contains("no origin owner given"), "{made:?}");
            let made = made.json();
            let seen = ["account_id", "origin_owner_id", "origin_owner_name", "type"];
            let seen = seen.map(|name| made[name].as_str().unwrap());
            assert_eq!(seen, [account.as_str(), "acme-7", "Acme", "test"]);
            let renamed = format!("{command} --account {account} --origin-owner-name New --json");
            assert_eq!(at.run(&renamed).code(0).json()["origin_owner_name"], "New");
            for (more, told) in [
                ("--origin-owner-id globex-1", "origin_owner_id: "),
                ("--type production", "accounts update"),
            ] {
                let line = format!("{command} --account {account} {more}");
                at.run(&line).code(2).tells(told);
            }
        }
    });
    let owned = home.run("accounts list --json").json();
    assert_eq!(
        (&owned[0]["origin_owner_id"], &owned[0]["type"]),
        (&"acme-7".into(), &"test".into())
    );
}

#[test]
fn a_link_that_nobody_answers_is_told_once_on_standard_error() {
    let home = enabled();
    let note = "nothing answers at http://127.0.0.1:";
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let public_url = |port: u16| {
        home.config(&format!("[profiles.default]\npublic_url = \"http://127.0.0.1:{port}\"\n"));
    };
    public_url(port);
    for line in [&format!("session create {OWNER}"), &format!("link create {OWNER} --json")] {
        let made = home.run(line).code(0).tells(note);
        assert_eq!(made.stderr.matches(note).count(), 1);
        assert!(!made.stdout.contains("nothing answers"), "{made:?}");
        let quiet = home.run(&format!("{line} --quiet")).code(0);
        assert!(!quiet.stderr.contains(note), "{quiet:?}");
        let tried = home.run(&format!("{line} --dry-run")).code(0);
        assert!(!tried.stderr.contains(note), "{tried:?}");
    }
    let serving = home.serve("");
    public_url(serving.address.port());
    let made = home.run(&format!("session create {OWNER}")).code(0);
    assert!(!made.stderr.contains("answers at"), "{made:?}");
    serving.stop();
}

#[test]
fn a_link_that_something_else_answers_is_told() {
    let home = enabled();
    for answer in [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                _ = stream.read(&mut [0; 4096]);
                _ = stream.write_all(answer.as_bytes());
            }
        });
        home.config(&format!("[profiles.default]\npublic_url = \"http://127.0.0.1:{port}\"\n"));
        let note = format!("note: something else answers at http://127.0.0.1:{port}: ");
        for line in [&format!("session create {OWNER}"), &format!("link create {OWNER} --json")] {
            home.run(line).code(0).tells(&note);
            let quiet = home.run(&format!("{line} --quiet")).code(0);
            assert!(!quiet.stderr.contains("answers"), "{quiet:?}");
        }
    }
}

#[test]
fn a_browser_is_opened_as_the_person_has_it() {
    let home = enabled();
    let script =
        home.file("browser", "#!/bin/sh\necho \"$1\" > opened.tmp && mv opened.tmp opened\n");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let home = home.with("BROWSER", script).with("PATH", "/usr/bin:/bin");
    let made = home.run(&format!("link create {OWNER} --open")).code(0);
    let opened = home.path().join("opened");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !opened.exists() && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_to_string(opened).unwrap(), made.stdout);
    // Nothing that could stand in for it is found either.
    let home = home.with("BROWSER", "/no/such/browser").with("PATH", "/no/such/folder");
    home.run(&format!("link create {OWNER} --open")).code(0).tells("can't open a browser");
}

#[test]
fn an_account_is_not_printed_without_a_wait() {
    let home = enabled();
    home.run(&format!("session create {OWNER} --print account_id")).code(2).tells("--wait");
    home.run(&format!("session create {OWNER} --timeout 5s")).code(2);
    home.run("link create --from x.csv --wait").code(2);
    assert_eq!(home.run("session list --json").json(), serde_json::json!([]));
}

#[test]
fn ctrl_c_ends_a_wait_for_a_hub_that_does_not_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", silent.local_addr().unwrap()))
        .with("HUBCTL_API_KEY", "v1.local.1_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let mut terminal = home.terminal("session wait 1 --timeout 60s");
    // It is asked, and the question is never answered.
    let (asked, _) = silent.accept().unwrap();
    terminal.send("\x03").unwrap();
    terminal.flush().unwrap();
    assert!(terminal.exp_eof().unwrap().contains("error[interrupted]"));
    let WaitStatus::Exited(_, code) = terminal.process().wait().unwrap() else { panic!() };
    assert_eq!(code, 130);
    drop(asked);
}

#[test]
fn ctrl_c_ends_a_wait_and_leaves_the_terminal_as_it_was() {
    let home = enabled();
    // The usual port is for others: what the documents show asks whether anybody answers there.
    home.config(&format!("[profiles.default]\npublic_url = \"{}\"\n", free_url()));
    let pending = session(&home, "");
    for line in [format!("session wait {pending}"), format!("session create {OWNER} --wait")] {
        let mut terminal = home.terminal(&line);
        terminal.exp_string("waiting for the end user").unwrap();
        terminal.send("\x03").unwrap();
        terminal.flush().unwrap();
        let rest = terminal.exp_eof().unwrap();
        assert!(rest.contains("error[interrupted]"), "{rest:?}");
        // The line of the wait was erased before the error, and the cursor was never left hidden.
        let (before, _) = rest.split_once("error[interrupted]").unwrap();
        assert!(before.contains("\x1b[2K") || before.contains("\x1b[K"), "{rest:?}");
        let hidden = rest.rfind("\x1b[?25l");
        assert!(hidden.is_none() || rest.rfind("\x1b[?25h") > hidden, "{rest:?}");
        let WaitStatus::Exited(_, code) = terminal.process().wait().unwrap() else { panic!() };
        assert_eq!(code, 130);
    }
}

/// A terminal writes `^C` behind the line, and one that goes on in the next row is not cleared.
#[test]
fn the_line_of_a_wait_leaves_room_for_ctrl_c() {
    let home = enabled();
    let pending = session(&home, "");
    let mut terminal = home.terminal(&format!("session wait {pending}"));
    // What stands between two erasures is the line as it is drawn.
    terminal.exp_string("\u{1b}[2K").unwrap();
    let line = terminal.exp_string("\u{1b}[2K").unwrap();
    assert!(line.contains("waiting for the end user"), "{line:?}");
    assert!(letters(line.trim_end_matches('\r')).chars().count() < 78, "{line:?}");
    terminal.send("\x03").unwrap();
    terminal.flush().unwrap();
    assert!(terminal.exp_eof().unwrap().contains("error[interrupted]"));
}

/// Who is to serve a link while somebody waits, and what is told where it won't work later.
#[test]
fn a_wait_says_who_serves_its_link() {
    let home = enabled();
    let wait = format!("link create {OWNER} --wait --timeout 1s");
    let link = |ended: &Ended| ended.stdout.lines().next().unwrap().to_owned();
    // A hub of another store answers: its page would say that the link is gone.
    let other = enabled();
    let serving = other.serve("");
    let config = |url: &str| home.config(&format!("[profiles.default]\npublic_url = \"{url}\"\n"));
    config(&format!("http://{}", serving.address));
    let ended = home.run(&wait).code(8);
    let own = link(&ended).split_once("/connect/").unwrap().0.to_owned();
    assert!(!own.contains(&serving.address.to_string()), "{ended:?}");
    let ended = ended.tells("note: the link works as long as this command waits");
    let address = own.trim_start_matches("http://");
    ended.tells(&format!("\nhint: hubctl serve --listen {address} --public-url {own} # "));
    serving.stop();
    // Something answers that is no hub.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = format!("http://{}", taken.local_addr().unwrap());
    config(&other);
    let ended = home.run(&wait).code(8);
    assert!(!link(&ended).starts_with(&other), "{ended:?}");
    ended.tells(" --public-url http://127.0.0.1:");
    // Nobody does.
    let free = free_url();
    config(&free);
    let ended = home.run(&wait).code(8);
    assert!(link(&ended).starts_with(&free), "{ended:?}");
    let address = free.trim_start_matches("http://");
    ended
        .tells("note: the link works as long as")
        .tells(&format!("hint: hubctl serve --listen {address} # "));
    // What a program reads is one line.
    let ended = home.run(&format!("{wait} --json")).code(8);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    // End users reach it elsewhere: a link to this machine would be of no use to them.
    config("https://hub.invalid/eu");
    let ended = home.run(&wait).code(8);
    assert!(link(&ended).starts_with("https://hub.invalid/eu/connect/hcs_"), "{ended:?}");
    ended
        .tells("note: no hub can be reached at https://hub.invalid/eu from here")
        .tells("\nhint: hubctl session wait ");
}

#[test]
fn a_wait_for_a_session_says_where_nobody_serves_its_link() {
    let home = enabled();
    let pending = session(&home, "");
    let url = free_url();
    home.config(&format!("[profiles.default]\npublic_url = \"{url}\"\n"));
    let line = format!("session wait {pending} --timeout 0");
    home.run(&line).code(8).tells(&format!("note: nothing answers at {url}: run `hubctl serve`"));
    let ended = home.run(&format!("{line} --json")).code(8);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}
