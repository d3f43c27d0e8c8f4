//! Which known names lie near a mistyped one; used for suggestions, never for decisions.

/// The longest text that is compared: suggestions for more are of no use and cost time.
const MAX_LEN: usize = 64;

/// Up to three known names within a small edit distance of `text`, the nearest first.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text = text.trim().to_lowercase();
    if text.is_empty() || text.len() > MAX_LEN {
        return Vec::new();
    }
    let allowed = match text.chars().count() {
        0..=2 => 1,
        3..=7 => 2,
        _ => 3,
    };
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|name| name.len().abs_diff(text.len()) <= allowed + 8 && name.len() <= MAX_LEN)
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let steps = distance(&text, &lower);
            let near = steps <= allowed && steps < text.len();
            // A longer name that starts with what was typed is a good guess too.
            let starts = text.len() >= 3 && lower.starts_with(&text);
            (near || starts).then_some((steps, name))
        })
        .collect();
    found.sort_unstable();
    found.truncate(3);
    found.into_iter().map(|(_, name)| name).collect()
}

/// `, did you mean ...?`, or nothing if no known name is near.
pub fn did_you_mean<'a, I: IntoIterator<Item = &'a str>>(text: &str, known: I) -> String {
    match nearest(text, known).as_slice() {
        [] => String::new(),
        [one] => format!("; did you mean `{one}`?"),
        [first, rest @ ..] => {
            format!("; did you mean `{first}` or `{}`?", rest.join("` or `"))
        }
    }
}

/// Edits (insert, delete, replace, swap of neighbours) between two texts.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut next = Vec::with_capacity(to.len() + 1);
        next.push(row + 1);
        for (column, b) in to.iter().enumerate() {
            let mut best = (last[column] + usize::from(a != b))
                .min(last[column + 1] + 1)
                .min(next[column] + 1);
            if row > 0 && column > 0 && *a == to[column - 1] && from[row - 1] == *b {
                best = best.min(before_last[column - 1] + 1);
            }
            next.push(best);
        }
        before_last = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, nearest};

    #[test]
    fn a_typing_slip_finds_the_name() {
        let known = ["bamboohr", "hubspot", "hibob", "workday"];
        assert_eq!(nearest("bambohr", known), ["bamboohr"]);
        assert_eq!(nearest("hubsopt", known), ["hubspot"]);
        assert_eq!(nearest("HUBSPOT", known), ["hubspot"]);
        assert_eq!(nearest("bamboo", known), ["bamboohr"]);
        assert!(nearest("zzzzzz", known).is_empty());
        assert!(nearest("", known).is_empty());
        assert!(nearest(&"a".repeat(10_000), known).is_empty());
    }

    #[test]
    fn the_suggestion_reads_as_a_clause() {
        assert_eq!(did_you_mean("lable", ["label", "type"]), "; did you mean `label`?");
        assert_eq!(did_you_mean("xyz", ["label"]), "");
    }
}
