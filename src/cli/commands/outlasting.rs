//! What commands that look again and again have in common: a hub that is away for a while does not
//! end them.

use std::time::Duration;

use crate::cli::context::Context;
use crate::error::HubError;

/// How long a follower waits after a failure that may pass.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// Which failures are waited out: those that may pass, once there was a first answer. Before it,
/// whoever started the command is told what is wrong.
#[derive(Debug, Default)]
pub(super) struct Outlasting {
    was_answered: bool,
    is_away: bool,
}

impl Outlasting {
    /// What a look saw, or `None` where it failed and is to be repeated; `tell` hears of the first
    /// such failure in a row.
    ///
    /// # Errors
    /// As the look failed.
    pub(super) fn judge<T>(
        &mut self,
        looked: Result<T, HubError>,
        tell: impl FnOnce(&HubError),
    ) -> Result<Option<T>, HubError> {
        match looked {
            Ok(seen) => {
                (self.was_answered, self.is_away) = (true, false);
                Ok(Some(seen))
            }
            Err(error) if self.was_answered && error.retryable() => {
                if !std::mem::replace(&mut self.is_away, true) {
                    tell(&error);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The same for a command that shows what comes: standard error has the failure.
    ///
    /// # Errors
    /// As the look failed.
    pub(super) fn follow<T>(
        &mut self,
        context: &Context,
        looked: Result<T, HubError>,
    ) -> Result<Option<T>, HubError> {
        self.judge(looked, |error| context.output.warn(format_args!("{error}; looking on")))
    }
}

#[cfg(test)]
mod tests {
    use super::Outlasting;
    use crate::error::{HubError, codes};

    #[test]
    fn what_may_pass_is_waited_out_once_there_was_an_answer_and_told_once() {
        let away = || Err::<(), _>(HubError::new(&codes::REMOTE_UNREACHABLE, "away"));
        let mut looks = Outlasting::default();
        assert!(looks.judge(away(), |_| ()).is_err());
        assert_eq!(looks.judge(Ok(1), |_| ()).unwrap(), Some(1));
        let mut told = 0;
        for _ in 0..3 {
            assert_eq!(looks.judge(away(), |_| told += 1).unwrap(), None);
        }
        assert_eq!(looks.judge(Ok(()), |_| ()).unwrap(), Some(()));
        assert_eq!(looks.judge(away(), |_| told += 1).unwrap(), None);
        assert_eq!(told, 2);
        let refused = Err::<(), _>(HubError::new(&codes::REMOTE_KEY_REFUSED, "no"));
        assert!(looks.judge(refused, |_| ()).is_err());
    }
}
