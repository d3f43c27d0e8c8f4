//! `hubctl demo`: the main job for real, in a store that is thrown away.

mod browser;
mod receiver;
mod stage;

use std::collections::BTreeMap;

use crate::cli::context::Context;
use crate::cli::interrupts;
use crate::cli::tree::Run;
use crate::error::{HubError, codes};

use receiver::Receiver;
use stage::{Served, Stage};

/// Show the main job for real, in a throw-away store
///
/// Serves a hub and a provider of its own on this machine, links an account as a customer would,
/// and prints each command as one would type it. It needs no network, touches nothing of yours, and
/// takes everything away at the end; it fails if any of its commands does.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Demo {
    /// Open the link in the browser, for you to be the customer
    #[arg(long)]
    browser: bool,

    /// Keep the store, and say where it is
    #[arg(long)]
    keep: bool,
}

/// What happens next. `{name}` in a line stands for a value that was kept.
enum Step {
    /// A sentence for the one who watches.
    Say(&'static str),
    /// A command.
    Type(&'static str),
    /// A command whose answer later lines use by this name.
    Keep(&'static str, &'static str),
    /// The customer opens the link and allows the login.
    Customer,
    /// The receiver of webhooks gets its next delivery.
    Delivery,
}

use Step::{Customer, Delivery, Keep, Say, Type};

/// The demo, one row a step.
const STEPS: &[Step] = &[
    Say(
        "Links lead to where the hub listens, and the provider's host on this machine may be called.",
    ),
    Type("hubctl config set public_url {hub}"),
    Type("hubctl config set allow_targets {provider_host}"),
    Say("A connector is a tool that customers can link. This one is the provider above."),
    Type("hubctl connectors available --search sample"),
    Type(
        "hubctl connectors add sample --auth oauth2 --set client_id=sample-app --set \
         client_secret=@client-secret.txt --default",
    ),
    Type("hubctl connectors list"),
    Say("A link is the right of one customer to link one account."),
    Keep(
        "link",
        "hubctl link create --provider sample --origin-owner-id acme-7 --origin-owner-name Acme",
    ),
    Keep("session", "hubctl session list -o id"),
    Say("The customer opens it, logs in at the provider, and allows the access."),
    Customer,
    Keep("account", "hubctl session wait {session} --timeout {patience} -o id"),
    Say("The account is linked: the hub has its tokens, and nobody ever sees them."),
    Type("hubctl accounts list"),
    Type("hubctl accounts get {account}"),
    Say("Calls to the provider go through the account; the hub adds the token."),
    Type("hubctl request GET '/employees?page_size=2' --account {account}"),
    Say("What happened is on record, and webhooks are sent from the same record."),
    Type("hubctl events list --account {account}"),
    Say("A program of yours is told. This one is run by the demo and knows its signing secret."),
    Type(
        "hubctl webhooks create --url {receiver} --events account.updated --secret-file \
         signing-secret.txt",
    ),
    Type("hubctl accounts update {account} --label Main"),
    Delivery,
    Type("hubctl webhooks deliveries"),
    Say("A connector that is switched off takes its accounts along, after counting them."),
    Type("hubctl connectors disable sample --dry-run"),
    Type("hubctl connectors disable sample --yes"),
    Type("hubctl accounts explain {account}"),
    Type("hubctl connectors enable sample"),
    Say("Calls to providers are in the log, as are those to the hub's own API."),
    Type("hubctl logs list"),
];

impl Run for Demo {
    const SERVES: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        interrupts::take_over();
        let stage = Stage::set()?;
        let shown = self.show(context, &stage).await;
        if self.keep {
            let folder = stage.keep();
            context.output.remark(format_args!(
                "the store is kept: HUBCTL_CONFIG_DIR={0} HUBCTL_MASTER_KEY_FILE={0}/master.key \
                 hubctl accounts list",
                folder.display()
            ));
        }
        shown
    }
}

impl Demo {
    async fn show(&self, context: &Context, stage: &Stage) -> Result<(), HubError> {
        say(context, "A hub, and beside it a provider to link accounts with.")?;
        let served = Served::start(context, stage)?;
        let receiver = Receiver::start(&served.provider_host, stage.signing_secret()?)?;
        let mut kept = BTreeMap::from([
            ("hub", served.hub.clone()),
            ("provider_host", served.provider_host.clone()),
            ("receiver", receiver.url.clone()),
            ("patience", if self.browser { "10m" } else { "10s" }.to_owned()),
        ]);
        for step in STEPS {
            if interrupts::asked_to_stop() {
                return Err(HubError::new(&codes::INTERRUPTED, "stopped"));
            }
            match step {
                Say(text) => say(context, text)?,
                Type(line) => stage.run(context, &filled(line, &kept))?,
                Keep(name, line) => {
                    let answer = stage.answer(context, name, &filled(line, &kept))?;
                    kept.insert(name, answer);
                }
                Delivery => {
                    context.output.text(&format!("  the receiver got {}", receiver.next()?))?;
                }
                Customer => {
                    let link = kept.get("link").map(String::as_str).unwrap_or_default();
                    if self.browser {
                        context.output.text(link)?;
                        super::wait::open(context, link);
                    } else {
                        browser::link(context, link).await?;
                    }
                }
            }
        }
        say(context, "That was all in a folder of its own; your own store was not touched.")
    }
}

fn say(context: &Context, text: &str) -> Result<(), HubError> {
    context.output.text(&format!("\n# {text}"))
}

/// A line with the values that were kept.
fn filled(line: &str, kept: &BTreeMap<&str, String>) -> String {
    kept.iter()
        .fold(line.to_owned(), |line, (name, value)| line.replace(&format!("{{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::stage::words;
    use super::{STEPS, Step, filled};

    #[test]
    fn every_line_is_a_command_and_uses_what_was_kept_before() {
        let mut known: BTreeSet<&str> = ["hub", "provider_host", "patience", "receiver"].into();
        for step in STEPS {
            let (line, name) = match step {
                Step::Type(line) => (line, None),
                Step::Keep(name, line) => (line, Some(name)),
                Step::Say(_) | Step::Customer | Step::Delivery => continue,
            };
            let value = |name: &str| match name {
                "receiver" => "http://127.0.0.1:7/".to_owned(),
                _ => "7".to_owned(),
            };
            let values: BTreeMap<&str, String> =
                known.iter().map(|name| (*name, value(name))).collect();
            let line = filled(line, &values);
            assert!(!line.contains(['{', '}']), "{line}");
            let words: Vec<&str> = words(&line).collect();
            // What one shell or another would take for a pattern or a sign of its own is quoted.
            for word in line.split_whitespace().filter(|word| !word.starts_with('\'')) {
                assert!(!word.contains(['?', '*', '[', '&', ';', '~', '$', '#']), "{line}");
            }
            let parsed = crate::cli::command().try_get_matches_from(&words);
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            known.extend(name);
        }
    }
}
