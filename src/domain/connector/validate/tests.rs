use serde_json::{Value, json};

use super::{Finding, Severity, check, refused};
use crate::domain::connector::Connector;

fn acme() -> Value {
    json!({
        "key": "acme", "name": "Acme", "categories": ["crm"],
        "base_url": "https://${subdomain}.acme.example/api",
        "verify": {"method": "GET", "path": "/me", "expect_status": 200},
        "auth": [{
            "key": "api_key", "type": "api_key", "label": "API key",
            "config_fields": [
                {"key": "subdomain", "label": "Subdomain", "type": "text", "required": true,
                 "pattern": "^[a-z0-9-]+$"},
                {"key": "api_key", "label": "API key", "type": "password", "required": true,
                 "secret": true}
            ],
            "authorization": {"type": "bearer", "token": "${api_key}"}
        }]
    })
}

/// The findings after one member has been replaced.
fn with(pointer: &str, value: Value) -> Vec<Finding> {
    let mut acme = acme();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match acme.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        parent => parent[name] = value,
    }
    check(&serde_json::from_value::<Connector>(acme).unwrap())
}

fn assert_refused(findings: &[Finding], place: &str) {
    assert!(
        findings.iter().any(|f| f.severity == Severity::Error && f.place.starts_with(place)),
        "{findings:#?}"
    );
}

#[test]
fn a_sound_connector_has_no_findings() {
    assert_eq!(check(&serde_json::from_value::<Connector>(acme()).unwrap()), []);
}

#[test]
fn a_key_in_the_definition_itself_is_refused() {
    let signed = |signature: Value| {
        let mut acme = acme();
        acme["auth"][0]["type"] = json!("custom");
        acme["auth"][0]["authorization"] = json!({"type": "signature"});
        acme["auth"][0]["signature"] = signature;
        check(&serde_json::from_value::<Connector>(acme).unwrap())
    };
    let hmac = |secret: &str| signed(json!({"scheme": "hmac", "secret": secret}));
    assert_eq!(hmac("${api_key}"), []);
    assert_refused(&hmac("s3cret"), "auth[0].signature.secret");
    let aws = signed(json!({
        "scheme": "aws4", "service": "s3", "access_key_id": "AKIA", "secret_access_key": "s3cret"
    }));
    assert_refused(&aws, "auth[0].signature.access_key_id");
    assert_refused(&aws, "auth[0].signature.secret_access_key");
    let jwt = |secret: &str| {
        let jwt = json!({"alg": "HS256", "secret": secret, "claims": {}, "expires_in": 60});
        with("/auth/0/jwt", jwt)
    };
    assert_eq!(jwt("${api_key}"), []);
    assert_refused(&jwt("s3cret"), "auth[0].jwt.secret");
}

#[test]
fn a_light_call_that_can_never_be_judged_is_refused() {
    let verify = |method: &str, status: u16, expected: Value| {
        let call = json!({"method": method, "path": "/me", "expect_status": status,
                          "expect_json": expected});
        with("/verify", call)
    };
    assert_eq!(verify("GET", 200, json!({"path": "a", "exists": true, "not_null": true})), []);
    assert_eq!(verify("GET", 200, json!({"path": "a", "exists": false})), []);
    for (method, status, expected) in [
        ("GET", 200, json!({"path": "a"})),
        ("GET", 200, json!({"path": "a", "exists": false, "equals": 1})),
        ("HEAD", 200, json!({"path": "a", "exists": true})),
        ("GET", 204, json!({"path": "a", "exists": true})),
    ] {
        assert_refused(&verify(method, status, expected), "verify.expect_json");
    }
}

#[test]
fn a_token_call_that_can_yield_no_token_is_refused() {
    let call = |method: &str, key: &str| {
        let mut acme = acme();
        acme["auth"][0]["type"] = json!("custom");
        acme["auth"][0]["authorization"] = json!({"type": "bearer", "token": "${access_token}"});
        acme["auth"][0]["token_request"] = json!({
            "method": method, "url": "https://api.acme.example/login", "body": {"key": key},
            "token_path": "token"
        });
        check(&serde_json::from_value::<Connector>(acme).unwrap())
    };
    assert_eq!(call("POST", "${api_key}"), []);
    assert_refused(&call("HEAD", "${api_key}"), "auth[0].token_request.method");
    assert_refused(&call("POST", "${access_token}"), "auth[0].token_request");
}

