use serde_json::{Value, json};

use super::*;
use crate::domain::connector::values::Editor;

fn fields(fields: Value) -> Vec<Field> {
    let mut fields = fields;
    for field in fields.as_array_mut().unwrap() {
        let key = field["key"].clone();
        for (name, value) in [("label", key), ("type", json!("text"))] {
            field.as_object_mut().unwrap().entry(name).or_insert(value);
        }
    }
    serde_json::from_value(fields).unwrap()
}

fn values(pairs: &[(&str, &str)]) -> Values {
    Values::from(given(pairs))
}

fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect()
}

fn region() -> Vec<Field> {
    fields(json!([
        {"key": "region", "required": true},
        {"key": "host", "required": true, "condition": "${region} == 'own'"},
        {"key": "token", "type": "password", "secret": true, "condition": "${plan} == 'paid'"},
        {"key": "url", "hidden": true, "required": true,
         "computed": "${region} == 'own' ? ${host} : 'https://acme.example'"}
    ]))
}

fn keys(fields: &[Field]) -> Vec<(&str, bool)> {
    fields.iter().map(|field| (field.key.as_str(), field.required)).collect()
}

#[test]
fn hb_7_presets_are_filled_from_what_may_be_shown() {
    let fields = fields(json!([{"key": "host", "default": "${subdomain}.acme.example"}]));
    let filled = asked(&fields, &values(&[("subdomain", "eu")]));
    assert_eq!(filled[0].default.as_deref(), Some("eu.acme.example"));
    assert_eq!(asked(&fields, &Values::default())[0].default, None);
}

#[test]
fn hb_7_what_is_hidden_or_does_not_apply_is_not_asked() {
    let fields = region();
    assert_eq!(keys(&asked(&fields, &Values::default())), [("region", true), ("host", false)]);
    let paid = asked(&fields, &values(&[("plan", "paid")]));
    assert_eq!(keys(&paid), [("region", true), ("host", false), ("token", false)]);
}

#[test]
fn hb_7_what_follows_from_the_form_is_worked_out_when_it_is_filled_in() {
    let check = |pairs: &[(&str, &str)]| {
        check_form(&region(), &Values::default(), &given(pairs), Mode::New)
    };
    let eu = check(&[("region", "eu"), ("host", "left over"), ("token", "left over")]).unwrap();
    let wanted = [("region", "eu"), ("url", "https://acme.example")];
    assert_eq!(eu.public, wanted.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert!(eu.secret.is_empty());
    let own = check(&[("region", "own"), ("host", "https://h.example")]).unwrap();
    assert_eq!(own.public["url"], "https://h.example");
    let missing = check(&[("region", "own")]).unwrap_err();
    assert!(missing.iter().any(|problem| problem.field == "host"), "{missing:?}");
    let other = check(&[("region", "eu"), ("other", "x")]).unwrap_err();
    assert_eq!(other[0].field, "other");
}

#[test]
fn hb_7_a_hidden_value_is_nobodys_to_give() {
    let given = given(&[("region", "eu"), ("url", "https://evil.example")]);
    let checked = check_form(&region(), &Values::default(), &given, Mode::New).unwrap();
    assert_eq!(checked.public["url"], "https://acme.example");
    let nothing = fields(json!([{"key": "url", "hidden": true, "default": "${setup}"}]));
    let checked = check_form(&nothing, &Values::default(), &given_url(), Mode::New).unwrap();
    assert!(checked.public.is_empty());
    let fixed = fields(json!([{"key": "url", "read_only": true, "default": "${setup}"}]));
    let setup = values(&[("setup", "https://acme.example")]);
    assert!(check_form(&fixed, &setup, &given_url(), Mode::New).is_err());
    let checked = check_form(&fixed, &Values::default(), &given_url(), Mode::New).unwrap();
    assert!(checked.public.is_empty());
}

fn given_url() -> BTreeMap<String, Secret> {
    given(&[("url", "https://evil.example")])
}

#[test]
fn hb_10_an_edit_works_out_again_what_follows_and_drops_what_no_longer_applies() {
    let stored = ["region", "host", "url"].map(str::to_owned).into();
    let known = values(&[("region", "own"), ("host", "https://h.example")]);
    let mode = Mode::Edit { stored: &stored, by: Editor::EndUser };
    let edit = |pairs: &[(&str, &str)]| check_form(&region(), &known, &given(pairs), mode).unwrap();
    let same = edit(&[]);
    assert!(same.cleared.is_empty());
    assert_eq!(same.public["url"], "https://h.example");
    let moved = edit(&[("region", "eu")]);
    assert_eq!(moved.public["url"], "https://acme.example");
    assert_eq!(moved.cleared, ["host".to_owned()].into());
}

#[test]
fn hb_7_a_field_may_depend_on_one_that_stands_behind_it() {
    let fields = fields(json!([
        {"key": "host", "required": true, "condition": "${region} == 'own'"},
        {"key": "region", "default": "own"}
    ]));
    let check =
        |pairs: &[(&str, &str)]| check_form(&fields, &Values::default(), &given(pairs), Mode::New);
    assert!(check(&[]).is_err(), "the preset of the second asks for the first");
    let own = check(&[("host", "h.example")]).unwrap();
    assert_eq!(own.public.get("host").map(String::as_str), Some("h.example"));
    let eu = check(&[("host", "left over"), ("region", "eu")]).unwrap();
    assert!(!eu.public.contains_key("host"));
}

#[test]
fn hb_10_what_is_stored_does_not_stand_for_a_value_that_comes_to_nothing() {
    let fields = fields(json!([
        {"key": "site"},
        {"key": "host", "required": true, "hidden": true, "default": "${site}.acme.example"}
    ]));
    let stored: BTreeSet<String> = ["site", "host"].map(str::to_owned).into();
    let mode = Mode::Edit { stored: &stored, by: Editor::EndUser };
    let edit = |pairs: &[(&str, &str)], known: &[(&str, &str)]| {
        check_form(&fields, &values(known), &given(pairs), mode)
    };
    assert!(edit(&[], &[("host", "old.acme.example")]).is_err());
    assert!(edit(&[], &[("site", "eu"), ("host", "old.acme.example")]).is_ok());
}

#[test]
fn threat_35_a_preset_that_its_field_does_not_allow_is_none() {
    let one = &fields(json!([
        {"key": "made", "hidden": true, "default": "${brought}", "pattern": "^[a-z]+$"}
    ]))[0];
    assert_eq!(one.fitting_preset(&values(&[("brought", "fine")])).as_deref(), Some("fine"));
    assert_eq!(one.fitting_preset(&values(&[("brought", "e.vil")])), None);
}
