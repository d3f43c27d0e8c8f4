//! Questions to a person, drawn on standard error. Whether asking is possible is decided by the
//! caller; where it is not, each question fails with the error that names the flag to use.
//!
//! A question takes over SIGINT so that Ctrl-C ends it with an error and a visible cursor. From
//! then on the signal no longer ends the process by itself.

use std::sync::Once;

use dialoguer::console::Term;
use dialoguer::theme::SimpleTheme;
use dialoguer::{Confirm, FuzzySelect, Input, Password, Select};

use crate::cli::output::clean_line;
use crate::error::{HubError, codes};

/// Whether questions may be asked: standard input and standard error are terminals, and neither
/// CI, `--no-input` nor a machine format forbids it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interactive {
    /// Decided by the caller.
    pub allowed: bool,
}

/// The refusal of a question that may not be asked.
pub fn input_needed(message: impl Into<String>, hint: impl Into<String>) -> HubError {
    HubError::new(&codes::INPUT_NEEDED, message.into()).hint(hint.into())
}

/// The refusal of a change that needs consent which can't be asked for.
pub fn confirm_required(message: impl Into<String>, hint: impl Into<String>) -> HubError {
    HubError::new(&codes::CONFIRM_REQUIRED, message.into()).hint(hint.into())
}

impl Interactive {
    /// Asks for consent; Enter alone is no.
    ///
    /// # Errors
    /// `needed` where asking is not allowed; declined by no or Esc; interrupted by Ctrl-C.
    pub fn confirm(
        self,
        question: &str,
        needed: impl FnOnce() -> HubError,
    ) -> Result<(), HubError> {
        let question = clean_line(question);
        let answer = self.ask(needed, |term| {
            let confirm = Confirm::with_theme(&SimpleTheme).with_prompt(question).default(false);
            confirm.interact_on_opt(term)
        })?;
        if answer == Some(true) { Ok(()) } else { Err(declined()) }
    }

    /// Asks for a line of text until `check` accepts it.
    ///
    /// # Errors
    /// `needed` where asking is not allowed; interrupted by Ctrl-C.
    pub fn text(
        self,
        label: &str,
        default: Option<&str>,
        check: impl Fn(&str) -> Result<(), String>,
        needed: impl FnOnce() -> HubError,
    ) -> Result<String, HubError> {
        let label = clean_line(label);
        self.ask(needed, |term| {
            let mut input = Input::<String>::with_theme(&SimpleTheme)
                .with_prompt(label)
                .validate_with(|text: &String| check(text));
            if let Some(default) = default {
                input = input.default(default.to_owned());
            }
            input.interact_text_on(term)
        })
    }

    /// Asks for a secret, which is not shown.
    ///
    /// # Errors
    /// `needed` where asking is not allowed; interrupted by Ctrl-C.
    pub fn password(
        self,
        label: &str,
        needed: impl FnOnce() -> HubError,
    ) -> Result<String, HubError> {
        let label = clean_line(label);
        self.ask(needed, |term| {
            Password::with_theme(&SimpleTheme).with_prompt(label).interact_on(term)
        })
    }

    /// Lets one of the items be chosen; answers its position.
    ///
    /// # Errors
    /// `needed` where asking is not allowed; declined by Esc; interrupted by Ctrl-C.
    pub fn select(
        self,
        label: &str,
        items: &[impl AsRef<str>],
        needed: impl FnOnce() -> HubError,
    ) -> Result<usize, HubError> {
        let label = clean_line(label);
        let items: Vec<_> = items.iter().map(|item| clean_line(item.as_ref())).collect();
        let answer = self.ask(needed, |term| {
            let select = Select::with_theme(&SimpleTheme).with_prompt(label).default(0);
            select.items(items).interact_on_opt(term)
        })?;
        answer.ok_or_else(declined)
    }

