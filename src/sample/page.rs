//! The page on which a person allows a login, and the one that says why there is none.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// Asks a person.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Allow access? Sample provider</title>
<style nonce="{{ nonce }}">
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 3rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
button { font: inherit; padding: .5rem 1.25rem; margin-right: .5rem; border: 1px solid #1a4fa3; border-radius: .25rem; cursor: pointer; background: #fff; color: #1a4fa3; }
button.allow { background: #1a4fa3; color: #fff; }
button:focus-visible { outline: 3px solid #f2a900; outline-offset: 2px; }
</style>
</head>
<body>
<main>
<h1>Allow access?</h1>
<p><strong>{{ client }}</strong> wants to use your account at the sample provider.</p>
<p id="what">It asks for:</p>
<ul aria-labelledby="what">
{% for scope in scopes %}<li>{{ scope }}</li>
{% endfor %}</ul>
<form method="post" action="/oauth/authorize">
<input type="hidden" name="login" value="{{ login }}">
<button class="allow" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>
</main>
</body>
</html>
"#
)]
pub(super) struct Consent<'a> {
    pub(super) nonce: &'a str,
    pub(super) client: &'a str,
    pub(super) scopes: Vec<&'a str>,
    pub(super) login: &'a str,
}

/// Says what is wrong with a login that can't be sent back.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>No login: sample provider</title>
</head>
<body>
<main>
<h1>This login can't go on</h1>
<p>{{ why }}</p>
</main>
</body>
</html>
"#
)]
struct Refused<'a> {
    why: &'a str,
}

/// A page with the headers that every page has. Where its form leads to is not bound: browsers hold
/// every redirect that follows against such a bound, and the hub's own may lead to an app of which
/// no provider knows.
pub(super) fn show(page: &Consent<'_>) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{}'; frame-ancestors 'none'; base-uri 'none'",
        page.nonce
    );
    html(StatusCode::OK, page.render(), &policy)
}

/// A login that is refused on the spot.
pub(super) fn refused(why: &str) -> Response {
    let policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
    html(StatusCode::BAD_REQUEST, Refused { why }.render(), policy)
}

fn html(status: StatusCode, page: askama::Result<String>, policy: &str) -> Response {
    let (Ok(text), Ok(policy)) = (page, HeaderValue::from_str(policy)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let fixed = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(CONTENT_TYPE, "text/html; charset=utf-8"),
        fixed(CACHE_CONTROL, "no-store"),
        fixed(X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(X_FRAME_OPTIONS, "DENY"),
        fixed(REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    (status, headers, text).into_response()
}
