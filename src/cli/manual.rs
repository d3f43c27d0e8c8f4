//! Manual pages, made from the command tree: one for each command and group.
//!
//! They name neither a version nor a date, so that they change only where the commands do.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;

use crate::env;
use crate::error::{HubError, codes};

use super::assets::whole_tree;
use super::commands::meta::OUTPUT_HELP;
use super::exit::EXIT_CODES;
use super::tree::{GROUPS, SINGLE, examples_of};

/// A file that hubctl keeps.
#[derive(Debug)]
pub struct File {
    /// What is in it.
    pub what: &'static str,
    /// Where it is on Linux.
    pub place: &'static str,
    /// Its path in the folder that `HUBCTL_CONFIG_DIR` names.
    pub in_folder: &'static str,
}

/// The files, as the README has them.
pub const FILES: &[File] = &[
    File { what: "settings", place: "~/.config/hubctl/config.toml", in_folder: "config.toml" },
    File { what: "store", place: "~/.local/share/hubctl/hubctl.db", in_folder: "hubctl.db" },
    File {
        what: "key file beside the store, where no keyring answers",
        place: "~/.local/share/hubctl/hubctl.key",
        in_folder: "hubctl.key",
    },
    File {
        what: "former keys, for older backups",
        place: "~/.local/share/hubctl/hubctl.key.KEYID",
        in_folder: "hubctl.key.KEYID",
    },
    File {
        what: "API key of a profile, after auth login --store file",
        place: "~/.config/hubctl/keys/PROFILE.json",
        in_folder: "keys/PROFILE.json",
    },
];

/// The pages: file name and text.
///
/// # Errors
/// When a page can't be written as text.
pub fn pages() -> Result<Vec<(String, String)>, HubError> {
    let mut pages = Vec::new();
    collect(&whole_tree(), &["hubctl"], &mut pages)?;
    Ok(pages)
}

fn collect(
    command: &Command,
    words: &[&str],
    pages: &mut Vec<(String, String)>,
) -> Result<(), HubError> {
    let failed = |error: std::io::Error| {
        HubError::new(&codes::INTERNAL, "a manual page can't be made").source(error)
    };
    let is_root = words.len() == 1;
    let name = words.join("-");
    let mut own = command.clone().name(name.clone()).bin_name(words.join(" "));
    if !is_root {
        // The first page has them in full.
        own = own.mut_args(|argument| {
            let hide = argument.is_global_set();
            argument.hide(hide)
        });
    }
    let man = Man::new(own).title(name.clone()).manual("hubctl").source("hubctl");
    let mut out = Vec::new();
    man.render_title(&mut out).map_err(failed)?;
    man.render_name_section(&mut out).map_err(failed)?;
    out.extend_from_slice(synopsis(command, words).as_bytes());
    man.render_description_section(&mut out).map_err(failed)?;
    man.render_options_section(&mut out).map_err(failed)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out).map_err(failed)?;
    }
    let mut text = String::from_utf8(out)
        .map_err(HubError::internal("a page is no text"))?
        .replacen("\n.SH SUBCOMMANDS\n", "\n.SH COMMANDS\n", 1);
    if is_root {
        about_all(&mut text);
    } else {
        about_one(&mut text, command, words);
    }
    pages.push((format!("{name}.1"), text));
    for sub in command.get_subcommands() {
        let words: Vec<&str> = words.iter().copied().chain([sub.get_name()]).collect();
        collect(sub, &words, pages)?;
    }
    Ok(())
}

/// What holds for every command, on the first page.
fn about_all(out: &mut String) {
    section(out, "OUTPUT");
    for part in OUTPUT_HELP.trim_end().split("\n\n") {
        paragraph(out, part);
    }
    section(out, "EXIT STATUS");
    for row in EXIT_CODES {
        item(out, &row.code.to_string(), &format!("{}: {}", row.name, row.when));
    }
    section(out, "ENVIRONMENT");
    for variable in env::ALL {
        item(out, variable.name, variable.meaning);
    }
    section(out, "FILES");
    paragraph(
        out,
        "These are the places on Linux, where XDG_CONFIG_HOME and XDG_DATA_HOME move the folders; \
         macOS and Windows use their own. With HUBCTL_CONFIG_DIR all are in the folder that it \
         names. `hubctl config path` and `hubctl store path` print where they are.",
    );
    for file in FILES {
        item(out, file.place, &format!("{}; with HUBCTL_CONFIG_DIR {}", file.what, file.in_folder));
    }
    examples(out, &[]);
    section(out, "SEE ALSO");
    let names = GROUPS.iter().map(|group| group.name).chain(SINGLE.iter().map(|leaf| leaf.name));
    references(out, names.map(|name| reference(&["hubctl", name])).collect());
}