#[test]
fn what_a_method_never_learns_is_not_captured() {
    let place = "auth[0].captured[0].from";
    for from in ["token_response", "callback_query", "lookup", "oauth1_access_token"] {
        let findings = with("/auth/0/captured", json!([{"key": "c", "from": from, "path": "p"}]));
        assert_refused(&findings, place);
    }
    let login = |kind: &str, from: &str| {
        let mut acme = login_method("https://acme.example/token");
        acme["auth"][0]["type"] = json!(kind);
        acme["auth"][0]["captured"] = json!([{"key": "c", "from": from, "path": "p"}]);
        let findings = check(&serde_json::from_value::<Connector>(acme).unwrap());
        findings.iter().any(|finding| finding.place == place)
    };
    let (code, client) = ("oauth2_authorization_code", "oauth2_client_credentials");
    assert!(!login(code, "callback_query") && !login(client, "token_response"));
    assert!(login(client, "callback_query") && login(code, "oauth1_access_token"));
}

#[test]
fn a_connector_without_a_category_is_warned_of() {
    let [finding] = with("/categories", json!([])).try_into().unwrap();
    assert_eq!((finding.severity, finding.place.as_str()), (Severity::Warning, "categories"));
    assert!(finding.message.contains("/connectors/meta"), "{}", finding.message);
}

#[test]
fn what_is_wrong_for_several_methods_is_told_once() {
    let mut two = acme();
    two["base_url"] = json!("ftp://acme.example");
    let mut second = two["auth"][0].clone();
    second["key"] = json!("other");
    two["auth"].as_array_mut().unwrap().push(second);
    let findings = check(&serde_json::from_value::<Connector>(two).unwrap());
    assert_eq!(findings.iter().filter(|f| f.place == "base_url").count(), 1, "{findings:#?}");
}

#[test]
fn a_picture_that_cannot_be_linked_to_is_told() {
    let guide = |src: &str| {
        json!({"guides": {"config": {"sections": [
            {"title": "A", "steps": [{"title": "B", "image": {"src": src}}]}
        ]}}})
    };
    assert_eq!(with("/auth/0/support", guide("https://acme.example/a.png")), []);
    for src in ["./a.png", "http://acme.example/a.png", "javascript:alert(1)"] {
        let [finding] = with("/auth/0/support", guide(src)).try_into().unwrap();
        assert_eq!(finding.severity, Severity::Warning, "{src}");
        assert_eq!(finding.place, "auth[0].support.guides.config");
    }
}

#[test]
fn hb_7_a_field_depends_on_others_that_may_be_shown() {
    let field = |more: Value| {
        let mut field = json!({"key": "more", "label": "More", "type": "text"});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut acme = acme();
        acme["auth"][0]["config_fields"].as_array_mut().unwrap().push(field);
        check(&serde_json::from_value::<Connector>(acme).unwrap())
    };
    for fine in [
        json!({"condition": "${subdomain} == 'eu'"}),
        json!({"hidden": true, "computed": "${subdomain} ?? ${external_trigger_token}"}),
        json!({"read_only": true, "required": true, "computed": "${subdomain}"}),
    ] {
        assert_eq!(field(fine.clone()), [], "{fine}");
    }
    for (bad, member) in [
        (json!({"condition": "${api_key} == 'x'"}), "condition"),
        (json!({"condition": "${more} == 'x'"}), "condition"),
        (json!({"computed": "${nothing} ?? 'x'"}), "computed"),
        (json!({"computed": "'x'", "default": "y"}), "computed"),
        (json!({"hidden": true, "required": true}), "read_only"),
        (json!({"hidden": true, "type": "password", "secret": true}), "hidden"),
    ] {
        let place = format!("auth[0].config_fields[2].{member}");
        assert_refused(&field(bad), &place);
    }
}

