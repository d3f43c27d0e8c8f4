//! Changes the configuration file: comments and order stay, a reader sees the old file or the new
//! one, and of two changes at the same time none is lost.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::error::{HubError, codes};
use crate::hub::private_file;

use super::config::{self, Config};
use super::table::{Form, Setting};

/// The file, open for changes.
pub(in crate::cli) struct Editor {
    document: DocumentMut,
    /// Comments after the last entry: what is added comes behind them.
    last_words: String,
    /// What it said before.
    pub(in crate::cli) before: Config,
}

/// Changes the file through `change`; a trial writes nothing. Says whether the file is different.
///
/// # Errors
/// Those of `change`, and when the file can't be read or written. It is then as it was.
pub(in crate::cli) fn edit<T>(
    path: &Path,
    trial: bool,
    change: impl FnOnce(&mut Editor) -> Result<T, HubError>,
) -> Result<(T, bool), HubError> {
    let _lock = if trial { None } else { private_file::lock_beside(path)? };
    let text = config::text(path)?.unwrap_or_default();
    // What can't be read is not changed, and is told as everywhere else.
    let before = config::parse(&text, path)?;
    let mut document: DocumentMut = text.parse().map_err(|error| {
        let text = format!("{} can't be changed", path.display());
        HubError::new(&codes::CONFIG_INVALID, text).source(error)
    })?;
    let last_words = document.trailing().as_str().unwrap_or_default().to_owned();
    document.set_trailing("");
    let mut editor = Editor { document, last_words, before };
    let answer = change(&mut editor)?;
    editor.document.set_trailing(editor.last_words);
    let after = editor.document.to_string();
    let changed = after != text;
    if changed && !trial {
        config::parse(&after, path)?;
        private_file::replace_private(path, after.as_bytes())?;
    }
    Ok((answer, changed))
}

impl Editor {
    /// Makes a profile, if it is not there.
    pub(in crate::cli) fn make_profile(&mut self, profile: &str) -> Result<(), HubError> {
        let words = &mut self.last_words;
        let profiles = group(self.document.as_table_mut(), "profiles", None)?;
        group(profiles, profile, Some(words)).map(drop)
    }

    /// Gives a setting of a profile a value that was checked.
    pub(in crate::cli) fn set(
        &mut self,
        profile: &str,
        setting: &Setting,
        text: &str,
    ) -> Result<(), HubError> {
        let words = &mut self.last_words;
        let profiles = group(self.document.as_table_mut(), "profiles", None)?;
        let mut table = group(profiles, profile, Some(words))?;
        let mut key = setting.key;
        while let Some((outer, inner)) = key.split_once('.') {
            table = group(table, outer, Some(words))?;
            key = inner;
        }
        put(table, key, value_of(setting.form, text));
        Ok(())
    }

    /// Takes a setting out of a profile.
    pub(in crate::cli) fn unset(&mut self, profile: &str, setting: &Setting) {
        let Some(mut table) = self.profile(profile) else { return };
        let mut key = setting.key;
        while let Some((outer, inner)) = key.split_once('.') {
            let Some(below) = table.get_mut(outer).and_then(Item::as_table_like_mut) else {
                return;
            };
            table = below;
            key = inner;
        }
        table.remove(key);
    }

    /// Takes a profile out, and its choice as the one to use.
    pub(in crate::cli) fn remove_profile(&mut self, profile: &str) {
        let profiles = self.document.get_mut("profiles").and_then(Item::as_table_like_mut);
        if let Some(profiles) = profiles {
            profiles.remove(profile);
        }
        if self.before.profile.as_deref() == Some(profile) {
            self.choose(None);
        }
    }

    /// Says which profile to use where nothing else names one.
    pub(in crate::cli) fn choose(&mut self, profile: Option<&str>) {
        let top = self.document.as_table_mut();
        match profile {
            Some(name) => {
                let is_first = top.is_empty();
                put(top, "profile", Value::from(name));
                if is_first {
                    // Otherwise it would come before the comments at the top.
                    let words = std::mem::take(&mut self.last_words);
                    if let Some(mut key) = top.key_mut("profile").filter(|_| !words.is_empty()) {
                        key.leaf_decor_mut().set_prefix(words);
                    }
                }
            }
            None => _ = top.remove("profile"),
        }
    }

    fn profile(&mut self, name: &str) -> Option<&mut dyn TableLike> {
        let profiles = self.document.get_mut("profiles")?.as_table_like_mut()?;
        profiles.get_mut(name)?.as_table_like_mut()
    }
}

/// The value as the file spells it.
fn value_of(form: Form, text: &str) -> Value {
    match form {
        Form::Switch => Value::from(text == "true"),
        Form::Count(..) => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        _ => Value::from(text),
    }
}

/// Puts a value in its place; what is written beside the old one stays.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        *value.decor_mut() = old.decor().clone();
        *old = value;
    } else {
        table.insert(key, Item::Value(value));
    }
}

