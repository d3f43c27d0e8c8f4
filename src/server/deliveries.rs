//! Sends what webhooks are to be told of, for as long as the server runs.

use std::sync::Arc;

use crate::hub::Hub;
use crate::hub::webhooks::sender;

use super::Stop;

/// Sends until the server stops; what is on its way by then is waited for.
pub(super) async fn send(hub: Arc<Hub>, stop: Stop) {
    sender::run(&hub, stop.stopping()).await;
}
