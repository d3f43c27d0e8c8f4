//! Every operation has a command, every command its help, every alias its meaning.

use std::collections::BTreeSet;

use clap::Command;
use hubctl::api::{OPERATIONS, Origin};
use hubctl::cli;

fn tree() -> Command {
    cli::assets::whole_tree()
}

/// Each command with its words.
fn each(command: &Command, words: &str, look: &mut impl FnMut(&str, &Command)) {
    look(words, command);
    for sub in command.get_subcommands() {
        each(sub, &format!("{words} {}", sub.get_name()), look);
    }
}

#[test]
fn every_operation_has_a_command_and_every_command_names_operations_that_are() {
    let known: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
    // The vendor's own are for the vendor's clients; commands use the hub's.
    let wanted = OPERATIONS.iter().filter(|operation| operation.origin == Origin::Extension);
    let wanted: BTreeSet<&str> = wanted.map(|operation| operation.id).collect();
    let mut named = BTreeSet::new();
    cli::for_each_leaf(|words, effect, operations| {
        named.extend(operations.iter().copied());
        let reads = effect == cli::Effect::Read;
        for operation in OPERATIONS.iter().filter(|row| operations.contains(&row.id)) {
            let is_get = operation.method == "GET";
            assert!(is_get || !reads, "{words:?} is said to read but calls {}", operation.id);
        }
    });
    let unknown: Vec<_> = named.difference(&known).collect();
    let without: Vec<_> = wanted.difference(&named).collect();
    assert!(unknown.is_empty(), "commands name operations that are not there: {unknown:?}");
    assert!(without.is_empty(), "no command calls: {without:?}");
}

#[test]
fn every_command_says_what_it_does_in_a_line() {
    let mut wrong = Vec::new();
    each(&tree(), "hubctl", &mut |words, command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let first = about.split_whitespace().next().unwrap_or_default();
        if about.is_empty() || about.contains('\n') || about.chars().count() > 80 {
            wrong.push(format!("{words}: one short line is needed: {about:?}"));
        } else if about.ends_with('.') || !about.starts_with(|c: char| c.is_ascii_uppercase()) {
            wrong.push(format!("{words}: a capital first, no full stop: {about:?}"));
        } else if first.ends_with('s') && !first.ends_with("ss") || first.ends_with("ing") {
            wrong.push(format!("{words}: say what to do, not what it does: {about:?}"));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_argument_has_help() {
    let mut wrong = Vec::new();
    each(&tree(), "hubctl", &mut |words, command| {
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            if help.is_empty() || help.ends_with('.') {
                wrong.push(format!("{words} {}: {help:?}", argument.get_id()));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_alias_of_the_contract_works() {
    let tree = tree();
    let aliases = [
        ("connector", "connectors"),
        ("account", "accounts"),
        ("sessions", "session"),
        ("links", "link"),
        ("key", "keys"),
        ("project", "projects"),
        ("webhook", "webhooks"),
    ];
    for (alias, name) in aliases {
        assert_eq!(tree.find_subcommand(alias).map(Command::get_name), Some(name), "{alias}");
    }
    for group in tree.get_subcommands() {
        for (alias, name) in [("ls", "list"), ("show", "get"), ("rm", "delete")] {
            if group.find_subcommand(name).is_some() {
                let found = group.find_subcommand(alias).map(Command::get_name);
                assert_eq!(found, Some(name), "hubctl {} {alias}", group.get_name());
            }
        }
    }
    // The words are understood from start to end, not only listed.
    for line in ["connector ls", "account show 1", "sessions ls", "project rm x", "links create"] {
        let words = std::iter::once("hubctl").chain(line.split(' '));
        let parsed = cli::command().try_get_matches_from(words);
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}
