//! What `--jq` says of an expression that failed, and the formats that jq has beside the library's.
//!
//! An answer may hold a secret that is shown this once, and the library's messages repeat values:
//! so a failure is told by its kind and by types, and never by a value of the answer.

use jaq_core::Error;
use jaq_core::load::parse::Def;
use jaq_json::Val;

use crate::cli::output::clean;

/// Said of a value that would need more stack than there is.
pub(super) const TOO_DEEP: &str = "it calls itself too deeply";
/// Said of a text that would be too long; the limit follows.
pub(super) const TOO_LONG: &str = "a text would be longer than ";

/// Texts without any value, as the definitions and the library's own raise them.
const PLAIN: &[&str] = &[
    TOO_DEEP,
    "@csv takes an array",
    "@csv takes no array and no object within a row",
    "@tsv takes an array",
    "@tsv takes no array and no object within a row",
    "cannot parse as number",
    "cannot parse as boolean",
    "split input and separator must be strings",
];

/// What the library calls the types that it wants.
const WANTED: &[&str] = &[
    "integer",
    "number",
    "string",
    "array",
    "iterable (array or object)",
    "rangeable (array or string)",
];

const DEFINITIONS: &str = r#"
def @csv:
  if isarray then
    [ .[]
      | if isstring then "\"" + (. / "\"" | join("\"\"")) + "\""
        elif . == null then ""
        elif . >= [] then error("@csv takes no array and no object within a row")
        else tojson end
    ] | join(",")
  else error("@csv takes an array") end;

def @tsv:
  def swap($from; $to): . / $from | join($to);
  if isarray then
    [ .[]
      | if isstring then
          swap("\\"; "\\\\") | swap("\t"; "\\t") | swap("\n"; "\\n") | swap("\r"; "\\r")
        elif . == null then ""
        elif . >= [] then error("@tsv takes no array and no object within a row")
        else tojson end
    ] | join("\t")
  else error("@tsv takes an array") end;
"#;

/// The formats that the library lacks.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    jaq_core::load::parse(DEFINITIONS, |parser| parser.defs()).into_iter().flatten()
}

/// What went wrong, without a value of the answer.
pub(super) fn failure(error: Error<Val>, expression: &str) -> String {
    let said = match error.into_val() {
        Val::TStr(text) | Val::BStr(text) => String::from_utf8_lossy(&text).into_owned(),
        // What was raised is a value, which may be the answer itself.
        _ => String::new(),
    };
    match why(&said, expression) {
        Some(why) => format!("the --jq expression failed: {why}"),
        None => "the --jq expression failed on this answer".to_owned(),
    }
}

fn why(said: &str, expression: &str) -> Option<String> {
    // A text that stands in the expression is known to whoever wrote it.
    let is_written = !said.is_empty() && expression.contains(&format!("\"{said}\""));
    let is_limit = said.strip_prefix(TOO_LONG).is_some_and(|rest| {
        rest.strip_suffix(" bytes").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    });
    if is_written || is_limit || PLAIN.contains(&said) {
        let text: String = said.chars().take(300).collect();
        return Some(clean::line(&text).into_owned());
    }
    if let Some(values) = said.strip_prefix("cannot index ") {
        let (of, with) = (type_at_start(values), type_at_end(values));
        return Some(format!("cannot index {of} with {with}"));
    }
    if let Some(values) = said.strip_prefix("cannot calculate ") {
        let (left, right) = (type_at_start(values), type_at_end(values));
        return Some(format!("cannot calculate with {left} and {right}"));
    }
    if let Some(rest) = said.strip_prefix("cannot use ") {
        let wanted = rest.rsplit_once(" as ").map_or("", |(_, wanted)| wanted);
        let wanted = WANTED.iter().find(|name| **name == wanted)?;
        return Some(format!("cannot use {} as {wanted}", type_at_start(rest)));
    }
    let is_outside = said.starts_with("index ") && said.ends_with(" out of bounds");
    let words = match said {
        _ if said.starts_with("cannot parse ") => "cannot parse a text of it",
        _ if said.starts_with("invalid path expression ") => "what it changes is no path",
        _ if said.starts_with("invalid regex") => "its regular expression is invalid",
        _ if said.ends_with(" has no length") => "a boolean has no length",
        _ if is_outside => "an index is out of bounds",
        _ => return None,
    };
    Some(words.to_owned())
}

/// The type of the JSON value that a text begins with.
fn type_at_start(text: &str) -> &'static str {
    match text.bytes().next() {
        Some(b'"') => "a string",
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        Some(b'-' | b'0'..=b'9') => "a number",
        _ if text.starts_with("true") || text.starts_with("false") => "a boolean",
        _ if text.starts_with("null") => "null",
        _ => "a value",
    }
}

/// The type of the JSON value that a text ends with.
fn type_at_end(text: &str) -> &'static str {
    match text.bytes().next_back() {
        Some(b'"') => "a string",
        Some(b']') => "an array",
        Some(b'}') => "an object",
        Some(b'0'..=b'9') => "a number",
        _ if text.ends_with("true") || text.ends_with("false") => "a boolean",
        _ if text.ends_with("null") => "null",
        _ => "a value",
    }
}
