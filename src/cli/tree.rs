//! The command tree: one row per command, from which parser, completions, man pages and
//! `hubctl commands` are made. A group's parsers are built only when the group is used.

use std::ffi::OsString;
use std::future::Future;
use std::pin::Pin;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::api::Operation;
use crate::error::HubError;

use super::commands::{
    accounts, api, auth, config, connectors, contract, demo, doctor, events, keys, link, logs,
    meta, oauth_apps, profile, projects, request, serve, session, store, wait, webhooks,
};
use super::context::Context;
use super::globals::Globals;

mod effect;
mod examples;
#[cfg(test)]
mod tests;
mod words;

pub use effect::Effect;
pub(super) use examples::examples_of;
pub use examples::{EXAMPLES, Examples};
pub(super) use words::words;

/// The arguments of a command, and what it does with them.
pub(super) trait Run: Args + FromArgMatches {
    /// Whether it serves others, and so wants a thread per processor.
    const SERVES: bool = false;
    /// Whether it uses the network also where it acts on a store in a file.
    const CALLS: bool = false;

    async fn run(self, context: &Context) -> Result<(), HubError>;
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), HubError>> + 'a>>;

/// One command.
pub(super) struct Leaf {
    pub(super) name: &'static str,
    aliases: &'static [&'static str],
    pub(super) effect: Effect,
    pub(super) operations: &'static [&'static str],
    augment: fn(Command) -> Command,
    serves: bool,
    calls: bool,
    run: for<'a> fn(&'a Context, &'a ArgMatches) -> Running<'a>,
}

const fn leaf<T: Run>(
    name: &'static str,
    aliases: &'static [&'static str],
    effect: Effect,
    operations: &'static [&'static str],
) -> Leaf {
    let (augment, serves, calls) = (T::augment_args, T::SERVES, T::CALLS);
    Leaf { name, aliases, effect, operations, augment, serves, calls, run: run::<T> }
}

fn run<'a, T: Run>(context: &'a Context, matches: &'a ArgMatches) -> Running<'a> {
    Box::pin(async move {
        let parsed = T::from_arg_matches(matches)
            .map_err(|error| HubError::new(&crate::error::codes::USAGE, error.to_string()))?;
        parsed.run(context).await
    })
}

/// Commands on one kind of thing.
pub(super) struct Group {
    pub(super) name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    pub(super) commands: &'static [Leaf],
}

use Effect::{Destructive, Read, Write};

