//! Readers of connector files: the catalog's own JSON, and StackOne's YAML.
//!
//! Both end in the same types and the same rules. A connector with an error is not among those
//! returned; its findings say why.

pub mod jsonl;
pub mod yaml;

mod explain;
mod tree;

use serde_json::Value;

use super::Connector;
use super::validate::{Finding, MAX_FILE_BYTES, check, refused};

/// What a file gave: connectors that may be used, and everything that was found.
pub type Read = (Vec<Connector>, Vec<Finding>);

/// From the catalog's form to a connector that keeps to the rules.
fn connector(value: Value, found: &mut Vec<Finding>) -> Option<Connector> {
    let wrong = explain::shape(&value);
    if refused(&wrong) {
        found.extend(wrong);
        return None;
    }
    match serde_json::from_value::<Connector>(value) {
        Ok(connector) => {
            let findings = check(&connector);
            let fine = !refused(&findings);
            found.extend(findings);
            fine.then_some(connector)
        }
        Err(error) => {
            found.push(Finding::error("", explain::friendly(&error.to_string())));
            None
        }
    }
}

/// Files beyond the limit are refused before they are parsed.
fn too_large(text: &str) -> Option<Finding> {
    (text.len() > MAX_FILE_BYTES)
        .then(|| Finding::error("", format!("the file is larger than {MAX_FILE_BYTES} bytes")))
}

#[cfg(test)]
mod tests;
