//! What Ctrl-C does once a question was asked, or a command that writes reached the hub; until then
//! the system ends the process.
//!
//! The terminal library turns a Ctrl-C that it reads into the signal, which would end the process
//! with the cursor hidden. So from the first question on the signal is taken down instead. One
//! that is taken down a second time, without a question in between, ends the process: the first
//! Ctrl-C after an answer waits for the write that was answered for, the next one does not. A write
//! without a question is kept the same way, and a first Ctrl-C that has to wait is told so.
//!
//! What else ends a process does so while a question is open as well, but only after the terminal
//! was put back; at any other time it is left to the system.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The exit status of a process that is ended while it works.
const STATUS: i32 = 130;

/// How often it is looked whether somebody has to be told that a write goes on.
const BEAT: Duration = Duration::from_millis(50);

/// What ends a process, beside Ctrl-C.
#[cfg(unix)]
const ENDING: [i32; 2] = [SIGTERM, SIGHUP];
#[cfg(not(unix))]
const ENDING: [i32; 1] = [SIGTERM];

/// Whether the next of these signals ends the process at once. It does not while a question is
/// open; the first one that comes then sets it.
static ENDS_AT_ONCE: OnceLock<Arc<AtomicBool>> = OnceLock::new();
static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
/// Whether what goes on is a question or a wait, which a Ctrl-C ends by itself.
static ENDS_BY_ITSELF: AtomicBool = AtomicBool::new(false);

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

/// Called before a question, which sees itself when the process is to end.
pub(super) fn begin_question() {
    begin_to_wait();
    let ends = ENDS_AT_ONCE.get_or_init(|| {
        let ends = Arc::new(AtomicBool::new(true));
        for signal in ENDING {
            // In this order, as for Ctrl-C.
            if flag::register_conditional_default(signal, Arc::clone(&ends)).is_ok() {
                _ = flag::register(signal, Arc::clone(&ends));
            }
        }
        ends
    });
    ends.store(false, Ordering::SeqCst);
}

/// Called after a question; says whether the process was told to end while it was open.
pub(super) fn end_question() -> bool {
    let is_ended = ENDS_AT_ONCE.get().is_some_and(|ends| ends.swap(true, Ordering::SeqCst));
    go_on();
    is_ended
}

/// Whether the question that is open has to end: after Ctrl-C, and after what ends a process.
#[cfg(unix)]
pub(super) fn ends_question() -> bool {
    asked_to_stop() || ENDS_AT_ONCE.get().is_some_and(|ends| ends.load(Ordering::SeqCst))
}

/// Called before a question and before a wait: both see a Ctrl-C themselves, and end.
pub(super) fn begin_to_wait() {
    ENDS_BY_ITSELF.store(true, Ordering::SeqCst);
    take_over();
}

/// Called after an answer: what follows is finished.
fn go_on() {
    take_over();
    ENDS_BY_ITSELF.store(false, Ordering::SeqCst);
}

/// Called when a command that writes reaches the hub: the first Ctrl-C from here on waits for the
/// write, and unless `is_quiet` that is told; the second one ends the process.
pub(super) fn keep_a_write(is_quiet: bool) {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    take_over();
    if is_quiet || WATCHED.swap(true, Ordering::SeqCst) {
        return;
    }
    // A thread of its own: a write may keep that of the command waiting. Without one nobody is
    // told, and the write is finished all the same.
    _ = thread::Builder::new().name("interrupts".to_owned()).spawn(|| {
        while ENDS_BY_ITSELF.load(Ordering::SeqCst) || !asked_to_stop() {
            thread::park_timeout(BEAT);
        }
        let text = "note: finishing what was begun; Ctrl-C again ends it at once\n";
        // Nobody can be told that standard error does not work.
        _ = std::io::stderr().write_all(text.as_bytes());
    });
}

/// Whether there was a Ctrl-C since the latest question or answer.
pub(super) fn asked_to_stop() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::SeqCst))
}
