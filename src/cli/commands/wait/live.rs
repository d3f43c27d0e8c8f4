//! One line on standard error that says how a wait stands, on a terminal alone.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::context::Context;
use crate::cli::output::clean_line;

/// Columns that are not the text's: the spinner, the time, and what a terminal writes behind the
/// line for Ctrl-C, since a line that goes on in the next row can't be cleared.
const TAKEN: usize = 16;
/// Columns of a terminal that does not say.
const USUAL_WIDTH: u16 = 80;

/// The line; it is gone when this is dropped.
pub(in crate::cli::commands) struct Live {
    bar: Option<ProgressBar>,
    said: String,
    /// Longest text, in characters.
    most: usize,
}

impl Live {
    /// A line where one may be drawn: questions could be asked, and notes are wanted.
    pub(in crate::cli::commands) fn new(context: &Context) -> Self {
        let is_wanted = context.ask.allowed && !context.globals.quiet;
        let bar = is_wanted.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // Only a text at the end is not filled up to the last column.
            let style = ProgressStyle::with_template("{spinner} ({elapsed}) {wide_msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        let width = context.output.options().width.unwrap_or(USUAL_WIDTH);
        Self { bar, said: String::new(), most: usize::from(width).saturating_sub(TAKEN) }
    }

    /// Says how it stands now.
    pub(in crate::cli::commands) fn say(&mut self, text: &str) {
        if self.said == text {
            return;
        }
        text.clone_into(&mut self.said);
        if let Some(bar) = &self.bar {
            bar.set_message(clean_line(text).chars().take(self.most).collect::<String>());
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
