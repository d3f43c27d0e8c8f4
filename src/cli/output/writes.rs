//! The answer to a change: what was done to what, and whether anything changed.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::api::schema::Target;
use crate::error::HubError;

use super::options::Format;
use super::record::{Cell, Column, Record};
use super::select::Selection;
use super::{Output, clean};

/// What a change did to one target.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename = "Write")]
pub struct WriteResult {
    /// The verb, such as `enable`.
    pub action: &'static str,
    /// Kind and name of the target, such as `connector/hubspot`.
    pub resource: String,
    /// Whether anything is different now.
    pub changed: bool,
    /// Whether it was only tried.
    pub dry_run: bool,
    /// Linked accounts that the change touches.
    pub affected_accounts: u64,
    /// The operation, where one was recorded.
    pub operation_id: Option<String>,
    /// The target before; a list where a connector's key names several auth configs.
    #[schemars(with = "Option<Target>")]
    pub before: Option<Value>,
    /// The target after; a list where a connector's key names several auth configs.
    #[schemars(with = "Option<Target>")]
    pub after: Option<Value>,
    /// Whether it succeeded; told where there are many targets.
    #[schemars(skip)]
    pub ok: bool,
    /// Why not, in the form of the error record; told where there are many targets.
    #[schemars(skip)]
    pub error: Option<Value>,
    /// The sentence that a terminal shows of a success.
    #[schemars(skip)]
    pub human: String,
    /// What is told of it on standard error.
    #[schemars(skip)]
    pub asides: Vec<Aside>,
}

/// A line on standard error, kept until it is its target's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aside {
    /// A fact, which `--quiet` silences.
    Note(String),
    /// What somebody should look into.
    Warning(String),
}

/// The answer for a single target.
pub(in crate::cli) struct Single<'a>(&'a WriteResult);

/// The answer for one of many targets.
pub(in crate::cli) struct OneOfMany<'a>(&'a WriteResult);

const COLUMNS: &[Column] = &[
    Column::new("action", "ACTION"),
    Column::new("resource", "RESOURCE"),
    Column::new("changed", "CHANGED"),
    Column::wide("dry_run", "DRY RUN"),
    Column::wide("affected_accounts", "ACCOUNTS"),
    Column::wide("operation_id", "OPERATION"),
];
const COLUMNS_OF_MANY: &[Column] = &[
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[2],
    Column::new("ok", "OK"),
    Column::new("error", "ERROR"),
    COLUMNS[3],
    COLUMNS[4],
    COLUMNS[5],
];
const FIELDS_OF_MANY: &[&str] = &[
    "action",
    "resource",
    "changed",
    "dry_run",
    "affected_accounts",
    "operation_id",
    "before",
    "after",
    "ok",
    "error",
];

impl WriteResult {
    /// A change that succeeded.
    #[must_use]
    pub fn new(action: &'static str, resource: impl Into<String>, changed: bool) -> Self {
        Self {
            action,
            resource: resource.into(),
            changed,
            dry_run: false,
            affected_accounts: 0,
            operation_id: None,
            before: None,
            after: None,
            ok: true,
            error: None,
            human: String::new(),
            asides: Vec::new(),
        }
    }

    /// What a change did to all that one target names, in one result.
    fn together(first: &Self, others: &[Self]) -> Self {
        let all = || std::iter::once(first).chain(others);
        let states = |state: fn(&Self) -> Option<&Value>| {
            let states: Vec<Value> = all().filter_map(state).cloned().collect();
            (!states.is_empty()).then_some(Value::Array(states))
        };
        let mut operations = all().filter_map(|one| one.operation_id.as_ref());
        Self {
            changed: all().any(|one| one.changed),
            affected_accounts: all().map(|one| one.affected_accounts).sum(),
            // Where there are several, none of them is the operation.
            operation_id: operations.next().filter(|_| operations.next().is_none()).cloned(),
            before: states(|one| one.before.as_ref()),
            after: states(|one| one.after.as_ref()),
            ..first.clone()
        }
    }

    /// The target's id or name, as commands take it: the resource has its kind before that.
    fn target(&self) -> &str {
        self.resource.split_once('/').map_or(self.resource.as_str(), |(_, target)| target)
    }

    fn fields<S: SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error> {
        out.serialize_field("action", self.action)?;
        out.serialize_field("resource", &self.resource)?;
        out.serialize_field("changed", &self.changed)?;
        out.serialize_field("dry_run", &self.dry_run)?;
        out.serialize_field("affected_accounts", &self.affected_accounts)?;
        out.serialize_field("operation_id", &self.operation_id)?;
        out.serialize_field("before", &self.before)?;
        out.serialize_field("after", &self.after)
    }

