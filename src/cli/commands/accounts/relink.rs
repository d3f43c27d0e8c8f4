//! `hubctl accounts relink`.

use crate::cli::assets;
use crate::cli::commands::link::Shown;
use crate::cli::commands::session::held;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::connect_session::{LINK_LIFE_S, NewSession};
use crate::domain::ids::AccountId;
use crate::error::HubError;

/// Create an auth link where the end user links an account again
///
/// The account keeps its id, and works as before until new credentials were accepted. The link is
/// shown this once and works until it expires (30 days unless --expires-in) or is revoked with
/// `hubctl session revoke`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Relink {
    /// Id of the account
    #[arg(add = assets::accounts())]
    id: AccountId,

    /// How long the link works: seconds, or 30m, 24h, 7d; 30 days at most [default: 30d]
    #[arg(long, value_name = "DURATION", allow_negative_numbers = true, value_parser = input::duration_s)]
    expires_in: Option<i64>,

    #[command(flatten)]
    shown: Shown,
}

impl Run for Relink {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let door = self.shown.begin(context).await?;
        let account = door.backend.account(&self.id).await?;
        let (owner, kind) = held(&account);
        let new = NewSession {
            owner,
            provider: None,
            auth_config: None,
            categories: Vec::new(),
            account: Some(self.id),
            expires_in_s: self.expires_in.unwrap_or(LINK_LIFE_S),
            label: account.label,
            metadata: account.metadata,
            multiple: false,
            kind: Some(kind),
        };
        self.shown.finish(context, door, new).await
    }
}
