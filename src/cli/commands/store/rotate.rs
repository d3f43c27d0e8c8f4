//! `hubctl store rotate-key`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::commands::wait::Live;
use crate::cli::commands::{confirm_profile, consent};
use crate::cli::context::Context;
use crate::cli::interrupts;
use crate::cli::output::{Cell, Column, Record};
use crate::cli::tree::Run;
use crate::domain::caller::Caller;
use crate::domain::words::{counted, shell_word};
use crate::env;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::keysource::KeyPlace;
use crate::hub::rotation::data_keys::{self, Renewal};
use crate::hub::rotation::{self, Came, Rotation, Shown, Step, Wanted};

use super::here;

/// Give the store a new master key while it is in use
///
/// Makes a new key, wraps the data key of every project with it, and puts it where the old one is:
/// in the system keyring or in the key file beside the store. A file that `HUBCTL_MASTER_KEY_FILE`
/// names is yours and stays as it is: name another one with --new-key-file, which is made unless it
/// is there, and set the variable to that one afterwards.
///
/// Servers and commands that use the store meanwhile go on. The run can be stopped at any moment,
/// also by a power cut: the store opens with what is at hand, and the next run goes on. Backups of
/// the store that were made before still need the old key: where hubctl keeps the key, the old one
/// stays under a name with its id, and nothing takes it away.
///
/// A key that others may have seen has shown them the data keys as well: add --data-keys, which
/// seals every stored secret anew.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RotateKey {
    /// File for the new key, where `HUBCTL_MASTER_KEY_FILE` names the present one; made if missing
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    new_key_file: Option<PathBuf>,

    /// Replace the data keys of all projects too, and seal everything stored anew
    #[arg(long)]
    data_keys: bool,

    /// Stop when either key opens the store, so that other machines can be given the new one; the
    /// next run without this finishes
    #[arg(long, conflicts_with = "data_keys")]
    prepare: bool,

    /// Give up a rotation that is not finished: the old key stays
    #[arg(long, conflicts_with_all = ["data_keys", "prepare", "new_key_file"])]
    cancel: bool,
}

/// A master key, as far as it may be shown.
#[derive(Debug, JsonSchema, Serialize)]
struct MasterKey {
    /// Its public fingerprint.
    key_id: String,
    /// Where it is kept: `keyring`, `file` beside the store, or `external`.
    kept_in: &'static str,
    /// The key that follows, while it is being changed.
    next_key_id: Option<String>,
    /// How many keys of the store it wraps.
    wrapped_keys: u64,
}

impl From<&Shown> for MasterKey {
    fn from(shown: &Shown) -> Self {
        Self {
            key_id: shown.key_id.to_string(),
            kept_in: shown.place.as_str(),
            next_key_id: shown.next.map(|next| next.to_string()),
            wrapped_keys: shown.wrapped,
        }
    }
}

/// What a rotation of a store's keys did.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::cli) struct KeyRotation {
    /// `rotate-key`.
    action: &'static str,
    /// `store/master-key`.
    resource: &'static str,
    /// Whether anything is different now.
    changed: bool,
    /// Whether it was only tried.
    dry_run: bool,
    /// Linked accounts that the change touches: none.
    affected_accounts: u64,
    /// The record of the new master key, else that of new data keys.
    operation_id: Option<String>,
    /// The master key before.
    before: MasterKey,
    /// The master key after; in a dry run the one that would be, if it is there already.
    after: MasterKey,
    /// Whether an earlier run was gone on with.
    resumed: bool,
    /// Keys that were wrapped anew, or would be.
    rewrapped_keys: u64,
    /// Data keys that were made, or would be.
    new_data_keys: u64,
    /// Stored secrets that were sealed anew, or would be.
    resealed_values: u64,
    /// Stored secrets that can't be opened; the old data keys of their projects stay.
    unreadable_values: u64,
    /// A file that was made for the new master key.
    made_key_file: Option<String>,
    /// Where the old master key is kept for older backups, or would be: a file, or an entry of the
    /// system keyring. None where the operator keeps it.
    former_key_in: Option<String>,
}

