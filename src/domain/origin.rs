//! Origins of addresses, and what a stored API key is bound to.
//!
//! Two addresses have one origin when scheme, host and port are the same, as browsers see it. In
//! doubt they differ: a key that is refused can be given again, one that was sent can't be
//! called back.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::project::ProjectName;

/// Longest address that is taken, in bytes.
const LONGEST: usize = 2000;

/// The text is not an address of the web that a hub may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` {why}: write it as https://hub.example.com")]
pub struct BadWebAddress {
    shown: String,
    why: &'static str,
}

/// Reads the address of a hub: `http` or `https`, host, port and path, and nothing else.
///
/// # Errors
/// For anything else. A user name or password in it is never repeated.
pub fn web_address(text: &str) -> Result<Url, BadWebAddress> {
    let bad = |why| {
        // What stands before an `@` may be a password.
        let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        Err(BadWebAddress { shown: shown.chars().take(200).collect(), why })
    };
    if text.len() > LONGEST {
        return bad("is too long");
    }
    // The parser forgives these, and then the address is not what a person sees.
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return bad("has a sign that no address has");
    }
    let Ok(url) = text.parse::<Url>() else { return bad("is not a URL") };
    match fault(&url) {
        Some(why) => bad(why),
        None => Ok(url),
    }
}

/// Why a URL is not the address of a hub, in words that follow it; none where it is one.
#[must_use]
pub fn fault(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Some("must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("may not have a user name or password");
    }
    let has_more = url.query().is_some() || url.fragment().is_some() || url.host().is_none();
    has_more.then_some("may have host, port and path only")
}

/// Whether what is sent there stays on this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether two addresses are one, whatever slashes they end with.
#[must_use]
pub fn is_same_address(one: &Url, other: &Url) -> bool {
    one.as_str().trim_end_matches('/') == other.as_str().trim_end_matches('/')
}

/// Whether links that begin with `one` lead past a hub whose own begin with `other`. On one machine
/// a name and a number are the same.
#[must_use]
pub fn leads_past(one: &Url, other: &Url) -> bool {
    !(is_same_address(one, other) || is_loopback(one) && is_loopback(other))
}

/// Scheme, host and port of an address, in one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin of an address that `web_address` took.
    #[must_use]
    pub fn of(url: &Url) -> Self {
        Self(url.origin().ascii_serialization())
    }

    /// `https://host`, with the port where it is not the scheme's own.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = BadWebAddress;

    fn from_str(text: &str) -> Result<Self, BadWebAddress> {
        web_address(text).map(|url| Self::of(&url))
    }
}

/// Where a stored API key may be sent, and for which project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBinding {
    /// The origin of the hub.
    pub origin: Origin,
    /// The project.
    pub project: ProjectName,
}

/// A stored key was to be used for something else than what it was stored for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Elsewhere {
    /// Another hub.
    #[error("the stored API key belongs to {kept}, and is never sent to {wanted}")]
    Origin {
        /// Where it belongs.
        kept: Origin,
        /// Where it was to go.
        wanted: Origin,
    },
    /// Another project of the same hub.
    #[error("the stored API key belongs to project `{kept}`, not to `{wanted}`")]
    Project {
        /// What it belongs to.
        kept: ProjectName,
        /// What it was to be used for.
        wanted: ProjectName,
    },
}