#[test]
fn oa_17_several_light_calls_are_looked_at_one_by_one() {
    let call = |path: &str| json!({"method": "GET", "path": path});
    assert_eq!(with("/verify", json!([call("/me"), call("/you")])), []);
    assert_refused(&with("/verify", json!([call("/me"), call("/../you")])), "verify[1].path");
    assert_refused(&with("/verify", json!(vec![call("/me"); 9])), "verify");
    let unknown = json!({"method": "GET", "path": "/me", "condition": "${nothing}"});
    assert_refused(&with("/verify", unknown), "auth[0]");
    assert_refused(&with("/auth/0/verify", json!([])), "auth[0].verify");
}

#[test]
fn threat_35_a_host_is_named_or_held_to_a_pattern() {
    for pattern in ["*", ".*", "^.*$", "^[^/]+$", "^a|b", "^[a-z@.]+$", "^[a-z/]+$"] {
        let findings = with("/auth/0/config_fields/0/pattern", json!(pattern));
        assert!(refused(&findings), "{pattern}");
    }
    assert_refused(&with("/auth/0/config_fields/0/pattern", Value::Null), "base_url");
    for address in [
        "https://*/api",
        "https://*.acme.example",
        "http://acme.example",
        "https://localhost/x",
        "https://127.0.0.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://10.0.0.8/x",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://acme",
        "https://a@b.example",
        "https://acme.example\\@evil.example",
        "https://metadata.google.internal",
        "ftp://a.example",
        "https://a.example/x y",
        "https://a.example/#x",
        "https://",
        "",
        "javascript:alert(1)",
        "https://a..example",
        "https://${api_key",
        "https://${api_key}.acme.example",
        "${subdomain}/x",
        "${access_token}",
    ] {
        assert_refused(&with("/base_url", json!(address)), "base_url");
    }
}

#[test]
fn an_anchor_is_for_pages_and_never_hides_a_host() {
    assert_eq!(with("/docs_url", json!("https://docs.acme.example/#auth")), []);
    for address in ["https://evil.example#.acme.example/x", "https://a.example/#/../x#y", "#"] {
        assert_refused(&with("/docs_url", json!(address)), "docs_url");
    }
}

#[test]
fn threat_35_a_path_stays_below_its_root() {
    for path in ["/../admin", "/a/..", "/a/%2e%2E/b", "/a/..%2fb", "//evil.example", "/a\\b", "a"] {
        assert_refused(&with("/verify/path", json!(path)), "verify.path");
    }
    assert_refused(&with("/base_url", json!("https://a.example/x/../y")), "base_url");
    assert_eq!(with("/verify/path", json!("/a..b?range=1..2")), []);
}

#[test]
fn threat_35_a_template_uses_only_what_its_method_has() {
    for text in [
        "${other}",
        "${access_token}",
        "${jwt}",
        "${saml_assertion}",
        "${project.secret}",
        "${env:HOME}",
        "${",
        "${}",
        "x${api_key",
    ] {
        assert_refused(&with("/auth/0/authorization/token", json!(text)), "auth[0]");
    }
    assert_refused(&with("/headers", json!({"X-A": "${client_secret}"})), "auth[0]");
}

#[test]
fn threat_35_a_bad_expression_is_refused() {
    for pattern in ["(a{1000}){1000}", "^(", "^(?=a)$"] {
        let findings = with("/auth/0/config_fields/1/pattern", json!(pattern));
        assert_refused(&findings, "auth[0].config_fields[1].pattern");
    }
}

#[test]
fn threat_35_counts_and_sizes_are_bounded() {
    let acme = acme();
    let many = |count: usize, pointer: &str| {
        let one = acme.pointer(pointer).unwrap();
        let copy = |number: usize| {
            let mut one = one.clone();
            one["key"] = json!(format!("k{number}"));
            one
        };
        Value::Array((0..count).map(copy).collect())
    };
    assert_refused(&with("/auth", many(65, "/auth/0")), "auth");
    let fields = many(129, "/auth/0/config_fields/1");
    assert_refused(&with("/auth/0/config_fields", fields), "auth[0]");
    assert_refused(&with("/notes", json!("x".repeat(9000))), "notes");
    let deep = (0..40).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert_refused(&with("/verify/body", json!({ "a": deep })), "verify.body");
}

