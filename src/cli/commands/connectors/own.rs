//! Commands for own connectors: read from files, checked, kept beside the catalog.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Read;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::{Batch, consent, result};
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::{Cell, Column, Record};
use crate::cli::tree::Run;
use crate::domain::connector::Connector;
use crate::domain::connector::read::yaml::Partial;
use crate::domain::connector::read::{jsonl, yaml};
use crate::domain::connector::validate::{Finding, Severity, refused};
use crate::domain::names::ConnectorKey;
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::write::Guard;

use super::write::with_it;

/// Largest connector file, in bytes.
const FILE_LIMIT: u64 = 16 << 20;
/// Files in one folder at most.
const FILES_LIMIT: usize = 5_000;

/// What was read from one file.
struct FileRead {
    path: PathBuf,
    connectors: Vec<Connector>,
    findings: Vec<Finding>,
}

fn read_text(path: &Path) -> Result<String, HubError> {
    let mut text = String::new();
    let read = input::open(path)?.take(FILE_LIMIT + 1).read_to_string(&mut text);
    read.map_err(input::unreadable(path.display()))?;
    if text.len() as u64 > FILE_LIMIT {
        let text = format!("{} is larger than {FILE_LIMIT} bytes", path.display());
        return Err(HubError::new(&codes::INPUT_UNREADABLE, text));
    }
    Ok(text)
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn is_yaml(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(".yaml") || lower.ends_with(".yml")
}

fn is_partial(name: &str) -> bool {
    is_yaml(name) && name.contains(".partial.")
}

/// The connector files of a folder, with those below it, in the order of their paths.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, HubError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = input::unreadable(path.display());
    let (mut found, mut folders) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(&unreadable)? {
            let entry = entry.map_err(&unreadable)?;
            let kind = entry.file_type().map_err(&unreadable)?;
            let path = entry.path();
            let name = name_of(&path).to_ascii_lowercase();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && !is_partial(&name)
                && (name.contains(".connector.") && is_yaml(&name)
                    || [".json", ".jsonl"].iter().any(|end| name.ends_with(end)))
            {
                found.push(path);
            }
        }
        if found.len() + folders.len() > FILES_LIMIT {
            let text = format!("{} holds more than {FILES_LIMIT} files", path.display());
            return Err(HubError::new(&codes::INPUT_UNREADABLE, text));
        }
    }
    if found.is_empty() {
        let text = format!("{} holds no connector files", path.display());
        return Err(HubError::new(&codes::INPUT_UNREADABLE, text)
            .hint("connector files are named *.json, *.jsonl or *.connector.s1.yaml"));
    }
    found.sort();
    Ok(found)
}

/// The partial files beside a connector file.
fn partials_of(path: &Path) -> Result<Vec<(String, String)>, HubError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Ok(Vec::new());
    };
    let mut partials = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if is_partial(name_of(&path)) && partials.len() < FILES_LIMIT {
            let name = name_of(&path);
            let name = name.split_once(".s1.partial.").map_or(name, |(name, _)| name);
            partials.push((name.to_owned(), read_text(&path)?));
        }
    }
    partials.sort();
    Ok(partials)
}

fn read_all(path: &Path) -> Result<Vec<FileRead>, HubError> {
    let mut all = Vec::new();
    for path in files_of(path)? {
        let text = read_text(&path)?;
        let (connectors, findings) = if is_yaml(name_of(&path)) {
            let texts = partials_of(&path)?;
            let partials: Vec<Partial<'_>> =
                texts.iter().map(|(name, text)| Partial { name, text }).collect();
            yaml::read(&text, &partials)
        } else {
            jsonl::read(&text)
        };
        all.push(FileRead { path, connectors, findings });
    }
    find_twice(&mut all);
    Ok(all)
}

/// Finds connectors that stand in an earlier file already, in the same version.
fn find_twice(all: &mut [FileRead]) {
    let mut first: HashMap<(ConnectorKey, String), PathBuf> = HashMap::new();
    for file in all {
        for connector in &file.connectors {
            let (key, version) = (&connector.key, &connector.version);
            match first.entry((key.clone(), version.clone())) {
                Entry::Vacant(place) => _ = place.insert(file.path.clone()),
                Entry::Occupied(known) => {
                    let other = known.get().display();
                    let text = format!("the connector `{key}` {version} stands in {other}, too");
                    file.findings.push(Finding::error("key", text));
                }
            }
        }
    }
}

