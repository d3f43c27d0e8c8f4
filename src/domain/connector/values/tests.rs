use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Checked, Editor, FieldProblem, Mode, check_values};
use crate::domain::connector::Field;
use crate::domain::secret::Secret;

fn fields() -> Vec<Field> {
    serde_json::from_value(json!([
        {"key": "host", "label": "Host", "type": "text", "required": true,
         "pattern": "^[a-z.]+$"},
        {"key": "api_key", "label": "API key", "type": "password", "required": true,
         "secret": true, "pattern": "^k-"},
        {"key": "region", "label": "Region", "type": "select", "default": "eu",
         "options": [{"value": "eu", "label": "EU"}, {"value": "us", "label": "US"}]},
        {"key": "port", "label": "Port", "type": "number"},
        {"key": "pin", "label": "PIN", "type": "password", "secret": true},
        {"key": "note", "label": "Note", "type": "text_area"}
    ]))
    .unwrap()
}

fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect()
}

fn new(pairs: &[(&str, &str)]) -> Result<Checked, Vec<FieldProblem>> {
    check_values(&fields(), &given(pairs), Mode::New)
}

fn edit(pairs: &[(&str, &str)]) -> Result<Checked, Vec<FieldProblem>> {
    edit_by(Editor::EndUser, pairs)
}

fn edit_by(by: Editor, pairs: &[(&str, &str)]) -> Result<Checked, Vec<FieldProblem>> {
    let stored = ["host", "api_key", "port", "pin"].map(str::to_owned).into();
    check_values(&fields(), &given(pairs), Mode::Edit { stored: &stored, by })
}

fn problem(result: Result<Checked, Vec<FieldProblem>>) -> String {
    let problems = result.unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    format!("{} {}", problems[0].field, problems[0].message)
}

#[test]
fn good_values_are_parted_into_public_and_secret_and_defaults_fill() {
    let checked = new(&[("host", "acme.example"), ("api_key", " k-1\n")]).unwrap();
    let public: Vec<_> = checked.public.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(public, [("host", "acme.example"), ("region", "eu")]);
    assert_eq!(checked.secret["api_key"].expose(), "k-1");
}

#[test]
fn hb_18_a_number_comes_as_digits_in_a_string_and_is_kept_as_given() {
    let with = |port: &str| new(&[("host", "a"), ("api_key", "k-1"), ("port", port)]);
    for port in ["0", "8080", "007", "123456789012345678901234567890"] {
        assert_eq!(with(port).unwrap().public["port"], port);
    }
    for bad in ["-1", "1.5", "1e3", "+1", "0x1f", "١", "eight"] {
        assert!(problem(with(bad)).starts_with("port is not a number"), "{bad}");
    }
}

#[test]
fn hb_8_a_wrong_form_is_told_in_words() {
    let told = |more: Value| {
        let mut field = json!({"key": "f", "label": "F", "type": "text"});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let field: Field = serde_json::from_value(field).unwrap();
        problem(check_values(&[field], &given(&[("f", "no such thing")]), Mode::New))
    };
    let pattern = "^[a-z]+$";
    for (field, said) in [
        (json!({"pattern": pattern}), "does not have the form needed"),
        (
            json!({"pattern": pattern, "placeholder": "acme"}),
            "does not have the form needed, such as acme",
        ),
        (json!({"pattern": pattern, "placeholder": "Your site"}), "does not have the form needed"),
        (json!({"pattern": "^[0-9]*$", "placeholder": ""}), "does not have the form needed"),
        (json!({"pattern": pattern, "pattern_error": "is a word"}), "is a word"),
        (json!({"format": "email", "placeholder": "Mail"}), "is not an e-mail address"),
        (json!({"format": "email", "pattern": "@acme"}), "is not an e-mail address"),
        (json!({"format": "email", "pattern_error": "is a mail"}), "is a mail"),
    ] {
        assert_eq!(told(field), format!("f {said}"));
    }
}

#[test]
fn what_is_required_must_be_given() {
    assert_eq!(problem(new(&[("host", "a")])), "api_key is required");
    assert_eq!(problem(new(&[("host", "  "), ("api_key", "k-1")])), "host is required");
}

#[test]
fn a_text_of_blanks_is_no_text() {
    let mut fields = fields();
    let note = fields.iter_mut().find(|field| field.key == "note").unwrap();
    note.required = true;
    for blank in ["   ", "\n\t\r\n", "\u{feff}\u{a0}"] {
        let given = given(&[("host", "a"), ("api_key", "k-1"), ("note", blank)]);
        assert_eq!(problem(check_values(&fields, &given, Mode::New)), "note is required");
    }
    let kept = new(&[("host", "a"), ("api_key", "k-1"), ("note", "\u{feff} one\n")]).unwrap();
    assert_eq!(kept.public["note"], " one\n");
}

