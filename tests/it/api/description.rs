//! The description of the API and the API agree.

use std::collections::{BTreeMap, BTreeSet};

use hubctl::api::{END_USER_OPERATIONS, OPERATIONS, Operation};
use hubctl::domain::caller::Permission;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::serving::Answer;

use super::calls::{Call, Things};
use super::{Api, text};

/// Holds answers against the description that the server itself gives.
pub(super) struct Checker {
    document: Value,
    validators: BTreeMap<String, Validator>,
    /// Ids of the operations, with the statuses that were seen.
    seen: BTreeMap<&'static str, BTreeSet<u16>>,
}

impl Checker {
    pub(super) fn new(api: &Api) -> Self {
        let document = api.get("/openapi.json").status(200).json();
        Self { document, validators: BTreeMap::new(), seen: BTreeMap::new() }
    }

    #[track_caller]
    pub(super) fn check(&mut self, operation: &'static Operation, answer: &Answer) {
        self.check_at(operation.id, operation.method, operation.path, answer);
    }

    /// The statuses of an operation's answers so far.
    pub(super) fn seen(&self, id: &str) -> BTreeSet<u16> {
        self.seen.get(id).cloned().unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn check_at(&mut self, id: &'static str, method: &str, path: &str, answer: &Answer) {
        let responses = &self.document["paths"][path][method.to_ascii_lowercase()]["responses"];
        let status = answer.status.to_string();
        // A provider's answer may have any status of a kind.
        let of_kind = format!("{}XX", answer.status / 100);
        let names = [status.as_str(), of_kind.as_str()];
        let name = names.into_iter().find(|name| responses.get(*name).is_some());
        let name = name.unwrap_or("default");
        assert!(name != "default" || answer.status >= 400, "{id}: {status} is not described");
        let content = responses[name].get("content").cloned();
        self.seen.entry(id).or_default().insert(answer.status);
        let Some(content) = content else {
            assert!(answer.body.is_empty(), "{id}: {}", answer.text());
            return;
        };
        if content.get("*/*").is_some() {
            return;
        }
        assert_eq!(answer.headers["content-type"], "application/json", "{id}");
        let validator = self.validators.entry(format!("{id} {name}")).or_insert_with(|| {
            let mut schema = content["application/json"]["schema"].clone();
            schema["components"] = self.document["components"].clone();
            let options = jsonschema::options().should_validate_formats(true);
            options.build(&schema).unwrap_or_else(|error| panic!("{id}: {error}"))
        });
        let value = answer.json();
        let problems: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(problems.is_empty(), "{id} {status}: {problems:#?}\n{value:#}");
        if answer.status >= 400 {
            answer.problem();
        }
    }
}

/// The holders of two keys, of which one or the other has not enough for an operation.
fn powerless(api: &Api) -> [Api; 2] {
    ["connectors:read", "connectors:write"].map(|scope| {
        let body = json!({ "name": scope.replace(':', "-"), "scopes": [scope] });
        api.holding(&text(&api.post("/admin/keys", &body).status(201).json(), "key"))
    })
}

fn every_operation_answers_as_described(home: &TestHome) {
    let (serving, api) = Api::serve(home, "--with-sample-provider");
    serving.get("/readyz").status(200);
    let mut checker = Checker::new(&api);
    let nobody = api.saying("");
    let powerless = powerless(&api);
    let missing = Things::missing();
    for (number, operation) in OPERATIONS.iter().enumerate() {
        // Each operation gets things of its own: some of them are gone afterwards.
        let things = Things::make_for(&api, &format!("n{number}"), operation);
        let call = Call::of(operation, &things, &format!("fresh-{number}"));
        checker.check(operation, &call.send(&nobody).status(401));
        if operation.id != "capabilities.get" {
            let reads_connectors = operation.permission == Permission::ConnectorsRead;
            let powerless = &powerless[usize::from(reads_connectors)];
            checker.check(operation, &call.send(powerless).status(403));
        }
        if operation.path.contains('{') {
            let lost = Call::of(operation, &missing, "lost");
            checker.check(operation, &lost.send(&api).status(404));
        }
        if call.body.is_some() {
            for bad in [json!([]), json!("text"), json!(7), Value::Null] {
                let call = Call { body: Some(bad), ..call.clone() };
                checker.check(operation, &call.send(&api).status(400));
            }
            let call = Call { body: None, ..call.clone() };
            checker.check(operation, &call.send(&api).status(415));
        }
        let answer = call.send(&api);
        assert!((200..300).contains(&answer.status), "{operation:?}: {}", answer.text());
        checker.check(operation, &answer);
        // Where it is no GET, it is tried out without effect as well.
        if operation.method != "GET" && operation.path.starts_with("/admin/") {
            let things = Things::make_for(&api, &format!("t{number}"), operation);
            let call = Call::of(operation, &things, &format!("dry-{number}"));
            let call = Call { path: format!("{}?dry_run=true", call.path), ..call };
            checker.check(operation, &call.send(&api));
        }
    }
    for operation in OPERATIONS {
        let seen = checker.seen(operation.id);
        let fine = seen.iter().any(|status| *status < 300);
        assert!(fine, "{} was never called with success: {seen:?}", operation.id);
    }
    serving.stop();
}

#[test]
fn every_operation_is_called_and_every_answer_is_as_described() {
    every_operation_answers_as_described(&TestHome::new());
}

#[test]
fn every_operation_is_called_and_every_answer_is_as_described_on_postgresql() {
    every_operation_answers_as_described(&TestHome::postgres());
}

#[test]
fn the_description_is_a_valid_document_and_needs_a_key() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    api.saying("").get("/openapi.json").status(401);
    // Any key may read it, also one that may do nothing else.
    let answer = powerless(&api)[0].get("/openapi.json").status(200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    for needed in ["title", "version"] {
        assert!(document["info"][needed].is_string(), "{needed}");
    }
    assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "basic");
    let url = document["servers"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("http") && !url.ends_with('/'), "{url}");

