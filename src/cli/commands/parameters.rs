//! Fields, headers and bodies of calls that a person writes.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::{Format, Output};
use crate::domain::proxy::METHODS;
use crate::error::{HubError, codes};

/// Largest body that is held, in bytes.
pub(super) const LARGEST_BODY: u64 = 32 << 20;
/// Bytes of a path that a note repeats.
const SHOWN_BYTES: usize = 500;

/// Reads a method, in capitals.
pub(super) fn method(text: &str) -> Result<String, String> {
    let method = text.to_ascii_uppercase();
    let known = METHODS.contains(&method.as_str());
    known.then_some(method).ok_or_else(|| format!("choose one of {}", METHODS.join(", ")))
}

/// Tells that a dry run sends nothing.
pub(super) fn note_unsent(context: &Context, method: &str, path: &str) {
    let shown = &path[..path.floor_char_boundary(SHOWN_BYTES)];
    context.output.note(format_args!("dry run: {method} {shown} was not sent"));
}

/// Writes status and headers of an answer, in front of its body.
pub(super) fn show_head(
    output: &Output,
    status: u16,
    headers: &[(String, String)],
) -> Result<(), HubError> {
    let mut head = format!("HTTP {status}\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\n"));
    }
    head.push('\n');
    output.bytes(head.as_bytes())
}

/// Whether a method reads.
pub(super) fn is_read(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Whether the line asks for a body in a form of its own; without, it is written as it came.
///
/// # Errors
/// Where it asks for what a body of any shape does not have: columns, or an id.
pub(super) fn is_shaped(context: &Context) -> Result<bool, HubError> {
    let refused = |what: String| {
        let text = format!("{what} can't be used: a body of any shape has no columns");
        let hint = "use -o json, jsonl, yaml or value, and --fields to choose";
        Err(HubError::new(&codes::USAGE, text).hint(hint))
    };
    let options = context.output.options();
    if options.columns.is_some() {
        return refused("--columns".to_owned());
    }
    // What the environment says is meant for commands that have columns.
    match context.globals.output {
        None | Some(Format::Json | Format::Jsonl | Format::Yaml | Format::Value) => {}
        Some(format @ (Format::Table | Format::Wide | Format::Csv | Format::Tsv | Format::Id)) => {
            return refused(format!("--output {format}"));
        }
    }
    let narrows = options.fields.is_some() || options.limit.is_some();
    Ok(narrows || options.jq.is_some() || options.format.is_some())
}

/// A body that is JSON, as it is written.
pub(super) fn json(body: &[u8]) -> Option<&RawValue> {
    let text = std::str::from_utf8(body).ok()?;
    // What is nested too deeply to be shown is not taken for JSON.
    serde_json::from_str::<Value>(text).and_then(|_| serde_json::from_str(text)).ok()
}

/// What is sent with a call.
#[derive(Debug, clap::Args)]
pub(super) struct Sent {
    /// Add a field: true, false, null and numbers are taken as such, @FILE and @- as its content;
    /// `a[b]=c` and `a[]=c` make objects and arrays
    #[arg(short = 'F', long, value_name = "K=V")]
    field: Vec<String>,

    /// Add a field as text, whatever it looks like
    #[arg(short = 'f', long, value_name = "K=V")]
    raw_field: Vec<String>,

    /// Add a header
    #[arg(short = 'H', long, value_name = "K: V")]
    header: Vec<String>,

    /// Send this file as the body; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) input: Option<PathBuf>,
}

impl Sent {
    /// What the fields come to. Beside a file that is the body they are parameters.
    pub(super) fn parameters(&self, method: &str) -> Result<Parameters, HubError> {
        let stdin_taken = self.input.as_deref() == Some(Path::new("-"));
        let fields = fields(&self.field, &self.raw_field, stdin_taken)?;
        Parameters::of(fields, is_read(method) || self.input.is_some())
    }

    /// Headers written as `Name: value`.
    pub(super) fn headers(&self) -> Result<Vec<(String, String)>, HubError> {
        let headers = self.header.iter().map(|header| {
            let pair = header.split_once(':');
            let pair = pair.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
            pair.ok_or_else(|| {
                HubError::new(&codes::BAD_VALUE, "a header is written as `Name: value`")
            })
        });
        headers.collect()
    }
}

/// What fields come to.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
}

