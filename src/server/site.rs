//! Which site a request was made from, as far as browsers tell it.

use http::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN};
use http::{HeaderMap, Method};
use url::Url;

use crate::domain::origin::Origin;
use crate::error::{HubError, codes};

const SEC_FETCH_SITE: &str = "sec-fetch-site";
/// The scheme whose keys browsers keep and send by themselves.
const BASIC: &[u8] = b"basic ";

/// Whether no page of another site made the request.
pub(super) fn is_from_here(headers: &HeaderMap, public_url: &Url) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text(SEC_FETCH_SITE), text(ORIGIN.as_str())) {
        // `none` is what the user does, such as loading the page again.
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let host = text(HOST.as_str()).unwrap_or_default();
            let is_host = origin.split_once("://").is_some_and(|(_, rest)| rest == host);
            is_host || origin == Origin::of(public_url).as_str()
        }
        // No browser: nobody's cookies or habits are used by it.
        (None, None) => true,
    }
}

/// Refuses a change that a page of another site had a browser ask for: to that, a browser adds a
/// key of its own accord once somebody gave it one as a user name (threat 28).
///
/// # Errors
/// `connect.cross_site`
pub(super) fn no_foreign_change(
    method: &Method,
    headers: &HeaderMap,
    public_url: &Url,
) -> Result<(), HubError> {
    let key = headers.get(AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
    let is_basic = key.get(..BASIC.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(BASIC));
    if method.is_safe() || !is_basic || is_from_here(headers, public_url) {
        return Ok(());
    }
    Err(HubError::new(&codes::CROSS_SITE, "a page of another site asked for this"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threat_28_a_page_of_another_site_may_look_and_change_nothing() {
        let asks = |key: &str, method: Method, headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in [&[("authorization", key)][..], headers].concat() {
                map.insert(name, value.parse().unwrap());
            }
            no_foreign_change(&method, &map, &"https://hub.example/x".parse().unwrap()).is_ok()
        };
        let may = |method, headers: &[_]| asks("BASIC djE6", method, headers);
        let evil = [("origin", "https://evil.example"), ("host", "hub.example")];
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for site in ["cross-site", "same-site", ""] {
                assert!(!may(method.clone(), &[("sec-fetch-site", site)]), "{site}");
            }
            assert!(!may(method.clone(), &evil) && !may(method.clone(), &[("origin", "null")]));
            for fine in [
                &[][..],
                &[("sec-fetch-site", "none")],
                &[("sec-fetch-site", "same-origin")],
                &[("origin", "https://hub.example")],
                &[("origin", "http://h:1"), ("host", "h:1")],
            ] {
                assert!(may(method.clone(), fine), "{fine:?}");
            }
        }
        // Nothing but a program sends these, whatever it forwards.
        assert!(asks("Bearer v1", Method::POST, &evil) && asks("", Method::POST, &evil));
        assert!(may(Method::GET, &[("sec-fetch-site", "cross-site")]) && may(Method::HEAD, &evil));
    }
}