impl Record for KeyRotation {
    const COLUMNS: &'static [Column] = &[
        Column::new("action", "ACTION"),
        Column::new("resource", "RESOURCE"),
        Column::new("changed", "CHANGED"),
        Column::new("key_id", "KEY"),
        Column::new("rewrapped_keys", "REWRAPPED"),
        Column::new("resealed_values", "RESEALED"),
        Column::wide("dry_run", "DRY RUN"),
        Column::wide("resumed", "RESUMED"),
        Column::wide("operation_id", "OPERATION"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "action",
        "resource",
        "changed",
        "dry_run",
        "affected_accounts",
        "operation_id",
        "before",
        "after",
        "resumed",
        "rewrapped_keys",
        "new_data_keys",
        "resealed_values",
        "unreadable_values",
        "made_key_file",
        "former_key_in",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.after.key_id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let count = |count: u64| Cell::Number(i64::try_from(count).unwrap_or(i64::MAX));
        out.extend([
            self.action.into(),
            self.resource.into(),
            self.changed.into(),
            self.after.key_id.as_str().into(),
            count(self.rewrapped_keys),
            count(self.resealed_values),
            self.dry_run.into(),
            self.resumed.into(),
            Cell::opt(self.operation_id.as_deref()),
        ]);
    }
}

/// What both halves of a run came to.
struct Done {
    key: Rotation,
    data: Option<Renewal>,
}

impl Run for RotateKey {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<KeyRotation>()?;
        confirm_profile(context)?;
        let (hub, caller) = here(context).await?;
        let plan = self.go(&hub, &caller, true, None).await?;
        let dry_run = context.globals.dry_run;
        let done = if dry_run || !plan.changes() {
            plan
        } else {
            let what = self.what(&plan, &hub.store().name());
            consent(context, &what, 0, if self.cancel { "Give up" } else { "Rotate" })?;
            let mut live = Live::new(context);
            self.go(&hub, &caller, false, Some(&mut live)).await?
        };
        context.output.item(&done.record(dry_run), Some(&self.card(&done, dry_run)))?;
        if dry_run && context.output.hides_trials() {
            context.output.trial("dry run: nothing was changed");
        }
        if !dry_run {
            for note in self.notes(context, &done)? {
                context.output.note(note);
            }
        }
        let unreadable = done.data.map_or(0, |data| data.unreadable);
        if unreadable > 0 && !dry_run {
            let text = format!("{} can't be opened", counted(unreadable, "stored secret"));
            return Err(HubError::new(&codes::PARTIAL, text)
                .hint("everything else is sealed anew; the old data keys of their projects stay"));
        }
        Ok(())
    }
}

impl RotateKey {
    async fn go(
        &self,
        hub: &Hub,
        caller: &Caller,
        dry_run: bool,
        mut live: Option<&mut Live>,
    ) -> Result<Done, HubError> {
        let mut say = |text: &str| {
            if let Some(live) = &mut live {
                live.say(text);
                live.beat();
            }
            stop_if_asked()
        };
        if self.cancel {
            return Ok(Done { key: rotation::cancel(hub, caller, dry_run).await?, data: None });
        }
        let Self { prepare, data_keys, .. } = *self;
        let new_key_file = self.new_key_file.clone();
        let wanted = Wanted { new_key_file, prepare, data_keys, dry_run };
        let key = rotation::rotate(hub, caller, &wanted, |step| match step {
            Step::Wrapped { done, of } => say(&format!("keys wrapped anew: {done} of {of}")),
            // What follows these is over at once, and is better not left half done.
            Step::KeyAtHand | Step::Begun | Step::Switched | Step::Tidied => Ok(()),
        })
        .await?;
        if !data_keys {
            return Ok(Done { key, data: None });
        }
        let data = data_keys::renew(hub, caller, dry_run, |step| match step {
            data_keys::Step::Sealed { done, of } => {
                say(&format!("stored secrets sealed anew: {done} of {of}"))
            }
            data_keys::Step::Made | data_keys::Step::Deleted => Ok(()),
        })
        .await?;
        Ok(Done { key, data: Some(data) })
    }

