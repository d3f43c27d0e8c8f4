//! How checks look.

use std::borrow::Cow;

use crate::api::check::Check;
use crate::cli::output::{Cell, Column, Record};

impl Record for Check {
    const COLUMNS: &'static [Column] = &[
        Column::new("check", "CHECK"),
        Column::new("status", "STATUS"),
        Column::new("message", "FOUND"),
        Column::new("hint", "WHAT HELPS"),
        Column::wide("code", "CODE"),
    ];
    const FIELDS: &'static [&'static str] = &["check", "status", "message", "hint", "code"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.check)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(&*self.check),
            Cell::Status(Cow::Borrowed(self.status.as_str())),
            Cell::from(self.message.as_str()),
            Cell::opt(self.hint.as_deref()),
            Cell::opt(self.code.as_deref()),
        ]);
    }
}
