//! The catalog's own form: one object, a list of objects, or one object a line.

use serde::de::DeserializeSeed;
use serde_json::Value;

use super::tree::Tree;
use super::{Read, connector, explain, too_large};
use crate::domain::connector::validate::Finding;

/// Reads the text of a `.json` or `.jsonl` file.
#[must_use]
pub fn read(text: &str) -> Read {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(finding) = too_large(text) {
        return (Vec::new(), vec![finding]);
    }
    if text.trim().is_empty() {
        return (Vec::new(), vec![Finding::error("", "the file is empty")]);
    }
    if is_one_document(text) { document(text) } else { lines(text) }
}

/// A first line that is complete in itself tells that each line is.
fn is_one_document(text: &str) -> bool {
    let mut filled = text.lines().filter(|line| !line.trim().is_empty());
    let first = filled.next().unwrap_or_default();
    filled.next().is_none() || first.trim_start().starts_with('[') || !looks_complete(first)
}

/// Braces that open are closed again; whether the rest is right is told by the parser.
fn looks_complete(line: &str) -> bool {
    let line = line.trim();
    line.len() > 1 && line.starts_with('{') && line.ends_with('}')
}

fn document(text: &str) -> Read {
    let mut out = (Vec::new(), Vec::new());
    match parse(text) {
        Ok(Value::Array(items)) => {
            if items.is_empty() {
                out.1.push(Finding::error("", "the list is empty"));
            }
            for (number, item) in items.into_iter().enumerate() {
                take(item, None, &format!("[{number}]"), &mut out);
            }
        }
        Ok(value) => take(value, None, "", &mut out),
        Err((line, message)) => out.1.push(Finding::error("", message).on_line(line)),
    }
    out
}

fn lines(text: &str) -> Read {
    let mut out = (Vec::new(), Vec::new());
    for (number, line) in (1_u64..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        match parse(line) {
            Ok(value) => take(value, Some(number), "", &mut out),
            Err((_, message)) => out.1.push(Finding::error("", message).on_line(Some(number))),
        }
    }
    out
}

/// Keeps what is fine and puts the place in the file before each finding.
fn take(value: Value, line: Option<u64>, place: &str, out: &mut Read) {
    let mut found = Vec::new();
    if let Some(connector) = connector(value, &mut found) {
        if out.0.iter().any(|other| other.key == connector.key) {
            let message = format!("the connector `{}` stands twice", connector.key);
            found.push(Finding::error("key", message));
        } else {
            out.0.push(connector);
        }
    }
    out.1.extend(found.into_iter().map(|mut finding| {
        let dot = if place.is_empty() || finding.place.is_empty() { "" } else { "." };
        finding.place = format!("{place}{dot}{}", finding.place);
        finding.on_line(line)
    }));
}

fn parse(text: &str) -> Result<Value, (Option<u64>, String)> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let tree = Tree::new(None).deserialize(&mut parser);
    tree.and_then(|tree| parser.end().map(|()| tree)).map_err(|error| {
        let line = u64::try_from(error.line()).ok();
        (line, explain::friendly(&format!("is not JSON: {error}")))
    })
}