    let described = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, row)| (method.to_ascii_uppercase(), path.clone(), row))
    });
    let mut routes = BTreeSet::new();
    for (method, path, row) in described {
        check_row(&document, &format!("{method} {path}"), &path, row);
        routes.insert((method, path, row["operationId"].as_str().unwrap().to_owned()));
    }
    let known = OPERATIONS.iter();
    let known = known.map(|row| (row.method.to_owned(), row.path.to_owned(), row.id.to_owned()));
    let of_users = END_USER_OPERATIONS.iter();
    let of_users =
        of_users.map(|row| (row.method.to_owned(), row.path.to_owned(), row.id.to_owned()));
    assert_eq!(routes, known.chain(of_users).collect::<BTreeSet<_>>());
    for row in END_USER_OPERATIONS {
        let described = &document["paths"][row.path][row.method.to_ascii_lowercase()];
        assert_eq!(described["security"], json!([{ "session": [] }]), "{}", row.id);
    }
    let session = &document["components"]["securitySchemes"]["session"];
    assert_eq!(session["name"], "x-hub-session-token");

    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        assert!(name.chars().all(fine), "{name} is no name of a component");
        assert!(jsonschema::meta::is_valid(schema), "{name} is no schema");
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    serving.stop();
}

fn check_row(document: &Value, place: &str, path: &str, row: &Value) {
    assert!(row["summary"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
    let mut names = BTreeSet::new();
    for parameter in row["parameters"].as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        let at = parameter["in"].as_str().unwrap();
        assert!(names.insert((at, name)), "{place}: {name} twice");
        assert!(jsonschema::meta::is_valid(&parameter["schema"]), "{place}: {name}");
        match at {
            "path" => {
                assert_eq!(parameter["required"], true, "{place}: {name}");
                assert!(path.contains(&format!("{{{name}}}")), "{place}: {name}");
            }
            other => assert!(matches!(other, "query" | "header"), "{place}: {name}"),
        }
    }
    let in_path = names.iter().filter(|(at, _)| *at == "path").count();
    assert_eq!(in_path, path.matches('{').count(), "{place}");
    let responses = row["responses"].as_object().unwrap();
    assert!(responses.contains_key("default"), "{place}");
    assert!(responses.keys().any(|status| status.starts_with('2')), "{place}");
    let bodies = responses.values().chain(row.get("requestBody"));
    for body in bodies {
        let Some(content) = body.get("content") else { continue };
        let schema = &content.as_object().unwrap().values().next().unwrap()["schema"];
        let mut schema = schema.clone();
        assert!(schema.is_object(), "{place}");
        schema["components"] = document["components"].clone();
        assert!(jsonschema::validator_for(&schema).is_ok(), "{place}: {schema}");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Array(all) => all.iter().for_each(|item| collect(item, references)),
        Value::Object(all) => {
            for (key, item) in all {
                match item.as_str() {
                    Some(text) if key == "$ref" => references.push(text),
                    _ => collect(item, references),
                }
            }
        }
        _ => {}
    }
}
