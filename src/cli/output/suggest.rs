//! Near names for a name that does not exist.

use crate::error::{HubError, codes};

/// The refusal of a field or column that the answer does not have.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> HubError {
    let shown = super::clean::line(name);
    HubError::new(&codes::UNKNOWN_FIELD, format!("this answer has no {what} `{shown}`"))
        .hint(hint(name, known))
        .detail(serde_json::json!({ what: name, "known": known }))
}

/// "did you mean …" where something is near, else everything there is.
pub(in crate::cli) fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("choose from {}", known.join(", ")),
    }
}

/// The known name that takes the fewest edits, if it takes few.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name: Vec<char> =
        name.chars().take(64).flat_map(char::to_lowercase).map(dash_as_underscore).collect();
    if name.is_empty() {
        return None;
    }
    let allowed = 1 + name.len() / 4;
    known
        .iter()
        .map(|other| (distance(&name, other), *other))
        .filter(|(edits, other)| *edits <= allowed || is_part(&name, other))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, other)| other)
}

fn dash_as_underscore(c: char) -> char {
    if c == '-' { '_' } else { c }
}

fn is_part(name: &[char], other: &str) -> bool {
    name.len() >= 3 && other.contains(&name.iter().collect::<String>())
}

/// Insertions, deletions and replacements that turn one into the other.
fn distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().map(dash_as_underscore).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{hint, nearest};

    const KNOWN: [&str; 4] = ["id", "provider", "status", "origin_owner_id"];

    #[test]
    fn a_slip_finds_its_name() {
        assert_eq!(nearest("provder", &KNOWN), Some("provider"));
        assert_eq!(nearest("Status", &KNOWN), Some("status"));
        assert_eq!(nearest("origin-owner-id", &KNOWN), Some("origin_owner_id"));
        assert_eq!(nearest("owner", &KNOWN), Some("origin_owner_id"));
    }

    #[test]
    fn nothing_near_lists_everything() {
        assert_eq!(nearest("zzzzzz", &KNOWN), None);
        assert_eq!(nearest("", &KNOWN), None);
        assert_eq!(hint("zzzzzz", &KNOWN), "choose from id, provider, status, origin_owner_id");
    }
}