    fn first_cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([self.action.into(), self.resource.as_str().into(), self.changed.into()]);
    }

    /// Code and message of the error, where there is one.
    fn why(&self) -> Option<String> {
        let text = |name: &str| self.error.as_ref()?.get(name)?.as_str();
        Some(format!("{}: {}", text("code")?, text("message")?))
    }

    fn last_cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let accounts = i64::try_from(self.affected_accounts).unwrap_or(i64::MAX);
        out.extend([self.dry_run.into(), accounts.into(), Cell::opt(self.operation_id.as_deref())]);
    }
}

impl Serialize for Single<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("WriteResult", 8)?;
        self.0.fields(&mut out)?;
        out.end()
    }
}

impl Serialize for OneOfMany<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("WriteResult", 10)?;
        self.0.fields(&mut out)?;
        out.serialize_field("ok", &self.0.ok)?;
        out.serialize_field("error", &self.0.error)?;
        out.end()
    }
}

impl Record for Single<'_> {
    const COLUMNS: &'static [Column] = COLUMNS;
    const FIELDS: &'static [&'static str] = FIELDS_OF_MANY.split_at(8).0;

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0.target())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        self.0.first_cells(out);
        self.0.last_cells(out);
    }
}

impl Record for OneOfMany<'_> {
    const COLUMNS: &'static [Column] = COLUMNS_OF_MANY;
    const FIELDS: &'static [&'static str] = FIELDS_OF_MANY;

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0.target())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        self.0.first_cells(out);
        out.push(self.0.ok.into());
        out.push(self.0.why().map_or(Cell::Empty, Cell::from));
        self.0.last_cells(out);
    }
}

impl Output {
    /// Checks `--fields` and `--columns` before a change is made.
    ///
    /// # Errors
    /// When they name something that the answer to a change does not have.
    pub fn check_writes(&self, many: bool) -> Result<(), HubError> {
        if many { self.check::<OneOfMany<'_>>() } else { self.check::<Single<'_>>() }
    }

    /// Tells on standard error what came up beside a change.
    pub fn asides(&self, result: &WriteResult) {
        for aside in &result.asides {
            match aside {
                Aside::Note(text) => self.note(text),
                Aside::Warning(text) => self.warn(text),
            }
        }
    }

    /// Writes what a change did: one object for one target, an array for several.
    pub fn writes(&self, results: &[WriteResult]) -> Result<(), HubError> {
        match results {
            [only] => {
                self.trials(results);
                self.write_one(only)
            }
            many => self.write_many(many),
        }
    }

    /// As `writes`, but always one object: for one target that may name several things.
    pub fn write_together(&self, results: &[WriteResult]) -> Result<(), HubError> {
        match results {
            [first, others @ ..] if !others.is_empty() && !self.tells_sentences() => {
                self.trials(results);
                self.write_one(&WriteResult::together(first, others))
            }
            _ => self.writes(results),
        }
    }

    /// As `writes`, but always an array: for targets of a list, such as standard input.
    pub fn write_many(&self, results: &[WriteResult]) -> Result<(), HubError> {
        if self.tells_sentences() {
            return self.sentences(results);
        }
        self.trials(results);
        // A limit is for lists that are read: what was changed is told in full.
        let mut list = self.list_of::<OneOfMany<'_>>()?;
        for result in results {
            list.push_only(&OneOfMany(result))?;
        }
        list.finish(|_| None).map(drop)
    }

    fn write_one(&self, result: &WriteResult) -> Result<(), HubError> {
        if self.tells_sentences() {
            return self.sentences(std::slice::from_ref(result));
        }
        let record = Single(result);
        let format = self.list_format();
        match format {
            Format::Json | Format::Jsonl | Format::Yaml => {
                let selection = Selection::of::<Single<'_>>(&self.options, format)?;
                self.masked(&record, &selection, format)
            }
            _ => self.item(&record, None),
        }
    }

    /// Whether the answer to a dry run looks like that to a change: its columns do not tell.
    pub(in crate::cli) fn hides_trials(&self) -> bool {
        let tells = matches!(self.list_format(), Format::Json | Format::Jsonl | Format::Yaml);
        !tells && !self.tells_sentences()
    }

    /// Tells what was only tried where the answer does not.
    fn trials(&self, results: &[WriteResult]) {
        let tried = |result: &&WriteResult| result.dry_run && result.changed && result.ok;
        for result in results.iter().filter(tried).filter(|_| self.hides_trials()) {
            self.trial(format_args!("dry run: {}", result.human));
        }
    }

    /// Whether each change is told in a sentence, which a failure has none of.
    pub(in crate::cli) fn tells_sentences(&self) -> bool {
        self.is_human()
            && self.options.format.is_none()
            && self.options.fields.is_none()
            && self.options.columns.is_none()
    }

    fn sentences(&self, results: &[WriteResult]) -> Result<(), HubError> {
        for result in results.iter().filter(|result| result.ok) {
            self.stdout.write(format!("{}\n", clean::line(&result.human)).as_bytes())?;
        }
        Ok(())
    }
}
