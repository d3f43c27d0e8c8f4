//! Projects on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::allowlist::{Allowlist, BadAllowlist, Entry};
use crate::domain::brand::{self, BadColor, BadDisplayName, BadLogo, Edit, LARGEST_BYTES, Logo};
use crate::domain::origin::{BadWebAddress, Origin};
use crate::domain::project::{self, AppOrigins};
use crate::domain::request_log::{BadBodies, BadRetention, Retention};
use crate::domain::time::Timestamp;
use crate::domain::words::shell_word;
use crate::error::{HubError, codes};
use crate::hub::projects::Changes;

/// Header of a request that names the project whose key it has to come with. A hub that knows it
/// answers with it; others pass over it.
pub const WANTED_PROJECT: &str = "x-hubctl-project";

/// Whether a key of the project `found` may act where `wanted` was named.
///
/// # Errors
/// `remote.other_project`.
pub fn check_wanted(wanted: &str, found: &str) -> Result<(), HubError> {
    if wanted == found {
        return Ok(());
    }
    let text = format!("the API key belongs to project `{found}`, not to `{wanted}`");
    let wanted = shell_word(wanted);
    Err(HubError::new(&codes::REMOTE_OTHER_PROJECT, text).hint(format!(
        "hubctl auth login --project {wanted} # with a key of it, or give --project {found}; its \
         first key is made on the hub's own store: hubctl --project {wanted} keys create NAME"
    )))
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Project {
    /// Its id, which is its name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its API keys may be used from: addresses, ranges and blocks; empty admits all.
    #[serde(default)]
    pub ip_allowlist: Vec<String>,
    /// Origins of the applications that embed its page; logins may return to them.
    #[serde(default)]
    pub app_origins: Vec<String>,
    /// Which headers and bodies its log keeps: `off`, `errors` or `all`.
    #[serde(default)]
    pub log_bodies: String,
    /// For how many days its log keeps new rows.
    #[serde(default)]
    pub log_retention_days: u64,
    /// What its page calls it; null where the page names nobody.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The colour of its page's buttons and links, as `#rrggbb`; null for the hub's own.
    #[serde(default)]
    pub accent_color: Option<String>,
    /// What the picture is that its page shows, such as `image/png`; null where there is none.
    #[serde(default)]
    pub logo_type: Option<String>,
    /// A hash of the picture: another picture has another one.
    #[serde(default)]
    pub logo_hash: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<project::Project> for Project {
    fn from(project: project::Project) -> Self {
        let name = project.name.to_string();
        let ip_allowlist = project.allowlist.entries().iter().map(Entry::to_string).collect();
        let app_origins = origins(&project.app_origins);
        let (brand, logo) = (&project.brand, project.brand.logo.as_ref());
        Self {
            id: name.clone(),
            name,
            ip_allowlist,
            app_origins,
            log_bodies: project.keeping.bodies.as_str().to_owned(),
            log_retention_days: project.keeping.retention.as_days().into(),
            display_name: brand.name.as_ref().map(ToString::to_string),
            accent_color: brand.accent.map(|accent| accent.to_string()),
            logo_type: logo.map(|logo| logo.kind.content_type().to_owned()),
            logo_hash: logo.map(|logo| logo.hash().to_owned()),
            created_at: project.created_at,
        }
    }
}

fn origins(all: &AppOrigins) -> Vec<String> {
    all.as_slice().iter().map(ToString::to_string).collect()
}

/// Settings of a project can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadProject {
    /// Where keys may be used from.
    #[error("ip_allowlist: {0}")]
    Allowlist(#[from] BadAllowlist),
    /// Applications that embed the page.
    #[error("app_origins: {0}")]
    AppOrigins(#[from] BadWebAddress),
    /// Which bodies are kept.
    #[error("log_bodies: {0}")]
    Bodies(#[from] BadBodies),
    /// For how long the log is kept.
    #[error("log_retention_days: {0}")]
    Retention(#[from] BadRetention),
    /// What the page calls the project.
    #[error("display_name: {0}")]
    DisplayName(#[from] BadDisplayName),
    /// The page's colour.
    #[error("accent_color: {0}")]
    AccentColor(#[from] BadColor),
    /// The page's picture.
    #[error("logo: {0}")]
    Logo(#[from] BadLogo),
    /// The page's picture, before it is one.
    #[error("logo: a picture is sent in Base64")]
    NoBase64,
}

/// What to change of a project; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
pub struct UpdateProject {
    /// Where its API keys may be used from; an empty list admits all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_allowlist: Option<Vec<String>>,
    /// Set the list even if it locks out the key with which it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_lock_out: Option<bool>,
    /// Origins of the applications that embed its page; an empty list removes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_origins: Option<Vec<String>>,
    /// Which headers and bodies its log keeps: `off`, `errors` or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bodies: Option<String>,
    /// For how many days its log keeps new rows, 1 to 3650; older ones go when they were to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_retention_days: Option<u64>,
    /// What its page calls it, up to 60 characters; an empty text clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The colour of its page's buttons and links, as `#rrggbb`; an empty text clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent_color: Option<String>,
    /// The picture that its page shows, in Base64: SVG, PNG, JPEG or WebP of up to 64 KiB; an
    /// empty text clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
}

/// A change as a text, which is empty where it clears.
fn edit<T>(edit: &Edit<T>, write: impl FnOnce(&T) -> String) -> Option<String> {
    match edit {
        Edit::Keep => None,
        Edit::Clear => Some(String::new()),
        Edit::Set(value) => Some(write(value)),
    }
}

fn logo(text: &str) -> Result<Edit<Logo>, BadProject> {
    // What can't be a logo is not even decoded.
    let longest = LARGEST_BYTES.div_ceil(3) * 4 + 4;
    match text.trim() {
        "" => Ok(Edit::Clear),
        text if text.len() > longest => Err(BadLogo::TooLarge(text.len() / 4 * 3).into()),
        text => {
            let bytes = STANDARD.decode(text).map_err(|_| BadProject::NoBase64)?;
            Ok(Edit::Set(Logo::read(bytes)?))
        }
    }
}

impl From<&Changes> for UpdateProject {
    fn from(changes: &Changes) -> Self {
        let texts = |list: &Allowlist| list.entries().iter().map(Entry::to_string).collect();
        Self {
            ip_allowlist: changes.allowlist.as_ref().map(texts),
            may_lock_out: changes.may_lock_out.then_some(true),
            app_origins: changes.app_origins.as_ref().map(origins),
            log_bodies: changes.log_bodies.map(|bodies| bodies.as_str().to_owned()),
            log_retention_days: changes.log_retention.map(|retention| retention.as_days().into()),
            display_name: edit(&changes.brand.name, ToString::to_string),
            accent_color: edit(&changes.brand.accent, ToString::to_string),
            logo: edit(&changes.brand.logo, |logo| STANDARD.encode(logo.bytes())),
        }
    }
}

impl TryFrom<UpdateProject> for Changes {
    type Error = BadProject;

    fn try_from(asked: UpdateProject) -> Result<Self, BadProject> {
        let read = |entries: Vec<String>| {
            let entries = entries.iter().map(|entry| entry.parse::<Entry>());
            Ok::<_, BadAllowlist>(Allowlist::new(entries.collect::<Result<Vec<_>, _>>()?)?)
        };
        let origins = |texts: Vec<String>| {
            let origins = texts.iter().map(|text| text.parse::<Origin>());
            Ok::<_, BadWebAddress>(AppOrigins::new(origins.collect::<Result<Vec<_>, _>>()?))
        };
        Ok(Self {
            allowlist: asked.ip_allowlist.map(read).transpose()?,
            app_origins: asked.app_origins.map(origins).transpose()?,
            log_bodies: asked.log_bodies.map(|text| text.parse()).transpose()?,
            log_retention: asked.log_retention_days.map(Retention::days).transpose()?,
            brand: brand::Changes {
                name: asked.display_name.map(|text| text.parse()).transpose()?.unwrap_or_default(),
                accent: asked
                    .accent_color
                    .map(|text| text.parse())
                    .transpose()?
                    .unwrap_or_default(),
                logo: asked.logo.as_deref().map(logo).transpose()?.unwrap_or_default(),
            },
            from: None,
            may_lock_out: asked.may_lock_out.unwrap_or(false),
        })
    }
}
