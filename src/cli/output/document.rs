//! Whole documents: one value as JSON or YAML.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::cut::Parts;
use crate::error::HubError;

use super::json::{self, Style, unserializable};
use super::mask::Masked;
use super::options::Format;
use super::record::Record;
use super::select::Selection;
use super::spool::Spool;
use super::written::{self, Written};
use super::{Output, clean, jq};

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
        self.json(&written::document(value.to_string())?)
    }

    /// The same for a document that came as text: its numbers stay as they are written.
    ///
    /// # Errors
    /// As `value`.
    pub fn json(&self, json: &RawValue) -> Result<(), HubError> {
        let narrowed = self.options.fields.as_deref();
        let narrowed = narrowed.map(|names| written::document(written::narrowed(json, names)?));
        let narrowed = narrowed.transpose()?;
        let json = narrowed.as_deref().unwrap_or(json);
        let most = self.options.limit.and_then(|most| usize::try_from(most).ok());
        let limited = match (written::parts(json)?, most) {
            (Parts::Array(items), Some(most)) if items.len() > most => {
                Some(written::document(written::array(&written::texts(&items)[..most]))?)
            }
            _ => None,
        };
        let json = limited.as_deref().unwrap_or(json);
        let terminal = self.options.stdout_is_terminal;
        if let Some(expression) = &self.options.jq {
            let text = json.get().as_bytes().to_vec();
            return jq::run(expression, text, terminal)?.finish(&self.stdout);
        }
        match (self.list_format(), written::parts(json)?) {
            (Format::Yaml, _) => self.document(&Written(json), Format::Yaml),
            (Format::Jsonl, Parts::Array(items)) => {
                items.iter().try_for_each(|item| self.laid_out(item, Style::of_line(terminal)))
            }
            (Format::Jsonl, _) => self.laid_out(json, Style::of_line(terminal)),
            (Format::Value, Parts::Array(items)) => {
                items.iter().try_for_each(|item| self.bare(item))
            }
            (Format::Value, Parts::Object(members)) => {
                members.0.iter().try_for_each(|(_, value)| self.bare(value))
            }
            (Format::Value, Parts::Single(value)) => self.bare(value),
            _ => self.laid_out(json, Style::of_document(terminal)),
        }
    }

    /// JSON as people read it, otherwise as it is.
    pub fn indented(&self, json: &RawValue) -> Result<(), HubError> {
        self.text(&json::laid_out(json.get(), Style::Pretty(0)))
    }

    fn laid_out(&self, json: &RawValue, style: Style) -> Result<(), HubError> {
        let mut out = json::laid_out(json.get(), style);
        out.push('\n');
        self.stdout.write(out.as_bytes())
    }

    fn bare(&self, value: &RawValue) -> Result<(), HubError> {
        let mut out = String::new();
        self.look(Format::Value).push(&mut out, &written::cell_of(value));
        out.push('\n');
        self.stdout.write(out.as_bytes())
    }
}
