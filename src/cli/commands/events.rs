//! `hubctl events`.

use std::time::{Duration, Instant};

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::api::events::{BEGINNING, Event};
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::{Endless, Format};
use crate::cli::tree::Run;
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, EventId};
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::events::{Filter, Place};

use super::outlasting::{AGAIN, Outlasting};

/// How long one request waits for events, in seconds.
const WAIT_S: u64 = 20;
/// The same on a store of one's own, where what became due meanwhile is looked for in between.
const LOOK_EVERY_S: u64 = 5;
/// Longest pause before a hub is asked again that answers at once although nothing happened.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// How often it is looked whether anybody still reads.
const BEAT: Duration = Duration::from_millis(200);

pub(super) fn kind_parser() -> impl TypedValueParser<Value = EventKind> {
    PossibleValuesParser::new(EventKind::NAMES).try_map(|name| name.parse::<EventKind>())
}

/// Which events.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Chosen {
    /// Only what happened to this account
    #[arg(long, value_name = "ID", add = assets::accounts())]
    pub(super) account: Option<AccountId>,

    /// Only events of this kind, such as account.created; can be given several times
    #[arg(long = "type", value_name = "EVENT", value_delimiter = ',', value_parser = kind_parser())]
    pub(super) kinds: Vec<EventKind>,
}

impl Chosen {
    pub(super) fn filter(self) -> Filter {
        let account = self.account.map(|id| id.to_string());
        Filter { account, kinds: self.kinds, ..Filter::default() }
    }
}

/// Refuses a format in which events could be written only when there are no more of them.
pub(super) fn refuse_documents(context: &Context) -> Result<(), HubError> {
    if context.output.is_machine() && context.output.endless_format() != Format::Jsonl {
        let text = "events never end, and this format is one whole document";
        return Err(HubError::new(&codes::USAGE, text).hint("use -o jsonl"));
    }
    Ok(())
}

/// List what happened in the project, the oldest first
///
/// Webhooks are told of the same events. They stay as long as the project. The newest are shown by
/// `hubctl events list | tail`, or from a time on with --since. Events of API keys and of webhooks
/// are only for callers that may list those.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    chosen: Chosen,

    /// Only events since: 24h, 7d, a time, or a Unix time
    #[arg(long, value_name = "DURATION|TIME")]
    since: Option<String>,

    /// Only events after this one: the last id of an earlier list
    #[arg(long, value_name = "ID")]
    after: Option<EventId>,
}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let since = self.since.map(|since| input::since(&since, context.now())).transpose()?;
        let mut list = context.output.list_of::<Event<'_>>()?;
        let filter =
            Filter { since, after: self.after, limit: list.wanted(), ..self.chosen.filter() };
        let backend = context.backend().await?;
        backend.events(&filter, |event| list.push(event)).await?;
        list.finish(|summary| {
            let newest = "the oldest come first; for the newest: hubctl events list | tail";
            Some(if summary.more { newest.to_owned() } else { counted(summary.rows, "event") })
        })?;
        Ok(())
    }
}

/// Show events as they happen, until Ctrl-C
///
/// Begins with what happens from now on, at --since, or behind --after: with the last id that was
/// shown, nothing is missed and nothing comes twice. With --limit it ends after so many.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Tail {
    #[command(flatten)]
    chosen: Chosen,

    /// Begin with what happened since: 24h, 7d, a time, or a Unix time
    #[arg(long, value_name = "DURATION|TIME")]
    since: Option<String>,

    /// Begin after this event: the last id that was seen
    #[arg(long, value_name = "ID")]
    after: Option<EventId>,
}

