use serde_json::{Value, json};

use super::{Exposure, Used, may_expose, of_client, of_method};
use crate::domain::caller::{ActingKey, Caller};
use crate::domain::connector::Connector;
use crate::domain::ids::{KeyNumber, ProjectNumber};
use crate::domain::refusal::Refusal;

const EVIL: &str = "https://evil.example";

/// A connector whose only method has these members.
fn acme(more: &Value) -> Connector {
    let mut method = json!({
        "key": "m", "type": "oauth2_authorization_code", "label": "M",
        "config_fields": [
            {"key": "host", "label": "Host", "type": "text"},
            {"key": "api_key", "label": "Key", "type": "password", "secret": true}
        ],
        "setup_fields": [
            {"key": "client_id", "label": "Id", "type": "text", "required": true},
            {"key": "site", "label": "Site", "type": "text", "default": "acme"},
            {"key": "client_secret", "label": "Secret", "type": "password", "secret": true}
        ],
        "base_url": "https://${host}.acme.example/v1",
        "authorization_url": "https://login.acme.example/authorize",
        "token_url": "https://login.acme.example/token",
        "captured": [{"key": "instance", "from": "token_response", "path": "url"}],
        "authorization": {"type": "bearer", "token": "${access_token}"}
    });
    method.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let acme = json!({
        "key": "acme", "name": "Acme", "base_url": "https://api.acme.example", "auth": [method],
        "verify": {"method": "GET", "path": "/me"}
    });
    serde_json::from_value(acme).unwrap()
}

fn only(connector: &Connector) -> Used<'_> {
    (connector, &connector.auth[0])
}

fn between(before: &Value, after: &Value) -> Exposure {
    let (before, after) = (acme(before), acme(after));
    of_method(Some(only(&before)), Some(only(&after)))
}

fn field(key: &str, more: &Value) -> Value {
    let mut field = json!({"key": key, "label": key, "type": "text"});
    field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    field
}

fn origins(of: &Exposure) -> Vec<&str> {
    of.origins.iter().map(String::as_str).collect()
}

fn shown(of: &Exposure) -> Vec<&str> {
    of.shown.iter().map(String::as_str).collect()
}

fn key(scopes: &str) -> Caller {
    let key = ActingKey {
        number: KeyNumber(7),
        id: "k".parse().unwrap(),
        name: "ci".parse().unwrap(),
        scopes: scopes.parse().unwrap(),
        expires_at: None,
    };
    Caller::with_key(key, ProjectNumber(1), "default".to_owned())
}

#[test]
fn threat_12_another_definition_takes_what_is_stored_to_a_host_that_is_new() {
    let at = "https://evil.example/x";
    for more in [
        json!({ "base_url": at }),
        json!({ "token_url": at }),
        json!({ "refresh_url": at }),
        json!({ "revocation_url": at }),
        json!({"token_request": {"method": "POST", "url": at, "token_path": "t"}}),
        json!({"captured": [{"key": "c", "from": "lookup", "path": "p", "url": at}]}),
        json!({"verify": {"method": "GET", "path": at}}),
    ] {
        assert_eq!(origins(&between(&json!({}), &more)), [EVIL], "{more}");
        assert!(between(&more, &more).is_empty(), "{more}");
    }
    for (from, to) in [
        ("https://${host}.acme.example", "http://${host}.acme.example"),
        ("https://${host}.acme.example", "https://${host}.acme.example.evil.example"),
        ("https://${host}.acme.example", "https://${host}"),
        ("https://${host}.${site}.example", "https://${site}.${host}.example"),
        ("https://acme.example", "https://acme.example:8443"),
        ("${instance}/api", "${instance}.evil.example/api"),
        ("${instance}.evil", "${instance}.evil/api"),
    ] {
        let found = between(&json!({ "base_url": from }), &json!({ "base_url": to }));
        assert_eq!(found.origins.len(), 1, "{from} {to}");
    }
}

#[test]
fn what_leads_where_it_led_is_no_news() {
    for (from, to) in [
        ("https://${host}.acme.example/v1", "https://${host}.acme.example/v2/${site}?a=b"),
        ("https://Acme.Example", "https://acme.example:443/v2"),
        ("https://acme.example", "https://login.acme.example/api"),
    ] {
        let found = between(&json!({ "base_url": from }), &json!({ "base_url": to }));
        assert!(found.is_empty(), "{from} {to}: {found:?}");
    }
    let words = json!({"config_fields": [
        field("host", &json!({"label": "Your host", "placeholder": "eu1", "required": true})),
        field("more", &json!({})),
        field("api_key", &json!({"secret": true}))
    ]});
    assert!(between(&json!({}), &words).is_empty());
    // A browser opens it, with nothing secret.
    let login = json!({"authorization_url": "https://elsewhere.example/authorize"});
    assert!(between(&json!({}), &login).is_empty());
}