/// Every command on a resource.
pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "connectors",
        aliases: &["connector"],
        about: "Set up the connectors that accounts can be linked with",
        commands: &[
            leaf::<connectors::List>("list", &["ls"], Read, &["auth_configs.list"]),
            leaf::<connectors::Available>("available", &[], Read, &["connectors.list"]),
            leaf::<connectors::Get>(
                "get",
                &["show"],
                Read,
                &["auth_configs.get", "connectors.get"],
            ),
            leaf::<connectors::Guide>("guide", &[], Read, &["connectors.guide"]),
            leaf::<connectors::Add>("add", &[], Write, &["auth_configs.create"]),
            leaf::<connectors::Edit>("edit", &[], Write, &["auth_configs.update"]),
            leaf::<connectors::Enable>("enable", &[], Write, &["auth_configs.enable"]),
            leaf::<connectors::Disable>(
                "disable",
                &[],
                Destructive,
                &["auth_configs.target", "auth_configs.disable", "auth_configs.impact"],
            ),
            leaf::<connectors::MakeDefault>(
                "make-default",
                &[],
                Destructive,
                &["auth_configs.make_default"],
            ),
            leaf::<connectors::Delete>("delete", &["rm"], Destructive, &["auth_configs.delete"]),
            leaf::<connectors::Open>("open", &[], Read, &["connectors.get"]),
            leaf::<logs::OfConnector>("logs", &[], Read, &["auth_configs.target", "logs.list"]),
            leaf::<connectors::Import>("import", &[], Write, &["connectors.import"]),
            leaf::<connectors::Lint>("lint", &[], Read, &[]),
            leaf::<connectors::Forget>("forget", &[], Destructive, &["connectors.forget"]),
        ],
    },
    Group {
        name: "session",
        aliases: &["sessions"],
        about: "Give end users the right to link an account",
        commands: &[
            leaf::<session::Create>(
                "create",
                &[],
                Write,
                &["accounts.get", "connect_sessions.create"],
            ),
            leaf::<session::Get>("get", &["show"], Read, &["connect_sessions.get"]),
            leaf::<session::List>("list", &["ls"], Read, &["connect_sessions.list"]),
            leaf::<wait::SessionWait>("wait", &[], Read, &["connect_sessions.get", "accounts.get"]),
            leaf::<session::Revoke>("revoke", &[], Destructive, &["connect_sessions.revoke"]),
        ],
    },
    Group {
        name: "link",
        aliases: &["links"],
        about: "Make links that end users open to link an account",
        commands: &[leaf::<link::Create>(
            "create",
            &[],
            Write,
            &["accounts.get", "connect_sessions.create", "connect_sessions.create_batch"],
        )],
    },
    Group {
        name: "accounts",
        aliases: &["account"],
        about: "See and manage linked accounts",
        commands: &[
            leaf::<accounts::List>("list", &["ls"], Read, &["accounts.list"]),
            leaf::<accounts::Get>("get", &["show"], Read, &["accounts.get"]),
            leaf::<accounts::Explain>("explain", &[], Read, &["accounts.explain"]),
            leaf::<accounts::Add>("add", &[], Write, &["accounts.create"]),
            leaf::<accounts::Update>("update", &[], Write, &["accounts.update"]),
            leaf::<accounts::Relink>(
                "relink",
                &[],
                Write,
                &["accounts.get", "connect_sessions.create"],
            ),
            leaf::<wait::AccountWait>("wait", &[], Read, &["accounts.get"]),
            leaf::<accounts::Test>("test", &[], Write, &["accounts.test"]),
            leaf::<accounts::Refresh>("refresh", &[], Write, &["accounts.refresh"]),
            leaf::<accounts::Suspend>("suspend", &[], Destructive, &["accounts.suspend"]),
            leaf::<accounts::Resume>("resume", &[], Write, &["accounts.resume"]),
            leaf::<accounts::Delete>("delete", &["rm"], Destructive, &["accounts.delete"]),
            leaf::<accounts::Export>("export", &[], Read, &["accounts.list"]),
            leaf::<logs::OfAccount>("logs", &[], Read, &["logs.list"]),
        ],
    },
    Group {
        name: "logs",
        aliases: &["log"],
        about: "See who called what, and what came of it",
        commands: &[
            leaf::<logs::List>("list", &["ls"], Read, &["logs.list"]),
            leaf::<logs::Get>("get", &["show"], Read, &["platform.requests.get"]),
            leaf::<logs::Tail>("tail", &[], Read, &["logs.list"]),
        ],
    },
    Group {
        name: "webhooks",
        aliases: &["webhook"],
        about: "Tell other programs of what happens",
        commands: &[
            leaf::<webhooks::List>("list", &["ls"], Read, &["webhooks.list"]),
            leaf::<webhooks::Get>("get", &["show"], Read, &["webhooks.get"]),
            leaf::<webhooks::Create>("create", &[], Write, &["webhooks.create"]),
            leaf::<webhooks::Update>("update", &[], Write, &["webhooks.update"]),
            leaf::<webhooks::Enable>("enable", &[], Write, &["webhooks.enable"]),
            leaf::<webhooks::Disable>("disable", &[], Destructive, &["webhooks.disable"]),
            leaf::<webhooks::Delete>("delete", &["rm"], Destructive, &["webhooks.delete"]),
            leaf::<webhooks::RotateSecret>(
                "rotate-secret",
                &[],
                Destructive,
                &["webhooks.rotate_secret"],
            ),
            leaf::<webhooks::Test>("test", &[], Write, &["webhooks.test"]),
            leaf::<webhooks::Deliveries>(
                "deliveries",
                &[],
                Read,
                &["deliveries.list", "deliveries.get"],
            ),
            leaf::<webhooks::Redeliver>(
                "redeliver",
                &[],
                Write,
                &["deliveries.redeliver", "deliveries.redeliver_failed"],
            ),
            leaf::<webhooks::Listen>("listen", &[], Read, &["events.follow"]),
            leaf::<webhooks::Verify>("verify", &[], Read, &[]),
        ],
    },
    Group {
        name: "events",
        aliases: &["event"],
        about: "See what happened, and what happens",
        commands: &[
            leaf::<events::List>("list", &["ls"], Read, &["events.list"]),
            leaf::<events::Tail>("tail", &[], Read, &["events.follow"]),
        ],
    },
    Group {
        name: "keys",
        aliases: &["key"],
        about: "Manage the API keys of programs that call the hub",
        commands: &[
            leaf::<keys::List>("list", &["ls"], Read, &["keys.list"]),
            leaf::<keys::Get>("get", &["show"], Read, &["keys.get"]),
            leaf::<keys::Create>("create", &[], Write, &["keys.create"]),
            leaf::<keys::Disable>("disable", &[], Destructive, &["keys.disable"]),
            leaf::<keys::Enable>("enable", &[], Write, &["keys.enable"]),
            leaf::<keys::Delete>("delete", &["rm"], Destructive, &["keys.delete"]),
        ],
    },
    Group {
        name: "oauth-apps",
        aliases: &["oauth-app"],
        about: "Keep OAuth applications that auth configs share",
        commands: &[
            leaf::<oauth_apps::List>("list", &["ls"], Read, &["oauth_apps.list"]),
            leaf::<oauth_apps::Set>("set", &[], Write, &["oauth_apps.set"]),
            leaf::<oauth_apps::Delete>("delete", &["rm"], Destructive, &["oauth_apps.delete"]),
        ],
    },
    Group {
        name: "projects",
        aliases: &["project"],
        about: "Keep connectors and accounts apart",
        commands: &[
            leaf::<projects::List>("list", &["ls"], Read, &["projects.list"]),
            leaf::<projects::Get>("get", &["show"], Read, &["projects.get"]),
            leaf::<projects::Create>("create", &[], Write, &["projects.create"]),
            leaf::<projects::Update>("update", &[], Write, &["projects.update"]),
            leaf::<projects::Delete>(
                "delete",
                &["rm"],
                Destructive,
                &["projects.impact", "projects.delete"],
            ),
        ],
    },
    Group {
        name: "store",
        aliases: &[],
        about: "Look after a store of one's own as a whole",
        commands: &[
            leaf::<store::Check>("check", &[], Read, &[]),
            leaf::<store::Path>("path", &[], Read, &[]),
            leaf::<store::RotateKey>("rotate-key", &[], Destructive, &[]),
        ],
    },
    Group {
        name: "auth",
        aliases: &[],
        about: "Keep the API key of a hub elsewhere",
        commands: &[
            leaf::<auth::Login>("login", &[], Write, &[]),
            leaf::<auth::Logout>("logout", &[], Write, &[]),
            leaf::<auth::Status>("status", &[], Read, &["capabilities.get"]),
        ],
    },
    Group {
        name: "profile",
        aliases: &[],
        about: "Save places to act",
        commands: &[
            leaf::<profile::List>("list", &["ls"], Read, &[]),
            leaf::<profile::Get>("get", &["show"], Read, &[]),
            leaf::<profile::Create>("create", &[], Write, &[]),
            leaf::<profile::Use>("use", &[], Write, &[]),
            leaf::<profile::Delete>("delete", &["rm"], Destructive, &[]),
        ],
    },
    Group {
        name: "config",
        aliases: &[],
        about: "See and change the settings of profiles",
        commands: &[
            leaf::<config::List>("list", &["ls"], Read, &[]),
            leaf::<config::Get>("get", &["show"], Read, &[]),
            leaf::<config::Set>("set", &[], Write, &[]),
            leaf::<config::Unset>("unset", &[], Write, &[]),
            leaf::<config::Path>("path", &[], Read, &[]),
            leaf::<config::Explain>("explain", &[], Read, &[]),
        ],
    },
];

