use serde_json::{Value, json};

use super::{FieldProblem, added, called, may_keep, moved, names_host, of_setup};
use crate::domain::connector::{AuthMethod, Connector, Template};
use crate::domain::credentials::Values;
use crate::domain::secret::Secret;

fn acme(more: &Value) -> Connector {
    let mut method = json!({
        "key": "m", "type": "oauth2_authorization_code", "label": "M",
        "config_fields": [
            {"key": "host", "label": "Host", "type": "text", "pattern": "^[a-z.-]+$"},
            {"key": "api_key", "label": "Key", "type": "password", "secret": true}
        ],
        "setup_fields": [
            {"key": "site", "label": "Site", "type": "text", "default": "acme"},
            {"key": "client_secret", "label": "Secret", "type": "password", "secret": true}
        ],
        "authorization": {"type": "bearer", "token": "${access_token}"}
    });
    method.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let acme = json!({
        "key": "acme", "name": "Acme", "base_url": "https://api.acme.example", "auth": [method],
        "verify": {"method": "GET", "path": "/me"}
    });
    serde_json::from_value(acme).unwrap()
}

fn values(pairs: &[(&str, &str)]) -> Values {
    let mut values = Values::default();
    for (name, value) in pairs {
        values.insert(*name, Secret::new(*value));
    }
    values
}

fn only(connector: &Connector) -> &AuthMethod {
    &connector.auth[0]
}

/// Where calls go after the host has become `evil.example`, if that is new.
fn led_astray(more: &Value) -> Option<String> {
    let acme = acme(more);
    let own = values(&[("host", "h.acme.example"), ("instance", "https://i.acme.example")]);
    let evil = values(&[("host", "evil.example"), ("instance", "https://i.acme.example")]);
    assert_eq!(added(&acme, only(&acme), &own, &own), None);
    added(&acme, only(&acme), &own, &evil)
}

#[test]
fn who_types_a_part_of_a_host_names_it() {
    for (base, wanted) in [
        ("https://${host}.acme.example/api", true),
        ("https://${host}/api", true),
        ("${host}/api", true),
        ("https://acme.example/${host}", false),
        ("https://${site}.acme.example", false),
        ("https://acme.example", false),
    ] {
        let acme = acme(&json!({ "base_url": base }));
        let method = only(&acme);
        assert_eq!(names_host(&acme, method, &method.config_fields), wanted, "{base}");
    }
}

#[test]
fn threat_12_every_address_that_is_called_counts() {
    let at = "https://${host}/x";
    let captured = |item: Value| json!({ "captured": [item] });
    for more in [
        json!({ "base_url": at }),
        json!({ "token_url": at }),
        json!({ "refresh_url": at }),
        json!({ "revocation_url": at }),
        json!({"token_request": {"method": "POST", "url": at, "token_path": "t"}}),
        json!({"token_request": {"request_token_url": at, "access_token_url": "https://a.example",
            "authorization_url": "https://a.example"}}),
        json!({"token_request": {"request_token_url": "https://a.example", "access_token_url": at,
            "authorization_url": "https://a.example"}}),
        captured(json!({"key": "c", "from": "lookup", "path": "p", "url": at})),
        json!({"verify": {"method": "GET", "path": at}}),
    ] {
        assert_eq!(led_astray(&more).as_deref(), Some("https://evil.example"), "{more}");
    }
    // A browser opens this one.
    assert_eq!(led_astray(&json!({ "authorization_url": at })), None);
}

#[test]
fn what_is_not_known_yet_is_passed_over() {
    let more = json!({
        "base_url": "${instance}/api",
        "captured": [{"key": "instance", "from": "token_response", "path": "url"}]
    });
    assert_eq!(led_astray(&more), None);
    let acme = acme(&more);
    let (nothing, known) = (values(&[]), values(&[("instance", "https://i.acme.example")]));
    assert_eq!(added(&acme, only(&acme), &known, &nothing), None);
    assert_eq!(called(&acme, only(&acme)).len(), 1);
}

#[test]
fn an_origin_is_scheme_host_and_port_in_one_spelling() {
    let acme = acme(&json!({ "base_url": "https://${host}/api" }));
    let from = values(&[("host", "h.acme.example")]);
    let to = |host: &str| added(&acme, only(&acme), &from, &values(&[("host", host)]));
    for same in ["H.Acme.Example", "h.acme.example:443"] {
        assert_eq!(to(same), None, "{same}");
    }
    for other in ["h.acme.example:8443", "acme.example", "h.acme.example.evil.example"] {
        assert_eq!(to(other), Some(format!("https://{other}")));
    }
}

#[test]
fn threat_12_what_is_not_given_anew_is_named() {
    let acme = acme(&json!({ "base_url": "https://${host}/api" }));
    let (from, to) = (values(&[("host", "h.example")]), values(&[("host", "evil.example")]));
    let keep = |to: &Values, kept: &[&str]| may_keep(&acme, only(&acme), (&from, to), kept);
    assert_eq!(keep(&to, &[]), Ok(()));
    assert_eq!(keep(&from, &["api_key"]), Ok(()));
    let problem =
        |field: &str, message: &str| FieldProblem { field: field.into(), message: message.into() };
    assert_eq!(
        keep(&to, &["api_key", "refresh_token"]),
        Err(vec![
            problem(
                "api_key",
                "must be entered again, since calls would now go to https://evil.example"
            ),
            problem(
                "refresh_token",
                "is for another host than https://evil.example: a new login is needed"
            ),
        ])
    );
}

#[test]
fn threat_14_a_set_up_leads_elsewhere_whatever_its_accounts_fill_in() {
    let acme = acme(&json!({
        "base_url": "https://${host}.${site}.example", "token_url": "https://${site}.example/t"
    }));
    let method = only(&acme);
    let setup = |pairs: &[(&str, &str)]| {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        of_setup(method, &pairs.iter().map(owned).collect())
    };
    let evil = setup(&[("site", "evil")]);
    assert_eq!(added(&acme, method, &setup(&[]), &setup(&[("site", "acme")])), None);
    let to = moved(&acme, method, &setup(&[]), &evil);
    assert_eq!(to.as_deref(), Some("https://x.evil.example"));
    assert_eq!(moved(&acme, method, &evil, &evil), None);
    let mut also = acme.clone();
    also.auth[0].base_url = Some(Template::new("https://acme.example"));
    also.auth[0].revocation_url = Some(Template::new("https://acme.example/r"));
    let to = moved(&also, only(&also), &setup(&[]), &evil);
    assert_eq!(to.as_deref(), Some("https://evil.example"), "one call stays");
}

#[test]
fn an_address_that_is_known_for_the_first_time_takes_nothing_from_another() {
    let mut acme = acme(&json!({ "token_url": "https://${site}.example/t" }));
    acme.auth[0].setup_fields[0].default = None;
    let (none, some) = (values(&[]), values(&[("site", "acme")]));
    assert!(added(&acme, only(&acme), &none, &some).is_some());
    assert_eq!(moved(&acme, only(&acme), &none, &some), None);
}
