//! Fields, notices and guides of a StackOne file, in the catalog's form.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::expression::Preset;
use super::{Notes, Shape, expression, put, text};
use crate::domain::connector::form::SHOWN_TOKEN;
use crate::domain::words::escaped;

/// A field list; what can't be carried over is noted. `readable` are the values that conditions and
/// presets may read.
pub(super) fn fields(
    list: Option<&Value>,
    place: &str,
    readable: &BTreeSet<String>,
    notes: &mut Notes,
) -> Value {
    let items = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let items = items.iter().enumerate();
    items
        .map(|(number, item)| field(item, &format!("{place}[{number}]"), readable, notes))
        .collect()
}

/// What may be shown of these field lists, and so may be read by others of them.
pub(super) fn readable(lists: [Option<&Value>; 2]) -> BTreeSet<String> {
    let fields = lists.into_iter().filter_map(|list| list?.as_array()).flatten();
    let shown = fields.filter(|field| !is_secret(field));
    let keys = shown.filter_map(|field| field.get("key").and_then(text));
    keys.chain([SHOWN_TOKEN.to_owned()]).collect()
}

fn flag(item: &Value, name: &str) -> bool {
    item.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn is_secret(item: &Value) -> bool {
    flag(item, "secret") || item.get("type") == Some(&json!("password"))
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

const SHAPES: [(&str, Shape); 9] = [
    ("required", Shape::Flag),
    ("secret", Shape::Flag),
    ("readOnly", Shape::Flag),
    ("computed", Shape::Flag),
    ("externalSystemAccountIdentifier", Shape::Flag),
    ("display", Shape::Flag),
    ("options", Shape::List),
    ("validation", Shape::Map),
    ("guide", Shape::Map),
];

fn field(item: &Value, place: &str, readable: &BTreeSet<String>, notes: &mut Notes) -> Value {
    let Some(members) = item.as_object() else {
        notes.error(place, "is not a field");
        return Value::Null;
    };
    notes.unknown(members, &KNOWN, place);
    notes.shapes(Some(item), &SHAPES, place);
    let mut out = Map::new();
    put(&mut out, "key", item.get("key").and_then(text));
    put(&mut out, "label", item.get("label").or_else(|| item.get("key")).and_then(text));
    put(&mut out, "type", item.get("type").and_then(text).or_else(|| Some("text".to_owned())));
    out.insert("required".to_owned(), flag(item, "required").into());
    out.insert("secret".to_owned(), is_secret(item).into());
    out.insert("read_only".to_owned(), flag(item, "readOnly").into());
    let identifies = flag(item, "externalSystemAccountIdentifier");
    out.insert("identifies_account".to_owned(), identifies.into());
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
    let mut readable = readable.clone();
    if let Some(key) = item.get("key").and_then(text) {
        readable.remove(&key);
    }
    let known = Dependent { item, place, readable };
    known.preset(&mut out, notes);
    known.condition(&mut out, notes);
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

/// A field whose preset or condition may depend on other values.
struct Dependent<'a> {
    item: &'a Value,
    place: &'a str,
    readable: BTreeSet<String>,
}

impl Dependent<'_> {
    /// The field's name in a message.
    fn name(&self) -> String {
        let key = self.item.get("key").and_then(text).unwrap_or_default();
        format!("`{}`", escaped(&key, 64))
    }

    fn preset(&self, out: &mut Map<String, Value>, notes: &mut Notes) {
        let (item, place, name) = (self.item, self.place, self.name());
        let is_shown = item.get("display") != Some(&Value::Bool(false));
        let value = item.get("value").or_else(|| item.get("default")).and_then(text);
        let value = value.filter(|value| !value.is_empty());
        if is_secret(item) {
            // What the session hands over stands in a field of its own, which nobody fills in.
            let is_handed = item.get("key") == Some(&json!("external-trigger-token"));
            if value.is_some() {
                let message = format!("{name} is a secret with a preset value, which is ignored");
                notes.warning(place, &message);
            }
            if !is_shown && !is_handed {
                notes.warning(place, &format!("{name} is a secret that is not shown: it is asked"));
            }
            return;
        }
        let preset = match value {
            Some(value) => expression::preset(&value, &self.readable).map(Some),
            None if flag(item, "computed") => Err("is not written down".to_owned()),
            None => Ok(None),
        };
        let has_preset = matches!(preset, Ok(Some(_)));
        match preset {
            Ok(Some(Preset::Template(text))) => put(out, "default", Some(text)),
            Ok(Some(Preset::Computed(read))) => put(out, "computed", Some(read.to_string())),
            Ok(None) => {}
            Err(why) if flag(item, "required") => {
                out.insert("read_only".to_owned(), false.into());
                notes.unavailable(place, &format!("the value of the required field {name} {why}"));
                return;
            }
            Err(why) => {
                let message = format!("{name} has a value that {why}: left to be filled in");
                notes.warning(place, &message);
                out.insert("read_only".to_owned(), false.into());
                return;
            }
        }
        let is_hidden = !is_shown || flag(item, "computed");
        if is_hidden && flag(item, "required") && !has_preset {
            out.insert("read_only".to_owned(), false.into());
            let why = format!("the required field {name} is not shown and has no value");
            notes.unavailable(place, &why);
            return;
        }
        out.insert("hidden".to_owned(), is_hidden.into());
    }

    fn condition(&self, out: &mut Map<String, Value>, notes: &mut Notes) {
        let condition = self.item.get("condition").filter(|condition| !condition.is_null());
        let Some(condition) = condition else { return };
        let read = text(condition).ok_or_else(|| "is no text".to_owned());
        match read.and_then(|text| expression::expression(&text, &self.readable)) {
            Ok(read) => put(out, "condition", Some(read.to_string())),
            Err(why) => {
                let name = self.name();
                let message =
                    format!("{name} has a condition that {why}: asked always, and not required");
                notes.warning(self.place, &message);
                out.insert("required".to_owned(), false.into());
            }
        }
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
