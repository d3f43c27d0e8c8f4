//! The description of the API (`OpenAPI` 3.1), made from the table of operations and the wire's
//! types.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::END_USER_OPERATIONS;
use super::accounts::{Account, AccountDetail, Explanation};
use super::auth_configs::AuthConfig;
use super::check::Check;
use super::connectors::{Connector, ConnectorDetail};
use super::keys::{CreateKey, CreatedKey, Key};
use super::oauth_apps::{NewOAuthApp, OAuthApp};
use super::operations::{OPERATIONS, Operation, Origin};
use super::platform::{AccountMeta, Capabilities, ConnectorMeta};
use super::problem::Problem;
use super::projects::{Project, UpdateProject};
use super::requests::Paging;
use super::requests::accounts::{ChangeAccount, NewAccount};
use super::requests::connectors::ImportConnectors;
use super::requests::projects::NewProject;
use super::schema::Tidy;
use super::write::Written;
use crate::domain::account::{AccountType, Status};
use crate::domain::connector::Category;
use crate::domain::connector::guide::{Audience, Guide};
use crate::hub::accounts::Sort;

/// A type's place in the document.
type Place = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A query parameter.
#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    about: &'static str,
    schema: fn() -> Value,
}

/// What an operation takes and gives, beyond what the table says.
struct Shape {
    summary: &'static str,
    parameters: Vec<Parameter>,
    body: Option<Place>,
    status: &'static str,
    answer: Option<Place>,
}

impl Shape {
    fn gives<T: JsonSchema>(summary: &'static str) -> Self {
        Self { summary, parameters: Vec::new(), body: None, status: "200", answer: Some(of::<T>) }
    }

    fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(of::<T>);
        self
    }

    fn with(mut self, parameters: &[Parameter]) -> Self {
        self.parameters.extend_from_slice(parameters);
        self
    }

    fn created(mut self) -> Self {
        self.status = "201";
        self
    }
}

macro_rules! parameters {
    ($($ident:ident = $name:literal, $about:literal, $schema:expr;)*) => {
        $(const $ident: Parameter =
            Parameter { name: $name, about: $about, schema: || $schema };)*
    };
}

mod configs;
mod end_user;
mod logs;
mod proxy;
mod sessions;
mod webhooks;

fn text() -> Value {
    json!({ "type": "string" })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn whole(least: u64) -> Value {
    json!({ "type": "integer", "minimum": least })
}

fn list(item: &Value) -> Value {
    json!({ "type": "array", "items": item })
}

fn named(names: &[&str]) -> Value {
    json!({ "type": "string", "enum": names })
}

parameters! {
    PAGE = "page", "Which page, from 1", whole(0);
    PAGE_SIZE = "page_size", "Rows on a page",
        json!({ "type": "integer", "minimum": 1, "maximum": Paging::LARGEST_SIZE, "default": 25 });
    PROVIDER = "provider", "Only this connector", text();
    PROVIDERS = "providers", "Only these connectors", list(&text());
    ACCOUNT_IDS = "account_ids", "Only these accounts", list(&text());
    OWNER_ID = "origin_owner_id", "Only this owner", text();
    OWNER_IDS = "origin_owner_ids", "Only these owners", list(&text());
    STATUS = "status", "Only these statuses", list(&named(&Status::ALL.map(Status::as_str)));
    INTEGRATION_IDS = "integration_ids", "Only these auth configs", list(&text());
    TYPE = "type", "Only accounts for this use",
        named(&[AccountType::Production, AccountType::Test].map(AccountType::as_str));
    UPDATED_SINCE = "updated_since", "Only accounts changed at or after this instant",
        json!({ "type": "string", "format": "date-time" });
    AFTER = "after", "Only accounts after this one, in the order of creation", text();
    SORT = "sort", "The order; a `-` in front turns it round",
        json!({ "type": "string", "pattern": format!("^-?({})$", Sort::ALL.map(Sort::as_str).join("|")) });
    BRIEF = "brief", "Leave out what a short list does not show", flag();
    DETAILS = "details", "Show of each account what is shown of one alone", flag();
    WITHOUT_REASONS = "without_reasons", "Leave the reasons out of a brief list as well", flag();
    USABILITY = "usability", "Say of each that can't be used why, but not with details", flag();
    UNUSABLE = "unusable", "Only accounts that can't be used, and why", flag();
    ENABLED = "enabled", "Only enabled, or only disabled ones", flag();
    CONNECTOR_KEY = "connector_key", "Only those of this connector", text();
    CATEGORIES = "categories", "At least one of these categories",
        list(&named(&Category::ALL.map(Category::as_str)));
    SEARCH = "search", "This text in key or name, whatever its case", text();
    AUTH = "auth_type", "A kind or key of an authentication method", text();
    INCLUDE = "include", "Comma-separated; `inactive` and `resources` have an effect", text();
    FOR = "for", "Whom the guide is for",
        named(&[Audience::Admin, Audience::EndUser].map(Audience::as_str));
    KEEP_REMOTE = "keep_remote", "Do not ask the provider to forget the account's tokens", flag();
    NO_VERIFY = "no_verify", "Do not ask the account's provider whether new values work", flag();
    OFFLINE = "offline", "Do not ask the account's provider", flag();
    DRY_RUN = "dry_run", "Only say what would happen", flag();
    MAX_AFFECTED = "max_affected", "Refuse to touch more linked accounts than this", whole(0);
}

const ACTION: Parameter = Parameter {
    name: "action",
    about: "What would be done",
    schema: || named(&["enable", "disable", "make_default", "delete"]),
};

const PAGES: &[Parameter] = &[PAGE, PAGE_SIZE];
const GUARD: &[Parameter] = &[DRY_RUN, MAX_AFFECTED];
/// Operations whose status is 200 where what they should make was there already.
const THERE_ALREADY: &[&str] = &["accounts.create", "projects.create", "webhooks.create"];
const ACCOUNTS: &[Parameter] = &[PROVIDER, PROVIDERS, ACCOUNT_IDS, OWNER_ID, OWNER_IDS, STATUS];
const ACCOUNTS_MORE: &[Parameter] =
    &[INTEGRATION_IDS, TYPE, UPDATED_SINCE, AFTER, SORT, BRIEF, DETAILS, WITHOUT_REASONS];
const WHY: &[Parameter] = &[USABILITY, UNUSABLE];

/// What `impact` of a project answers.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ProjectImpact {
    /// How many accounts are linked in it.
    linked_accounts: u64,
}

