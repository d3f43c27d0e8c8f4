//! Logins at providers: where they begin, and where providers send browsers back to (contract
//! sections 9.7 and 9.8).
//!
//! A browser that begins a login gets a cookie, and only a browser that brings it back may end it
//! (threats 4, 5). Each login has a cookie of its own, so that two at once don't disturb each other.

use axum::Router;
use axum::extract::RawQuery;
use axum::response::Response;
use axum::routing::get;
use axum_extra::extract::CookieJar;
use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::domain::ids::{AttemptId, AuthConfigId};
use crate::domain::secret::Secret;
use crate::domain::token::SessionToken;
use crate::error::{HubError, codes};
use crate::hub::auth_configs::Given;
use crate::hub::end_user::{self, EndUser};
use crate::hub::oauth::{self, AttemptState, Begun, Ended, Returned};
use crate::server::AppState;
use crate::server::respond::status;

use super::form::{login_trouble, provider_trouble};
use super::texts::with;
use super::view::{Link, MessagePage};
use super::{Context, LOGIN_LIFE, Named, because, because_of, frame};

/// Parameters of the start that are no values of fields.
const OWN: [&str; 3] = ["token", "connection_attempt_id", "redirect_uri"];
/// Parameters that name a login, in a provider's address and in what it sends back; OAuth 1.0a has
/// no state in the address.
const NAMES: [&str; 3] = ["oauth_token", "denied", "state"];

/// Where a login begins.
pub(super) const START: &str = "/connect/oauth2/{integration_id}";
/// Where providers send browsers back to.
pub(super) const CALLBACK: &str = "/connect/oauth2/{integration_id}/callback";

pub(super) fn routes() -> Router<AppState> {
    Router::new().route(START, get(start)).route(CALLBACK, get(callback))
}

type Pairs = Vec<(String, String)>;

fn pairs(query: Option<&str>) -> Pairs {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// `GET /connect/oauth2/{integration_id}`: the component's window comes here first.
async fn start(context: Context, Named(id): Named<String>, RawQuery(query): RawQuery) -> Response {
    let result = started(&context, &id, &pairs(query.as_deref())).await;
    context.answer(result)
}

async fn started(context: &Context, id: &str, pairs: &Pairs) -> Result<Response, HubError> {
    if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(HubError::new(&codes::BAD_VALUE, "a parameter has a NUL character"));
    }
    let own = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let user = context.enter(own("token").unwrap_or_default()).await?;
    let _under_way = context.state.submission(user.session.id)?;
    let id = config_id(context, &user, id).await?;
    let attempt = own("connection_attempt_id").map(str::parse::<AttemptId>).transpose();
    let attempt =
        attempt.map_err(|error| HubError::new(&codes::ATTEMPT_UNKNOWN, error.to_string()))?;
    let values =
        pairs.iter().filter(|(name, value)| !OWN.contains(&name.as_str()) && !value.is_empty());
    let values: Given =
        values.map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect();
    let hub = &context.state.hub;
    let begun = oauth::begin(hub, &user, &id, attempt.as_ref(), values, own("redirect_uri")).await;
    let begun = match begun {
        Ok(begun) => begun,
        Err(error) => return not_begun(context, &user, &id, error).await,
    };
    let mut response = frame::go_to(StatusCode::FOUND, begun.location.as_str());
    bind(context, &mut response, &begun, None);
    Ok(response)
}

/// The page of a login that can't begin; where its provider is in the way, it says so.
async fn not_begun(
    context: &Context,
    user: &EndUser,
    id: &AuthConfigId,
    error: HubError,
) -> Result<Response, HubError> {
    let Ok(name) = end_user::connector_name(&context.state.hub, user, id).await else {
        return Err(error);
    };
    let Some(trouble) = provider_trouble(context.t, &name, &error, false) else {
        return Err(error);
    };
    let mut message = MessagePage::new(context.frame(trouble.title), "bad", &trouble.text);
    message.reason = trouble.reason;
    Ok(because(context.render(status(&error), &message), error.code().name))
}

/// The auth config in the address; older releases of the component name the connector there.
async fn config_id(context: &Context, user: &EndUser, id: &str) -> Result<AuthConfigId, HubError> {
    let parsed = id.parse::<AuthConfigId>();
    let parsed =
        parsed.map_err(|error| HubError::new(&codes::AUTH_CONFIG_UNKNOWN, error.to_string()))?;
    if uuid::Uuid::parse_str(id).is_ok() {
        return Ok(parsed);
    }
    let choices = end_user::choices(&context.state.hub, user, None).await?;
    let named = choices.into_iter().find(|choice| choice.connector.key.as_str() == id);
    Ok(named.map_or(parsed, |choice| choice.config.id))
}

/// Leaves a link's own page for the provider's. A page and not a redirect: browsers hold what a
/// form is redirected to against the form's own policy, which names this hub alone.
pub(super) fn leave(context: &Context, token: &str, name: &str, begun: &Begun) -> Response {
    let t = context.t;
    let mut frame = context.frame(with(t.leave_title, name));
    let href = begun.location.to_string();
    frame.go = Some(href.clone());
    let mut message = MessagePage::new(frame, "wait", &with(t.leave, name));
    message.link = Some(Link { href, text: with(t.leave_link, name), style: "" });
    let mut response = context.render(StatusCode::OK, &message);
    bind(context, &mut response, begun, Some(token));
    response
}