fn about_one(out: &mut String, command: &Command, words: &[&str]) {
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        section(out, "ALIASES");
        paragraph(out, &aliases.join(", "));
    }
    let (parents, own) = words.split_at(words.len() - 1);
    if !command.has_subcommands() {
        section(out, "GLOBAL OPTIONS");
        paragraph(out, "Every command takes the options that hubctl(1) lists.");
        section(out, "EXIT STATUS");
        paragraph(out, "0 if it was done, or was so already. hubctl(1) lists the others.");
    }
    examples(out, &words[1..]);
    section(out, "SEE ALSO");
    let mut others: Vec<String> = vec![reference(&["hubctl"])];
    if parents.len() > 1 {
        others.push(reference(parents));
        let group = GROUPS.iter().filter(|group| parents.contains(&group.name));
        let siblings = group.flat_map(|group| group.commands).filter(|leaf| leaf.name != own[0]);
        others.extend(siblings.map(|leaf| reference(&[parents, &[leaf.name]].concat())));
    }
    references(out, others);
}

/// How a command is typed: what it can't do without, what may be left out, and then what has a
/// place of its own.
fn synopsis(command: &Command, words: &[&str]) -> String {
    // In quotes only where a name has a blank, as the sections that the library writes.
    let mut out = format!(".SH SYNOPSIS\n{}", bold(&words.join(" ")));
    if command.has_subcommands() {
        if words.len() == 1 {
            _ = write!(out, " [{}]...", italic("OPTION"));
        }
        _ = writeln!(out, " {} [{}]...", italic("COMMAND"), italic("ARGUMENT"));
        return out;
    }
    let is_own = |argument: &&Arg| {
        let is_help = matches!(argument.get_id().as_str(), "help" | "version");
        !argument.is_global_set() && !argument.is_hide_set() && !is_help
    };
    let mut arguments: Vec<&Arg> = command.get_arguments().filter(is_own).collect();
    arguments.sort_by_key(|argument| (argument.is_positional(), !argument.is_required_set()));
    for argument in arguments {
        _ = write!(out, " {}", typed(argument));
    }
    out.push('\n');
    out
}

/// An argument as it is typed, in brackets where it may be left out.
fn typed(argument: &Arg) -> String {
    let flag = argument.get_long().map(|long| bold(&format!("--{long}")));
    let value = argument.get_action().takes_values().then(|| {
        let name = argument.get_value_names().and_then(|names| names.first());
        italic(&name.map_or_else(|| argument.get_id().to_string(), ToString::to_string))
    });
    let mut text = flag.into_iter().chain(value).collect::<Vec<_>>().join(" ");
    if !argument.is_required_set() {
        text = format!("[{text}]");
    }
    if matches!(argument.get_action(), ArgAction::Append | ArgAction::Count) {
        text.push_str("...");
    }
    text
}

/// The examples of a command, where it has some, each line as it is typed.
fn examples(out: &mut String, words: &[&str]) {
    let Some(examples) = examples_of(words) else { return };
    section(out, "EXAMPLES");
    for (what, line) in examples.lines {
        paragraph(out, &format!("{what}:"));
        out.push_str(".RS 4\n.nf\n");
        lines(out, line);
        out.push_str(".fi\n.RE\n");
    }
}

fn reference(words: &[&str]) -> String {
    format!("{}(1)", words.join("-"))
}

fn references(out: &mut String, mut all: Vec<String>) {
    all.dedup();
    paragraph(out, &all.join(", "));
}

fn section(out: &mut String, title: &str) {
    _ = writeln!(out, ".SH \"{title}\"");
}

fn paragraph(out: &mut String, text: &str) {
    out.push_str(".PP\n");
    lines(out, text);
}

fn item(out: &mut String, term: &str, text: &str) {
    _ = writeln!(out, ".TP\n{}", bold(term));
    lines(out, text);
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text))
}

fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escaped(text))
}

/// Text in which nothing is taken for a request of the formatter.
fn lines(out: &mut String, text: &str) {
    for line in text.lines() {
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        out.push_str(&escaped(line));
        out.push('\n');
    }
}

/// Part of a line, in which nothing is taken for an escape.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '`' => out.push_str("\\(ga"),
            '\'' => out.push_str("\\(aq"),
            '~' => out.push_str("\\(ti"),
            '^' => out.push_str("\\(ha"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn nothing_in_a_text_is_a_request() {
        let mut out = String::new();
        lines(&mut out, ".so /etc/passwd\n'x \\fB --no-input `a`");
        assert_eq!(out, "\\&.so /etc/passwd\n\\&\\(aqx \\efB \\-\\-no\\-input \\(gaa\\(ga\n");
    }
}
