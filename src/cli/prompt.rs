//! Questions to a person, drawn on standard error. Whether asking is possible is decided by the
//! caller; where it is not, each question fails with the error that names the flag to use.
//!
//! A question takes over SIGINT, SIGTERM and SIGHUP (see `interrupts`) so that they end it with an
//! error and a terminal as it was.

use dialoguer::console::Term;
use dialoguer::theme::SimpleTheme;
use dialoguer::{FuzzySelect, Input, Select};

use crate::cli::interrupts;
use crate::cli::output::{clean_line, fitted};
use crate::error::{HubError, codes};

/// In front of an item, and behind it, so that no terminal begins another line.
const BESIDE_ITEM: u16 = 3;
/// Lines of the screen that a list leaves free: the one that is typed into, and the cursor's.
const BESIDE_LIST: u16 = 3;

/// Whether questions may be asked: standard input and standard error are terminals, and neither
/// CI, `--no-input` nor a machine format forbids it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interactive {
    /// Decided by the caller.
    pub allowed: bool,
    /// Whether the terminal draws over what it shows, which lists to choose from need.
    pub redraws: bool,
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
    /// Asks for consent: `y` or `yes` and Enter. Every other line is no.
    ///
    /// # Errors
    /// `needed` where asking is not allowed; declined by no or Esc; interrupted by Ctrl-C.
    pub fn confirm(
        self,
        question: &str,
        needed: impl FnOnce() -> HubError,
    ) -> Result<(), HubError> {
        let question = clean_line(question);
        let is_yes = self.ask(needed, |term| Ok(line::consents(term, &question)?))?;
        if is_yes { Ok(()) } else { Err(declined()) }
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
        self.ask(needed, |term| Ok(line::secret(term, &label)?))
    }

    /// Lets one of the items be chosen; answers its position.
    ///
    /// # Errors
    /// `needed` where asking is not allowed or no list can be drawn; declined by Esc; interrupted by Ctrl-C.
    pub fn select(
        self,
        label: &str,
        items: &[impl AsRef<str>],
        needed: impl FnOnce() -> HubError,
    ) -> Result<usize, HubError> {
        let label = clean_line(label);
        let answer = self.ask_with_list(needed, |term| {
            let width = room(term).0;
            let select = Select::with_theme(&SimpleTheme).with_prompt(label).default(0);
            let items = items.iter().map(|item| fitted(item.as_ref(), width));
            select.items(items).interact_on_opt(term)
        })?;
        answer.ok_or_else(declined)
    }

    /// Lets any number of items be marked, each found by typing parts of its name; answers their
    /// positions in order.
    ///
    /// # Errors
    /// `needed` where asking is not allowed or no list can be drawn; declined by Esc or by marking
    /// nothing; interrupted by Ctrl-C.
    pub fn fuzzy_multi(
        self,
        label: &str,
        items: &[impl AsRef<str>],
        needed: impl FnOnce() -> HubError,
    ) -> Result<Vec<usize>, HubError> {
        let label = clean_line(label);
        let items: Vec<_> = items.iter().map(|item| clean_line(item.as_ref())).collect();
        let mut marked = vec![false; items.len()];
        self.ask_with_list(needed, |term| {
            loop {
                let (width, lines) = room(term);
                let answer = FuzzySelect::with_theme(&SimpleTheme)
                    .with_prompt(&*label)
                    .items(choices(&items, &marked, width))
                    .max_length(lines)
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

    fn ask_with_list<T>(
        self,
        needed: impl FnOnce() -> HubError,
        question: impl FnOnce(&Term) -> dialoguer::Result<T>,
    ) -> Result<T, HubError> {
        Self { allowed: self.allowed && self.redraws, ..self }.ask(needed, question)
    }

    fn ask<T>(
        self,
        needed: impl FnOnce() -> HubError,
        question: impl FnOnce(&Term) -> dialoguer::Result<T>,
    ) -> Result<T, HubError> {
        if !self.allowed {
            return Err(needed());
        }
        interrupts::begin_question();
        let term = Term::stderr();
        let answer = question(&term);
        if interrupts::end_question() {
            _ = term.show_cursor();
            _ = term.write_line("");
            return Err(HubError::new(&codes::TERMINATED, "stopped; nothing was changed"));
        }
        answer.map_err(|dialoguer::Error::IO(error)| {
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

/// How wide an item may be, and how many of them may be shown: the library takes back as many lines
/// as it wrote, and a line that is too wide is two on the screen.
fn room(term: &Term) -> (usize, usize) {
    let (rows, columns) = term.size();
    let lines = rows.saturating_sub(BESIDE_LIST).max(1);
    (columns.saturating_sub(BESIDE_ITEM).into(), lines.into())
}

/// The line that ends the choice, then the items with their marks, cut to the width.
fn choices(items: &[impl AsRef<str>], marked: &[bool], width: usize) -> Vec<String> {
    let count = marked.iter().filter(|mark| **mark).count();
    let done = match count {
        0 => "Cancel: nothing marked (type to search, Enter marks)".to_owned(),
        count => format!("Done: {count} marked"),
    };
    let lines = items
        .iter()
        .zip(marked)
        .map(|(item, marked)| format!("[{}] {}", if *marked { 'x' } else { ' ' }, item.as_ref()));
    let mut all: Vec<String> = Vec::with_capacity(items.len() + 1);
    for line in std::iter::once(done).chain(lines) {
        let cut = fitted(&line, width);
        // The library finds the chosen one by its text.
        all.push(if all.contains(&cut) { line } else { cut });
    }
    all
}

/// Whole lines are read here: the library's own questions take a single key for an answer, draw a
/// long question twice, or ignore signals until a line is there.
#[cfg(unix)]
mod line {
    use std::io;
    use std::time::Duration;

    use dialoguer::console::Term;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };
    use zeroize::Zeroizing;

    use crate::cli::interrupts;

    /// Longest line that a terminal gives at once.
    const LONGEST: usize = 4096;
    /// How often it is looked whether there was a signal just before waiting began.
    const LOOK_EVERY: Duration = Duration::from_millis(200);
    /// The key that leaves a question.
    const ESC: u8 = 0x1b;

    /// The terminal while it gives a line, put back as it was when dropped.
    struct Asking(Termios);

    impl Asking {
        fn begin(change: impl FnOnce(&mut Termios)) -> io::Result<Self> {
            let before = tcgetattr(rustix::stdio::stdin())?;
            let mut meanwhile = before.clone();
            change(&mut meanwhile);
            meanwhile.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
            // What was typed before the question is not its answer.
            tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &meanwhile)?;
            Ok(Self(before))
        }
    }

    impl Drop for Asking {
        fn drop(&mut self) {
            _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &self.0);
        }
    }

    /// Asks until something is typed, which is not shown.
    pub(super) fn secret(term: &Term, label: &str) -> io::Result<String> {
        loop {
            let asking = Asking::begin(|modes| modes.local_modes.remove(LocalModes::ECHO))?;
            term.write_str(&format!("{label}: "))?;
            let line = read_line(b"\n");
            drop(asking);
            let line = line?;
            term.write_line("")?;
            let text = std::str::from_utf8(&line).map_err(|_| io::ErrorKind::InvalidData)?;
            let text = text.trim_end_matches(['\r', '\n']);
            if !text.is_empty() {
                return Ok(text.to_owned());
            }
        }
    }

    /// Asks once, and tells whether the line says yes. Esc ends the line as Enter does.
    pub(super) fn consents(term: &Term, question: &str) -> io::Result<bool> {
        let asking = Asking::begin(|modes| {
            modes.local_modes.insert(LocalModes::ECHO);
            modes.special_codes[SpecialCodeIndex::VEOL] = ESC;
        })?;
        term.write_str(&format!("{question} [y/N] "))?;
        let line = read_line(&[b'\n', ESC]);
        drop(asking);
        let line = match line {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Zeroizing::default(),
            line => line?,
        };
        if line.last() != Some(&b'\n') {
            term.write_line("")?;
        }
        Ok(is_yes(&line))
    }

    fn is_yes(line: &[u8]) -> bool {
        let word = line.strip_suffix(b"\n").unwrap_or_default().trim_ascii();
        word.eq_ignore_ascii_case(b"y") || word.eq_ignore_ascii_case(b"yes")
    }

    /// Reads up to one of `ends`, with it, or up to the end of the input.
    fn read_line(ends: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let every = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK_EVERY.subsec_nanos()) };
        loop {
            if interrupts::ends_question() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let stdin = rustix::stdio::stdin();
            let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&every));
            match ready {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let mut part = Zeroizing::new([0; 256]);
            let length = rustix::io::read(stdin, part.as_mut_slice())?;
            line.extend_from_slice(&part[..length]);
            if length == 0 && line.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if length == 0 || line.last().is_some_and(|last| ends.contains(last)) {
                return Ok(line);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::is_yes;

        #[test]
        fn only_a_whole_line_that_says_yes_is_consent() {
            for line in ["y\n", "Y\n", "yes\n", "YES\n", " Yes \r\n"] {
                assert!(is_yes(line.as_bytes()), "{line:?}");
            }
            for line in
                ["", "\n", "n\n", "no\n", "xyz\n", "yes!\n", "ye\n", "y", "yes\x1b", "\u{ff}y\n"]
            {
                assert!(!is_yes(line.as_bytes()), "{line:?}");
            }
        }
    }
}

#[cfg(not(unix))]
mod line {
    use dialoguer::console::Term;
    use dialoguer::theme::SimpleTheme;

    pub(super) fn secret(term: &Term, label: &str) -> std::io::Result<String> {
        let asked = dialoguer::Password::with_theme(&SimpleTheme).with_prompt(label);
        asked.interact_on(term).map_err(|dialoguer::Error::IO(error)| error)
    }

    pub(super) fn consents(term: &Term, question: &str) -> std::io::Result<bool> {
        let asked = dialoguer::Confirm::with_theme(&SimpleTheme).with_prompt(question);
        let asked = asked.default(false).wait_for_newline(true);
        let answer = asked.interact_on_opt(term).map_err(|dialoguer::Error::IO(error)| error)?;
        Ok(answer == Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::{Interactive, choices, confirm_required, input_needed};
    use crate::error::codes;

    #[test]
    fn a_question_that_may_not_be_asked_fails_with_the_callers_hint() {
        let never = Interactive { allowed: false, redraws: true };
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
    fn a_terminal_that_does_not_redraw_gets_no_list() {
        let dumb = Interactive { allowed: true, redraws: false };
        let needed = || input_needed("no connector named", "hubctl connectors enable CONNECTOR");
        for error in [
            dumb.select("Method", &["a"], needed).unwrap_err(),
            dumb.fuzzy_multi("Connectors", &["a"], needed).unwrap_err(),
        ] {
            assert!(std::ptr::eq(error.code(), &raw const codes::INPUT_NEEDED));
            assert_eq!(error.hint_text(), Some("hubctl connectors enable CONNECTOR"));
        }
    }

    #[test]
    fn choices_show_marks_and_how_to_end() {
        assert_eq!(choices(&["a", "b"], &[false, true], 80), ["Done: 1 marked", "[ ] a", "[x] b"]);
        assert!(choices(&["a"], &[false], 80)[0].starts_with("Cancel"));
    }

    #[test]
    fn choices_are_cut_to_the_width_for_as_long_as_they_differ() {
        let items = ["pinpoint-a", "pinpoint-b", "acme"];
        assert_eq!(
            choices(&items, &[true, false, false], 14),
            ["Done: 1 marked", "[x] pinpoint-a", "[ ] pinpoint-b", "[ ] acme"]
        );
        assert_eq!(
            choices(&items, &[true, true, false], 9),
            ["Done: 2 …", "[x] pinp…", "[x] pinpoint-b", "[ ] acme"]
        );
    }
}
