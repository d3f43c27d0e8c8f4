//! Whole documents: one value as JSON or YAML.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::HubError;

use super::json::{self, Style, unserializable};
use super::mask::Masked;
use super::options::Format;
use super::record::Record;
use super::select::{Selection, cell_of};
use super::spool::Spool;
use super::{Output, clean, jq, suggest};

/// Appends the value as YAML.
pub(super) fn push_yaml<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Result<(), HubError> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_io_writer_with_options(out, value, options)
        .map_err(|error| unserializable(error.into()))
}

/// Writes a YAML document; a terminal gets it without risky characters.
pub(super) fn finish_yaml(spool: Spool, output: &Output) -> Result<(), HubError> {
    if !output.options.stdout_is_terminal {
        return spool.finish(&output.stdout);
    }
    let bytes = spool.into_bytes()?;
    let mut out = String::with_capacity(bytes.len());
    clean::push_json_escaped(&mut out, &String::from_utf8_lossy(&bytes));
    output.stdout.write(out.as_bytes())
}

impl Output {
    /// Writes one value as the document format asked for, or through `--jq`.
    pub(super) fn document<T: Serialize + ?Sized>(
        &self,
        value: &T,
        format: Format,
    ) -> Result<(), HubError> {
        let terminal = self.options.stdout_is_terminal;
        let mut spool = Spool::new();
        if let Some(expression) = &self.options.jq {
            json::write(&mut spool.buffer, value, Style::Compact)?;
            return jq::run(expression, spool.buffer, terminal)?.finish(&self.stdout);
        }
        match format {
            Format::Yaml => {
                push_yaml(&mut spool.buffer, &value)?;
                finish_yaml(spool, self)
            }
            Format::Jsonl => {
                json::write(&mut spool.buffer, value, Style::of_line(terminal))?;
                spool.buffer.push(b'\n');
                spool.finish(&self.stdout)
            }
            _ => {
                json::write(&mut spool.buffer, value, Style::of_document(terminal))?;
                spool.buffer.push(b'\n');
                spool.finish(&self.stdout)
            }
        }
    }

    /// Writes one record as a document, narrowed to what was asked for.
    pub(super) fn masked<R: Record>(
        &self,
        record: &R,
        selection: &Selection,
        format: Format,
    ) -> Result<(), HubError> {
        match &selection.mask {
            Some(mask) => self.document(&Masked { value: record, mask }, format),
            None => self.document(record, format),
        }
    }

    /// Writes a free document: JSON unless YAML or bare values were asked for. `--limit` counts
    /// the members of an array.
    ///
    /// # Errors
    /// When `--fields` names a key that the document does not have, or it can't be written.
    pub fn value(&self, value: &Value) -> Result<(), HubError> {
        let mut value = Cow::Borrowed(value);
        if let Some(names) = &self.options.fields {
            value = Cow::Owned(narrow(&value, names)?);
        }
        let most = self.options.limit.and_then(|most| usize::try_from(most).ok());
        if let (Value::Array(items), Some(most)) = (&*value, most)
            && items.len() > most
        {
            value = Cow::Owned(items.iter().take(most).cloned().collect());
        }
        let value = &*value;
        match (self.list_format(), value) {
            (Format::Jsonl, Value::Array(items)) if self.options.jq.is_none() => {
                items.iter().try_for_each(|item| self.document(item, Format::Jsonl))
            }
            (Format::Value, Value::Object(map)) => {
                map.values().try_for_each(|value| self.bare(value))
            }
            (Format::Value, Value::Array(items)) => {
                items.iter().try_for_each(|item| self.bare(item))
            }
            (Format::Value, value) => self.bare(value),
            (format, value) => self.document(value, format),
        }
    }

    /// The same for a document that was read from `text`, which is written as it is there where
    /// nothing is taken out of it: a number may be longer than any type holds.
    ///
    /// # Errors
    /// As `value`.
    pub fn value_of(&self, text: &str, value: &Value) -> Result<(), HubError> {
        let terminal = self.options.stdout_is_terminal;
        if self.options.fields.is_some() || self.options.limit.is_some() {
            return self.value(value);
        }
        if let Some(expression) = &self.options.jq {
            let json = text.as_bytes().to_vec();
            return jq::run(expression, json, terminal)?.finish(&self.stdout);
        }
        match self.list_format() {
            Format::Json => {
                let mut out = json::laid_out(text, Style::of_document(terminal));
                out.push('\n');
                self.stdout.write(out.as_bytes())
            }
            _ => self.value(value),
        }
    }

    /// JSON as people read it, otherwise as it is.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub fn indented(&self, text: &str) -> Result<(), HubError> {
        self.text(&json::laid_out(text, Style::Pretty(0)))
    }

    fn bare(&self, value: &Value) -> Result<(), HubError> {
        let mut out = String::new();
        self.look(Format::Value).push(&mut out, &cell_of(Some(value)));
        out.push('\n');
        self.stdout.write(out.as_bytes())
    }
}

/// The document with only these keys, in its own order. Of an array each member is narrowed, and
/// one may lack a key that another has.
fn narrow(value: &Value, names: &[String]) -> Result<Value, HubError> {
    let mut known: Vec<&str> = Vec::new();
    for key in rows(value).filter_map(Value::as_object).flat_map(Map::keys) {
        if !known.contains(&key.as_str()) {
            known.push(key);
        }
    }
    let is_known = |name: &&String| known.contains(&name.trim());
    match names.iter().find(|name| !is_known(name)) {
        Some(name) if !known.is_empty() => Err(suggest::unknown("field", name, &known)),
        _ => Ok(match value {
            Value::Array(items) => items.iter().map(|item| kept(item, names)).collect(),
            other => kept(other, names),
        }),
    }
}

/// What `--fields` chooses from: the members of an array, or the document itself.
fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.iter(),
        other => std::slice::from_ref(other).iter(),
    }
}

fn kept(value: &Value, names: &[String]) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let kept = map.iter().filter(|(key, _)| names.iter().any(|name| name.trim() == *key));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}
