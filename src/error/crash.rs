//! What may be told of a panic: where it was, and its text where that is part of the program.
//!
//! A text that was put together on the way may quote what it was about: that of a text cut within a
//! letter has the whole of it in it, which may be a secret (threat 32).

use std::any::Any;
use std::panic::PanicHookInfo;

/// Told in place of a text that was put together.
const LEFT_OUT: &str = "its text is left out, as it may quote a value";

/// Where a panic was, in which file and line.
#[must_use]
pub fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map(ToString::to_string).unwrap_or_default()
}

/// What a panic says of itself, as far as that may be told.
#[must_use]
pub fn text(payload: &(dyn Any + Send)) -> &'static str {
    // What is put together is a `String`: only a text of the source is a `&'static str`.
    payload.downcast_ref::<&'static str>().copied().unwrap_or(LEFT_OUT)
}

#[cfg(test)]
mod tests {
    use std::panic::{UnwindSafe, catch_unwind};

    use super::{LEFT_OUT, text};

    const PLANTED: &str = "plänted-secret";

    #[track_caller]
    fn told<T>(crash: impl FnOnce() -> T + UnwindSafe) -> &'static str {
        let Err(payload) = catch_unwind(crash) else { panic!("it did not crash") };
        text(payload.as_ref())
    }

    #[test]
    fn threat_32_what_a_panic_quotes_is_not_told() {
        let planted = || PLANTED.to_owned();
        assert_eq!(told(|| planted()[..3].to_owned()), LEFT_OUT);
        assert_eq!(told(|| planted().parse::<u8>().unwrap()), LEFT_OUT);
        assert_eq!(told(|| panic!("{} is odd", planted())), LEFT_OUT);
        assert_eq!(
            told(|| planted().parse::<u8>().map_err(|_| planted()).expect("fine")),
            LEFT_OUT
        );
        assert_eq!(told(|| std::panic::panic_any(planted())), LEFT_OUT);
    }

    #[test]
    fn what_the_program_says_itself_is_told() {
        assert_eq!(told(|| panic!("this can't be")), "this can't be");
        let none = told(|| "none".parse::<u8>().ok().unwrap());
        assert!(none.contains("`Option::unwrap()` on a `None` value"), "{none}");
    }
}
