//! Addresses made from templates and values, and addresses that a caller names below them.
//!
//! A value is encoded for the place where it lands, and none may change who is called: in a host it
//! can only be labels of that host (threats 17, 35). Which address a host stands for is judged
//! where it is dialled.

use url::Url;

use super::template::{Part, Template};

/// Why an address can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// There is no value for a name that it needs.
    #[error("there is no value for `{0}`")]
    Missing(String),
    /// A value can't stand in a host.
    #[error("`{0}` can't be part of a host: only letters, digits, dots and hyphens can")]
    Host(String),
    /// A value that should be a whole address is none.
    #[error("`{0}` is not an https address")]
    Whole(String),
    /// A value would lead out of its folder.
    #[error("`{0}` can't be part of a path")]
    Path(String),
    /// What comes out is no address.
    #[error("the address made from the definition is not one")]
    NotOne,
    /// What a caller named is not below the root of the API.
    #[error("{0}")]
    Outside(&'static str),
}

/// Where in an address a piece of a template stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Host,
    Path,
    Query,
}

/// Fills a template that is an address. `value` gives what a name stands for; `plain` lets `http`
/// through, which the guard of addresses then holds to the networks that the operator named.
///
/// # Errors
/// When a value is missing or would change who is called.
pub fn fill(
    template: &Template,
    plain: bool,
    value: impl Fn(&str, Option<&str>) -> Option<String>,
) -> Result<Url, BadAddress> {
    let get = |name: &str, member: Option<&str>| {
        value(name, member)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| BadAddress::Missing(name.to_owned()))
    };
    let pieces = template.parts();
    let mut written = String::new();
    let mut place = Place::Host;
    let mut rest = pieces.as_slice();
    if let [Part::Value { name, member }, after @ ..] = rest {
        written = whole(name, &get(name, *member)?, plain)?;
        place = if written.contains('?') { Place::Query } else { Place::Path };
        rest = after;
    }
    for (number, piece) in rest.iter().enumerate() {
        match *piece {
            Part::Text(text) if written.ends_with('/') && text.starts_with('/') => {
                written.push_str(&text[1..]);
                place = after_text(&written, place);
            }
            // A whole address may have parameters already.
            Part::Text(text) if place == Place::Query && text.starts_with('?') => {
                written.push('&');
                written.push_str(&text[1..]);
            }
            Part::Text(text) => {
                written.push_str(text);
                place = after_text(&written, place);
            }
            Part::Value { name, member } => {
                let text = get(name, member)?;
                match place {
                    Place::Host => {
                        let last = rest.get(number + 1).is_none_or(
                            |next| matches!(next, Part::Text(text) if text.starts_with(['/', '?'])),
                        );
                        written.push_str(host_part(name, &text, last)?);
                    }
                    Place::Path if matches!(text.as_str(), "." | "..") => {
                        return Err(BadAddress::Path(name.to_owned()));
                    }
                    Place::Path => encode(&mut written, &text, in_path),
                    Place::Query => encode(&mut written, &text, unreserved),
                }
            }
            Part::Broken(_) => return Err(BadAddress::NotOne),
        }
    }
    read(&written, plain)
}

fn after_text(written: &str, place: Place) -> Place {
    let tail = written.split_once("://").map_or("", |(_, tail)| tail);
    match place {
        Place::Query => Place::Query,
        _ if tail.contains(['?', '#']) => Place::Query,
        Place::Host if !tail.contains('/') => Place::Host,
        _ => Place::Path,
    }
}

/// The written address as one, if reading it changes nothing about it.
fn read(written: &str, plain: bool) -> Result<Url, BadAddress> {
    let url = Url::parse(written).map_err(|_| BadAddress::NotOne)?;
    let fine = url.scheme() == "https" || (plain && url.scheme() == "http");
    let tail = written.split_once("://").map_or("", |(_, tail)| tail);
    let way = tail.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = way.split_once('/').unwrap_or((way, ""));
    // Dot segments would have been resolved, and then there are fewer slashes.
    let same_path = url.path().matches('/').count() == path.matches('/').count() + 1;
    if !fine || host.is_empty() || host.contains('@') || !url.username().is_empty() || !same_path {
        return Err(BadAddress::NotOne);
    }
    Ok(url)
}

