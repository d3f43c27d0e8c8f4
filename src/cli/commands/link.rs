//! `hubctl link`: auth links for one owner or for a file of them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Seek};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::api::connect_sessions::CreatedSession;
use crate::backend::Backend;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::{Cell, Column, Format, Record};
use crate::cli::tree::Run;
use crate::domain::account::Owner;
use crate::domain::connect_session::{LINK_LIFE_S, NewSession, problems};
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::connect_sessions::BatchItem;
use crate::hub::write::Guard;

use super::session::{Asked, Part, card, tell_trial};

/// Sessions made in one transaction: few enough to be acknowledged soon, enough to be fast.
const STEP: usize = 100;
/// Problems of a file that are listed.
const PROBLEMS_SHOWN: usize = 20;
/// Longest field of the file, in bytes.
const FIELD_LIMIT: usize = 64 << 10;

/// Create an auth link: an address where an end user links an account
///
/// The link is shown this once and works until it expires (30 days unless --expires-in) or is
/// revoked with `hubctl session revoke`. With --from, one link is made for each line of a CSV file
/// with the columns `origin_owner_id`, `origin_owner_name`, and optionally `origin_username`,
/// provider and label; flags fill what a line leaves empty. Repeating the same command gives the
/// same links while they are open, so a file that was cut off can simply be run again.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    #[command(flatten)]
    asked: Asked,

    /// Make a link for each line of this CSV file; `-` is standard input
    #[arg(
        long,
        value_name = "FILE.csv",
        value_hint = clap::ValueHint::FilePath,
        conflicts_with_all = ["origin_owner_id", "origin_owner_name", "qr", "print"]
    )]
    from: Option<PathBuf>,

    /// Draw the link as a QR code as well
    #[arg(long)]
    qr: bool,

    /// Print this part alone
    #[arg(long, value_name = "PART")]
    print: Option<Part>,
}

impl Run for Create {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        match &self.from {
            Some(path) => self.many(context, path).await,
            None => self.one(context).await,
        }
    }
}

impl Create {
    async fn one(&self, context: &Context) -> Result<(), HubError> {
        let output = &context.output;
        output.check::<CreatedSession>()?;
        let owner = self.asked.owner(context)?;
        let new = self.asked.session(owner, LINK_LIFE_S)?;
        let backend = context.backend().await?;
        let created = backend.create_session(new, context.guard()).await?;
        context.tell_notes(&backend);
        tell_trial(context);
        let plain = output.format().is_none() && !output.is_machine();
        let narrowed = output.options().fields.is_some() || output.options().columns.is_some();
        if let Some(part) = self.print {
            output.text(&part.of(&created))?;
        } else if plain && !narrowed && !output.is_human() {
            output.text(&created.auth_link_url)?;
        } else {
            output.item(&created, Some(&card(output, &created, None)))?;
        }
        if self.qr { draw(context, &created.auth_link_url) } else { Ok(()) }
    }

    async fn many(&self, context: &Context, path: &Path) -> Result<(), HubError> {
        let mut list = context.output.list_of::<Link<'_>>()?;
        let mut file = open(path)?;
        let tags = self.asked.tags()?;
        let count = self.check(context, &mut file, path, &tags)?;
        let backend = context.backend().await?;
        self.try_each_kind(&backend, &mut file, path, &tags).await?;
        let mut occurrences: HashMap<Vec<String>, u64> = HashMap::new();
        let (mut line, mut made) = (0_u64, 0_u64);
        let mut lines = Lines::of(&mut file, path)?;
        loop {
            let mut items = Vec::with_capacity(STEP);
            while items.len() < STEP {
                let Some(record) = lines.next()? else { break };
                let occurrence = occurrences.entry(record.clone()).or_insert(0);
                let new = self.new_session(&lines.header, &record, &tags)?;
                items.push(BatchItem { new, occurrence: *occurrence });
                *occurrence += 1;
            }
            if items.is_empty() {
                break;
            }
            let step = backend.create_sessions(items, context.guard()).await?;
            for (session, is_new) in &step {
                line += 1;
                made += u64::from(*is_new);
                let flow = list.push(&Link::of(line, *is_new, session))?;
                // A write is finished even where nobody reads what it answers.
                _ = flow;
            }
            if matches!(
                context.output.format(),
                None | Some(Format::Jsonl | Format::Tsv | Format::Csv)
            ) {
                list.flush()?;
            }
        }
        context.tell_notes(&backend);
        tell_trial(context);
        let verb = if context.globals.dry_run { "would be made" } else { "made" };
        list.finish(|_| {
            Some(format!("{made} of {count} links {verb}, {} were there", count - made))
        })?;
        Ok(())
    }