impl Run for Tail {
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        refuse_documents(context)?;
        context.output.check::<Event<'_>>()?;
        let since = self.since.map(|since| input::since(&since, context.now())).transpose()?;
        let backend = context.backend().await?;
        let begin = if since.is_some() { Place::Beginning } else { Place::End };
        let place = self.after.map_or(begin, Place::After);
        let filter = Filter { since, ..self.chosen.filter() };
        let mut rows = context.output.endless();
        follow(context, &backend, place, filter, &mut rows, async |rows, events| {
            let mut list = rows.part::<Event<'_>>()?;
            for event in &events {
                if list.push(event)?.is_break() {
                    break;
                }
            }
            rows.wrote(list.finish(|_| None)?);
            Ok(())
        })
        .await
    }
}

/// Pauses between the looks at a hub that does not wait for events as it is asked to: longer ones
/// while it goes on like that.
#[derive(Debug, Default)]
struct Pauses(Duration);

impl Pauses {
    /// How long to wait after a look that brought nothing although it ended early, or did not.
    fn after(&mut self, is_early: bool, has_moved: bool) -> Duration {
        self.0 = match (is_early, has_moved) {
            (false, _) => Duration::ZERO,
            // Something happened that is not asked for.
            (true, true) => AGAIN,
            (true, false) => (self.0 * 2).clamp(AGAIN, LONGEST_PAUSE),
        };
        self.0
    }
}

/// Hands over events as they come, until nothing more is wanted of `rows`.
pub(super) async fn follow(
    context: &Context,
    backend: &Backend,
    mut place: Place,
    filter: Filter,
    rows: &mut Endless<'_>,
    mut each: impl AsyncFnMut(&mut Endless<'_>, Vec<Event<'static>>) -> Result<(), HubError>,
) -> Result<(), HubError> {
    // Nobody else may be serving a store of one's own.
    let longest_s = if matches!(backend, Backend::Local(_)) { LOOK_EVERY_S } else { WAIT_S };
    let (mut looks, mut pauses) = (Outlasting::default(), Pauses::default());
    while !rows.is_over() {
        let wait_s = if place == Place::End { 0 } else { longest_s };
        let began = Instant::now();
        let look = async {
            if let Backend::Local(local) = backend {
                local.tell_of_expired_sessions().await?;
            }
            backend.follow(&place, &filter, wait_s).await
        };
        let looked = tokio::select! {
            biased;
            looked = look => looked,
            () = abandoned(context) => return Ok(()),
        };
        let Some(found) = looks.follow(context, looked)? else {
            rows.rest(AGAIN);
            continue;
        };
        let next = place_of(&found.next)?;
        let is_early = found.events.is_empty() && began.elapsed() < Duration::from_secs(wait_s) / 2;
        let pause = pauses.after(is_early, next != place);
        place = next;
        if !found.events.is_empty() {
            each(rows, found.events).await?;
        }
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = abandoned(context) => return Ok(()),
            }
        }
    }
    Ok(())
}

/// Where a hub says to go on.
pub(super) fn place_of(next: &str) -> Result<Place, HubError> {
    Ok(match next {
        BEGINNING => Place::Beginning,
        id => Place::After(id.parse().map_err(|error| {
            HubError::new(&codes::REMOTE_BAD_ANSWER, "the hub does not say where to go on")
                .source(error)
        })?),
    })
}

/// Ends when nobody reads standard output any more.
async fn abandoned(context: &Context) {
    while !context.output.is_abandoned() {
        tokio::time::sleep(BEAT).await;
    }
}

#[cfg(test)]
mod tests {
    use super::Pauses;

    #[test]
    fn a_hub_that_does_not_wait_is_asked_less_and_less_often() {
        let mut pauses = Pauses::default();
        let mut after = |is_early, has_moved| pauses.after(is_early, has_moved).as_secs();
        assert_eq!([(); 6].map(|()| after(true, false)), [1, 2, 4, 4, 4, 4]);
        assert_eq!([after(true, true), after(true, false)], [1, 2]);
        assert_eq!([after(false, false), after(true, false)], [0, 1]);
        assert_eq!(after(false, true), 0);
    }
}
