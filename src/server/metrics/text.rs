//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Says what the rows that follow are.
    pub(super) fn header(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a text can't fail.
        _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One value with its labels.
    pub(super) fn row(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.0.push(if index == 0 { '{' } else { ',' });
            self.0.push_str(label);
            self.0.push_str("=\"");
            for c in text.chars() {
                match c {
                    '\\' | '"' => self.0.extend(['\\', c]),
                    '\n' => self.0.push_str("\\n"),
                    _ => self.0.push(c),
                }
            }
            self.0.push('"');
        }
        self.0.push_str(if labels.is_empty() { " " } else { "} " });
        _ = writeln!(self.0, "{value}");
    }

    /// A metric that is one value.
    pub(super) fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.header(name, kind, help);
        self.row(name, &[], value);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn labels_can_t_break_out_of_their_quotes() {
        let mut page = Page::default();
        page.row("a", &[("b", "c\"} 1\nd\\")], 2);
        assert_eq!(page.finish(), "a{b=\"c\\\"} 1\\nd\\\\\"} 2\n");
    }
}
