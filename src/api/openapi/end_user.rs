//! What end users' browsers ask for: the vendor's hub API, which a session's token opens.

use serde_json::{Value, json};

use super::{PROVIDER, Place, Shape, of, query};
use crate::api::end_user::{
    AttemptStatus, ConnectorForm, CreatedAttempt, EditedAccount, EndUserOperation, Integrations,
    Linked, NewAttempt, Settings, Submission,
};

/// The name of the way in, among those of the document.
pub(super) const SECURITY: &str = "session";

/// The way in.
pub(super) fn security_scheme() -> Value {
    json!({
        "type": "apiKey",
        "in": "header",
        "name": "x-hub-session-token",
        "description": "The token of a connect session, as its creation gave it.",
    })
}

fn shape(id: &str) -> Option<Shape> {
    Some(match id {
        "hub.settings.get" => {
            Shape::gives::<Settings>("Show what the component may use, and the account it edits")
        }
        "hub.connectors.list" => {
            Shape::gives::<Integrations>("List what the session offers to link").with(&[PROVIDER])
        }
        "hub.connectors.get" => {
            Shape::gives::<ConnectorForm>("Show the form by which a connector is linked")
        }
        "hub.accounts.create" => {
            Shape::gives::<Linked>("Link an account from a filled form, once the provider took it")
                .takes::<Submission>()
                .created()
        }
        "hub.accounts.get" => {
            Shape::gives::<EditedAccount>("Show the account that the session edits")
        }
        "hub.accounts.update" => {
            Shape::gives::<Linked>("Link the account anew; what is left out stays as it is stored")
                .takes::<Submission>()
        }
        "hub.attempts.create" => {
            Shape::gives::<CreatedAttempt>("Announce a login").takes::<NewAttempt>().created()
        }
        "hub.attempts.get" => Shape::gives::<AttemptStatus>("Show how a login goes"),
        "hub.attempts.cancel" => Shape {
            status: "204",
            answer: None,
            ..Shape::gives::<AttemptStatus>("Cancel a login; one that has ended stays as it is")
        },
        _ => return None,
    })
}

/// The description of an operation, beside its answers.
pub(super) fn row(
    operation: &EndUserOperation,
    write: &mut impl FnMut(Place, bool) -> Value,
) -> Option<Value> {
    let shape = shape(operation.id)?;
    let done = match shape.answer {
        Some(answer) => json!({
            "description": "Done",
            "content": { "application/json": { "schema": write(answer, false) } },
        }),
        None => json!({ "description": "Done" }),
    };
    let refused = json!({
        "description": "Refused or failed; 401 and 403 mean the session's token alone",
        "content": {
            "application/json": { "schema": write(of::<crate::api::problem::Problem>, false) },
        },
    });
    let parameters = super::in_path(operation.path).chain(shape.parameters.iter().map(query));
    let mut row = json!({
        "operationId": operation.id,
        "summary": shape.summary,
        "tags": ["hub"],
        "description": "Needs the token of a connect session; pages of any origin may ask.",
        "security": [{ SECURITY: [] }],
        "parameters": parameters.collect::<Vec<_>>(),
        "responses": { shape.status: done, "default": refused },
    });
    if let Some(body) = shape.body {
        // A login is announced with or without a body.
        let required = operation.id != "hub.attempts.create";
        let content = json!({ "application/json": { "schema": write(body, true) } });
        row["requestBody"] = json!({ "required": required, "content": content });
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use crate::api::END_USER_OPERATIONS;

    #[test]
    fn every_operation_of_end_users_is_described() {
        for operation in END_USER_OPERATIONS {
            assert!(super::shape(operation.id).is_some(), "{}", operation.id);
        }
    }
}
