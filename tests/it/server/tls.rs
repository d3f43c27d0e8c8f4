//! TLS, and a certificate that changes while the hub runs.

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::cli::TestHome;
use crate::support::serving::{Client, PATIENCE, Serving};

type Secured = Client<StreamOwned<ClientConnection, TcpStream>>;

fn data(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/server/testdata");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Connects, trusting the one certificate only.
fn secured(serving: &Serving, trusted: &str, protocols: &[&str]) -> Result<Secured, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(data(trusted).as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(serving.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while session.is_handshaking() {
        session.complete_io(&mut stream).map_err(|error| error.to_string())?;
    }
    Ok(Client::over(StreamOwned::new(session, stream)))
}

fn write(home: &TestHome, name: &str) {
    home.file("tls.key", data(&format!("{name}.key")));
    home.file("tls.pem", data(&format!("{name}.pem")));
}

const FLAGS: &str = "--tls-cert tls.pem --tls-key tls.key";

#[test]
fn a_changed_certificate_is_taken_in_and_a_broken_one_is_not() {
    let home = TestHome::new();
    write(&home, "one");
    let mut serving = home.serve(&format!("{FLAGS} --metrics-listen 127.0.0.1:0"));
    let sample = |serving: &Serving, name: &str| {
        let page = Client::to(serving.metrics.unwrap()).get("/metrics", "").status(200).text();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("{name}: {page}"))
    };
    let failed = |serving: &Serving| -> i64 { sample(serving, "hubctl_tls_reload_failures_total") };
    let ends = sample(&serving, "hubctl_tls_certificate_expires_timestamp_seconds");
    assert_eq!(ends, 4_948_941_801);
    let mut old = secured(&serving, "one.pem", &[]).unwrap();
    old.get("/healthz", "").status(200);
    assert!(secured(&serving, "two.pem", &[]).is_err());

    write(&home, "two");
    serving.signal("HUP");
    serving.wait_for(|line| line.contains("took in a new certificate"));
    secured(&serving, "two.pem", &[]).unwrap().get("/healthz", "").status(200);
    assert!(secured(&serving, "one.pem", &[]).is_err());
    // Who was connected stays so.
    old.get("/healthz", "").status(200);

    let before = failed(&serving);
    home.file("tls.pem", "-----BEGIN CERTIFICATE-----\nnonsense");
    serving.signal("HUP");
    let line = serving.wait_for(|line| line.contains("keeping the old certificate"));
    assert!(line.contains("tls.pem"), "{line}");
    assert!(failed(&serving) > before);
    secured(&serving, "two.pem", &[]).unwrap().get("/healthz", "").status(200);

    // Without a signal the change is seen as well.
    let until = Instant::now() + PATIENCE;
    write(&home, "one");
    while secured(&serving, "one.pem", &[]).is_err() {
        assert!(Instant::now() < until, "the change is not seen");
    }
    serving.stop();
}

#[test]
fn both_versions_of_http_are_offered_and_plain_text_is_no_tls() {
    let home = TestHome::new();
    write(&home, "one");
    let serving = home.serve(&format!("{FLAGS} --header-timeout 1s"));
    for (offered, chosen) in [(&["h2", "http/1.1"][..], "h2"), (&["http/1.1"][..], "http/1.1")] {
        let client = secured(&serving, "one.pem", offered).unwrap();
        assert_eq!(client.stream.conn.alpn_protocol(), Some(chosen.as_bytes()));
    }
    let mut plain = serving.connect();
    plain.send("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n").unwrap();
    assert!(plain.answer().is_err());
    serving.stop();
}

#[test]
fn threat_34_a_private_key_that_others_may_read_is_told_of() {
    let home = TestHome::new();
    write(&home, "one");
    let set_mode = |mode| {
        fs::set_permissions(home.path().join("tls.key"), Permissions::from_mode(mode)).unwrap();
    };
    let is_told = |line: &str| line.contains("tls.key: others may read");
    // Which group may read it is up to what made it.
    set_mode(0o640);
    let mut serving = home.serve(FLAGS);
    assert!(!serving.log().iter().any(|line| is_told(line)));
    set_mode(0o644);
    write(&home, "two");
    serving.signal("HUP");
    serving.wait_for(is_told);
    serving.stop();

    set_mode(0o604);
    let mut serving = home.serve(FLAGS);
    serving.wait_for(is_told);
    serving.stop();
}

#[test]
fn files_that_do_not_belong_together_are_refused_at_the_start() {
    let home = TestHome::new();
    write(&home, "one");
    home.file("tls.key", data("two.key"));
    let line = format!("serve --listen 127.0.0.1:0 {FLAGS} --json");
    let error = home.run(&line).code(13).error();
    assert_eq!(error["code"], "server.tls_invalid");
    home.file("tls.key", "no key");
    let error = home.run(&line).code(13).error();
    assert!(error["message"].as_str().unwrap().contains("tls.key"), "{error}");
    let missing = line.replace("tls.pem", "missing.pem");
    home.run(&missing).code(13).tells("missing.pem");
}

/// Passes connections on to the hub, and counts them.
fn counting(serving: &Serving) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, hub) = (listener.local_addr().unwrap(), serving.address);
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut near, mut far) = (stream.unwrap(), TcpStream::connect(hub).unwrap());
            seen.fetch_add(1, Ordering::SeqCst);
            let (mut back, mut there) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut near, &mut far));
            std::thread::spawn(move || std::io::copy(&mut there, &mut back));
        }
    });
    (address, count)
}