#[test]
fn threat_36_control_characters_are_refused_at_load() {
    for text in ["\u{1b}[31mAcme", "Ac\u{7}me", "Ac\u{202e}me", "\u{9b}2J"] {
        assert_refused(&with("/name", json!(text)), "name");
        assert_refused(&with("/auth/0/config_fields/0/label", json!(text)), "auth[0]");
    }
}

#[test]
fn threat_21_a_header_is_a_header_and_not_the_clients_own() {
    for (name, value) in [("Host", "x"), ("a b", "x"), ("X-A", "x\nY: z"), ("cookie", "x")] {
        let mut headers = serde_json::Map::new();
        headers.insert(name.to_owned(), json!(value));
        assert_refused(&with("/headers", Value::Object(headers)), "headers");
    }
}

#[test]
fn fields_must_make_sense() {
    let field = |value: Value| {
        let mut field = json!({"key": "k", "label": "K", "type": "text"});
        field.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        with("/auth/0/setup_fields", json!([field]))
    };
    assert_eq!(field(json!({})), []);
    for bad in [
        json!({"key": "access_token"}),
        json!({"key": "api_key"}),
        json!({"key": "a b"}),
        json!({"label": ""}),
        json!({"type": "password"}),
        json!({"type": "select"}),
        json!({"options": [{"value": "a", "label": "A"}]}),
        json!({"type": "select", "options": [{"value": "a", "label": "A"}], "default": "b"}),
        json!({"pattern": "^a$", "default": "b"}),
        json!({"secret": true, "default": "b"}),
        json!({"required": true, "read_only": true}),
    ] {
        assert_refused(&field(bad), "auth[0].setup_fields[0]");
    }
}

#[test]
fn a_method_has_what_its_kind_needs() {
    assert_refused(&with("/auth/0/type", json!("oauth2_authorization_code")), "auth[0]");
    assert_refused(&with("/auth/0/token_url", json!("https://a.example")), "auth[0]");
    let body = json!({"type": "body", "body": {"k": "${api_key}"}});
    assert_refused(&with("/auth/0/authorization", body), "auth[0].authorization");
    let dull = json!({"type": "bearer", "token": "fixed"});
    assert_refused(&with("/auth/0/authorization", dull), "auth[0].authorization");
}

#[test]
fn a_method_that_is_switched_off_keeps_no_rule_of_calls() {
    let findings = with("/auth/0/unavailable", json!("needs an expression"));
    assert_eq!(findings, []);
}

#[test]
fn without_a_light_call_there_is_a_warning_or_a_reason() {
    let findings = with("/verify", Value::Null);
    assert!(!refused(&findings) && findings.len() == 1, "{findings:?}");
}

#[test]
fn threat_06_a_login_does_not_name_what_only_its_answers_tell() {
    let oauth = |more: Value| {
        let mut method = json!({
            "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth",
            "setup_fields": [
                {"key": "client_id", "label": "Id", "type": "text", "required": true},
                {"key": "subdomain", "label": "Subdomain", "type": "text", "required": true,
                 "pattern": "^[a-z0-9-]+$"}
            ],
            "captured": [
                {"key": "accounts_server", "from": "callback_query", "path": "accounts-server"},
                {"key": "tenant", "from": "token_response", "path": "tenant"}
            ],
            "authorization": {"type": "bearer", "token": "${access_token}"},
            "authorization_url": "https://${subdomain}.acme.example/authorize",
            "token_url": "https://${subdomain}.acme.example/token",
            "refresh_url": "https://api.acme.example/${tenant}/token",
            "refresh_extra": {"tenant": "${tenant}"}
        });
        method.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with("/auth/0", method)
    };
    let none = |findings: &[Finding]| !findings.iter().any(|f| f.place.starts_with("auth[0]"));
    assert!(none(&oauth(json!({}))), "{:#?}", oauth(json!({})));
    for (member, value) in [
        ("token_url", json!("${accounts_server}/oauth/token")),
        ("token_url", json!("https://acme.example/${tenant}/token")),
        ("authorization_url", json!("https://acme.example/${accounts_server}")),
        ("authorization_params", json!({"tenant": "${tenant}"})),
        ("token_extra", json!({"tenant": "${tenant}"})),
        ("token_headers", json!({"X-Token": "${access_token}"})),
        ("default_scopes", json!(["read:${tenant}"])),
        ("required_scopes", json!(["read:${accounts_server}"])),
    ] {
        let mut more = json!({});
        more[member] = value;
        let findings = oauth(more);
        assert_refused(&findings, &format!("auth[0].{member}"));
        assert!(findings.iter().any(|f| f.message.contains("not known before")), "{findings:#?}");
    }
}