/// A finding with its file.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "LintFinding")]
pub(in crate::cli) struct Found {
    /// The file.
    file: String,
    /// Its line, counted from 1, where it is known.
    line: Option<u64>,
    /// How grave it is.
    severity: Severity,
    /// The member, such as `auth[0].config_fields[2].pattern`; empty for the whole.
    place: String,
    /// What is wrong with it.
    message: String,
}

impl Found {
    fn all(read: &[FileRead]) -> Vec<Self> {
        let of_file = |file: &FileRead| {
            let name = file.path.display().to_string();
            let found = file.findings.iter().map(move |finding| Self {
                file: name.clone(),
                line: finding.line,
                severity: finding.severity,
                place: finding.place.clone(),
                message: finding.message.clone(),
            });
            found.collect::<Vec<_>>()
        };
        read.iter().flat_map(of_file).collect()
    }

    fn line(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = if self.place.is_empty() { String::new() } else { format!(" {}:", self.place) };
        format!("{}{line}:{place} {}", self.file, self.message)
    }
}

impl Record for Found {
    const COLUMNS: &'static [Column] = &[
        Column::new("severity", "SEVERITY"),
        Column::new("file", "FILE"),
        Column::new("line", "LINE"),
        Column::new("place", "PLACE"),
        Column::new("message", "MESSAGE"),
    ];
    const FIELDS: &'static [&'static str] = &["file", "line", "severity", "place", "message"];

    fn id(&self) -> std::borrow::Cow<'_, str> {
        std::borrow::Cow::Borrowed(&self.file)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(match self.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            }),
            Cell::from(self.file.as_str()),
            self.line.and_then(|line| i64::try_from(line).ok()).map_or(Cell::Empty, Cell::Number),
            Cell::from(self.place.as_str()),
            Cell::from(self.message.as_str()),
        ]);
    }
}

fn invalid(errors: usize, path: &Path) -> HubError {
    let text = format!("{} has {}", path.display(), counted(errors, "fault"));
    HubError::new(&codes::CONNECTOR_INVALID, text)
}

fn count_errors(found: &[Found]) -> usize {
    found.iter().filter(|found| found.severity == Severity::Error).count()
}

/// Check connector files without importing them
///
/// Reads the catalog's own JSON and JSON Lines, and `*.connector.s1.yaml`. Ends with exit status 2
/// where a file has an error; warnings alone are no failure.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Lint {
    /// A connector file, or a folder of them
    #[arg(value_name = "FILE|DIR", value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
}

impl Run for Lint {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let mut list = context.output.list_of::<Found>()?;
        let read = read_all(&self.path)?;
        let found = Found::all(&read);
        for finding in &found {
            if list.push(finding)?.is_break() {
                break;
            }
        }
        let connectors: usize = read.iter().map(|file| file.connectors.len()).sum();
        let errors = count_errors(&found);
        let connectors = counted(connectors, "connector");
        let warnings = counted(found.len() - errors, "warning");
        let line = format!("{connectors}: {}, {warnings}", counted(errors, "error"));
        list.finish(|_| Some(line.clone()))?;
        if errors > 0 {
            return Err(invalid(errors, &self.path));
        }
        // Where nothing is wrong, the answer may be empty: a log shows what was looked at.
        let output = &context.output;
        if !output.is_human() && !output.is_machine() {
            output.remark(line);
        }
        Ok(())
    }
}

/// Import own connectors into the project
///
/// An own connector wins over the built-in one of the same key. All files are checked first; if
/// one has an error, nothing is imported. Asks first where linked accounts would be called in
/// another way, or not at all any more, and where stored secrets would go to other hosts: for that,
/// an API key needs the scope `admin` as well. Undo with `hubctl connectors forget`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Import {
    /// A connector file, or a folder of them
    #[arg(value_name = "FILE|DIR", value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
}