/// Gives the browser what it must bring back, and `link`, the page to which it returns: that it is
/// in no address of the provider's.
fn bind(context: &Context, response: &mut Response, begun: &Begun, link: Option<&str>) {
    let url = context.state.hub.public_url();
    let life_s = u32::try_from(LOGIN_LIFE.as_secs()).unwrap_or(600);
    let query: Pairs = begun.location.query_pairs().into_owned().collect();
    let Some(login) = login_of(&query) else { return };
    frame::set_cookie(response, &binding(&login), begun.binding.expose(), life_s, url);
    if let Some(link) = link {
        frame::set_cookie(response, &return_link(&login), link, life_s, url);
    }
}

/// What a login's cookies are called: known to whoever sees the addresses, and worth nothing.
fn login_of(query: &Pairs) -> Option<String> {
    let of = |wanted: &&str| {
        let found = query.iter().find(|(name, value)| name == wanted && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let name = NAMES.iter().find_map(of)?;
    let digest = Sha256::digest(name);
    Some(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn binding(login: &str) -> String {
    format!("hubctl_login_{login}")
}

fn return_link(login: &str) -> String {
    format!("hubctl_link_{login}")
}

/// `GET /connect/oauth2/{provider}/callback`: the provider's page sends the browser here.
async fn callback(
    context: Context,
    Named(provider): Named<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = pairs(query.as_deref());
    let login = login_of(&query);
    let jar = CookieJar::from_headers(&headers);
    let cookie = |name: &dyn Fn(&str) -> String| {
        let name = login.as_deref().map(name)?;
        jar.get(&name).map(|cookie| Secret::new(cookie.value()))
    };
    let (bound, link) = (cookie(&binding), cookie(&return_link));
    let returned = Returned { provider: &provider, query: &query, binding: bound.as_ref() };
    let ended = match query.iter().any(|(name, value)| name.contains('\0') || value.contains('\0'))
    {
        true => Err(HubError::new(&codes::OAUTH_BAD_STATE, "a parameter has a NUL character")),
        false => oauth::finish(&context.state.hub, returned).await,
    };
    let ended = ended.map_err(|error| match oauth::is_guess(&error) {
        true => context.source.guessed(error, &context.state),
        false => error,
    });
    if let Ok(ended) = &ended {
        context.belongs_to(&ended.project);
    }
    let mut response = context.answer(ended.map(|ended| {
        let shown = end(&context, &ended, link.as_ref());
        because_of(shown, &ended.attempt.state)
    }));
    if let Some(login) = login {
        let url = context.state.hub.public_url();
        for (name, was) in [(binding(&login), bound), (return_link(&login), link)] {
            if was.is_some() {
                frame::set_cookie(&mut response, &name, "", 0, url);
            }
        }
    }
    response
}

/// Where a login ends: at the registered address, at the link's page, or on a page that says so
/// and closes its window.
fn end(context: &Context, ended: &Ended, link: Option<&Secret>) -> Response {
    if let Some(address) = &ended.return_to {
        return frame::go_to(StatusCode::FOUND, address.as_str());
    }
    // The cookie is the browser's own, and yet not trusted to be more than a link.
    if let Some(link) = link.filter(|link| SessionToken::parse(link.expose()).is_ok()) {
        let page = context.address(link.expose(), None);
        let address = format!("{page}?attempt={}", ended.attempt.id);
        return frame::go_to(StatusCode::SEE_OTHER, &address);
    }
    let (t, name) = (context.t, ended.connector.as_str());
    let mut message = match &ended.attempt.state {
        AttemptState::Authenticated { .. } => {
            let frame = context.frame(with(t.done_title, name));
            MessagePage { close: true, ..MessagePage::new(frame, "good", t.ended_done) }
        }
        _ => {
            let frame = context.frame(with(t.login_failed_title, name));
            MessagePage::new(frame, "bad", t.ended_failed)
        }
    };
    if let AttemptState::Failed { code, description } = &ended.attempt.state {
        let trouble = login_trouble(t, name, code, description.as_deref());
        message.reason = trouble.reason;
        message.text = format!("{} {}", trouble.text, t.ended_failed);
    }
    context.render(StatusCode::OK, &message)
}

#[cfg(test)]
mod tests {
    use super::{binding, login_of, pairs};

    #[test]
    fn a_login_has_cookies_of_its_own_that_its_state_leads_to() {
        let of = |query: &str| login_of(&pairs(Some(query)));
        let begun = of("client_id=x&state=hst_1_abc").unwrap();
        assert_eq!(of("code=y&state=hst_1_abc"), Some(begun.clone()));
        assert_ne!(of("code=y&state=hst_2_abc"), Some(begun.clone()));
        assert!(!binding(&begun).contains("abc"));
        // OAuth 1.0a: the address has the token alone, what comes back has both.
        assert_eq!(of("oauth_token=t"), of("state=hst_1_abc&oauth_token=t&oauth_verifier=v"));
        assert_eq!(of("oauth_token=t"), of("state=hst_1_abc&denied=t"));
        assert_eq!(of("state="), None);
        assert_eq!(of(""), None);
    }
}
