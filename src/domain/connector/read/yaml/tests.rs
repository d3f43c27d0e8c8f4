use std::fmt::Write as _;

use super::{Partial, read};
use crate::domain::connector::method::TokenAuth;
use crate::domain::connector::signing::Scheme;
use crate::domain::connector::validate::{Finding, Severity, refused};
use crate::domain::connector::{AuthKind, Category, Connector};

const ACME: &str = include_str!("testdata/acme.yaml");

fn acme() -> (Connector, Vec<Finding>) {
    let text = "- actionId: list\n  categories: [hris, internal]\n  steps: []\n";
    let (connectors, findings) = read(ACME, &[Partial { name: "acme.employees", text }]);
    assert!(!refused(&findings), "{findings:#?}");
    (connectors.into_iter().next().unwrap(), findings)
}

/// Findings after a piece of the file has been replaced.
fn with(from: &str, to: &str) -> (Option<Connector>, Vec<Finding>) {
    assert!(ACME.contains(from), "{from}");
    let (connectors, findings) = read(&ACME.replacen(from, to, 1), &[]);
    (connectors.into_iter().next(), findings)
}

fn unavailable(from: &str, to: &str) {
    let (connector, findings) = with(from, to);
    let connector = connector.unwrap_or_else(|| panic!("{findings:#?}"));
    assert!(connector.auth.iter().any(|auth| auth.unavailable.is_some()), "{to}");
    let told = |finding: &Finding| finding.message.contains("available");
    assert!(findings.iter().any(told), "{to}: {findings:#?}");
}

#[test]
fn a_whole_file_is_carried_over() {
    let (acme, findings) = acme();
    assert_eq!(
        (acme.key.as_str(), acme.name.as_str(), acme.version.as_str()),
        ("acme", "Acme", "2.1.0")
    );
    assert_eq!(acme.categories, [Category::Hris]);
    assert_eq!(acme.base_url.as_str(), "https://${subdomain}.acme.example/v1");
    assert_eq!(acme.rate_limit, Some(5.0));
    assert!(acme.auth.iter().all(|auth| auth.unavailable.is_none()), "{findings:#?}");
    let keys: Vec<_> = acme.auth.iter().map(|auth| auth.key.as_str()).collect();
    assert_eq!(keys, ["api_key", "oauth2_production", "oauth2_sandbox"]);
}

#[test]
fn an_api_key_method_has_fields_signing_and_a_light_call() {
    let (acme, _) = acme();
    let auth = &acme.auth[0];
    assert_eq!(auth.kind, AuthKind::Basic);
    assert!(matches!(&auth.authorization.scheme, Scheme::Basic { username, password }
        if username.as_str() == "${apiKey}" && password.as_str().is_empty()));
    assert!(auth.config_fields[0].is_secret());
    assert_eq!(auth.config_fields[1].pattern_error.as_deref(), Some("Only the first part"));
    assert_eq!(auth.notices.len(), 1);
    let [verify] = acme.verify_for(auth) else { panic!("one call") };
    assert_eq!(verify.path.as_str(), "/employees?limit=1");
    assert!(!verify.optional);
}

/// The file with other tests of its API key: an action for each, by id and address.
fn tested(tests: &str) -> (Connector, Vec<Finding>) {
    let actions = ["one", "two"].map(|id| {
        format!("- actionId: {id}\n  steps: [{{ request: {{ url: /{id}, method: get }} }}]\n")
    });
    let partial = Partial { name: "acme.employees", text: &actions.concat() };
    let (before, after) = ACME.split_once("      testActions:\n").unwrap();
    let (_, after) = after.split_once("      environments:\n").unwrap();
    let file = format!("{before}      testActions:\n{tests}      environments:\n{after}");
    let (connectors, findings) = read(&file, &[partial]);
    assert!(!refused(&findings), "{findings:#?}");
    (connectors.into_iter().next().unwrap(), findings)
}

/// Findings about tests, and not about the partial that is not at hand.
fn about_tests(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.place.contains("api_key.testActions")).collect()
}

#[test]
fn oa_17_every_test_action_is_a_light_call() {
    let (acme, findings) = tested(
        "        - { action: one, required: false }\n        - { action: two, required: true }\n",
    );
    let calls: Vec<_> = acme.verify_for(&acme.auth[0]).iter().collect();
    let told: Vec<_> = calls.iter().map(|call| (call.path.as_str(), call.optional)).collect();
    assert_eq!(told, [("/one", true), ("/two", false)]);
    assert!(about_tests(&findings).is_empty(), "{findings:#?}");
}