    /// Reads the whole file once before anything is made, so that a bad line makes nothing.
    fn check(
        &self,
        context: &Context,
        file: &mut File,
        path: &Path,
        tags: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<u64, HubError> {
        let mut lines = Lines::of(file, path)?;
        let (mut count, mut found) = (0, Vec::new());
        while let Some(record) = lines.next()? {
            count += 1;
            match self.new_session(&lines.header, &record, tags) {
                Ok(new) => found.extend(problems(&new).into_iter().map(|problem| {
                    format!("line {}: {} {}", lines.line, problem.field, problem.message)
                })),
                Err(error) => found.push(format!("line {}: {error}", lines.line)),
            }
        }
        drop(lines);
        whole(file, path)?;
        if found.is_empty() {
            if count == 0 {
                context.output.warn(format_args!("{} has no lines", path.display()));
            }
            return Ok(count);
        }
        let text = format!("{} has {} bad values; no link was made", path.display(), found.len());
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
        while let Some(record) = lines.next()? {
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
        let provider: Option<ConnectorKey> = cell(header.provider)
            .map(str::parse)
            .transpose()
            .map_err(|error| HubError::new(&codes::BAD_VALUE, format!("{error}")))?;
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
    copied.map_err(|error| {
        HubError::new(&codes::INPUT_UNREADABLE, format!("can't read standard input: {error}"))
    })
}

/// The reader takes a quotation mark that is never closed for a field up to the end of the file, so
/// that a file that was cut off there would look whole.
fn whole(file: &mut File, path: &Path) -> Result<(), HubError> {
    let unreadable = |error: std::io::Error| {
        let text = format!("can't read {}: {error}", path.display());
        HubError::new(&codes::INPUT_UNREADABLE, text)
    };
    file.rewind().map_err(unreadable)?;
    let mut reader = BufReader::new(file);
    let mut marks = 0_u64;
    loop {
        let bytes = reader.fill_buf().map_err(unreadable)?;
        if bytes.is_empty() {
            break;
        }
        marks += bytes.iter().map(|byte| u64::from(*byte == b'"')).sum::<u64>();
        let count = bytes.len();
        reader.consume(count);
    }
    if marks % 2 == 0 {
        return Ok(());
    }
    let text = format!("{} has a quotation mark that is not closed", path.display());
    Err(HubError::new(&codes::BAD_VALUE, text)
        .hint("write a quotation mark within a field twice, and the field in quotation marks"))
}

/// Where each column is.
struct Header {
    owner_id: usize,
    owner_name: Option<usize>,
    username: Option<usize>,
    provider: Option<usize>,
    label: Option<usize>,
}

impl Header {
    const COLUMNS: [&'static str; 5] =
        ["origin_owner_id", "origin_owner_name", "origin_username", "provider", "label"];

    fn read(names: &csv::StringRecord, path: &Path) -> Result<Self, HubError> {
        let bad = |text: String| {
            HubError::new(&codes::BAD_VALUE, text)
                .hint(format!("the first line names the columns: {}", Self::COLUMNS.join(",")))
        };
        let names: Vec<String> = names
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        if let Some(name) = names.iter().find(|name| !Self::COLUMNS.contains(&name.as_str())) {
            let shown: String = name.chars().take(40).collect();
            return Err(bad(format!("{} has an unknown column `{shown}`", path.display())));
        }
        let at = |name: &str| names.iter().position(|known| known == name);
        if let Some(twice) = names.iter().enumerate().find(|(index, name)| at(name) != Some(*index))
        {
            return Err(bad(format!("{} has the column `{}` twice", path.display(), twice.1)));
        }
        let owner_id = at(Self::COLUMNS[0])
            .ok_or_else(|| bad(format!("{} has no column origin_owner_id", path.display())))?;
        Ok(Self {
            owner_id,
            owner_name: at(Self::COLUMNS[1]),
            username: at(Self::COLUMNS[2]),
            provider: at(Self::COLUMNS[3]),
            label: at(Self::COLUMNS[4]),
        })
    }
}

/// The lines of the file, one at a time.
struct Lines<'f> {
    reader: csv::Reader<BufReader<&'f mut File>>,
    header: Header,
    path: &'f Path,
    line: u64,
}

impl<'f> Lines<'f> {
    fn of(file: &'f mut File, path: &'f Path) -> Result<Self, HubError> {
        file.rewind().map_err(|error| {
            let text = format!("{} can't be read twice: {error}", path.display());
            HubError::new(&codes::INPUT_UNREADABLE, text)
                .hint("pipe it into `hubctl link create --from -`")
        })?;
        let mut reader = csv::ReaderBuilder::new().from_reader(BufReader::new(file));
        let header = reader.headers().map_err(|error| unreadable(path, &error))?;
        let header = Header::read(header, path)?;
        Ok(Self { reader, header, path, line: 1 })
    }

    fn next(&mut self) -> Result<Option<Vec<String>>, HubError> {
        let mut record = csv::StringRecord::new();
        let more = self.reader.read_record(&mut record);
        if !more.map_err(|error| unreadable(self.path, &error))? {
            return Ok(None);
        }
        self.line = record.position().map_or(self.line + 1, csv::Position::line);
        if record.iter().any(|field| field.len() > FIELD_LIMIT) {
            let text = format!("{} line {}: a field is too long", self.path.display(), self.line);
            return Err(HubError::new(&codes::BAD_VALUE, text));
        }
        Ok(Some(record.iter().map(str::to_owned).collect()))
    }
}

fn unreadable(path: &Path, error: &csv::Error) -> HubError {
    HubError::new(&codes::INPUT_UNREADABLE, format!("{}: {error}", path.display()))
}

/// One link of a batch.
#[derive(Debug, Serialize)]
struct Link<'a> {
    line: u64,
    created: bool,
    id: i64,
    origin_owner_id: &'a str,
    origin_owner_name: &'a str,
    provider: Option<&'a str>,
    auth_link_url: &'a str,
    token: &'a str,
    expires_at: Timestamp,
}

impl<'a> Link<'a> {
    fn of(line: u64, created: bool, session: &'a CreatedSession) -> Self {
        Self {
            line,
            created,
            id: session.id,
            origin_owner_id: &session.origin_owner_id,
            origin_owner_name: &session.origin_owner_name,
            provider: session.provider.as_deref(),
            auth_link_url: &session.auth_link_url,
            token: &session.token,
            expires_at: session.expires_at,
        }
    }
}

impl Record for Link<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::new("owner_id", "OWNER ID"),
        Column::new("auth_link_url", "AUTH LINK"),
        Column::new("id", "SESSION"),
        Column::new("expires", "EXPIRES"),
        Column::wide("line", "LINE"),
        Column::wide("created", "CREATED"),
        Column::wide("provider", "PROVIDER"),
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
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.id.to_string())
    }

    fn cells<'c>(&'c self, out: &mut Vec<Cell<'c>>) {
        out.extend([
            Cell::from(self.origin_owner_id),
            Cell::from(self.auth_link_url),
            Cell::Number(self.id),
            Cell::Time(self.expires_at),
            Cell::Number(i64::try_from(self.line).unwrap_or(i64::MAX)),
            Cell::Bool(self.created),
            Cell::opt(self.provider),
        ]);
    }
}