impl Parameters {
    /// Parameters behind the path, or members of a JSON body.
    fn of(fields: Vec<(String, Value)>, in_query: bool) -> Result<Self, HubError> {
        if in_query {
            let text =
                |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let query = fields.into_iter().map(|(key, value)| (key, text(&value))).collect();
            return Ok(Self { query, body: None });
        }
        if fields.is_empty() {
            return Ok(Self::default());
        }
        let mut body = Value::Object(Map::new());
        for (key, value) in fields {
            insert(&mut body, &key, value)?;
        }
        Ok(Self { query: Vec::new(), body: Some(Zeroizing::new(body.to_string().into_bytes())) })
    }
}

/// Fields as they were given: typed ones and those that are text whatever they look like.
fn fields(
    typed: &[String],
    raw: &[String],
    stdin_taken: bool,
) -> Result<Vec<(String, Value)>, HubError> {
    let mut stdin_taken = stdin_taken;
    let typed = typed.iter().map(|field| (field, true));
    let all = typed.chain(raw.iter().map(|field| (field, false)));
    all.map(|(field, is_typed)| {
        let (key, text) = split(field)?;
        let value = if is_typed { typed_value(text, &mut stdin_taken)? } else { text.into() };
        Ok((key.to_owned(), value))
    })
    .collect()
}

/// What is not understood may be a secret, and is not repeated.
fn split(field: &str) -> Result<(&str, &str), HubError> {
    field.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        HubError::new(&codes::BAD_VALUE, "a field has no `=` between name and value")
            .hint("-F page_size=10, or -f name=TEXT")
    })
}

fn typed_value(text: &str, stdin_taken: &mut bool) -> Result<Value, HubError> {
    if let Some(name) = text.strip_prefix('@') {
        if name == "-" && std::mem::replace(stdin_taken, true) {
            let text = "standard input can give one value only";
            return Err(HubError::new(&codes::BAD_VALUE, text).hint("use -F K=@FILE"));
        }
        let bytes = read(Path::new(name))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            HubError::new(&codes::INPUT_UNREADABLE, format!("{name} is not valid UTF-8"))
        })?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        return Ok(text.strip_suffix('\r').unwrap_or(text).into());
    }
    let is_word = matches!(text, "true" | "false" | "null");
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let read = (is_word || is_number).then(|| serde_json::from_str(text).ok()).flatten();
    // A number that would come out as another one stays a text.
    let is_kept = |value: &Value| {
        let written = value.to_string();
        is_word || written == text
    };
    let read = read.filter(is_kept);
    Ok(read.unwrap_or_else(|| text.into()))
}

/// Puts a value at a place such as `a`, `a[b]` or `a[]`.
fn insert(body: &mut Value, key: &str, value: Value) -> Result<(), HubError> {
    let bad = || {
        let shown: String = key.chars().take(40).collect();
        HubError::new(&codes::BAD_VALUE, format!("`{shown}` does not go with the other fields"))
            .hint("write names as a, a[b] or a[]")
    };
    let (first, rest) = key.split_once('[').unwrap_or((key, ""));
    let mut names = vec![first];
    if !rest.is_empty() {
        let inner = rest.strip_suffix(']').ok_or_else(bad)?;
        names.extend(inner.split("]["));
    }
    let mut place = body;
    for (at, name) in names.iter().enumerate() {
        let goes_into_array = at > 0 && name.is_empty();
        place = if goes_into_array {
            if place.is_null() {
                *place = Value::Array(Vec::new());
            }
            let all = place.as_array_mut().ok_or_else(bad)?;
            all.push(Value::Null);
            all.last_mut().ok_or_else(bad)?
        } else {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            place.as_object_mut().ok_or_else(bad)?.entry(*name).or_insert(Value::Null)
        };
    }
    if !place.is_null() {
        return Err(bad());
    }
    *place = value;
    Ok(())
}

/// A file, or standard input for `-`, of bounded size.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, HubError> {
    let name = path.display().to_string();
    let mut bytes = Zeroizing::new(Vec::new());
    if path == Path::new("-") {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            let text = "`-` reads standard input, and that is the terminal";
            return Err(HubError::new(&codes::INPUT_NEEDED, text).hint("name a file instead"));
        }
        input::read(stdin.lock(), &mut bytes, &name, LARGEST_BODY)?;
    } else {
        input::read(input::open(path)?, &mut bytes, &name, LARGEST_BODY)?;
    }
    Ok(bytes)
}