#[test]
fn oa_17_a_test_that_cannot_be_run_is_told_by_its_name_and_the_others_stay() {
    let (acme, findings) = tested(
        "        - { action: gone, required: true }\n        - { action: two, required: true }\n",
    );
    assert_eq!(acme.verify_for(&acme.auth[0]).len(), 1);
    let [finding] = about_tests(&findings).try_into().unwrap();
    assert!(finding.place.ends_with("testActions[0]"), "{finding:?}");
    assert!(finding.message.contains("`gone` is not among the actions"), "{finding:?}");
    assert!(finding.message.contains("not run"), "{finding:?}");
}

#[test]
fn oa_17_a_test_keeps_its_condition_where_it_can_be_read() {
    let (acme, findings) = tested(
        "        - { action: one, condition: \"{{credentials.subdomain == 'eu'}}\" }\n        \
         - { action: two, condition: \"{{inputs.id > 3}}\" }\n",
    );
    let [call] = acme.verify_for(&acme.auth[0]) else { panic!("one call") };
    let condition = call.condition.as_ref().map(ToString::to_string);
    assert_eq!(condition.as_deref(), Some("${subdomain} == 'eu'"));
    let [finding] = about_tests(&findings).try_into().unwrap();
    assert!(finding.message.contains("`two` has a condition that"), "{finding:?}");
}

#[test]
fn a_member_of_another_shape_is_refused_and_not_passed_over() {
    let required = "          required: true\n          placeholder";
    for (from, to, place) in [
        (required, "          secret: yes\n          placeholder", ".configFields[0].secret"),
        (required, "          required: 'true'\n          placeholder", "[0].required"),
        ("pkce: true", "pkce: 'true'", ".authorization.pkce"),
        ("pkce: true", "tokenExpiresIn: '3600'", ".authorization.tokenExpiresIn"),
        ("pkce: true", "includeBearer: 'false'", ".authorization.includeBearer"),
        ("pkce: true", "tokenResponse: [accessToken]", ".authorization.tokenResponse"),
        ("label: OAuth 2.0", "label: O\n      requiredScopes: read", ".requiredScopes"),
    ] {
        let (connector, findings) = with(from, to);
        assert!(connector.is_none(), "{to}");
        let is_told = |finding: &Finding| {
            finding.severity == Severity::Error && finding.place.ends_with(place)
        };
        assert!(findings.iter().any(is_told), "{to}: {findings:#?}");
    }
}

#[test]
fn a_content_type_may_have_parameters_and_another_one_leaves_the_test_out() {
    let arg = "- { name: limit, value: 1, in: query }";
    let with_type = |kind: &str| {
        let kind = format!("- {{ name: Content-Type, value: {kind}, in: headers }}");
        let (connector, findings) = with(arg, &kind);
        let connector = connector.unwrap_or_else(|| panic!("{findings:#?}"));
        (connector.verify_for(&connector.auth[0]).len(), about_tests(&findings).len())
    };
    assert_eq!(with_type("application/json;charset=utf-8"), (1, 0));
    assert_eq!(with_type("text/xml"), (0, 1));
}

#[test]
fn an_oauth_method_leaves_the_standard_parameters_to_the_hub() {
    let (acme, _) = acme();
    let auth = &acme.auth[1];
    assert_eq!(auth.kind, AuthKind::OAuth2AuthorizationCode);
    let params: Vec<_> = auth.authorization_params.keys().map(String::as_str).collect();
    assert_eq!(params, ["prompt"]);
    assert_eq!(auth.default_scopes, ["read", "write"]);
    assert!(auth.pkce && auth.refresh && auth.refresh_url.is_none());
    assert_eq!(auth.captured[0].path.as_deref(), Some("instance.id"));
    assert!(auth.client_id_field().is_some() && auth.needs_setup());
    assert_eq!(auth.environment.as_ref().map(|e| e.key.as_str()), Some("production"));
}

#[test]
fn a_field_whose_computed_value_is_lost_can_be_filled_in() {
    let computed = "          type: text\n          readOnly: true\n          \
                    value: 'https://${credentials.tenant}.acme.example'\n";
    for flag in ["readOnly: true", "display: false"] {
        let field = computed.replace("readOnly: true", flag);
        let to =
            format!("        - key: where\n          label: Where\n{field}      configNotices:\n");
        let (connector, findings) = with("      configNotices:\n", &to);
        let method = &connector.unwrap().auth[0];
        let where_ = method.config_fields.iter().find(|field| field.key == "where").unwrap();
        assert!(!where_.read_only && where_.default.is_none(), "{where_:?}");
        let told = |finding: &Finding| finding.message.contains("left to be filled in");
        assert!(method.unavailable.is_none() && findings.iter().any(told), "{findings:#?}");
    }
}

