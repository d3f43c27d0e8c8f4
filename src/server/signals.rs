//! What the system tells a running hub.

use std::sync::Arc;

use tokio::sync::Notify as Wake;

use crate::error::HubError;

use super::Stop;

/// Which signal ended the hub at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as from Ctrl-C.
    Interrupt,
    /// SIGTERM, as from a service manager.
    Terminate,
}

/// The signals that this process listens for, from when it is made.
#[cfg(unix)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system does not let the process do so.
    pub fn listen() -> Result<Self, HubError> {
        use tokio::signal::unix::{SignalKind, signal};

        let listen =
            |kind| signal(kind).map_err(HubError::internal("signals can't be listened for"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Turns signals into a stop: the first ends the hub when everybody has an answer, the second
    /// at once, and is answered here. SIGHUP makes it look at its certificate.
    pub async fn obey(mut self, stop: Stop, reload: Arc<Wake>) -> Signal {
        loop {
            let signal = tokio::select! {
                _ = self.hang_up.recv() => { reload.notify_one(); continue; }
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.terminate.recv() => Signal::Terminate,
            };
            if stop.is_stopping() {
                stop.now();
                return signal;
            }
            stop.soon();
        }
    }
}

/// Ctrl-C, where there is nothing else.
#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// Never.
    pub fn listen() -> Result<Self, HubError> {
        Ok(Self)
    }

    /// As elsewhere, with Ctrl-C alone.
    pub async fn obey(self, stop: Stop, _: Arc<Wake>) -> Signal {
        while tokio::signal::ctrl_c().await.is_ok() {
            if stop.is_stopping() {
                stop.now();
                break;
            }
            stop.soon();
        }
        Signal::Interrupt
    }
}
