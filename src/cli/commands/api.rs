//! `hubctl api`: calls that a person writes.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::backend::Backend;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::client::{Raw, RawAnswer};
use crate::error::{HubError, codes};

use super::confirm_profile;

/// Largest body, in bytes.
const LARGEST_BODY: u64 = 32 << 20;

/// Call the hub's own API
///
/// The answer's body goes to standard output as it came, also where the hub refuses the call; the
/// exit status says which. The profile's key is sent, and only to the profile's hub. Fields become
/// parameters of a GET, and the JSON body of any other method. With --dry-run, only reads are sent.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Api {
    /// GET, POST, PUT, PATCH or DELETE
    method: String,

    /// Path below the API's root, such as /accounts
    path: String,

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
    input: Option<PathBuf>,

    /// Ask for page after page, and write one array of all rows
    #[arg(long)]
    paginate: bool,

    /// Write status and headers as well
    #[arg(short, long)]
    include: bool,
}

impl Run for Api {
    // On a store of one's own the routes of a server answer.
    const SERVES: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        let raw = self.raw()?;
        let is_read = is_read(&raw.method);
        if !is_read {
            confirm_profile(context)?;
        }
        let backend = context.backend().await?;
        if context.globals.dry_run && !is_read {
            let text = format_args!("dry run: {} {} was not sent", raw.method, raw.path);
            context.output.note(text);
            return Ok(());
        }
        let answer = match &backend {
            Backend::Remote(client) if self.paginate => client.raw_pages(&raw).await?,
            Backend::Remote(client) => client.raw(&raw).await?,
            Backend::Local(local) => {
                let client = context.client_inside(local.clone())?;
                if self.paginate { client.raw_pages(&raw).await? } else { client.raw(&raw).await? }
            }
        };
        context.tell_notes(&backend);
        self.show(context, answer)
    }
}

