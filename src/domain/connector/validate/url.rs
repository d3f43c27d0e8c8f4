//! Rules for addresses in templates: https, a plain host, nothing that leads elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::domain::connector::field::{Field, FieldKind};
use crate::domain::connector::pattern;
use crate::domain::connector::template::{Part, RESERVED, parts};

/// The pattern given to a field that stands in a host and has none of its own.
pub const HOST_PATTERN: &str = "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$";
/// The pattern given to a field that is a whole address and has none of its own.
pub const WHOLE_URL_PATTERN: &str = "^https://[A-Za-z0-9][^\\s@\\\\#]*$";

/// What a template of a method may name.
pub(super) struct Names<'a> {
    /// Fields by key.
    pub fields: BTreeMap<&'a str, &'a Field>,
    /// Captured values.
    pub captured: BTreeSet<&'a str>,
}

/// An address without placeholders.
pub(super) fn plain(address: &str) -> Result<(), String> {
    if address.contains("${") {
        return Err("must not have a placeholder".to_owned());
    }
    whole(address, address)
}

/// An address without placeholders that is only opened in a browser.
pub(super) fn page(address: &str) -> Result<(), String> {
    plain(&without_anchor(address))
}

/// An address with placeholders that is only opened in a browser.
pub(super) fn page_template(address: &str, names: &Names<'_>) -> Result<(), String> {
    template(&without_anchor(address), names)
}

/// What follows `#` stays in the browser; elsewhere it is refused, since no server would see it.
fn without_anchor(address: &str) -> String {
    let in_host = |at: usize| !address[..at].trim_start_matches("https://").contains('/');
    match address.find('#').filter(|at| !in_host(*at)) {
        Some(_) => address.replacen('#', "-", 1),
        None => address.to_owned(),
    }
}

/// An address that may have placeholders.
pub(super) fn template(address: &str, names: &Names<'_>) -> Result<(), String> {
    if let [Part::Value { name, member: None, form: None }, ..] = parts(address).as_slice() {
        lead(name, names)?;
        let rest = &address[name.len() + "${}".len()..];
        if rest.is_empty() || rest.starts_with(['/', '?']) {
            return path(rest);
        }
        return Err(format!("`${{{name}}}` must be followed by a path"));
    }
    let mut filled = String::with_capacity(address.len());
    for part in parts(address) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Value { member: None, .. } => filled.push('x'),
            Part::Value { .. } | Part::Broken(_) => {
                return Err("has a broken placeholder".to_owned());
            }
        }
    }
    if filled.contains(['{', '}']) {
        return Err("has a broken placeholder".to_owned());
    }
    whole(&filled, address)?;
    host_fields(address, names)
}

/// A path below the root of the API: everything but a host.
pub(super) fn path(text: &str) -> Result<(), String> {
    if text.contains(['\\', '#']) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("has white space, `\\` or `#`".to_owned());
    }
    if text.starts_with("//") {
        return Err("starts with `//`, which names another host".to_owned());
    }
    let way = text.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let way = way.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    if way.split('/').any(|segment| segment == "..") {
        return Err("leaves its folder by `..`".to_owned());
    }
    Ok(())
}

/// `filled` is `written` with plain text in place of its placeholders.
fn whole(filled: &str, written: &str) -> Result<(), String> {
    let Some(rest) = filled.strip_prefix("https://") else {
        return Err("is not an https address".to_owned());
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    path(tail)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if authority.is_empty() || !authority.chars().all(plain) || authority.contains("..") {
        return Err(format!("has a bad host `{}`", authority.escape_debug()));
    }
    let url = Url::parse(filled).map_err(|error| format!("is no address: {error}"))?;
    let open =
        written["https://".len()..].split('/').next().is_some_and(|host| host.contains("${"));
    match url.host() {
        Some(Host::Domain(name)) => domain(name, open),
        Some(Host::Ipv4(address)) if ipv4_is_public(address) => Ok(()),
        Some(Host::Ipv6(address)) if ipv6_is_public(address) => Ok(()),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => {
            Err("has the address of a private or local machine".to_owned())
        }
        None => Err("has no host".to_owned()),
    }
}

fn domain(name: &str, open: bool) -> Result<(), String> {
    let name = name.trim_end_matches('.');
    let local = [".localhost", ".local", ".internal", ".localdomain"];
    if name == "localhost" || local.iter().any(|end| name.ends_with(end)) {
        return Err("has the name of a private or local machine".to_owned());
    }
    if !open && !name.contains('.') {
        return Err("has a host without a dot".to_owned());
    }
    Ok(())
}

fn ipv4_is_public(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_unspecified()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 198 && matches!(second, 18 | 19)))
}

/// No vendor is reached by a literal IPv6 address, and many of them wrap an IPv4 one.
const fn ipv6_is_public(_: Ipv6Addr) -> bool {
    false
}

/// The field or captured value that is a whole address.
fn lead(name: &str, names: &Names<'_>) -> Result<(), String> {
    if names.captured.contains(name) {
        return Ok(());
    }
    let not_whole = || format!("starts with `${{{name}}}`, which is not a whole-address field");
    let field = names.fields.get(name).ok_or_else(not_whole)?;
    if !field.options.is_empty() {
        return field.options.iter().try_for_each(|option| plain(&option.value));
    }
    let pattern = field.pattern.as_deref().unwrap_or_default();
    if !pattern.starts_with("^https://") {
        return Err(not_whole());
    }
    let regex = pattern::compile(pattern).map_err(|_| not_whole())?;
    let bad = ["http://a.example", "javascript:x", "file:///etc", "a https://b.example", "a"];
    if bad.iter().any(|probe| regex.is_match(probe)) {
        return Err(format!("`{name}` accepts more than https addresses"));
    }
    Ok(())
}

/// Each field in the host must be held to the characters of a host.
fn host_fields(address: &str, names: &Names<'_>) -> Result<(), String> {
    let rest = &address["https://".len()..];
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let found = parts(authority);
    for (number, part) in found.iter().enumerate() {
        let Part::Value { name, .. } = part else { continue };
        if RESERVED.contains(name) {
            return Err(format!("has `${{{name}}}` in its host"));
        }
        let Some(field) = names.fields.get(name) else { continue };
        // Where the value is the whole host, a path after it changes nothing about who is called.
        host_field(field, number == 0 && found.len() == 1)?;
    }
    Ok(())
}

fn host_field(field: &Field, is_whole_host: bool) -> Result<(), String> {
    let key = &field.key;
    let plain = |text: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_'))
    };
    match field.kind {
        FieldKind::Number => return Ok(()),
        FieldKind::Select if field.options.iter().all(|option| plain(&option.value)) => {
            return Ok(());
        }
        _ => {}
    }
    let Some(regex) = field.pattern.as_deref().and_then(|text| pattern::compile(text).ok()) else {
        return Err(format!("has `${{{key}}}` in its host, and that field has no pattern"));
    };
    let bad =
        ["*", "a.b@c.example", "a\\b", "a#b", "a?b", "a b", "a\nb", "a%2fb", "a..b@", "[::1]"];
    let slash = ["a/b", "a.example/b"];
    let wide = bad.iter().any(|probe| regex.is_match(probe));
    if wide || (!is_whole_host && slash.iter().any(|probe| regex.is_match(probe))) {
        return Err(format!("has `${{{key}}}` in its host, and its pattern accepts other things"));
    }
    Ok(())
}
