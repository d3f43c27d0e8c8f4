//! Commands that look at connectors and auth configs.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::api::auth_configs::{AuthConfig, AuthConfigDetail};
use crate::api::connectors::{Connector, ConnectorDetail};
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::to_value;
use crate::cli::commands::wait::open;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::Format;
use crate::cli::tree::Run;
use crate::domain::connector::Category;
use crate::domain::connector::guide::Audience;
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};
use crate::hub::{auth_configs, connectors};

/// List the auth configs of the project
///
/// One row per auth config: one way in which a connector is set up. What could be set up is shown
/// by `hubctl connectors available`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Only enabled ones
    #[arg(long, conflicts_with = "disabled")]
    enabled: bool,

    /// Only disabled ones
    #[arg(long)]
    disabled: bool,

    /// Only connectors of this category; can be given several times
    #[arg(long, value_name = "CATEGORY", value_parser = category_parser())]
    category: Vec<Category>,

    /// Only those with this text in connector or name
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

/// Reads a category and completes its name.
pub(in crate::cli) fn category_parser() -> impl clap::builder::TypedValueParser<Value = Category> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Category::ALL.map(Category::as_str))
        .try_map(|name| name.parse::<Category>())
}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let filter = auth_configs::Filter {
            enabled: (self.enabled || self.disabled).then_some(self.enabled),
            categories: self.category,
            search: self.search,
            connector: None,
        };
        let mut list = context.output.list_of::<AuthConfig>()?;
        backend.auth_configs(&filter, |config| list.push(config)).await?;
        let project = backend.project();
        list.finish(|summary| {
            (summary.rows == 0).then(|| {
                format!(
                    "no auth configs in {project}; see `hubctl connectors available`, then \
                     `hubctl connectors enable CONNECTOR`"
                )
            })
        })?;
        Ok(())
    }
}

/// List the connectors that can be set up
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Available {
    /// Only connectors of this category; can be given several times
    #[arg(long, value_name = "CATEGORY", value_parser = category_parser())]
    category: Vec<Category>,

    /// Only those with this text in key or name
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    /// Only those with a method of this key or type, such as `api_key` or oauth2
    #[arg(long, value_name = "TYPE", add = assets::auth_kinds())]
    auth: Option<String>,
}

impl Run for Available {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let filter =
            connectors::Filter { categories: self.category, search: self.search, auth: self.auth };
        let mut list = context.output.list_of::<Connector>()?;
        for connector in backend.connectors(&filter).await? {
            if list.push(&connector)?.is_break() {
                break;
            }
        }
        list.finish(|summary| {
            (summary.rows == 0).then(|| "no connector fits; leave a filter out".to_owned())
        })?;
        Ok(())
    }
}

/// Show a connector or one of its auth configs
///
/// A connector key shows the connector with its methods, fields and auth configs; the id or name
/// of an auth config shows that one, with its values (secrets by name only) and callback address.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Connector key, auth config id, or auth config name
    #[arg(value_parser = input::target, add = assets::targets())]
    target: String,
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let key = self.target.parse::<ConnectorKey>().ok();
        let detail = match key {
            Some(key) => match backend.connector(&key).await {
                Ok(detail) => Some(detail),
                Err(error) if error.code().name == codes::CONNECTOR_UNKNOWN.name => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        match detail {
            Some(detail) => {
                let lines = connector_card(&detail);
                context.output.item(&detail, Some(&lines))
            }
            None => {
                let config = backend.auth_config(&self.target).await?;
                let lines = config_card(context, &config);
                context.output.item(&config, Some(&lines))
            }
        }
    }
}

fn connector_card(detail: &ConnectorDetail) -> Vec<(&'static str, String)> {
    let categories: Vec<&str> = detail.categories.iter().map(|c| c.as_str()).collect();
    let mut lines = vec![
        ("Connector", format!("{}  ({})", detail.key, detail.name)),
        ("Categories", categories.join(", ")),
        ("API", detail.base_url.clone()),
    ];
    lines.extend(detail.docs_url.clone().map(|docs| ("Reference", docs)));
    lines.extend(detail.notes.clone().map(|notes| ("Notes", notes)));
    let mut title = "Methods";
    for method in &detail.authentication {
        let setup = if method.needs_setup() { "needs set-up" } else { "needs no set-up" };
        let unusable = method.unavailable.as_ref().map(|why| format!("; unavailable: {why}"));
        let text =
            format!("{}  {}  ({setup}{})", method.key, method.label, unusable.unwrap_or_default());
        lines.push((std::mem::take(&mut title), text));
    }
    let mut title = "Set up as";
    for config in detail.auth_configs.iter().flatten() {
        let state = if config.active { "enabled" } else { "disabled" };
        let default = if config.default { ", default" } else { "" };
        let text = format!("{}  {}  ({state}{default})", config.id, config.name);
        lines.push((std::mem::take(&mut title), text));
    }
    if detail.auth_configs.as_ref().is_some_and(Vec::is_empty) {
        lines.push(("Set up as", format!("nothing yet: hubctl connectors enable {}", detail.key)));
    }
    lines
}