/// A login whose client secret is the administrator's.
fn login_method(token_url: &str) -> Value {
    json!({
        "key": "acme", "name": "Acme", "categories": ["crm"],
        "base_url": "https://api.acme.example", "verify_reason": "none",
        "auth": [{
            "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0",
            "config_fields": [
                {"key": "host", "label": "Host", "type": "text", "pattern": "^[a-z.-]+$"},
                {"key": "region", "label": "Region", "type": "select",
                 "options": [{"value": "eu", "label": "EU"}]}
            ],
            "setup_fields": [
                {"key": "client_id", "label": "Id", "type": "text"},
                {"key": "client_secret", "label": "Secret", "type": "password", "secret": true},
                {"key": "site", "label": "Site", "type": "text", "pattern": "^[a-z.-]+$"}
            ],
            "captured": [
                {"key": "instance", "from": "token_response", "path": "url"},
                {"key": "brought", "from": "callback_query", "path": "site"}
            ],
            "authorization": {"type": "bearer", "token": "${access_token}"},
            "authorization_url": "https://acme.example/login",
            "token_url": token_url
        }]
    })
}

/// The findings about it with one member replaced.
fn login(pointer: &str, value: Value) -> Vec<Finding> {
    let mut acme = login_method("https://acme.example/token");
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    acme.pointer_mut(parent).unwrap()[name] = value;
    check(&serde_json::from_value::<Connector>(acme).unwrap())
}

#[test]
fn threat_35_a_secret_of_the_set_up_goes_to_no_host_of_the_end_users() {
    for member in ["token_url", "refresh_url", "revocation_url"] {
        let at = |address: &str| login(&format!("/auth/0/{member}"), json!(address));
        for free in [
            "https://${host}/token",
            "https://${host}:8443/token",
            "https://api.${host}/token",
            "https://${host}.com/token",
            "https://${host}acme.com/token",
            "https://${host}.${region}/token",
            "https://${host}${region}/token",
            "https://${brought}/token",
        ] {
            let findings = at(free);
            assert_refused(&findings, &format!("auth[0].{member}"));
            let said = |f: &Finding| {
                f.message.contains("`client_secret`") && f.message.contains("vendor.com")
            };
            assert!(findings.iter().any(said), "{findings:#?}");
        }
        for fixed in [
            "https://${host}.acme.example/token",
            "https://${host}-eu.acme.example:8443/token",
            "https://${host}.acme.${region}/token",
            "https://${host}.${site}/token",
            "https://${region}/token",
            "https://api.${region}.example/token",
            "https://${site}/token",
            "https://acme.example/${host}/token",
        ] {
            assert_eq!(at(fixed), [], "{fixed}");
        }
    }
    // Where the answer to the login says it.
    for member in ["refresh_url", "revocation_url"] {
        for told in ["${instance}/token", "https://${instance}/token"] {
            assert_eq!(login(&format!("/auth/0/{member}"), json!(told)), [], "{told}");
        }
    }
    // What is called with the end user's own token alone may be anywhere.
    assert_eq!(login("/base_url", json!("https://${host}/api")), []);
}

