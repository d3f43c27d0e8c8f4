//! Answers that are tokens, and many that are not.

use serde_json::{Value, json};

use super::{AuthMethod, Class, Timestamp, Tokens, is_page, oauth1, of_call, standard};
use crate::domain::connector::request::TokenCall;
use crate::domain::provider_failure::ProviderFailure;
use crate::domain::secret::Secret;

fn method(more: &Value) -> AuthMethod {
    let mut method = json!({
        "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth",
        "authorization": {"type": "bearer", "token": "${access_token}"}
    });
    for (name, value) in more.as_object().unwrap() {
        method[name] = value.clone();
    }
    serde_json::from_value(method).unwrap()
}

fn now() -> Timestamp {
    "2026-06-01T09:00:00Z".parse().unwrap()
}

fn read_text(method: &AuthMethod, body: &str) -> Result<Tokens, ProviderFailure> {
    standard(method, 200, body.as_bytes(), false, now())
}

fn read(method: &AuthMethod, body: &Value) -> Result<Tokens, ProviderFailure> {
    read_text(method, &body.to_string())
}

#[test]
fn a_standard_answer_is_read() {
    let tokens = read(
        &method(&json!({"captured": [
            {"key": "host", "from": "token_response", "path": "instance.host"},
            {"key": "n", "from": "token_response", "path": "n"},
            {"key": "no", "from": "token_response", "path": "no"}
        ]})),
        &json!({
            "access_token": "at", "refresh_token": "rt", "token_type": "bearer",
            "expires_in": 3600, "refresh_token_expires_in": "86400", "id_token": "idt",
            "instance": {"host": "h.example"}, "n": 7
        }),
    )
    .unwrap();
    assert_eq!(tokens.access_token, Secret::new("at"));
    assert_eq!(tokens.refresh_token, Some(Secret::new("rt")));
    assert_eq!(tokens.expires_at, Some(now().plus_seconds(3600)));
    assert_eq!(tokens.refresh_expires_at, Some(now().plus_seconds(86_400)));
    let captured: Vec<_> = tokens.captured.iter().map(|(n, v)| (n.as_str(), v.expose())).collect();
    assert_eq!(captured, [("host", "h.example"), ("id_token", "idt"), ("n", "7")]);
}

#[test]
fn what_a_token_may_do_is_read_as_a_text_or_a_list() {
    for (scope, expected) in [
        (json!("a b"), Some("a b")),
        (json!(["a", "b"]), Some("a b")),
        (json!(""), None),
        (json!(null), None),
        (json!({"a": true}), None),
    ] {
        let tokens = read(&method(&json!({})), &json!({"access_token": "at", "scope": scope}));
        assert_eq!(tokens.unwrap().scope.as_deref(), expected, "{scope}");
    }
}

#[test]
fn forms_and_numbers_as_text_are_read() {
    let tokens = read_text(
        &method(&json!({})),
        "access_token=a%2Bt&expires_in=28800&refresh_token=&token_type=Bearer",
    )
    .unwrap();
    assert_eq!(tokens.access_token, Secret::new("a+t"));
    assert_eq!(tokens.refresh_token, None);
    assert_eq!(tokens.expires_at, Some(now().plus_seconds(28_800)));
    let number = read(&method(&json!({})), &json!({"access_token": 12345})).unwrap();
    assert_eq!(number.access_token, Secret::new("12345"));
    assert_eq!(number.expires_at, None);
}

#[test]
fn lives_come_from_the_definition_where_the_answer_says_nothing() {
    let method = method(&json!({"token_expires_in": 60, "refresh_token_expires_in": 120}));
    for quiet in [json!({}), json!({"expires_in": 0}), json!({"expires_in": null})] {
        let mut body = quiet;
        body["access_token"] = "at".into();
        let tokens = read(&method, &body).unwrap();
        assert_eq!(tokens.expires_at, Some(now().plus_seconds(60)));
        assert_eq!(tokens.refresh_expires_at, Some(now().plus_seconds(120)));
    }
    let told = json!({"access_token": "at", "expires_at": 1_780_308_000});
    let told = read(&method, &told).unwrap().expires_at.unwrap();
    assert_eq!(told.to_string(), "2026-06-01T10:00:00.000Z");
}

#[test]
fn oa_13_a_life_of_zero_has_passed_where_the_token_is_renewed() {
    let machine = method(&json!({"type": "oauth2_client_credentials"}));
    let logs_in = method(&json!({"refresh": true}));
    let for_good = method(&json!({}));
    for zero in [json!(0), json!(0.38), json!("0")] {
        let body = json!({"access_token": "at", "expires_in": zero, "refresh_expires_in": 0});
        for renewed in [&machine, &logs_in] {
            let tokens = read(renewed, &body).unwrap();
            assert_eq!(tokens.expires_at, Some(now().plus_seconds(1)), "{zero}");
            assert_eq!(tokens.refresh_expires_at, None);
        }
        assert_eq!(read(&for_good, &body).unwrap().expires_at, None, "{zero}");
    }
    let called = method(&json!({"type": "custom"}));
    let body = br#"{"data": {"token": "t", "life": 0}}"#;
    let tokens = of_call(&called, &call("data.token"), 200, body, true, now()).unwrap();
    assert_eq!(tokens.expires_at, Some(now().plus_seconds(1)));
}

