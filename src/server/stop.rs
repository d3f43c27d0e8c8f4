//! The end of a running hub, in five steps.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Ends a running hub; copies end the same one.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    soft: CancellationToken,
    shut: CancellationToken,
    drain: CancellationToken,
    close: CancellationToken,
    cut: CancellationToken,
    /// Whether it was no signal that began the end.
    failed: CancellationToken,
}

impl Stop {
    /// Says that it is not ready, closes its doors, answers what was asked, and ends.
    pub fn soon(&self) {
        self.soft.cancel();
    }

    /// Ends at once; what is being answered is cut off.
    pub fn now(&self) {
        self.soft.cancel();
        self.shut();
        self.close();
        self.cut.cancel();
    }

    /// Runs what lasts as long as the hub. Where it ends before, as by a panic, the hub ends as well,
    /// so that whoever started it starts it again: otherwise nobody would see what is not done.
    pub(super) fn watched(
        &self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let stop = self.clone();
        tokio::spawn(async move {
            // What it panicked with is told already.
            _ = AssertUnwindSafe(work).catch_unwind().await;
            if !stop.is_stopping() {
                tracing::error!(target: "hubctl::serve", work = name, "ended before its time");
                stop.failed.cancel();
                stop.soon();
            }
        })
    }

    /// Whether the hub ends because something that it does by itself had ended.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Takes no new connections.
    pub(super) fn shut(&self) {
        self.shut.cancel();
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

    /// When it is told to stop.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    pub(super) async fn shutting(&self) {
        self.shut.cancelled().await;
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

#[cfg(test)]
mod tests {
    use super::Stop;

    #[tokio::test]
    async fn work_that_ends_before_its_time_ends_the_hub() {
        let (panicking, ending, stopped) = (Stop::default(), Stop::default(), Stop::default());
        panicking.watched("test", async { panic!("as a test") }).await.unwrap();
        assert!(panicking.is_stopping() && panicking.has_failed());
        ending.watched("test", async {}).await.unwrap();
        assert!(ending.is_stopping() && ending.has_failed());

        let of_work = stopped.clone();
        let work = stopped.watched("test", async move { of_work.stopping().await });
        stopped.soon();
        work.await.unwrap();
        assert!(!stopped.has_failed());
    }
}
