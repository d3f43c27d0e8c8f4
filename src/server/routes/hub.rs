//! What the hub says of itself.

use super::{Answer, Door, ok};

pub(super) async fn capabilities(Door(hub): Door) -> Answer {
    ok(hub.capabilities()?)
}
