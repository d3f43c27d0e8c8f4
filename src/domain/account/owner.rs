//! Whose an account is, and the texts that a request may say about that (CS-2, CS-31, CS-32).

use serde_json::{Map, Value};

use crate::domain::refusal::Problem;

/// Longest owner id, owner name, user name or label, in bytes.
pub const TEXT_LIMIT: usize = 1_024;
/// Largest metadata, in bytes of JSON.
pub const METADATA_LIMIT: usize = 16_384;

/// Who in the caller's own system an account belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The caller's id of the customer, compared exactly (CS-9).
    pub id: String,
    /// Name for people; data, not part of the match (CS-8).
    pub name: String,
    /// The person who links, if known.
    pub username: Option<String>,
}

impl Owner {
    /// This owner as a new link tells of it. A name that repeats the id stands where none was given
    /// and leaves the known one, as a user name that is not given does.
    #[must_use]
    pub fn told_anew(self, told: Self) -> Self {
        let has_name = told.name != told.id || told.id != self.id;
        Self {
            id: told.id,
            name: if has_name { told.name } else { self.name },
            username: told.username.or(self.username),
        }
    }
}

/// What a request says about an account; what is `None` was not said and is not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<'a> {
    /// The owner's id.
    pub owner_id: Option<&'a str>,
    /// The owner's name.
    pub owner_name: Option<&'a str>,
    /// The user name.
    pub username: Option<&'a str>,
    /// The label.
    pub label: Option<&'a str>,
    /// Tags.
    pub metadata: Option<&'a Map<String, Value>>,
}

impl<'a> Said<'a> {
    /// Everything about a new link: the owner has to have an id and a name (CS-2).
    #[must_use]
    pub fn of(
        owner: &'a Owner,
        label: Option<&'a String>,
        metadata: Option<&'a Map<String, Value>>,
    ) -> Self {
        Self {
            owner_id: Some(&owner.id),
            owner_name: Some(&owner.name),
            username: owner.username.as_deref(),
            label: label.map(String::as_str),
            metadata,
        }
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let required = [("origin_owner_id", self.owner_id), ("origin_owner_name", self.owner_name)];
        let optional = [("origin_username", self.username), ("label", self.label)];
        let mut problems = Vec::new();
        for (field, value) in required {
            let is_blank = value.is_some_and(|value| value.trim().is_empty());
            problems.extend(is_blank.then(|| Problem::new(field, "must not be empty")));
            problems.extend(value.and_then(|value| check_text(field, value)));
        }
        for (field, value) in optional {
            problems.extend(value.and_then(|value| check_text(field, value)));
        }
        problems.extend(self.metadata.and_then(check_metadata));
        problems
    }
}

fn check_text(field: &'static str, value: &str) -> Option<Problem> {
    if value.len() > TEXT_LIMIT {
        return Some(Problem::new(field, format!("must have at most {TEXT_LIMIT} bytes")));
    }
    value.contains('\0').then(|| Problem::new(field, "must not have a NUL character"))
}

/// Checks the size of metadata and that no value in it has a NUL.
pub fn check_metadata(metadata: &Map<String, Value>) -> Option<Problem> {
    let text = serde_json::to_string(metadata).unwrap_or_default();
    if text.len() > METADATA_LIMIT {
        let message = format!("must have at most {METADATA_LIMIT} bytes as JSON");
        return Some(Problem::new("metadata", message));
    }
    text.contains("\\u0000").then(|| Problem::new("metadata", "must not have a NUL character"))
}

#[cfg(test)]
mod tests {
    use super::{METADATA_LIMIT, Owner, Said, TEXT_LIMIT};
    use serde_json::{Map, Value};

    fn fields(said: Said<'_>) -> Vec<&'static str> {
        said.problems().iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn cs_2_an_owner_has_an_id_and_a_name_and_every_text_its_bounds() {
        let long = "x".repeat(TEXT_LIMIT + 1);
        let owner = Owner { id: " ".into(), name: String::new(), username: Some(long.clone()) };
        let label = "a\0b".to_owned();
        let mut tags = Map::new();
        tags.insert("k".into(), Value::String("\0".into()));
        let all = ["origin_owner_id", "origin_owner_name", "origin_username", "label", "metadata"];
        assert_eq!(fields(Said::of(&owner, Some(&label), Some(&tags))), all);
        tags.insert("k".into(), Value::String("x".repeat(METADATA_LIMIT)));
        let said = Said { metadata: Some(&tags), ..Said::default() };
        assert_eq!(fields(said), ["metadata"]);
        let fine = "x".repeat(TEXT_LIMIT);
        let owner = Owner { id: fine.clone(), name: fine.clone(), username: Some(String::new()) };
        assert_eq!(fields(Said::of(&owner, Some(&fine), None)), [""; 0]);
    }

    #[test]
    fn cs_8_a_name_that_was_not_given_leaves_the_one_that_is_known() {
        let owner = |id: &str, name: &str, username: Option<&str>| Owner {
            id: id.to_owned(),
            name: name.to_owned(),
            username: username.map(str::to_owned),
        };
        let known = || owner("a-1", "Acme", Some("ann"));
        for (told, expected) in [
            (owner("a-1", "a-1", None), known()),
            (owner("a-1", "Acme Inc", Some("bob")), owner("a-1", "Acme Inc", Some("bob"))),
            // Another customer's name is not theirs.
            (owner("b-2", "b-2", None), owner("b-2", "b-2", Some("ann"))),
        ] {
            assert_eq!(known().told_anew(told), expected);
        }
    }

    #[test]
    fn what_was_not_said_is_not_missing() {
        assert_eq!(fields(Said::default()), [""; 0]);
        let name = Said { owner_name: Some(" "), ..Said::default() };
        assert_eq!(fields(name), ["origin_owner_name"]);
    }
}
