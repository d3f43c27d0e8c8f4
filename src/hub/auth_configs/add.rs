//! Adding auth configs.

use crate::domain::auth_config::{self, AuthConfig, NewAuthConfig, VersionPin};
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::form::check_filled;
use crate::domain::connector::values::{Checked, FieldProblem, Mode};
use crate::domain::connector::{AuthMethod, Connector};
use crate::domain::credentials::Values;
use crate::domain::event::EventKind;
use crate::domain::names::{AuthMethodKey, ConnectorKey};
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::connectors;
use crate::hub::oauth_apps;
use crate::hub::sealing::Spot;
use crate::hub::write::{Guard, Outcome, Record};
use crate::store::auth_configs::{self, Sealed};
use crate::store::{StoreError, Tx};

use super::{Given, View, resource, setup_fields, snapshot, view};

/// What an administrator asks for.
#[derive(Debug, Clone)]
pub struct New {
    /// The connector.
    pub connector: ConnectorKey,
    /// The authentication method; without it the first one that needs nothing more than `values`,
    /// or else the one that knows most of them.
    pub method: Option<AuthMethodKey>,
    /// Its name; made from connector and method where none is given.
    pub name: Option<String>,
    /// Set-up values.
    pub values: Given,
    /// Whether it shall become the default.
    pub make_default: bool,
    /// Version pin (AC-45).
    pub pin: Option<VersionPin>,
    /// What to do where it is there already.
    pub if_exists: IfExists,
}

/// What to do where what is asked for is there already, and can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, schemars::JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum IfExists {
    /// Refuse.
    #[default]
    Fail,
    /// Leave it as it is.
    Skip,
    /// Bring it to what is asked for.
    Update,
}

impl IfExists {
    /// The choice as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Update => "update",
        }
    }
}

/// The text is none of the choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use fail, skip or update")]
pub struct BadIfExists;

impl std::str::FromStr for IfExists {
    type Err = BadIfExists;

    fn from_str(text: &str) -> Result<Self, BadIfExists> {
        match text {
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            "update" => Ok(Self::Update),
            _ => Err(BadIfExists),
        }
    }
}

/// Adds an auth config (AC-1 to AC-6).
///
/// # Errors
/// `connector.not_found`, `auth_method.not_found`, `fields.invalid`, `auth_config.exists`.
pub async fn add(
    hub: &Hub,
    caller: &Caller,
    new: New,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    let mut tx = hub.begin(guard).await?;
    let outcome = add_in(hub, &mut tx, caller, new).await?;
    guard.finish(tx).await?;
    Ok(outcome)
}

pub(super) async fn add_in(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    new: New,
) -> Result<Outcome<View>, HubError> {
    let resolved = connectors::resolve(tx, caller, &new.connector, new.pin.as_ref()).await?;
    let connector =
        resolved.ok_or_else(|| connectors::unfit(&new.connector, new.pin.as_ref()))?.connector;
    let method = method_of(&connector, &new)?;
    let siblings = auth_configs::of_connector(tx, caller.project(), &new.connector).await?;
    if let Some(known) = existing(tx, caller, &siblings, method, new.name.as_deref()).await? {
        return when_there(hub, tx, caller, known, new).await;
    }
    let has_app = oauth_apps::is_set(tx, caller, &connector.key).await?;
    let given = (&Values::default(), &new.values);
    let mut checked = check(&connector, method, given, Mode::New, has_app)?;
    if has_app
        && !(oauth_apps::may_serve(&connector, method, &checked.public)
            && connectors::may_have_app(tx, caller, &connector).await?)
    {
        checked = check(&connector, method, given, Mode::New, false)?;
    }
    let now = hub.clock.now();
    let name = name_of(tx, caller, &connector, method, new.name).await?;
    let asked = NewAuthConfig {
        id: hub.random.uuid_v7(now)?.into(),
        connector: connector.key.clone(),
        method: method.key.clone(),
        name,
        make_default: new.make_default,
        pin: new.pin,
        setup: checked.public,
        secrets: checked.secret.keys().cloned().collect(),
    };
    let decided = auth_config::create(&siblings, asked, now);
    let config = decided.after;
    if let Some(former) = &decided.loses_default {
        auth_configs::save(tx, caller.project(), former, None).await?;
    }
    let sealed = if checked.secret.is_empty() {
        None
    } else {
        let spot = spot(&config, 1);
        let bytes = hub.seal(tx, caller, spot, &checked.secret).await?;
        Some(Sealed { bytes, version: 1 })
    };
    let inserted = auth_configs::insert(tx, caller.project(), &config, sealed.as_ref()).await;
    inserted.map_err(|error| match error {
        StoreError::Duplicate => exists(&config),
        other => other.into(),
    })?;
    let operation = note_created(hub, tx, caller, &config, now).await?;
    if decided.loses_default.is_some() {
        let (kind, id) = (EventKind::AuthConfigDefaultChanged, config.id.as_str());
        hub.emit(tx, caller, kind, id, now, None).await?;
    }
    let after = view(hub, tx, caller, config).await?;
    Ok(Outcome { before: None, after: Some(after), changed: true, affected: 0, operation })
}

