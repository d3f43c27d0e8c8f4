//! The documents tell the truth: what the README shows is run, and what documents, help and hints
//! name is there.
//!
//! Every `console` block of the README is typed into one shell on a terminal of its own, in order,
//! in an empty home. `SNAPSHOTS=overwrite` writes what came out into the README.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use clap::Command as Parser;
use hubctl::cli::EXAMPLES;
use hubctl::cli::exit::EXIT_CODES;
use hubctl::cli::manual::{FILES, File};
use regex::Regex;
use tempfile::TempDir;

/// What a reader sees in place of the home folder of the test.
const HOME: &str = "/home/ann";
/// Stands for any number of lines.
const ANY_LINES: &str = "…";
/// The README takes a few seconds; this is for a machine that is busy with other things.
const LIMIT_MS: u64 = 100_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// A fenced block of a document.
struct Block<'t> {
    language: &'t str,
    /// Number of its first line of content, from 0.
    first: usize,
    lines: Vec<&'t str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        match line.trim_start().strip_prefix("```") {
            Some(_) if open => open = false,
            Some(language) => {
                open = true;
                found.push(Block { language, first: number + 1, lines: Vec::new() });
            }
            None if open => found.last_mut().unwrap().lines.push(line),
            None => {}
        }
    }
    assert!(!open, "the last block is not closed");
    found
}

/// A command as it was typed, and what it is said to print.
struct Step {
    /// Lines of the document that hold the output: first, and the one after the last.
    output: (usize, usize),
    command: String,
    expected: Vec<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks(text).iter().filter(|block| block.language == "console") {
        let mut is_first = true;
        for (offset, line) in block.lines.iter().enumerate() {
            let after = block.first + offset + 1;
            if let Some(command) = line.strip_prefix("$ ") {
                let command = command.to_owned();
                steps.push(Step { output: (after, after), command, expected: Vec::new() });
            } else {
                assert!(!is_first, "line {after}: a console block starts with `$ `");
                let step = steps.last_mut().unwrap();
                step.output.1 = after;
                match line.strip_prefix("> ").filter(|_| step.expected.is_empty()) {
                    Some(more) => {
                        step.command.push('\n');
                        step.command.push_str(more);
                        step.output.0 = after;
                    }
                    None => step.expected.push((*line).to_owned()),
                }
            }
            is_first = false;
        }
    }
    steps
}

/// An environment with nothing of the one who runs the tests.
fn bare(program: &str, home: &Path) -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_hubctl")).parent().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the shell needs to find its tools")]
    let tools = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command
        .env_clear()
        .current_dir(home)
        .env("PATH", format!("{}:{tools}", folder.display()))
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("TERM", "dumb")
        .env("COLUMNS", "100")
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC");
    command
}

/// What each command printed on the terminal, in the order of the commands.
fn run(steps: &[Step], home: &Path) -> Vec<String> {
    let mark = |number: usize| format!("@@ {number} @@");
    let mut script = String::from("status=0\n");
    for (number, step) in steps.iter().enumerate() {
        // The status is there for the next command, as it is at a prompt.
        let mark = mark(number);
        script.push_str(&format!("echo '{mark}'; (exit $status)\n{}\nstatus=$?\n", step.command));
    }
    script.push_str(&format!("echo '{}'\n", mark(steps.len())));
    let file = TempDir::new().unwrap();
    let path = file.path().join("steps.sh");
    fs::write(&path, script).unwrap();
    let mut command = bare("bash", home);
    command.arg(&path);
    let mut session = rexpect::session::spawn_command(command, Some(LIMIT_MS)).unwrap();
    // The session makes a character of each byte.
    let bytes = session.exp_eof().unwrap().chars().map(|c| u8::try_from(c).unwrap()).collect();
    let printed = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    let home = home.to_str().unwrap();
    let printed = printed.replace(home, HOME);
    let mut rest = printed.as_str();
    let mut outputs = Vec::new();
    for number in 0..=steps.len() {
        let mark = format!("{}\n", mark(number));
        let (before, after) = rest.split_once(&mark).unwrap_or_else(|| panic!("{printed}"));
        outputs.push(before.to_owned());
        rest = after;
    }
    outputs.remove(0);
    outputs
}

