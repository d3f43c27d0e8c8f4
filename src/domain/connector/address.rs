//! Addresses made from templates and values, and addresses that a caller names below them.
//!
//! A value is encoded for the place where it lands, and none may change who is called: in a host it
//! can only be labels of that host (threats 17, 35). Which address a host stands for is judged
//! where it is dialled.

use url::Url;

use super::template::{Form, Part, Template};

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
    /// It is plain `http`, and nothing but `https` is let through.
    #[error("`{0}` is not called: only networks that are allowed are called over plain http")]
    Plain(String),
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
    if let [Part::Value { name, member, form: None }, after @ ..] = rest {
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
            Part::Value { name, member, form } => {
                let text = Form::written(form, get(name, member)?);
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
    let tail = written.split_once("://").map_or("", |(_, tail)| tail);
    let way = tail.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = way.split_once('/').unwrap_or((way, ""));
    // Dot segments would have been resolved, and then there are fewer slashes.
    let same_path = url.path().matches('/').count() == path.matches('/').count() + 1;
    if host.is_empty() || host.contains('@') || !url.username().is_empty() || !same_path {
        return Err(BadAddress::NotOne);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain => Ok(url),
        "http" => Err(BadAddress::Plain(url.host_str().unwrap_or_default().to_owned())),
        _ => Err(BadAddress::NotOne),
    }
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

/// How often a path is decoded at most.
const MOST_DECODINGS: usize = 8;

/// The text as the last of any number of servers would read it; `None` where it is encoded more
/// often than anybody has reason to.
fn fully_decoded(text: &str) -> Option<String> {
    let mut shown = text.to_owned();
    for _ in 0..MOST_DECODINGS {
        let next = decoded(&shown);
        if next == shown {
            return Some(shown);
        }
        shown = next;
    }
    None
}

/// Members of a query or a form, decoded.
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
    let Some(shown) = fully_decoded(way) else {
        return outside("the path is encoded too many times over");
    };
    if shown.starts_with("//") || shown.starts_with("/\\") || shown.starts_with('\\') {
        return outside("the path starts like the name of another host");
    }
    // What follows a `;` is a parameter of its segment, which some servers take off first.
    let bare =
        |segment: &str| segment.split(';').next().is_some_and(|name| matches!(name, "." | ".."));
    if shown.split(['/', '\\']).any(bare) {
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
mod tests;
