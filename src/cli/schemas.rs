//! What every command answers in JSON, by name: the wire's types and those of the command line.

use schemars::{JsonSchema, Schema, json_schema};
use serde_json::{Value, json};

use crate::api::accounts::Account;
use crate::api::check::Check;
use crate::api::schema::{TYPES, Type};
use crate::env;

use super::commands::accounts::DELETED;
use super::commands::auth::StatusRow;
use super::commands::config::{ExplainRow, FileRow, SettingRow, ValueRow};
use super::commands::connectors::{Address, Found};
use super::commands::contract::{Argument, CommandRow, TypeRow};
use super::commands::link::Link;
use super::commands::meta::{CodeRow, VersionRow};
use super::commands::profile::ProfileRow;
use super::commands::store::{KeyRotation, StorePath};
use super::commands::wait::Waited;
use super::commands::webhooks::{Forwarded, Proof};
use super::exit::{EXIT_CODES, Envelope};
use super::output::{OneOfMany, WriteResult};

/// Types of the command line alone.
const OWN: &[Type] = &[
    Type::made(
        "watched-account",
        "An account, as `hubctl accounts list --watch` shows it",
        watched_account,
    ),
    Type::of::<Link<'_>>("link", "One link of `hubctl link create --from`"),
    Type::of::<Waited>("session-wait", "How a wait for the end user of a session ended"),
    Type::of::<WriteResult>("write", "What a change did to its one target"),
    Type::of::<Vec<OneOfMany<'_>>>("writes", "What a change did to each of its targets"),
    Type::of::<Found>("lint-finding", "Something that is wrong with a connector file"),
    Type::of::<Address>("address", "The address that `hubctl connectors open` opens"),
    Type::of::<StorePath>("store-path", "Where a store is"),
    Type::of::<KeyRotation>("key-rotation", "What `hubctl store rotate-key` did"),
    Type::of::<ProfileRow>("profile", "A saved place to act"),
    Type::of::<StatusRow>("auth-status", "Where commands act, and where their key comes from"),
    Type::of::<SettingRow>("setting", "A setting of the configuration file"),
    Type::of::<ValueRow>("setting-value", "The value of one setting of the configuration file"),
    Type::of::<ExplainRow>("explained-setting", "A value that holds, and what says so"),
    Type::of::<Check>("check", "Something that doctor looked at, and how it is"),
    Type::of::<Forwarded>("forwarded", "An event that `hubctl webhooks listen` posted"),
    Type::of::<Proof>("proof", "What `hubctl webhooks verify` proved"),
    Type::of::<FileRow>("config-file", "The configuration file"),
    Type::of::<CommandRow>("command", "A command, as `hubctl commands` shows it"),
    Type::of::<Argument>("argument", "An argument of a command"),
    Type::of::<TypeRow>("type", "A type, as `hubctl schema --list` shows it"),
    Type::of::<VersionRow>("version", "The version of the program and of this contract"),
    Type::of::<Envelope<'_>>("error", "The line on standard error when a command fails"),
    Type::of::<CodeRow>("error-code", "An error code, as `hubctl explain-error` shows it"),
    Type::made("exit-codes", "Every exit status, as `hubctl help exit-codes` shows them", exits),
    Type::made(
        "environment",
        "Every environment variable, as `hubctl help environment` shows them",
        variables,
    ),
];

/// Every type.
pub fn all() -> impl Iterator<Item = &'static Type> {
    TYPES.iter().chain(OWN)
}

/// The answers of a command: names of types, with `[]` for an array. None: it answers text.
#[must_use]
pub fn answers(words: &str) -> Option<&'static [&'static str]> {
    ANSWERS.iter().find(|(command, _)| *command == words).map(|(_, answers)| *answers)
}

/// One or many targets, and so one record or an array of them.
const WRITES: &[&str] = &["write", "writes"];

