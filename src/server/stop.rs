//! The end of a running hub, in four steps.

use tokio_util::sync::CancellationToken;

/// Ends a running hub; copies end the same one.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    soft: CancellationToken,
    drain: CancellationToken,
    close: CancellationToken,
    cut: CancellationToken,
}

impl Stop {
    /// Takes no new connections, answers what was asked, and ends.
    pub fn soon(&self) {
        self.soft.cancel();
    }

    /// Ends at once; what is being answered is cut off.
    pub fn now(&self) {
        self.soft.cancel();
        self.close();
        self.cut.cancel();
    }

    /// Closes connections as soon as nothing is being answered on them.
    pub(super) fn drain(&self) {
        self.drain.cancel();
    }

    /// Cuts off what is still being answered.
    pub(super) fn close(&self) {
        self.drain.cancel();
        self.close.cancel();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    pub(super) async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    pub(super) async fn draining(&self) {
        self.drain.cancelled().await;
    }

    pub(super) async fn closing(&self) {
        self.close.cancelled().await;
    }

    pub(super) async fn cut(&self) {
        self.cut.cancelled().await;
    }
}