/// A value that is a whole address, without a slash at its end.
fn whole(name: &str, text: &str, plain: bool) -> Result<String, BadAddress> {
    let bad = || BadAddress::Whole(name.to_owned());
    let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '#');
    if text.chars().any(strange) {
        return Err(bad());
    }
    let scheme = ["https://", "http://"].into_iter().take(if plain { 2 } else { 1 });
    if !scheme.into_iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme)) {
        return Err(bad());
    }
    let url = Url::parse(text).map_err(|_| bad())?;
    let tail = text.split_once("://").map_or("", |(_, tail)| tail);
    let authority = tail.split(['/', '?']).next().unwrap_or_default();
    if authority.is_empty()
        || authority.contains(['@', '%'])
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(bad());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// A value within a host: labels of it, and at its end a port.
fn host_part<'a>(name: &str, text: &'a str, last: bool) -> Result<&'a str, BadAddress> {
    let bad = || BadAddress::Host(name.to_owned());
    let (labels, port) = match text.split_once(':') {
        Some((labels, port)) if last => (labels, Some(port)),
        Some(_) => return Err(bad()),
        None => (text, None),
    };
    let digits = |port: &str| port.parse::<u16>().is_ok() && !port.starts_with('+');
    if port.is_some_and(|port| !digits(port)) {
        return Err(bad());
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.chars().all(fine);
    if !labels.split('.').all(label) {
        return Err(bad());
    }
    Ok(text)
}

/// Characters that stand for themselves everywhere.
const fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Characters that stand for themselves within a segment of a path.
const fn in_path(byte: u8) -> bool {
    unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

fn encode(out: &mut String, text: &str, keep: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The text with everything but letters, digits and `-._~` encoded (RFC 3986).
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode(&mut out, text, unreserved);
    out
}

/// The text with `%XX` read, as far as it is UTF-8.
#[must_use]
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Members of a query, decoded.
#[must_use]
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// Adds members to a query, in place of those of the same names; what else is there stays as it is
/// written.
pub fn set_query(url: &mut Url, members: &[(String, String)]) {
    if members.is_empty() {
        return;
    }
    let name_of =
        |pair: &str| decoded(&pair.split('=').next().unwrap_or_default().replace('+', " "));
    let mut kept: Vec<String> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter(|pair| !members.iter().any(|(name, _)| *name == name_of(pair)))
        .map(str::to_owned)
        .collect();
    kept.extend(
        members.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))),
    );
    url.set_query(Some(&kept.join("&")));
}

/// An address below a root, joined by one slash, whatever slashes stand there. The path is as a
/// caller wrote it, with its query.
///
/// # Errors
/// When it would not lie below the root (threat 17).
pub fn below(root: &Url, path: &str) -> Result<Url, BadAddress> {
    let outside = |why| Err(BadAddress::Outside(why));
    if path.chars().any(|c| c.is_control() || c.is_whitespace()) || path.contains('\\') {
        return outside("the path has white space, control characters or a backslash");
    }
    if path.contains('#') {
        return outside("the path has a `#`, which no server would see");
    }
    let (way, query) = path.split_once('?').map_or((path, None), |(way, query)| (way, Some(query)));
    let shown = decoded(&decoded(way));
    if shown.starts_with("//") || shown.starts_with("/\\") || shown.starts_with('\\') {
        return outside("the path starts like the name of another host");
    }
    if shown.split(['/', '\\']).any(|segment| matches!(segment, "." | "..")) {
        return outside("the path has a segment of dots");
    }
    if shown.chars().any(char::is_control) {
        return outside("the path has control characters");
    }
    let first = way.split('/').next().unwrap_or_default();
    if first.contains(':') && Url::parse(path).is_ok() {
        return outside("the path is a whole address of another host");
    }
    let mut url = root.clone();
    let joined = match way.trim_start_matches('/') {
        "" => root.path().to_owned(),
        way => format!("{}/{way}", root.path().trim_end_matches('/')),
    };
    url.set_path(&joined);
    let query = match (root.query(), query) {
        (Some(own), Some(given)) => Some(format!("{own}&{given}")),
        (own, given) => given.or(own).map(str::to_owned),
    };
    url.set_query(query.as_deref());
    Ok(url)
}

