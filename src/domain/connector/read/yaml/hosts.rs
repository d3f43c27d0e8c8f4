//! Fields that stand in a host get the pattern of a host, which few files give them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::domain::connector::template::{Part, parts};
use crate::domain::connector::validate::{HOST_PATTERN, WHOLE_URL_PATTERN};

/// Gives a pattern to each field of the method that decides which host is called.
pub(super) fn guard(method: &mut Map<String, Value>, root: &str) {
    let (mut hosts, mut wholes) = (BTreeSet::new(), BTreeSet::new());
    let mut look = |address: &str| {
        if let [Part::Value { name, .. }, ..] = parts(address).as_slice() {
            wholes.insert((*name).to_owned());
        }
        let rest = address.strip_prefix("https://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        for part in parts(authority) {
            if let Part::Value { name, .. } = part {
                hosts.insert(name.to_owned());
            }
        }
    };
    look(root);
    for pointer in ["authorization_url", "token_url", "refresh_url", "redirect_uri"] {
        look(method.get(pointer).and_then(Value::as_str).unwrap_or_default());
    }
    let calls = match method.get("verify") {
        Some(Value::Array(calls)) => calls.as_slice(),
        one => one.map(std::slice::from_ref).unwrap_or_default(),
    };
    let paths = calls.iter().filter_map(|call| call.get("path").and_then(Value::as_str));
    paths.filter(|path| !path.starts_with('/')).for_each(&mut look);
    for form in ["config_fields", "setup_fields"] {
        let fields = method.get_mut(form).and_then(Value::as_array_mut);
        for field in fields.into_iter().flatten().filter_map(Value::as_object_mut) {
            let key = field.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
            let select = field.get("type").and_then(Value::as_str) == Some("select");
            if select || field.contains_key("pattern") {
                continue;
            }
            let pattern = if wholes.contains(&key) {
                WHOLE_URL_PATTERN
            } else if hosts.contains(&key) {
                HOST_PATTERN
            } else {
                continue;
            };
            field.insert("pattern".to_owned(), pattern.into());
        }
    }
}
