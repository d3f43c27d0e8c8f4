//! What only the vendor's platform API answers (contract sections 4.7, 5 and 6), and what a hub
//! says of itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::auth_config::{AuthConfig, VersionOwner, VersionPin};
use crate::domain::connector::Category;
use crate::domain::time::Timestamp;
use crate::hub::auth_configs::View;
use crate::hub::connectors::{Summary, Version as Known};

use super::requests::Paging;

/// A page of a list that counts its rows (AC-44).
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows of this page.
    pub data: Vec<T>,
    /// Which page it is, from 1.
    pub page: u64,
    /// Rows on a full page.
    pub page_size: u64,
    /// Rows on all pages.
    pub total: u64,
}

impl<T> Page<T> {
    /// The page of all rows.
    #[must_use]
    pub fn of(all: Vec<T>, paging: Paging) -> Self {
        let total = all.len() as u64;
        let skip = usize::try_from(paging.offset()).unwrap_or(usize::MAX);
        let take = usize::try_from(paging.page_size).unwrap_or(usize::MAX);
        let data = all.into_iter().skip(skip).take(take).collect();
        Self { data, page: paging.page, page_size: paging.page_size, total }
    }
}

/// A version of a connector that an auth config could be pinned to (contract section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Version {
    /// The version.
    pub version: String,
    /// `stackone` for a built-in connector, `project` for an own one.
    pub owner: String,
    /// Whether it is built in.
    pub builtin: bool,
    /// Whether the auth config's pin leads to it.
    pub pinned: bool,
}

/// The versions, and which of them a pin leads to: the first that fits.
#[must_use]
pub fn versions(config: &AuthConfig, known: Vec<Known>) -> Vec<Version> {
    let pin = config.pin.as_ref();
    let picked = pin.and_then(|pin| known.iter().position(|known| pin.fits(&known.version)));
    let version = |(at, known): (usize, Known)| Version {
        version: known.version,
        owner: VersionOwner::of(!known.built_in).as_str().to_owned(),
        builtin: known.built_in,
        pinned: picked == Some(at),
    };
    known.into_iter().enumerate().map(version).collect()
}

/// The version pin of an auth config.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Pin {
    /// The auth config.
    pub connector_profile_id: String,
    /// The pin (AC-45).
    pub pinned_version: String,
    /// Whose version it leads to; null where no version fits any more.
    #[schemars(with = "Option<VersionOwner>")]
    pub owner: Option<String>,
    /// When the auth config was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Pin {
    /// The wire form, if the auth config has a pin.
    #[must_use]
    pub fn of(view: &View) -> Option<Self> {
        let config = &view.config;
        let pin = config.pin.as_ref()?;
        let owner = pin.fits(&view.connector_version).then_some(VersionOwner::of(view.own));
        Some(Self {
            connector_profile_id: config.id.to_string(),
            pinned_version: VersionPin::as_str(pin).to_owned(),
            owner: owner.map(|owner| owner.as_str().to_owned()),
            created_at: config.created_at,
            updated_at: config.updated_at,
        })
    }
}

/// A connector as the vendor's metadata shows it (contract section 6).
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct ConnectorMeta {
    /// Its key.
    pub provider: String,
    /// Its name.
    pub provider_name: String,
    /// Its first category.
    pub category: Category,
    /// Always empty: this hub has no unified models.
    pub models: Map<String, Value>,
    /// Whether it is enabled in the project.
    pub active: bool,
    /// Where its pictures are, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// What belongs to a connector and lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Resources {
    /// Pictures.
    pub images: Images,
}

/// Addresses of pictures.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Images {
    /// The logo.
    pub logo_url: String,
}

impl ConnectorMeta {
    /// The wire form; a connector without any category has no place in this list.
    #[must_use]
    pub fn new(summary: Summary, active: bool, logo_url: Option<String>) -> Option<Self> {
        Some(Self {
            provider: summary.key.to_string(),
            provider_name: summary.name,
            category: *summary.categories.first()?,
            models: Map::new(),
            active,
            resources: logo_url.map(|logo_url| Resources { images: Images { logo_url } }),
        })
    }
}

/// What an account can do (contract section 4.7).
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct AccountMeta {
    /// The connector.
    pub provider: String,
    /// Its first category.
    pub category: Option<Category>,
    /// Always empty: this hub has no unified models.
    pub models: Map<String, Value>,
}

/// What a hub says of itself to a client.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Capabilities {
    /// `hubctl`.
    pub server: String,
    /// Its version.
    pub version: String,
    /// The project of the key that asks.
    pub project: String,
    /// What that key may do.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Ids of the operations that the hub has.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Where end users reach the hub's pages.
    pub public_url: String,
    /// The hub's clock.
    pub time: Timestamp,
}