    /// What is about to happen, for the question.
    fn what(&self, plan: &Done, store: &str) -> String {
        let Rotation { before, came, wrapped, former, .. } = &plan.key;
        if self.cancel {
            return format!("giving up the rotation of {store} keeps master key {}", before.key_id);
        }
        let mut what = match came {
            Came::Tidied => format!(
                "finishing the last rotation of {store} takes the old key away from beside the new one"
            ),
            Came::Nothing => format!("rotating the data keys of {store} goes on"),
            Came::Prepared => format!(
                "{} of {store} will open with a new master key as well",
                counted(*wrapped, "key")
            ),
            Came::Rotated | Came::Cancelled => format!(
                "rotating the master key of {store} wraps {} anew, and the present key {} opens it no more",
                counted(*wrapped, "key"),
                before.key_id
            ),
        };
        if let (Some(former), Came::Rotated | Came::Tidied) = (former, came) {
            what.push_str(&format!("; a copy for older backups stays in {former}"));
        }
        if let Some(data) = &plan.data {
            what.push_str(&format!("; {} sealed anew", are(data.values, "stored secret")));
        }
        what
    }

    fn card(&self, done: &Done, dry_run: bool) -> Vec<(&'static str, String)> {
        let Rotation { came, before, after, wrapped, former, .. } = &done.key;
        let resumed = if done.resumed() { " (resumed)" } else { "" };
        let outcome = match (came, dry_run) {
            (Came::Rotated, false) => "rotated",
            (Came::Rotated, true) => "would be rotated",
            (Came::Prepared, false) => "prepared: either key opens the store",
            (Came::Prepared, true) => "would be prepared",
            (Came::Tidied, false) => "finished: the old key is gone from where the key is kept",
            (Came::Tidied, true) => "the last rotation would be finished",
            (Came::Cancelled, false) => "given up: the key stays",
            (Came::Cancelled, true) => "the rotation would be given up",
            (Came::Nothing, _) if self.cancel => "no rotation is under way",
            (Came::Nothing, _) => "nothing to do: the key is the new one",
        };
        let mut card = vec![("Master key", format!("{outcome}{resumed}"))];
        if after.key_id == before.key_id {
            card.push(("Key", after.key_id.to_string()));
        } else {
            let word = if dry_run { "now" } else { "was" };
            card.push(("Key", format!("{} ({word} {})", after.key_id, before.key_id)));
        }
        card.extend(after.next.map(|next| ("Next key", next.to_string())));
        let is_unknown = after.key_id == before.key_id && after.next.is_none();
        if dry_run && is_unknown && matches!(came, Came::Rotated | Came::Prepared) {
            card.push(("Next key", "made when it is needed".to_owned()));
        }
        if let (Some(former), Came::Rotated | Came::Prepared | Came::Tidied) = (former, came) {
            card.push(("Old key", format!("for older backups in {former}")));
        }
        if *wrapped > 0 {
            card.push(("Wrapped anew", counted(*wrapped, "key")));
        }
        if let Some(data) = &done.data {
            card.push(("New data keys", data.keys.to_string()));
            card.push(("Sealed anew", counted(data.values, "stored secret")));
        }
        card
    }