/// What a target names.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Targeted {
    /// The auth configs; null for a connector that is not set up.
    auth_configs: Option<Vec<AuthConfig>>,
}

fn shape(id: &str) -> Option<Shape> {
    let all = [
        sessions::shape,
        accounts,
        configs::shape,
        webhooks::shape,
        logs::shape,
        proxy::shape,
        others,
    ];
    all.into_iter().find_map(|shape| shape(id))
}

fn accounts(id: &str) -> Option<Shape> {
    Some(match id {
        "platform.accounts.list" => {
            Shape::gives::<Vec<Account<'_>>>("List linked accounts, a page at a time")
                .with(PAGES)
                .with(ACCOUNTS)
        }
        "platform.accounts.get" => Shape::gives::<Account<'_>>("Show a linked account"),
        "platform.accounts.update" => {
            Shape::gives::<Account<'_>>("Change a linked account").takes::<ChangeAccount>()
        }
        "platform.accounts.delete" => {
            Shape::gives::<Account<'_>>("Delete a linked account").with(&[KEEP_REMOTE])
        }
        "platform.accounts.meta" => {
            Shape::gives::<AccountMeta>("Show what a linked account can do")
        }
        "accounts.list" => Shape::gives::<Vec<Account<'_>>>("List all linked accounts")
            .with(ACCOUNTS)
            .with(ACCOUNTS_MORE)
            .with(WHY),
        "accounts.get" => {
            Shape::gives::<AccountDetail>("Show a linked account with its tags and dates")
        }
        "accounts.explain" => {
            Shape::gives::<Explanation>("Explain why an account is or is not usable")
        }
        "accounts.check" => Shape::gives::<Vec<Check>>("Check an account, live").with(&[OFFLINE]),
        "accounts.create" => {
            Shape::gives::<AccountDetail>("Link an account from credentials at hand")
                .takes::<NewAccount>()
                .created()
        }
        "accounts.update" => Shape::gives::<Written<AccountDetail>>("Change a linked account")
            .takes::<ChangeAccount>()
            .with(&[NO_VERIFY]),
        "accounts.suspend" => Shape::gives::<Written<AccountDetail>>("Pause a linked account"),
        "accounts.resume" => {
            Shape::gives::<Written<AccountDetail>>("End the pause of a linked account")
        }
        "accounts.test" => Shape::gives::<Written<AccountDetail>>(
            "Ask the provider whether the credentials of a linked account work",
        ),
        "accounts.refresh" => {
            Shape::gives::<Written<AccountDetail>>("Get new tokens for a linked account now")
        }
        "accounts.delete" => {
            Shape::gives::<Written<AccountDetail>>("Delete a linked account").with(&[KEEP_REMOTE])
        }
        _ => return None,
    })
}

