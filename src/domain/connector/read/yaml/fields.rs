//! Fields, notices and guides of a StackOne file, in the catalog's form.

use serde_json::{Map, Value, json};

use super::{Notes, expression, put, text};

/// A field list; what can't be carried over is noted.
pub(super) fn fields(list: Option<&Value>, place: &str, notes: &mut Notes) -> Value {
    let items = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let items = items.iter().enumerate();
    items.map(|(number, item)| field(item, &format!("{place}[{number}]"), notes)).collect()
}

const KNOWN: [&str; 18] = [
    "key",
    "label",
    "type",
    "required",
    "secret",
    "readOnly",
    "placeholder",
    "description",
    "tooltip",
    "guide",
    "options",
    "validation",
    "value",
    "computed",
    "externalSystemAccountIdentifier",
    "condition",
    "display",
    "default",
];

fn field(item: &Value, place: &str, notes: &mut Notes) -> Value {
    let Some(members) = item.as_object() else {
        notes.error(place, "is not a field");
        return Value::Null;
    };
    notes.unknown(members, &KNOWN, place);
    let mut out = Map::new();
    put(&mut out, "key", item.get("key").and_then(text));
    put(&mut out, "label", item.get("label").or_else(|| item.get("key")).and_then(text));
    put(&mut out, "type", item.get("type").and_then(text).or_else(|| Some("text".to_owned())));
    let flag = |name: &str| item.get(name).and_then(Value::as_bool).unwrap_or(false);
    let secret = flag("secret") || item.get("type") == Some(&json!("password"));
    out.insert("required".to_owned(), flag("required").into());
    out.insert("secret".to_owned(), secret.into());
    // A field that is not shown keeps its value, as one that can't be changed does.
    let hidden = item.get("display") == Some(&Value::Bool(false));
    out.insert("read_only".to_owned(), (flag("readOnly") || hidden).into());
    out.insert("identifies_account".to_owned(), flag("externalSystemAccountIdentifier").into());
    put(&mut out, "placeholder", item.get("placeholder").and_then(text));
    for name in ["description", "tooltip"] {
        let guide = item.get("guide").and_then(|guide| guide.get(name));
        put(&mut out, name, guide.or_else(|| item.get(name)).and_then(text));
    }
    if let Some(options) = item.get("options").and_then(Value::as_array) {
        let option = |option: &Value| {
            let value = option.get("value").and_then(text);
            let label = option.get("label").and_then(text).or_else(|| value.clone());
            json!({ "value": value, "label": label })
        };
        out.insert("options".to_owned(), options.iter().map(option).collect());
    }
    validation(item, place, &mut out, notes);
    preset(item, place, secret, &mut out, notes);
    Value::Object(out)
}

fn validation(item: &Value, place: &str, out: &mut Map<String, Value>, notes: &mut Notes) {
    let Some(validation) = item.get("validation").filter(|value| !value.is_null()) else { return };
    let pattern = validation.get("pattern").and_then(text);
    let pattern = match validation.get("type").and_then(Value::as_str) {
        Some("domain") => pattern.map(|part| format!("{}\\.com", regex::escape(&part))),
        _ => pattern,
    };
    let format = validation.get("format").and_then(text);
    if pattern.is_none() && format.is_none() {
        notes.warning(&format!("{place}.validation"), "has neither pattern nor format: ignored");
    }
    put(out, "pattern", pattern);
    put(out, "format", format);
    let said = validation.get("errorMessage").or_else(|| validation.get("error"));
    put(out, "pattern_error", said.and_then(text));
}

