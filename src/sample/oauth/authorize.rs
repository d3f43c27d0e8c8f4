//! The login in the browser: a page with two buttons, and the way back with a code.

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, LOCATION};
use url::Url;

use crate::domain::origin::{Origin, is_loopback};

use super::super::World;
use super::super::behaviour::{Behaviour, Word};
use super::super::grants::{Asked, Code, Grant};
use super::super::page::{self, Consent};
use super::{Members, is_client, member};

/// How long a person may take, and how long a code works, in seconds.
const LOGIN_LIFE_S: i64 = 600;
const CODE_LIFE_S: i64 = 60;
/// Longest text that is taken over from the request, in bytes.
const TEXT_LIMIT: usize = 2_000;
/// Letters of an S256 challenge.
const CHALLENGE_LENGTH: usize = 43;

/// A way back to the client that asked.
struct Back<'a> {
    to: &'a Url,
    state: Option<&'a str>,
    issuer: &'a str,
}

impl Back<'_> {
    fn with(&self, members: &[(&str, &str)]) -> Response {
        let mut to = self.to.clone();
        to.query_pairs_mut()
            .extend_pairs(members)
            .extend_pairs(self.state.map(|state| ("state", state)))
            .append_pair("iss", self.issuer);
        let headers = [(LOCATION, to.as_str()), (CACHE_CONTROL, "no-store")];
        (StatusCode::SEE_OTHER, headers).into_response()
    }

    fn refused(&self, error: &str, description: &str) -> Response {
        self.with(&[("error", error), ("error_description", description)])
    }
}

/// Where the browser may be sent back to: nothing else than an address of the hub, or of another
/// program on this machine.
fn return_address(world: &World, text: &str) -> Option<Url> {
    let url: Url = text.parse().ok().filter(|_| text.len() <= TEXT_LIMIT)?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_plain =
        url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let is_ours = is_loopback(&url) || world.returns_to().contains(&Origin::of(&url));
    (is_web && is_plain && is_ours).then_some(url)
}

/// Shows the page, or sends the browser back where nothing is to be asked.
pub(in super::super) async fn ask(
    State(world): State<World>,
    Query(query): Query<Members>,
) -> Response {
    let one = |name: &str| member(&query, name);
    let Ok(Some(client)) = one("client_id") else {
        return page::refused("The application did not say who it is.");
    };
    if !is_client(client) {
        return page::refused("The application has a name that no application has.");
    }
    let Some(return_to) =
        one("redirect_uri").ok().flatten().and_then(|text| return_address(&world, text))
    else {
        return page::refused(
            "The application's address is not one that this provider returns to.",
        );
    };
    let Ok(state) = one("state") else {
        return page::refused("The application sent its state twice.");
    };
    let back = Back { to: &return_to, state, issuer: world.issuer() };
    let invalid = |why| back.refused("invalid_request", why);
    if state.is_some_and(|state| state.len() > TEXT_LIMIT) {
        return page::refused("The application sent a state that is too long.");
    }
    match one("response_type") {
        Ok(Some("code")) => {}
        Ok(Some(_)) => return back.refused("unsupported_response_type", "only code is supported"),
        _ => return invalid("response_type has to be code"),
    }
    let (Ok(challenge), Ok(Some("S256"))) = (one("code_challenge"), one("code_challenge_method"))
    else {
        return invalid("PKCE with code_challenge_method=S256 is required");
    };
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let Some(challenge) =
        challenge.filter(|c| c.len() == CHALLENGE_LENGTH && c.chars().all(is_base64))
    else {
        return invalid("code_challenge is no SHA-256 in base64url");
    };
    let Ok(scope) = one("scope") else { return invalid("scope stands twice") };
    let scope: String = scope.unwrap_or("employees:read").chars().take(TEXT_LIMIT).collect();
    let asked = Asked {
        client: client.to_owned(),
        return_to: return_to.clone(),
        state: state.map(str::to_owned),
        scope,
        challenge: challenge.to_owned(),
        until: world.now().plus_seconds(LOGIN_LIFE_S),
    };
    let behaviour = Behaviour::of(client);
    if behaviour.is(Word::Deny) {
        return decided(&world, asked, false);
    }
    if behaviour.is(Word::Auto) {
        return decided(&world, asked, true);
    }
    let (Ok(login), Ok(nonce)) = (world.unguessable(""), world.unguessable("")) else {
        return back.refused("server_error", "there are no random bytes");
    };
    let consent = Consent {
        nonce: nonce.expose(),
        client,
        scopes: asked.scope.split_whitespace().collect(),
        login: login.expose(),
    };
    let shown = page::show(&consent);
    world.grants().asked.insert(login.expose(), asked);
    shown
}

/// Takes the person's decision; each page is good for one.
pub(in super::super) async fn answer(
    State(world): State<World>,
    Form(members): Form<Members>,
) -> Response {
    let login = member(&members, "login").ok().flatten();
    let asked = login.and_then(|login| world.grants().asked.take(login));
    let Some(asked) = asked.filter(|asked| world.now() < asked.until) else {
        return page::refused("This page was answered already, or is too old. Begin again.");
    };
    let is_allowed = matches!(member(&members, "decision"), Ok(Some("allow")));
    decided(&world, asked, is_allowed)
}

fn decided(world: &World, asked: Asked, is_allowed: bool) -> Response {
    let Asked { client, return_to, state, scope, challenge, .. } = asked;
    let back = Back { to: &return_to, state: state.as_deref(), issuer: world.issuer() };
    if !is_allowed {
        return back.refused("access_denied", "the person denied the access");
    }
    let Ok(code) = world.unguessable("code_") else {
        return back.refused("server_error", "there are no random bytes");
    };
    let answer = back.with(&[("code", code.expose())]);
    let (grant, until) = (Grant::new(&client, &scope), world.now().plus_seconds(CODE_LIFE_S));
    let code_of = Code { grant, return_to: return_to.clone(), challenge, until, used: false };
    world.grants().codes.insert(code.expose(), code_of);
    answer
}
