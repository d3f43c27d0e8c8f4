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
//! was put back. Between many targets it is taken down as Ctrl-C is: those that were begun are
//! finished, and what became of each is told. At any other time it is left to the system.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Code, codes};

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
/// Whether the first of these signals leaves time for the targets that were begun.
static KEEPS_TARGETS: AtomicBool = AtomicBool::new(false);

/// Called before a question and after its answer: an earlier Ctrl-C is forgotten.
pub(super) fn take_over() {
    asked().store(false, Ordering::SeqCst);
}

/// Whether there was a Ctrl-C, taken down from the first call on.
fn asked() -> &'static Arc<AtomicBool> {
    ASKED.get_or_init(|| {
        let asked = Arc::new(AtomicBool::new(false));
        // In this order: what ends the process sees whether there was one before.
        let ends = flag::register_conditional_shutdown(SIGINT, STATUS, Arc::clone(&asked));
        // Where a handler can't be put in, the system's stays, which ends the process.
        if ends.is_ok() {
            _ = flag::register(SIGINT, Arc::clone(&asked));
        }
        asked
    })
}

/// What ends a process beside Ctrl-C, taken down from the first call on.
fn ends_at_once() -> &'static Arc<AtomicBool> {
    ENDS_AT_ONCE.get_or_init(|| {
        let ends = Arc::new(AtomicBool::new(true));
        for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
            // In this order, as for Ctrl-C.
            if flag::register_conditional_default(signal, Arc::clone(&ends)).is_ok() {
                _ = flag::register(signal, Arc::clone(&ends));
            }
        }
        ends
    })
}

/// Whether whoever started the process wants it to outlive this signal, as `nohup` does.
#[cfg(target_os = "linux")]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// The same where the system does not tell: `nohup` leaves no terminal to be read or written.
#[cfg(not(target_os = "linux"))]
fn is_ignored(signal: i32) -> bool {
    use std::io::IsTerminal as _;
    signal != SIGTERM && !std::io::stdin().is_terminal() && !std::io::stderr().is_terminal()
}

/// Called before a question, which sees itself when the process is to end.
pub(super) fn begin_question() {
    begin_to_wait();
    let ends = ends_at_once();
    // What came between two targets ends the question about the next one.
    if !KEEPS_TARGETS.load(Ordering::SeqCst) {
        ends.store(false, Ordering::SeqCst);
    }
}

/// Called after a question; says whether the process was told to end while it was open.
pub(super) fn end_question() -> bool {
    let at_once = !KEEPS_TARGETS.load(Ordering::SeqCst);
    let is_ended = ENDS_AT_ONCE.get().is_some_and(|ends| ends.swap(at_once, Ordering::SeqCst));
    go_on();
    is_ended
}

/// Whether the question that is open has to end: after Ctrl-C, and after what ends a process.
#[cfg(unix)]
pub(super) fn ends_question() -> bool {
    asked_to_stop() || ENDS_AT_ONCE.get().is_some_and(|ends| ends.load(Ordering::SeqCst))
}

/// Called before the first of many targets: what ends a process stops before the next one from here
/// on, and ends it at once only when it comes again.
pub(super) fn keep_targets() {
    let was_kept = KEEPS_TARGETS.swap(true, Ordering::SeqCst);
    ends_at_once().store(false, Ordering::SeqCst);
    if !was_kept {
        // A Ctrl-C that comes second ends the process as well. Only here: where one of many is
        // chosen, the terminal library makes a Ctrl-C of any signal.
        for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
            _ = flag::register(signal, Arc::clone(asked()));
        }
    }
}

/// Whether it was not Ctrl-C that stopped between two targets.
fn is_ended() -> bool {
    KEEPS_TARGETS.load(Ordering::SeqCst)
        && ENDS_AT_ONCE.get().is_some_and(|ends| ends.load(Ordering::SeqCst))
}

/// What a command that was stopped between two targets ends with.
pub(super) fn code() -> &'static Code {
    if is_ended() { &codes::TERMINATED } else { &codes::INTERRUPTED }
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
        let again = if is_ended() { "a second signal" } else { "Ctrl-C again" };
        let text = format!("note: finishing what was begun; {again} ends it at once\n");
        // Nobody can be told that standard error does not work.
        _ = std::io::stderr().write_all(text.as_bytes());
    });
}

/// Whether there was a Ctrl-C since the latest question or answer, or between two targets what ends
/// a process.
pub(super) fn asked_to_stop() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::SeqCst)) || is_ended()
}
