//! `hubctl link`: auth links for one owner or for a file of them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::connect_sessions::{Batched, CreatedSession};
use crate::backend::Backend;
use crate::cli::context::Context;
use crate::cli::output::{Cell, Column, Format, List, Record};
use crate::cli::owners::{Header, Lines, whole};
use crate::cli::tree::Run;
use crate::cli::{input, interrupts};
use crate::domain::account::Owner;
use crate::domain::connect_session::{LINK_LIFE_S, NewSession, State, problems};
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::connect_sessions::BatchItem;
use crate::hub::write::Guard;

use super::session::{Asked, Part, card, tell_trial};
use super::wait::{Door, LinkWait, tell_if_nobody_answers};

/// Sessions made in one transaction: few enough to be acknowledged soon, enough to be fast.
const STEP: usize = 100;
/// Problems of a file that are listed.
const PROBLEMS_SHOWN: usize = 20;

/// Create an auth link: an address where an end user links an account
///
/// The link is shown this once and works until it expires (30 days unless --expires-in) or is
/// revoked with `hubctl session revoke`. With --from, one link is made for each line of a CSV file
/// with the columns `origin_owner_id`, `origin_owner_name`, and optionally `origin_username`,
/// provider and label; flags fill what a line leaves empty. Repeating the same command gives the
/// same links until they expire, so a file that was cut off can simply be run again. `status` tells
/// which of them an account was linked through already; --pending leaves those out.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    #[command(flatten)]
    asked: Asked,

    /// Make a link for each line of this CSV file; `-` is standard input
    #[arg(
        long,
        value_name = "FILE.csv",
        value_hint = clap::ValueHint::FilePath,
        conflicts_with_all = ["origin_owner_id", "origin_owner_name", "qr", "print", "wait", "open"]
    )]
    from: Option<PathBuf>,

    /// Leave out links of the file through which an account was linked already
    #[arg(long, requires = "from")]
    pending: bool,

    #[command(flatten)]
    shown: Shown,
}

/// How one link is shown, and what comes then.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Shown {
    /// Draw the link as a QR code as well
    #[arg(long)]
    qr: bool,

    /// Print this part alone
    #[arg(long, value_name = "PART")]
    print: Option<Part>,

    #[command(flatten)]
    waiting: LinkWait,
}

impl Shown {
    /// Opens the hub where the link is made.
    pub(super) async fn begin(&self, context: &Context) -> Result<Door, HubError> {
        context.output.check::<CreatedSession>()?;
        Part::check(context, self.print, &self.waiting)?;
        self.waiting.begin(context).await
    }

    /// Makes the session, shows its link, and waits for its end user where that was asked for.
    pub(super) async fn finish(
        self,
        context: &Context,
        mut door: Door,
        new: NewSession,
    ) -> Result<(), HubError> {
        let output = &context.output;
        let created = door.session(context, new).await?;
        context.tell_notes(&door.backend);
        tell_trial(context);
        let plain = output.format().is_none() && !output.is_machine();
        let narrowed = output.options().fields.is_some() || output.options().columns.is_some();
        if let Some(part) = self.print {
            part.print(context, &created)?;
        } else if plain && !narrowed && !output.is_human() {
            output.text(&created.auth_link_url)?;
        } else {
            output.item(&created, Some(&card(output, &created, None)))?;
        }
        if self.qr {
            draw(context, &created.auth_link_url)?;
        }
        match door.finish(context, &created).await? {
            Some(waited) => Part::tell(self.print, context, &waited),
            None => Ok(()),
        }
    }
}

impl Run for Create {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        match &self.from {
            Some(path) => self.many(context, path).await,
            None => {
                let new = self.asked.session(context, LINK_LIFE_S)?;
                let door = self.shown.begin(context).await?;
                let new = self.asked.of_account(new, &door.backend).await?;
                self.shown.finish(context, door, new).await
            }
        }
    }
}

