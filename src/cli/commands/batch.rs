//! A write for each of several targets: within its bounds, each told in its turn, and the end that
//! the whole deserves; the same of reads. What is done to a target is left to the commands.

use std::ops::ControlFlow;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use serde_json::json;

use crate::backend::Backend;
use crate::cli::context::Context;
use crate::cli::input::Targets;
use crate::cli::output::WriteResult;
use crate::cli::{exit, interrupts};
use crate::domain::words::counted;
use crate::error::{HubError, Kind, codes};
use crate::hub::write::Guard;

use super::{consents, tell_nothing_to_do};

/// Refuses targets that would touch more accounts together than allowed, before the first one is
/// changed. Each is bounded again while it is.
///
/// # Errors
/// `guard.too_many_affected`; where the hub can't be reached, that.
async fn within(
    most: u64,
    targets: &[String],
    each: &impl AsyncFn(&String, Guard) -> Result<Vec<WriteResult>, HubError>,
) -> Result<(), HubError> {
    let rehearsal = Guard { dry_run: true, max_affected: None };
    let mut affected: u64 = 0;
    for target in targets {
        // What can't be done at all is told in its turn.
        let results = match each(target, rehearsal).await {
            Err(error) if error.is_unsent() => return Err(error),
            outcome => outcome.unwrap_or_default(),
        };
        affected += results.iter().map(|result| result.affected_accounts).sum::<u64>();
    }
    if affected <= most {
        return Ok(());
    }
    let text = format!(
        "{} would be touched by all of these together, the limit given is {most}",
        counted(affected, "linked account")
    );
    let hint = format!("--max-affected {affected} allows it; --dry-run shows what each touches");
    Err(HubError::new(&codes::TOO_MANY_AFFECTED, text)
        .hint(hint)
        .detail(json!({ "affected_accounts": affected })))
}

/// Runs a write for each target, tells what became of each, and ends as the whole deserves.
pub(super) struct Batch<'c> {
    context: &'c Context,
    /// What the targets are, such as `account`: a failed one is named as one that succeeded.
    kind: &'static str,
    action: &'static str,
    guard: Guard,
    /// How many targets have not ended.
    left: usize,
    /// How many of them were begun.
    begun: usize,
    many: bool,
    /// Whether a question may come up.
    pub(super) asks: bool,
    results: Vec<WriteResult>,
    failed: Option<HubError>,
    succeeded: bool,
    /// How many targets were not tried.
    untried: usize,
}

impl<'c> Batch<'c> {
    pub(super) fn new(
        context: &'c Context,
        kind: &'static str,
        action: &'static str,
        targets: &Targets,
        hint: &'static str,
    ) -> Result<Self, HubError> {
        if targets.is_empty() && !targets.are_listed {
            return Err(HubError::new(&codes::INPUT_NEEDED, "no target given").hint(hint));
        }
        let many = targets.are_many();
        context.output.check_writes(many)?;
        if targets.is_empty() {
            tell_nothing_to_do(context, "standard input names no target");
        }
        let guard = context.guard();
        Ok(Self {
            context,
            kind,
            action,
            guard,
            left: targets.len(),
            begun: 0,
            many,
            asks: context.ask.allowed && !consents(context),
            results: Vec::new(),
            failed: None,
            succeeded: false,
            untried: 0,
        })
    }

    /// The bounds for the next target: what is left of `--max-affected`.
    pub(super) fn guard(&self) -> Guard {
        let used = || self.results.iter().map(|result| result.affected_accounts).sum();
        Guard {
            max_affected: self.guard.max_affected.map(|most| most.saturating_sub(used())),
            ..self.guard
        }
    }