#[test]
fn signs_that_nobody_sees_are_taken_from_the_ends_and_refused_within_a_secret() {
    for sign in ["\u{200b}", "\u{200d}", "\u{2060}", "\u{feff}", "\u{ad}", "\u{202a}"] {
        let (host, key) = (format!("{sign} acme{sign}"), format!("{sign}k-1{sign}\n"));
        let checked = new(&[("host", host.as_str()), ("api_key", key.as_str())]).unwrap();
        assert_eq!(checked.public["host"], "acme");
        assert_eq!(checked.secret["api_key"].expose(), "k-1");
        let within = format!("k-{sign}1");
        let said = problem(new(&[("host", "a"), ("api_key", within.as_str())]));
        assert!(said.starts_with("api_key has an invisible sign in it"), "{said}");
    }
    let said = problem(new(&[("host", "a"), ("api_key", "\u{201c}k-1\u{201d}")]));
    assert!(said.starts_with("api_key stands in curly quotes"), "{said}");
}

#[test]
fn an_unknown_key_is_a_problem_with_a_near_name() {
    let said = problem(new(&[("host", "a"), ("api_key", "k-1"), ("prot", "1")]));
    assert_eq!(said, "prot is not a field here; did you mean `port`?");
}

#[test]
fn every_problem_is_told_at_once() {
    let problems = new(&[("region", "eu1"), ("port", "8o")]).unwrap_err();
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["host", "api_key", "region", "port"]);
    assert!(problems[2].message.contains("eu, us"), "{problems:?}");
}

#[test]
fn threat_32_a_message_never_holds_a_secret() {
    let secret = "hunter2-hunter2";
    let long = secret.repeat(5000);
    for value in [secret, "hunter2\u{1b}hunter2", long.as_str()] {
        let problems = new(&[("host", "a"), ("api_key", value)]).unwrap_err();
        assert!(!format!("{problems:?}").contains("hunter2"));
    }
}

#[test]
fn control_characters_and_huge_values_are_refused() {
    let fine = [("host", "a"), ("api_key", "k-1")];
    let with = |key: &'static str, value: &str| {
        let mut all = given(&fine);
        all.insert(key.to_owned(), Secret::new(value));
        check_values(&fields(), &all, Mode::New)
    };
    assert!(with("api_key", "k-----BEGIN\nkey\n-----").is_ok());
    assert!(with("note", "one\n\ttwo\r\n").is_ok());
    assert!(with("note", "\u{1b}[2J").is_err());
    assert!(with("host", "a\nb").is_err());
    assert!(with("note", &"x".repeat(200_000)).is_ok());
    assert!(with("note", &"x".repeat(300_000)).is_err());
    assert!(with("host", &"x".repeat(70_000)).is_err());
}

#[test]
fn ac_38_an_edit_keeps_what_is_not_given() {
    assert_eq!(edit(&[]).unwrap().secret, BTreeMap::new());
    let checked = edit(&[("host", "b"), ("api_key", "")]).unwrap();
    assert!(checked.secret.is_empty() && checked.public["host"] == "b");
    assert_eq!(problem(edit(&[("host", "")])), "host is required");
    assert_eq!(edit(&[("port", "")]).unwrap().cleared, BTreeSet::from(["port".to_owned()]));
}

#[test]
fn ac_38_an_empty_secret_is_untouched_on_a_page_and_taken_away_by_an_administrator() {
    let untouched = edit(&[("api_key", ""), ("pin", " ")]).unwrap();
    assert!(untouched.secret.is_empty() && untouched.cleared.is_empty());
    let administrator = |pairs: &[(&str, &str)]| edit_by(Editor::Administrator, pairs);
    assert_eq!(problem(administrator(&[("api_key", "\n")])), "api_key is required");
    let cleared = administrator(&[("pin", "")]).unwrap();
    assert_eq!(cleared.cleared, BTreeSet::from(["pin".to_owned()]));
    assert!(cleared.secret.is_empty());
    assert!(administrator(&[]).unwrap().cleared.is_empty(), "what is not given stays");
}

#[test]
fn hb_11_a_placeholder_is_never_a_secret() {
    let placeholder = ("api_key", "__secretvalue:**redacted**1234");
    assert!(edit(&[placeholder]).unwrap().secret.is_empty());
    assert_eq!(problem(new(&[("host", "a"), placeholder])), "api_key is required");
}

#[test]
fn a_read_only_field_keeps_its_value() {
    let field = |value: Value| serde_json::from_value::<Field>(value).unwrap();
    let fixed = [field(json!({"key": "v", "label": "V", "type": "text", "read_only": true,
                              "default": "1"}))];
    assert!(check_values(&fixed, &given(&[("v", "1")]), Mode::New).is_ok());
    assert!(check_values(&fixed, &given(&[("v", "2")]), Mode::New).is_err());
}

proptest! {
    #[test]
    fn any_values_are_checked_without_a_panic(
        values in proptest::collection::btree_map("[a-z_]{0,8}|host|api_key|port", any::<String>(), 0..6)
    ) {
        let given = values.into_iter().map(|(key, value)| (key, Secret::new(value))).collect();
        let _ = check_values(&fields(), &given, Mode::New);
    }
}
