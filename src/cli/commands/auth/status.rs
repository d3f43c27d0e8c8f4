//! `hubctl auth status`: where commands act, and with which key.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::credentials;
use crate::cli::output::{Cell, Column, Record};
use crate::cli::settings::Place;
use crate::cli::tree::Run;
use crate::error::HubError;

use super::asking::verify;

/// Show which profile is in use, where it acts and where its key comes from
///
/// The hub is asked whether it takes the key, unless --offline. Without a key that works this ends
/// with exit status 4. The key is never shown.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Status {
    /// Don't ask the hub
    #[arg(long)]
    offline: bool,
}

/// Where commands act, and with which key.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "AuthStatus")]
pub(in crate::cli) struct StatusRow {
    /// The profile in use.
    profile: String,
    /// Where it acts: `local` or `remote`.
    place: &'static str,
    /// Address of the hub, for a remote one.
    api_url: Option<String>,
    /// The project; empty where nobody named one, and the hub was not asked whose the key is.
    project: String,
    /// Where the key comes from: a variable's name, `keyring`, `file` or `none`.
    key_source: &'static str,
    /// Whether a key was found; none where none is needed.
    key_found: Option<bool>,
    /// Whether the hub takes it; none where it was not asked.
    verified: Option<bool>,
    /// Whether every write needs the profile's name.
    protected: bool,
}

impl Record for StatusRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("profile", "PROFILE"),
        Column::new("acts_on", "ACTS ON"),
        Column::new("project", "PROJECT"),
        Column::new("key_source", "KEY FROM"),
        Column::new("key_found", "KEY FOUND"),
        Column::new("verified", "VERIFIED"),
        Column::wide("protected", "PROTECTED"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "profile",
        "place",
        "api_url",
        "project",
        "key_source",
        "key_found",
        "verified",
        "protected",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.profile)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let maybe = |fact: Option<bool>| fact.map_or(Cell::Empty, Cell::from);
        out.extend([
            Cell::from(self.profile.as_str()),
            Cell::from(self.api_url.as_deref().unwrap_or("local store")),
            Cell::from(self.project.as_str()),
            Cell::from(self.key_source),
            maybe(self.key_found),
            maybe(self.verified),
            Cell::from(self.protected),
        ]);
    }
}

impl StatusRow {
    fn card(&self) -> Vec<(&'static str, String)> {
        let url = self.api_url.as_deref().unwrap_or("the local store");
        let key = match (self.key_found, self.key_source) {
            (None, _) => "none needed".to_owned(),
            (Some(false), "none") => "none".to_owned(),
            (Some(false), source) => format!("none that can be used ({source})"),
            (Some(true), source) => format!("from {source}"),
        };
        let project = match self.project.as_str() {
            "" => "the key's own",
            named => named,
        };
        let mut lines = vec![
            ("Profile", self.profile.clone()),
            ("Acts on", url.to_owned()),
            ("Project", project.to_owned()),
            ("API key", key),
        ];
        if let Some(works) = self.verified {
            lines.push(("Accepted", if works { "yes" } else { "no" }.to_owned()));
        }
        if self.protected {
            lines.push(("Protected", format!("writes need --confirm {}", self.profile)));
        }
        lines
    }
}

impl Run for Status {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<StatusRow>()?;
        let settings = &context.settings;
        settings.check_place()?;
        let mut row = StatusRow {
            profile: settings.sources.profile.clone(),
            place: "local",
            api_url: None,
            project: settings.project.to_string(),
            key_source: "none",
            key_found: None,
            verified: None,
            protected: settings.protected.is_some(),
        };
        let mut outcome = Ok(());
        if let Place::Remote(remote) = &settings.place {
            row.place = "remote";
            row.api_url = Some(remote.api_url.to_string());
            row.project = settings.named_project().unwrap_or_default();
            row.key_source = credentials::source_name(&remote.key);
            let found = credentials::find(settings, remote);
            row.key_found = Some(found.is_ok());
            outcome = match found {
                Ok(found) => {
                    if found.trimmed {
                        let source = row.key_source;
                        context
                            .output
                            .note(format_args!("the key in {source} has white space around it"));
                    }
                    if self.offline {
                        Ok(())
                    } else {
                        let checked = verify(context, remote, &found.key, "add --offline").await;
                        row.verified = Some(checked.is_ok());
                        checked.map(|told| {
                            if let Some(told) = told.filter(|_| !settings.is_project_named) {
                                row.project = told.to_string();
                            }
                        })
                    }
                }
                Err(error) => Err(error),
            };
        }
        context.output.item(&row, Some(&row.card()))?;
        outcome
    }
}
