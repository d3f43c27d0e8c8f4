//! What the hub says of itself.

use std::sync::OnceLock;

use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::CONTENT_TYPE;

use crate::api::openapi;

use super::{Answer, Door, ok};

pub(super) async fn capabilities(Door(hub): Door) -> Answer {
    ok(hub.capabilities())
}

/// The description of the API; the same for every caller, and made once.
pub(super) async fn description(Door(hub): Door) -> Answer {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| openapi::document(hub.public_url().as_str()).to_string().into());
    Ok(([(CONTENT_TYPE, "application/json")], text.clone()).into_response())
}
