//! Calls that are passed on to providers, by a hubctl hub and by the vendor's platform.

use futures_util::TryStreamExt as _;
use hubctl::api::proxy::{Pass, PassBody, Passed};
use hubctl::client::Client;
use hubctl::domain::ids::AccountId;
use hubctl::error::HubError;
use serde_json::json;
use zeroize::Zeroizing;

use super::{client, vendors};
use crate::support::http::{FakeHub, Reply};
use crate::support::hub::block_on;

fn account() -> AccountId {
    "acc-1".parse().unwrap()
}

fn pass(method: &str, body: Option<&[u8]>) -> Pass {
    Pass {
        method: method.to_owned(),
        path: "/v1/things?a=b".to_owned(),
        headers: vec![("accept".to_owned(), "*/*".to_owned())],
        body: body.map_or(PassBody::Empty, |body| PassBody::Whole(Zeroizing::new(body.to_vec()))),
    }
}

fn sent(client: &Client, pass: Pass) -> Result<(Passed, Vec<u8>), HubError> {
    block_on(async {
        let mut passed = client.pass(&account(), pass).await?;
        let mut all = Vec::new();
        while let Some(piece) = passed.body.try_next().await? {
            all.extend_from_slice(&piece);
        }
        Ok((passed, all))
    })
}

fn passed(status: u16, body: &[u8]) -> Reply {
    Reply::text(status, "a/b", body.to_vec()).header("x-hubctl-provider-status", status.to_string())
}

#[test]
fn a_hub_is_asked_once_and_answers_what_the_provider_did() {
    let hub = FakeHub::script(vec![
        passed(200, b"\x00\xff"),
        passed(503, b"down"),
        passed(302, b""),
        Reply::refusal(412, Some("account.not_usable"), "suspended"),
    ]);
    let client = client(&hub);
    let (answer, body) = sent(&client, pass("GET", None)).unwrap();
    assert_eq!(
        (answer.status, body, answer.header("content-type")),
        (200, vec![0, 255], Some("a/b"))
    );
    // A provider's own refusal is an answer, and nothing is sent again for it.
    let (answer, body) = sent(&client, pass("POST", Some(b"x"))).unwrap();
    assert_eq!((answer.status, body), (503, b"down".to_vec()));
    assert_eq!(sent(&client, pass("GET", None)).unwrap().0.status, 302);
    let error = sent(&client, pass("GET", None)).unwrap_err();
    assert_eq!((error.code().name, error.message()), ("account.not_usable", "suspended"));
    let asked = hub.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|asked| asked.route() == "POST /admin/accounts/acc-1/proxy"));
    assert_eq!(asked[1].header("x-proxy-method"), "POST");
    assert_eq!(asked[1].header("x-proxy-path"), "/v1/things?a=b");
    assert_eq!((asked[1].header("accept"), asked[1].body.as_slice()), ("*/*", &b"x"[..]));
}

#[test]
fn reads_are_sent_again_where_the_hub_fails_and_writes_are_not() {
    let failing = || FakeHub::script(vec![Reply::refusal(503, None, "busy"), passed(200, b"")]);
    let hub = failing();
    assert_eq!(sent(&client(&hub), pass("GET", None)).unwrap().0.status, 200);
    assert_eq!(hub.asked().len(), 2);
    let hub = failing();
    assert!(sent(&client(&hub), pass("POST", Some(b"{}"))).is_err());
    assert_eq!(hub.asked().len(), 1);
    // A body that comes in pieces is sent once, whatever the method is.
    let hub = failing();
    let pieces = futures_util::stream::iter([Ok("ab".into()), Ok("c".into())]);
    let body = PassBody::Streamed { pieces: Box::pin(pieces), length: None };
    assert!(sent(&client(&hub), Pass { body, ..pass("GET", None) }).is_err());
    assert_eq!(hub.asked()[0].body, b"abc");
}

