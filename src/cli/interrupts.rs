//! What Ctrl-C does once a question was asked; until then the system ends the process.
//!
//! The terminal library turns a Ctrl-C that it reads into the signal, which would end the process
//! with the cursor hidden. So from the first question on the signal is taken down instead. One
//! that is taken down a second time, without a question in between, ends the process: the first
//! Ctrl-C after an answer waits for the write that was answered for, the next one does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// The exit status of a process that is ended while it works.
const STATUS: i32 = 130;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Called before a question and after its answer: an earlier Ctrl-C is forgotten.
pub(super) fn take_over() {
    let asked = ASKED.get_or_init(|| {
        let asked = Arc::new(AtomicBool::new(false));
        // In this order: what ends the process sees whether there was one before.
        let ends = flag::register_conditional_shutdown(SIGINT, STATUS, Arc::clone(&asked));
        // Where a handler can't be put in, the system's stays, which ends the process.
        if ends.is_ok() {
            _ = flag::register(SIGINT, Arc::clone(&asked));
        }
        asked
    });
    asked.store(false, Ordering::SeqCst);
}

/// Whether there was a Ctrl-C since the latest question or answer.
pub(super) fn asked_to_stop() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::SeqCst))
}
