//! The same thing asked in the spellings of different clients: SDKs that know only floats write
//! `1800.0`, and a value may look like a list of values.

use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::serving::{Answer, Client, Serving};

use super::{Api, calls, each, text};

/// A hub in which `HubSpot` is enabled.
fn hub() -> (TestHome, Serving, Api) {
    let home = TestHome::new();
    home.run("connectors enable hubspot bamboohr").code(0);
    let (serving, api) = Api::serve(&home, "");
    (home, serving, api)
}

/// Asks for a session with this text as `expires_in`.
#[track_caller]
fn session(api: &Api, path: &str, expires_in: &str) -> Answer {
    let body = format!(
        r#"{{"expires_in":{expires_in},"provider":"hubspot","origin_owner_id":"a",
            "origin_owner_name":"A","label":"kept"}}"#
    );
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{}\r\n{body}",
        body.len(),
        api.headers
    );
    let mut client = Client::to(api.address);
    client.send(request).unwrap();
    client.answer().unwrap()
}

fn errors(answer: &Answer) -> Value {
    let answer = answer.json();
    assert_eq!(answer["errorCode"], "ValidationError", "{answer}");
    answer["errors"].clone()
}

#[test]
fn cs_25_and_cs_27_a_life_is_a_whole_number_in_any_spelling() {
    let (_home, serving, api) = hub();
    for path in ["/connect_sessions", "/admin/connect_sessions"] {
        for life in ["1800", "1800.0", "1.8e3", "18E2", "180000e-2"] {
            let made = session(&api, path, life).status(201).json();
            let [from, to] = ["created_at", "expires_at"]
                .map(|key| text(&made, key).parse::<jiff::Timestamp>().unwrap());
            assert_eq!(to.duration_since(from).as_secs(), 1_800, "{life}");
            assert_eq!(made["label"], "kept", "what follows is read: {life}");
        }
        session(&api, path, "null").status(201);
        for bad in ["1.5", "1e400", "\"1800\"", "true", "[1800]", r#"{"seconds": 1800}"#] {
            let refused = session(&api, path, bad).status(400);
            assert_eq!(errors(&refused), json!(["expires_in: must be a whole number"]), "{bad}");
        }
        for bad in ["0.0", "-1.0", "2592001.0"] {
            let refused = session(&api, path, bad).status(400);
            let told = json!(["expires_in: must be 1 to 2592000 seconds (30 days)"]);
            assert_eq!(errors(&refused), told, "{bad}");
        }
        let refused = session(&api, path, "1e300").status(400);
        assert_eq!(errors(&refused), json!(["expires_in: is out of range"]));
    }
    serving.stop();
}

#[test]
fn at_11_ac_44_kp_12_pages_are_whole_numbers_in_any_spelling() {
    let (_home, serving, api) = hub();
    let ids: Vec<String> =
        (0..3).map(|number| link(&api, &format!("o{number}"), "hubspot")).collect();
    let page = |query: &str| each(&api.get(&format!("/accounts?{query}")).status(200).json(), "id");
    assert_eq!(page("page=2.0&page_size=2.0"), ids[2..]);
    assert_eq!(page("page=2E0&page_size=2e0"), ids[2..]);
    assert_eq!(page("page_size=25.0"), ids);
    for path in ["/auth_configs", "/connector_profiles"] {
        let part = api.get(&format!("{path}?page=2.0&page_size=1.0")).status(200).json();
        assert_eq!((&part["page"], &part["page_size"]), (&json!(2), &json!(1)), "{part}");
        assert_eq!(part["data"].as_array().unwrap().len(), 1);
    }
    for path in ["/requests/logs", "/requests/logs/steps", "/requests/platform-logs"] {
        api.get(&format!("{path}?page_size=25.0")).status(200);
        let refused = api.get(&format!("{path}?page_size=1.5")).status(400);
        assert_eq!(errors(&refused), json!(["page_size: must be a whole number"]), "{path}");
    }
    for (asked, told) in [
        ("page=1.5", "page: must be a whole number"),
        ("page=x", "page: must be a whole number"),
        ("page=1e400", "page: is out of range"),
        ("page=-1.0", "page: is out of range"),
        ("page_size=0.0", "page_size: use 1 to 1000"),
    ] {
        let refused = api.get(&format!("/accounts?{asked}")).status(400);
        assert_eq!(errors(&refused), json!([told]), "{asked}");
    }
    serving.stop();
}