#[test]
fn a_body_that_breaks_off_is_no_whole_one() {
    let hub = FakeHub::script(vec![passed(200, b"half").cut()]);
    let error = sent(&client(&hub), pass("GET", None)).unwrap_err();
    assert_eq!(error.code().name, "remote.unreachable");
}

#[test]
fn what_no_header_can_carry_is_refused_before_anything_is_sent() {
    let hub = FakeHub::script(vec![passed(200, b"")]);
    for path in ["/a\r\nHost: b", "/ä", "/a\u{0}"] {
        let error = sent(&client(&hub), Pass { path: path.to_owned(), ..pass("GET", None) });
        assert_eq!(error.unwrap_err().code().name, "usage.bad_value", "{path:?}");
    }
    for header in [("authorization", "x"), ("x y", "z"), ("x", "a\r\nb")] {
        let headers = vec![(header.0.to_owned(), header.1.to_owned())];
        let error = sent(&client(&hub), Pass { headers, ..pass("GET", None) });
        assert_eq!(error.unwrap_err().code().name, "usage.bad_value", "{header:?}");
    }
    assert!(hub.asked().is_empty());
}

#[test]
fn the_vendors_platform_is_asked_in_words_of_json() {
    let answer = |status: u16, data: serde_json::Value| {
        Reply::json(
            200,
            &json!({"status": status, "headers": {"Etag": "x"}, "data": data, "later": 1}),
        )
    };
    let hub = FakeHub::script(vec![
        answer(200, json!({"a": [1]})),
        answer(404, json!("no such thing")),
        answer(204, json!(null)),
        Reply::json(200, &json!({"status": 200, "data": "AP8=", "data_encoding": "base64"})),
        Reply::refusal(412, None, "inactive"),
    ]);
    let client = vendors(&hub);
    let (answer, body) = sent(&client, pass("POST", Some(b"{\"b\":1}"))).unwrap();
    assert_eq!(
        (answer.status, body, answer.header("etag")),
        (200, br#"{"a":[1]}"#.to_vec(), Some("x"))
    );
    let (answer, body) = sent(&client, pass("PUT", Some(b"<a/>"))).unwrap();
    assert_eq!((answer.status, body), (404, b"no such thing".to_vec()));
    assert_eq!(sent(&client, pass("DELETE", None)).unwrap().1, b"");
    assert_eq!(sent(&client, pass("GET", None)).unwrap().1, [0, 255]);
    let error = sent(&client, pass("GET", None)).unwrap_err();
    assert_eq!(error.code().name, "remote.conflict");
    let asked = hub.asked();
    assert!(asked.iter().all(|asked| asked.route() == "POST /unified/proxy"));
    assert!(asked.iter().all(|asked| asked.header("x-account-id") == "acc-1"));
    let expected = json!({"method": "post", "path": "/v1/things?a=b",
                          "headers": {"accept": "*/*"}, "body": {"b": 1}});
    assert_eq!(asked[0].json(), expected);
    assert_eq!(asked[1].json()["body"], "<a/>");
    assert!(asked[3].json().get("body").is_none());
    // A number that no type holds is passed on as well.
    let body = br#"{"id":45355976281015164504,"n":1.50}"#;
    let said = format!(r#"{{"status":200,"data":{}}}"#, String::from_utf8_lossy(body));
    let long = FakeHub::script(vec![Reply::text(200, "application/json", said)]);
    assert_eq!(sent(&vendors(&long), pass("POST", Some(body))).unwrap().1, body);
    let sent_on = String::from_utf8(long.asked()[0].body.clone()).unwrap();
    assert!(sent_on.contains(r#""body":{"id":45355976281015164504,"n":1.50}"#), "{sent_on}");
    // What the platform does not take is not sent.
    let count = hub.asked().len();
    for refused in [pass("HEAD", None), pass("POST", Some(b"\xff"))] {
        assert!(sent(&client, refused).is_err());
    }
    assert_eq!(hub.asked().len(), count);
}