impl KeyBinding {
    /// Whether a key that is bound like this may be used as wanted.
    ///
    /// # Errors
    /// When origin or project is another.
    pub fn check(&self, wanted: &Self) -> Result<(), Elsewhere> {
        if self.origin != wanted.origin {
            let (kept, wanted) = (self.origin.clone(), wanted.origin.clone());
            return Err(Elsewhere::Origin { kept, wanted });
        }
        if self.project != wanted.project {
            let (kept, wanted) = (self.project.clone(), wanted.project.clone());
            return Err(Elsewhere::Project { kept, wanted });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Elsewhere, KeyBinding, is_loopback, is_same_address, leads_past, web_address};

    fn bound(address: &str, project: &str) -> KeyBinding {
        KeyBinding { origin: address.parse().unwrap(), project: project.parse().unwrap() }
    }

    fn may_go(kept: &str, wanted: &str) -> bool {
        bound(kept, "live").check(&bound(wanted, "live")).is_ok()
    }

    #[test]
    fn links_lead_past_a_hub_that_is_reached_at_another_address() {
        let (here, there) = ("http://127.0.0.1:4780", "https://hub.example.com/eu");
        for (one, other, same, past) in [
            (here, "http://127.0.0.1:4780/", true, false),
            (here, "http://localhost:4780", false, false),
            (here, there, false, true),
            (there, here, false, true),
            (there, "https://HUB.example.com:443/eu/", true, false),
            (there, "https://hub.example.com/us", false, true),
        ] {
            let (one, other) = (web_address(one).unwrap(), web_address(other).unwrap());
            assert_eq!(is_same_address(&one, &other), same, "{one} {other}");
            assert_eq!(leads_past(&one, &other), past, "{one} {other}");
        }
    }

    #[test]
    fn one_origin_has_many_spellings() {
        for (kept, wanted) in [
            ("https://hub.example.com", "https://hub.example.com/"),
            ("https://hub.example.com", "HTTPS://HUB.Example.COM"),
            ("https://hub.example.com", "https://hub.example.com:443/api/v2"),
            ("http://hub.example.com:80", "http://hub.example.com"),
            ("http://127.0.0.1:4780", "http://2130706433:4780"),
            ("http://[::1]:4780", "http://[0:0:0:0:0:0:0:1]:4780/x"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert!(may_go(kept, wanted) && may_go(wanted, kept), "{kept} and {wanted}");
        }
    }

    #[test]
    fn threat_17_a_key_never_goes_to_another_origin() {
        let kept = "https://hub.example.com";
        for wanted in [
            "http://hub.example.com",
            "https://hub.example.com:8443",
            "https://hub.example.com:80",
            "https://hub.example.com.",
            "https://hub.example.com.evil.example",
            "https://evil-hub.example.com",
            "https://example.com",
            "https://hub.example.co",
            "https://xhub.example.com",
            "https://evil.example/hub.example.com",
            "https://evil.example/https://hub.example.com",
            "https://hub.example.com%2eevil.example",
            "https://hub。example。com.evil.example",
        ] {
            assert!(!may_go(kept, wanted) && !may_go(wanted, kept), "{wanted}");
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for bad in [
            "",
            "hub.example.com",
            "hub.example.com:443",
            "ftp://hub.example.com",
            "file:///etc/passwd",
            "https://",
            "https://user@hub.example.com",
            "https://user:pass@hub.example.com",
            "https://:pass@hub.example.com",
            "https://hub.example.com@evil.example",
            "https://hub.example.com?x=1",
            "https://hub.example.com#x",
            "https://hub.example.com\\@evil.example",
            " https://hub.example.com",
            "https://hub.exa\nmple.com",
            "https://hub.example.com:99999",
            "https://[::1",
            "javascript:alert(1)",
            &format!("https://{}", "a".repeat(3000)),
        ] {
            assert!(web_address(bad).is_err(), "{bad}");
        }
        let told = web_address("https://user:s3cret@hub.example.com").unwrap_err().to_string();
        assert!(!told.contains("s3cret") && !told.contains("user:"), "{told}");
    }

    #[test]
    fn a_key_is_bound_to_its_project_too() {
        let (live, test) = (bound("https://h.example", "live"), bound("https://h.example", "test"));
        assert!(matches!(live.check(&test), Err(Elsewhere::Project { .. })));
        assert!(live.check(&live.clone()).is_ok());
        let elsewhere = live.check(&bound("https://i.example", "live")).unwrap_err();
        assert!(elsewhere.to_string().contains("https://h.example"), "{elsewhere}");
    }

    #[test]
    fn loopback_is_told_from_the_rest() {
        for (address, expected) in [
            ("http://localhost:4780", true),
            ("http://127.0.0.5", true),
            ("http://[::1]", true),
            ("http://hub.example.com", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(&web_address(address).unwrap()), expected, "{address}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_origin_is_its_own_origin(text in "(https?://)?[a-zA-Z0-9.:@/\\[\\]-]{0,40}") {
            if let Ok(url) = web_address(&text) {
                let origin = super::Origin::of(&url);
                assert_eq!(origin.as_str().parse::<super::Origin>().unwrap(), origin);
                assert!(!origin.as_str().contains('@'));
            }
        }
    }
}