/// Whether both name the same machine: scheme, host and port.
#[must_use]
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{BadAddress, Template, below, decoded, fill, set_query};

    fn filled(template: &str, value: &str) -> Result<String, BadAddress> {
        fill(&Template::new(template), false, |_, _| Some(value.to_owned())).map(Into::into)
    }

    #[test]
    fn a_value_is_encoded_for_its_place() {
        let all = "https://${a}.x.example/p/${a}/q?a=${a}";
        assert_eq!(filled(all, "acme").unwrap(), "https://acme.x.example/p/acme/q?a=acme");
        let path = "https://x.example/p/${a}?b=${a}";
        assert_eq!(
            filled(path, "a/b?c#d&e=f%2f g").unwrap(),
            "https://x.example/p/a%2Fb%3Fc%23d&e=f%252f%20g?b=a%2Fb%3Fc%23d%26e%3Df%252f%20g"
        );
        assert_eq!(
            filled("https://${a}/v1", "h.example:8443").unwrap(),
            "https://h.example:8443/v1"
        );
        assert_eq!(
            filled("https://x.example:${a}/v1", "8443").unwrap(),
            "https://x.example:8443/v1"
        );
    }

    #[test]
    fn threat_17_threat_35_a_value_never_changes_the_host() {
        for bad in [
            "evil.example/",
            "evil.example?",
            "evil.example#",
            "a@evil.example",
            "evil.example\\",
            "evil.example:443",
            "a:b@evil.example",
            "a%2fb",
            "a%2eb",
            "a b",
            "a\nb",
            "a\r\nHost: evil.example",
            "a..b",
            ".a",
            "a.",
            "[::1]",
            "é",
            "a\u{3002}b",
            "..",
            "*",
        ] {
            let refused = filled("https://${a}.x.example/v1", bad);
            assert_eq!(refused, Err(BadAddress::Host("a".to_owned())), "{bad}");
        }
        for bad in ["h:", "h:99999", "h:+1", "h:80:80", ":80", "h:80/"] {
            assert!(filled("https://${a}/v1", bad).is_err(), "{bad}");
        }
        assert_eq!(filled("https://${a}.x.example", ""), Err(BadAddress::Missing("a".to_owned())));
        for bad in [".", ".."] {
            assert!(filled("https://x.example/a/${a}/b", bad).is_err(), "{bad}");
        }
        assert!(filled("https://x.example/a/.${a}/b", ".").is_err());
        assert!(filled("https://x.example/a/%2e${a}/b", "x").is_ok());
        assert!(filled("https://x.example/a/%2e%2e/b?${a}", "x").is_err());
    }

    #[test]
    fn a_whole_address_is_https_and_nothing_else() {
        let fine = |value: &str| filled("${a}/v1/x?y=1", value);
        assert_eq!(fine("https://i.example/").unwrap(), "https://i.example/v1/x?y=1");
        let report = filled("${a}?format=json", "https://i.example/r?k=v").unwrap();
        assert_eq!(report, "https://i.example/r?k=v&format=json");
        for bad in [
            "http://i.example",
            "ftp://i.example",
            "javascript:alert(1)",
            "https:i.example",
            "https:///i.example",
            "https://u@i.example",
            "https://u:p@i.example",
            "https://i.example#x",
            "https://i.example\\@evil.example",
            "https://i.example%2eevil",
            "https://i .example",
            "i.example",
        ] {
            assert_eq!(fine(bad), Err(BadAddress::Whole("a".to_owned())), "{bad}");
        }
        let local = Template::new("${a}/v1");
        let local = fill(&local, true, |_, _| Some("http://127.0.0.1:8080".to_owned()));
        assert_eq!(local.unwrap().as_str(), "http://127.0.0.1:8080/v1");
    }

    #[test]
    fn threat_17_a_path_stays_below_its_root() {
        let root: Url = "https://api.example/v2/".parse().unwrap();
        let at = |path: &str| below(&root, path).map(String::from);
        assert_eq!(at("/a/b?c=d").unwrap(), "https://api.example/v2/a/b?c=d");
        assert_eq!(at("a").unwrap(), "https://api.example/v2/a");
        assert_eq!(at("").unwrap(), "https://api.example/v2/");
        assert_eq!(at("?a=b").unwrap(), "https://api.example/v2/?a=b");
        assert_eq!(at("/g%2Fp/é").unwrap(), "https://api.example/v2/g%2Fp/%C3%A9");
        assert_eq!(at("/a:b/c").unwrap(), "https://api.example/v2/a:b/c");
        for bad in [
            "//evil.example",
            "/%2fevil.example",
            "%2f%2fevil.example",
            "/%252fevil.example",
            "\\\\evil.example",
            "/\\evil.example",
            "/%5cevil.example",
            "https://evil.example/",
            "HTTPS://evil.example/",
            "https:evil.example",
            "javascript:x",
            "/../admin",
            "/a/%2e%2e/b",
            "/a/..%2fb",
            "/a/./b",
            "/a b",
            "/a\r\nX: y",
            "/a%0d%0aX:%20y",
            "/a#b",
        ] {
            assert!(matches!(at(bad), Err(BadAddress::Outside(_))), "{bad} {:?}", at(bad));
        }
    }

    #[test]
    fn members_of_a_query_replace_those_of_the_same_name() {
        let mut url: Url = "https://a.example/?$top=1&key=mine&b=%20".parse().unwrap();
        set_query(&mut url, &[("key".to_owned(), "a&b c".to_owned())]);
        assert_eq!(url.query(), Some("$top=1&b=%20&key=a%26b%20c"));
        assert_eq!(decoded("a%2Fb%zz%"), "a/b%zz%");
    }
}