/// The fields of the API key's method with another one, and findings about it.
fn with_field(field: &str) -> (Connector, Vec<Finding>) {
    let to = format!("        - {{ key: more, label: More, {field} }}\n      configNotices:\n");
    let (connector, findings) = with("      configNotices:\n", &to);
    let about = |finding: &Finding| finding.message.contains("`more`");
    (connector.unwrap(), findings.into_iter().filter(about).collect())
}

#[test]
fn hb_7_conditions_and_computed_values_are_carried_over() {
    for (field, wanted) in [
        (
            "type: text, required: true, condition: \"{{credentials.subdomain == 'eu'}}\"",
            r#"{"condition": "${subdomain} == 'eu'", "required": true}"#,
        ),
        (
            "type: text, required: true, display: false, value: 'https://${credentials.subdomain}.x'",
            r#"{"default": "https://${subdomain}.x", "hidden": true, "required": true}"#,
        ),
        (
            "type: text, computed: true, value: \"{{subdomain == 'eu' ? 'a' : 'b'}}\"",
            r#"{"computed": "(${subdomain} == 'eu') ? 'a' : 'b'", "hidden": true, "required": false}"#,
        ),
        (
            "type: text, readOnly: true, value: \"${credentials.subdomain ?? 'x'}\"",
            r#"{"computed": "${subdomain} ?? 'x'", "read_only": true, "required": false}"#,
        ),
    ] {
        let (acme, findings) = with_field(field);
        assert!(findings.is_empty(), "{findings:#?}");
        let written = serde_json::to_value(&acme.auth[0].config_fields[2]).unwrap();
        let wanted: serde_json::Value = serde_json::from_str(wanted).unwrap();
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(&written[name], value, "{field}: {name}");
        }
    }
}

#[test]
fn hb_7_what_cannot_be_worked_out_is_told_by_name() {
    for (field, told) in [
        ("type: text, condition: \"{{credentials.n > 3}}\"", "asked always"),
        ("type: text, condition: \"{{credentials.apiKey}}\"", "asked always"),
        ("type: text, value: \"{{now()}}\"", "left to be filled in"),
        ("type: password, display: false", "it is asked"),
        ("type: text, required: true, display: false", "not shown and has no value"),
        ("type: text, required: true, value: \"{{now()}}\"", "calls `now`"),
    ] {
        let (acme, findings) = with_field(field);
        let [finding] = findings.try_into().unwrap();
        assert!(finding.message.contains(told), "{field}: {finding:?}");
        let is_off = told.contains("value") || told.contains("calls");
        assert_eq!(acme.auth[0].unavailable.is_some(), is_off, "{field}");
    }
}

#[test]
fn a_field_in_a_host_is_held_to_a_host() {
    let (connector, _) = with("            pattern: '^[a-z]+$'\n", "            format: email\n");
    let pattern = connector.unwrap().auth[0].config_fields[1].pattern.clone().unwrap();
    assert!(pattern.contains("A-Za-z0-9.-"), "{pattern}");
}

#[test]
fn what_cannot_be_expressed_switches_the_method_off() {
    unavailable("$.credentials.apiKey", "'{{credentials.apiKey + \"x\"}}'");
    unavailable("type: basic", "type: digest");
    unavailable("https://login.acme.example/token", "'{{a ? b : c}}'");
    unavailable("pkce: true", "magic: true");
    unavailable("value: refresh_token", "value: exotic");
    unavailable("https://${credentials.subdomain}.acme.example/v1", "'{{credentials.url}}${x}'");
    unavailable("grantType: authorization_code", "grantType: password");
}

/// The refresh call with an argument, or a member, more.
fn refreshing(more: &str) -> (Option<Connector>, Vec<Finding>) {
    let last = "- { name: client_id, value: $.credentials.clientId, in: body }\n";
    with(last, &format!("{last}{more}\n"))
}

#[test]
fn what_a_refresh_sends_besides_is_carried_over() {
    let arg = |text: &str| format!("                    - {text}");
    let oauth = |more: &str| refreshing(more).0.unwrap().auth[1].clone();
    let scoped = oauth(&arg("{ name: scope, value: 'read ${credentials.subdomain}', in: body }"));
    assert_eq!(scoped.unavailable, None);
    assert_eq!(scoped.refresh_extra["scope"].as_str(), "read ${subdomain}");
    let signed = oauth(
        "                  authorization:\n                    type: basic\n                    \
         username: $.credentials.clientId\n                    \
         password: $.credentials.clientSecret",
    );
    assert_eq!((signed.unavailable, signed.refresh_auth_method), (None, Some(TokenAuth::Basic)));
    for same in [
        "{ name: Content-Type, value: application/x-www-form-urlencoded, in: headers }",
        "{ name: Accept, value: application/json, in: headers }",
    ] {
        let plain = oauth(&arg(same));
        assert_eq!((plain.unavailable, plain.refresh_extra.len()), (None, 0), "{same}");
    }
}

