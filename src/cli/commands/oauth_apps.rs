//! `hubctl oauth-apps`.

use crate::api::oauth_apps::OAuthApp;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};
use crate::hub::oauth_apps::New;

use super::{consent, result};

/// List the OAuth applications that the hub itself has at providers
///
/// Secrets are never shown.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let mut list = context.output.list_of::<OAuthApp>()?;
        for app in backend.oauth_apps().await? {
            if list.push(&app)?.is_break() {
                break;
            }
        }
        list.finish(|_| None).map(drop)
    }
}

/// Set the OAuth application that auth configs use which bring none
///
/// `hubctl connectors add CONNECTOR --auth METHOD` then needs no client id and secret. An
/// application that is set already is replaced; auth configs that use it follow at once.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Set {
    /// Connector
    #[arg(add = assets::connectors())]
    connector: ConnectorKey,

    /// The application's client id, and its client secret from a file or standard input
    #[arg(long, value_name = "client_id=V|client_secret=@FILE", required = true, add = assets::oauth_app_fields())]
    set: Vec<String>,
}

impl Run for Set {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let mut values = input::values(&self.set)?;
        let mut take = |key: &str| {
            values.given.remove(key).ok_or_else(|| {
                HubError::new(&codes::INPUT_NEEDED, format!("--set {key}=… is needed"))
                    .hint("--set client_id=VALUE --set client_secret=@FILE")
            })
        };
        let (id, client_secret) = (take("client_id")?, take("client_secret")?);
        if let Some(other) = values.given.keys().next() {
            let text = format!("--set {other}: only client_id and client_secret are set");
            return Err(HubError::new(&codes::BAD_VALUE, text));
        }
        let connector = self.connector;
        let client_id = id.expose().to_owned();
        let new = New { connector: connector.clone(), client_id, client_secret };
        let backend = context.backend().await?;
        let written = backend.set_oauth_app(new, context.guard()).await?;
        context.tell_notes(&backend);
        super::fields::warn_of_exposed(context, &values, |key| key == "client_secret");
        let text = match written.dry_run {
            true => format!("Would set the OAuth application for {connector}."),
            false => format!("Set the OAuth application for {connector}."),
        };
        context.output.writes(&[result("set", written, text)])
    }
}

/// Delete an OAuth application of the hub
///
/// Refused while auth configs use it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Connector
    #[arg(add = assets::oauth_apps())]
    connector: ConnectorKey,
}

impl Run for Delete {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let connector = self.connector;
        let what = format!("deleting the OAuth application for {connector} forgets its secret");
        consent(context, &what, 0, "Delete")?;
        let backend = context.backend().await?;
        let written = backend.delete_oauth_app(&connector, context.guard()).await?;
        context.tell_notes(&backend);
        let text = match written.dry_run {
            true => format!("Would delete the OAuth application for {connector}."),
            false => format!("Deleted the OAuth application for {connector}."),
        };
        context.output.writes(&[result("delete", written, text)])
    }
}
