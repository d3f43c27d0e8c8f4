//! What every page of the end user's is sent with, and which requests are taken from browsers.

use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    SET_COOKIE, X_FRAME_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::domain::origin::Origin;
use crate::server::site::is_from_here;

const SEC_FETCH_DEST: &str = "sec-fetch-dest";
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// The page as an answer: nothing of it is kept, none of its address is told, nothing foreign runs
/// in it, and only `framers` may frame it (threats 26, 27).
pub(super) fn page(status: StatusCode, html: String, nonce: &str, framers: &[Origin]) -> Response {
    let ancestors = match framers {
        [] => "'none'".to_owned(),
        some => some.iter().map(Origin::as_str).collect::<Vec<_>>().join(" "),
    };
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         img-src 'self' data:; form-action 'self'; frame-ancestors {ancestors}; base-uri 'none'"
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // Origins are ASCII without spaces, and nonces are Base64.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if framers.is_empty() {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    let none = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
    headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(none));
    private(headers);
    response
}

/// The browser is sent elsewhere, and tells nobody where it came from.
pub(super) fn go_to(status: StatusCode, address: &str) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    if let Ok(address) = HeaderValue::from_str(address) {
        headers.insert(http::header::LOCATION, address);
    }
    private(headers);
    response
}

fn private(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// Adds a cookie for the way to a provider and back: no script reads it, and no request that
/// another site makes by itself carries it. `life_s` 0 removes it.
pub(super) fn set_cookie(
    response: &mut Response,
    name: &str,
    value: &str,
    life_s: u32,
    public_url: &Url,
) {
    let secure = if public_url.scheme() == "https" { "; Secure" } else { "" };
    let base = base_path(public_url);
    let cookie = format!(
        "{name}={value}; Max-Age={life_s}; Path={base}/connect/oauth2; HttpOnly; \
         SameSite=Lax{secure}"
    );
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Whether a browser shows the answer within another page. There it keeps no cookie of a login, and
/// most providers show nothing.
pub(super) fn is_framed(headers: &HeaderMap) -> bool {
    let shown_in = headers.get(SEC_FETCH_DEST).map(HeaderValue::as_bytes);
    let frames: [&[u8]; 4] = [b"iframe", b"frame", b"embed", b"object"];
    shown_in.is_some_and(|kind| frames.contains(&kind))
}

/// What stands before every path, where the hub is reached below one.
pub(super) fn base_path(public_url: &Url) -> &str {
    public_url.path().trim_end_matches('/')
}

/// What the forms of a link carry: who does not know the link can't make it.
pub(super) fn form_token(link: &str) -> String {
    let digest = Sha256::new().chain_update("form of the link ").chain_update(link).finalize();
    URL_SAFE_NO_PAD.encode(digest)
}

/// Whether a form came from a page of this hub (threat 28): the browser says so, and the form
/// carries what its link's pages alone have.
pub(super) fn is_own_post(
    headers: &HeaderMap,
    public_url: &Url,
    link: &str,
    given: Option<&str>,
) -> bool {
    let wanted = form_token(link);
    let is_form = given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(wanted.as_bytes())));
    is_form && is_from_here(headers, public_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(headers: &[(&'static str, &str)], given: Option<&str>) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        is_own_post(&map, &"https://hub.example/x".parse().unwrap(), "hcs_1_a", given)
    }

    #[test]
    fn threat_28_only_forms_of_the_links_own_pages_are_taken() {
        let token = form_token("hcs_1_a");
        let fine = Some(token.as_str());
        let same = ("sec-fetch-site", "same-origin");
        assert!(own(&[same], fine));
        assert!(own(&[same, ("origin", "null")], fine));
        assert!(own(&[("origin", "https://hub.example")], fine));
        assert!(own(&[("origin", "http://h:1"), ("host", "h:1")], fine));
        assert!(own(&[], fine));
        for site in ["cross-site", "same-site", ""] {
            assert!(!own(&[("sec-fetch-site", site), ("origin", "https://hub.example")], fine));
        }
        for origin in ["null", "https://evil.example", "https://hub.example.evil.example"] {
            assert!(!own(&[("origin", origin), ("host", "hub.example")], fine), "{origin}");
        }
        let other = form_token("hcs_1_b");
        for given in [None, Some(""), Some(other.as_str()), Some(&token[1..])] {
            assert!(!own(&[same], given), "{given:?}");
        }
    }

    #[test]
    fn a_page_within_another_one_is_known_by_what_the_browser_says() {
        let framed = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(SEC_FETCH_DEST, kind.parse().unwrap());
            is_framed(&headers)
        };
        assert!(framed("iframe") && framed("frame"));
        assert!(!framed("document") && !framed("empty") && !is_framed(&HeaderMap::new()));
    }

    #[test]
    fn threat_26_only_named_origins_may_frame_a_page() {
        let policy = |framers: &[Origin]| {
            let response = page(StatusCode::OK, String::new(), "n0", framers);
            let header = |name: &str| {
                response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
            };
            (header("content-security-policy").unwrap(), header("x-frame-options"))
        };
        let (alone, frame_options) = policy(&[]);
        assert!(alone.contains("frame-ancestors 'none';"), "{alone}");
        assert_eq!(frame_options.as_deref(), Some("DENY"));
        let origins =
            ["https://a.example", "http://b.example:8080"].map(|text| text.parse().unwrap());
        let (framed, frame_options) = policy(&origins);
        let wanted = "frame-ancestors https://a.example http://b.example:8080;";
        assert!(framed.contains(wanted) && frame_options.is_none(), "{framed}");
        assert!(!framed.contains("unsafe") && framed.contains("'nonce-n0'"), "{framed}");
    }

    #[test]
    fn cookies_of_a_login_are_for_the_way_back_alone() {
        let cookie = |address: &str| {
            let mut response = StatusCode::OK.into_response();
            set_cookie(&mut response, "a", "b", 600, &address.parse().unwrap());
            response.headers()[SET_COOKIE].to_str().unwrap().to_owned()
        };
        let plain = "a=b; Max-Age=600; Path=/connect/oauth2; HttpOnly; SameSite=Lax";
        assert_eq!(cookie("http://127.0.0.1:4780"), plain);
        let below = "a=b; Max-Age=600; Path=/hub/connect/oauth2; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(cookie("https://x.example/hub/"), below);
    }
}