#[test]
fn what_a_refresh_would_send_otherwise_switches_the_method_off() {
    for more in [
        "{ name: Authorization, value: 'Basic ${credentials.clientId}', in: headers }",
        "{ name: Content-Type, value: application/json, in: headers }",
        "{ name: X-Tenant, value: a, in: headers }",
        "{ name: scope, value: read, in: query }",
        "{ name: client_secret, value: other, in: body }",
        "{ name: redirect_uri, value: '${apiHostUri}/callback', in: body }",
        "{ name: scope, value: read }",
        "{ name: scope, value: read, in: body, condition: '{{credentials.x}}' }",
    ] {
        let (connector, findings) = refreshing(&format!("                    - {more}"));
        assert!(connector.unwrap().auth[1].unavailable.is_some(), "{more}");
        assert!(!findings.is_empty(), "{more}");
    }
}

#[test]
fn types_beyond_custom_and_oauth2_are_refused_clearly() {
    let (connector, findings) = with("type: custom", "type: mcp");
    assert!(connector.is_none());
    let finding = &findings.iter().find(|f| f.severity == Severity::Error).unwrap();
    assert_eq!(finding.place, "authentication[0].api_key.type");
    assert!(finding.message.contains("`mcp` is not supported"));
}

#[test]
fn threat_35_hostile_files_are_refused() {
    for (from, to) in [
        ("https://${credentials.subdomain}.acme.example/v1", "https://*.acme.example"),
        ("https://${credentials.subdomain}.acme.example/v1", "https://127.0.0.1/"),
        ("https://login.acme.example/token", "http://login.acme.example/token"),
        ("https://login.acme.example/token", "https://login.acme.example/../token"),
        ("$.credentials.apiKey", "$.credentials.otherThing"),
        ("'^[a-z]+$'", "'(a{1000}){1000}'"),
        ("'^[a-z]+$'", "'.*'"),
        ("key: acme", "key: ../../etc"),
        ("title: Acme", "title: \"\\e[31mAcme\""),
        ("instanceId: $.instance.id", "instanceId: $.instance.id\n          access_token: $.y"),
        ("realm: realmId", "realm: accessToken"),
    ] {
        let (connector, findings) = with(from, to);
        assert!(connector.is_none() && refused(&findings), "{to}: {findings:#?}");
    }
}

#[test]
fn a_place_is_told_as_it_stands_in_the_file() {
    let (_, findings) = with("'^[a-z]+$'", "'^('");
    let places: Vec<_> = findings.iter().map(|finding| finding.place.as_str()).collect();
    let wanted = "authentication[0].api_key.configFields[1].validation.pattern";
    assert!(places.contains(&wanted), "{places:?}");
}

#[test]
fn repeated_references_are_merged_and_other_members_may_not_repeat() {
    let (connector, findings) = read(ACME, &[]);
    assert_eq!(connector.len(), 1);
    let missing = findings.iter().filter(|finding| finding.message.contains("is not at hand"));
    assert_eq!(missing.count(), 2);
    let (connector, findings) = with("baseUrl:", "baseUrl: https://a.example\nbaseUrl:");
    assert!(connector.is_none());
    assert!(findings[0].message.contains("`baseUrl` stands twice"), "{findings:?}");
}

#[test]
fn an_alias_bomb_is_cut_short() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let alias = format!("*a{}", n - 1);
        let aliases = vec![alias; 9].join(", ");
        writeln!(bomb, "a{n}: &a{n} [{aliases}]").unwrap();
    }
    let start = std::time::Instant::now();
    assert!(refused(&read(&bomb, &[]).1));
    assert!(refused(&read(&"[".repeat(100_000), &[]).1));
    assert!(refused(&read(&"- ".repeat(100_000), &[]).1));
    assert!(refused(&read(&"{a: ".repeat(100_000), &[]).1));
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
}

#[test]
fn other_documents_are_refused_with_a_reason() {
    for text in ["", "- a", "x", "~", "a: b: c", "StackOne: 2.0.0", "\t", "--- a\n--- b"] {
        let (connectors, findings) = read(text, &[]);
        assert!(connectors.is_empty() && refused(&findings), "{text:?}");
    }
}
