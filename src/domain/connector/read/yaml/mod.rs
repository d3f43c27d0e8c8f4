//! StackOne's connector files: YAML, its expressions, and partials with actions.
//!
//! A file is turned into the catalog's own form and then goes the same way as any other. What
//! can't be carried over switches the method off, with the reason: nothing may look as if it
//! worked and then fail. Actions are not run; only what they tell about linking is taken.

mod actions;
mod expression;
mod fields;
mod hosts;
mod method;
mod oauth;

use serde::de::DeserializeSeed;
use serde_json::{Map, Value, json};

use super::tree::Tree;
use super::{Read, connector, explain, too_large};
use crate::domain::connector::near::did_you_mean;
use crate::domain::connector::validate::{Finding, MAX_METHODS};
use crate::domain::oauth::token_call::FORM;
use crate::domain::words::escaped;

/// A file with actions that a main file names by `$ref`.
#[derive(Debug, Clone, Copy)]
pub struct Partial<'a> {
    /// The name, such as `acme.employees`: the file's name without `.s1.partial.yaml`.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

const KNOWN: [&str; 13] = [
    "StackOne",
    "info",
    "baseUrl",
    "rateLimit",
    "resources",
    "context",
    "authentication",
    "actions",
    "$ref",
    "scopeDefinitions",
    "releaseStage",
    "support",
    "docsUrl",
];

/// Reads a `*.connector.s1.yaml` with those of its partials that are at hand.
#[must_use]
pub fn read(text: &str, partials: &[Partial<'_>]) -> Read {
    let mut notes = Notes::default();
    let Some(file) = parse(text, &mut notes) else { return (Vec::new(), notes.findings) };
    let mut parsed = Vec::new();
    for partial in partials {
        match tree(partial.text) {
            Ok(tree) => parsed.push((partial.name.to_owned(), tree)),
            Err(finding) => {
                let shown: String = partial.name.chars().flat_map(char::escape_debug).collect();
                let message = format!("the partial `{shown}` is ignored: {}", finding.message);
                notes.warning("actions", &message);
            }
        }
    }
    for name in actions::missing_partials(&file, partials) {
        let shown = escaped(&name, 64);
        notes.warning("actions", &format!("the partial `{shown}` is not at hand"));
    }
    let actions = actions::all(&file, &parsed);
    let (own, sources) = definition(&file, &actions, &mut notes);
    if super::refused(&notes.findings) {
        return (Vec::new(), notes.findings);
    }
    let mut found = Vec::new();
    let connector = connector(own, &mut found);
    notes.findings.extend(found.into_iter().map(|finding| as_written(finding, &sources)));
    (connector.into_iter().collect(), notes.findings)
}

fn parse(text: &str, notes: &mut Notes) -> Option<Value> {
    let file = tree(text).map_err(|finding| notes.findings.push(finding)).ok()?;
    match &file {
        Value::Object(_) => Some(file),
        Value::Array(_) => {
            notes.error("", "is a partial: give the `.connector.s1.yaml` that names it");
            None
        }
        _ => {
            notes.error("", "is not a connector file");
            None
        }
    }
}

/// The document as a tree, within limits that no honest file comes near.
fn tree(text: &str) -> Result<Value, Finding> {
    if let Some(finding) = too_large(text) {
        return Err(finding);
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 200_000,
            max_nodes: 100_000,
            max_depth: 64,
            max_documents: 1,
            max_aliases: 256,
            max_anchors: 256,
            max_merge_keys: 256,
            max_recorded_anchor_events: 100_000,
            max_recorded_anchor_bytes: 4 << 20,
            max_total_scalar_bytes: 4 << 20,
            flow_nesting_limit: 64,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 16,
            max_alias_expansions_per_anchor: 256,
        },
        // `$ref` may be repeated; the tree refuses every other member that is.
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    let tree = Tree::new(Some("$ref"));
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        tree.deserialize(deserializer)
    })
    .map_err(|error| {
        let line = error.location().map(|location| location.line());
        let message = explain::friendly(&format!("is not YAML that can be read: {error}"));
        Finding::error("", message).on_line(line)
    })
}