#[test]
fn a_command_against_a_hub_with_tls_costs_one_handshake() {
    let home = TestHome::new();
    write(&home, "one");
    home.run("connectors enable bamboohr").code(0);
    for owner in ["a", "b", "c"] {
        home.account("bamboohr", owner, "--set subdomain=acme --set api_key=k");
    }
    let key = home.key("reader", &["platform:read"]);
    let serving = home.serve(FLAGS);
    let (address, count) = counting(&serving);

    let away = TestHome::new().with("HUBCTL_API_KEY", &key);
    away.file("one.pem", data("one.pem"));
    away.file("two.pem", data("two.pem"));
    let hub = format!("--api-url https://localhost:{}", address.port());
    let listed = away.run(&format!("accounts list --json {hub} --cacert one.pem")).code(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(count.load(Ordering::SeqCst), 1);

    // Another's certificate is not believed, and the key is not sent.
    let line = format!("accounts list --json {hub} --cacert two.pem --retries 0");
    let error = away.run(&line).code(10).error();
    assert_eq!(error["code"], "remote.unreachable");
    assert!(error["message"].as_str().unwrap().contains("no secure connection"), "{error}");
    serving.stop();
}

#[test]
fn who_is_trusted_instead_is_told_with_what_says_so() {
    let home = TestHome::new();
    write(&home, "one");
    let key = home.key("reader", &["platform:read"]);
    let serving = home.serve(FLAGS);
    let url = format!("https://localhost:{}", serving.address.port());
    let away = TestHome::new();
    away.file("one.pem", data("one.pem"));
    away.file("two.pem", data("two.pem"));
    let hint = |home: &TestHome, line: &str| {
        let ended = home.piped(&format!("{line} --retries 0 --json"), &key).code(10);
        let hint = ended.error()["hint"].as_str().unwrap().to_owned();
        assert!(hint.starts_with("trust its authority with --cacert FILE; "), "{hint}");
        hint
    };
    let login = "auth login -P far --key-stdin --store file";
    let told = hint(&away, &format!("{login} --api-url {url} --cacert two.pem"));
    assert!(told.contains("two.pem are trusted, from --cacert"), "{told}");
    assert!(!told.contains("--no-verify"), "{told}");
    away.piped(&format!("{login} --api-url {url} --no-verify"), &key).code(0);
    away.run("config set cacert two.pem -P far").code(0);
    let told = hint(&away, "accounts list -P far");
    assert!(told.ends_with("two.pem are trusted, from profile `far`"), "{told}");
    away.run("config set cacert one.pem -P far").code(0);
    away.run("accounts list -P far").code(0);
    let away = away.with("SSL_CERT_FILE", "two.pem");
    let told = hint(&away, "accounts list -P far");
    assert!(told.contains("from SSL_CERT_FILE, which is stronger than the profile's"), "{told}");
    away.run("accounts list -P far --cacert one.pem").code(0);
    let away = away.with("SSL_CERT_FILE", "gone.pem");
    away.run("accounts list -P far").code(13).tells("this one is from SSL_CERT_FILE");
    serving.stop();
}