/// What differs from run to run: ids, tokens, times, and the width of columns with it.
static VARYING: LazyLock<[(Regex, &str); 7]> = LazyLock::new(|| {
    [
        (regex("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
        (regex(r"hcs_(\d+)_[A-Za-z0-9_-]+…?"), "hcs_${1}_TOKEN"),
        (regex(r"\bhubctl-[0-9a-f]{8}\b"), "hubctl-OWNER"),
        (regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\.\d+Z| UTC)"), "TIME"),
        (regex(r"\bjust now\b|\bsince \d+ (s|min) ago\b"), "AGO"),
        (regex(r"\bnow\b|\b\d+ (s|min) ago\b"), "AGO"),
        (regex(" {2,}"), "  "),
    ]
});

fn settled(line: &str) -> String {
    let mut line = line.trim_end().to_owned();
    for (pattern, name) in VARYING.iter() {
        line = pattern.replace_all(&line, *name).into_owned();
    }
    line
}

fn fits(expected: &[String], got: &[String]) -> bool {
    match expected.split_first() {
        None => got.is_empty(),
        Some((line, rest)) if line == ANY_LINES => {
            (0..=got.len()).any(|skipped| fits(rest, &got[skipped..]))
        }
        Some((line, rest)) => {
            got.split_first().is_some_and(|(first, others)| line == first && fits(rest, others))
        }
    }
}

#[test]
fn the_readme_shows_what_its_commands_print() {
    let text = text_of("README.md");
    let steps = steps(&text);
    assert!(steps.len() > 20, "only {} commands are run", steps.len());
    let home = TempDir::new().unwrap();
    let outputs = run(&steps, &home.path().canonicalize().unwrap());
    let mut wrong = Vec::new();
    for (step, output) in steps.iter().zip(&outputs) {
        let expected: Vec<String> = step.expected.iter().map(|line| settled(line)).collect();
        let got: Vec<String> = output.lines().map(settled).collect();
        if !fits(&expected, &got) {
            wrong.push((step, output));
        }
    }
    #[expect(clippy::disallowed_methods, reason = "the switch by which expectations are rewritten")]
    let overwrite = std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite");
    if overwrite && !wrong.is_empty() {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (step, output) in wrong.iter().rev() {
            let new = output.lines().map(|line| line.trim_end().to_owned());
            lines.splice(step.output.0..step.output.1, new);
        }
        fs::write(root().join("README.md"), lines.join("\n") + "\n").unwrap();
        return;
    }
    let shown = |(step, output): &(&Step, &String)| {
        let expected = step.expected.join("\n");
        format!("line {}: $ {}\n{output}\nexpected:\n{expected}\n", step.output.0, step.command)
    };
    let shown: Vec<String> = wrong.iter().map(shown).collect();
    assert!(wrong.is_empty(), "SNAPSHOTS=overwrite rewrites these:\n{}", shown.join("\n"));
}

fn parser() -> Parser {
    let mut parser = hubctl::cli::command();
    parser.build();
    parser
}

/// What is wrong with a command that a text names: an unknown word or an unknown flag.
///
/// A text may leave values and whole arguments out, so only words and flags are looked at.
fn fault(parser: &Parser, text: &str) -> Option<String> {
    let globals: BTreeSet<&str> = parser.get_arguments().filter_map(clap::Arg::get_long).collect();
    let mut command = parser;
    let mut path = String::from("hubctl");
    let mut words = text.split_whitespace().peekable();
    while command.has_subcommands() {
        let Some(word) = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        else {
            break;
        };
        let word = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let Some(next) = command.find_subcommand(word) else {
            return Some(format!("`{path} {word}` is no command (in `{text}`)"));
        };
        command = next;
        path = format!("{path} {word}");
    }
    let is_part = |word: &&str| !matches!(*word, "|" | "&&" | "||" | ";" | ">" | "<");
    for word in words.take_while(is_part) {
        let Some(flag) = word.trim_start_matches(['[', '(']).strip_prefix("--") else { continue };
        let end = flag.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let flag = &flag[..end.unwrap_or(flag.len())];
        let is_own = command.get_arguments().any(|arg| arg.get_long() == Some(flag));
        if !flag.is_empty() && flag != "help" && !is_own && !globals.contains(flag) {
            return Some(format!("`{path}` has no flag --{flag} (in `{text}`)"));
        }
    }
    None
}

/// Every Rust file of a folder and those below it.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The commands that code, help and hints name: `hubctl ` at the start of a text or a code span.
fn commands_of_sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let named = regex("(?:`|\"|: |, |; |or |see |run )hubctl ([a-z][^`\"\\n,]*)");
    let continued = regex(r"\\\n\s*(///|//!)?\s*");
    let mut found = Vec::new();
    for file in files {
        // Its texts only tell one use of a key from another.
        if file.starts_with(root().join("src/hub/vault")) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        // A text goes on in the next line, and so may a command.
        let text = continued.replace_all(&text, "");
        for captures in named.captures_iter(&text) {
            let command = &captures[1];
            // A full stop ends a sentence about hubctl.
            if !command.ends_with('.') || command.ends_with("...") {
                found.push((file.display().to_string(), command.to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_command_that_is_named_exists() {
    let parser = parser();
    let mut unknown = BTreeSet::new();
    let in_sources = commands_of_sources();
    assert!(in_sources.len() > 40, "only {} were found", in_sources.len());
    for (file, command) in in_sources {
        unknown.extend(fault(&parser, &command).map(|fault| format!("{file}: {fault}")));
    }
    let named = regex(r"(?m)(?:^|[`$(|] ?|run: )hubctl ([a-z-][^`\n|)]*)");
    for name in ["README.md", "CONTRIBUTING.md"] {
        let text = text_of(name).replace("\\\n", " ");
        for captures in named.captures_iter(&text) {
            unknown.extend(fault(&parser, &captures[1]).map(|fault| format!("{name}: {fault}")));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// What a shell hands `hubctl` with each call of these lines. A pattern that no file fits is an
/// error there, as it is in zsh.
fn calls(lines: &str) -> Vec<Vec<String>> {
    let home = TempDir::new().unwrap();
    let script = format!(
        "set -u; shopt -s failglob\n\
         hubctl() {{ local IFS=$'\\x1f'; printf '%s\\n' \"hubctl$IFS$*\" >> calls; echo true; }}\n\
         {lines}\n"
    );
    let output = bare("bash", home.path()).args(["-c", &script]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{lines}\n{told}");
    let calls = fs::read_to_string(home.path().join("calls")).unwrap();
    calls.lines().map(|call| call.split('\x1f').map(str::to_owned).collect()).collect()
}

#[test]
fn every_example_can_be_pasted_and_fits_a_terminal() {
    let mut wrong = Vec::new();
    assert!(EXAMPLES.len() > 25, "only {} commands have examples", EXAMPLES.len());
    for row in EXAMPLES {
        let own = format!("hubctl {}", row.words.join(" "));
        for (what, lines) in row.lines {
            let calls = calls(lines);
            if !calls.iter().any(|call| call.join(" ").starts_with(own.trim_end())) {
                wrong.push(format!("`{lines}` is no example of `{own}`"));
            }
            for call in &calls {
                let parsed = hubctl::cli::command().try_get_matches_from(call);
                wrong.extend(parsed.err().map(|error| format!("`{lines}`: {error}")));
            }
            // The help has them behind two and four blanks, and a colon after what they are for.
            let is_long = lines.lines().any(|line| line.chars().count() > 76);
            if is_long || what.chars().count() > 77 {
                wrong.push(format!("`{what}` and its lines have no room in 80 columns"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_readme_names_every_command() {
    let text = text_of("README.md");
    let mut missing = Vec::new();
    for group in parser().get_subcommands() {
        // The parser adds `help` to each group on its own.
        let verbs = group.get_subcommands().map(Parser::get_name);
        let verbs: Vec<&str> = verbs.filter(|verb| *verb != "help").collect();
        let name = group.get_name();
        let row = text.lines().find(|line| line.starts_with(&format!("| `{name}")));
        let row = row.unwrap_or_default();
        if row.is_empty() {
            missing.push(name.to_owned());
        }
        let is_missing = |verb: &&&str| !row.contains(&format!("`{verb}`"));
        missing.extend(verbs.iter().filter(is_missing).map(|verb| format!("{name} {verb}")));
    }
    assert!(missing.is_empty(), "no row of the table of commands has {missing:?}");
}

/// The rows of the README's table that starts with this header.
fn table(header: &str) -> Vec<Vec<String>> {
    let text = text_of("README.md");
    let rows = text.lines().skip_while(|line| *line != header).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let row = row.trim_matches('|');
        row.split(" | ").map(|cell| cell.trim().replace('`', "")).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn the_readme_counts_the_connectors() {
    let count = fs::read_dir(root().join("src/catalog/connectors")).unwrap().count();
    assert!(text_of("README.md").contains(&format!(" {count} connectors")), "{count} connectors");
}

#[test]
fn the_table_of_exit_codes_is_the_programs_own() {
    let own: Vec<Vec<String>> = EXIT_CODES
        .iter()
        .map(|row| vec![row.code.to_string(), row.name.to_owned(), row.when.to_owned()])
        .collect();
    assert_eq!(table("| code | name | when |"), own);
}

#[test]
fn the_table_of_variables_is_the_programs_own() {
    let own: Vec<Vec<String>> = hubctl::env::ALL
        .iter()
        .map(|row| vec![row.name.to_owned(), row.meaning.replace('`', "")])
        .collect();
    assert_eq!(table("| variable | meaning |"), own);
}

#[test]
fn the_table_of_files_is_the_manuals_own() {
    let row = |file: &File| {
        vec![file.what.to_owned(), file.place.to_owned(), format!("{} in it", file.in_folder)]
    };
    let own: Vec<Vec<String>> = FILES.iter().map(row).collect();
    assert_eq!(table("| file | on Linux | with `HUBCTL_CONFIG_DIR` |"), own);
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    let span = regex(r"`([A-Za-z0-9_./*{},-]+)`|\]\(([^)#:]+)\)");
    let mut missing = BTreeSet::new();
    for name in ["README.md", "CONTRIBUTING.md"] {
        let text = text_of(name);
        // What stands in a block of the README is a file of its reader.
        let prose = regex(r"(?s)```.*?```").replace_all(&text, "");
        for captures in span.captures_iter(&prose) {
            let linked = captures.get(2).is_some();
            let path = captures.get(1).or(captures.get(2)).unwrap().as_str();
            let is_source = ["src/", "tests/", "fuzz/", ".ci/", ".config/", "examples/"]
                .iter()
                .any(|folder| path.starts_with(folder));
            let is_file = name == "CONTRIBUTING.md"
                && [".rs", ".md", ".toml", ".sql", ".sh"].iter().any(|end| path.ends_with(end))
                && !path.contains('/');
            if !(linked || is_source || is_file) || path.contains('*') {
                continue;
            }
            missing.extend(
                variants(path)
                    .into_iter()
                    .filter(|path| !root().join(path).exists())
                    .map(|path| format!("{name}: {path}")),
            );
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The paths that `a/{b,c}/d` stands for.
fn variants(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let (inner, after) = rest.split_once('}').unwrap();
    inner.split(',').map(|each| format!("{before}{each}{after}")).collect()
}