    /// Lets any number of items be marked, each found by typing parts of its name; answers their
    /// positions in order.
    ///
    /// # Errors
    /// `needed` where asking is not allowed; declined by Esc or by marking nothing; interrupted
    /// by Ctrl-C.
    pub fn fuzzy_multi(
        self,
        label: &str,
        items: &[impl AsRef<str>],
        needed: impl FnOnce() -> HubError,
    ) -> Result<Vec<usize>, HubError> {
        let label = clean_line(label);
        let items: Vec<_> = items.iter().map(|item| clean_line(item.as_ref())).collect();
        let mut marked = vec![false; items.len()];
        self.ask(needed, |term| {
            loop {
                let answer = FuzzySelect::with_theme(&SimpleTheme)
                    .with_prompt(&*label)
                    .items(choices(&items, &marked))
                    .default(0)
                    .report(false)
                    .interact_on_opt(term)?;
                match answer {
                    None => return Ok(None),
                    Some(0) => return Ok(Some(())),
                    Some(chosen) => {
                        if let Some(mark) = marked.get_mut(chosen - 1) {
                            *mark = !*mark;
                        }
                    }
                }
            }
        })?
        .ok_or_else(declined)?;
        let chosen: Vec<usize> = (0..items.len()).filter(|at| marked[*at]).collect();
        if chosen.is_empty() { Err(declined()) } else { Ok(chosen) }
    }

    fn ask<T>(
        self,
        needed: impl FnOnce() -> HubError,
        question: impl FnOnce(&Term) -> dialoguer::Result<T>,
    ) -> Result<T, HubError> {
        if !self.allowed {
            return Err(needed());
        }
        keep_interrupts_from_killing();
        let term = Term::stderr();
        question(&term).map_err(|dialoguer::Error::IO(error)| {
            _ = term.show_cursor();
            if error.kind() == std::io::ErrorKind::Interrupted {
                _ = term.write_line("");
                return HubError::new(&codes::INTERRUPTED, "stopped; nothing was changed");
            }
            HubError::new(&codes::INPUT_NEEDED, "the terminal can't be asked")
                .hint("give the value with a flag")
                .source(error)
        })
    }
}

fn declined() -> HubError {
    HubError::new(&codes::CONFIRM_DECLINED, "nothing was changed")
}

/// The line that ends the choice, then the items with their marks.
fn choices(items: &[impl AsRef<str>], marked: &[bool]) -> Vec<String> {
    let count = marked.iter().filter(|mark| **mark).count();
    let done = match count {
        0 => "Cancel: nothing marked (type to search, Enter marks)".to_owned(),
        count => format!("Done: {count} marked"),
    };
    let lines = items
        .iter()
        .zip(marked)
        .map(|(item, marked)| format!("[{}] {}", if *marked { 'x' } else { ' ' }, item.as_ref()));
    std::iter::once(done).chain(lines).collect()
}

/// The terminal library turns Ctrl-C into a signal, which would end the process with the cursor
/// hidden. Registering for the signal once is enough: the handler stays.
fn keep_interrupts_from_killing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A thread of its own, because the caller may be inside a runtime already.
        let registered = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { register() })
        });
        _ = registered.join();
    });
}

#[cfg(unix)]
fn register() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::interrupt()).map(drop)
}

#[cfg(not(unix))]
fn register() -> std::io::Result<()> {
    tokio::signal::windows::ctrl_c().map(drop)
}

#[cfg(test)]
mod tests {
    use super::{Interactive, choices, confirm_required, input_needed};
    use crate::error::codes;

    #[test]
    fn a_question_that_may_not_be_asked_fails_with_the_callers_hint() {
        let never = Interactive { allowed: false };
        let error = never
            .confirm("Disable hubspot?", || {
                confirm_required("disabling hubspot makes 12 linked accounts inactive", "add --yes")
            })
            .unwrap_err();
        assert!(std::ptr::eq(error.code(), &raw const codes::CONFIRM_REQUIRED));
        assert_eq!(error.hint_text(), Some("add --yes"));
        let needed = || input_needed("api_key is missing", "add --set api_key=-");
        for error in [
            never.text("Key", None, |_| Ok(()), needed).unwrap_err(),
            never.password("Key", needed).unwrap_err(),
            never.select("Method", &["a"], needed).unwrap_err(),
            never.fuzzy_multi("Connectors", &["a"], needed).unwrap_err(),
        ] {
            assert!(std::ptr::eq(error.code(), &raw const codes::INPUT_NEEDED));
            assert_eq!(error.message(), "api_key is missing");
        }
    }

    #[test]
    fn choices_show_marks_and_how_to_end() {
        assert_eq!(choices(&["a", "b"], &[false, true]), ["Done: 1 marked", "[ ] a", "[x] b"]);
        assert!(choices(&["a"], &[false])[0].starts_with("Cancel"));
    }
}
