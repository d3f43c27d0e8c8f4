//! What is taken from a file's actions: categories, the test calls, where credentials are put.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Notes, Partial, content_type, expression, text};
use crate::domain::connector::Category;
use crate::domain::connector::validate::MAX_LIGHT_CALLS;
use crate::domain::words::escaped;

/// All actions of a file and its partials.
pub(super) fn all<'a>(file: &'a Value, partials: &'a [(String, Value)]) -> Vec<&'a Value> {
    let mut found = Vec::new();
    if let Some(Value::Array(items)) = file.get("actions") {
        found.extend(items.iter().filter(|item| item.get("steps").is_some() || has_id(item)));
    }
    for (_, partial) in partials {
        found.extend(partial.as_array().into_iter().flatten());
    }
    found
}

fn has_id(item: &Value) -> bool {
    item.get("actionId").is_some() || item.get("id").is_some()
}

/// Names of partials that the file asks for and that are not among those given.
pub(super) fn missing_partials(file: &Value, partials: &[Partial<'_>]) -> Vec<String> {
    let mut names = Vec::new();
    let mut collect = |value: Option<&Value>| match value {
        Some(Value::String(name)) => names.push(name.clone()),
        Some(Value::Array(list)) => names.extend(list.iter().filter_map(text)),
        _ => {}
    };
    collect(file.get("$ref"));
    match file.get("actions") {
        Some(Value::Array(items)) => items.iter().for_each(|item| collect(item.get("$ref"))),
        Some(actions) => collect(actions.get("$ref")),
        None => {}
    }
    names.retain(|name| !partials.iter().any(|partial| partial.name == name));
    names
}

/// The categories that the actions carry.
pub(super) fn categories(actions: &[&Value], notes: &mut Notes) -> Vec<Category> {
    let mut found = Vec::new();
    for name in actions.iter().filter_map(|action| action.get("categories")) {
        for name in name.as_array().into_iter().flatten().filter_map(text) {
            match name.parse::<Category>() {
                Ok(category) if !found.contains(&category) => found.push(category),
                Ok(_) => {}
                // For the vendor's own use; no connector is listed by it.
                Err(_) if name == "internal" => {}
                Err(error) => notes.warning("actions", &format!("{error}: ignored")),
            }
        }
    }
    found.sort_unstable();
    found
}

/// The one request of an action, if it is that simple.
fn only_request(action: &Value) -> Result<&Value, String> {
    let steps = action.get("steps").and_then(Value::as_array).ok_or("has no steps")?;
    let [step] = steps.as_slice() else { return Err("has more than one step".to_owned()) };
    request(step).ok_or_else(|| "is not a plain request".to_owned())
}

/// The parameters of a request step.
pub(super) fn request(step: &Value) -> Option<&Value> {
    let function = step.get("stepFunction").unwrap_or(step);
    let name = function.get("functionName").or_else(|| function.get("name"));
    if name.and_then(Value::as_str) == Some("request") {
        return function.get("parameters");
    }
    step.get("request").filter(|request| request.is_object())
}

/// What the test actions of a method come to.
#[derive(Default)]
pub(super) struct Tests {
    /// The light calls made from them, in their order.
    pub calls: Vec<Value>,
    /// Those that can't be run, by their number: which they are, and why.
    pub left_out: Vec<(usize, String)>,
}

/// Light calls from the test actions of a method with these fields.
pub(super) fn tests(auth: &Value, actions: &[&Value], fields: &BTreeSet<String>) -> Tests {
    let mut tests = Tests::default();
    let list = auth.get("testActions").or_else(|| auth.get("testActionsIds"));
    for (number, test) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let call = match tests.calls.len() < MAX_LIGHT_CALLS {
            true => light_call(test, actions, fields),
            false => Err(format!("comes after {MAX_LIGHT_CALLS} others")),
        };
        match call {
            Ok(call) => tests.calls.push(call),
            Err(why) => tests.left_out.push((number, format!("{}{why}", name_of(test)))),
        }
    }
    tests
}

/// The id of a test's action, as the beginning of a sentence.
fn name_of(test: &Value) -> String {
    let named = test.get("action").unwrap_or(test);
    let id = ["actionId", "id"].iter().find_map(|name| named.get(name)).unwrap_or(named);
    let id = text(id).unwrap_or_default();
    let shown = escaped(&id, 64);
    if shown.is_empty() { shown } else { format!("`{shown}` ") }
}

