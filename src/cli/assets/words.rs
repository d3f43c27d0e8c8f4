//! Completions of words that an argument chooses from; each list comes from where its words are
//! defined.

use std::ffi::{OsStr, OsString};

use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use crate::cli::commands::meta::Topic;
use crate::cli::tree::{GROUPS, Group, SINGLE};
use crate::domain::account::{AccountType, Status};
use crate::domain::connect_session::State;
use crate::domain::connector::AuthKind;
use crate::domain::request_log::{Bodies, Kind, Method};
use crate::hub::accounts::Sort;

/// What stands before the status that an account is waited for to have.
pub(in crate::cli) const STATUS_IS: &str = "status=";

fn one_of<W: Into<OsString>>(
    all: impl IntoIterator<Item = W> + Clone + Send + Sync + 'static,
) -> ArgValueCandidates {
    ArgValueCandidates::new(move || all.clone().into_iter().map(CompletionCandidate::new).collect())
}

/// Statuses of accounts.
pub(in crate::cli) fn statuses() -> ArgValueCandidates {
    one_of(Status::ALL.map(Status::as_str))
}

/// Where connect sessions stand.
pub(in crate::cli) fn session_states() -> ArgValueCandidates {
    one_of(State::ALL.map(State::as_str))
}

/// What an account can be waited for to become.
pub(in crate::cli) fn conditions() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let all = Status::ALL.iter();
        all.map(|status| CompletionCandidate::new(format!("{STATUS_IS}{}", status.as_str())))
            .collect()
    })
}

/// Types of accounts.
pub(in crate::cli) fn account_types() -> ArgValueCandidates {
    one_of(AccountType::ALL.map(AccountType::as_str))
}

/// Orders of accounts, and the same turned round.
pub(in crate::cli) fn orders() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let turned = Sort::ALL.map(|sort| format!("-{}", sort.as_str()));
        let all = Sort::ALL.iter().map(|sort| sort.as_str().to_owned()).chain(turned);
        all.map(CompletionCandidate::new).collect()
    })
}

/// Methods of calls in the log.
pub(in crate::cli) fn logged_methods() -> ArgValueCandidates {
    one_of(Method::ALL.map(Method::as_str))
}

/// Methods that a call can be made with.
pub(in crate::cli) fn methods() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let named = Method::ALL.iter().filter(|method| **method != Method::Other);
        named.map(|one| CompletionCandidate::new(one.as_str().to_ascii_uppercase())).collect()
    })
}

/// Kinds of calls in the log.
pub(in crate::cli) fn log_kinds() -> ArgValueCandidates {
    one_of(Kind::ALL.map(Kind::as_str))
}

/// Which headers and bodies the log keeps.
pub(in crate::cli) fn log_bodies() -> ArgValueCandidates {
    one_of(Bodies::ALL.map(Bodies::as_str))
}

/// Types of authentication methods.
pub(in crate::cli) fn auth_kinds() -> ArgValueCandidates {
    one_of(AuthKind::ALL.map(AuthKind::as_str))
}

/// What an OAuth application is set with.
pub(in crate::cli) fn oauth_app_fields() -> ArgValueCandidates {
    one_of(["client_id=", "client_secret="])
}

/// Commands and topics that there is help on; behind a group its commands.
pub(in crate::cli) fn helped() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let Some(typed) = typed.to_str() else { return Vec::new() };
        let names: Vec<&str> = match group_on(super::line_of_shell(), typed) {
            Some(group) => group.commands.iter().map(|leaf| leaf.name).collect(),
            None => {
                let groups = GROUPS.iter().map(|group| group.name);
                let single = SINGLE.iter().map(|leaf| leaf.name);
                groups.chain(single).chain(Topic::ALL.map(Topic::as_str)).collect()
            }
        };
        let fitting = names.into_iter().filter(|name| name.starts_with(typed));
        fitting.map(CompletionCandidate::new).collect()
    })
}

/// The group that stands whole on the line, in front of the word that is typed.
fn group_on(line: impl IntoIterator<Item = String>, typed: &str) -> Option<&'static Group> {
    let mut behind = line.into_iter().skip_while(|word| word != "help").skip(1);
    let first = behind.next()?;
    let is_whole = first != typed || behind.next().is_some();
    GROUPS.iter().find(|group| is_whole && group.name == first)
}

#[cfg(test)]
mod tests {
    use super::group_on;

    #[test]
    fn help_is_on_a_group_once_it_stands_there() {
        let group = |line: &str, typed: &str| {
            let words = line.split(' ').map(str::to_owned);
            group_on(words, typed).map(|group| group.name)
        };
        assert_eq!(group("x -- hubctl help accounts ", ""), Some("accounts"));
        // Zsh leaves the empty word out.
        assert_eq!(group("x -- hubctl help accounts", ""), Some("accounts"));
        assert_eq!(group("x -- hubctl --json help accounts li", "li"), Some("accounts"));
        assert_eq!(group("x -- hubctl help accounts", "accounts"), None);
        assert_eq!(group("x -- hubctl help serve ", ""), None);
        assert_eq!(group("x -- hubctl help ", ""), None);
    }
}
