use super::*;
use crate::domain::provider_reason::MAX_REASON;

fn method(more: &serde_json::Value) -> AuthMethod {
    let mut method = serde_json::json!({
        "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0",
        "setup_fields": [
            {"key": "client_id", "label": "Client ID", "type": "text", "required": true},
            {"key": "scopes", "label": "Scopes", "type": "text"}
        ],
        "authorization": {"type": "bearer", "token": "${access_token}"},
        "authorization_url": "https://${subdomain}.acme.example/authorize?a=1",
        "default_scopes": ["read", "write"],
    });
    let members = more.as_object().unwrap().clone();
    method.as_object_mut().unwrap().extend(members);
    serde_json::from_value(method).unwrap()
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

#[test]
fn oa_11_threat_07_a_login_returns_to_registered_origins_only() {
    let origins: Vec<Origin> =
        vec!["https://app.acme.example".parse().unwrap(), "http://127.0.0.1:3000".parse().unwrap()];
    for fine in [
        "https://app.acme.example",
        "https://app.acme.example/embedded/accounts/callback?x=1",
        "HTTPS://APP.acme.example:443/x",
        "http://127.0.0.1:3000/cb",
    ] {
        assert!(return_address(fine, &origins).is_some(), "{fine}");
    }
    for bad in [
        "",
        "/relative",
        "//app.acme.example/x",
        "http://app.acme.example/",
        "https://app.acme.example:8443/",
        "https://app.acme.example.evil.example/",
        "https://evil-app.acme.example/",
        "https://acme.example/",
        "https://app.acme.example@evil.example/",
        "https://user@app.acme.example/",
        "https://user:pass@app.acme.example/",
        "https://evil.example/https://app.acme.example/",
        "https://evil.example/?x=https://app.acme.example",
        "https://evil.example\\@app.acme.example/",
        "https://app.acme.example\\.evil.example/",
        "https://app.acme.example./",
        " https://app.acme.example/",
        "https://app.acme.example/\n",
        "https://app.acme\t.example/",
        "http://127.0.0.1:3001/cb",
        "http://127.0.0.1/cb",
        "http://localhost:3000/cb",
        "javascript:alert(1)//https://app.acme.example",
        "data:text/html,x",
    ] {
        assert_eq!(return_address(bad, &origins), None, "{bad}");
    }
    assert_eq!(return_address("https://app.acme.example", &[]), None);
    let long = format!("https://app.acme.example/{}", "a".repeat(LONGEST_RETURN));
    assert_eq!(return_address(&long, &origins), None);
}

#[test]
fn what_comes_back_is_a_code_or_a_reason() {
    let plain = method(&serde_json::json!({}));
    let read = |text: &str| answer(&plain, &[], &pairs(text), None);
    assert_eq!(read("code=abc&state=s"), Answer::Code(Secret::new("abc")));
    for bad in ["state=s", "code=&state=s", "code=a&code=b", "Code=a"] {
        assert_eq!(read(bad), Answer::Malformed, "{bad}");
    }
    let failed = |code: &str, description: Option<&str>| Answer::Failed {
        code: code.to_owned(),
        description: description.map(str::to_owned),
    };
    assert_eq!(read("error=access_denied&code=a"), failed("access_denied", None));
    assert_eq!(
        read("error=x&error_description=no%1b%5B2J+way%0d%0a"),
        failed("x", Some("no [2J way"))
    );
    assert_eq!(read("error="), failed("error", None));
    let Answer::Failed { description, .. } =
        read(&format!("error=x&error_description={}", "y".repeat(9999)))
    else {
        panic!()
    };
    assert_eq!(description.unwrap().chars().count(), MAX_REASON);
}

#[test]
fn threat_06_another_issuer_is_told() {
    let method = method(&serde_json::json!({ "issuer": "https://id.acme.example" }));
    let read = |text: &str| answer(&method, &[], &pairs(text), None);
    for fine in ["code=a", "code=a&iss=https%3A%2F%2Fid.acme.example"] {
        assert_eq!(read(fine), Answer::Code(Secret::new("a")), "{fine}");
    }
    for bad in [
        "code=a&iss=https%3A%2F%2Fid.acme.example%2F",
        "code=a&iss=https%3A%2F%2Fevil.example",
        "code=a&iss=",
        "code=a&iss=https%3A%2F%2Fid.acme.example&iss=x",
        "error=x&iss=https%3A%2F%2Fevil.example",
    ] {
        assert_eq!(read(bad), Answer::WrongIssuer, "{bad}");
    }
}

#[test]
fn threat_06_a_method_without_an_issuer_takes_no_answer_of_another_ones() {
    let asked = method(&serde_json::json!({}));
    let issuer = "https://id.acme.example";
    let elsewhere = method(&serde_json::json!({
        "key": "elsewhere", "issuer": issuer, "authorization_url": "https://id.acme.example/login",
    }));
    let here = method(&serde_json::json!({ "key": "here", "issuer": "https://here.example" }));
    let all = [asked.clone(), elsewhere, here];
    let read = |text: &str| answer(&asked, &all, &pairs(text), None);
    for fine in ["code=a", "code=a&iss=https%3A%2F%2Fhere.example", "code=a&iss=x"] {
        assert_eq!(read(fine), Answer::Code(Secret::new("a")), "{fine}");
    }
    for bad in
        ["code=a&iss=https%3A%2F%2Fid.acme.example", "code=a&iss=x&iss=https://id.acme.example"]
    {
        assert_eq!(read(bad), Answer::WrongIssuer, "{bad}");
    }
}

#[test]
fn oauth_1_comes_back_with_its_own_request_token() {
    let method = method(&serde_json::json!({
        "token_request": {
            "request_token_url": "https://a.example/r",
            "authorization_url": "https://a.example/a",
            "access_token_url": "https://a.example/t",
            "authorization_params": {"name": "hub"}
        }
    }));
    let read = |text: &str| answer(&method, &[], &pairs(text), Some("t1"));
    assert_eq!(read("oauth_token=t1&oauth_verifier=v"), Answer::Code(Secret::new("v")));
    assert_eq!(read("oauth_token=t2&oauth_verifier=v"), Answer::Malformed);
    assert_eq!(read("oauth_verifier=v"), Answer::Malformed);
    assert_eq!(
        answer(&method, &[], &pairs("oauth_token=t1&oauth_verifier=v"), None),
        Answer::Malformed
    );
    let denied = Answer::Failed { code: "access_denied".to_owned(), description: None };
    assert_eq!(read("denied=t1"), denied);
    assert_eq!(read("oauth_token=t1&denied=t1&oauth_verifier=v"), denied);
    assert_eq!(read("denied=t2"), Answer::Malformed);
    assert_eq!(answer(&method, &[], &pairs("denied=t1"), None), Answer::Malformed);
}