/// The table of this name, made if it is missing, behind the last words. A table without words
/// has no header of its own.
fn group<'t>(
    parent: &'t mut dyn TableLike,
    key: &str,
    last_words: Option<&mut String>,
) -> Result<&'t mut dyn TableLike, HubError> {
    let make = || {
        let mut table = Table::new();
        table.set_implicit(last_words.is_none());
        if let Some(words) = last_words.filter(|words| !words.trim().is_empty()) {
            let words = std::mem::take(words);
            table.decor_mut().set_prefix(format!("{}\n\n", words.trim_end()));
        }
        Item::Table(table)
    };
    let is_table = parent.entry(key).or_insert_with(make).is_table_like();
    let found = parent.get_mut(key).filter(|_| is_table).and_then(Item::as_table_like_mut);
    found.ok_or_else(|| {
        let shown: String = key.chars().take(80).collect();
        HubError::new(&codes::CONFIG_INVALID, format!("`{shown}` is no table in the file"))
    })
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use super::{Editor, edit};
    use crate::cli::settings::config;
    use crate::cli::settings::table::in_profile;
    use crate::error::HubError;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        (folder, path)
    }

    fn set(editor: &mut Editor, key: &str, text: &str) -> Result<(), HubError> {
        editor.set("a", in_profile(key).unwrap(), text)
    }

    #[track_caller]
    fn changed(before: &str, change: impl FnOnce(&mut Editor) -> Result<(), HubError>) -> String {
        let (_folder, path) = file(before);
        edit(&path, false, change).unwrap();
        fs::read_to_string(&path).unwrap()
    }

    const COMMENTED: &str = "# mine\nprofile = \"a\" # now\n\n# live\n[profiles.a]\n# why\nproject = \
                             'x' # keep\n\n[profiles.b]\nretries = 1\n";

    #[test]
    fn comments_and_order_stay() {
        assert_eq!(
            changed(COMMENTED, |editor| set(editor, "project", "y")),
            COMMENTED.replace("'x'", "\"y\"")
        );
        assert_eq!(
            changed(COMMENTED, |editor| set(editor, "protected", "true")),
            COMMENTED.replace("# keep\n", "# keep\nprotected = true\n")
        );
        let text = changed(COMMENTED, |editor| {
            editor.choose(Some("b"));
            Ok(())
        });
        assert_eq!(text, COMMENTED.replace("\"a\"", "\"b\""));
        let text = changed(COMMENTED, |editor| {
            editor.remove_profile("b");
            Ok(())
        });
        assert!(text.contains("# mine") && !text.contains("profiles.b"), "{text}");
    }

    #[test]
    fn what_is_added_comes_behind_the_last_comment() {
        let before = "[profiles.b]\nretries = 1\n# output = 'json'\n";
        let text = changed(before, |editor| set(editor, "project", "y"));
        assert_eq!(text, format!("{before}\n[profiles.a]\nproject = \"y\"\n"));
        let text = changed("# top\n", |editor| {
            editor.choose(Some("a"));
            Ok(())
        });
        assert_eq!(text, "# top\nprofile = \"a\"\n");
        let text = changed("profile = 'a'\n# end\n", |editor| {
            editor.choose(Some("b"));
            Ok(())
        });
        assert_eq!(text, "profile = \"b\"\n# end\n");
    }

    #[test]
    fn every_way_to_write_a_profile_can_be_changed() {
        for before in [
            "",
            "[profiles]\n",
            "[profiles.a]\n",
            "profiles.a.project = 'x'\n",
            "profiles = { a = { project = 'x' } }\n",
            "[profiles]\na = { project = 'x' }\n",
            "[profiles.a]\nsession = { require_owner = false }\n",
            "[profiles.a.session]\nrequire_owner = false\n",
            "[profiles.a]\nsession.require_owner = false\n",
        ] {
            let text = changed(before, |editor| {
                set(editor, "project", "y")?;
                set(editor, "retries", "7")?;
                set(editor, "session.require_owner", "true")
            });
            let read = config::parse(&text, "x".as_ref()).unwrap();
            let a = &read.profiles["a"];
            assert_eq!((a["project"].as_str(), a["retries"].as_str()), ("y", "7"), "{text}");
            assert_eq!(a["session.require_owner"], "true", "{text}");
            let text = changed(&text, |editor| {
                editor.unset("a", in_profile("session.require_owner").unwrap());
                editor.unset("a", in_profile("project").unwrap());
                Ok(())
            });
            let read = config::parse(&text, "x".as_ref()).unwrap();
            let left: Vec<_> = read.profiles["a"].keys().copied().collect();
            assert_eq!(left, ["retries"], "{text}");
        }
    }

    #[test]
    fn a_refused_change_leaves_the_file_alone_and_a_trial_writes_nothing() {
        let (folder, path) = file("profile = [\n");
        edit(&path, false, |editor| set(editor, "project", "y")).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "profile = [\n");
        let absent = folder.path().join("new/config.toml");
        let ((), changed) = edit(&absent, true, |editor| set(editor, "project", "y")).unwrap();
        assert!(changed && !absent.parent().unwrap().exists());
    }

    #[test]
    fn threat_34_the_mode_is_kept_and_links_are_refused() {
        let (folder, path) = file("");
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        edit(&path, false, |editor| set(editor, "project", "y")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        let link = folder.path().join("link.toml");
        symlink(&path, &link).unwrap();
        edit(&link, false, |editor| set(editor, "project", "z")).unwrap_err();
        assert!(fs::read_to_string(&path).unwrap().contains("\"y\""));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        edit(&path, false, |editor| set(editor, "project", "z")).unwrap_err();
    }

    #[test]
    fn a_new_file_belongs_to_the_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/config.toml");
        edit(&path, false, |editor| set(editor, "project", "y")).unwrap();
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path) & 0o7777, 0o600);
        assert_eq!(mode(path.parent().unwrap()) & 0o7777, 0o700);
    }

    #[test]
    fn of_changes_at_the_same_time_none_is_lost() {
        let (_folder, path) = file("# top\n");
        std::thread::scope(|scope| {
            for number in 0..12 {
                let path = &path;
                scope.spawn(move || {
                    let name = format!("p{number}");
                    let project = in_profile("project").unwrap();
                    edit(path, false, |editor| editor.set(&name, project, "y")).unwrap();
                });
            }
        });
        let read = config::read(&path).unwrap();
        assert_eq!(read.profiles.len(), 12);
        assert!(fs::read_to_string(&path).unwrap().starts_with("# top"));
    }
}
