//! The thread in which an expression runs, and its bounds.
//!
//! Its stack is large, and each call of a function first looks how much of it is left: endless
//! recursion is an error, not a crash. Whoever waits for the thread looks at the clock and at the
//! memory of the process meanwhile, and gives it up when either is over its bound.

use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::HubError;

use super::bad;

/// Name of the thread: a panic in it is caught and told as an error of the expression.
pub const THREAD: &str = "jq";
const STACK: usize = 512 << 20;
/// What may be used by calls; the rest is for the work within one call.
const STACK_FOR_CALLS: usize = STACK / 2;
/// How often time and memory are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

thread_local! {
    static BOTTOM: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What an expression may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) time: Duration,
    /// In bytes, beyond what the process has already.
    pub(super) memory: u64,
}

impl Bounds {
    /// Enough for any honest work on an answer of this many bytes: reading one takes some ten
    /// times its size, and less than a second for each 10 MiB.
    pub(super) const fn of(answer: usize) -> Self {
        let time = Duration::from_secs(30 + (answer >> 20) as u64);
        Self { time, memory: (512 << 20) + 32 * answer as u64 }
    }
}

/// Runs the work in the thread for expressions, as long as it keeps to its bounds. One that does
/// not is left alone: an error ends the process soon enough.
pub(super) fn apart<T: Send + 'static>(
    bounds: Bounds,
    work: impl FnOnce() -> Result<T, HubError> + Send + 'static,
) -> Result<T, HubError> {
    keep_its_panics_quiet();
    let (tell, told) = mpsc::sync_channel(1);
    let builder = thread::Builder::new().name(THREAD.to_owned()).stack_size(STACK);
    let (began, before) = (Instant::now(), memory());
    let spawned = builder.spawn(move || {
        BOTTOM.set(here());
        // Nobody listens any more once it was given up.
        _ = tell.send(work());
    });
    spawned.map_err(HubError::internal("no thread could be started for --jq"))?;
    loop {
        match told.recv_timeout(LOOK_EVERY) {
            Ok(done) => return done,
            Err(RecvTimeoutError::Disconnected) => {
                let text = "the --jq expression asks for more than can be computed";
                return Err(bad(text.to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if began.elapsed() > bounds.time {
            let seconds = bounds.time.as_secs();
            return Err(bad(format!("the --jq expression takes longer than {seconds} s")));
        }
        let used = memory().zip(before).map(|(now, before)| now.saturating_sub(before));
        if used.is_some_and(|used| used > bounds.memory) {
            let mebibytes = bounds.memory >> 20;
            let text = format!("the --jq expression needs more than {mebibytes} MiB of memory");
            return Err(bad(text));
        }
    }
}

/// What this process has in memory, where the system tells it in a file.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// A panic in the thread is told as an error of the expression, and not by the runtime as well.
fn keep_its_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if thread::current().name() != Some(THREAD) {
                told(panic);
            }
        }));
    });
}

/// Whether a call may still be made.
pub(super) fn has_stack() -> bool {
    BOTTOM.get().abs_diff(here()) < STACK_FOR_CALLS
}

/// About where the stack is at.
#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    (&raw const mark).addr()
}