async fn note_created(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
    now: Timestamp,
) -> Result<Option<crate::domain::ids::OperationId>, HubError> {
    let (kind, id) = (EventKind::AuthConfigCreated, config.id.as_str());
    hub.emit(tx, caller, kind, id, now, None).await?;
    let record = Record {
        action: "add",
        resource: resource(config),
        affected: 0,
        before: None,
        after: Some(snapshot(config)),
    };
    hub.record(tx, caller, now, record).await.map(Some)
}

/// AC-6: the same method twice needs a name of its own, so that a repeated script does not pile
/// up auth configs.
async fn existing(
    tx: &mut Tx,
    caller: &Caller,
    siblings: &[AuthConfig],
    method: &AuthMethod,
    name: Option<&str>,
) -> Result<Option<AuthConfig>, HubError> {
    match name {
        Some(name) => Ok(auth_configs::by_name(tx, caller.project(), name.trim()).await?),
        None => Ok(siblings.iter().find(|config| config.method == method.key).cloned()),
    }
}

async fn when_there(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    known: AuthConfig,
    new: New,
) -> Result<Outcome<View>, HubError> {
    let same = known.connector == new.connector
        && new.method.as_ref().is_none_or(|method| *method == known.method);
    match new.if_exists {
        IfExists::Skip if same => Ok(Outcome::unchanged(view(hub, tx, caller, known).await?)),
        IfExists::Update if same => {
            let pin = new.pin.map(Some);
            let edit = super::Edit { values: new.values, pin, ..super::Edit::default() };
            super::change::edit_in(hub, tx, caller, known, edit, new.make_default).await
        }
        _ => Err(exists(&known)),
    }
}

pub(super) fn exists(known: &AuthConfig) -> HubError {
    let text = format!("auth config `{}` of {} is there already", known.name, known.connector);
    HubError::new(&codes::AUTH_CONFIG_EXISTS, text)
        .hint("give another --name, or --if-exists skip, or --if-exists update")
}

async fn name_of(
    tx: &mut Tx,
    caller: &Caller,
    connector: &Connector,
    method: &AuthMethod,
    asked: Option<String>,
) -> Result<String, HubError> {
    if let Some(name) = asked {
        return auth_config::check_name(&name).map_err(|problem| {
            HubError::new(&codes::BAD_VALUE, format!("--name {}", problem.message))
        });
    }
    let mut taken = std::collections::HashSet::new();
    auth_configs::scan(tx, caller.project(), |config| {
        taken.insert(config.name);
        Ok::<_, HubError>(std::ops::ControlFlow::Continue(()))
    })
    .await?;
    Ok(auth_config::default_name(&connector.name, &method.label, &|name| taken.contains(name)))
}

/// The method asked for, or the one that the values given are for.
fn method_of<'a>(connector: &'a Connector, new: &New) -> Result<&'a AuthMethod, HubError> {
    let method = match &new.method {
        Some(key) => connector.auth_method(key).ok_or_else(|| no_method(connector, key))?,
        None => default_method(connector, &new.values)?,
    };
    match &method.unavailable {
        None => Ok(method),
        Some(reason) => {
            let text =
                format!("method `{}` of {} can't be used: {reason}", method.key, connector.key);
            Err(HubError::new(&codes::AUTH_METHOD_UNKNOWN, text)
                .hint(format!("hubctl connectors guide {}", connector.key)))
        }
    }
}