#[test]
fn an_instant_is_told_in_many_forms_and_within_the_life_of_any_token() {
    let plain = method(&json!({}));
    let end = |value: Value| {
        let body = json!({"access_token": "at", "expires_at": value});
        read(&plain, &body).unwrap().expires_at.map(|end| end.to_string())
    };
    for at in [
        json!(1_780_308_000),
        json!(1_780_308_000.0),
        json!("1780308000"),
        json!(1_780_308_000_000_i64),
        json!("1780308000000"),
        json!("2026-06-01T10:00:00Z"),
    ] {
        assert_eq!(end(at.clone()).as_deref(), Some("2026-06-01T10:00:00.000Z"), "{at}");
    }
    for none in [
        json!(0),
        json!(-5),
        json!(1e300),
        json!("NaN"),
        json!("never"),
        json!(99_999_999_999_i64),
        json!("9999-12-30T00:00:00Z"),
        json!([1]),
        json!(null),
    ] {
        assert_eq!(end(none.clone()), None, "{none}");
    }
}

#[test]
fn an_empty_place_of_the_definition_leaves_it_to_the_standard_one() {
    let method = method(&json!({"token_path": "data.token", "refresh_token_path": "data.refresh"}));
    for empty in [json!(""), json!(null)] {
        let body = json!({"data": {"token": empty, "refresh": empty},
            "access_token": "T1", "refresh_token": "R1"});
        let tokens = read(&method, &body).unwrap();
        assert_eq!(tokens.access_token, Secret::new("T1"));
        assert_eq!(tokens.refresh_token, Some(Secret::new("R1")));
        let nothing = json!({"data": {"token": empty}, "access_token": empty});
        assert_eq!(read(&method, &nothing).unwrap_err().class, Class::BadAnswer);
    }
    let both = json!({"data": {"token": "T2", "refresh": "R2"},
        "access_token": "T1", "refresh_token": "R1"});
    let tokens = read(&method, &both).unwrap();
    assert_eq!(tokens.access_token, Secret::new("T2"));
    assert_eq!(tokens.refresh_token, Some(Secret::new("R2")));
    let body = br#"{"data": {"token": "t", "refresh": null}}"#;
    let called = of_call(&method, &call("data.token"), 200, body, true, now()).unwrap();
    assert_eq!(called.refresh_token, None);
}

#[test]
fn a_token_may_lie_deeper_and_then_its_type_stands_beside_it() {
    let method = method(&json!({
        "token_path": "authed_user.access_token", "accept_token_types": ["user"]
    }));
    let body = json!({
        "ok": true, "token_type": "bot",
        "authed_user": {"access_token": "xoxp", "token_type": "User", "refresh_token": "r"}
    });
    let tokens = read(&method, &body).unwrap();
    assert_eq!(tokens.access_token, Secret::new("xoxp"));
    assert_eq!(tokens.refresh_token, Some(Secret::new("r")));
    let renewed = json!({"ok": true, "access_token": "new", "token_type": "user"});
    assert_eq!(read(&method, &renewed).unwrap().access_token, Secret::new("new"));
}

#[test]
fn threat_23_answers_that_are_no_tokens_are_refused_whole() {
    let plain = method(&json!({}));
    for body in [
        json!({}),
        json!([]),
        json!("text"),
        json!(null),
        json!({"access_token": null}),
        json!({"access_token": ""}),
        json!({"access_token": "a b"}),
        json!({"access_token": "a\r\nHost: x"}),
        json!({"access_token": "<html>"}),
        json!({"access_token": {"a": 1}}),
        json!({"access_token": ["a"]}),
        json!({"access_token": true}),
        json!({"access_token": "x".repeat(70_000)}),
        json!({"access_token": "at", "token_type": "mac"}),
        json!({"access_token": "at", "token_type": 5}),
        json!({"access_token": "at", "expires_in": -1}),
        json!({"access_token": "at", "expires_in": "-3600"}),
        json!({"access_token": "at", "expires_in": 1e300}),
        json!({"access_token": "at", "expires_in": 99_999_999_999_i64}),
        json!({"access_token": "at", "expires_in": "soon"}),
        json!({"access_token": "at", "expires_in": "NaN"}),
        json!({"access_token": "at", "expires_in": [1]}),
        json!({"access_token": "at", "refresh_token": {"a": 1}}),
        json!({"access_token": "at", "refresh_token": "a b"}),
        json!({"access_token": "at", "refresh_token_expires_in": -5}),
    ] {
        let failure = read(&plain, &body).unwrap_err();
        assert_eq!(failure.class, Class::BadAnswer, "{body}: {failure:?}");
    }
    for text in [
        "",
        "<!doctype html><p>access_token=x</p>",
        "  <html>",
        "{\"access_token\": \"at\"",
        "access_token",
        "not json",
        "\u{feff}",
    ] {
        let failure = read_text(&plain, text).unwrap_err();
        assert_eq!(failure.class, Class::BadAnswer, "{text}: {failure:?}");
    }
    let invalid = standard(&plain, 200, &[0xff, 0xfe, 0x00], false, now()).unwrap_err();
    assert_eq!(invalid.class, Class::BadAnswer);
}

