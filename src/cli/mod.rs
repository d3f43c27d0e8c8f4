//! The command line: parses, dispatches, and turns the outcome into an exit status.

pub mod assets;
mod commands;
mod context;
mod credentials;
pub mod exit;
mod globals;
mod input;
mod interrupts;
pub mod manual;
pub mod output;
pub mod owners;
pub mod prompt;
mod records;
pub mod schemas;
mod settings;
mod tree;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::domain::time::Clock;
use crate::error::{HubError, codes};

use context::{Context, SystemClock};
use globals::{ColorChoice, Globals};
use settings::{Environment, Reading, Settings};

pub use tree::{EXAMPLES, Effect, Examples, command, for_each_leaf};

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    exit::report_panics();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if assets::complete_if_asked() {
        return ExitCode::SUCCESS;
    }
    let env = Environment::read();
    let mut told = Told::before_parsing(&arguments, &env);
    match exit::guarded(|| execute(&arguments, env, &mut told)) {
        Ok(Ok(()) | Err(Stop::Shown)) => ExitCode::SUCCESS,
        Ok(Err(Stop::Failed(error))) | Err(error) => {
            if !error.is_told() {
                let mut stderr = std::io::stderr().lock();
                // Nobody can be told that standard error does not work.
                _ = exit::report(&error, told.as_json, told.in_color, told.verbose, &mut stderr);
            }
            ExitCode::from(exit::exit_code(&error))
        }
    }
}

enum Stop {
    /// Help or the version was asked for and shown.
    Shown,
    Failed(HubError),
}

impl From<HubError> for Stop {
    fn from(error: HubError) -> Self {
        Self::Failed(error)
    }
}

/// How an error is told.
struct Told {
    as_json: bool,
    in_color: bool,
    verbose: bool,
}

impl Told {
    /// What can be seen without understanding the command line: it may be the command line that
    /// is wrong.
    fn before_parsing(arguments: &[OsString], env: &Environment) -> Self {
        let machine = |name: &str| matches!(name, "json" | "jsonl" | "yaml");
        let mut as_json = env.wants_json_errors();
        let mut named = false;
        for (index, argument) in arguments.iter().enumerate() {
            let Some(text) = argument.to_str() else { continue };
            let value = match text {
                "--" => break,
                "--json" | "--jq" => Some("json"),
                "-o" | "--output" => arguments.get(index + 1).and_then(|next| next.to_str()),
                _ => text
                    .strip_prefix("--output=")
                    .or_else(|| text.strip_prefix("-o="))
                    .or_else(|| text.strip_prefix("-o")),
            };
            named |= value.is_some();
            as_json |= value.is_some_and(machine) || text.starts_with("--jq=");
        }
        as_json |= !named && env.wants_machine_output();
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        Self { as_json, in_color: env.color(ColorChoice::Auto, is_terminal), verbose: false }
    }
}

fn execute(arguments: &[OsString], env: Environment, told: &mut Told) -> Result<(), Stop> {
    let matches = match tree::parse(arguments) {
        Ok(matches) => matches,
        Err(error) => return Err(parse_error(&error, arguments)),
    };
    let globals = Globals::from_arg_matches(&matches);
    let globals = globals.map_err(|error| parse_error(&error, arguments))?;
    told.verbose = globals.verbose > 0;
    let leaf = tree::find(&matches)
        .ok_or_else(|| HubError::new(&codes::USAGE, "no command given").hint("hubctl --help"))?;
    let reading = match leaf.group {
        Some("auth") => Reading::ProfileMayLack,
        Some("config" | "profile") => Reading::Lenient,
        _ => Reading::Whole,
    };
    let settings = Settings::merge(&globals, env, SystemClock.now(), reading)?;
    told.as_json = settings.json_errors;
    told.in_color = settings.output.color_err;
    let context = Context::new(globals, settings)?.writing(leaf.writes_to_the_hub);
    if leaf.writes_to_the_hub {
        commands::confirm_profile(&context)?;
    }
    let done = context.block_on(leaf.serves, leaf.calls, (leaf.run)(&context, leaf.matches));
    if done.is_ok() {
        context.tell_kept_notes();
    }
    // A command without a group says itself what it sends.
    let was_done = leaf.group.is_some() && leaf.writes_to_the_hub && !context.globals.dry_run;
    done.map_err(|error| {
        let error = credentials::traced(error, &context.settings);
        if was_done { of_the_answer(error).into() } else { error.into() }
    })
}

/// Where a write's answer can't be shown, the write itself was done: who repeats the command would
/// do it twice.
fn of_the_answer(error: HubError) -> HubError {
    let name = error.code().name;
    // One that knows better how far it came has a hint of its own.
    let is_unwritten = name == codes::OUTPUT_FAILED.name && error.hint_text().is_none();
    if name != codes::BAD_JQ.name && !is_unwritten {
        return error;
    }
    let text = format!("the write was done; only its answer can't be shown: {error}");
    HubError::new(error.code(), text).hint("look at what is there before you repeat the command")
}

/// Help goes to standard output; everything else becomes an error in hubctl's own form.
fn parse_error(error: &clap::Error, arguments: &[OsString]) -> Stop {
    if !error.use_stderr() {
        return match error.print() {
            Ok(()) => Stop::Shown,
            Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Stop::Shown,
            Err(cause) => HubError::new(&codes::OUTPUT_FAILED, "the help can't be written")
                .source(cause)
                .into(),
        };
    }
    let text = error.render().to_string();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut message = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    let listed = lines.by_ref().take_while(|line| line.starts_with("  ")).map(str::trim);
    for line in listed {
        message.push_str(if message.ends_with(':') { " " } else { "; " });
        message.push_str(line);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "a command is needed".clone_into(&mut message);
    }
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let help = format!("{} --help", tree::words(arguments));
    let hint = tip.map_or(help.clone(), |tip| format!("{tip}; see {help}"));
    HubError::new(&codes::USAGE, message).hint(hint).into()
}