/// Commands that stand alone.
pub(super) const SINGLE: &[Leaf] = &[
    leaf::<request::Request>("request", &[], Write, &["accounts.proxy"]),
    leaf::<api::Api>("api", &[], Write, &[]),
    leaf::<doctor::Doctor>(
        "doctor",
        &[],
        Read,
        &[
            "capabilities.get",
            "auth_configs.list",
            "accounts.list",
            "keys.list",
            "projects.get",
            "accounts.check",
        ],
    ),
    leaf::<serve::Serve>("serve", &[], Write, &[]),
    leaf::<demo::Demo>("demo", &[], Read, &[]),
    leaf::<contract::Commands>("commands", &[], Read, &[]),
    leaf::<contract::Schema>("schema", &[], Read, &[]),
    leaf::<meta::ExplainError>("explain-error", &[], Read, &[]),
    leaf::<meta::Completion>("completion", &[], Read, &[]),
    leaf::<meta::Man>("man", &[], Read, &[]),
    leaf::<meta::Version>("version", &[], Read, &[]),
    leaf::<meta::Help>("help", &[], Read, &[]),
];

/// Builders of the groups, in the order of `GROUPS`; a builder takes no data along, so the place
/// in the table is part of its type.
const BUILDERS: [fn(Command) -> Command; GROUPS.len()] = [
    group::<0>,
    group::<1>,
    group::<2>,
    group::<3>,
    group::<4>,
    group::<5>,
    group::<6>,
    group::<7>,
    group::<8>,
    group::<9>,
    group::<10>,
    group::<11>,
    group::<12>,
    group::<13>,
];

fn group<const AT: usize>(command: Command) -> Command {
    let group = &GROUPS[AT];
    let leaves = group.commands.iter();
    let leaves = leaves.map(|leaf| examples::shown(&[group.name, leaf.name], leaf_command(leaf)));
    command.subcommand_required(true).arg_required_else_help(true).subcommands(leaves)
}

fn group_command(group: &Group) -> Command {
    Command::new(group.name).about(group.about).visible_aliases(group.aliases.iter().copied())
}

fn leaf_command(leaf: &Leaf) -> Command {
    (leaf.augment)(Command::new(leaf.name).visible_aliases(leaf.aliases.iter().copied()))
}

