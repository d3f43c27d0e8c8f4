//! What people see.

use std::borrow::Cow;

use super::{Account, account, list, listed, memory, names, one, piped, shown, two};
use crate::cli::output::{Cell, Column, Format, Output, OutputOptions, Record, WriteResult};
use crate::domain::words::is_risky;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

#[test]
fn a_terminal_gets_an_aligned_table_with_relative_times() {
    let (stdout, stderr) = listed(shown(None), &two());
    assert_eq!(
        stdout,
        "ID    PROVIDER  OWNER       STATUS  UPDATED\n\
         0199  hubspot   Acme        active  2 min ago\n\
         019a  hubspot   Globex Ltd  error   3 h ago\n"
    );
    assert_eq!(stderr, "2 accounts\n");
    assert_eq!(listed(shown(None), &[]), (String::new(), "0 accounts\n".to_owned()));
}

#[test]
fn wide_adds_columns_and_absolute_times() {
    let (stdout, _) = listed(shown(Some(Format::Wide)), &two()[..1]);
    assert_eq!(
        stdout,
        "ID    PROVIDER  OWNER  STATUS  UPDATED               TRIES\n\
         0199  hubspot   Acme   active  2026-06-01 08:58 UTC  1\n"
    );
}

#[test]
fn a_table_in_a_pipe_cuts_nothing_and_has_exact_times() {
    let long = "x".repeat(300);
    let text = list(piped(Some(Format::Table)), &[account("1", &long, "active", 1)]);
    assert!(text.contains(&long) && text.contains("2026-06-01T08:58:00.125Z"), "{text}");
    assert!(!text.contains(" \n"));
}

#[test]
fn columns_shrink_to_the_terminal_but_the_id_never_does() {
    let rows = [account("0199aaaa-bbbb-cccc", "A very long owner name indeed", "active", 1)];
    let (stdout, _) = listed(OutputOptions { width: Some(60), ..shown(None) }, &rows);
    assert_eq!(
        stdout,
        "ID                  PROVIDER  OWNER        STATUS  UPDATED\n\
         0199aaaa-bbbb-cccc  hubspot   A very lon…  active  2 min ago\n"
    );
    let (narrow, _) = listed(OutputOptions { width: Some(10), ..shown(None) }, &rows);
    assert!(narrow.contains("0199aaaa-bbbb-cccc  "), "{narrow}");
}

/// A call with two ids, of which the second may be left out.
#[derive(serde::Serialize)]
struct Call {
    path: &'static str,
    took: i64,
    account: &'static str,
    request: &'static str,
}

impl Record for Call {
    const COLUMNS: &'static [Column] = &[
        Column::new("path", "PATH"),
        Column::new("took", "TOOK").spare(1),
        Column::new("account", "ACCOUNT").whole().spare(2),
        Column::new("request", "REQUEST").whole(),
        Column::wide("again", "AGAIN"),
    ];
    const FIELDS: &'static [&'static str] = &["path", "took", "account", "request"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.request)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::from(self.path));
        out.push(Cell::Number(self.took));
        out.push(Cell::from(self.account));
        out.push(Cell::from(self.request));
        out.push(Cell::from(self.path));
    }
}

/// Two calls on a terminal of this width; the second is written after the widths are settled.
fn calls(options: OutputOptions) -> String {
    let call = Call {
        path: "/v1/employees/42",
        took: 12,
        account: "0199aaaa-bbbb-cccc",
        request: "019abbbb-cccc-dddd",
    };
    let (output, stdout) = memory(Output::captured(options));
    let mut list = output.list_of::<Call>().unwrap();
    _ = list.push(&call).unwrap();
    list.flush().unwrap();
    _ = list.push(&call).unwrap();
    list.finish(|_| None).unwrap();
    let text = stdout.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], lines[2]);
    lines[..2].join("\n")
}

#[test]
fn where_there_is_no_room_columns_are_left_out_and_ids_stay_whole() {
    let at = |width: u16| calls(OutputOptions { width: Some(width), ..shown(None) });
    let all = "PATH              TOOK  ACCOUNT             REQUEST\n\
               /v1/employees/42  12    0199aaaa-bbbb-cccc  019abbbb-cccc-dddd";
    assert_eq!(at(62), all);
    // A text is cut before a column goes, but no further than it can be read.
    let cut = "PATH           TOOK  ACCOUNT             REQUEST\n\
               /v1/employee…  12    0199aaaa-bbbb-cccc  019abbbb-cccc-dddd";
    assert_eq!(at(59), cut);
    let without_time = "PATH         ACCOUNT             REQUEST\n\
                        /v1/employ…  0199aaaa-bbbb-cccc  019abbbb-cccc-dddd";
    assert_eq!(at(51), without_time);
    // What went first comes back where more went after it.
    let one_id = "PATH              TOOK  REQUEST\n\
                  /v1/employees/42  12    019abbbb-cccc-dddd";
    assert_eq!(at(45), one_id);
    // Nothing more can be spared.
    assert!(at(20).ends_with("\n/v1/e…  019abbbb-cccc-dddd"), "{}", at(20));
}