    /// What there is to do now.
    fn notes(&self, context: &Context, done: &Done) -> Result<Vec<String>, HubError> {
        let Rotation { came, before, after, made_file, former, .. } = &done.key;
        let sources = &context.settings.local()?.keys;
        let mut notes = Vec::new();
        if let Some(file) = made_file {
            let file = file.display();
            notes.push(format!("made a new key in {file}: keep a copy of it apart from the store"));
        }
        let external = (after.place == KeyPlace::External).then_some(sources.file.as_deref());
        let named = self.new_key_file.as_deref();
        match (came, external.flatten()) {
            (Came::Rotated, Some(old)) => notes.push(change(old, named, &before.key_id.to_string())),
            (Came::Prepared, Some(_)) => notes.push(format!(
                "give every process of this store the new key, with a file of its own or with both \
                 keys in one, a line each; then run `hubctl store rotate-key{}` to finish",
                named.map(|file| format!(" --new-key-file {}", word(file))).unwrap_or_default()
            )),
            (Came::Prepared, None) => notes.push(
                "run `hubctl store rotate-key` again to finish, when every machine that has a copy \
                 of the key has both"
                    .to_owned(),
            ),
            _ => {}
        }
        if *came == Came::Rotated {
            let old = before.key_id;
            notes.push(match former {
                Some(former) => format!(
                    "backups of the store made before now still need key {old}, which stays in \
                     {former}: keep a copy of it apart from them, and take it away with the last of \
                     them"
                ),
                None => format!(
                    "backups of the store made before now still need key {old}: keep it as long as \
                     them"
                ),
            });
        }
        Ok(notes)
    }
}

/// What the operator of a key file has to change.
fn change(old: &Path, new: Option<&Path>, old_id: &str) -> String {
    let variable = env::MASTER_KEY_FILE;
    match new {
        Some(new) if new != old => {
            format!(
                "set {variable} to {} for every process of this store: {} opens it no more",
                word(new),
                old.display()
            )
        }
        _ => format!("take key {old_id} out of {}: it opens the store no more", old.display()),
    }
}

fn word(path: &Path) -> String {
    shell_word(&path.display().to_string()).into_owned()
}

fn are(count: u64, noun: &str) -> String {
    format!("{} {}", counted(count, noun), if count == 1 { "is" } else { "are" })
}

/// What is durable stays; another run goes on.
fn stop_if_asked() -> Result<(), HubError> {
    if !interrupts::asked_to_stop() {
        return Ok(());
    }
    Err(HubError::new(&codes::INTERRUPTED, "stopped; what was done so far is kept")
        .hint("the same command goes on"))
}

impl Done {
    /// Whether there is anything to do, or was.
    fn changes(&self) -> bool {
        let key = match self.key.came {
            Came::Nothing => false,
            Came::Prepared => self.key.wrapped > 0 || !self.key.resumed,
            Came::Rotated | Came::Tidied | Came::Cancelled => true,
        };
        let data = |data: &Renewal| data.keys + data.values > 0 || data.resumed;
        key || self.data.as_ref().is_some_and(data)
    }

    fn resumed(&self) -> bool {
        self.key.resumed || self.data.as_ref().is_some_and(|data| data.resumed)
    }

    fn record(&self, dry_run: bool) -> KeyRotation {
        let Rotation { before, after, wrapped, made_file, former, operation, .. } = &self.key;
        let data = self.data.as_ref();
        let operation = operation.as_ref().or_else(|| data?.operation.as_ref());
        KeyRotation {
            action: "rotate-key",
            resource: "store/master-key",
            changed: self.changes(),
            dry_run,
            affected_accounts: 0,
            operation_id: operation.map(ToString::to_string),
            before: before.into(),
            after: after.into(),
            resumed: self.resumed(),
            rewrapped_keys: *wrapped,
            new_data_keys: data.map_or(0, |data| data.keys),
            resealed_values: data.map_or(0, |data| data.values),
            unreadable_values: data.map_or(0, |data| data.unreadable),
            made_key_file: made_file.as_ref().map(|file| file.display().to_string()),
            former_key_in: former.as_ref().map(ToString::to_string),
        }
    }
}
