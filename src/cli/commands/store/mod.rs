//! `hubctl store`: what concerns a store as a whole. Only where it is at hand.

mod check;
mod rotate;

use std::sync::Arc;

use crate::backend::Backend;
use crate::cli::context::Context;
use crate::domain::caller::Caller;
use crate::error::{HubError, codes};
use crate::hub::Hub;

pub(in crate::cli) use check::{Check, Path, StorePath};
pub(in crate::cli) use rotate::{KeyRotation, RotateKey};

/// The hub on the store, and its administrator.
async fn here(context: &Context) -> Result<(Arc<Hub>, Caller), HubError> {
    let public_url = context.settings.public_url.clone();
    match context.backend_reached_at(public_url).await? {
        Backend::Local(local) => Ok(local.shared()),
        Backend::Remote(_) => Err(HubError::new(&codes::USAGE, "this needs a local store")),
    }
}