#[test]
fn threat_35_a_field_may_be_closed_by_its_pattern_or_given() {
    let host = |more: Value| {
        let mut field = json!({"key": "host", "label": "Host", "type": "text"});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        field
    };
    let with = |field: Value, address: &str| {
        let mut acme = login_method(address);
        acme["auth"][0]["config_fields"][0] = field;
        check(&serde_json::from_value::<Connector>(acme).unwrap())
    };
    let closed = json!({"pattern": "^[a-z]+\\.acme\\.example$"});
    assert_eq!(with(host(closed.clone()), "https://${host}/token"), []);
    assert_refused(&with(host(closed), "https://${host}.io/token"), "auth[0].token_url");
    let given = json!({"read_only": true, "default": "acme.example", "pattern": "^[a-z.]+$"});
    assert_eq!(with(host(given), "https://${host}/token"), []);
    let whole = json!({"pattern": "^https://[a-z]+\\.acme\\.example$"});
    assert_refused(&with(host(whole), "${host}/token"), "auth[0].token_url");
}

#[test]
fn threat_35_a_host_that_follows_from_an_end_users_value_is_as_free() {
    let method = |more: Value| {
        let mut made = json!({"key": "made", "label": "Made", "type": "text", "hidden": true,
            "pattern": "^[a-z.-]+$"});
        made.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut acme = login_method("https://${made}/token");
        acme["auth"][0]["config_fields"].as_array_mut().unwrap().push(made);
        check(&serde_json::from_value::<Connector>(acme).unwrap())
    };
    for free in ["${host}", "${host} ?? 'acme.example'", "${region} == 'eu' ? ${host} : 'x.y'"] {
        assert_refused(&method(json!({"computed": free})), "auth[0].token_url");
    }
    assert_refused(&method(json!({"default": "${host}"})), "auth[0].token_url");
    assert_refused(&method(json!({"default": "${brought}"})), "auth[0].token_url");
    let shown = json!({"hidden": false, "computed": "${site}"});
    assert_refused(&method(shown), "auth[0].token_url");
    for ours in [json!({"computed": "${site} ?? ${region}"}), json!({"default": "${site}"})] {
        assert_eq!(method(ours.clone()), [], "{ours}");
    }
    let mut acme = login_method("https://${site}/token");
    acme["auth"][0]["setup_fields"][2]["default"] = json!("${host}");
    let findings = check(&serde_json::from_value::<Connector>(acme).unwrap());
    assert_refused(&findings, "auth[0].setup_fields[2].default");
}

#[test]
fn threat_35_every_call_with_a_secret_of_the_set_up_is_looked_at() {
    let free = "https://${host}/x";
    let mut acme = login_method("https://acme.example/token");
    acme["base_url"] = json!(free);
    acme["auth"][0]["authorization"]["header"] = json!({"X-Key": "${client_secret}"});
    acme["auth"][0]["captured"] = json!([{"key": "c", "from": "lookup", "path": "p", "url": free}]);
    acme["auth"][0]["verify"] = json!({"method": "GET", "path": free});
    let findings = check(&serde_json::from_value::<Connector>(acme.clone()).unwrap());
    for place in ["base_url", "auth[0].captured[0].url", "auth[0].verify.path"] {
        assert_refused(&findings, place);
    }
    let mut renewed = login_method("https://acme.example/token");
    let method = &mut renewed["auth"][0];
    method["setup_fields"][1] =
        json!({"key": "pepper", "label": "Pepper", "type": "password", "secret": true});
    method["refresh_url"] = json!(free);
    method["refresh_extra"] = json!({"pepper": "${pepper}"});
    let findings = check(&serde_json::from_value::<Connector>(renewed).unwrap());
    assert_refused(&findings, "auth[0].refresh_url");
    let method = &mut acme["auth"][0];
    method["type"] = json!("custom");
    method["authorization"] = json!({"type": "bearer", "token": "${access_token}"});
    for name in ["authorization_url", "token_url", "captured", "verify"] {
        method.as_object_mut().unwrap().remove(name);
    }
    method["token_request"] = json!({"method": "POST", "url": free, "token_path": "t",
        "body": {"key": "${client_secret}"}});
    let findings = check(&serde_json::from_value::<Connector>(acme.clone()).unwrap());
    assert_refused(&findings, "auth[0].token_request.url");
    acme["auth"][0]["token_request"]["body"] = json!({"key": "${host}"});
    assert!(!refused(&check(&serde_json::from_value::<Connector>(acme).unwrap())));
}
