//! One line on standard error that says how a wait stands, on a terminal alone.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::context::Context;
use crate::cli::output::clean_line;

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
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
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