#[test]
fn cs_39_a_session_is_found_by_its_number_in_any_spelling() {
    let (_home, serving, api) = hub();
    let made = api.post("/connect_sessions", &calls::session("a")).status(201).json();
    let id = text(&made, "id");
    for path in ["/connect_sessions", "/admin/connect_sessions"] {
        for spelling in [format!("{id}.0"), format!("{id}E0"), format!("{id}0e-1")] {
            let found = api.get(&format!("{path}/{spelling}")).status(200).json();
            assert_eq!(text(&found, "id"), id, "{spelling}");
        }
        for none in [format!("{id}.5"), format!("-{id}.0"), "0.0".to_owned(), "1e400".to_owned()] {
            let refused = api.get(&format!("{path}/{none}")).status(404);
            assert_eq!(refused.problem(), "session.not_found", "{none}");
        }
    }
    serving.stop();
}

#[test]
fn at_12_cs_9_one_owner_and_one_provider_are_filters_of_their_own() {
    let (_home, serving, api) = hub();
    let [both, a, b] = ["a,b", "a", "b"].map(|owner| link(&api, owner, "hubspot"));
    let other = link(&api, "a", "bamboohr");
    let all = |ids: &[&String]| ids.iter().map(|id| (*id).clone()).collect::<Vec<_>>();
    let by_id = format!("account_ids[0]={b}");
    for (query, found) in [
        ("origin_owner_id=a,b", all(&[&both])),
        ("origin_owner_id=a%2Cb", all(&[&both])),
        ("origin_owner_id=a", all(&[&a, &other])),
        ("origin_owner_ids=a,b", all(&[&a, &b, &other])),
        ("origin_owner_ids=a%2Cb", all(&[&both])),
        ("origin_owner_ids=a%2Cb,a", all(&[&both, &a, &other])),
        ("origin_owner_ids[]=a,b", all(&[&both])),
        ("origin_owner_ids[0]=nobody", all(&[])),
        ("origin_owner_ids[0]=b&origin_owner_ids%5B1%5D=a%2Cb", all(&[&both, &b])),
        (by_id.as_str(), all(&[&b])),
        ("providers[0]=bamboohr", all(&[&other])),
        ("origin_owner_id=a&origin_owner_ids=b", all(&[])),
        ("origin_owner_id=a&origin_owner_ids=a,b", all(&[&a, &other])),
        ("provider=bamboohr", all(&[&other])),
        ("provider=bamboohr&providers=hubspot", all(&[])),
        ("provider=bamboohr&providers=hubspot,bamboohr", all(&[&other])),
        ("provider=hubspot&origin_owner_id=a", all(&[&a])),
    ] {
        for path in ["/accounts", "/admin/accounts"] {
            let listed = api.get(&format!("{path}?{query}")).status(200).json();
            assert_eq!(each(&listed, "id"), found, "{path}?{query}");
        }
    }
    // Who is named by nothing is nobody, and not everybody.
    for name in ["origin_owner_id", "origin_owner_ids", "account_ids", "account_ids[]"] {
        for path in ["/accounts", "/admin/accounts"] {
            let refused = api.get(&format!("{path}?{name}=")).status(400);
            let told = "is empty; leave it out to ask for everybody's";
            let name = name.trim_end_matches("[]");
            assert_eq!(errors(&refused), json!([format!("{name}: {told}")]), "{path}");
        }
    }
    for path in
        ["/requests/logs", "/requests/logs/steps", "/requests/platform-logs", "/admin/events"]
    {
        let name = if path == "/admin/events" { "account_id" } else { "filter[account_ids]" };
        assert_eq!(api.get(&format!("{path}?{name}=")).status(400).problem(), "usage.bad_value");
    }
    let refused = api.get("/accounts?provider=hubspot,bamboohr").status(400);
    assert!(errors(&refused)[0].as_str().unwrap().starts_with("provider: "), "{}", refused.text());
    serving.stop();
}

/// The id of a new account of the owner.
#[track_caller]
fn link(api: &Api, owner: &str, provider: &str) -> String {
    let credentials = match provider {
        "hubspot" => json!({ "access_key": "k" }),
        _ => json!({ "api_key": "k", "subdomain": "acme" }),
    };
    let body = json!({
        "provider": provider, "origin_owner_id": owner, "origin_owner_name": "x",
        "credentials": credentials, "verify": false,
    });
    text(&api.post("/admin/accounts", &body).status(201).json(), "id")
}
