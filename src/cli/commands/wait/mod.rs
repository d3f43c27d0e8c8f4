//! Waiting for what an end user does: looking again and again, with a live line on a terminal.

mod account;
mod inside;
mod link;
mod live;
mod reach;
mod session;

use std::time::{Duration, Instant};

use crate::cli::commands::outlasting::Outlasting;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::interrupts;
use crate::cli::settings::Place;
use crate::error::{HubError, codes};

pub(in crate::cli) use account::Wait as AccountWait;
pub(super) use link::{Door, LinkWait, open, tell};
pub(super) use reach::tell_if_nobody_answers;
pub(in crate::cli) use session::{Wait as SessionWait, Waited};

pub(super) use live::Live;

/// How long a wait lasts where nothing is said, in words that the parser reads.
const USUAL: &str = "10m";
/// How often the terminal is looked after while nothing happens.
const BEAT: Duration = Duration::from_millis(100);
/// How often a store of one's own is looked at.
const NEAR: Pace = Pace { first: Duration::from_millis(300), last: Duration::from_secs(1) };
/// How often a hub elsewhere is asked.
const FAR: Pace = Pace { first: Duration::from_secs(2), last: Duration::from_secs(10) };

/// How long to wait.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::cli) struct Patience {
    /// How long to wait: seconds, or 30s, 10m, 1h
    #[arg(long, value_name = "DURATION", default_value = USUAL, allow_negative_numbers = true, value_parser = input::duration_s)]
    timeout: i64,
}

impl Patience {
    fn limit(self) -> Result<Duration, HubError> {
        let seconds = u64::try_from(self.timeout).map_err(|_| {
            HubError::new(&codes::BAD_VALUE, "--timeout can't be less than nothing")
        })?;
        Ok(Duration::from_secs(seconds))
    }
}

/// How often to look: less and less often, since what takes long takes long.
#[derive(Debug, Clone, Copy)]
struct Pace {
    first: Duration,
    last: Duration,
}

impl Pace {
    fn of(context: &Context) -> Self {
        match context.settings.place {
            Place::Remote(_) => FAR,
            Place::Local(_) | Place::KeyAlone(_) | Place::Nowhere(_) => NEAR,
        }
    }

    /// The pause after this one.
    fn next(self, pause: Duration) -> Duration {
        pause.mul_f64(1.2).min(self.last)
    }
}

/// How a wait ended.
enum Ended<T> {
    /// It saw what it waited for.
    Seen(T, Duration),
    /// Its time was over.
    TimedOut,
}

/// Looks until there is something to see. Failures that may pass are waited out once there was a
/// first answer.
///
/// # Errors
/// As `look` fails; interrupted by Ctrl-C.
async fn until<T>(
    context: &Context,
    limit: Duration,
    live: &mut Live,
    mut look: impl AsyncFnMut(&mut Live) -> Result<Option<T>, HubError>,
) -> Result<Ended<T>, HubError> {
    let (begun, pace) = (Instant::now(), Pace::of(context));
    let (mut pause, mut looks) = (pace.first, Outlasting::default());
    interrupts::begin_to_wait();
    loop {
        let looked = unless_stopped(context, look(live)).await;
        let seen = looks.judge(looked, |error| live.say(&error.to_string()))?;
        if let Some(Some(seen)) = seen {
            return Ok(Ended::Seen(seen, begun.elapsed()));
        }
        let next_look = Instant::now() + pause;
        pause = pace.next(pause);
        while Instant::now() < next_look {
            if interrupts::asked_to_stop() {
                return Err(stopped());
            }
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(Ended::TimedOut);
            }
            live.beat();
            rest(BEAT.min(left));
        }
    }
}

fn stopped() -> HubError {
    HubError::new(&codes::INTERRUPTED, "stopped waiting")
}

/// Looks, but no longer than until Ctrl-C. A store in a file answers at once.
async fn unless_stopped<T>(
    context: &Context,
    look: impl Future<Output = Result<T, HubError>>,
) -> Result<T, HubError> {
    if context.is_in_a_file() {
        return look.await;
    }
    let asked = async {
        while !interrupts::asked_to_stop() {
            tokio::time::sleep(BEAT).await;
        }
    };
    tokio::select! {
        biased;
        seen = look => seen,
        () = asked => Err(stopped()),
    }
}

fn rest(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "looking again after a while is what was asked")]
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FAR, NEAR, Patience};

    #[test]
    fn looks_become_rarer_up_to_a_bound() {
        for pace in [NEAR, FAR] {
            let mut pause = pace.first;
            for _ in 0..50 {
                let next = pace.next(pause);
                assert!(next >= pause && next <= pace.last);
                pause = next;
            }
            assert_eq!(pause, pace.last);
        }
    }

    #[test]
    fn patience_has_no_negative_length() {
        assert_eq!(Patience { timeout: 0 }.limit().unwrap(), Duration::ZERO);
        assert_eq!(Patience { timeout: -1 }.limit().unwrap_err().code().name, "usage.bad_value");
    }
}
