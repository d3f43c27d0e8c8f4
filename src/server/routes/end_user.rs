//! The vendor's hub API: what its component asks for in an end user's browser, on whatever page it
//! is embedded (contract section 9, HB-12 to HB-17).
//!
//! Only a session's token opens it, never an API key; and 401 and 403 mean the token alone, since
//! the component takes them for the end of the session. Where it would take them for a success, a
//! token that opens nothing is 400.

use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, any, delete, get, patch, post};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use serde_json::json;
use tower_http::cors::{Any, CorsLayer};

use crate::api::END_USER_OPERATIONS;
use crate::api::end_user::{
    AttemptStatus, ConnectorForm, CreatedAttempt, EditedAccount, Integration, Integrations, Linked,
    NewAttempt, Settings, Submission,
};
use crate::domain::ids::{AttemptId, AuthConfigId};
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, Kind, codes};
use crate::hub::end_user::{self, EndUser};
use crate::hub::oauth;
use crate::server::AppState;
use crate::server::body::{JsonBody, OptionalJsonBody};
use crate::server::caller::Source;
use crate::server::limits::Count;
use crate::server::respond::Failure;
use crate::server::router::REQUEST_ID;

use super::accounts::id as account_id;
use super::{Answer, Params, created, named, ok};

/// The header with the session's token.
const TOKEN: HeaderName = HeaderName::from_static("x-hub-session-token");
/// The header with the component's version, which means nothing here.
const VERSION: HeaderName = HeaderName::from_static("x-hub-version");
/// Where nothing is, if it is not one of the operations.
const NOTHING: [&str; 3] = ["/hub", "/hub/", "/hub/{*rest}"];
/// How long browsers remember what is allowed.
const REMEMBERED: Duration = Duration::from_hours(2);

/// The routes, with what lets pages of any origin call them (HB-16): without cookies, so that
/// nothing but the token in the header opens anything.
pub(super) fn routes() -> Router<AppState> {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS])
        .allow_headers([header::CONTENT_TYPE, TOKEN, VERSION])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(REMEMBERED);
    let all = END_USER_OPERATIONS.iter().fold(Router::new(), |router, operation| {
        let Some(handler) = handler(operation.id) else { return router };
        let router = match operation.old_path() {
            Some(old) => router.route(&old, handler.clone()),
            None => router,
        };
        router.route(operation.path, handler)
    });
    // What is not there is told to pages of any origin as well.
    let all =
        NOTHING.iter().fold(all, |router, path| router.route(path, any(StatusCode::NOT_FOUND)));
    all.layer(cors)
}

fn handler(id: &str) -> Option<MethodRouter<AppState>> {
    Some(match id {
        "hub.settings.get" => get(settings),
        "hub.connectors.list" => get(connectors),
        "hub.connectors.get" => get(connector),
        "hub.accounts.create" => post(link),
        "hub.accounts.get" => get(account),
        "hub.accounts.update" => patch(relink),
        "hub.attempts.create" => post(create_attempt),
        "hub.attempts.get" => get(attempt),
        "hub.attempts.cancel" => delete(cancel_attempt),
        _ => return None,
    })
}

/// The end user whose token came with the request.
struct Visitor(EndUser);

impl FromRequestParts<AppState> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let Ok(source) = Source::from_request_parts(parts, state).await;
        let token = presented(&parts.headers).ok_or_else(no_token)?;
        Ok(Self(enter(state, source, token).await?))
    }
}

/// The same with credentials anew. The component takes 401 and 403 there for a success, and would
/// tell the end user of a connection of which nothing was stored (contract section 9): against
/// CS-28, a token that opens nothing is 400 there.
struct Renewer(EndUser);

impl FromRequestParts<AppState> for Renewer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        match Visitor::from_request_parts(parts, state).await {
            Ok(Visitor(user)) => Ok(Self(user)),
            Err(failure) if is_dead(failure.error()) => Err(not_saved().into()),
            Err(failure) => Err(failure),
        }
    }
}

