//! Calls that are passed on to providers: which right they need, when one is repeated, and which
//! headers of an answer are passed back.

use super::caller::Permission;

/// How often a call is sent again because the provider said to slow down.
pub const MOST_WAITS: u32 = 3;
/// How long a call waits in all because the provider said to slow down, in seconds.
pub const MOST_WAIT_S: i64 = 5;
/// How long the answer to a call that is not sent again waits for fresh credentials, in seconds.
pub const MOST_REFRESH_S: u64 = 5;

/// Methods that can be passed on.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/// Headers of a provider that are not passed back: they speak to a browser, of the provider's own
/// host, give orders to a proxy in front of the hub, or set what the hub's callers must not be
/// given.
const OF_PROVIDER: [&str; 11] = [
    "alt-svc",
    "clear-site-data",
    "proxy-authenticate",
    "proxy-authentication-info",
    "public-key-pins",
    "refresh",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "x-reproxy-url",
];

/// How the names of such headers begin: what a browser lets pages read, and which files, pages and
/// limits nginx, Apache, lighttpd and `LiteSpeed` are told.
const BEGINNINGS: [&str; 5] =
    ["access-control-", "x-accel-", "x-lighttpd-", "x-litespeed-", "x-sendfile"];

/// Whether the method changes nothing (RFC 9110, section 9.2.1).
#[must_use]
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Whether a write that is answered with this status may have been done all the same: something
/// gave up on it, on the way or in the middle.
#[must_use]
pub fn is_unclear(status: u16) -> bool {
    matches!(status, 408 | 500 | 502..)
}

/// The right that a call of this method needs.
#[must_use]
pub fn permission(method: &str) -> Permission {
    if is_safe(method) { Permission::UnifiedRead } else { Permission::UnifiedWrite }
}

/// Whether a header of a provider's answer is passed back.
#[must_use]
pub fn is_passed_back(name: &str) -> bool {
    !OF_PROVIDER.contains(&name) && !BEGINNINGS.iter().any(|begin| name.starts_with(begin))
}

/// What is done with a provider's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is passed back.
    PassBack,
    /// Fresh credentials are wanted, and then the call is sent again.
    Refresh,
    /// Fresh credentials are wanted for whoever calls next, and the answer is passed back.
    RefreshForNext,
    /// The call is sent again after so many seconds.
    Wait(i64),
}

/// What was tried already for one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    /// Whether fresh credentials were asked for.
    pub refreshed: bool,
    /// How often it waited.
    pub waits: u32,
    /// For how long in all, in seconds.
    pub waited_s: i64,
}

impl Tried {
    /// Decides on an answer; `wait_s` is what the provider asks to wait. Only a call that may be
    /// sent twice is: a safe one, or one with an idempotency key. Credentials that are refused are
    /// no good for the next call either, whatever may become of this one.
    #[must_use]
    pub fn next(&self, status: u16, wait_s: Option<i64>, may_repeat: bool) -> Next {
        match (status, wait_s) {
            (401, _) if !self.refreshed && may_repeat => Next::Refresh,
            (401, _) if !self.refreshed => Next::RefreshForNext,
            (429, Some(wait_s))
                if may_repeat
                    && wait_s >= 0
                    && self.waits < MOST_WAITS
                    && self.waited_s.saturating_add(wait_s) <= MOST_WAIT_S =>
            {
                Next::Wait(wait_s)
            }
            _ => Next::PassBack,
        }
    }

    /// Notes what was decided.
    pub fn note(&mut self, next: Next) {
        match next {
            Next::PassBack => {}
            Next::Refresh | Next::RefreshForNext => self.refreshed = true,
            Next::Wait(wait_s) => {
                self.waits += 1;
                self.waited_s = self.waited_s.saturating_add(wait_s);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        METHODS, MOST_WAITS, Next, Permission, Tried, is_passed_back, is_unclear, permission,
    };

    #[test]
    fn reading_and_writing_are_different_rights() {
        for method in METHODS {
            let expected = match method {
                "GET" | "HEAD" | "OPTIONS" => Permission::UnifiedRead,
                _ => Permission::UnifiedWrite,
            };
            assert_eq!(permission(method), expected, "{method}");
        }
    }

    #[test]
    fn a_server_that_gives_up_may_have_done_what_it_was_asked() {
        for status in [408, 500, 502, 503, 504, 599] {
            assert!(is_unclear(status), "{status}");
        }
        for status in [200, 302, 400, 401, 404, 409, 412, 422, 425, 429, 501] {
            assert!(!is_unclear(status), "{status}");
        }
    }

    #[test]
    fn a_401_is_answered_by_one_refresh_and_no_second() {
        let mut tried = Tried::default();
        assert_eq!(tried.next(401, None, true), Next::Refresh);
        tried.note(Next::Refresh);
        assert_eq!(tried.next(401, None, true), Next::PassBack);
        let mut tried = Tried::default();
        assert_eq!(tried.next(401, None, false), Next::RefreshForNext);
        tried.note(Next::RefreshForNext);
        assert_eq!(tried.next(401, None, false), Next::PassBack);
    }

    #[test]
    fn a_429_is_honoured_within_bounds() {
        let fresh = Tried::default();
        assert_eq!(fresh.next(429, Some(2), true), Next::Wait(2));
        assert_eq!(fresh.next(429, Some(2), false), Next::PassBack);
        assert_eq!(fresh.next(429, None, true), Next::PassBack);
        assert_eq!(fresh.next(429, Some(6), true), Next::PassBack);
        assert_eq!(fresh.next(429, Some(-1), true), Next::PassBack);
        assert_eq!(fresh.next(503, Some(1), true), Next::PassBack);
        let mut tried = fresh;
        for _ in 0..MOST_WAITS {
            assert_eq!(tried.next(429, Some(0), true), Next::Wait(0));
            tried.note(Next::Wait(0));
        }
        assert_eq!(tried.next(429, Some(0), true), Next::PassBack);
        let mut tried = fresh;
        tried.note(Next::Wait(3));
        assert_eq!(tried.next(429, Some(3), true), Next::PassBack);
        assert_eq!(tried.next(429, Some(i64::MAX), true), Next::PassBack);
    }

    #[test]
    fn threat_21_cookies_and_orders_to_browsers_and_proxies_are_not_passed_back() {
        for name in ["set-cookie", "strict-transport-security", "access-control-allow-origin"] {
            assert!(!is_passed_back(name), "{name}");
        }
        for name in [
            "x-accel-redirect",
            "x-accel-buffering",
            "x-sendfile",
            "x-sendfile2",
            "x-lighttpd-send-file",
            "x-litespeed-location",
            "x-reproxy-url",
            "proxy-authenticate",
            "proxy-authentication-info",
            "refresh",
        ] {
            assert!(!is_passed_back(name), "{name}");
        }
        for name in [
            "content-type",
            "etag",
            "link",
            "location",
            "www-authenticate",
            "x-accelerated",
            "x-ratelimit-remaining",
            "x-refresh",
        ] {
            assert!(is_passed_back(name), "{name}");
        }
    }
}