#[test]
fn who_names_columns_or_wants_all_gets_them_on_a_narrow_terminal_too() {
    let narrow = OutputOptions { width: Some(30), ..shown(None) };
    for options in [
        OutputOptions { columns: names("took,account,request"), ..narrow.clone() },
        OutputOptions { format: Some(Format::Wide), ..narrow.clone() },
    ] {
        let text = calls(options);
        assert!(text.contains("TOOK") && text.contains("0199aaaa-bbbb-cccc  019abbbb"), "{text}");
    }
    let (output, stdout) = memory(Output::captured(narrow));
    let call = Call { path: "/v1", took: 1, account: "0199aaaa", request: "019abbbb" };
    let mut parts = output.endless();
    for part in 0..2 {
        let mut list = parts.part::<Call>().unwrap();
        let account = if part == 0 { "" } else { call.account };
        _ = list.push(&Call { account, ..call }).unwrap();
        list.finish(|_| None).unwrap();
    }
    // The first part settles for all of them what is left out.
    assert!(!stdout.text().contains("0199aaaa"), "{}", stdout.text());
}

#[test]
fn all_of_it_means_that_nothing_is_cut_however_narrow_the_terminal_is() {
    let wide = OutputOptions { width: Some(30), ..shown(Some(Format::Wide)) };
    assert_eq!(
        calls(wide),
        "PATH              TOOK  ACCOUNT             REQUEST             AGAIN\n\
         /v1/employees/42  12    0199aaaa-bbbb-cccc  019abbbb-cccc-dddd  /v1/employees/42"
    );
}

/// Something with a sentence.
#[derive(serde::Serialize)]
struct Rule {
    name: &'static str,
    meaning: &'static str,
}

impl Record for Rule {
    const COLUMNS: &'static [Column] =
        &[Column::new("name", "NAME"), Column::new("meaning", "MEANING").wraps()];
    const FIELDS: &'static [&'static str] = &["name", "meaning"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::from(self.name), Cell::from(self.meaning)]);
    }
}

#[test]
fn sentences_go_on_below_where_they_begin() {
    let rule =
        Rule { name: "HUBCTL_URL", meaning: "Where end users reach the hub of a local store." };
    let written = |options: OutputOptions| {
        let (output, stdout) = memory(Output::captured(options));
        let mut list = output.list_of::<Rule>().unwrap();
        _ = list.push(&rule).unwrap();
        list.flush().unwrap();
        _ = list.push(&rule).unwrap();
        list.finish(|_| None).unwrap();
        stdout.text()
    };
    let at = |width: u16| written(OutputOptions { width: Some(width), ..shown(None) });
    let one_line = "HUBCTL_URL  Where end users reach the hub of a local store.";
    assert_eq!(at(80), format!("NAME        MEANING\n{one_line}\n{one_line}\n"));
    let lines = "HUBCTL_URL  Where end users reach the\n            hub of a local store.";
    assert_eq!(at(38), format!("NAME        MEANING\n{lines}\n{lines}\n"));
    // Lines of one word each would be no easier to read.
    let narrow =
        "HUBCTL_URL  Where end users\n            reach the hub of a\n            local store.";
    assert_eq!(at(10), format!("NAME        MEANING\n{narrow}\n{narrow}\n"));
    assert_eq!(written(piped(Some(Format::Table))).lines().nth(1), Some(one_line));
    // Another column would not go on below it.
    let turned = OutputOptions { columns: names("meaning,name"), width: Some(38), ..shown(None) };
    assert_eq!(written(turned).lines().count(), 3);
}