fn is_dead(error: &HubError) -> bool {
    error.code().name == codes::SESSION_TOKEN_INVALID.name
}

fn not_saved() -> HubError {
    let text = "this session has ended and nothing was saved; go back to where you came from and \
                start again";
    HubError::new(&codes::SESSION_NOT_OPEN, text)
}

/// The end user who comes to see how a login goes, or to end it: also once the session's time is
/// over, since what was begun in time may still link an account (CS-29).
struct Waiter {
    user: EndUser,
    is_open: bool,
}

impl FromRequestParts<AppState> for Waiter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let Ok(source) = Source::from_request_parts(parts, state).await;
        let token = presented(&parts.headers).ok_or_else(no_token)?;
        let (user, is_open) = checked(end_user::visit(&state.hub, token).await, state, source)?;
        Ok(Self { user, is_open })
    }
}

impl Waiter {
    /// What was not begun in time is told as that the token opens nothing (CS-28).
    fn told(&self, error: HubError) -> Failure {
        let is_late = !self.is_open && error.code().kind == Kind::NotFound;
        if is_late { no_token().into() } else { told(error) }
    }
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    headers.get(TOKEN).and_then(|token| token.to_str().ok())
}

fn no_token() -> HubError {
    HubError::new(&codes::SESSION_TOKEN_INVALID, "the session token is missing, unknown or expired")
}

/// Opens the door.
async fn enter(state: &AppState, source: Source, token: &str) -> Result<EndUser, HubError> {
    checked(end_user::enter(&state.hub, token).await, state, source)
}

/// Who came in; all that is wrong with a token gets one answer (threat 8).
fn checked<T>(
    entered: Result<T, HubError>,
    state: &AppState,
    source: Source,
) -> Result<T, HubError> {
    entered.map_err(|error| match error.code().kind {
        Kind::Unauthenticated => source.refused(no_token(), state),
        _ => error,
    })
}

/// An error in words for the component: without hints, which are for administrators. What it means
/// that a provider failed, and what exactly happened, are apart, as the component shows them
/// (section 2.3).
fn told(error: HubError) -> Failure {
    let code = error.code();
    let message = if code.is_of_provider() {
        json!({ "message": code.meaning, "provider_response": error.message() }).to_string()
    } else {
        error.message().to_owned()
    };
    let plain = HubError::new(code, message);
    error.details().iter().cloned().fold(plain, HubError::detail).source(error).into()
}

async fn settings(State(state): State<AppState>, Visitor(user): Visitor) -> Answer {
    let found = end_user::existing(&state.hub, &user).await.map_err(told)?;
    ok(Settings::new(found.as_ref().map(|view| &view.account)))
}

async fn connectors(
    State(state): State<AppState>,
    Visitor(user): Visitor,
    Params(query): Params,
) -> Answer {
    // A name that no connector can have restricts nothing, like one that nobody has.
    let provider = query.text("provider").and_then(|key| key.parse::<ConnectorKey>().ok());
    let choices = end_user::choices(&state.hub, &user, provider.as_ref()).await.map_err(told)?;
    let external_trigger_token = match choices.as_slice() {
        [only] => {
            let form = end_user::form(&state.hub, &user, &only.config.id).await.map_err(told)?;
            form.external_trigger_token.map(|token| token.expose().to_owned())
        }
        _ => None,
    };
    let integrations = choices.iter().map(Integration::from).collect();
    ok(Integrations { integrations, external_trigger_token })
}

async fn connector(
    State(state): State<AppState>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
) -> Answer {
    let form = end_user::form(&state.hub, &user, &config_id(&id)?).await.map_err(told)?;
    ok(ConnectorForm::from(&form))
}

async fn account(
    State(state): State<AppState>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
) -> Answer {
    let edited = end_user::edited_by(&state.hub, &user, &account_id(&id)?).await;
    let (account, form) = edited.map_err(told)?;
    ok(EditedAccount::new(&account, &form))
}

