//! The files of `completions/` and `man/` are what the program prints.
//!
//! `HUBCTL_UPDATE_ASSETS=1 cargo nextest run assets` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hubctl::cli::EXAMPLES;
use hubctl::cli::assets::{Shell, completion};
use hubctl::cli::manual;

use crate::support::cli::TestHome;

const UPDATE: &str = "HUBCTL_UPDATE_ASSETS";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares the files of a folder, or writes them.
fn compare(name: &str, files: &[(String, String)]) {
    let folder = folder(name);
    #[expect(clippy::disallowed_methods, reason = "the switch is for people who run the tests")]
    let update = std::env::var_os(UPDATE).is_some();
    if update {
        fs::create_dir_all(&folder).unwrap();
    }
    let wanted: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if !wanted.contains(path.file_name().unwrap().to_str().unwrap()) {
            if update {
                fs::remove_file(&path).unwrap();
            } else {
                wrong.push(format!("{} belongs to nothing", path.display()));
            }
        }
    }
    for (file, text) in files {
        let path = folder.join(file);
        if update {
            fs::write(&path, text).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            wrong.push(format!("{} is not what the program prints", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nrun the test with {UPDATE}=1", wrong.join("\n"));
}

#[test]
fn assets_completions_are_current() {
    let files = Shell::ALL.map(|(shell, name)| (name.to_owned(), completion(shell).unwrap()));
    compare("completions", &files);
}

#[test]
fn assets_manual_is_current() {
    compare("man", &manual::pages().unwrap());
}

#[test]
fn assets_every_command_has_a_page_that_is_complete_and_stable() {
    let pages = manual::pages().unwrap();
    let page = |name: &str| {
        let found = pages.iter().find(|(file, _)| file == name);
        found.unwrap_or_else(|| panic!("there is no {name}")).1.as_str()
    };
    hubctl::cli::for_each_leaf(|words, _, _| {
        let text = page(&format!("hubctl-{}.1", words.join("-")));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "\"EXIT STATUS\"", "\"SEE ALSO\""] {
            assert!(text.contains(&format!(".SH {section}\n")), "{words:?} without {section}");
        }
        assert!(!text.contains("max\\-affected <"), "{words:?} repeats the global options");
    });
    let first = page("hubctl.1");
    let sections = ["\"GLOBAL OPTIONS\"", "COMMANDS", "\"ENVIRONMENT\"", "\"OUTPUT\"", "\"FILES\""];
    for section in sections {
        assert!(first.contains(&format!(".SH {section}\n")), "hubctl.1 without {section}");
    }
    assert!(page("hubctl-connectors-make-default.1").contains("hubctl connectors make\\-default"));
    for (name, text) in &pages {
        assert!(!text.contains(env!("CARGO_PKG_VERSION")), "{name} changes with the version");
    }
}

#[test]
fn assets_a_synopsis_says_how_a_command_is_typed() {
    let pages = manual::pages().unwrap();
    let synopsis = |name: &str| {
        let text = &pages.iter().find(|(file, _)| file == name).unwrap().1;
        let (_, after) = text.split_once(".SH SYNOPSIS\n").unwrap();
        let line = after.lines().next().unwrap().replace("\\-", "-");
        ["\\fB", "\\fI", "\\fR"].iter().fold(line, |line, font| line.replace(font, ""))
    };
    for (name, expected) in [
        ("hubctl.1", "hubctl [OPTION]... COMMAND [ARGUMENT]..."),
        ("hubctl-link.1", "hubctl link COMMAND [ARGUMENT]..."),
        ("hubctl-version.1", "hubctl version"),
        ("hubctl-connectors-enable.1", "hubctl connectors enable [--all] [TARGET]..."),
        (
            "hubctl-webhooks-create.1",
            "hubctl webhooks create --url URL [--events EVENT]... [--secret-file FILE] \
             [--if-exists WHAT] [--print PART]",
        ),
        (
            "hubctl-request.1",
            "hubctl request --account ID [--field K=V]... [--raw-field K=V]... [--header K: V]... \
             [--input FILE] [--include] METHOD PATH",
        ),
    ] {
        assert_eq!(synopsis(name), expected);
    }
}

#[test]
fn assets_examples_and_related_pages_are_in_the_manual() {
    let pages = manual::pages().unwrap();
    for row in EXAMPLES {
        let name = [&["hubctl"][..], row.words].concat().join("-") + ".1";
        let text = &pages.iter().find(|(file, _)| *file == name).unwrap().1;
        let (_, examples) = text.split_once(".SH \"EXAMPLES\"\n").unwrap();
        let blocks = examples.matches(".RS 4\n.nf\n").count();
        assert_eq!(blocks, row.lines.len(), "{name}");
    }
    let (_, related) = pages[0].1.split_once(".SH \"SEE ALSO\"\n").unwrap();
    hubctl::cli::for_each_leaf(|words, _, _| {
        let name = format!("hubctl\\-{}(1)", words[0].replace('-', "\\-"));
        assert!(related.contains(&name), "hubctl(1) leads to no {name}");
    });
}

#[cfg(unix)]
#[test]
fn the_manual_takes_the_place_of_links_and_is_not_written_through_them() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let home = TestHome::new();
    let other = home.file("other", "mine");
    fs::create_dir(home.path().join("man")).unwrap();
    symlink(&other, home.path().join("man/hubctl.1")).unwrap();
    home.run("man --out man").code(0);
    assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
    let pages = manual::pages().unwrap();
    assert_eq!(fs::read_dir(home.path().join("man")).unwrap().count(), pages.len());
    let umask = fs::metadata(&other).unwrap().permissions().mode();
    for (name, text) in pages {
        let path = home.path().join("man").join(name);
        let found = fs::symlink_metadata(&path).unwrap();
        assert!(found.is_file() && found.permissions().mode() == umask, "{}", path.display());
        assert_eq!(fs::read_to_string(path).unwrap(), text);
    }
}