/// The parser without any command.
fn root() -> Command {
    // The flags come first: what they say of themselves is not what the root says.
    Globals::augment_args(Command::new("hubctl"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Administer an integration hub: connectors, connect sessions, linked accounts")
        .long_about(None)
        .after_help(
            "Scripts: `hubctl help exit-codes`, `hubctl help environment`, `hubctl help output`.\n\
             Every command takes --json, and --dry-run where it writes.",
        )
        .propagate_version(false)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .max_term_width(100)
}

/// The parser of the whole tree.
#[must_use]
pub fn command() -> Command {
    whole_tree(examples::shown)
}

/// The parser of the whole tree, with what `shown` adds to the help of root and commands.
fn whole_tree(shown: fn(&[&str], Command) -> Command) -> Command {
    let groups = GROUPS.iter().zip(BUILDERS);
    let groups = groups.map(|(group, build)| group_command(group).defer(build));
    let single = SINGLE.iter().map(|leaf| shown(&[leaf.name], leaf_command(leaf)));
    shown(&[], root()).subcommands(groups).subcommands(single)
}

/// Parses a command line as the whole tree does, and builds as little of it as that takes: a
/// command whose name does not occur on the line can't be meant, and what only help shows is left
/// out where none is.
pub(super) fn parse(arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let whole = || command().try_get_matches_from(arguments);
    let occurs = |word: &str| arguments.iter().any(|argument| argument == word);
    let is_named =
        |name: &str, aliases: &[&str]| occurs(name) || aliases.iter().any(|alias| occurs(alias));
    let mut named = root();
    for group in GROUPS.iter().filter(|group| is_named(group.name, group.aliases)) {
        let leaves = group.commands.iter().filter(|leaf| is_named(leaf.name, leaf.aliases));
        let command = group_command(group).subcommand_required(true);
        named = named.subcommand(command.subcommands(leaves.map(leaf_command)));
    }
    let single = SINGLE.iter().filter(|leaf| is_named(leaf.name, leaf.aliases));
    named = named.subcommands(single.map(leaf_command));
    let (tree, shown): (_, &[ErrorKind]) = if !named.has_subcommands() {
        let flat = if occurs("--help") { command() } else { whole_tree(|_, command| command) };
        // No command gets the flags handed down, which is most of the work.
        let flat = flat.mut_args(|argument| argument.global(false));
        (flat, &[ErrorKind::DisplayVersion, ErrorKind::DisplayHelp])
    } else if occurs("--help") || occurs("-h") {
        return whole();
    } else {
        (named, &[ErrorKind::DisplayVersion])
    };
    match tree.try_get_matches_from(arguments) {
        // What is wrong is told by all that would be right.
        Err(error) if !shown.contains(&error.kind()) => whole(),
        parsed => parsed,
    }
}

/// A command that was named, with its own arguments.
pub(super) struct Found<'m> {
    pub(super) serves: bool,
    pub(super) calls: bool,
    pub(super) run: for<'a> fn(&'a Context, &'a ArgMatches) -> Running<'a>,
    pub(super) matches: &'m ArgMatches,
    /// The group that it belongs to.
    pub(super) group: Option<&'static str>,
    /// Whether it may change something on the hub, and not only in hubctl's own files.
    pub(super) writes_to_the_hub: bool,
}

impl Leaf {
    fn found<'m>(&self, group: Option<&'static str>, matches: &'m ArgMatches) -> Found<'m> {
        let only_reads =
            |id: &str| Operation::find(id).is_some_and(|row| row.permission.only_reads());
        let writes_to_the_hub =
            self.effect != Read && !self.operations.iter().all(|id| only_reads(id));
        let Self { serves, calls, run, .. } = *self;
        Found { serves, calls, run, matches, group, writes_to_the_hub }
    }
}

/// The command that the arguments name.
pub(super) fn find(matches: &ArgMatches) -> Option<Found<'_>> {
    let (name, matches) = matches.subcommand()?;
    if let Some(leaf) = SINGLE.iter().find(|leaf| leaf.name == name) {
        return Some(leaf.found(None, matches));
    }
    let group = GROUPS.iter().find(|group| group.name == name)?;
    let (name, matches) = matches.subcommand()?;
    let leaf = group.commands.iter().find(|leaf| leaf.name == name)?;
    Some(leaf.found(Some(group.name), matches))
}

/// Shows each command: its words, its effect and the operations that it calls.
pub fn for_each_leaf(mut each: impl FnMut(&[&'static str], Effect, &'static [&'static str])) {
    for group in GROUPS {
        for leaf in group.commands {
            each(&[group.name, leaf.name], leaf.effect, leaf.operations);
        }
    }
    for leaf in SINGLE {
        each(&[leaf.name], leaf.effect, leaf.operations);
    }
}
