use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::is_address;
use crate::domain::connector::form::check_filled;
use crate::domain::connector::values::{Checked, FieldProblem, Mode};
use crate::domain::connector::{AuthMethod, Connector};
use crate::domain::credentials::Values;
use crate::domain::secret::Secret;

const HOST: &str = "^[A-Za-z0-9.-]+(:[0-9]+)?$";
const LABEL: &str = "^[A-Za-z0-9][A-Za-z0-9-]*$";
const KEY: &str = "-----BEGIN PRIVATE KEY-----MIIE-----END PRIVATE KEY-----";

/// A connector whose first method has these fields; its second one says where logins are.
fn connector(base_url: &str, fields: &Value, more: &Value) -> Connector {
    let mut method = json!({
        "key": "one", "type": "custom", "label": "One", "config_fields": fields,
        "authorization": {"type": "none"},
    });
    method.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "key": "acme", "name": "Acme", "categories": ["crm"], "base_url": base_url,
        "auth": [method, {
            "key": "two", "type": "oauth2_authorization_code", "label": "Two",
            "authorization_url": "https://${subdomain}.acme.example/authorize",
            "token_url": "https://id.acme.example/token",
            "authorization": {"type": "bearer", "token": "${access_token}"},
        }],
    }))
    .unwrap()
}

fn check(connector: &Connector, pairs: &[(&str, &str)]) -> Result<Checked, Vec<FieldProblem>> {
    let method: &AuthMethod = &connector.auth[0];
    let given: BTreeMap<String, Secret> =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect();
    let fields = &method.config_fields;
    check_filled(connector, method, fields, &Values::default(), &given, Mode::New)
}

/// What is kept of one value, or what is told of it.
fn kept(connector: &Connector, key: &str, value: &str) -> String {
    match check(connector, &[(key, value)]) {
        Ok(checked) => checked.public[key].clone(),
        Err(problems) => problems[0].message.clone(),
    }
}

fn text(key: &str, pattern: &str) -> Value {
    json!([{"key": key, "label": "F", "type": "text", "required": true, "pattern": pattern}])
}

#[test]
fn of_a_pasted_address_the_part_is_kept_that_the_field_asks_for() {
    // Where its own addresses have it in a path, those of another method tell.
    for base_url in
        ["https://${subdomain}.acme.example/v1", "https://api.acme.example/${subdomain}"]
    {
        let acme = connector(base_url, &text("subdomain", LABEL), &json!({}));
        for pasted in [
            "globex",
            "globex.acme.example",
            "https://globex.acme.example",
            " https://globex.acme.example/ ",
            "HTTPS://globex.ACME.example/login?next=%2F#top",
            "globex.acme.example/home",
        ] {
            assert_eq!(kept(&acme, "subdomain", pasted), "globex", "{pasted}");
        }
        for other in [
            "https://globex.acme.example.evil.example/",
            "https://globex.acme.example@evil.example/",
            "https://evil.example/globex.acme.example",
            "https://x@globex.acme.example/",
            "https://.acme.example/",
            "https://a.b.acme.example/",
            "ftp://globex.acme.example/",
        ] {
            assert_eq!(kept(&acme, "subdomain", other), "does not have the form needed", "{other}");
        }
    }
}

#[test]
fn of_a_pasted_address_the_whole_host_is_kept_where_the_field_is_the_host() {
    let acme = connector("https://${host}/v1", &text("host", HOST), &json!({}));
    for (pasted, host) in [
        ("wiki.globex.example", "wiki.globex.example"),
        ("https://wiki.globex.example/start", "wiki.globex.example"),
        ("http://wiki.globex.example:8443/", "wiki.globex.example:8443"),
        ("https://x:y@globex.example/", "does not have the form needed"),
    ] {
        assert_eq!(kept(&acme, "host", pasted), host, "{pasted}");
    }
    let any = json!([{"key": "host", "label": "F", "type": "text"}]);
    let acme = connector("https://${host}/v1", &any, &json!({}));
    assert_eq!(kept(&acme, "host", "https://wiki.globex.example/"), "wiki.globex.example");
}