fn others(id: &str) -> Option<Shape> {
    Some(match id {
        "platform.connectors.list_meta" => {
            Shape::gives::<Vec<ConnectorMeta>>("List connectors").with(&[INCLUDE])
        }
        "platform.connectors.get_meta" => {
            Shape::gives::<ConnectorMeta>("Show a connector").with(&[INCLUDE])
        }
        "capabilities.get" => Shape::gives::<Capabilities>("Show what this hub and key can do"),
        "connectors.list" => Shape::gives::<Vec<Connector>>("List the catalog's connectors")
            .with(&[CATEGORIES, SEARCH, AUTH]),
        "connectors.get" => Shape::gives::<ConnectorDetail>("Show everything known of a connector"),
        "connectors.guide" => {
            Shape::gives::<Guide<'_>>("Show how a connector is set up or linked").with(&[FOR])
        }
        "connectors.import" => {
            Shape::gives::<Vec<Written<Connector>>>("Keep own connectors, all or none")
                .takes::<ImportConnectors>()
        }
        "connectors.forget" => Shape::gives::<Written<Connector>>("Forget an own connector"),
        "projects.list" => Shape::gives::<Vec<Project>>("List projects"),
        "projects.get" => Shape::gives::<Project>("Show a project"),
        "projects.impact" => {
            Shape::gives::<ProjectImpact>("Say what deleting a project would take away")
        }
        "projects.create" => {
            Shape::gives::<Project>("Make a project").takes::<NewProject>().created()
        }
        "projects.update" => {
            Shape::gives::<Written<Project>>("Change a project's settings").takes::<UpdateProject>()
        }
        "projects.delete" => Shape::gives::<Written<Project>>("Delete a project"),
        "oauth_apps.list" => Shape::gives::<Vec<OAuthApp>>("List the hub's own OAuth applications"),
        "oauth_apps.set" => {
            Shape::gives::<Written<OAuthApp>>("Set the hub's own OAuth application of a connector")
                .takes::<NewOAuthApp>()
        }
        "oauth_apps.delete" => {
            Shape::gives::<Written<OAuthApp>>("Delete the hub's own OAuth application")
        }
        "keys.list" => Shape::gives::<Vec<Key>>("List API keys"),
        "keys.get" => Shape::gives::<Key>("Show an API key"),
        "keys.create" => Shape::gives::<CreatedKey>("Make an API key, shown this once")
            .takes::<CreateKey>()
            .created(),
        "keys.disable" => Shape::gives::<Written<Key>>("Disable an API key"),
        "keys.enable" => Shape::gives::<Written<Key>>("Enable an API key"),
        "keys.delete" => Shape::gives::<Written<Key>>("Delete an API key"),
        _ => return None,
    })
}

/// The whole document; `url` is where the hub is reached.
#[must_use]
pub fn document(url: &str) -> Value {
    let generator = |settings: SchemaSettings| {
        let settings = settings.with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        settings.with_transform(RecursiveTransform(Tidy)).into_generator()
    };
    // What is sent is described as it is read, answers as they are written.
    let mut sent = generator(SchemaSettings::draft2020_12());
    let mut given = generator(SchemaSettings::draft2020_12().for_serialize());
    let problem = given.subschema_for::<Problem>();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let Some(shape) = shape(operation.id) else { continue };
        let row = path(operation, &shape, &mut sent, &mut given, &problem);
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(operation.method.to_ascii_lowercase(), row);
        }
    }
    let mut write = |place: Place, is_sent: bool| {
        let generator = if is_sent { &mut sent } else { &mut given };
        place(generator).to_value()
    };
    for operation in END_USER_OPERATIONS {
        let Some(row) = end_user::row(operation, &mut write) else { continue };
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(operation.method.to_ascii_lowercase(), row);
        }
    }
    let mut schemas = given.take_definitions(true);
    let sent = sent.take_definitions(true);
    let clashing: Vec<String> = sent
        .iter()
        .filter(|(name, schema)| schemas.get(*name).is_some_and(|other| other != *schema))
        .map(|(name, _)| name.clone())
        .collect();
    for (name, mut schema) in sent {
        point_to_inputs(&mut schema, &clashing);
        let name = if clashing.contains(&name) { input_of(&name) } else { name };
        schemas.insert(name, schema);
    }
    let bodies = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for body in bodies.filter_map(|row| row.get_mut("requestBody")) {
        point_to_inputs(body, &clashing);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "hubctl",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An integration hub: connectors, auth configs, connect sessions and linked accounts. Paths under /admin are this hub's own; those under /hub are what end users' browsers ask for; the others follow the vendor's platform API.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": url.trim_end_matches('/') }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The API key as user name, with an empty password.",
                },
                end_user::SECURITY: end_user::security_scheme(),
            },
        },
    })
}