/// The catalog's form of the file, and for each method where it stands in the file.
fn definition(file: &Value, actions: &[&Value], notes: &mut Notes) -> (Value, Vec<String>) {
    if let Some(members) = file.as_object() {
        notes.unknown(members, &KNOWN, "");
    }
    if file.get("StackOne").and_then(text).as_deref() != Some("1.0.0") {
        notes.error("StackOne", "must be 1.0.0, the only version of the format");
    }
    let info = file.get("info").cloned().unwrap_or_default();
    let mut out = Map::new();
    put(&mut out, "key", info.get("key").and_then(text));
    put(&mut out, "name", info.get("title").and_then(text));
    put(&mut out, "version", info.get("version").and_then(text));
    put(&mut out, "description", info.get("description").and_then(text));
    put(&mut out, "icon", info.pointer("/assets/icon").and_then(text));
    put(&mut out, "release_stage", file.get("releaseStage").and_then(text));
    let docs = ["docsUrl", "resources", "context"].iter().find_map(|name| file.get(name));
    let docs = docs.and_then(text).filter(|address| {
        address.starts_with("https://") && !address.contains(char::is_whitespace)
    });
    put(&mut out, "docs_url", docs);
    if let Some(rate) = file.pointer("/rateLimit/mainRatelimit").filter(|rate| rate.is_number()) {
        out.insert("rate_limit".to_owned(), rate.clone());
    }
    let categories = actions::categories(actions, notes);
    out.insert("categories".to_owned(), json!(categories));
    if let Some(support) = fields::support(file.get("support")) {
        out.insert("support".to_owned(), support);
    }
    let base = file.get("baseUrl").and_then(text).unwrap_or_default();
    let base = expression::template(&base).map_err(|why| format!("the root of its API {why}"));
    if let Err(why) = &base {
        notes.warning("baseUrl", &format!("{why}: no method is available"));
    }
    let root = base.clone().unwrap_or_default();
    out.insert("base_url".to_owned(), root.clone().into());
    let (mut methods, mut sources) = (Vec::new(), Vec::new());
    let list = file.get("authentication").and_then(Value::as_array);
    for (number, item) in list.into_iter().flatten().enumerate() {
        let place = format!("authentication[{number}]");
        let Some((key, auth)) = item.as_object().and_then(|map| map.iter().next()) else {
            notes.error(&place, "is not a map with one key");
            continue;
        };
        if item.as_object().is_some_and(|map| map.len() > 1) {
            notes.error(&place, "must have one key only");
        }
        let shown = escaped(key, 64);
        let place = format!("{place}.{shown}");
        let context = method::Context { auth, actions, root: &root, place: &place };
        notes.reason = base.as_ref().err().cloned();
        let method = context.method(notes);
        for one in method::by_environment(key, auth, &method) {
            methods.push(one);
            sources.push(place.clone());
        }
        if methods.len() > MAX_METHODS {
            notes.error("authentication", "has too many methods");
            break;
        }
    }
    method::tell_apart(&mut methods);
    out.insert("auth".to_owned(), Value::Array(methods));
    (Value::Object(out), sources)
}

/// A finding about the catalog's form, with the place that it has in the file.
fn as_written(mut finding: Finding, sources: &[String]) -> Finding {
    if let Some((number, rest)) =
        finding.place.strip_prefix("auth[").and_then(|rest| rest.split_once(']'))
        && let Some(source) = number.parse().ok().and_then(|number: usize| sources.get(number))
    {
        finding.place = format!("{source}{rest}");
    }
    for (own, written) in [
        ("config_fields", "configFields"),
        ("setup_fields", "setupFields"),
        ("base_url", "baseUrl"),
        ("authorization_url", "authorization.authorizationUrl"),
        ("token_url", "authorization.tokenUrl"),
        ("pattern_error", "validation.errorMessage"),
        (".pattern", ".validation.pattern"),
        (".default", ".value"),
        (".computed", ".value"),
        (".hidden", ".display"),
        (".read_only", ".readOnly"),
    ] {
        finding.place = finding.place.replace(own, written);
    }
    // Tests that can't be run are left out, so the number of a call is not that of its test.
    if let Some((before, after)) = finding.place.split_once(".verify") {
        let rest = after.split_once(']').map_or(after, |(_, rest)| rest);
        finding.place = format!("{before}.testActions{rest}");
    }
    finding
}

/// A scalar as text: keys and versions are often written without quotes.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// How a body is written, without what may follow the type.
fn content_type(value: &str) -> Result<Value, String> {
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" | FORM => Ok(kind.into()),
        _ => {
            Err(format!("has a body of type `{}`, which hubctl does not write", escaped(&kind, 64)))
        }
    }
}

fn put(out: &mut Map<String, Value>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        out.insert(name.to_owned(), Value::String(value));
    }
}

/// What a member must be that is no text.
#[derive(Clone, Copy)]
enum Shape {
    Flag,
    Count,
    List,
    Map,
}

impl Shape {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Flag => value.is_boolean(),
            Self::Count => value.is_u64(),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::Flag => "is neither true nor false",
            Self::Count => "is not a whole number",
            Self::List => "is not a list",
            Self::Map => "is not a map",
        }
    }
}

/// What was found so far, and why the method at hand can't be used.
#[derive(Default)]
struct Notes {
    findings: Vec<Finding>,
    reason: Option<String>,
}

impl Notes {
    fn error(&mut self, place: &str, message: &str) {
        self.findings.push(Finding::error(place, message));
    }

    fn warning(&mut self, place: &str, message: &str) {
        self.findings.push(Finding::warning(place, message));
    }

    /// Switches the method at hand off; the first reason is kept.
    fn unavailable(&mut self, place: &str, why: &str) {
        self.reason.get_or_insert_with(|| why.to_owned());
        self.warning(place, &format!("{why}: the method is not available"));
    }

    /// Tells what is of another shape than the format has: it would be passed over otherwise.
    fn shapes(&mut self, item: Option<&Value>, shapes: &[(&str, Shape)], place: &str) {
        for (name, shape) in shapes {
            let given = item.and_then(|item| item.get(name)).filter(|value| !value.is_null());
            if given.is_some_and(|value| !shape.fits(value)) {
                self.error(&format!("{place}.{name}"), shape.wanted());
            }
        }
    }

    fn unknown(&mut self, members: &Map<String, Value>, known: &[&str], place: &str) {
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let near = did_you_mean(name, known.iter().copied());
            let shown = escaped(name, 64);
            self.warning(place, &format!("the member `{shown}` is not known: ignored{near}"));
        }
    }
}

#[cfg(test)]
mod tests;
