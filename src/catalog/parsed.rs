//! Definitions that were parsed lately, by their text: whoever calls a provider needs one for each
//! call, and the same ones all day.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::domain::connector::Connector;

/// How many are kept: more connectors than a hub has in use.
const MOST: usize = 512;

static KNOWN: LazyLock<Mutex<HashMap<Box<str>, Arc<Connector>>>> = LazyLock::new(Mutex::default);

/// The definition that a text is. The same text is the same definition, so that what is kept is
/// never out of date.
///
/// # Errors
/// The text is no definition.
pub fn parsed(text: &str) -> serde_json::Result<Arc<Connector>> {
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(connector) = known().get(text) {
        return Ok(Arc::clone(connector));
    }
    let connector: Arc<Connector> = Arc::new(serde_json::from_str(text)?);
    let mut known = known();
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(text.into(), Arc::clone(&connector));
    Ok(connector)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::parsed;
    use crate::catalog::find_entry;

    #[test]
    fn the_same_text_is_parsed_once_and_another_one_is_another_definition() {
        let text = find_entry("bamboohr").unwrap().text();
        let first = parsed(text).unwrap();
        assert!(Arc::ptr_eq(&first, &parsed(text).unwrap()));
        let renamed = text.replacen("BambooHR", "Acme", 1);
        assert_eq!(parsed(&renamed).unwrap().name, "Acme");
        assert_eq!(parsed(text).unwrap().name, "BambooHR");
        assert!(parsed("{").is_err());
    }
}
