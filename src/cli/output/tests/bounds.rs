//! Memory, closed pipes and full disks; and how fast it is, on request.

use std::fs::File;
use std::time::Instant;

use super::{Account, account, piped, shown};
use crate::cli::output::sink::{Captured, Sink};
use crate::cli::output::{Format, Output, OutputOptions};
use crate::error::codes;

fn to_file(options: OutputOptions, file: File) -> Output {
    Output::with(options, Sink::file(file), Sink::memory(Captured::default())).unwrap()
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: 0 kB");
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn write(output: &Output, rows: u32) {
    let mut list = output.list_of::<Account<'_>>().unwrap();
    for at in 0..rows {
        let id = format!("01990000-0000-7000-8000-{at:012}");
        if list.push(&account(&id, "Acme Corporation", "active", i64::from(at))).unwrap().is_break()
        {
            break;
        }
    }
    list.finish(|_| None).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_list_takes_no_more_memory_than_a_short_one() {
    let formats = [Format::Json, Format::Yaml, Format::Jsonl, Format::Table, Format::Tsv];
    let run = |rows| {
        for format in formats {
            let null = File::create("/dev/null").unwrap();
            write(&to_file(piped(Some(format)), null), rows);
        }
    };
    run(40_000);
    run(40_000);
    let before = peak_kib();
    run(200_000);
    let grown = peak_kib() - before;
    assert!(grown < 2048, "{grown} KiB more for 200,000 rows");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_with_a_code() {
    for format in Format::ALL {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = to_file(piped(Some(format)), full);
        let mut list = output.list_of::<Account<'_>>().unwrap();
        let mut result = list.push(&account("1", "Acme", "active", 1)).map(drop);
        if result.is_ok() {
            result = list.finish(|_| None).map(drop);
        }
        let error = result.unwrap_err();
        assert!(std::ptr::eq(error.code(), &raw const codes::OUTPUT_FAILED));
        assert_eq!(error.message(), "cannot write to standard output: No space left on device");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_a_list_quietly() {
    for format in Format::ALL {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = to_file(piped(Some(format)), File::from(std::os::fd::OwnedFd::from(writer)));
        write(&output, 60_000);
        assert!(output.is_broken(), "{format}");
        output.text("and on").unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_reader_who_is_gone_is_noticed_before_anything_is_written() {
    let (reader, writer) = std::io::pipe().unwrap();
    let file = File::from(std::os::fd::OwnedFd::from(writer));
    let output = to_file(piped(Some(Format::Jsonl)), file);
    let rows = output.endless();
    rows.rest(std::time::Duration::from_millis(1));
    assert!(!output.is_abandoned() && !rows.is_over());
    drop(reader);
    assert!(output.is_abandoned() && rows.is_over());
}

#[test]
fn a_list_that_goes_on_has_every_row_on_a_terminal_and_one_limit_for_all_parts() {
    for (limit, expected) in [(None, 180), (Some(70), 70), (Some(0), 0)] {
        let options = OutputOptions { limit, ..shown(Some(Format::Table)) };
        let (output, stdout, _) = Output::captured(options).unwrap();
        let mut rows = output.endless();
        for _ in 0..3 {
            let mut part = rows.part::<Account<'_>>().unwrap();
            for number in 0..60 {
                let row = account("0199", "Acme", "active", number);
                if part.push(&row).unwrap().is_break() {
                    break;
                }
            }
            rows.wrote(part.finish(|_| None).unwrap());
        }
        let text = stdout.text();
        let is_row = |line: &&str| line.starts_with("0199");
        assert_eq!(text.lines().filter(is_row).count(), expected, "{limit:?}");
        assert_eq!(text.matches("PROVIDER").count(), usize::from(expected > 0), "{limit:?}");
        assert_eq!(rows.is_over(), limit.is_some());
    }
}

#[test]
fn a_list_that_goes_on_has_one_header_and_its_columns_stay_below_it() {
    let text = |format, owners: &[Option<&str>]| {
        let (output, stdout, _) = Output::captured(shown(format)).unwrap();
        let mut rows = output.endless();
        for owner in owners {
            let mut part = rows.part::<Account<'_>>().unwrap();
            if let Some(owner) = owner {
                _ = part.push(&account("0199", owner, "active", 1)).unwrap();
            }
            rows.wrote(part.finish(|_| None).unwrap());
        }
        stdout.text()
    };
    assert_eq!(
        text(None, &[None, Some("Globex Ltd"), None, Some("A")]),
        "ID    PROVIDER  OWNER       STATUS  UPDATED\n\
         0199  hubspot   Globex Ltd  active  2 min ago\n\
         0199  hubspot   A           active  2 min ago\n"
    );
    assert_eq!(text(None, &[None]), "");
    // A program gets the header at once, and once.
    let csv = text(Some(Format::Csv), &[None, Some("A")]);
    assert_eq!(csv.lines().next(), Some("id,provider,owner,status,updated"));
    assert_eq!((text(Some(Format::Csv), &[None]).lines().count(), csv.lines().count()), (1, 2));
}

#[cfg(unix)]
#[test]
fn a_large_document_reaches_a_pipe_whole() {
    use std::io::Read;
    let (mut reader, writer) = std::io::pipe().unwrap();
    let thread = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    let file = File::from(std::os::fd::OwnedFd::from(writer));
    let output = to_file(piped(Some(Format::Json)), file);
    write(&output, 60_000);
    drop(output);
    let value: serde_json::Value = serde_json::from_str(&thread.join().unwrap()).unwrap();
    assert_eq!(value.as_array().unwrap().len(), 60_000);
}

/// `cargo test --release -- --ignored --nocapture speed`.
#[test]
#[ignore = "measures; means something in release only"]
fn speed_beside_plain_serde_json() {
    const ROWS: u32 = 300_000;
    let null = || File::create("/dev/null").unwrap();
    let row = account("01990000-0000-7000-8000-000000000001", "Acme Corporation", "active", 7);
    let measure = |name: &str, work: &dyn Fn()| {
        let best = (0..5).map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        });
        let nanos = best.min().unwrap().as_secs_f64() * 1e9 / f64::from(ROWS);
        println!("{name:>24}: {nanos:.0} ns a record, peak {} KiB", peak_kib());
        nanos
    };
    let plain = measure("serde_json::to_writer", &|| {
        let mut out = std::io::BufWriter::with_capacity(64 << 10, null());
        for _ in 0..ROWS {
            serde_json::to_writer(&mut out, &row).unwrap();
            std::io::Write::write_all(&mut out, b"\n").unwrap();
        }
    });
    let ours = |options: OutputOptions| {
        let output = to_file(options, null());
        let mut list = output.list_of::<Account<'_>>().unwrap();
        for _ in 0..ROWS {
            _ = list.push(&row).unwrap();
        }
        list.finish(|_| None).unwrap();
    };
    for format in Format::ALL {
        let nanos = measure(format.name(), &|| ours(piped(Some(format))));
        println!("{:>24}  {:.2} of plain", "", nanos / plain);
    }
    let fields = OutputOptions { fields: super::names("id,status"), ..piped(Some(Format::Json)) };
    measure("json, two fields", &|| ours(fields.clone()));
    let unmasked = OutputOptions {
        fields: super::names("id,provider,origin_owner_name,status,updated_at,label,tries"),
        ..piped(Some(Format::Json))
    };
    let nanos = measure("json, all fields named", &|| ours(unmasked.clone()));
    println!("{:>24}  {:.2} of plain", "", nanos / plain);
}