#[rustfmt::skip]
const ANSWERS: &[(&str, &[&str])] = &[
    ("connectors list", &["auth-config[]"]),
    ("connectors available", &["connector[]"]),
    ("connectors get", &["auth-config-detail", "connector-detail"]),
    ("connectors guide", &["guide"]),
    ("connectors add", &["write"]),
    ("connectors edit", &["write"]),
    ("connectors enable", WRITES),
    ("connectors disable", WRITES),
    ("connectors make-default", &["write"]),
    ("connectors delete", WRITES),
    ("connectors open", &["address"]),
    ("connectors import", WRITES),
    ("connectors lint", &["lint-finding[]"]),
    ("connectors forget", WRITES),
    ("session create", &["created-session"]),
    ("session get", &["session"]),
    ("session list", &["session[]"]),
    ("session wait", &["session-wait"]),
    ("session revoke", WRITES),
    ("link create", &["created-session", "link[]"]),
    ("accounts list", &["account[]", "watched-account[]"]),
    ("accounts get", &["account-detail", "account-detail[]"]),
    ("accounts explain", &["explanation"]),
    ("accounts add", &["account-detail"]),
    ("accounts update", &["write"]),
    ("accounts relink", &["created-session"]),
    ("accounts wait", &["account-detail"]),
    ("accounts test", WRITES),
    ("accounts refresh", WRITES),
    ("accounts suspend", WRITES),
    ("accounts resume", WRITES),
    ("accounts delete", WRITES),
    ("accounts export", &["account-detail[]"]),
    ("webhooks list", &["webhook[]"]),
    ("webhooks get", &["webhook"]),
    ("webhooks create", &["created-webhook"]),
    ("webhooks update", &["write"]),
    ("webhooks enable", WRITES),
    ("webhooks disable", WRITES),
    ("webhooks delete", WRITES),
    ("webhooks rotate-secret", &["created-webhook"]),
    ("webhooks test", &["delivery-detail"]),
    ("webhooks deliveries", &["delivery[]", "delivery-detail"]),
    ("webhooks redeliver", &["write", "writes", "redelivered"]),
    ("webhooks listen", &["forwarded[]"]),
    ("webhooks verify", &["proof"]),
    ("events list", &["event[]"]),
    ("events tail", &["event[]"]),
    ("connectors logs", &["log[]"]),
    ("accounts logs", &["log[]"]),
    ("logs list", &["log[]"]),
    ("logs get", &["log-detail"]),
    ("logs tail", &["log[]"]),
    ("oauth-apps list", &["oauth-app[]"]),
    ("oauth-apps set", &["write"]),
    ("oauth-apps delete", &["write"]),
    ("keys list", &["key[]"]),
    ("keys get", &["key"]),
    ("keys create", &["created-key"]),
    ("keys disable", WRITES),
    ("keys enable", WRITES),
    ("keys delete", WRITES),
    ("projects list", &["project[]"]),
    ("projects get", &["project"]),
    ("projects create", &["project"]),
    ("projects update", &["write"]),
    ("projects delete", WRITES),
    ("store check", &["check[]"]),
    ("store path", &["store-path"]),
    ("store rotate-key", &["key-rotation"]),
    ("auth login", &["write"]),
    ("auth logout", WRITES),
    ("auth status", &["auth-status"]),
    ("profile list", &["profile[]"]),
    ("profile get", &["profile"]),
    ("profile create", &["profile"]),
    ("profile use", &["write"]),
    ("profile delete", WRITES),
    ("config list", &["setting[]"]),
    ("config get", &["setting-value"]),
    ("config set", &["write"]),
    ("config unset", &["write"]),
    ("config path", &["config-file"]),
    ("config explain", &["explained-setting", "explained-setting[]"]),
    ("doctor", &["check[]"]),
    ("serve", &[]),
    ("demo", &[]),
    ("request", &[]),
    ("api", &[]),
    ("commands", &["command[]", "argument[]"]),
    ("schema", &["type[]"]),
    ("explain-error", &["error-code", "error-code[]"]),
    ("completion", &[]),
    ("man", &[]),
    ("version", &["version"]),
    ("help", &["exit-codes", "environment"]),
];

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

fn array_of(items: &Value) -> Schema {
    json_schema!({ "$schema": DRAFT, "type": "array", "items": items })
}

/// An account that was deleted while it was watched comes once more.
fn watched_account() -> Schema {
    let mut schema = Type::of::<Account<'_>>("account", "").schema();
    if let Some(status) = schema.pointer_mut("/properties/status") {
        let about = "It was deleted; all but the time of the change is as it was shown last.";
        let deleted = json!({ "const": DELETED, "description": about });
        *status = json!({ "anyOf": [status.take(), deleted] });
    }
    Schema::try_from(schema).unwrap_or_default()
}

fn exits() -> Schema {
    let one = |row: &super::exit::ExitCode| {
        json!({
            "description": row.when,
            "properties": { "code": { "const": row.code }, "name": { "const": row.name } },
        })
    };
    array_of(&json!({
        "type": "object",
        "properties": {
            "code": { "type": "integer" },
            "name": { "type": "string" },
            "when": { "type": "string" },
        },
        "required": ["code", "name", "when"],
        "oneOf": EXIT_CODES.iter().map(one).collect::<Vec<_>>(),
    }))
}

fn variables() -> Schema {
    let one = |row: &env::Variable| json!({ "const": row.name, "description": row.meaning });
    array_of(&json!({
        "type": "object",
        "properties": {
            "name": { "oneOf": env::ALL.iter().map(one).collect::<Vec<_>>() },
            "meaning": { "type": "string" },
        },
        "required": ["name", "meaning"],
    }))
}

