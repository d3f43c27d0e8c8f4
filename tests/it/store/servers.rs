//! PostgreSQL over a network: what an address asks of TLS, and servers that let nobody in.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::cli::{Ended, TestHome};
use crate::support::postgres::{Own, execute};

/// An authority, and a certificate for `localhost` that it signed.
const CERTIFICATES: &str = r"
set -eu
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
  -subj /CN=authority -keyout authority.key -out authority.crt
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
  -subj /CN=localhost -keyout server.key -out server.csr
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' > server.ext
openssl x509 -req -in server.csr -CA authority.crt -CAkey authority.key -CAcreateserial \
  -days 2 -extfile server.ext -out server.crt
";

fn certificates(folder: &Path) {
    let done = Command::new("sh").args(["-c", CERTIFICATES]).current_dir(folder).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "these tests need `apt-get install openssl`: {told}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn enable(url: &str) -> Ended {
    TestHome::new().with("HUBCTL_STATE", url).run("connectors enable hubspot")
}

#[test]
fn an_address_is_never_served_by_less_tls_than_it_asks_for() {
    let mine = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    certificates(mine.path());
    certificates(other.path());
    let port = free_port();
    let settings = ["listen_addresses=127.0.0.1", "ssl=on"];
    let server = Own::start_at(port, &settings, |folder| {
        for name in ["server.crt", "server.key"] {
            fs::copy(mine.path().join(name), folder.join(name)).unwrap();
            fs::set_permissions(folder.join(name), Permissions::from_mode(0o600)).unwrap();
        }
    });
    execute(&server.url("postgres"), "create role hub login superuser");
    let [right, wrong] =
        [&mine, &other].map(|folder| folder.path().join("authority.crt").display().to_string());
    let right = format!("&sslrootcert={right}");
    let wrong = format!("&sslrootcert={wrong}");
    for (host, mode, root, fine) in [
        ("localhost", "verify-full", &*right, true),
        ("127.0.0.1", "verify-full", &right, false),
        ("localhost", "verify-full", &wrong, false),
        ("localhost", "verify-full", "", false),
        ("127.0.0.1", "verify-ca", &right, true),
        ("127.0.0.1", "verify-ca", &wrong, false),
        ("127.0.0.1", "verify-ca", "", false),
        ("localhost", "require", &right, true),
        ("localhost", "require", "", false),
        ("localhost", "prefer", &right, true),
        ("127.0.0.1", "disable", "", true),
    ] {
        let url = format!("postgres://hub@{host}:{port}/postgres?sslmode={mode}{root}");
        let ended = enable(&url);
        if fine {
            ended.code(0);
        } else {
            ended.code(10).tells("can't be trusted").tells("\nhint: ");
        }
    }
}

#[test]
fn a_server_without_tls_is_sent_nothing_where_tls_was_asked_for() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = [0; 8];
            client.read_exact(&mut request).unwrap();
            client.write_all(b"N").unwrap();
            let mut more = Vec::new();
            client.read_to_end(&mut more).unwrap();
            (request, more)
        });
        let url = format!("postgres://hub:s3cret@127.0.0.1:{port}/hub?sslmode={mode}");
        let refused = enable(&url).code(10).tells("has no TLS").tells("sslmode=disable");
        assert!(!refused.stderr.contains("sslrootcert"), "{refused:?}");
        let (request, more) = server.join().unwrap();
        assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "a request for TLS");
        assert!(more.is_empty(), "{mode}: {more:?}");
    }
}

#[test]
fn a_server_that_lets_nobody_in_is_told_apart_from_one_that_is_not_there() {
    let port = free_port();
    let settings = ["listen_addresses=127.0.0.1"];
    let server = Own::start_at(port, &settings, |folder| {
        let rules = "host all locked 127.0.0.1/32 scram-sha-256\n\
                     host all barred 127.0.0.1/32 reject\n";
        let known = fs::read_to_string(folder.join("pg_hba.conf")).unwrap();
        fs::write(folder.join("pg_hba.conf"), format!("{rules}{known}")).unwrap();
    });
    execute(
        &server.url("postgres"),
        "create role locked login password 'right'; create role barred login; \
         create role poor login; revoke connect on database template1 from public",
    );
    let url = |rest: &str| format!("postgres://{rest}");
    for (user, database, code, told, hint) in [
        ("locked:s3cret", "postgres", 13, "lets nobody in", "correct user and password"),
        ("locked", "postgres", 13, "password missing", "PGPASSWORD and .pgpass are not read"),
        ("barred", "postgres", 13, "lets nobody in", "correct user and password"),
        ("postgres", "absent", 13, "lets nobody in", "createdb absent"),
        ("poor", "template1", 13, "lets nobody in", "right to connect"),
        ("poor", "postgres", 13, "permission denied", "all rights on the database"),
    ] {
        let ended = enable(&url(&format!("{user}@127.0.0.1:{port}/{database}")));
        assert!(!ended.stderr.contains("s3cret"), "{ended:?}");
        ended.code(code).tells(told).tells("\nhint: ").tells(hint);
    }
    let closed = free_port();
    let check =
        format!("hint: see whether the server is there with: pg_isready -h 127.0.0.1 -p {closed}");
    enable(&url(&format!("hub@127.0.0.1:{closed}/hub"))).code(10).tells(&check);
}
