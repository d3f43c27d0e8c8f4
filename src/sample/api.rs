//! The API: who is asking, and a list of employees in pages.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::World;
use super::behaviour::{Behaviour, RETRY_AFTER_S, SLOW, Word};

/// The header of an API key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What every API key begins with, and how long it may be.
const KEY_PREFIX: &str = "sample-";
const KEY_LIMIT: usize = 200;
/// Employees that there are, of one page where nothing is asked for, and of one page at most.
const EMPLOYEES: usize = 25;
const PAGE: usize = 10;
const LARGEST_PAGE: usize = 100;

/// Who is asking, once they may.
pub(super) struct Visitor {
    client: String,
    scope: Option<String>,
}

/// The parameter that chooses how one call is answered.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    sample: Option<String>,
}

fn refused(status: StatusCode, error: &str, message: &str) -> Response {
    (status, Json(json!({ "error": error, "message": message }))).into_response()
}

fn unauthorized(message: &str) -> Response {
    let mut response = refused(StatusCode::UNAUTHORIZED, "invalid_token", message);
    let how = HeaderValue::from_static("Bearer realm=\"sample\", error=\"invalid_token\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, how);
    response
}

impl FromRequestParts<World> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, world: &World) -> Result<Self, Response> {
        let wanted = Query::<Wanted>::try_from_uri(&parts.uri).map(|Query(wanted)| wanted);
        let wanted = wanted.unwrap_or_default().sample.unwrap_or_default();
        let (visitor, behaviour) = recognized(parts, world).map_err(unauthorized)?;
        let behaviour = behaviour.and(Behaviour::of(&wanted));
        if behaviour.is(Word::Slow) {
            tokio::time::sleep(SLOW).await;
        }
        if behaviour.is(Word::Revoked) {
            return Err(unauthorized("the access was taken back"));
        }
        if behaviour.is(Word::Limited) {
            let mut limited =
                refused(StatusCode::TOO_MANY_REQUESTS, "slow_down", "too many requests");
            limited.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
            return Err(limited);
        }
        if behaviour.is(Word::Broken) {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return Err(refused(status, "server_error", "as it was asked for"));
        }
        Ok(visitor)
    }
}

/// The visitor, and what the credential itself asks for. Client ids choose what happens to their
/// tokens; that a grant is over is seen when it is refreshed.
fn recognized(parts: &Parts, world: &World) -> Result<(Visitor, Behaviour), &'static str> {
    let text = |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(key) = text(&API_KEY) {
        if !key.starts_with(KEY_PREFIX) || key.len() > KEY_LIMIT {
            return Err("the API key is unknown");
        }
        let visitor = Visitor { client: "api_key".to_owned(), scope: None };
        return Ok((visitor, Behaviour::of(key)));
    }
    let bearer = text(&AUTHORIZATION).and_then(|value| value.split_once(' '));
    let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
    else {
        return Err("there is no token and no API key");
    };
    let grants = world.grants();
    let access = grants.access.get(token.trim());
    let access = access.filter(|access| world.now() < access.until && !access.grant.is_over());
    let Some(access) = access else {
        return Err("the token is unknown, expired or revoked");
    };
    let client = access.grant.client.clone();
    // Of a login the first token works; what was taken back is noticed when it is refreshed.
    let behaviour = match Behaviour::of(&client) {
        asked if asked.is(Word::Revoked) => Behaviour::default(),
        asked => asked,
    };
    Ok((Visitor { client, scope: Some(access.grant.scope.clone()) }, behaviour))
}

/// The account that the credential is of.
pub(super) async fn me(visitor: Visitor) -> Response {
    let Visitor { client, scope } = visitor;
    let body = json!({
        "id": "user-1",
        "name": "Sam Sample",
        "company": "Sample Ltd",
        "client": client,
        "scope": scope,
    });
    Json(body).into_response()
}

fn person(number: usize) -> Value {
    const FIRST: [&str; 5] = ["Ada", "Ben", "Chloé", "Dmitri", "Eve"];
    const LAST: [&str; 5] = ["Adams", "Brown", "Costa", "Dąbrowska", "Évora"];
    let (first, last) = (FIRST[(number - 1) % 5], LAST[(number - 1) / 5 % 5]);
    json!({
        "id": format!("employee-{number}"),
        "name": format!("{first} {last}"),
        "email": format!("employee-{number}@sample.example"),
        "active": !number.is_multiple_of(7),
    })
}

fn number_of(id: &str) -> Option<usize> {
    let number = id.strip_prefix("employee-")?.parse().ok()?;
    (1..=EMPLOYEES).contains(&number).then_some(number)
}

/// Which page.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    page: Option<usize>,
    page_size: Option<usize>,
}

/// A page of the employees, counted from 1.
pub(super) async fn employees(_: Visitor, Query(asked): Query<Page>) -> Response {
    let (page, size) = (asked.page.unwrap_or(1), asked.page_size.unwrap_or(PAGE));
    if page == 0 || !(1..=LARGEST_PAGE).contains(&size) {
        let text = "page begins with 1, and page_size is from 1 to 100";
        return refused(StatusCode::BAD_REQUEST, "invalid_page", text);
    }
    let first = (page - 1).saturating_mul(size);
    let rows: Vec<Value> = (first.saturating_add(1)..=EMPLOYEES).take(size).map(person).collect();
    let next = (first.saturating_add(size) < EMPLOYEES).then(|| page + 1);
    let body = json!({
        "data": rows, "page": page, "page_size": size, "total": EMPLOYEES, "next_page": next,
    });
    Json(body).into_response()
}

fn nobody() -> Response {
    refused(StatusCode::NOT_FOUND, "not_found", "no employee of this id")
}

/// One employee.
pub(super) async fn employee(_: Visitor, Path(id): Path<String>) -> Response {
    number_of(&id).map_or_else(nobody, |number| Json(person(number)).into_response())
}

/// Takes a new employee, and keeps nothing of it.
pub(super) async fn add_employee(_: Visitor, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(name) = body.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
    else {
        let text = "the body has to be JSON with a name";
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", text);
    };
    let made = json!({ "id": format!("employee-{}", EMPLOYEES + 1), "name": name, "active": true });
    (StatusCode::CREATED, Json(made)).into_response()
}

/// Says that an employee is gone, who is there again the next time.
pub(super) async fn delete_employee(_: Visitor, Path(id): Path<String>) -> Response {
    number_of(&id).map_or_else(nobody, |_| StatusCode::NO_CONTENT.into_response())
}