impl Run for Import {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(true)?;
        let read = read_all(&self.path)?;
        let found = Found::all(&read);
        if read.iter().any(|file| refused(&file.findings)) {
            let errors = count_errors(&found);
            let shown = found.iter().filter(|found| found.severity == Severity::Error).take(20);
            let error = invalid(errors, &self.path)
                .hint(format!("hubctl connectors lint {}", self.path.display()));
            return Err(shown.fold(error, |error, found| error.detail(found.line().into())));
        }
        for warning in &found {
            context.output.warn(warning.line());
        }
        let connectors: Vec<Connector> =
            read.into_iter().flat_map(|file| file.connectors).collect();
        let backend = context.backend().await?;
        agreed(context, &backend, &connectors).await?;
        let written = backend.import_connectors(&connectors, context.guard()).await?;
        context.tell_notes(&backend);
        for warning in written.iter().flat_map(|written| &written.warnings) {
            context.output.warn(warning);
        }
        let results: Vec<_> = written
            .into_iter()
            .map(|written| {
                let connector = written.after.as_ref();
                let name =
                    connector.map(|c| format!("{} {}", c.key, c.version)).unwrap_or_default();
                let accounts = with_it(&written);
                let text = match (written.changed, written.dry_run) {
                    (false, _) => format!("{name} is imported already."),
                    (true, true) => format!("Would import {name}.{accounts}"),
                    (true, false) => format!("Imported {name}.{accounts}"),
                };
                result("import", written, text)
            })
            .collect();
        context.output.writes(&results)
    }
}

/// Asks where accounts that are linked already would be called in another way, or not at all, and
/// where stored secrets would go elsewhere.
async fn agreed(
    context: &Context,
    backend: &Backend,
    connectors: &[Connector],
) -> Result<(), HubError> {
    if context.globals.yes || context.globals.dry_run {
        return Ok(());
    }
    let trial = Guard { dry_run: true, ..context.guard() };
    let tried = backend.import_connectors(connectors, trial).await?;
    let affected: u64 = tried.iter().map(|written| written.affected_accounts).sum();
    let warnings: Vec<String> = tried.into_iter().flat_map(|written| written.warnings).collect();
    match changes(affected, &warnings) {
        Some(changes) => consent(context, &format!("the import {changes}"), affected, "Import"),
        None => Ok(()),
    }
}

/// What becomes of linked accounts and stored secrets, as the end of a sentence.
fn changes(affected: u64, warnings: &[String]) -> Option<String> {
    let calls = (affected > 0)
        .then(|| format!("changes or ends the calls of {}", counted(affected, "linked account")));
    match (calls, warnings.join("; ")) {
        (None, warnings) if warnings.is_empty() => None,
        (Some(calls), warnings) if warnings.is_empty() => Some(calls),
        (None, warnings) => Some(format!("changes where stored secrets go: {warnings}")),
        (Some(calls), warnings) => Some(format!("{calls}: {warnings}")),
    }
}

/// Forget own connectors
///
/// All versions of each go; a built-in connector of the same key shows again. Refused while auth
/// configs need it: their method, or a version that fits their pin. Where stored secrets would go to
/// other hosts by that, an API key needs the scope `admin` as well.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Forget {
    /// Keys of own connectors; `-` reads them from standard input
    #[arg(value_name = "CONNECTOR", add = assets::own_connectors())]
    connectors: Vec<String>,
}

impl Run for Forget {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.connectors)?;
        let hint = "hubctl connectors forget CONNECTOR";
        let batch = Batch::new(context, "connector", "forget", &targets, hint)?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let key: ConnectorKey = input::parsed(target)?;
            let trial = Guard { dry_run: true, ..guard };
            let tried = backend.forget_connector(&key, trial).await?;
            let affected = tried.affected_accounts;
            let told = changes(affected, &tried.warnings);
            let told = told.map(|told| format!(" and {told}")).unwrap_or_default();
            let what = format!("forgetting {key} removes all its versions{told}");
            consent(context, &what, affected, "Forget")?;
            let written = backend.forget_connector(&key, guard).await?;
            for warning in &written.warnings {
                context.output.warn(warning);
            }
            let verb = if written.dry_run { "Would forget" } else { "Forgot" };
            let text = format!("{verb} {key}.{}", with_it(&written));
            Ok(vec![result("forget", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}