fn preset(
    item: &Value,
    place: &str,
    secret: bool,
    out: &mut Map<String, Value>,
    notes: &mut Notes,
) {
    let flag = |name: &str| item.get(name).and_then(Value::as_bool).unwrap_or(false);
    let value = item.get("value").or_else(|| item.get("default")).and_then(text);
    let computed = value.as_deref().is_some_and(|value| {
        let converted = expression::template(value);
        converted.is_err() || converted.is_ok_and(|converted| converted != value)
    });
    if flag("computed") || computed {
        if flag("required") {
            notes.unavailable(place, "the value of a required field is computed");
        } else {
            notes.warning(place, "has a computed value: left to be filled in");
            out.insert("read_only".to_owned(), false.into());
        }
    } else if secret && value.is_some() {
        notes.warning(place, "is a secret with a preset value: the value is ignored");
    } else {
        put(out, "default", value.filter(|value| !value.is_empty()));
    }
    if item.get("condition").is_some_and(|condition| !condition.is_null()) {
        notes.warning(place, "is shown on a condition only: shown always, and not required");
        out.insert("required".to_owned(), false.into());
    }
}

/// The banners of one form.
pub(super) fn notices(
    list: Option<&Value>,
    form: &str,
    place: &str,
    notes: &mut Notes,
) -> Vec<Value> {
    let items = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut out = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let kind = item.get("type").and_then(text).unwrap_or_else(|| "info".to_owned());
        let Some(description) = item.get("description").and_then(text) else {
            notes.warning(&format!("{place}[{number}]"), "has no text: ignored");
            continue;
        };
        let key = item.get("key").and_then(text).unwrap_or_else(|| format!("notice{number}"));
        let mut notice = Map::new();
        put(&mut notice, "key", Some(key));
        put(&mut notice, "form", Some(form.to_owned()));
        put(&mut notice, "type", Some(kind));
        put(&mut notice, "description", Some(description));
        put(&mut notice, "position", item.get("position").and_then(text));
        put(&mut notice, "anchor", item.get("anchor").and_then(text).filter(|key| !key.is_empty()));
        out.push(Value::Object(notice));
    }
    out
}

/// Link, description and guides.
pub(super) fn support(value: Option<&Value>) -> Option<Value> {
    let value = value.filter(|value| value.is_object())?;
    let mut out = Map::new();
    put(&mut out, "link", value.get("link").and_then(text));
    put(&mut out, "description", value.get("description").and_then(text));
    let mut guides = Map::new();
    for name in ["config", "setup"] {
        if let Some(guide) = value.pointer(&format!("/guides/{name}")).filter(|g| g.is_object()) {
            let mut written = Map::new();
            put(&mut written, "warning", guide.get("warning").and_then(text));
            written.insert("sections".to_owned(), sections(guide.get("sections"), 0));
            guides.insert(name.to_owned(), Value::Object(written));
        }
    }
    if !guides.is_empty() {
        out.insert("guides".to_owned(), Value::Object(guides));
    }
    Some(Value::Object(out))
}

fn sections(list: Option<&Value>, depth: usize) -> Value {
    let items = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().filter(|item| item.is_object()).map(|item| section(item, depth)).collect()
}

fn section(item: &Value, depth: usize) -> Value {
    let mut out = Map::new();
    put(&mut out, "title", item.get("title").and_then(text));
    put(&mut out, "content", item.get("content").and_then(text));
    for (from, to) in [("list", "list"), ("applicableScopes", "applicable_scopes")] {
        if let Some(list) = item.get(from).and_then(Value::as_array) {
            out.insert(to.to_owned(), list.iter().filter_map(text).map(Value::from).collect());
        }
    }
    if let Some(src) = item.pointer("/image/src").and_then(text) {
        let alt = item.pointer("/image/alt").and_then(text).unwrap_or_default();
        out.insert("image".to_owned(), json!({ "src": src, "alt": alt }));
    }
    if item.get("displayScopes") == Some(&Value::Bool(true)) {
        out.insert("display_scopes".to_owned(), true.into());
    }
    if depth == 0 && item.get("steps").is_some() {
        out.insert("steps".to_owned(), sections(item.get("steps"), depth + 1));
    }
    Value::Object(out)
}