impl Create {
    async fn many(&self, context: &Context, path: &Path) -> Result<(), HubError> {
        if context.output.options().limit.is_some() {
            let text = "--limit can't be used with --from: each line of the file gets its link";
            return Err(HubError::new(&codes::USAGE, text).hint(
                "for the first line alone: head -n 2 FILE.csv | hubctl link create --from -",
            ));
        }
        let mut list = context.output.list_of::<Link<'_>>()?;
        let mut file = open(path)?;
        let tags = self.asked.tags()?;
        let count = self.check(context, &mut file, path, &tags)?;
        let backend = context.backend().await?;
        self.try_each_kind(&backend, &mut file, path, &tags).await?;
        let (made, linked) =
            self.make_all(context, &backend, &mut file, path, &tags, &mut list).await?;
        context.tell_notes(&backend);
        let is_trial = context.globals.dry_run;
        if is_trial {
            let text = "dry run: nothing was made, and what would be made has no token and no link";
            context.output.trial(text);
        }
        let verb = if is_trial { "would be made" } else { "made" };
        list.finish(|_| {
            let there = count - made;
            let was = if there == 1 { "was" } else { "were" };
            let through = match linked {
                0 => String::new(),
                _ => format!(", and an account is linked through {linked}"),
            };
            let links = counted(count, "link");
            Some(format!("{made} of {links} {verb}, {there} {was} there{through}"))
        })?;
        tell_if_nobody_answers(context);
        Ok(())
    }

    /// Makes the links step by step, as many at the same time as the backend takes, and shows them
    /// in the order of their lines; answers how many are new, and through how many an account was
    /// linked.
    async fn make_all(
        &self,
        context: &Context,
        backend: &Backend,
        file: &mut File,
        path: &Path,
        tags: &serde_json::Map<String, serde_json::Value>,
        list: &mut List<'_>,
    ) -> Result<(u64, u64), HubError> {
        let (mut made, mut linked) = (0_u64, 0_u64);
        let mut show = |step: Step| {
            for (line, one) in &step {
                let is_linked = one.session.status == State::Linked.as_str();
                made += u64::from(one.created);
                linked += u64::from(is_linked);
                if self.pending && is_linked {
                    continue;
                }
                let flow = list.push(&Link::of(*line, one, context.globals.dry_run))?;
                // A write is finished even where nobody reads what it answers.
                _ = flow;
            }
            match context.output.format() {
                None | Some(Format::Jsonl | Format::Tsv | Format::Csv) => list.flush(),
                _ => Ok(()),
            }
        };
        let mut occurrences = HashMap::new();
        let mut lines = Lines::of(file, path)?;
        let mut making = FuturesOrdered::new();
        // How the reading ended.
        let mut end = None;
        interrupts::keep_targets();
        loop {
            while end.is_none() && making.len() < backend.at_once() {
                match self.step(&mut lines, &mut occurrences, tags) {
                    Ok((items, _)) if items.is_empty() => end = Some(Ok(())),
                    // What was begun is finished; nothing more is.
                    Ok(_) if interrupts::asked_to_stop() => {
                        end = Some(Err(HubError::new(interrupts::code(), "stopped")));
                    }
                    Ok((items, numbers)) => {
                        making.push_back(make(context, backend, items, numbers));
                    }
                    Err(error) => end = Some(Err(error)),
                }
            }
            let Some(step) = making.next().await else { break };
            let again = "run the same command again: it shows the links that are there, and makes \
                         the others";
            let shown = step.and_then(|step| show(step).map_err(|error| error.hint(again)));
            if let Err(error) = shown {
                // What was begun is finished, but what was shown has no gap: who repeats the
                // command is shown the rest as well.
                while making.next().await.is_some() {}
                return Err(error);
            }
        }
        end.unwrap_or(Ok(()))?;
        Ok((made, linked))
    }

