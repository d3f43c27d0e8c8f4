//! What goes wrong before there is a form: a page that says it in plain words, and nothing more.

use std::sync::atomic::Ordering;

use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};

use crate::error::{Code, HubError, Kind, codes};
use crate::server::respond::status;

use super::view::MessagePage;
use super::{Context, because};

/// Whether a code means that a link does not offer something, or not any more.
pub(super) fn is_not_offered(code: &Code) -> bool {
    matches!(code.kind, Kind::Forbidden | Kind::Conflict | Kind::NotReady | Kind::NotFound)
        || code.name == codes::AUTH_METHOD_UNKNOWN.name
}

/// The page of an error. Nothing of the error itself is shown: its words are for administrators.
pub(super) fn page(context: &Context, error: &HubError) -> Response {
    let t = context.t;
    let is = |code: &Code| error.code().name == code.name;
    let (status, title, text) = match error.code().kind {
        Kind::Unauthenticated if context.is_expired.load(Ordering::Relaxed) => {
            (StatusCode::GONE, t.expired_title, t.expired)
        }
        Kind::Unauthenticated => (StatusCode::GONE, t.gone_title, t.gone),
        Kind::RateLimited if status(error) == StatusCode::TOO_MANY_REQUESTS => {
            (StatusCode::TOO_MANY_REQUESTS, t.too_many_title, t.too_many)
        }
        _ if is(&codes::OAUTH_BAD_STATE) || is(&codes::ATTEMPT_OVER) => {
            (status(error), t.state_title, t.state)
        }
        _ if is(&codes::ATTEMPT_UNKNOWN) => (status(error), t.state_title, t.state),
        _ if is(&codes::OAUTH_WRONG_BROWSER) => (status(error), t.browser_title, t.browser),
        _ if is(&codes::CROSS_SITE) => (status(error), t.foreign_title, t.foreign),
        _ if is(&codes::REQUEST_TOO_LARGE) => (status(error), t.too_long_title, t.too_long),
        _ if is_not_offered(error.code()) => (status(error), t.not_offered_title, t.not_offered),
        Kind::Invalid | Kind::Unprocessable => (status(error), t.request_title, t.request),
        _ => {
            let code = error.code().name;
            tracing::error!(target: "hubctl::request", code, "a page failed: {error}");
            (status(error), t.broken_title, t.broken)
        }
    };
    let message = MessagePage::new(context.frame(title), "bad", text);
    let mut response = because(context.render(status, &message), error.code().name);
    if status == StatusCode::TOO_MANY_REQUESTS {
        let told = error.details().iter().find_map(|d| d.get("retry_after_s")?.as_u64());
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(told.unwrap_or(60)));
    }
    response
}
