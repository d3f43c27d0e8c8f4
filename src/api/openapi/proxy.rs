//! What the operations that call providers take and give.

use serde_json::{Value, json};

use super::{Shape, named, text};
use crate::api::Operation;
use crate::api::proxy::{ACCOUNT, METHOD, PATH, PROVIDER_STATUS, ProxyAnswer, ProxyCall};
use crate::domain::proxy::METHODS;

/// Statuses of a provider, which may be any.
const PASSED: [&str; 2] = ["2XX", "3XX"];

pub(super) fn shape(id: &str) -> Option<Shape> {
    Some(match id {
        "platform.proxy" => {
            Shape::gives::<ProxyAnswer>("Call a provider with an account's credentials")
                .takes::<ProxyCall>()
        }
        "accounts.proxy" => Shape {
            answer: None,
            ..Shape::gives::<ProxyAnswer>("Call a provider, with bodies passed as they are")
        },
        _ => return None,
    })
}

/// What a provider answers, where it is passed on as it is.
pub(super) fn answers() -> [(String, Value); 2] {
    let passed = json!({
        "description": format!(
            "What the provider answered: its status, headers and body. The header `{PROVIDER_STATUS}` tells it from an answer of the hub's own."
        ),
        "content": { "*/*": { "schema": {} } },
    });
    PASSED.map(|status| (status.to_owned(), passed.clone()))
}

/// Headers that an operation reads.
pub(super) fn headers(operation: &Operation) -> Vec<Value> {
    let header = |name: &str, required: bool, about: &str, schema: Value| {
        json!({
            "name": name, "in": "header", "required": required, "description": about,
            "schema": schema,
        })
    };
    match operation.id {
        "platform.proxy" => vec![header(ACCOUNT, true, "The account that is called", text())],
        "accounts.proxy" => vec![
            header(METHOD, false, "The provider's method; GET if none is said", named(&METHODS)),
            header(
                PATH,
                false,
                "The path below the root of the provider's API, with its query",
                text(),
            ),
        ],
        _ => Vec::new(),
    }
}
