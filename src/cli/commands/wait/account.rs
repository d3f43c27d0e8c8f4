//! `hubctl accounts wait`.

use crate::api::accounts::AccountDetail;
use crate::cli::assets;
use crate::cli::commands::accounts::account_card;
use crate::cli::context::Context;
use crate::cli::tree::Run;
use crate::domain::account::Status;
use crate::domain::ids::AccountId;
use crate::error::{HubError, codes};

use super::{Ended, Live, Patience, until};

/// What an account has to become.
#[derive(Debug, Clone, Copy)]
struct Condition(Status);

impl std::str::FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(status) = text.strip_prefix(assets::STATUS_IS) else {
            return Err("write it as status=active".to_owned());
        };
        status.parse().map(Self).map_err(|error| format!("{error}"))
    }
}

/// Wait until a linked account has a status
///
/// Ends at once where it has it already. Exit codes: 0 it has, 3 there is no such account, 8 timed
/// out.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Wait {
    /// Id of the account
    #[arg(add = assets::accounts())]
    id: AccountId,

    /// What to wait for: status=active, or any other status
    #[arg(long = "for", value_name = "status=STATUS", default_value = "status=active", add = assets::conditions())]
    condition: Condition,

    #[command(flatten)]
    patience: Patience,
}

impl Run for Wait {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<AccountDetail>()?;
        let limit = self.patience.limit()?;
        let wanted = self.condition.0.as_str();
        let backend = context.backend().await?;
        let mut live = Live::new(context);
        let mut now = String::new();
        let ended = until(context, limit, &mut live, async |live| {
            let account = backend.account(&self.id).await?;
            if account.status == wanted {
                return Ok(Some(account));
            }
            account.status.as_ref().clone_into(&mut now);
            live.say(&format!("the account is {now}, waiting for {wanted}"));
            Ok(None)
        })
        .await;
        drop(live);
        match ended? {
            Ended::Seen(account, _) => {
                context.output.item(&account, Some(&account_card(context, &account)))
            }
            Ended::TimedOut => {
                let text = format!("account {} is still {now} after {limit:?}", self.id);
                Err(HubError::new(&codes::WAIT_TIMED_OUT, text)
                    .hint(format!("hubctl accounts explain {}", self.id)))
            }
        }
    }
}