fn config_card(context: &Context, config: &AuthConfigDetail) -> Vec<(&'static str, String)> {
    let state = match config.disabled_at {
        Some(since) => format!("disabled {}", context.output.since(since)),
        None => "enabled".to_owned(),
    };
    let default = if config.default { ", default" } else { "" };
    let accounts = config.linked_accounts.unwrap_or(0);
    let method = &config.authentication_config_key;
    let mut lines = vec![
        ("Auth config", config.id.clone()),
        ("Name", config.name.clone()),
        ("Connector", format!("{}  ({})", config.connector_key, config.connector_label)),
        ("Method", format!("{method}  {}", config.authentication_config_label)),
        ("State", format!("{state}{default}")),
        ("Accounts", accounts.to_string()),
    ];
    lines.extend(config.connector_pinned_version.clone().map(|pin| ("Pinned to", pin)));
    lines.extend(config.callback_url.clone().map(|url| ("Callback", url)));
    let mut title = "Set-up";
    for (key, value) in &config.setup_information {
        lines.push((std::mem::take(&mut title), format!("{key} = {value}")));
    }
    for key in &config.secrets {
        lines.push((std::mem::take(&mut title), format!("{key} = (stored, sealed)")));
    }
    if accounts > 0 {
        lines.push(("See also", format!("hubctl accounts list --auth-config {}", config.id)));
    }
    lines
}

/// Show what has to be done for a connector
///
/// For administrators: what to register with the vendor, with which callback address and scopes.
/// For end users: which values they are asked for, and what to register where the OAuth client is
/// their own.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Guide {
    /// Connector key
    #[arg(add = assets::connectors())]
    connector: ConnectorKey,

    /// Whom the guide is for
    #[arg(long = "for", value_name = "WHOM", default_value = "admin")]
    audience: Whom,
}

/// Whom a guide is for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Whom {
    /// Who sets the connector up
    Admin,
    /// Who links an account
    EndUser,
}

impl Run for Guide {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        if let Some(format @ (Format::Csv | Format::Tsv | Format::Value | Format::Id)) =
            context.globals.output
        {
            let text = format!("--output {format} can't be used: a guide has no columns");
            let hint = "use -o json, jsonl or yaml, or leave -o out";
            return Err(HubError::new(&codes::USAGE, text).hint(hint));
        }
        let backend = context.backend().await?;
        let audience = match self.audience {
            Whom::Admin => Audience::Admin,
            Whom::EndUser => Audience::EndUser,
        };
        let guide = backend.guide(&self.connector, audience).await?;
        if context.output.is_machine() || context.output.options().fields.is_some() {
            return context.output.value(&guide);
        }
        context.output.text(&text_of(&guide))
    }
}

/// The text of this name, and an empty one where there is none.
fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A guide as text.
fn text_of(guide: &Value) -> String {
    let mut out = format!("{} ({})\n", text(guide, "name"), text(guide, "connector"));
    for (title, key) in [("Reference", "docs_url"), ("Guide", "support_link"), ("Note", "notes")] {
        let value = text(guide, key);
        if !value.is_empty() {
            out.push_str(&format!("{title}: {value}\n"));
        }
    }
    for method in guide.get("methods").and_then(Value::as_array).into_iter().flatten() {
        method_text(&mut out, method, text(guide, "connector"));
    }
    let any = guide.get("any_method").and_then(Value::as_array).filter(|any| !any.is_empty());
    if let Some(any) = any {
        out.push_str("\nWith any of them\n");
        for field in any {
            field_text(&mut out, field);
        }
    }
    out
}

fn method_text(out: &mut String, method: &Value, connector: &str) {
    out.push_str(&format!("\n{} (--auth {})\n", text(method, "label"), text(method, "key")));
    for (title, key) in [("Unavailable", "unavailable"), ("Note", "notes")] {
        let value = text(method, key);
        if !value.is_empty() {
            out.push_str(&format!("  {title}: {value}\n"));
        }
    }
    if let Some(register) = method.get("register").filter(|register| !register.is_null()) {
        out.push_str(&format!("  Register with the vendor: {}\n", text(register, "what")));
        let callback = text(register, "callback_url");
        if !callback.is_empty() {
            out.push_str(&format!("  Callback URL: {callback}\n"));
        }
        for (title, key) in [("Scopes", "default_scopes"), ("Required scopes", "required_scopes")] {
            let scopes: Vec<&str> = register
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if !scopes.is_empty() {
                out.push_str(&format!("  {title}: {}\n", scopes.join(" ")));
            }
        }
    }
    let fields: Vec<&Value> =
        method.get("fields").and_then(Value::as_array).into_iter().flatten().collect();
    if fields.is_empty() {
        out.push_str("  No values to fill in.\n");
    }
    for field in fields {
        field_text(out, field);
    }
    if let Some(written) = method.get("written").filter(|written| !written.is_null()) {
        let warning = text(written, "warning");
        if !warning.is_empty() {
            out.push_str(&format!("  Important: {warning}\n"));
        }
        section_text(out, written, "sections", "  ");
    }
    if method.get("needs_setup").and_then(Value::as_bool) == Some(true) {
        out.push_str(&format!(
            "  Set up with: hubctl connectors add {connector} --auth {}\n",
            text(method, "key")
        ));
    }
}

