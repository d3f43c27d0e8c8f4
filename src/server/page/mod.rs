//! The end user's pages behind an auth link: pick a connector, fill in its form or sign in, and see
//! how it ended. Handlers and headers; no rules.
//!
//! Every page works without script. A form is sent to the link's own address, and what the browser
//! sends decides the form's values alone: whose account it is, the link says (CS-41, threat 11).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::ACCEPT_LANGUAGE;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::api::requests::Query;
use crate::domain::ids::AuthConfigId;
use crate::domain::origin::Origin;
use crate::domain::project::Project;
use crate::error::{HubError, codes};
use crate::hub::auth_configs::Given;
use crate::hub::end_user::{self, EndUser, Form};
use crate::hub::oauth::{self, AttemptState};

use super::AppState;
use super::caller::Source;
use super::request_log::Because;
use super::respond::Failure;

mod brand;
mod ended;
mod form;
mod frame;
mod list;
mod login;
mod submit;
mod texts;
mod trouble;
mod view;

use brand::Look;
use form::Place;
use texts::Texts;
use view::{Frame, Trouble};

/// The form of one connector, which itself says to people that one is too long.
pub(super) const FORM: &str = "/connect/{token}/{integration_id}";
/// What the pages are in the log: methods, routes, and ids like those of operations.
pub(super) const CALLS: [(&str, &str, &str); 6] = [
    ("GET", "/connect/{token}", "connect.pages.open"),
    ("GET", "/connect/{token}/", "connect.pages.open"),
    ("GET", FORM, "connect.pages.open"),
    ("POST", FORM, "connect.pages.submit"),
    ("GET", login::START, "connect.logins.begin"),
    ("GET", login::CALLBACK, "connect.logins.finish"),
];
/// What stands before the names of a form's fields.
const VALUE: &str = "v.";
/// How long a cookie of a login lives, as the attempt does (OA-9).
const LOGIN_LIFE: Duration = Duration::from_mins(10);

/// The routes; those of logins stand beside them.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route(&brand::path(), get(brand::logo))
        .route("/connect", get(broken))
        .route("/connect/", get(broken))
        .route("/connect/{token}", get(open))
        .route("/connect/{token}/", get(open))
        .route(FORM, get(show).post(submit::submit))
        .route(&format!("{FORM}/{{*rest}}"), get(broken))
        .merge(login::routes())
}

/// What every answer needs: the browser's language, a nonce, and whose page it is.
struct Context {
    state: AppState,
    source: Source,
    t: &'static Texts,
    nonce: String,
    shown: OnceLock<Shown>,
    /// Whether the page is shown within one of another site, where no login can be.
    is_framed: bool,
    /// Whether the link is one whose time is over.
    is_expired: AtomicBool,
}

/// What a project says of its pages.
struct Shown {
    look: Look,
    /// Who may frame them.
    framers: Vec<Origin>,
}

impl FromRequestParts<AppState> for Context {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let Ok(source) = Source::from_request_parts(parts, state).await;
        let language = parts.headers.get(ACCEPT_LANGUAGE).and_then(|text| text.to_str().ok());
        let (t, nonce) = (Texts::of(language), state.hub.new_nonce()?);
        let (shown, is_framed) = (OnceLock::new(), frame::is_framed(&parts.headers));
        Ok(Self {
            state: state.clone(),
            source,
            t,
            nonce,
            shown,
            is_framed,
            is_expired: AtomicBool::new(false),
        })
    }
}

impl Context {
    fn frame(&self, title: impl Into<String>) -> Frame {
        let look = self.shown.get().map(|shown| shown.look.clone()).unwrap_or_default();
        Frame::new(self.t, self.nonce.clone(), title.into(), look)
    }