#[test]
fn columns_behind_arabic_names_stay_below_each_other() {
    let rows =
        [account("1", "شركة الاتصالات السعودية", "active", 1), account("2", "Acme", "active", 1)];
    for width in [45, 100] {
        let options = OutputOptions { width: Some(width), ..shown(None) };
        let (output, stdout) = memory(Output::captured(options));
        let mut list = output.list_of::<Account<'_>>().unwrap();
        for at in [0, 1, 0] {
            _ = list.push(&rows[at]).unwrap();
            list.flush().unwrap();
        }
        list.finish(|_| None).unwrap();
        // A terminal gives each of these characters one column.
        let begins = |line: &str| {
            let at = line.find("active").or_else(|| line.find("STATUS")).unwrap();
            line[..at].chars().count()
        };
        let found: Vec<usize> = stdout.text().lines().map(begins).collect();
        assert!(found.iter().all(|at| *at == found[0]), "{width}: {found:?}");
    }
}

#[test]
fn colours_only_mark_the_status_and_keep_the_word() {
    let rows = two();
    let options = OutputOptions { color: true, ..shown(None) };
    let (stdout, _) = listed(options.clone(), &rows);
    assert_eq!(stdout.lines().next(), Some("ID    PROVIDER  OWNER       STATUS  UPDATED"));
    assert!(stdout.contains("Acme        \x1b[32mactive\x1b[0m  2 min ago\n"), "{stdout:?}");
    assert!(stdout.contains("Globex Ltd  \x1b[31merror\x1b[0m   3 h ago\n"), "{stdout:?}");
    // Rows written at once look like rows laid out together.
    let (output, streamed) = memory(Output::captured(options));
    let mut list = output.list_of::<Account<'_>>().unwrap();
    _ = list.push(&rows[0]).unwrap();
    _ = list.push(&rows[1]).unwrap();
    list.flush().unwrap();
    _ = list.push(&rows[1]).unwrap();
    list.finish(|_| None).unwrap();
    let text = streamed.text();
    assert_eq!(text.lines().nth(2), text.lines().nth(3));
}

#[test]
fn a_terminal_gets_fifty_rows_and_is_told_so() {
    let ids: Vec<String> = (0..60).map(|at| format!("{at:03}")).collect();
    let rows: Vec<Account<'_>> = ids.iter().map(|id| account(id, "Acme", "active", 1)).collect();
    let (stdout, stderr) = listed(shown(None), &rows);
    assert_eq!(stdout.lines().count(), 51);
    let note = "note: only the first 50 are shown; --all shows every row, --limit N the first N\n";
    assert_eq!(stderr, format!("50 accounts\n{note}"));
    let (stdout, stderr) = listed(shown(None), &rows[..50]);
    assert_eq!((stdout.lines().count(), stderr.as_str()), (51, "50 accounts\n"));
    let (all, _) = listed(OutputOptions { all: true, ..shown(None) }, &rows);
    assert_eq!(all.lines().count(), 61);
    let (some, stderr) = listed(OutputOptions { limit: Some(55), ..shown(None) }, &rows);
    let note = "note: only the first 55 are shown; --all in place of --limit shows every row\n";
    assert_eq!((some.lines().count(), stderr), (56, format!("55 accounts\n{note}")));
    let (_, stderr) = listed(OutputOptions { limit: Some(60), ..shown(None) }, &rows);
    assert_eq!(stderr, "60 accounts\n");
    let (json, _) = listed(shown(Some(Format::Jsonl)), &rows);
    assert_eq!(json.lines().count(), 60);
    let (quiet, stderr) = listed(OutputOptions { quiet: true, ..shown(None) }, &rows);
    assert_eq!((quiet.lines().count(), stderr.as_str()), (51, ""));
}

#[test]
fn a_single_thing_is_a_card_on_a_terminal_and_a_row_in_a_pipe() {
    assert_eq!(
        one(shown(None), None),
        "Id        0199\n\
         Provider  hubspot\n\
         Owner     Acme\n\
         Status    active\n\
         Updated   2 min ago (2026-06-01 08:58 UTC)\n\
         Tries     1\n"
    );
    let lines = [("Auth link", "http://x".to_owned()), ("", "and\nmore".to_owned())];
    assert_eq!(one(shown(None), Some(&lines)), "Auth link  http://x\n           and\\nmore\n");
    assert_eq!(
        one(piped(None), Some(&lines)),
        "0199\thubspot\tAcme\tactive\t2026-06-01T08:58:00.125Z\n"
    );
    let table = one(shown(Some(Format::Table)), Some(&lines));
    assert!(table.starts_with("ID    PROVIDER"), "{table}");
    let fields = OutputOptions { fields: names("tries"), ..shown(None) };
    assert_eq!(one(fields, Some(&lines)), "Tries  1\n");
}

