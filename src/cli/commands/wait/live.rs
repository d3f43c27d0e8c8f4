//! One line on standard error that says how a wait stands, on a terminal alone.

use std::io;

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::cli::context::Context;
use crate::cli::output::clean_line;

/// Columns for what a terminal writes behind the line when Ctrl-C is typed.
const ROOM: u16 = 4;

/// The line; it is gone when this is dropped.
pub(in crate::cli::commands) struct Live {
    bar: Option<ProgressBar>,
    said: String,
}

impl Live {
    /// A line where one may be drawn: questions could be asked, and notes are wanted.
    pub(in crate::cli::commands) fn new(context: &Context) -> Self {
        let is_wanted = context.ask.allowed && !context.globals.quiet;
        let bar = is_wanted.then(|| {
            let terminal = Box::new(Narrowed(Term::buffered_stderr()));
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(terminal));
            let style = ProgressStyle::with_template("{spinner} {wide_msg} ({elapsed})");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Self { bar, said: String::new() }
    }

    /// Says how it stands now.
    pub(in crate::cli::commands) fn say(&mut self, text: &str) {
        if self.said == text {
            return;
        }
        text.clone_into(&mut self.said);
        if let Some(bar) = &self.bar {
            bar.set_message(clean_line(text).into_owned());
        }
    }

    /// Shows that it goes on.
    pub(in crate::cli::commands) fn beat(&self) {
        if let Some(bar) = &self.bar {
            bar.tick();
        }
    }

    /// Writes something else meanwhile.
    pub(in crate::cli::commands) fn aside(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A terminal without its last columns. The line is filled up with blanks: behind them `^C` would
/// go on in the next row, and that row alone would be cleared.
#[derive(Debug)]
struct Narrowed(Term);

impl TermLike for Narrowed {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(ROOM).max(1)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.0.write_line(s)
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.0.write_str(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