impl JsonSchema for OneOfMany<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WriteOfMany".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> Schema {
        let error = generator.subschema_for::<Option<super::exit::Told<'_>>>();
        let mut schema = WriteResult::json_schema(generator);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            let ok = json!({ "type": "boolean", "description": "Whether it succeeded." });
            properties.insert("ok".to_owned(), ok);
            properties.insert("error".to_owned(), error.to_value());
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.extend(["ok".into(), "error".into()]);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{ANSWERS, Check, all};
    use crate::api::accounts::{Account, AccountDetail, Finding};
    use crate::api::auth_configs::{AuthConfig, AuthConfigDetail};
    use crate::api::connect_sessions::{ConnectSession, CreatedSession};
    use crate::api::connectors::{Connector, ConnectorDetail};
    use crate::api::events::Event;
    use crate::api::keys::{CreatedKey, Key};
    use crate::api::oauth_apps::OAuthApp;
    use crate::api::projects::Project;
    use crate::api::request_logs::{LogRow, RequestLog};
    use crate::api::webhooks::{CreatedWebhook, Delivery, DeliveryDetail, Redelivered, Webhook};
    use crate::cli::commands::auth::StatusRow;
    use crate::cli::commands::config::{ExplainRow, FileRow, SettingRow, ValueRow};
    use crate::cli::commands::connectors::Found;
    use crate::cli::commands::contract::{Argument, CommandRow, TypeRow};
    use crate::cli::commands::link::Link;
    use crate::cli::commands::meta::{CodeRow, VersionRow};
    use crate::cli::commands::profile::ProfileRow;
    use crate::cli::commands::store::{KeyRotation, StorePath};
    use crate::cli::commands::wait::Waited;
    use crate::cli::commands::webhooks::{Forwarded, Proof};
    use crate::cli::output::{OneOfMany, Record, Single};

    /// `--fields` offers exactly what is serialised, in the same order.
    fn check<R: Record>(name: &str) {
        let schema = all().find(|row| row.name == name).unwrap().schema();
        let schema = if name == "writes" { schema["$defs"]["WriteOfMany"].clone() } else { schema };
        let properties: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(properties, R::FIELDS, "{name}");
        let columns: HashSet<&str> = R::COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(columns.len(), R::COLUMNS.len(), "{name} has a column twice");
    }

    #[test]
    fn fields_are_what_is_serialised() {
        check::<Account<'_>>("account");
        check::<AccountDetail>("account-detail");
        check::<Finding>("finding");
        check::<AuthConfig>("auth-config");
        check::<AuthConfigDetail>("auth-config-detail");
        check::<Connector>("connector");
        check::<ConnectorDetail>("connector-detail");
        check::<ConnectSession>("session");
        check::<Waited>("session-wait");
        check::<CreatedSession>("created-session");
        check::<Project>("project");
        check::<LogRow>("log");
        check::<RequestLog>("log-detail");
        check::<OAuthApp>("oauth-app");
        check::<Key>("key");
        check::<CreatedKey>("created-key");
        check::<Event<'_>>("event");
        check::<Webhook>("webhook");
        check::<CreatedWebhook>("created-webhook");
        check::<Delivery>("delivery");
        check::<DeliveryDetail>("delivery-detail");
        check::<Redelivered>("redelivered");
        check::<Forwarded>("forwarded");
        check::<Proof>("proof");
        check::<Link<'_>>("link");
        check::<Found>("lint-finding");
        check::<Single<'_>>("write");
        check::<OneOfMany<'_>>("writes");
        check::<KeyRotation>("key-rotation");
        check::<StorePath>("store-path");
        check::<CommandRow>("command");
        check::<Argument>("argument");
        check::<TypeRow>("type");
        check::<VersionRow>("version");
        check::<ProfileRow>("profile");
        check::<StatusRow>("auth-status");
        check::<SettingRow>("setting");
        check::<ValueRow>("setting-value");
        check::<ExplainRow>("explained-setting");
        check::<Check>("check");
        check::<FileRow>("config-file");
        check::<CodeRow>("error-code");
    }

    #[test]
    fn every_command_has_answers_and_every_answer_a_schema() {
        let names: HashSet<&str> = all().map(|row| row.name).collect();
        assert_eq!(names.len(), all().count());
        let mut commands = HashSet::new();
        crate::cli::for_each_leaf(|words, _, _| _ = commands.insert(words.join(" ")));
        for (command, answers) in ANSWERS {
            assert!(commands.remove(*command), "{command} is no command, or is here twice");
            for answer in *answers {
                assert!(names.contains(answer.trim_end_matches("[]")), "{command}: {answer}");
            }
        }
        assert!(commands.is_empty(), "without answers: {commands:?}");
    }
}
