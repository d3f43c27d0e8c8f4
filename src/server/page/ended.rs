//! How it ended, on the link's own page: a form that was taken, or a login that came back. It is
//! told from what was done, since the link may offer something else by now, or nothing.

use axum::response::Response;
use http::StatusCode;

use crate::domain::ids::{AttemptId, AuthConfigId};
use crate::error::{HubError, Kind, codes};
use crate::hub::auth_configs::Given;
use crate::hub::end_user::{self, Through};
use crate::hub::oauth::{self, Attempt, AttemptState};

use super::texts::with;
use super::view::{Link, MessagePage, Trouble};
use super::{Context, Visit, because_of, form, frame, not_offered, show_form, trouble, way_back};

/// `?done=`: the form of this auth config was taken.
pub(super) async fn after_form(
    context: &Context,
    token: &str,
    visit: &Visit,
    id: &str,
) -> Result<Response, HubError> {
    let linked = match id.parse::<AuthConfigId>() {
        Ok(id) => end_user::linked_through(&context.state.hub, &visit.user, &id).await?,
        Err(_) => None,
    };
    match linked {
        Some(linked) => done(context, token, visit, &linked).await,
        None => Ok(frame::go_to(StatusCode::SEE_OTHER, &context.address(token, None))),
    }
}

async fn done(
    context: &Context,
    token: &str,
    visit: &Visit,
    linked: &Through,
) -> Result<Response, HubError> {
    let t = context.t;
    let more =
        visit.is_open && end_user::choices(&context.state.hub, &visit.user, None).await?.len() > 1;
    let frame = context.frame(with(t.done_title, &linked.name));
    let text = if linked.is_proven { t.done } else { t.done_unproven };
    let mut message = MessagePage::new(frame, "good", text);
    message.link = more.then(|| Link {
        href: context.address(token, None),
        text: t.another.to_owned(),
        style: "",
    });
    Ok(context.render(StatusCode::OK, &message))
}

/// `?attempt=`: a login came back that began on this link's page.
pub(super) async fn after_login(
    context: &Context,
    token: &str,
    visit: &Visit,
    id: &str,
) -> Result<Response, HubError> {
    let attempt = match attempt(context, visit, id).await {
        // A link whose time is over tells nothing but ends.
        Ok(attempt) if !visit.is_open && attempt.state == AttemptState::Pending => {
            return Err(context.over());
        }
        Err(error) if !visit.is_open && error.code().kind == Kind::NotFound => {
            return Err(context.over());
        }
        found => found?,
    };
    let shown = ended(context, token, visit, &attempt).await?;
    Ok(because_of(shown, &attempt.state))
}

async fn ended(
    context: &Context,
    token: &str,
    visit: &Visit,
    attempt: &Attempt,
) -> Result<Response, HubError> {
    let (hub, t, user) = (&context.state.hub, context.t, &visit.user);
    let config = attempt.auth_config.as_ref().ok_or_else(not_offered)?;
    let name = &end_user::connector_name(hub, user, config).await?;
    let told = |text: &'static str| {
        let title = with(t.login_failed_title, name);
        Trouble { title, text: text.to_owned(), ..Trouble::default() }
    };
    let trouble = match &attempt.state {
        AttemptState::Authenticated { .. } => {
            let linked = Through { name: name.clone(), is_proven: true };
            return done(context, token, visit, &linked).await;
        }
        AttemptState::Failed { code, description } => {
            form::login_trouble(t, name, code, description.as_deref())
        }
        AttemptState::Cancelled => told(t.login_cancelled),
        AttemptState::Expired => told(t.login_expired),
        AttemptState::Pending => told(t.login_pending),
    };
    if !visit.is_open {
        return Ok(failed(context, trouble, t.expired));
    }
    let form = match end_user::form(hub, user, config).await {
        Ok(form) => form,
        Err(error) if trouble::is_not_offered(error.code()) => {
            return Ok(failed(context, trouble, t.not_offered));
        }
        Err(error) => return Err(error),
    };
    let back = way_back(context, token, user).await?;
    let (none, status) = (Given::new(), StatusCode::OK);
    Ok(show_form(context, token, user, &form, back, &none, Some(trouble), status))
}

async fn attempt(context: &Context, visit: &Visit, id: &str) -> Result<Attempt, HubError> {
    let unknown = |_| HubError::new(&codes::ATTEMPT_UNKNOWN, "no such attempt");
    let id: AttemptId = id.parse().map_err(unknown)?;
    oauth::get(&context.state.hub, &visit.user, &id).await
}

/// A login that failed and can't be begun again here, and why not.
fn failed(context: &Context, trouble: Trouble, why: &str) -> Response {
    let mut message = MessagePage::new(context.frame(trouble.title), "bad", why);
    message.reason = trouble.reason;
    context.render(StatusCode::OK, &message)
}