fn draw(context: &Context, link: &str) -> Result<(), HubError> {
    use qrcode::render::unicode::Dense1x2;
    let code = qrcode::QrCode::new(link).map_err(|error| {
        HubError::new(&codes::INTERNAL, "the link does not fit a QR code").source(error)
    })?;
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    if context.output.is_human() {
        return context.output.text(&picture);
    }
    context.output.remark(picture);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn rows(text: &[u8]) -> Result<Vec<Vec<String>>, HubError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        let mut lines = Lines::of(&mut file, Path::new("f.csv"))?;
        let mut rows = Vec::new();
        while let Some(row) = lines.next()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn columns_come_in_any_order_and_a_byte_order_mark_is_no_part_of_a_name() {
        let text = "\u{feff}origin_owner_name,origin_owner_id\nAcme,a-1\n\"B, Inc\",b-2\n";
        assert_eq!(rows(text.as_bytes()).unwrap(), [["Acme", "a-1"], ["B, Inc", "b-2"]]);
    }

    #[test]
    fn a_missing_unknown_or_double_column_is_refused() {
        for header in
            ["origin_owner_name", "origin_owner_id,foo", "origin_owner_id,origin_owner_id", ""]
        {
            assert!(rows(format!("{header}\na,b\n").as_bytes()).is_err(), "{header:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            _ = rows(&bytes);
            let mut with_header = b"origin_owner_id,label\n".to_vec();
            with_header.extend(&bytes);
            _ = rows(&with_header);
        }
    }
}
