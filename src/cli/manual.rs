//! Manual pages, made from the command tree: one for each command and group.
//!
//! They name neither a version nor a date, so that they change only where the commands do.

use std::fmt::Write as _;

use clap::Command;
use clap_mangen::Man;

use crate::env;
use crate::error::{HubError, codes};

use super::assets::whole_tree;
use super::commands::meta::OUTPUT_HELP;
use super::exit::EXIT_CODES;
use super::tree::GROUPS;

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
    man.render_synopsis_section(&mut out).map_err(failed)?;
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
    section(out, "SEE ALSO");
    let groups = GROUPS.iter().map(|group| reference(&["hubctl", group.name]));
    references(out, groups.collect());
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
    out.push_str(".TP\n\\fB");
    lines(out, term);
    // The end of the bold word belongs before the line's end.
    out.truncate(out.len() - 1);
    out.push_str("\\fR\n");
    lines(out, text);
}

/// Text in which nothing is taken for a request of the formatter.
fn lines(out: &mut String, text: &str) {
    for line in text.lines() {
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        for letter in line.chars() {
            match letter {
                '\\' => out.push_str("\\e"),
                '-' => out.push_str("\\-"),
                '`' => out.push_str("\\(ga"),
                '\'' => out.push_str("\\(aq"),
                letter => out.push(letter),
            }
        }
        out.push('\n');
    }
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
