//! A hub that is reached through a proxy, or past one that the environment names.

use std::net::TcpListener;
use std::path::Path;

use crate::support::cli::TestHome;
use crate::support::forward::Forward;
use crate::support::serving::Serving;

const LIST: &str = "projects list -o id --retries 0";

/// A hub, and its key.
fn hub(flags: &str) -> (TestHome, Serving, String) {
    let home = TestHome::new();
    for name in ["tls.pem", "tls.key"] {
        let file = name.replace("tls", "one");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/server/testdata");
        home.file(name, std::fs::read(folder.join(file)).unwrap());
    }
    let key = home.key("away", &["admin", "projects:write", "platform:read"]);
    let serving = home.serve(flags);
    (home, serving, key)
}

fn tls() -> (TestHome, Serving, String) {
    hub("--tls-cert tls.pem --tls-key tls.key")
}

/// A home that acts on the hub at this address.
fn away(url: &str, key: &str) -> TestHome {
    TestHome::new().with("HUBCTL_API_URL", url).with("HUBCTL_API_KEY", key)
}

/// The address of a proxy that wants to know who calls.
fn proxy(address: impl std::fmt::Display) -> String {
    format!("http://user:hunter2@{address}")
}

/// What the proxy was told of who calls: Basic, `user:hunter2`.
const LOGIN: &str = "\r\nproxy-authorization: Basic dXNlcjpodW50ZXIy\r\n";

#[test]
fn a_call_without_tls_goes_through_the_proxy() {
    let (_home, serving, key) = hub("");
    let forward = Forward::to(serving.address);
    // Only the proxy knows this name.
    let away = away("http://hub.invalid:8080", &key).with("http_proxy", proxy(forward.address()));
    away.run("projects create there").code(0);
    assert_eq!(away.run(LIST).code(0).stdout, "default\nthere\n");
    let heads = forward.heads();
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert!(heads[0].starts_with("POST http://hub.invalid:8080/admin/projects HTTP/1.1\r\n"));
    assert!(heads[1].starts_with("GET http://hub.invalid:8080/"), "{heads:?}");
    assert!(heads.iter().all(|head| head.contains(LOGIN)), "{heads:?}");
    serving.stop();
}

#[test]
fn a_call_over_tls_goes_through_a_tunnel_in_which_the_proxy_sees_nothing() {
    let (home, serving, key) = tls();
    let forward = Forward::to(serving.address);
    let (url, port) = ("https://localhost:8443", 8443);
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let away = away(url, &key).with(variable, proxy(forward.address()));
        let line = format!("{LIST} --cacert {}", home.path().join("tls.pem").display());
        assert_eq!(away.run(&line).code(0).stdout, "default\n", "{variable}");
        let head = forward.heads().pop().unwrap();
        assert!(head.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{head}");
        assert!(head.to_lowercase().contains(&LOGIN.to_lowercase()), "{head}");
        assert!(!head.contains(&key), "{head}");
    }
    assert_eq!(forward.heads().len(), 3);
    serving.stop();
}

#[test]
fn an_exempt_host_and_the_other_scheme_go_past_the_proxy() {
    let (home, serving, key) = tls();
    let (_plain_home, plain, plain_key) = hub("");
    let forward = Forward::refusing("403 Forbidden");
    let proxy = proxy(forward.address());
    let line = format!("{LIST} --cacert {}", home.path().join("tls.pem").display());
    let secure = format!("https://localhost:{}", serving.address.port());
    for exempt in ["localhost", "example.com, localhost", "*"] {
        let away = away(&secure, &key).with("HTTPS_PROXY", &proxy).with("NO_PROXY", exempt);
        assert_eq!(away.run(&line).code(0).stdout, "default\n", "{exempt}");
    }
    let url = format!("http://{}", plain.address);
    let plainly = || away(&url, &plain_key);
    for exempt in ["127.0.0.1", "127.0.0.0/8"] {
        let away = plainly().with("http_proxy", &proxy).with("no_proxy", exempt);
        away.run(LIST).code(0);
    }
    // A name in capitals may come from a request of the web, so that it means nothing.
    for other in ["HTTPS_PROXY", "HTTP_PROXY"] {
        plainly().with(other, &proxy).run(LIST).code(0);
    }
    assert_eq!(forward.heads(), [""; 0]);
    serving.stop();
    plain.stop();
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let denied = Forward::refusing("403 Forbidden");
    let asks = Forward::refusing("407 Proxy Authentication Required");
    let cases = [
        (denied.address(), "the proxy makes no connection to it", "answered 403"),
        (asks.address(), "the proxy wants a user name and password", "answered 407"),
        (nobody, "can't be reached: Connection refused", "can't be reached: Connection refused"),
    ];
    for (address, tunnel, plain) in cases {
        let urls = [("https://hub.invalid", tunnel), ("http://hub.invalid", plain)];
        for (url, expected) in urls {
            let away = away(url, "v1.local.7_abcdefghijklmnopqrstuvwxyz")
                .with("ALL_PROXY", proxy(address));
            let ended = away.run("projects list --retries 0 --json");
            let told = format!("{url} (through the proxy http://{address})");
            assert!(ended.stderr.contains(&told), "{ended:?}");
            assert!(ended.stderr.contains(expected), "{expected}: {ended:?}");
            assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
            let code = if plain == "answered 403" && url.starts_with("http:") { 5 } else { 10 };
            let ended = ended.code(code);
            if expected.contains("user name") || expected.ends_with("407") {
                let hint = ended.error()["hint"].as_str().unwrap().to_owned();
                assert!(hint.contains("http://USER:PASSWORD@HOST:PORT"), "{hint}");
            }
        }
    }
}

#[test]
fn doctor_names_the_proxy_only_where_it_is_on_the_way() {
    let (_home, serving, key) = hub("");
    let forward = Forward::to(serving.address);
    let url = format!("http://{}", serving.address);
    let away = || away(&url, &key).with("http_proxy", proxy(forward.address()));
    let told = away().run("doctor --json");
    let named = format!("names a proxy for this address: http://{}", forward.address());
    assert!(told.stdout.contains(&named), "{told:?}");
    assert!(!told.stdout.contains("hunter2"), "{told:?}");
    let told = away().with("NO_PROXY", "127.0.0.1").run("doctor --json");
    assert!(!told.stdout.contains("names a proxy"), "{told:?}");
    serving.stop();
}
