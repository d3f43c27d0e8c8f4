//! Everything that the hub answers over HTTP: extract, call, wrap.

use axum::Router;
use axum::routing::any;

use crate::error::{HubError, codes};

use super::{AppState, Failure};

/// Parts of the vendor's API that this hub does not have; a client is told so, not that it is lost.
const OUT_OF_SCOPE: &[&str] = &["/actions", "/actions/{*rest}", "/mcp"];

/// Every route but health.
pub fn routes() -> Router<AppState> {
    OUT_OF_SCOPE.iter().fold(Router::new(), |routes, path| routes.route(path, any(out_of_scope)))
}

async fn out_of_scope() -> Failure {
    HubError::new(&codes::OUT_OF_SCOPE, "this hub does not have this operation").into()
}