async fn link(
    State(state): State<AppState>,
    Visitor(user): Visitor,
    JsonBody(asked): JsonBody<Submission>,
) -> Answer {
    let _under_way = state.submission(user.session.id)?;
    let id = config_id(&asked.integration_id)?;
    let view = end_user::link(&state.hub, &user, &id, None, asked.values()).await;
    created(Linked::from(&view.map_err(told)?.account))
}

async fn relink(
    State(state): State<AppState>,
    Renewer(user): Renewer,
    Path(account): Path<String>,
    JsonBody(asked): JsonBody<Submission>,
) -> Answer {
    let _under_way = state.submission(user.session.id)?;
    let (id, account) = (config_id(&asked.integration_id)?, account_id(&account)?);
    let view = end_user::link(&state.hub, &user, &id, Some(&account), asked.values()).await;
    // It may have been revoked while the provider was asked.
    let view = view.map_err(|error| if is_dead(&error) { not_saved().into() } else { told(error) });
    ok(Linked::from(&view?.account))
}

async fn create_attempt(
    State(state): State<AppState>,
    source: Source,
    headers: HeaderMap,
    OptionalJsonBody(asked): OptionalJsonBody<NewAttempt>,
) -> Answer {
    let asked = asked.unwrap_or_default();
    let sent = asked.token.as_deref().filter(|token| !token.is_empty());
    let token = presented(&headers).or(sent).ok_or_else(no_token)?;
    let user = enter(&state, source, token).await?;
    if sent.is_some_and(|sent| sent != token) {
        // HB-14: nobody can say for which of two sessions it is.
        let text = "token: is another one than that of the header x-hub-session-token";
        return Err(HubError::new(&codes::BAD_VALUE, text).into());
    }
    let _under_way = state.sent_in(user.session.id, Count::Preparations)?;
    let attempt = oauth::create(&state.hub, &user).await.map_err(told)?;
    created(CreatedAttempt::from(&attempt))
}

async fn attempt(State(state): State<AppState>, waiter: Waiter, Path(id): Path<String>) -> Answer {
    let attempt = match attempt_id(&id) {
        Ok(id) => oauth::get(&state.hub, &waiter.user, &id).await,
        Err(error) => Err(error),
    };
    ok(AttemptStatus::from(&attempt.map_err(|error| waiter.told(error))?))
}

async fn cancel_attempt(
    State(state): State<AppState>,
    waiter: Waiter,
    Path(id): Path<String>,
) -> Answer {
    let ended = match attempt_id(&id) {
        Ok(id) => oauth::cancel(&state.hub, &waiter.user, &id).await,
        Err(error) => Err(error),
    };
    ended.map_err(|error| waiter.told(error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn config_id(text: &str) -> Result<AuthConfigId, HubError> {
    named(text, &codes::AUTH_CONFIG_UNKNOWN)
}

fn attempt_id(text: &str) -> Result<AttemptId, HubError> {
    named(text, &codes::ATTEMPT_UNKNOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{END_USER_OPERATIONS, HubError, codes, handler, routes, told};

    #[test]
    fn what_a_failure_of_a_provider_means_is_told_before_what_happened() {
        for code in codes::ALL.iter().filter(|code| code.is_of_provider()) {
            let failure = told(HubError::new(code, "`acme.example` is away"));
            let message: Value = serde_json::from_str(failure.error().message()).unwrap();
            let expected =
                json!({ "message": code.meaning, "provider_response": "`acme.example` is away" });
            assert_eq!(message, expected, "{}", code.name);
        }
        let failure = told(HubError::new(&codes::FIELDS_INVALID, "api_key: is required").hint("x"));
        assert_eq!(failure.error().message(), "api_key: is required");
        assert_eq!(failure.error().hint_text(), None);
    }

    #[test]
    fn every_operation_of_end_users_has_a_route() {
        for operation in END_USER_OPERATIONS {
            assert!(handler(operation.id).is_some(), "{}", operation.id);
        }
        let _ = routes();
    }
}
