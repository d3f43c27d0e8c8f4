//! What the operations on auth configs and their pins take and give.

use super::{ACTION, CATEGORIES, CONNECTOR_KEY, ENABLED, PAGES, SEARCH, Shape, Targeted};
use crate::api::auth_configs::{AuthConfig, AuthConfigDetail, Impact};
use crate::api::platform::{Page, Pin, Version};
use crate::api::requests::auth_configs::{EditAuthConfig, NewAuthConfig, NewPin};
use crate::api::write::Written;

pub(super) fn shape(id: &str) -> Option<Shape> {
    Some(match id {
        "platform.auth_configs.list" | "platform.connector_profiles.list" => {
            Shape::gives::<Page<AuthConfig>>("List auth configs, a page at a time")
                .with(PAGES)
                .with(&[ENABLED, CONNECTOR_KEY])
        }
        "platform.connector_profiles.versions" => {
            Shape::gives::<Vec<Version>>("List the connector versions of an auth config")
        }
        "platform.connector_profiles.get_pin" => {
            Shape::gives::<Pin>("Show the version pin of an auth config")
        }
        "platform.connector_profiles.set_pin" => {
            Shape::gives::<Pin>("Pin the connector version of an auth config").takes::<NewPin>()
        }
        "platform.connector_profiles.delete_pin" => Shape {
            status: "204",
            answer: None,
            ..Shape::gives::<Pin>("Remove the version pin of an auth config")
        },
        "auth_configs.list" => Shape::gives::<Vec<AuthConfig>>("List all auth configs").with(&[
            ENABLED,
            CONNECTOR_KEY,
            CATEGORIES,
            SEARCH,
        ]),
        "auth_configs.target" => {
            Shape::gives::<Targeted>("Find the auth configs that a key, id or name means")
        }
        "auth_configs.get" => {
            Shape::gives::<AuthConfigDetail>("Show an auth config with its values")
        }
        "auth_configs.create" => {
            Shape::gives::<Written<AuthConfigDetail>>("Set a connector up with an auth config")
                .takes::<NewAuthConfig>()
                .created()
        }
        "auth_configs.update" => Shape::gives::<Written<AuthConfigDetail>>("Change an auth config")
            .takes::<EditAuthConfig>(),
        "auth_configs.impact" => {
            Shape::gives::<Impact>("Say what a change would touch").with(&[ACTION])
        }
        "auth_configs.enable" => {
            Shape::gives::<Vec<Written<AuthConfigDetail>>>("Enable auth configs")
        }
        "auth_configs.disable" => {
            Shape::gives::<Vec<Written<AuthConfigDetail>>>("Disable auth configs")
        }
        "auth_configs.make_default" => {
            Shape::gives::<Written<AuthConfigDetail>>("Make an auth config the default")
        }
        "auth_configs.delete" => Shape::gives::<Written<AuthConfigDetail>>("Delete an auth config"),
        _ => return None,
    })
}