fn is_read(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

impl Api {
    fn raw(&self) -> Result<Raw, HubError> {
        let method = self.method.to_ascii_uppercase();
        let mut body = Value::Object(Map::new());
        let mut query = Vec::new();
        let in_query = is_read(&method) || self.input.is_some();
        let mut stdin_taken = self.input.as_deref() == Some(Path::new("-"));
        let typed = self.field.iter().map(|field| (field, true));
        let fields: Vec<_> =
            typed.chain(self.raw_field.iter().map(|field| (field, false))).collect();
        for (field, is_typed) in &fields {
            let (key, text) = split(field)?;
            let value = if *is_typed { typed_value(text, &mut stdin_taken)? } else { text.into() };
            if in_query {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                query.push((key.to_owned(), text));
            } else {
                insert(&mut body, key, value)?;
            }
        }
        let body = match &self.input {
            Some(path) => Some(read(path)?),
            None if in_query || fields.is_empty() => None,
            None => Some(Zeroizing::new(body.to_string().into_bytes())),
        };
        let headers = self.header.iter().map(|header| {
            let pair = header.split_once(':');
            let pair = pair.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
            pair.ok_or_else(|| {
                HubError::new(&codes::BAD_VALUE, "a header is written as `Name: value`")
            })
        });
        let headers = headers.collect::<Result<Vec<_>, _>>()?;
        Ok(Raw { method, path: self.path.clone(), query, headers, body })
    }

    fn show(&self, context: &Context, answer: RawAnswer) -> Result<(), HubError> {
        let output = &context.output;
        if self.include {
            let mut head = format!("HTTP {}\n", answer.status);
            for (name, value) in &answer.headers {
                head.push_str(&format!("{name}: {value}\n"));
            }
            head.push('\n');
            output.bytes(head.as_bytes())?;
        }
        let RawAnswer { body, error, .. } = answer;
        let value = serde_json::from_slice::<Value>(&body).ok();
        let is_asked = output.options().jq.is_some() || output.format().is_some();
        match value {
            // A filter is for what was asked for, and a refusal is something else.
            Some(value) if is_asked && error.is_none() => output.value(&value)?,
            Some(value) if output.is_human() => {
                output.text(&serde_json::to_string_pretty(&value).unwrap_or_default())?;
            }
            _ if body.is_empty() => {}
            _ => output.bytes(&body)?,
        }
        error.map_or(Ok(()), Err)
    }
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

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, HubError> {
    let cant = |error: std::io::Error| {
        let text = format!("can't read {}: {error}", path.display());
        HubError::new(&codes::INPUT_UNREADABLE, text)
    };
    let mut bytes = Zeroizing::new(Vec::new());
    if path == Path::new("-") {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            let text = "`-` reads standard input, and that is the terminal";
            return Err(HubError::new(&codes::INPUT_NEEDED, text).hint("name a file instead"));
        }
        stdin.lock().take(LARGEST_BODY + 1).read_to_end(&mut bytes).map_err(cant)?;
    } else {
        input::open(path)?.take(LARGEST_BODY + 1).read_to_end(&mut bytes).map_err(cant)?;
    }
    if bytes.len() as u64 > LARGEST_BODY {
        let text = format!("{} is larger than {LARGEST_BODY} bytes", path.display());
        return Err(HubError::new(&codes::INPUT_UNREADABLE, text));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};
    use serde_json::{Value, json};

    use super::Api;
    use crate::client::Raw;
    use crate::error::HubError;

    fn raw(line: &[&str]) -> Result<Raw, HubError> {
        let words = std::iter::once("api").chain(line.iter().copied());
        let matches = Api::augment_args(Command::new("api")).get_matches_from(words);
        Api::from_arg_matches(&matches).unwrap().raw()
    }

    fn body(line: &[&str]) -> Value {
        serde_json::from_slice(&raw(line).unwrap().body.unwrap()).unwrap()
    }

    #[test]
    fn fields_have_types_and_raw_fields_have_none() {
        let read = body(&[
            "post",
            "/x",
            "-F",
            "a=1",
            "-F",
            "b=true",
            "-F",
            "c=null",
            "-F",
            "d=-1.5",
            "-F",
            "e=text",
            "-F",
            "f=007",
            "-F",
            "g=12345678901234567890123",
            "-F",
            "h=",
            "-f",
            "i=1",
            "-f",
            "j=@x",
            "-F",
            "k=x=y",
        ]);
        let expected = json!({
            "a": 1, "b": true, "c": null, "d": -1.5, "e": "text", "f": "007",
            "g": "12345678901234567890123", "h": "", "i": "1", "j": "@x", "k": "x=y",
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn names_may_lead_into_objects_and_arrays() {
        let read =
            body(&["POST", "/x", "-F", "m[a]=1", "-F", "m[b][c]=2", "-F", "l[]=1", "-F", "l[]=2"]);
        assert_eq!(read, json!({"m": {"a": 1, "b": {"c": 2}}, "l": [1, 2]}));
        for bad in [
            ["a=1", "a=2"],
            ["a=1", "a[b]=2"],
            ["a[]=1", "a[b]=2"],
            ["a[b=1", "b=2"],
            ["=1", "b=2"],
            ["hunter2", "b=2"],
        ] {
            let error = raw(&["POST", "/x", "-F", bad[0], "-F", bad[1]]).unwrap_err();
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn fields_of_a_read_are_parameters() {
        let read = raw(&["get", "/x?a=b", "-F", "page=2", "-f", "q=a b", "-H", "X-Account-Id: 7"])
            .unwrap();
        assert_eq!(read.method, "GET");
        assert!(read.body.is_none());
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(read.query, [pair("page", "2"), pair("q", "a b")]);
        assert_eq!(read.headers, [pair("X-Account-Id", "7")]);
        assert!(raw(&["get", "/x", "-H", "nothing"]).is_err());
    }
}