#[test]
fn notes_and_warnings_go_to_standard_error() {
    let (output, stdout, stderr) = Output::captured(shown(None)).unwrap();
    output.note("one");
    output.warn("two\x07");
    assert_eq!(
        (stdout.text(), stderr.text()),
        (String::new(), "note: one\nwarning: two\\u{7}\n".to_owned())
    );
    let (output, _, stderr) =
        Output::captured(OutputOptions { quiet: true, ..shown(None) }).unwrap();
    output.note("one");
    output.warn("two");
    assert_eq!(stderr.text(), "warning: two\n");
}

const EVIL: &[&str] = &[
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil\x1b\\link",
    "\x1bP1$q\x1b\\",
    "\x1b[6n",
    "\x1b]52;c;ZXZpbA==\x07",
    "\u{9b}31m",
    "\u{9d}0;x\u{9c}",
    "\u{90}q",
    "a\x08\x08b",
    "a\rb",
    "\x7f",
    "\x00",
    "\x0e",
    "\x05",
    "\u{202e}gpj.exe",
    "\u{2066}x\u{2069}",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}",
    "\u{2028}",
    "\u{2029}",
    "\u{85}",
    "\u{61c}",
    "\u{e0041}",
    "\u{fff9}",
    "line\nbreak",
    "tab\tbed",
];

#[test]
fn threat_36_no_escape_sequence_reaches_a_terminal() {
    for evil in EVIL {
        let mut row = account("1", evil, "active", 1);
        row.id = (*evil).into();
        row.label = Some((*evil).into());
        for format in [None].into_iter().chain(Format::ALL.into_iter().map(Some)) {
            for base in [shown(format), piped(format)] {
                let machine = format.is_some_and(Format::is_machine);
                if machine && !base.stdout_is_terminal {
                    continue;
                }
                for fields in [None, names("label,id")] {
                    let options = OutputOptions { fields, ..base.clone() };
                    let (output, stdout, stderr) = Output::captured(options.clone()).unwrap();
                    let mut list = output.list_of::<Account<'_>>().unwrap();
                    _ = list.push(&row).unwrap();
                    list.flush().unwrap();
                    _ = list.push(&row).unwrap();
                    list.finish(|_| Some((*evil).to_owned())).unwrap();
                    output.item(&row, None).unwrap();
                    output.note(evil);
                    output.warn(evil);
                    output.text(evil).unwrap();
                    if options.fields.is_none() {
                        let result = WriteResult {
                            human: (*evil).to_owned(),
                            ..WriteResult::new("x", *evil, true)
                        };
                        output.writes(&[result]).unwrap();
                        if options.stdout_is_terminal {
                            output.value(&serde_json::json!({ *evil: evil })).unwrap();
                        }
                    }
                    for text in [stdout.text(), stderr.text()] {
                        let left = text.chars().find(|c| is_risky(*c) && !"\n\t".contains(*c));
                        assert_eq!(left, None, "{format:?} {evil:?} {text:?}");
                    }
                }
            }
        }
        let jq = OutputOptions { jq: Some(".[] | .label, [.id]".to_owned()), ..shown(None) };
        let (stdout, _) = listed(jq, &[row]);
        assert!(!stdout.chars().any(|c| is_risky(c) && !"\n\t".contains(c)), "{stdout:?}");
    }
}

proptest! {
    #[test]
    fn rows_written_at_once_look_like_rows_laid_out_together(
        owners in prop::collection::vec(any::<String>(), 1..6), width in 20_u16..120, piped in any::<bool>()
    ) {
        let options = OutputOptions {
            width: Some(width), stdout_is_terminal: !piped, all: true, ..shown(Some(Format::Table))
        };
        let rows: Vec<Account<'_>> = owners.iter().map(|owner| account("id", owner, "active", 1)).collect();
        let (output, stdout) = memory(Output::captured(options));
        let mut list = output.list_of::<Account<'_>>().unwrap();
        for row in &rows {
            _ = list.push(row).unwrap();
        }
        list.flush().unwrap();
        for row in &rows {
            _ = list.push(row).unwrap();
        }
        list.finish(|_| None).unwrap();
        let text = stdout.text();
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        prop_assert_eq!(lines.len(), 1 + 2 * rows.len());
        prop_assert_eq!(&lines[1..=rows.len()], &lines[1 + rows.len()..]);
        if !piped && width > 60 {
            prop_assert!(lines.iter().all(|line| line.width() <= usize::from(width)), "{}", text);
        }
    }
}
