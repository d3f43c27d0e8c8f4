//! What the hub says of a key.

use crate::cli::context::Context;
use crate::cli::settings::Remote;
use crate::client::{Verified, is_untrusted};
use crate::domain::project::ProjectName;
use crate::domain::secret::Secret;
use crate::error::{HubError, Kind, codes};

/// Asks the hub whether it takes the key; answers the key's project, where the hub tells it.
///
/// # Errors
/// When it doesn't, or can't be asked.
pub(super) async fn verify(
    context: &Context,
    remote: &Remote,
    key: &Secret,
    way_out: &'static str,
) -> Result<Option<ProjectName>, HubError> {
    match context.client_of(remote, key)?.verify().await {
        Ok(Verified::Hub(capabilities)) => Ok(capabilities.project.parse().ok()),
        Ok(Verified::Platform) => Ok(None),
        // Every later command would meet the same.
        Err(error) if is_untrusted(&error) => Err(error),
        Err(error) => Err(match error.code().kind {
            Kind::Unreachable | Kind::Unsupported => error.hint(way_out),
            _ => error,
        }),
    }
}

/// The project that the hub says a key is of that was just given.
///
/// # Errors
/// As [`verify`].
pub(super) async fn project_of(
    context: &Context,
    remote: &Remote,
    key: &Secret,
    profile: &str,
) -> Result<Option<ProjectName>, HubError> {
    let asked = verify(context, remote, key, "add --no-verify").await;
    asked.map_err(|error| match error.code().name == codes::KEY_INVALID.name {
        true => error.hint(format!("hubctl auth login -P {profile} # with the whole key")),
        false => error,
    })
}
