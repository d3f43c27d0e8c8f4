//! JSON for people and for programs: compact in a pipe, indented and without any risky character
//! on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::api::compact;
use crate::error::{HubError, codes};

use super::clean::{is_plain, push_json_escaped};

/// How a JSON text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// One line.
    Compact,
    /// One line, risky characters escaped.
    Safe,
    /// Indented by two spaces, risky characters escaped; nested so deep to begin with.
    Pretty(usize),
}

impl Style {
    /// The style of a document on a terminal or in a pipe.
    pub(super) const fn of_document(is_terminal: bool) -> Self {
        if is_terminal { Self::Pretty(0) } else { Self::Compact }
    }

    /// The style of a line on a terminal or in a pipe.
    pub(super) const fn of_line(is_terminal: bool) -> Self {
        if is_terminal { Self::Safe } else { Self::Compact }
    }
}

/// Appends the value.
#[inline]
pub(super) fn write<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
    style: Style,
) -> Result<(), HubError> {
    let result = match style {
        Style::Compact => compact::write(out, value),
        Style::Safe => {
            let layout = Layout { indent: None, has_value: false };
            value.serialize(&mut Serializer::with_formatter(out, layout))
        }
        Style::Pretty(depth) => {
            let layout = Layout { indent: Some(depth), has_value: false };
            value.serialize(&mut Serializer::with_formatter(out, layout))
        }
    };
    result.map_err(|error| unserializable(error.into()))
}

/// Valid JSON in this style. What is no white space stays as it is written, and so does a number
/// that no type holds.
pub(super) fn laid_out(text: &str, style: Style) -> String {
    let mut depth = match style {
        Style::Pretty(depth) => Some(depth),
        Style::Compact | Style::Safe => None,
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim_start();
    while let Some(sign) = rest.chars().next() {
        let length = if sign == '"' { length_of_text(rest) } else { sign.len_utf8() };
        let (part, after) = rest.split_at(length);
        rest = after.trim_start();
        match sign {
            '[' | '{' if rest.starts_with([']', '}']) => out.push(sign),
            '[' | '{' => {
                out.push(sign);
                depth = depth.map(|depth| depth + 1);
                push_line(&mut out, depth);
            }
            ']' | '}' if out.ends_with(['[', '{']) => out.push(sign),
            ']' | '}' => {
                depth = depth.map(|depth| depth.saturating_sub(1));
                push_line(&mut out, depth);
                out.push(sign);
            }
            ',' => {
                out.push(sign);
                push_line(&mut out, depth);
            }
            ':' => out.push_str(if depth.is_some() { ": " } else { ":" }),
            _ if style == Style::Compact => out.push_str(part),
            _ => push_json_escaped(&mut out, part),
        }
    }
    out
}

/// How long the text is with which this begins, with its quotation marks.
fn length_of_text(json: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

fn push_line(out: &mut String, depth: Option<usize>) {
    if let Some(depth) = depth {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    }
}

/// A record that its own format can't express: a mistake in this program.
pub(super) fn unserializable(source: Box<dyn std::error::Error + Send + Sync>) -> HubError {
    HubError::new(&codes::INTERNAL, "the answer could not be put into the format asked for")
        .source(source)
}

struct Layout {
    indent: Option<usize>,
    has_value: bool,
}

impl Layout {
    fn line<W: Write + ?Sized>(&self, out: &mut W) -> io::Result<()> {
        let Some(depth) = self.indent else { return Ok(()) };
        out.write_all(b"\n")?;
        (0..depth).try_for_each(|_| out.write_all(b"  "))
    }

    fn open<W: Write + ?Sized>(&mut self, out: &mut W, sign: &[u8]) -> io::Result<()> {
        self.indent = self.indent.map(|depth| depth + 1);
        self.has_value = false;
        out.write_all(sign)
    }

    fn close<W: Write + ?Sized>(&mut self, out: &mut W, sign: &[u8]) -> io::Result<()> {
        self.indent = self.indent.map(|depth| depth.saturating_sub(1));
        if self.has_value {
            self.line(out)?;
        }
        out.write_all(sign)
    }

    fn next<W: Write + ?Sized>(&self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }
}

impl Formatter for Layout {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if is_plain(fragment) {
            return out.write_all(fragment.as_bytes());
        }
        let mut escaped = String::with_capacity(fragment.len() + 16);
        push_json_escaped(&mut escaped, fragment);
        out.write_all(escaped.as_bytes())
    }

    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _out: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.indent.is_some() { b": " } else { b":" })
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _out: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Style, laid_out, write};
    use serde_json::{Value, json};

    fn text(value: &Value, style: Style) -> String {
        let mut out = Vec::new();
        write(&mut out, value, style).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_indented_form_is_that_of_serde_json() {
        let value = json!({"a": [], "b": {}, "c": [1, {"d": null}], "e": "x\ty\"", "f": true});
        assert_eq!(text(&value, Style::Pretty(0)), serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(text(&value, Style::Compact), value.to_string());
        assert_eq!(text(&value, Style::Safe), value.to_string());
    }

    #[test]
    fn json_that_is_laid_out_anew_keeps_what_it_says() {
        let value = json!({
            "a": [], "b": {}, "c": [1, {"d": null}, [[]]], "e": "x\ty\" [1, {\\", "": "\\", "f": true,
        });
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        for text in [value.to_string(), format!(" {pretty}\r\n"), pretty.replace("[]", "[ \n]")] {
            assert_eq!(laid_out(&text, Style::Pretty(0)), pretty);
            assert_eq!(laid_out(&text, Style::Compact), value.to_string());
        }
        let number = "[45355976281015164504, 1.50, 1e400, -0]";
        assert_eq!(laid_out(number, Style::Compact), "[45355976281015164504,1.50,1e400,-0]");
        let risky = "{\"k\u{9b}\": \"\u{202e}\"}";
        assert_eq!(laid_out(risky, Style::Compact), "{\"k\u{9b}\":\"\u{202e}\"}");
        assert_eq!(laid_out(risky, Style::Safe), r#"{"k\u009b":"\u202e"}"#);
        assert_eq!(laid_out("\"ä\"", Style::Pretty(0)), "\"ä\"");
    }

    #[test]
    fn a_terminal_gets_no_risky_character_and_a_pipe_gets_the_value_itself() {
        let value = json!({"k\u{9b}": "\u{202e}\u{7f}\x1b\u{2028}é"});
        let shown = r#"{"k\u009b":"\u202e\u007f\u001b\u2028é"}"#;
        assert_eq!(text(&value, Style::Safe), shown);
        let piped = "{\"k\u{9b}\":\"\u{202e}\u{7f}\\u001b\u{2028}é\"}";
        assert_eq!(text(&value, Style::Compact), piped);
        assert_eq!(serde_json::from_str::<Value>(shown).unwrap(), value);
    }
}