fn default_method<'a>(
    connector: &'a Connector,
    values: &Given,
) -> Result<&'a AuthMethod, HubError> {
    let usable = || connector.auth.iter().filter(|method| method.unavailable.is_none());
    let nothing = Values::default();
    let takes_all = |method: &&AuthMethod| {
        let fields = setup_fields(method);
        check_filled(connector, method, &fields, &nothing, values, Mode::New).is_ok()
    };
    let known = |method: &&AuthMethod| {
        method.setup_fields.iter().filter(|field| values.contains_key(&field.key)).count()
    };
    if !values.is_empty()
        && let Some(method) = usable().find(takes_all)
    {
        return Ok(method);
    }
    // Of those that know as many, the first.
    let most = usable().rev().max_by_key(known).filter(|method| known(method) > 0);
    most.or_else(|| connector.first_method_without_setup()).ok_or_else(|| needs_setup(connector))
}

/// The error for a connector of which every method needs values, with the command that gives them.
fn needs_setup(connector: &Connector) -> HubError {
    let text = format!("every method of connector `{}` needs values from you", connector.key);
    let error = HubError::new(&codes::CONNECTOR_NEEDS_SETUP, text);
    let Some(method) = connector.auth.iter().find(|method| method.unavailable.is_none()) else {
        return error;
    };
    error.hint(add_command(connector, method))
}

/// The `connectors add` command that sets up a method, with a place for every required value.
#[must_use]
pub fn add_command(connector: &Connector, method: &AuthMethod) -> String {
    let fields =
        method.setup_fields.iter().filter(|field| field.is_needed() && field.condition.is_none());
    let sets: String = fields
        .map(|field| match field.is_secret() {
            true => format!(" --set {}=@FILE", field.key),
            false => format!(" --set {}=VALUE", field.key),
        })
        .collect();
    format!("hubctl connectors add {} --auth {}{sets}", connector.key, method.key)
}

fn no_method(connector: &Connector, key: &AuthMethodKey) -> HubError {
    let methods: Vec<String> = connector.auth.iter().map(|method| method.key.to_string()).collect();
    let text = format!(
        "connector `{}` has no method `{key}`; it has {}",
        connector.key,
        methods.join(", ")
    );
    HubError::new(&codes::AUTH_METHOD_UNKNOWN, text)
        .hint(format!("hubctl connectors guide {}", connector.key))
}

pub(super) fn check(
    connector: &Connector,
    method: &AuthMethod,
    (known, values): (&Values, &Given),
    mode: Mode<'_>,
    has_app: bool,
) -> Result<Checked, HubError> {
    let fields = setup_fields(method);
    let fields = match has_app {
        true => oauth_apps::without_client(method, fields, values),
        false => fields,
    };
    check_filled(connector, method, &fields, known, values, mode).map_err(|problems| match mode {
        Mode::New => {
            let place = format!("method `{}` of {}: ", method.key, connector.key);
            bad_fields_of(&place, &problems).hint(add_command(connector, method))
        }
        Mode::Edit { .. } => {
            bad_fields(&problems).hint(format!("hubctl connectors guide {}", connector.key))
        }
    })
}

/// One error for all bad fields.
pub(in crate::hub) fn bad_fields(problems: &[FieldProblem]) -> HubError {
    bad_fields_of("", problems)
}

/// The same, with words in front that say whose fields they are.
fn bad_fields_of(place: &str, problems: &[FieldProblem]) -> HubError {
    let text: Vec<String> =
        problems.iter().map(|problem| format!("`{}` {}", problem.field, problem.message)).collect();
    let error = HubError::new(&codes::FIELDS_INVALID, format!("{place}{}", text.join("; ")));
    problems.iter().fold(error, |error, problem| {
        error.detail(serde_json::json!({ "field": problem.field, "message": problem.message }))
    })
}

pub(super) fn spot(config: &AuthConfig, version: i64) -> Spot<'_> {
    Spot { table: "auth_configs", id: config.id.as_str(), field: "setup", version }
}