#[test]
fn threat_12_a_name_in_a_host_counts_with_where_its_value_is_from() {
    let secret = field("api_key", &json!({"secret": true}));
    let host = |more: &Value| json!({"config_fields": [field("host", more), secret]});
    for more in [
        json!({"default": "evil.example/"}),
        json!({"computed": "'evil'"}),
        json!({"condition": "${site} == 'x'"}),
    ] {
        assert_eq!(between(&json!({}), &host(&more)).origins.len(), 1, "{more}");
        assert!(between(&host(&more), &host(&more)).is_empty(), "{more}");
    }
    // What a preset follows from counts as well, however far away it is.
    let chain = |end: &str| {
        json!({"config_fields": [
            field("host", &json!({"default": "${middle}"})),
            field("middle", &json!({"default": "${end}"})),
            field("end", &json!({ "default": end })),
            secret
        ]})
    };
    assert_eq!(between(&chain("acme"), &chain("evil")).origins.len(), 1);
    let captured = |from: &str, path: &str| {
        json!({
            "base_url": "${instance}/api",
            "captured": [{"key": "instance", "from": from, "path": path}]
        })
    };
    let before = captured("token_response", "url");
    for after in [captured("callback_query", "url"), captured("token_response", "other")] {
        assert_eq!(origins(&between(&before, &after)), ["${instance}"]);
    }
}

#[test]
fn threat_35_what_had_no_definition_may_go_nowhere_by_a_new_one() {
    let acme = acme(&json!({}));
    let found = of_method(None, Some(only(&acme)));
    assert_eq!(origins(&found), ["https://${host}.acme.example", "https://login.acme.example"]);
    assert!(of_method(Some(only(&acme)), None).is_empty());
}

#[test]
fn threat_12_a_stored_secret_stays_one() {
    let open = json!({"setup_fields": [
        field("client_id", &json!({"required": true})), field("client_secret", &json!({}))
    ]});
    assert_eq!(shown(&between(&json!({}), &open)), ["client_secret"]);
    assert!(between(&open, &open).is_empty());
    // What is gone could come back as what may be seen.
    let gone = json!({"setup_fields": [field("client_id", &json!({"required": true}))]});
    assert_eq!(shown(&between(&json!({}), &gone)), ["client_secret"]);
    let token = json!({"config_fields": [
        field("refresh_token", &json!({})), field("api_key", &json!({"secret": true}))
    ]});
    assert_eq!(shown(&between(&json!({}), &token)), ["refresh_token"]);
    for more in [
        json!({"authorization_params": {"x": "${client_secret}"}}),
        json!({"authorization_url": "https://login.acme.example/${client_secret}"}),
        json!({"redirect_uri": "https://hub.example/?x=${client_secret}"}),
        json!({"default_scopes": ["x:${client_secret}"]}),
        json!({"required_scopes": ["x:${client_secret}"]}),
    ] {
        assert_eq!(shown(&between(&json!({}), &more)), ["client_secret"], "{more}");
        assert!(between(&more, &more).is_empty(), "{more}");
    }
}

#[test]
fn threat_14_the_secret_of_an_application_goes_where_it_went() {
    let (plain, evil) = (acme(&json!({})), acme(&json!({"token_url": "https://evil.example/t"})));
    let of = |before: &[&Connector], after: &Connector| {
        let before: Vec<Used<'_>> = before.iter().map(|known| only(known)).collect();
        of_client(&before, &[only(after)])
    };
    assert!(of(&[&plain], &plain).is_empty());
    assert_eq!(origins(&of(&[&plain], &evil)), [EVIL]);
    assert!(of(&[&plain, &evil], &evil).is_empty());
    assert!(!of(&[], &plain).is_empty());
    let open = acme(&json!({"authorization_params": {"x": "${client_secret}"}}));
    assert_eq!(shown(&of(&[&plain], &open)), ["client_secret"]);
    assert!(of(&[&plain, &open], &open).is_empty());
    assert!(of_client(&[], &[]).is_empty());
}

#[test]
fn threat_14_only_who_administers_lets_stored_secrets_go_elsewhere() {
    let exposure = between(&json!({}), &json!({"token_url": "https://evil.example/t"}));
    let connector = "acme".parse().unwrap();
    let may = |caller: &Caller| may_expose(&exposure, &connector, caller);
    let local = Caller::local(ProjectNumber(1), "default".to_owned());
    assert_eq!((may(&local), may(&key("connectors:write admin"))), (Ok(()), Ok(())));
    for scopes in ["connectors:write", "connectors:write platform:write projects:write"] {
        let (connector, exposure) = (connector.clone(), exposure.clone());
        assert_eq!(may(&key(scopes)), Err(Refusal::Exposes { connector, exposure }));
        assert_eq!(
            may_expose(&Exposure::default(), &"acme".parse().unwrap(), &key(scopes)),
            Ok(())
        );
    }
}

#[test]
fn what_it_does_is_told_in_words_of_a_bounded_length() {
    let connector = "acme".parse().unwrap();
    assert!(Exposure::default().deeds(&connector).is_empty());
    let origins = (1..=7).map(|number| format!("https://{number}.example")).collect();
    let shown = ["client_secret".to_owned()].into();
    assert_eq!(
        Exposure { origins, shown }.deeds(&connector),
        [
            "sends secrets that are stored for `acme` to https://1.example, https://2.example, \
             https://3.example, https://4.example, https://5.example and 2 more",
            "shows what is stored as a secret for `acme`: `client_secret`",
        ]
    );
}
