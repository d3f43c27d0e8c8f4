//! What a line names.

use std::ffi::OsString;

use clap::ArgMatches;

use super::command;

/// The command that a line names, in its own words, whatever is wrong with the rest of the line.
pub(in crate::cli) fn words(arguments: &[OsString]) -> String {
    let mut words = "hubctl".to_owned();
    let parsed = command().ignore_errors(true).try_get_matches_from(arguments).ok();
    let mut named = parsed.as_ref().and_then(ArgMatches::subcommand);
    while let Some((name, matches)) = named {
        words = format!("{words} {name}");
        named = matches.subcommand();
    }
    words
}
