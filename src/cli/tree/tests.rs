//! That a part of the tree, and a line that is wrong, mean what the whole tree says.

use std::ffi::OsString;

use clap::{ArgMatches, FromArgMatches};

use super::{EXAMPLES, command, find, for_each_leaf, parse, words};
use crate::cli::globals::Globals;

/// What a command sees of its line.
fn seen(parsed: Result<ArgMatches, clap::Error>) -> String {
    match parsed {
        Ok(matches) => {
            let globals = Globals::from_arg_matches(&matches).unwrap();
            let found = find(&matches).unwrap();
            format!("{globals:?} {:?} {:?}", matches.subcommand_name(), found.matches)
        }
        Err(error) => format!("{:?}\n{}", error.kind(), error.render()),
    }
}

fn line(words: &[&str]) -> Vec<OsString> {
    ["hubctl"].iter().chain(words).map(OsString::from).collect()
}

fn same(words: &[&str]) {
    let line = line(words);
    assert_eq!(seen(parse(&line)), seen(command().try_get_matches_from(&line)), "{line:?}");
}

#[test]
fn a_line_means_the_same_to_the_part_of_the_tree_as_to_the_whole() {
    for_each_leaf(|words, _, _| {
        same(words);
        same(&[words, &["--help"]].concat());
        same(&[words, &["-qh"]].concat());
        same(&[&["-v", "--state", "x"], words, &["--json", "-vn"]].concat());
        same(&[words, &["--limit", "3", "a", "b"]].concat());
        same(&[words, &["--no-such-flag"]].concat());
        same(&words[..1]);
        same(&[&words[..1], &["--help"]].concat());
    });
    for line in [
        "",
        "-h",
        "--help",
        "-V",
        "--version",
        "-qV",
        "--json",
        "--jsn",
        "--limt 3",
        "acounts list",
        "--help accounts",
        "--version accounts",
        "accounts --version",
        "--state connectors accounts list",
        "--project=list account ls --json --fields id",
        "accounts list --provider hubspot --sort=-updated -o csv",
        "accounts --output json list -P x",
        "accounts list connectors list",
        "-- accounts list",
        "projects get list",
        "connectors list --output nonsense",
    ] {
        same(&line.split_whitespace().collect::<Vec<_>>());
    }
}

#[test]
fn examples_are_in_the_long_help_alone() {
    for row in EXAMPLES {
        let long = seen(parse(&line(&[row.words, &["--help"]].concat())));
        for (what, lines) in row.lines {
            assert!(long.contains(&format!("\n  {what}:\n")), "{:?}: {long}", row.words);
            for typed in lines.lines() {
                let typed = format!("    {typed}");
                assert!(long.lines().any(|line| line == typed), "{typed} is not in {long}");
            }
        }
        let short = seen(parse(&line(&[row.words, &["-h"]].concat())));
        assert!(!short.contains("Examples:"), "{short}");
        assert_eq!(short.contains("Scripts:"), long.contains("Scripts:"), "{:?}", row.words);
    }
}

#[test]
fn a_line_that_is_wrong_names_its_command() {
    for_each_leaf(|leaf, _, _| {
        let full = format!("hubctl {}", leaf.join(" "));
        for wrong in ["--limit x", "--no-such-flag", "--color", "--limit x --json -o csv"] {
            let wrong: Vec<&str> = wrong.split(' ').collect();
            assert_eq!(words(&line(&[leaf, &wrong].concat())), full, "{wrong:?}");
        }
    });
    for (wrong, named) in [
        ("", "hubctl"),
        ("acounts list", "hubctl"),
        ("--limit x accounts list", "hubctl accounts list"),
        ("accounts", "hubctl accounts"),
        ("account nope", "hubctl accounts"),
        ("--state connectors account ls --limit x", "hubctl accounts list"),
    ] {
        assert_eq!(words(&line(&wrong.split_whitespace().collect::<Vec<_>>())), named);
    }
}
