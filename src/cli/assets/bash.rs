//! Bash's side of completions: it takes words apart at `=` and `:`, which the parser knows whole, and
//! writes what it is answered on the line as it is.

use std::ffi::OsString;
use std::io::{Error, Write};
use std::path::Path;

use clap::Command;
use clap_complete::engine::{self, CompletionCandidate};
use clap_complete::env::{Bash, EnvCompleter};

/// The variable in which the script hands over the line up to the cursor.
const LINE: &str = "_HUBCTL_LINE";
/// The variable with the part of the last word that an answer takes the place of.
const PART: &str = "_HUBCTL_PART";
/// What the script takes answers apart at.
const BETWEEN: &str = "\u{b}";

/// Bash, asked for whole words and answered in words that mean on a line what they say.
#[derive(Debug)]
pub(super) struct WholeWords;

impl EnvCompleter for WholeWords {
    fn name(&self) -> &'static str {
        Bash.name()
    }

    fn is(&self, name: &str) -> bool {
        Bash.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> Result<(), Error> {
        let mut script = Vec::new();
        Bash.write_registration(var, name, bin, completer, &mut script)?;
        let asks = format!("{var}=\"bash\"");
        let tells = format!("{LINE}=\"${{COMP_LINE:0:COMP_POINT}}\" {PART}=\"$2\" {asks}");
        buf.write_all(String::from_utf8_lossy(&script).replace(&asks, &tells).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        args: Vec<OsString>,
        folder: Option<&Path>,
        buf: &mut dyn Write,
    ) -> Result<(), Error> {
        let Some(line) = handed_over(LINE) else {
            // A script of an earlier version tells the words alone.
            return Bash.write_complete(command, args, folder, buf);
        };
        let (words, quote) = split(&line);
        let before = before(&words, &handed_over(PART).unwrap_or_default());
        let last = words.len().saturating_sub(1);
        let is_begun = words.last().is_some_and(|word| !word.is_empty());
        let words = words.iter().map(OsString::from).collect();
        let all = engine::complete(command, words, last, folder)?;
        let all = if is_begun { all } else { without_flags(all) };
        for (at, candidate) in all.iter().enumerate() {
            if at > 0 {
                buf.write_all(BETWEEN.as_bytes())?;
            }
            let value = candidate.get_value().to_string_lossy();
            let part = value.strip_prefix(&before).unwrap_or(&value);
            buf.write_all(escaped(part, quote).as_bytes())?;
        }
        Ok(())
    }
}

/// What is offered behind a blank: flags, which fit everywhere, only where nothing else does.
fn without_flags(all: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let is_flag = |candidate: &CompletionCandidate| {
        let value = candidate.get_value().to_string_lossy();
        // A value may begin like a flag: an order that is turned round.
        value.starts_with("--") || value.starts_with('-') && value.chars().count() == 2
    };
    if all.iter().all(is_flag) {
        return all;
    }
    all.into_iter().filter(|candidate| !is_flag(candidate)).collect()
}

fn handed_over(name: &str) -> Option<String> {
    super::handed_over(name)?.into_string().ok()
}

/// The words of a line that may be unfinished, as a program would get them, and the quote that is
/// still open at its end. The last word is the one that is typed: it is empty behind a blank.
pub(super) fn split(line: &str) -> (Vec<String>, Option<char>) {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, letter) if letter.is_ascii_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some(open), letter) if letter == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(letters.next()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.push(word.unwrap_or_default());
    (words, quote)
}

/// What of the last word stays on the line: all but the part that an answer takes the place of.
fn before(words: &[String], part: &str) -> String {
    let word = words.last().map(String::as_str).unwrap_or_default();
    let unquoted = split(part).0.pop().unwrap_or_default();
    let stays = word.strip_suffix(part).or_else(|| word.strip_suffix(unquoted.as_str()));
    stays.unwrap_or_default().to_owned()
}

/// A text as it must stand on a line, behind an open quote or none, to mean itself.
fn escaped(text: &str, quote: Option<char>) -> String {
    let special = match quote {
        None => " \t\"'`$&|;<>()[]{}*?!#\\",
        Some('"') => "\"`$\\",
        Some(_) => "",
    };
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if special.contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{CompletionCandidate, before, escaped, split, without_flags};

    #[test]
    fn a_line_falls_into_the_words_that_a_program_would_get() {
        for (line, words, quote) in [
            ("hubctl", &["hubctl"][..], None),
            ("hubctl  get ", &["hubctl", "get", ""], None),
            ("hubctl --for=status=", &["hubctl", "--for=status="], None),
            (r"hubctl My\ key", &["hubctl", "My key"], None),
            ("hubctl 'My key' \"and m", &["hubctl", "My key", "and m"], Some('"')),
            (r#"hubctl "a\"b" 'it"#, &["hubctl", "a\"b", "it"], Some('\'')),
            ("hubctl ''", &["hubctl", ""], None),
            (r"x a\", &["x", "a"], None),
        ] {
            assert_eq!(split(line), (words.iter().map(|word| (*word).to_owned()).collect(), quote));
        }
    }

    #[test]
    fn an_answer_takes_the_place_of_what_bash_took_for_the_word() {
        for (word, part, stays) in [
            ("--for=status=", "", "--for=status="),
            ("--sort=-", "-", "--sort="),
            ("platform:re", "re", "platform:"),
            ("My key", r"My\ key", ""),
            ("My key", "My key", ""),
            ("get", "get", ""),
            ("", "", ""),
        ] {
            assert_eq!(before(&[word.to_owned()], part), stays, "{word}");
        }
    }

    #[test]
    fn flags_are_offered_behind_a_blank_only_where_nothing_else_is() {
        let left = |all: &[&str]| -> Vec<String> {
            let all = all.iter().map(CompletionCandidate::new).collect();
            let left = without_flags(all);
            left.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(left(&["hubspot", "--json", "-o"]), ["hubspot"]);
        assert_eq!(left(&["created", "-created"]), ["created", "-created"]);
        assert_eq!(left(&["--json", "-o"]), ["--json", "-o"]);
        assert!(left(&[]).is_empty());
    }

    #[test]
    fn a_text_means_itself_behind_any_quote() {
        let text = r#"My "key" & it's $5"#;
        assert_eq!(escaped(text, None), r#"My\ \"key\"\ \&\ it\'s\ \$5"#);
        assert_eq!(escaped(text, Some('"')), r#"My \"key\" & it's \$5"#);
        assert_eq!(escaped(text, Some('\'')), text);
        assert_eq!(escaped("--for=a:b/c~ü", None), "--for=a:b/c~ü");
    }
}