fn input_of(name: &str) -> String {
    format!("{name}Input")
}

/// Leads references to types that are read otherwise than they are written to the former.
fn point_to_inputs(value: &mut Value, clashing: &[String]) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|item| point_to_inputs(item, clashing)),
        Value::Object(all) => {
            for (key, item) in all {
                let name =
                    item.as_str().and_then(|text| text.strip_prefix("#/components/schemas/"));
                match name {
                    Some(name) if key == "$ref" && clashing.iter().any(|other| other == name) => {
                        *item = format!("#/components/schemas/{}", input_of(name)).into();
                    }
                    _ => point_to_inputs(item, clashing),
                }
            }
        }
        _ => {}
    }
}

fn path(
    operation: &Operation,
    shape: &Shape,
    sent: &mut SchemaGenerator,
    given: &mut SchemaGenerator,
    problem: &Schema,
) -> Value {
    let is_passed = operation.id == "accounts.proxy";
    let is_guarded =
        operation.origin == Origin::Extension && operation.method != "GET" && !is_passed;
    let guard = if is_guarded { GUARD } else { &[] };
    let parameters: Vec<Value> = in_path(operation.path)
        .chain(shape.parameters.iter().chain(guard).map(query))
        .chain(proxy::headers(operation))
        .collect();
    let mut responses = Map::new();
    let success = match shape.answer {
        Some(answer) => {
            let schema = answer(given);
            json!({ "description": "Done", "content": { "application/json": { "schema": schema } } })
        }
        None => json!({ "description": "Done" }),
    };
    if THERE_ALREADY.contains(&operation.id) {
        responses.insert("200".to_owned(), success.clone());
    }
    if is_passed {
        responses.extend(proxy::answers());
    } else {
        responses.insert(shape.status.to_owned(), success);
    }
    let error = json!({
        "description": "Refused or failed",
        "content": { "application/json": { "schema": problem } },
    });
    responses.insert("default".to_owned(), error);
    let mut row = json!({
        "operationId": operation.id,
        "summary": shape.summary,
        "tags": [match operation.origin { Origin::Vendor => "platform", Origin::Extension => "admin" }],
        "description": operation.needs(),
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = shape.body {
        let schema = body(sent);
        let content = json!({ "application/json": { "schema": schema } });
        row["requestBody"] = json!({ "required": true, "content": content });
    }
    row
}

fn query(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.name == ACTION.name,
        "description": parameter.about,
        "schema": (parameter.schema)(),
    })
}

fn in_path(path: &str) -> impl Iterator<Item = Value> {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')));
    names.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_described_and_every_reference_leads_somewhere() {
        for operation in OPERATIONS {
            let shape = shape(operation.id);
            assert!(shape.is_some(), "{} has no description", operation.id);
        }
        let document = document("https://hub.example/");
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for part in text.split("\"$ref\":\"").skip(1) {
            let target = part.split('"').next().unwrap();
            let name = target.strip_prefix("#/components/schemas/");
            assert!(name.is_some_and(|name| schemas.contains_key(name)), "{target}");
        }
        assert!(!text.contains("#/$defs"), "a definition stayed behind");
    }

    #[test]
    fn what_is_sent_asks_for_less_than_answers_promise() {
        let document = document("https://hub.example/");
        let schemas = &document["components"]["schemas"];
        let new = &schemas["NewConnectSession"];
        assert_eq!(new["required"], json!(["origin_owner_id", "origin_owner_name"]));
        let answer = &schemas["CreatedSession"]["required"];
        assert!(answer.as_array().unwrap().contains(&json!("auth_link_url")), "{answer}");
    }
}