    fn render(&self, status: StatusCode, template: &impl Template) -> Response {
        match template.render() {
            Ok(html) => {
                let framers = self.shown.get().map(|shown| shown.framers.as_slice());
                let framers = framers.unwrap_or(self.state.hub.app_origins());
                frame::page(status, html, &self.nonce, framers)
            }
            // A template fails only where a value can't be written, which none of these can.
            Err(error) => {
                tracing::error!(target: "hubctl::request", "a page can't be made: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// Opens a link; what is wrong with one gets one answer, but for a link that has expired: who
    /// has that may know it (threats 8, 9).
    async fn enter(&self, token: &str) -> Result<EndUser, HubError> {
        self.admit(self.visit(token).await?)
    }

    /// The same for who may only come to see how something ended: a link whose time is over still
    /// tells that (CS-29).
    async fn visit(&self, token: &str) -> Result<Visit, HubError> {
        let visit = end_user::visit(&self.state.hub, token).await;
        // Who has a link whose time is over has not guessed.
        let (user, is_open) = visit.map_err(|error| self.source.refused(error, &self.state))?;
        self.belongs_to(&user.project);
        Ok(Visit { user, is_open })
    }

    fn admit(&self, visit: Visit) -> Result<EndUser, HubError> {
        if visit.is_open { Ok(visit.user) } else { Err(self.over()) }
    }

    /// What is told of a link whose time is over.
    fn over(&self) -> HubError {
        self.is_expired.store(true, Ordering::Relaxed);
        no_link()
    }

    /// From here on, the pages are those of this project.
    fn belongs_to(&self, project: &Project) {
        let hub = &self.state.hub;
        self.shown.get_or_init(|| Shown {
            look: Look::of(project, frame::base_path(hub.public_url())),
            framers: oauth::app_origins(hub, project),
        });
    }

    /// The address of a link's page, or of the form of one connector.
    fn address(&self, token: &str, config: Option<&AuthConfigId>) -> String {
        let base = frame::base_path(self.state.hub.public_url());
        match config {
            Some(id) => format!("{base}/connect/{token}/{id}"),
            None => format!("{base}/connect/{token}"),
        }
    }

    fn answer(&self, result: Result<Response, HubError>) -> Response {
        result.unwrap_or_else(|error| trouble::page(self, &error))
    }
}

/// Somebody with a link, which may be one whose time is over.
struct Visit {
    user: EndUser,
    is_open: bool,
}

fn no_link() -> HubError {
    HubError::new(&codes::SESSION_TOKEN_INVALID, "the link opens nothing")
}

/// What the address names; what is no text names nothing.
struct Named<T>(T);

impl<T: DeserializeOwned + Default + Send> FromRequestParts<AppState> for Named<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, std::convert::Infallible> {
        let named = Path::<T>::from_request_parts(parts, state).await;
        Ok(Self(named.map(|Path(named)| named).unwrap_or_default()))
    }
}

/// What no link leads to (AL-8).
async fn broken(context: Context) -> Response {
    trouble::page(&context, &no_link())
}

/// `GET /connect/{token}`: the list, one connector's form, or how it ended.
async fn open(context: Context, Named(token): Named<String>, query: Params) -> Response {
    let result = opened(&context, &token, &query.0).await;
    context.answer(result)
}

/// What stands behind `?` in the address.
struct Params(Query);

impl FromRequestParts<AppState> for Params {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &AppState,
    ) -> Result<Self, std::convert::Infallible> {
        Ok(Self(Query::parse(parts.uri.query().unwrap_or_default())))
    }
}

async fn opened(context: &Context, token: &str, query: &Query) -> Result<Response, HubError> {
    let visit = context.visit(token).await?;
    if let Some(id) = query.text("attempt") {
        return ended::after_login(context, token, &visit, id).await;
    }
    if let Some(id) = query.text("done") {
        return ended::after_form(context, token, &visit, id).await;
    }
    let (user, hub) = (context.admit(visit)?, &context.state.hub);
    let choices = end_user::choices(hub, &user, None).await?;
    match (query.text("c"), choices.as_slice()) {
        (Some(id), _) => {
            let id: AuthConfigId = id.parse().map_err(|_| not_offered())?;
            let form = end_user::form(hub, &user, &id).await?;
            let back = (choices.len() > 1).then(|| list::address(context, token, query));
            Ok(blank(context, token, &user, &form, back))
        }
        (None, [only]) => {
            let form = end_user::form(hub, &user, &only.config.id).await?;
            Ok(blank(context, token, &user, &form, None))
        }
        // What the link is for was switched off, and it offers nothing else.
        (None, []) if user.session.provider.is_some() => Err(not_offered()),
        (None, all) => Ok(list::page(context, token, &user, all, query)),
    }
}

fn not_offered() -> HubError {
    HubError::new(&codes::AUTH_CONFIG_UNKNOWN, "no such auth config")
}

fn blank(
    context: &Context,
    token: &str,
    user: &EndUser,
    form: &Form,
    back: Option<String>,
) -> Response {
    show_form(context, token, user, form, back, &Given::new(), None, StatusCode::OK)
}

/// The address of the list, if there is more than one connector to pick from.
async fn way_back(
    context: &Context,
    token: &str,
    user: &EndUser,
) -> Result<Option<String>, HubError> {
    let choices = end_user::choices(&context.state.hub, user, None).await?;
    Ok((choices.len() > 1).then(|| context.address(token, None)))
}

#[expect(clippy::too_many_arguments, reason = "all of them are what one page shows")]
fn show_form(
    context: &Context,
    token: &str,
    user: &EndUser,
    form: &Form,
    back: Option<String>,
    given: &Given,
    trouble: Option<Trouble>,
    status: StatusCode,
) -> Response {
    let place = Place {
        owner: &user.session.owner.name,
        action: context.address(token, Some(&form.config.id)),
        form_token: frame::form_token(token),
        back,
        public_url: context.state.hub.public_url().as_str(),
    };
    context.render(status, &form::page(context, form, place, given, trouble))
}

/// `GET /connect/{token}/{integration_id}`: the form, also where a refused one is loaded again.
async fn show(context: Context, Named((token, id)): Named<(String, String)>) -> Response {
    let shown = async {
        let user = context.enter(&token).await?;
        let id: AuthConfigId = id.parse().map_err(|_| not_offered())?;
        let form = end_user::form(&context.state.hub, &user, &id).await?;
        let back = way_back(&context, &token, &user).await?;
        Ok(blank(&context, &token, &user, &form, back))
    };
    let result = shown.await;
    context.answer(result)
}

/// Says to the log why a page tells of something that failed.
fn because(mut response: Response, code: &str) -> Response {
    response.extensions_mut().insert(Because(code.to_owned()));
    response
}

/// The same where it tells how a login ended.
fn because_of(response: Response, state: &AttemptState) -> Response {
    match state {
        AttemptState::Failed { code, .. } => because(response, code),
        _ => response,
    }
}