#[test]
fn a_refusal_is_told_by_code_or_status() {
    let plain = method(&json!({}));
    let refusal =
        |status, body: &str| standard(&plain, status, body.as_bytes(), false, now()).unwrap_err();
    let dead = refusal(400, r#"{"error":"invalid_grant"}"#);
    assert_eq!((dead.class, dead.code.as_deref()), (Class::Refused, Some("invalid_grant")));
    assert_eq!(refusal(502, "<html>bad gateway").class, Class::Transient);
    assert_eq!(refusal(429, "").class, Class::Transient);
    assert_eq!(refusal(401, "<html>").class, Class::Refused);
    for page in ["<html>Checking your browser", "error code: 1020", "", "{}", "{\"a\":"] {
        assert_eq!(refusal(403, page).class, Class::Transient, "{page}");
    }
    assert_eq!(refusal(403, "error=access_denied").class, Class::Refused);
    assert_eq!(refusal(200, "error=bad_verification_code").class, Class::Refused);
    assert_eq!(refusal(302, "").class, Class::Configuration);
}

fn call(token_path: &str) -> TokenCall {
    serde_json::from_value(json!({
        "method": "POST", "url": "https://a.example/login", "token_path": token_path,
        "expires_in_path": "data.life"
    }))
    .unwrap()
}

#[test]
fn a_login_call_tells_its_token_anywhere() {
    let plain = method(&json!({"type": "custom"}));
    let read = |path: &str, status: u16, body: &str| {
        of_call(&plain, &call(path), status, body.as_bytes(), true, now())
    };
    let deep = read("data.token", 200, r#"{"data":{"token":"t","life":"60"}}"#).unwrap();
    assert_eq!(deep.access_token, Secret::new("t"));
    assert_eq!(deep.expires_at, Some(now().plus_seconds(60)));
    assert_eq!(read("", 200, "\"quoted\"").unwrap().access_token, Secret::new("quoted"));
    assert_eq!(read("", 200, "plain-token\n").unwrap().access_token, Secret::new("plain-token"));
    assert_eq!(read("", 200, "12345").unwrap_err().class, Class::BadAnswer);
    assert_eq!(read("", 200, "<html>").unwrap_err().class, Class::BadAnswer);
    assert_eq!(read("", 200, "two words").unwrap_err().class, Class::BadAnswer);
    assert_eq!(read("", 200, "{\"a\":1}").unwrap_err().class, Class::BadAnswer);
    assert_eq!(read("t", 200, "{\"a\":1}").unwrap_err().class, Class::BadAnswer);
    assert_eq!(read("t", 401, "{\"message\":\"wrong\"}").unwrap_err().class, Class::Refused);
    let said = read("t", 200, r#"{"success":false,"message":"wrong password"}"#).unwrap_err();
    assert_eq!((said.class, said.message.as_str()), (Class::Refused, "wrong password"));
}

#[test]
fn oauth_1_answers_are_forms() {
    let (token, secret) =
        oauth1(200, b"oauth_token=t&oauth_token_secret=s%26&oauth_callback_confirmed=true")
            .unwrap();
    assert_eq!((token, secret), (Secret::new("t"), Secret::new("s&")));
    assert_eq!(oauth1(200, b"oauth_token=t").unwrap_err().class, Class::BadAnswer);
    assert_eq!(oauth1(401, b"invalid key").unwrap_err().class, Class::Refused);
    assert_eq!(oauth1(403, b"<html>").unwrap_err().class, Class::Transient);
    assert_eq!(oauth1(500, b"<html>").unwrap_err().class, Class::Transient);
}

#[test]
fn a_page_is_told_by_its_start_or_by_its_type_and_a_tag() {
    let html = Some("Text/HTML; charset=utf-8");
    for (kind, body, is) in [
        (None, "\u{feff}\n <!DOCTYPE html><title>Sign in</title>", true),
        (Some("application/json"), "<HTML lang=\"en\">", true),
        (html, "<h1>Login please</h1>", true),
        (html, "<!-- a page -->", true),
        (html, "{\"ok\": true}", false),
        (html, "OK <b>", false),
        (html, "", false),
        (html, "<?xml version=\"1.0\"?><answer/>", false),
        (Some("application/xml"), "<answer/>", false),
        (None, "<h1>", false),
    ] {
        assert_eq!(is_page(kind, body.as_bytes()), is, "{kind:?} {body}");
    }
}
