//! A form that was filled in: what a browser sent, and what comes of it.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use crate::domain::ids::AuthConfigId;
use crate::domain::secret::Secret;
use crate::error::{HubError, codes};
use crate::hub::auth_configs::Given;
use crate::hub::end_user::{self, EndUser, Form};
use crate::hub::oauth;
use crate::server::respond::status;

use super::view::Trouble;
use super::{Context, Named, VALUE, because, form, frame, login, not_offered, show_form, way_back};

/// `POST /connect/{token}/{integration_id}`: the form, filled in.
pub(super) async fn submit(
    context: Context,
    Named((token, id)): Named<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let result = match body {
        Ok(body) => submitted(&context, &token, &id, &headers, &body).await,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(HubError::new(&codes::REQUEST_TOO_LARGE, "the form is too long"))
        }
        Err(_) => Err(HubError::new(&codes::BODY_INVALID, "the form broke off")),
    };
    context.answer(result)
}

async fn submitted(
    context: &Context,
    token: &str,
    id: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, HubError> {
    let hub = &context.state.hub;
    let Sent { form_token, made_for, values } = read(body)?;
    let given = form_token.as_ref().map(Secret::expose);
    if !frame::is_own_post(headers, hub.public_url(), token, given) {
        let text = "the form did not come from a page of this hub";
        return Err(HubError::new(&codes::CROSS_SITE, text));
    }
    let user = context.enter(token).await?;
    let _under_way = context.state.submission(user.session.id)?;
    let id: AuthConfigId = id.parse().map_err(|_| not_offered())?;
    let form = end_user::form(hub, &user, &id).await?;
    // Somebody else may have the same link: what they did is not replaced unseen.
    if made_for.is_some_and(|made_for| made_for != form::made_for(&form)) {
        let text = "the connection changed after its form was opened";
        let error = HubError::new(&codes::ACCOUNT_STATE, text);
        let (none, trouble) = (Given::new(), form::changed(context.t));
        return refused(context, token, &user, &form, &none, trouble, &error).await;
    }
    let error = if form.needs_browser() {
        match oauth::begin(hub, &user, &id, None, values.clone(), None).await {
            Ok(begun) => return Ok(login::leave(context, token, &form.connector.name, &begun)),
            Err(error) => error,
        }
    } else {
        let account = form.account.as_ref();
        match end_user::link(hub, &user, &id, account, values.clone()).await {
            Ok(_) => {
                let address = format!("{}?done={id}", context.address(token, None));
                return Ok(frame::go_to(StatusCode::SEE_OTHER, &address));
            }
            Err(error) => error,
        }
    };
    let Some(trouble) = form::trouble(context.t, &form, &error) else { return Err(error) };
    refused(context, token, &user, &form, &values, trouble, &error).await
}

/// The form once more, with what is wrong.
async fn refused(
    context: &Context,
    token: &str,
    user: &EndUser,
    form: &Form,
    given: &Given,
    trouble: Trouble,
    error: &HubError,
) -> Result<Response, HubError> {
    let back = way_back(context, token, user).await?;
    let (status, trouble) = (status(error), Some(trouble));
    let shown = show_form(context, token, user, form, back, given, trouble, status);
    Ok(because(shown, error.code().name))
}

/// What a form sends; whatever else a browser sends is not looked at.
#[derive(Default)]
struct Sent {
    /// The form's own mark.
    form_token: Option<Secret>,
    /// For which state of the connection the form was made.
    made_for: Option<String>,
    values: Given,
}

fn read(body: &[u8]) -> Result<Sent, HubError> {
    let mut sent = Sent::default();
    for (name, value) in url::form_urlencoded::parse(body) {
        if name.contains('\0') || value.contains('\0') {
            let text = "the form has a NUL character, which no text can have here";
            return Err(HubError::new(&codes::BODY_INVALID, text));
        }
        if let Some(key) = name.strip_prefix(VALUE) {
            // Browsers end the lines of a text as no key file does.
            sent.values.insert(key.to_owned(), Secret::new(value.replace("\r\n", "\n")));
        } else if name == "form_token" {
            sent.form_token = Some(Secret::new(value));
        } else if name == "made_for" {
            sent.made_for = Some(value.into_owned());
        }
    }
    Ok(sent)
}