#[test]
fn what_may_be_more_than_a_host_or_stands_beside_another_field_stays() {
    let told = "does not have the form needed";
    for (base_url, pattern, pasted, kept_as) in [
        ("https://${host}/v1", "^[a-z./]+$", "globex.example/x", "globex.example/x"),
        ("https://${host}/v1", "^[a-z./]+$", "https://globex.example/x", told),
        ("${host}/v1", "^https://.+", "https://globex.example/x", "https://globex.example/x"),
        ("https://${host}.${zone}/v1", LABEL, "https://globex.acme.example/", told),
        ("https://acme.example/${host}", LABEL, "https://globex.example/", told),
    ] {
        let acme = connector(base_url, &text("host", pattern), &json!({}));
        assert_eq!(kept(&acme, "host", pasted), kept_as, "{base_url}");
    }
}

#[test]
fn a_field_of_an_address_is_known_as_one() {
    let is = |base_url: &str| {
        let acme = connector(base_url, &text("f", HOST), &json!({}));
        is_address(&acme, &acme.auth[0].config_fields[0])
    };
    assert!(is("https://${f}/v1") && is("${f}/v1"));
    assert!(!is("https://${f}.acme.example/v1") && !is("https://acme.example/${f}"));
}

#[test]
fn a_wrong_paste_for_a_key_file_is_told_on_its_field() {
    let area = json!([
        {"key": "file", "label": "File", "type": "text_area", "required": true, "secret": true},
        {"key": "pin", "label": "PIN", "type": "text", "required": true},
    ]);
    let jwt = json!({"jwt": {
        "alg": "RS256", "private_key": "${file}.private_key", "expires_in": 60,
        "claims": {"iss": "${file}.client_email"},
    }});
    let acme = connector("https://acme.example", &area, &jwt);
    let whole = json!({"private_key": KEY, "client_email": "a@b.example"}).to_string();
    assert!(check(&acme, &[("file", whole.as_str()), ("pin", "1")]).is_ok());
    let half = whole.split_at(whole.len() / 2).0;
    let locked = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let locked = json!({"private_key": locked, "client_email": "a@b.example"}).to_string();
    for (pasted, wanted) in [
        ("my key", "is not a key file"),
        ("[1]", "is not a key file"),
        (half, "is not whole"),
        (KEY, "is only the key within the file"),
        ("{}", "has no `client_email`"),
        (r#"{"client_email": "a@b.example", "private_key": null}"#, "has no `private_key`"),
        (r#"{"client_email": "a@b.example", "private_key": "x"}"#, "has a `private_key` that is"),
        (locked.as_str(), "has a `private_key` that has a password"),
    ] {
        let problems = check(&acme, &[("file", pasted), ("pin", "1")]).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].field, "file");
        assert!(problems[0].message.starts_with(wanted), "{pasted}: {problems:?}");
    }
    // Told at once with what else is wrong, and in the order of the fields.
    let problems = check(&acme, &[("file", "planted"), ("extra", "1")]).unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["file", "pin", "extra"]);
    assert!(!format!("{problems:?}").contains("planted"), "threat 32");
    assert_eq!(kept(&acme, "file", ""), "is required");
}

#[test]
fn a_private_key_and_a_certificate_are_whole_or_told_on_their_fields() {
    let areas = json!([
        {"key": "key", "label": "Key", "type": "text_area", "secret": true},
        {"key": "certificate", "label": "Certificate", "type": "text_area"},
    ]);
    let mtls = json!({"mtls": {"certificate": "${certificate}", "private_key": "${key}"}});
    let acme = connector("https://acme.example", &areas, &mtls);
    let certificate = KEY.replace("PRIVATE KEY", "CERTIFICATE");
    let lines = KEY.replace("-----MIIE-----", "-----\nMIIE\n-----");
    let rsa = KEY.replace("PRIVATE", "RSA PRIVATE");
    for key in [KEY, lines.as_str(), rsa.as_str()] {
        assert!(check(&acme, &[("key", key), ("certificate", certificate.as_str())]).is_ok());
    }
    let locked = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let cut = KEY.split_at(31).0;
    for (field, pasted, wanted) in [
        ("key", certificate.as_str(), "is not a whole private key"),
        ("key", cut, "is not a whole private key"),
        ("key", locked.as_str(), "has a password"),
        ("certificate", KEY, "is not a whole certificate"),
        ("certificate", "MIIE", "is not a whole certificate"),
    ] {
        let problems = check(&acme, &[(field, pasted)]).unwrap_err();
        assert_eq!(problems[0].field, field);
        assert!(problems[0].message.starts_with(wanted), "{pasted}: {problems:?}");
    }
}