    /// The next lines of the file as what is asked for, with their numbers; none at its end.
    fn step(
        &self,
        lines: &mut Lines<'_, File>,
        occurrences: &mut HashMap<Vec<String>, u64>,
        tags: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(Vec<BatchItem>, Vec<u64>), HubError> {
        let (mut items, mut numbers) = (Vec::with_capacity(STEP), Vec::with_capacity(STEP));
        while items.len() < STEP {
            let Some(record) = lines.read()? else { break };
            let occurrence = occurrences.entry(record.clone()).or_insert(0);
            let new = self.new_session(&lines.header, &record, tags)?;
            items.push(BatchItem { new, occurrence: *occurrence });
            *occurrence += 1;
            numbers.push(lines.line);
        }
        Ok((items, numbers))
    }

    /// Reads the whole file once before anything is made, so that a bad line makes nothing.
    fn check(
        &self,
        context: &Context,
        file: &mut File,
        path: &Path,
        tags: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<u64, HubError> {
        whole(&mut *file, path)?;
        let mut lines = Lines::of(file, path)?;
        let (mut count, mut found) = (0, Vec::new());
        while let Some(record) = lines.read()? {
            count += 1;
            match self.new_session(&lines.header, &record, tags) {
                Ok(new) => found.extend(problems(&new).into_iter().map(|problem| {
                    format!("line {}: {} {}", lines.line, problem.field, problem.message)
                })),
                Err(error) => found.push(format!("line {}: {error}", lines.line)),
            }
        }
        if found.is_empty() {
            if count == 0 {
                context.output.warn(format_args!("{} has no lines", path.display()));
            }
            return Ok(count);
        }
        let values = counted(found.len(), "bad value");
        let text = format!("{} has {values}; no link was made", path.display());
        let error = HubError::new(&codes::SESSION_INVALID, text);
        Err(found
            .into_iter()
            .take(PROBLEMS_SHOWN)
            .fold(error, |error, line| error.detail(line.into())))
    }

    /// Tries one line of each connector, or all where one account is to be linked again: what the
    /// hub refuses in a later step must not leave the links of earlier ones behind.
    async fn try_each_kind(
        &self,
        backend: &Backend,
        file: &mut File,
        path: &Path,
        tags: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), HubError> {
        let trial = Guard { dry_run: true, max_affected: None };
        let mut lines = Lines::of(file, path)?;
        let mut seen = HashSet::new();
        while let Some(record) = lines.read()? {
            let new = self.new_session(&lines.header, &record, tags)?;
            let is_new = seen.insert(new.provider.clone());
            if !is_new && new.account.is_none() {
                continue;
            }
            let items = vec![BatchItem { new, occurrence: 0 }];
            backend.create_sessions(items, trial).await.map_err(|error| {
                let text = format!("line {}: {error}; no link was made", lines.line);
                let hint = error.hint_text().map(str::to_owned);
                let told = HubError::new(error.code(), text);
                hint.into_iter().fold(told, HubError::hint)
            })?;
        }
        Ok(())
    }

    fn new_session(
        &self,
        header: &Header,
        record: &[String],
        tags: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<NewSession, HubError> {
        let cell = |at: Option<usize>| {
            at.and_then(|at| record.get(at)).map(|text| text.trim()).filter(|text| !text.is_empty())
        };
        let id = cell(Some(header.owner_id)).unwrap_or_default();
        let owner = Owner {
            id: id.to_owned(),
            name: cell(header.owner_name).unwrap_or(id).to_owned(),
            username: cell(header.username)
                .map(str::to_owned)
                .or_else(|| self.asked.origin_username.clone()),
        };
        let provider: Option<ConnectorKey> =
            cell(header.provider).map(input::parsed).transpose()?;
        let asked = &self.asked;
        Ok(NewSession {
            owner,
            provider: provider.or_else(|| asked.provider.clone()),
            auth_config: asked.auth_config.clone(),
            categories: asked.category.clone(),
            account: asked.account.clone(),
            expires_in_s: asked.expires_in.unwrap_or(LINK_LIFE_S),
            label: cell(header.label).map(str::to_owned).or_else(|| asked.label.clone()),
            metadata: tags.clone(),
            multiple: asked.multiple,
            kind: asked.kind,
        })
    }
}

/// Each line of a step, and its session.
type Step = Vec<(u64, Batched)>;

async fn make(
    context: &Context,
    backend: &Backend,
    items: Vec<BatchItem>,
    numbers: Vec<u64>,
) -> Result<Step, HubError> {
    let made = backend.create_sessions(items, context.guard()).await?;
    Ok(numbers.into_iter().zip(made).collect())
}

/// The file, or standard input copied so that it can be read twice.
fn open(path: &Path) -> Result<File, HubError> {
    if path != Path::new("-") {
        return input::open(path);
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let text = "--from - reads standard input, and that is the terminal";
        return Err(
            HubError::new(&codes::INPUT_NEEDED, text).hint("hubctl link create --from FILE.csv")
        );
    }
    let copied = tempfile::tempfile().and_then(|mut file| {
        std::io::copy(&mut stdin.lock(), &mut file)?;
        Ok(file)
    });
    copied.map_err(input::unreadable("standard input"))
}

/// One link of a batch.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::cli) struct Link<'a> {
    /// The line of the file, which begins with the first line's columns.
    line: u64,
    /// Whether it is made now, or was there from an earlier run.
    created: bool,
    /// The session's number.
    id: i64,
    /// Whose account is to be linked.
    origin_owner_id: &'a str,
    /// Their name.
    origin_owner_name: &'a str,
    /// The connector.
    provider: Option<&'a str>,
    /// The address to hand out; null where a dry run made none.
    auth_link_url: Option<&'a str>,
    /// The session's token; null where a dry run made none.
    token: Option<&'a str>,
    /// When it stops working.
    expires_at: Timestamp,
    /// `pending`, or `linked` once an account was linked through it.
    #[schemars(with = "State")]
    status: &'a str,
    /// The account that was linked last.
    linked_account_id: Option<&'a str>,
}

impl<'a> Link<'a> {
    fn of(line: u64, one: &'a Batched, is_trial: bool) -> Self {
        let Batched { created, session, linked_account_id } = one;
        let works = !(is_trial && *created);
        Self {
            line,
            created: *created,
            id: session.id,
            origin_owner_id: &session.origin_owner_id,
            origin_owner_name: &session.origin_owner_name,
            provider: session.provider.as_deref(),
            auth_link_url: works.then_some(&*session.auth_link_url),
            token: works.then_some(&*session.token),
            expires_at: session.expires_at,
            status: &session.status,
            linked_account_id: linked_account_id.as_deref(),
        }
    }
}

impl Record for Link<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::new("origin_owner_id", "OWNER ID"),
        Column::new("auth_link_url", "AUTH LINK"),
        Column::new("id", "SESSION"),
        Column::new("expires_at", "EXPIRES"),
        Column::wide("line", "LINE"),
        Column::wide("created", "CREATED"),
        Column::wide("provider", "PROVIDER"),
        Column::wide("status", "STATUS"),
        Column::wide("linked_account_id", "ACCOUNT").whole(),
    ];
    const FIELDS: &'static [&'static str] = &[
        "line",
        "created",
        "id",
        "origin_owner_id",
        "origin_owner_name",
        "provider",
        "auth_link_url",
        "token",
        "expires_at",
        "status",
        "linked_account_id",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.id.to_string())
    }

    fn cells<'c>(&'c self, out: &mut Vec<Cell<'c>>) {
        out.extend([
            Cell::from(self.origin_owner_id),
            Cell::opt(self.auth_link_url),
            Cell::Number(self.id),
            Cell::Time(self.expires_at),
            Cell::Number(i64::try_from(self.line).unwrap_or(i64::MAX)),
            Cell::Bool(self.created),
            Cell::opt(self.provider),
            Cell::Status(Cow::Borrowed(self.status)),
            Cell::opt(self.linked_account_id),
        ]);
    }
}

fn draw(context: &Context, link: &str) -> Result<(), HubError> {
    use qrcode::render::unicode::Dense1x2;
    let code = qrcode::QrCode::new(link).map_err(|error| {
        HubError::new(&codes::INTERNAL, "the link does not fit a QR code").source(error)
    })?;
    context.output.picture(&code.render::<Dense1x2>().quiet_zone(true).build())
}
