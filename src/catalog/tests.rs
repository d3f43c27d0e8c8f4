use std::path::Path;
use std::time::{Duration, Instant};

use super::{AuthSummary, Query, find_entry, get, index, search, suggest};
use crate::domain::connector::form::check_form;
use crate::domain::connector::validate::{check, refused};
use crate::domain::connector::values::Mode;
use crate::domain::connector::{AuthKind, Category, Connector};
use crate::domain::credentials::Values;
use crate::domain::secret::Secret;

fn all() -> Vec<Connector> {
    let read = |text: &str| serde_json::from_str(text).map_err(|error| format!("{error}: {text}"));
    index().iter().map(|entry| read(entry.text()).unwrap()).collect()
}

#[test]
fn every_connector_keeps_to_the_rules() {
    let mut wrong = Vec::new();
    for connector in all() {
        let findings = check(&connector);
        if refused(&findings) || connector.docs_url.is_none() || connector.confidence.is_none() {
            wrong.push((connector.key, findings));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_pattern_has_words_for_people() {
    for connector in all() {
        for method in &connector.auth {
            for field in method.config_fields.iter().chain(&method.setup_fields) {
                let Some(pattern) = &field.pattern else { continue };
                let said = field.pattern_error.as_deref().unwrap_or_default();
                let name = format!("{}/{}: {}", connector.key, method.key, field.key);
                assert!(!said.is_empty() && !said.contains(pattern.as_str()), "{name}: {said}");
            }
        }
    }
}

#[test]
fn every_method_of_the_catalog_can_be_used_or_says_why_not() {
    for connector in all() {
        // Their calls are XML documents with the credentials inside.
        let unavailable = ["sageintacct/xml_session", "workday/basic"];
        for auth in &connector.auth {
            let name = format!("{}/{}", connector.key, auth.key);
            assert_eq!(auth.unavailable.is_some(), unavailable.contains(&name.as_str()), "{name}");
        }
    }
}

#[test]
fn threat_35_the_login_host_of_salesforce_is_one_of_its_own() {
    let salesforce = get(&"salesforce".parse().unwrap()).unwrap();
    let method = salesforce.auth_method(&"oauth2".parse().unwrap()).unwrap();
    let fits = |host: &str| {
        let given = [("login_host".to_owned(), Secret::new(host))].into();
        check_form(&method.config_fields, &Values::default(), &given, Mode::New).is_ok()
    };
    for host in [
        "login.salesforce.com",
        "test.salesforce.com",
        "acme.my.salesforce.com",
        "acme--uat.sandbox.my.salesforce.com",
    ] {
        assert!(fits(host), "{host}");
    }
    for host in [
        "evil.example",
        "evilsalesforce.com",
        "salesforce.com.evil.example",
        "x.salesforce.com:8443",
    ] {
        assert!(!fits(host), "{host}");
    }
}

#[test]
fn the_index_says_what_the_definitions_say() {
    assert_eq!(index().len(), 284);
    assert!(index().is_sorted_by(|one, other| one.key < other.key));
    for (entry, connector) in index().iter().zip(all()) {
        assert_eq!(entry.key, connector.key.as_str());
        assert_eq!(entry.name, connector.name);
        assert_eq!(entry.core, connector.core);
        assert_eq!(entry.icon, connector.icon.as_deref());
        assert_eq!(entry.categories, connector.categories);
        let first = connector.first_method_without_setup().map(|auth| auth.key.as_str());
        assert_eq!(entry.first_method_without_setup().map(|auth| auth.key), first);
        assert_eq!(entry.auth.len(), connector.auth.len());
        for (AuthSummary { key, label, kind, needs_setup, usable }, auth) in
            entry.auth.iter().zip(&connector.auth)
        {
            assert_eq!(*key, auth.key.as_str());
            assert_eq!(*label, auth.label);
            assert_eq!((*kind, *needs_setup), (auth.kind, auth.needs_setup()));
            assert_eq!(*usable, auth.unavailable.is_none(), "{key}");
        }
    }
}

#[test]
fn the_index_is_made_of_the_files_in_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog/connectors");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), index().len());
    for entry in index() {
        let text = std::fs::read_to_string(folder.join(format!("{}.json", entry.key))).unwrap();
        let file: Connector = serde_json::from_str(&text).unwrap();
        assert_eq!(get(&file.key).as_deref(), Some(&file));
    }
}

#[test]
fn a_definition_survives_being_written_and_read() {
    for connector in all() {
        let text = serde_json::to_string(&connector).unwrap();
        assert_eq!(serde_json::from_str::<Connector>(&text).unwrap(), connector);
    }
}

#[test]
fn parsing_all_of_it_is_quick_even_unoptimised() {
    let start = Instant::now();
    assert_eq!(all().len(), index().len());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_connector_is_found_by_its_key_alone() {
    assert_eq!(find_entry("bamboohr").map(|entry| entry.name), Some("BambooHR"));
    assert!(get(&"hubspot".parse().unwrap()).is_some());
    assert!(get(&"nosuchthing".parse().unwrap()).is_none());
    assert!(find_entry("BambooHR").is_none() && find_entry("").is_none());
}

#[test]
fn a_search_looks_at_key_and_name_in_any_case() {
    let keys = |query: Query<'_>| -> Vec<&str> {
        search(&query).into_iter().map(|entry| entry.key).collect()
    };
    let found = keys(Query { search: Some("BAMBOO"), ..Query::default() });
    assert_eq!(found, ["bamboohr"]);
    assert_eq!(keys(Query::default()).len(), index().len());
    let some = Query {
        categories: &[Category::Accounting],
        auth: Some(AuthKind::OAuth2AuthorizationCode),
        search: None,
    };
    let found = search(&some);
    assert!(!found.is_empty() && found.len() < 30);
    assert!(found.iter().all(|entry| entry.categories.contains(&Category::Accounting)));
    assert!(keys(Query { search: Some("no such thing"), ..Query::default() }).is_empty());
}

#[test]
fn a_mistyped_key_has_suggestions() {
    assert_eq!(suggest("bambohr").first(), Some(&"bamboohr"));
    assert_eq!(suggest("hubsopt").first(), Some(&"hubspot"));
    assert!(suggest("qqqqqqqqqq").is_empty());
}