/// The sections of a written guide, or the steps of one.
fn section_text(out: &mut String, parent: &Value, member: &str, indent: &str) {
    let list = |value: &Value, key: &str| -> Vec<Value> {
        value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    for section in list(parent, member) {
        let scopes = list(&section, "applicable_scopes");
        let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
        out.push_str(&format!("{indent}{}\n", text(&section, "title")));
        let points = list(&section, "list").into_iter().filter_map(|point| match point {
            Value::String(point) => Some(format!("- {point}")),
            _ => None,
        });
        let mut lines = vec![text(&section, "content").to_owned()];
        lines.extend(points);
        let picture = section.get("image").map_or("", |image| text(image, "src"));
        for (title, value) in [("Scopes", scopes.join(" ").as_str()), ("Picture", picture)] {
            if !value.is_empty() {
                lines.push(format!("{title}: {value}"));
            }
        }
        for line in lines.iter().filter(|line| !line.is_empty()) {
            out.push_str(&format!("{indent}  {line}\n"));
        }
        section_text(out, &section, "steps", &format!("{indent}  "));
    }
}

fn field_text(out: &mut String, field: &Value) {
    let is = |key: &str| field.get(key).and_then(Value::as_bool).unwrap_or(false);
    let mut marks = Vec::new();
    marks.push(if is("required") { "required" } else { "optional" });
    if is("secret") {
        marks.push("secret");
    }
    out.push_str(&format!(
        "  {}  {} ({})\n",
        text(field, "key"),
        text(field, "label"),
        marks.join(", ")
    ));
    for (title, key) in [
        ("e.g.", "placeholder"),
        ("default", "default"),
        ("where", "condition"),
        ("", "description"),
    ] {
        let value = text(field, key);
        if !value.is_empty() {
            let title = if title.is_empty() { String::new() } else { format!("{title} ") };
            out.push_str(&format!("      {title}{value}\n"));
        }
    }
    let choices = choices(field);
    if !choices.is_empty() {
        out.push_str(&format!("      one of {}\n", choices.join(", ")));
    }
}

/// What can be chosen for a field, each value with its name where that is another.
fn choices(field: &Value) -> Vec<String> {
    let texts = |key: &str| {
        let texts = field.get(key).and_then(Value::as_array).into_iter().flatten();
        texts.filter_map(Value::as_str)
    };
    let labels = texts("option_labels").map(Some).chain(std::iter::repeat(None));
    let choice = |(value, label): (&str, Option<&str>)| match label {
        Some(label) if label != value => format!("{value} ({label})"),
        _ => value.to_owned(),
    };
    texts("options").zip(labels).map(choice).collect()
}

/// Where a reference is.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::cli) struct Address {
    /// The address.
    url: String,
}

/// Open the vendor's reference of a connector in the browser
///
/// Without a target it opens the hub's own address.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Open {
    /// Connector key, auth config id, or auth config name
    #[arg(value_parser = input::target, add = assets::targets())]
    target: Option<String>,

    /// Print the address instead of opening it
    #[arg(long)]
    print: bool,
}

impl Run for Open {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let address = match &self.target {
            Some(target) => docs_of(&backend, target).await?,
            None => backend.public_url().to_string(),
        };
        if self.print || context.output.is_machine() {
            return match context.output.is_machine() {
                true => context.output.value(&to_value(&Address { url: address })),
                false => context.output.text(&address),
            };
        }
        // The person gets there all the same.
        if open(context, &address) { Ok(()) } else { context.output.text(&address) }
    }
}

async fn docs_of(backend: &Backend, target: &str) -> Result<String, HubError> {
    let key = match backend.target(target).await? {
        Some(configs) => configs.first().map(|config| config.connector_key.clone()),
        None => Some(target.to_owned()),
    };
    let key: ConnectorKey = key
        .and_then(|key| key.parse().ok())
        .ok_or_else(|| HubError::new(&codes::CONNECTOR_UNKNOWN, "the target names no connector"))?;
    let detail = backend.connector(&key).await?;
    detail.docs_url.ok_or_else(|| {
        HubError::new(&codes::CONNECTOR_UNKNOWN, format!("no reference is known for `{key}`"))
    })
}
