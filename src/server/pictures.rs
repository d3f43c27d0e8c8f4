//! Pictures that browsers fetch without a key: how every one is sent, and the drawn signs of
//! connectors, whose addresses the API gives out.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};

use crate::api::end_user::Logo;
use crate::catalog;
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};

use super::AppState;
use super::respond::Failure;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// A picture that is opened by itself runs nothing, fetches nothing and is nobody's page.
const INERT: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
/// A sign is another one only where the connector gets another name.
const KEPT: &str = "public, max-age=86400";

/// A picture as an answer.
pub(super) struct Picture {
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
    /// How long browsers keep it.
    pub(super) kept: &'static str,
    /// Whose pages may show it.
    pub(super) shown_by: &'static str,
}

impl IntoResponse for Picture {
    fn into_response(self) -> Response {
        let fixed = [
            (CONTENT_TYPE, self.kind),
            (CACHE_CONTROL, self.kept),
            (CONTENT_SECURITY_POLICY, INERT),
            (RESOURCE_POLICY, self.shown_by),
        ];
        let mut response = (StatusCode::OK, Body::from(self.bytes)).into_response();
        for (name, value) in fixed {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The route of the signs.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/logos/{file}", get(sign))
}

/// `GET /logos/{connector}.svg`: the sign of a connector, for pages of any origin. Nobody has said
/// which project asks, so that one of a project's own is drawn from its key, as any is that nobody
/// has.
async fn sign(Path(file): Path<String>) -> Result<Picture, Failure> {
    let key = file.strip_suffix(".svg").and_then(|key| key.parse::<ConnectorKey>().ok());
    let key = key.ok_or_else(|| HubError::new(&codes::ROUTE_UNKNOWN, "nothing is here"))?;
    let key = key.as_str();
    let name = catalog::find_entry(key).map_or(key, |entry| entry.name);
    let bytes = Logo::of(key, name).svg().into_bytes();
    Ok(Picture { kind: "image/svg+xml", bytes, kept: KEPT, shown_by: "cross-origin" })
}