fn light_call(
    test: &Value,
    actions: &[&Value],
    fields: &BTreeSet<String>,
) -> Result<Value, String> {
    let condition = test.get("condition").filter(|condition| !condition.is_null());
    let condition = match condition {
        Some(condition) => {
            let read = text(condition).ok_or_else(|| "is no text".to_owned());
            let read = read.and_then(|text| expression::expression(&text, fields));
            Some(read.map_err(|why| format!("has a condition that {why}"))?)
        }
        None => None,
    };
    let named = test.get("action").unwrap_or(test);
    let action = match named {
        Value::String(_) => {
            let is = |action: &&&Value| {
                ["actionId", "id"].iter().any(|name| action.get(name) == Some(named))
            };
            actions.iter().find(is).copied().ok_or("is not among the actions")?
        }
        inline => inline,
    };
    let call = only_request(action)?;
    let optional = test.get("required") == Some(&Value::Bool(false));
    let mut out = Map::new();
    let method = call.get("method").and_then(text).unwrap_or_else(|| "get".to_owned());
    if !["get", "post"].contains(&method.to_lowercase().as_str()) {
        return Err("is neither GET nor POST".to_owned());
    }
    if call.get("authorization").is_some() || call.get("customErrors").is_some() {
        return Err("signs its call or reads errors in its own way".to_owned());
    }
    let url = call.get("url").and_then(text).unwrap_or_default();
    let mut path = expression::template(&url)?;
    if let Some(base) = call.get("baseUrl").and_then(text) {
        let base = expression::template(&base)?;
        path = format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'));
    } else if !path.starts_with('/') && !path.starts_with("https://") {
        path = format!("/{path}");
    }
    arguments(call, &mut path, &mut out)?;
    out.insert("method".to_owned(), method.to_uppercase().into());
    out.insert("path".to_owned(), path.into());
    out.insert("optional".to_owned(), optional.into());
    if let Some(condition) = condition {
        out.insert("condition".to_owned(), condition.to_string().into());
    }
    Ok(Value::Object(out))
}

fn arguments(call: &Value, path: &mut String, out: &mut Map<String, Value>) -> Result<(), String> {
    let (mut headers, mut body) = (Map::new(), Map::new());
    for arg in call.get("args").and_then(Value::as_array).into_iter().flatten() {
        if arg.get("condition").is_some_and(|condition| !condition.is_null()) {
            return Err("has an argument on a condition".to_owned());
        }
        let name = arg.get("name").and_then(text).ok_or("has an argument without a name")?;
        let value = arg.get("value").and_then(text).ok_or("has an argument that is no text")?;
        let value = expression::template(&value)?;
        match arg.get("in").and_then(Value::as_str) {
            Some("query") => {
                let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:~[]${}".contains(c);
                if !name.chars().chain(value.chars()).all(plain) {
                    return Err("has a query that must be encoded".to_owned());
                }
                path.push(if path.contains('?') { '&' } else { '?' });
                path.push_str(&format_args!("{name}={value}").to_string());
            }
            Some("headers") if name.eq_ignore_ascii_case("content-type") => {
                out.insert("content_type".to_owned(), content_type(&value)?);
            }
            Some("headers") => drop(headers.insert(name, value.into())),
            Some("body") => drop(body.insert(name, value.into())),
            _ => return Err("has an argument in an unknown place".to_owned()),
        }
    }
    if !headers.is_empty() {
        out.insert("headers".to_owned(), Value::Object(headers));
    }
    if !body.is_empty() {
        out.insert("body".to_owned(), Value::Object(body));
    }
    Ok(())
}

/// Headers and query members by which the actions send credentials, where all agree.
pub(super) fn credentials(actions: &[&Value], auth: &Value) -> Option<Value> {
    let tests = auth.get("testActions").and_then(Value::as_array).into_iter().flatten();
    let inline = tests.filter_map(|test| test.get("action")).filter(|action| action.is_object());
    let actions = actions.iter().copied().chain(inline);
    let steps = actions.filter_map(|action| action.get("steps")?.as_array()).flatten();
    let mut found: BTreeMap<(&str, String), String> = BTreeMap::new();
    for call in steps.filter_map(request) {
        for arg in call.get("args").and_then(Value::as_array).into_iter().flatten() {
            let value = arg.get("value").and_then(text)?;
            if !value.contains("credentials.") {
                continue;
            }
            let kind = match arg.get("in").and_then(Value::as_str) {
                Some("headers") => "header",
                Some("query") => "query",
                _ => return None,
            };
            let value = expression::template(&value).ok()?;
            let name = arg.get("name").and_then(text)?;
            if found.insert((kind, name), value.clone()).is_some_and(|before| before != value) {
                return None;
            }
        }
    }
    let of = |wanted: &str| -> Map<String, Value> {
        let some = found.iter().filter(|((kind, _), _)| *kind == wanted);
        some.map(|((_, name), value)| (name.clone(), value.clone().into())).collect()
    };
    let (header, query) = (of("header"), of("query"));
    let kind = match (header.is_empty(), query.is_empty()) {
        (true, true) => return None,
        (false, _) => "header",
        (true, false) => "query",
    };
    Some(json!({ "type": kind, "header": header, "query": query }))
}
