//! The token end point: codes, client credentials and refresh tokens for access tokens.

use axum::Json;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::super::World;
use super::super::behaviour::{Behaviour, RETRY_AFTER_S, SLOW, Word};
use super::super::grants::{Access, Grant, Refresh};
use super::{FAILED, Members, Refusal, client, member, refusal};

const BAD_GRANT: &str = "invalid_grant";

/// What the answer gives.
struct Given {
    grant: Grant,
    /// Whether a new refresh token goes with it.
    refreshable: bool,
}

/// Answers a token request.
pub(in super::super) async fn token(
    State(world): State<World>,
    headers: HeaderMap,
    Form(members): Form<Members>,
) -> Response {
    let client = match client(&headers, &members) {
        Ok(client) => client,
        Err(refusal) => return refusal.into_response(),
    };
    let behaviour = Behaviour::of(&client);
    if behaviour.is(Word::TokenSlow) {
        tokio::time::sleep(SLOW).await;
    }
    if behaviour.is(Word::TokenLimited) {
        let limited = Refusal {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "slow_down",
            description: "too many requests",
        };
        let mut response = limited.into_response();
        let after = http::HeaderValue::from_static(RETRY_AFTER_S);
        response.headers_mut().insert(RETRY_AFTER, after);
        return response;
    }
    if behaviour.is(Word::TokenBroken) {
        let text = "as this client asked for";
        return Refusal { description: text, ..FAILED }.into_response();
    }
    let given = granted(&world, &client, &behaviour, &members);
    match given.and_then(|given| issue(&world, &behaviour, given)) {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

fn granted(
    world: &World,
    client: &str,
    behaviour: &Behaviour,
    members: &Members,
) -> Result<Given, Refusal> {
    let missing = refusal("invalid_request", "a parameter of the grant is missing");
    match member(members, "grant_type")?.ok_or(missing)? {
        "authorization_code" => {
            let code = member(members, "code")?.ok_or(missing)?;
            let return_to = member(members, "redirect_uri")?.ok_or(missing)?;
            let verifier = member(members, "code_verifier")?;
            let verifier = verifier.ok_or(refusal(BAD_GRANT, "there is no code_verifier"))?;
            redeem(world, client, code, return_to, verifier)
        }
        "client_credentials" => {
            let scope = member(members, "scope")?.unwrap_or("employees:read");
            Ok(Given { grant: Grant::new(client, scope), refreshable: false })
        }
        "refresh_token" => {
            let token = member(members, "refresh_token")?.ok_or(missing)?;
            refreshed(world, client, behaviour, token)
        }
        _ => Err(refusal("unsupported_grant_type", "this grant is not supported")),
    }
}

fn redeem(
    world: &World,
    client: &str,
    code: &str,
    return_to: &str,
    verifier: &str,
) -> Result<Given, Refusal> {
    let mut grants = world.grants();
    let unknown = refusal(BAD_GRANT, "the code is unknown, over, or of another client");
    let found = grants.codes.get_mut(code).filter(|code| code.grant.client == client);
    let code = found.ok_or(unknown)?;
    if code.used {
        // Somebody has seen it: what was given for it ends.
        code.grant.end();
        return Err(refusal(BAD_GRANT, "the code was used already"));
    }
    // A wrong guess at the rest uses it up as well.
    code.used = true;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let is_theirs = bool::from(challenge.as_bytes().ct_eq(code.challenge.as_bytes()));
    if world.now() >= code.until {
        return Err(unknown);
    }
    if code.return_to.as_str() != return_to {
        return Err(refusal(BAD_GRANT, "redirect_uri is not the one of the login"));
    }
    if !is_theirs {
        return Err(refusal(BAD_GRANT, "code_verifier does not fit"));
    }
    Ok(Given { grant: code.grant.clone(), refreshable: true })
}

fn refreshed(
    world: &World,
    client: &str,
    behaviour: &Behaviour,
    token: &str,
) -> Result<Given, Refusal> {
    let mut grants = world.grants();
    let unknown = refusal(BAD_GRANT, "the refresh token is unknown, or of another client");
    let found = grants.refresh.get_mut(token).filter(|kept| kept.grant.client == client);
    let refresh = found.ok_or(unknown)?;
    if refresh.grant.is_over() || behaviour.is(Word::Revoked) {
        return Err(refusal(BAD_GRANT, "the access was taken back"));
    }
    let rotates = !behaviour.is(Word::NoRotation);
    if rotates && refresh.used {
        // Two hold the same token: neither can be trusted any more.
        refresh.grant.end();
        return Err(refusal(BAD_GRANT, "the refresh token was used already"));
    }
    refresh.used = rotates;
    Ok(Given { grant: refresh.grant.clone(), refreshable: rotates })
}

fn issue(world: &World, behaviour: &Behaviour, given: Given) -> Result<Response, Refusal> {
    let Given { grant, refreshable } = given;
    let life_s = behaviour.token_life_s();
    let access = world.unguessable("at_").map_err(|_| FAILED)?;
    let mut body = json!({
        "access_token": access.expose(),
        "token_type": "Bearer",
        "expires_in": life_s,
        "scope": grant.scope,
    });
    let refresh = match refreshable {
        true => Some(world.unguessable("rt_").map_err(|_| FAILED)?),
        false => None,
    };
    let mut grants = world.grants();
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.expose().into();
        let kept = Refresh { grant: grant.clone(), used: false };
        grants.refresh.insert(refresh.expose(), kept);
    }
    let until = world.now().plus_seconds(life_s);
    grants.access.insert(access.expose(), Access { grant, until });
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}