    /// Takes down what became of a target; tells to stop where the person said so, and where no
    /// other one can be reached either.
    pub(super) fn add(
        &mut self,
        target: &str,
        outcome: Result<Vec<WriteResult>, HubError>,
    ) -> ControlFlow<()> {
        self.left = self.left.saturating_sub(1);
        match outcome {
            Ok(results) => {
                self.succeeded = true;
                for result in &results {
                    self.context.output.asides(result);
                }
                self.results.extend(results);
            }
            Err(error) => {
                self.take_down(target, &error);
                if self.many {
                    tell_failure(self.context, target, &error);
                }
                let was_stopped = self.failed.as_ref().is_some_and(is_stop);
                if is_stop(&error) || error.is_unsent() && !was_stopped {
                    self.failed = Some(error);
                    return ControlFlow::Break(());
                }
                self.failed.get_or_insert(error);
            }
        }
        // What was begun is finished; nothing more is.
        if self.left > self.begun && interrupts::asked_to_stop() {
            self.failed = Some(HubError::new(interrupts::code(), "stopped"));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// The result of a target that failed.
    fn take_down(&mut self, target: &str, error: &HubError) {
        let resource = format!("{}/{target}", self.kind);
        let mut result = WriteResult::new(self.action, resource, false);
        result.dry_run = self.guard.dry_run;
        result.ok = false;
        result.error = Some(exit::as_value(error));
        self.results.push(result);
    }

    /// Takes down that these were not tried, since the hub could not be reached.
    fn leave_out(&mut self, targets: &[String]) {
        let Some(first) = targets.first() else { return };
        let text = "not tried: the hub could not be reached for an earlier target";
        let error = HubError::new(&codes::REMOTE_UNREACHABLE, text).hint("hubctl doctor");
        for target in targets {
            self.take_down(target, &error);
        }
        self.untried = targets.len();
        if self.tells_failures() {
            let all = counted(targets.len(), "target");
            self.context.output.warn(format_args!("not tried: {all}, from {first} on"));
        }
    }

    /// Whether failures are told one by one.
    fn tells_failures(&self) -> bool {
        self.many && tells_failures(self.context)
    }

    /// Does `each` for every target, one after the other, and ends: for targets of which one may
    /// hang on what became of another, such as the key that the command itself uses.
    pub(super) async fn each(
        self,
        backend: &Backend,
        targets: &[String],
        each: impl AsyncFn(&String, Guard) -> Result<Vec<WriteResult>, HubError>,
    ) -> Result<(), HubError> {
        self.run(1, backend, targets, each).await
    }

    /// As `each`, for targets that have nothing to do with one another: as many go on at the same
    /// time as the backend takes. What became of them is told in their order all the same.
    pub(super) async fn each_at_once(
        self,
        backend: &Backend,
        targets: &[String],
        each: impl AsyncFn(&String, Guard) -> Result<Vec<WriteResult>, HubError>,
    ) -> Result<(), HubError> {
        // What one target uses up of a bound is not left for the next; and while a person thinks
        // about a question, nothing else may go on.
        let is_bound = self.guard.max_affected.is_some() || self.asks;
        let most = if is_bound { 1 } else { backend.at_once() };
        self.run(most, backend, targets, each).await
    }

    /// Does `each` for every target, `most` at the same time, with the bounds that are left for it.
    async fn run(
        mut self,
        most: usize,
        backend: &Backend,
        targets: &[String],
        each: impl AsyncFn(&String, Guard) -> Result<Vec<WriteResult>, HubError>,
    ) -> Result<(), HubError> {
        if let Some(most) = self.guard.max_affected.filter(|_| self.many && !self.asks)
            && let Err(error) = within(most, targets, &each).await
        {
            let all = targets.split_first().filter(|_| error.is_unsent());
            let Some((first, rest)) = all else { return Err(error) };
            _ = self.add(first, Err(error));
            self.leave_out(rest);
            return self.finish(backend);
        }
        if self.many {
            interrupts::keep_targets();
        }
        let mut waiting = targets.iter();
        let mut rest: &[String] = &[];
        let mut running = FuturesOrdered::new();
        loop {
            while running.len() < most
                && let Some(target) = waiting.next()
            {
                let (guard, each) = (self.guard(), &each);
                running.push_back(async move { (target, each(target, guard).await) });
            }
            let Some((target, outcome)) = running.next().await else { break };
            self.begun = running.len();
            if self.add(target, outcome).is_break() && !waiting.as_slice().is_empty() {
                rest = waiting.as_slice();
                waiting = [].iter();
            }
        }
        if self.failed.as_ref().is_some_and(HubError::is_unsent) {
            self.leave_out(rest);
        }
        self.finish(backend)
    }

    /// Tells what came of it all, and what the backend noted.
    pub(super) fn finish(self, backend: &Backend) -> Result<(), HubError> {
        // Programs are told of a failure in one line, and of nothing else.
        if self.succeeded || !self.context.settings.json_errors {
            self.context.tell_notes(backend);
        }
        self.finish_without_notes()
    }

    /// As `finish`, for what no backend had a part in.
    pub(super) fn finish_without_notes(self) -> Result<(), HubError> {
        let output = &self.context.output;
        let shown = match (self.many, &self.failed) {
            (true, _) => output.write_many(&self.results),
            (false, None) => output.write_together(&self.results),
            // Its error is all there is to say of it.
            (false, Some(_)) => Ok(()),
        };
        match (shown, self.ended()) {
            // What became of the targets weighs more than how it is shown.
            (Err(unshown), Err(error)) => {
                let text = format!("{error}; what became of each can't be shown: {unshown}");
                Err(HubError::new(error.code(), text))
            }
            (shown, ended) => shown.and(ended),
        }
    }

    /// How the whole ends.
    fn ended(self) -> Result<(), HubError> {
        let was_told = self.tells_failures();
        let untried = match self.untried {
            0 => String::new(),
            count => format!(", {count} of them not tried"),
        };
        match self.failed {
            None => Ok(()),
            Some(error) if !self.many => Err(error),
            Some(error) if is_stop(&error) => {
                let done = self.results.iter().filter(|result| result.ok).count();
                let text = format!("stopped after {}", counted(done, "target"));
                Err(HubError::new(error.code(), text))
            }
            Some(_) if self.succeeded => {
                let failed = self.results.iter().filter(|result| !result.ok).count();
                let all = counted(self.results.len(), "target");
                let text = format!("{failed} of {all} failed{untried}");
                Err(HubError::new(&codes::PARTIAL, text))
            }
            Some(error) if was_told => {
                let text = match self.results.len() {
                    1 => format!("the only target failed{untried}"),
                    count => format!("all {} failed{untried}", counted(count, "target")),
                };
                Err(HubError::new(error.code(), text))
            }
            Some(error) => Err(error),
        }
    }
}

/// Whether failures of targets are told one by one: to people, and where no record of them is shown.
fn tells_failures(context: &Context) -> bool {
    !context.settings.json_errors || context.output.tells_sentences()
}

fn tell_failure(context: &Context, target: &str, error: &HubError) {
    if tells_failures(context) {
        let (output, is_verbose) = (&context.output, context.globals.verbose > 0);
        let color = context.settings.output.color_err;
        output.failure(&exit::of_target(error, target, color, is_verbose));
    }
}

/// Targets of a read that are not there, each told in its turn.
pub(super) struct Absent<'c> {
    context: &'c Context,
    errors: Vec<(String, HubError)>,
}

impl<'c> Absent<'c> {
    pub(super) fn new(context: &'c Context) -> Self {
        Self { context, errors: Vec::new() }
    }

