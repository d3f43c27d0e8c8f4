//! Statements that write several rows. A database keeps what it has compiled, and so there are few
//! texts of each, however many rows there are.

/// Rows in one statement.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Numbered placeholders for rows of so many values each.
pub(super) fn values(rows: usize, columns: usize) -> String {
    let mut sql = String::with_capacity(rows * columns * 5);
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            sql.push_str(&format!("{comma}?{}", row * columns + column));
        }
        sql.push(')');
    }
    sql
}

/// The rows in parts of few sizes.
pub(super) fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (part, rest) = rows.split_at(size);
        rows = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::{parts, values};

    #[test]
    fn rows_come_once_each_in_parts_of_few_sizes() {
        let rows: Vec<usize> = (0..64 + 2 * 16 + 3).collect();
        let sizes: Vec<usize> = parts(&rows).map(<[usize]>::len).collect();
        assert_eq!(sizes, [64, 16, 16, 1, 1, 1]);
        assert_eq!(parts(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(parts::<usize>(&[]).count(), 0);
        assert_eq!(values(2, 3), "(?1, ?2, ?3), (?4, ?5, ?6)");
    }
}