    /// What was read, or `None` where the target is not there.
    ///
    /// # Errors
    /// As the read failed otherwise: the next one would fare no better.
    pub(super) fn sort_out<T>(
        &mut self,
        target: &str,
        read: Result<T, HubError>,
    ) -> Result<Option<T>, HubError> {
        match read {
            Err(error) if error.code().kind == Kind::NotFound => {
                tell_failure(self.context, target, &error);
                self.errors.push((target.to_owned(), error));
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// How the read of all targets ends, of which so many were found.
    ///
    /// # Errors
    /// `result.partial` where some are there, else as the first one was not found.
    pub(super) fn end(self, found: usize) -> Result<(), HubError> {
        let each = |(target, error): &(String, HubError)| json!({ "target": target, "error": exit::as_value(error) });
        let details: Vec<_> = self.errors.iter().map(each).collect();
        let failed = self.errors.len();
        let Some((_, first)) = self.errors.into_iter().next() else { return Ok(()) };
        let all = counted(failed + found, "target");
        let error = match found {
            0 if tells_failures(self.context) => {
                HubError::new(first.code(), format!("all {all} failed"))
            }
            0 => first,
            _ => HubError::new(&codes::PARTIAL, format!("{failed} of {all} failed")),
        };
        Err(details.into_iter().fold(error, HubError::detail))
    }
}

/// Whether the command was told to end, and not only this target failed.
fn is_stop(error: &HubError) -> bool {
    matches!(error.code().kind, Kind::Interrupted | Kind::Terminated)
}
