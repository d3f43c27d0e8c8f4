//! `--jq`: runs an expression over the JSON answer.
//!
//! The expression gets no files, no environment and no other input, and can't end the process.
//! It runs in a thread of its own, within bounds of stack, time and memory (`apart`); what one
//! step could ask for at once is bounded beforehand (`guard`).

mod apart;
mod guard;
mod words;

pub use apart::THREAD;

use jaq_core::load::parse::Def;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::native::{Filter as Native, Fun, bome, run as native, v as by_value};
use jaq_core::{Compiler, Ctx, Error, RunPtr, Vars, data::JustLut};
use jaq_json::{Val, read};

use crate::error::{HubError, codes};

use super::clean;
use super::json::{self, Style};
use super::spool::Spool;

use apart::{Bounds, apart, has_stack};
use guard::{GUARD, TIMES};
use words::{TOO_DEEP, TOO_LONG};

const LONGEST: usize = 16 << 10;
/// The deepest answer that is written.
const DEEPEST: usize = 2000;
/// The longest text that a repetition makes, in bytes.
const LONGEST_TEXT: usize = 64 << 20;
/// Stands for the expression once it is guarded.
const MAIN: &str = "hubctl__main";

/// Compiles the expression, to refuse it before any work is done.
pub(super) fn check(expression: &str) -> Result<(), HubError> {
    let expression = expression.to_owned();
    apart(Bounds::of(0), move || compile(&expression).map(drop))
}

/// Runs the expression; its results are kept until all of them are there.
pub(super) fn run(expression: &str, json: Vec<u8>, terminal: bool) -> Result<Spool, HubError> {
    let bounds = Bounds::of(json.len());
    run_within(bounds, expression, json, terminal)
}

fn run_within(
    bounds: Bounds,
    expression: &str,
    json: Vec<u8>,
    terminal: bool,
) -> Result<Spool, HubError> {
    let expression = expression.to_owned();
    apart(bounds, move || {
        let input = read::parse_single(&json).map_err(|error| {
            HubError::new(&codes::INTERNAL, format!("the answer could not be read back: {error}"))
        })?;
        drop(json);
        let filter = compile(&expression)?;
        let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
        let mut spool = Spool::new();
        for result in filter.id.run((context, input)) {
            match result {
                Ok(value) => {
                    let written = write(&mut spool, &value, terminal);
                    // Letting go of a value takes as much stack as it is deep; the process ends
                    // soon enough.
                    if written.is_err() {
                        std::mem::forget(value);
                    }
                    written?;
                }
                Err(exception) => match exception.get_err() {
                    Ok(error) => return Err(bad(words::failure(error, &expression))),
                    Err(end) => match end.get_halt() {
                        // `halt` ends the results, as in jq, but not the process.
                        Ok(0) => break,
                        Ok(status) => {
                            let text = format!("the --jq expression halted with status {status}");
                            return Err(bad(text));
                        }
                        Err(_) => {
                            let text = "the --jq expression broke off";
                            return Err(bad(text.to_owned()));
                        }
                    },
                },
            }
        }
        Ok(spool)
    })
}

fn bad(message: String) -> HubError {
    HubError::new(&codes::BAD_JQ, message).hint("try it with jq on the output of --json")
}

fn clipped(text: &str) -> String {
    let text: String = text.chars().take(300).collect();
    clean::line(&text).into_owned()
}

type Filter = jaq_core::Filter<JustLut<Val>>;

fn compile(expression: &str) -> Result<Filter, HubError> {
    if expression.len() > LONGEST {
        return Err(bad(format!("the --jq expression is longer than {LONGEST} bytes")));
    }
    let prelude = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let mut defs: Vec<Def<&str>> = prelude.chain(words::definitions()).collect();
    defs.iter_mut().for_each(guard::definition);

    // Once as it stands, for good messages; once with every definition guarded.
    let arena = Arena::default();
    let written = Loader::new(defs.clone())
        .load(&arena, File { code: expression, path: () })
        .map_err(|errors| bad(explain_load(&errors)))?;
    Compiler::default().with_funs(funs()).compile(written).map_err(|errors| {
        let what = errors.iter().flat_map(|(_, errors)| errors).next();
        let what = what.map(|(name, kind)| format!("{} `{}`", kind.as_str(), clean::line(name)));
        bad(format!("the --jq expression uses an unknown {}", what.unwrap_or_default()))
    })?;
    let Some(mut term) = jaq_core::load::parse(expression, |parser| parser.term()) else {
        return Err(bad("the --jq expression can't import modules".to_owned()));
    };
    guard::term(&mut term);
    defs.push(guard::main(MAIN, term));
    let modules = Loader::new(defs)
        .load(&arena, File { code: MAIN, path: () })
        .map_err(|errors| bad(explain_load(&errors)))?;
    Compiler::default()
        .with_funs(funs())
        .compile(modules)
        .map_err(|_| bad("the --jq expression could not be compiled".to_owned()))
}

/// What an expression may call: all of jq's own filters, without the environment.
fn funs() -> impl Iterator<Item = Fun<JustLut<Val>>> {
    let own: [Native<RunPtr<JustLut<Val>>>; 3] = [
        ("env", Box::new([]), |_| bome(Ok(Val::obj(jaq_json::Map::default())))),
        (GUARD, Box::new([]), |_| {
            bome(if has_stack() { Ok(Val::Bool(true)) } else { Err(Error::str(TOO_DEEP)) })
        }),
        (TIMES, by_value(2), |mut cv| {
            let right = cv.0.pop_var();
            bome(times(cv.0.pop_var(), right))
        }),
    ];
    let theirs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    theirs.filter(|(name, ..)| *name != "env").chain(own.map(native::<JustLut<Val>>))
}

/// A product, unless it is a text that would not fit.
fn times(left: Val, right: Val) -> Result<Val, Error<Val>> {
    let length = |value: &Val| match value {
        Val::TStr(text) | Val::BStr(text) => Some(text.len()),
        _ => None,
    };
    let repeated = match (length(&left), length(&right)) {
        (Some(length), None) => Some((length, &right)),
        (None, Some(length)) => Some((length, &left)),
        _ => None,
    };
    if let Some((length, Val::Num(number))) = repeated {
        // A number of any size has this much of its value in its text.
        let count: f64 = number.to_string().parse().unwrap_or(f64::INFINITY);
        let most = LONGEST_TEXT / length.max(1);
        if u32::try_from(most).is_ok_and(|most| count > f64::from(most)) {
            return Err(Error::str(format!("{TOO_LONG}{LONGEST_TEXT} bytes")));
        }
    }
    left * right
}

fn explain_load(errors: &jaq_core::load::Errors<&str, ()>) -> String {
    use jaq_core::load::Error as Load;
    let place = |found: &str| match found.split_whitespace().next() {
        Some(word) => format!("`{}`", clipped(word)),
        None => "its end".to_owned(),
    };
    let what = errors.iter().find_map(|(_, error)| match error {
        Load::Io(_) => None,
        Load::Lex(errors) => errors.first().map(|(what, found)| (what.as_str(), place(found))),
        Load::Parse(errors) => errors.first().map(|(what, found)| (what.as_str(), place(found))),
    });
    match what {
        Some((what, place)) => format!("the --jq expression lacks {what} at {place}"),
        None => "the --jq expression can't import modules".to_owned(),
    }
}

/// A text stands raw on its line, as with `jq -r`; anything else is compact JSON.
fn write(spool: &mut Spool, value: &Val, terminal: bool) -> Result<(), HubError> {
    match value {
        Val::TStr(text) | Val::BStr(text) if terminal => {
            let text = String::from_utf8_lossy(text);
            spool.buffer.extend_from_slice(clean::lines(&text).as_bytes());
        }
        Val::TStr(text) | Val::BStr(text) => spool.buffer.extend_from_slice(text),
        other => push(&mut spool.buffer, other, Style::of_line(terminal), 0)?,
    }
    spool.buffer.push(b'\n');
    spool.settle()
}

fn push(out: &mut Vec<u8>, value: &Val, style: Style, depth: usize) -> Result<(), HubError> {
    if depth > DEEPEST {
        return Err(bad(format!("the result of --jq is nested deeper than {DEEPEST} levels")));
    }
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Val::Num(number) => {
            let text = number.to_string();
            // JSON has no infinity and nothing that is not a number.
            let fine = !text.ends_with(|c: char| c.is_ascii_alphabetic());
            out.extend_from_slice(if fine { text.as_bytes() } else { b"null" });
        }
        Val::TStr(text) | Val::BStr(text) => {
            json::write(out, &String::from_utf8_lossy(text), style)?;
        }
        Val::Arr(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push(out, item, style, depth + 1)?;
            }
            out.push(b']');
        }
        Val::Obj(map) => {
            out.push(b'{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                match key {
                    Val::TStr(_) | Val::BStr(_) => push(out, key, style, depth + 1)?,
                    other => json::write(out, &other.to_string(), style)?,
                }
                out.push(b':');
                push(out, item, style, depth + 1)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Bounds, check, run, run_within};
    use crate::error::codes;
    use std::time::Duration;

    fn eval(expression: &str, json: &str) -> Result<String, String> {
        run(expression, json.as_bytes().to_vec(), false)
            .and_then(super::Spool::into_bytes)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| {
                assert!(std::ptr::eq(error.code(), &raw const codes::BAD_JQ), "{error:?}");
                error.message().to_owned()
            })
    }

    #[test]
    fn texts_are_raw_and_values_compact() {
        let json = r#"[{"id":"a","n":1.50,"x":null},{"id":"b\nc","n":10000000000000000000000}]"#;
        assert_eq!(eval(".[].id", json).unwrap(), "a\nb\nc\n");
        assert_eq!(
            eval(".[] | {n, id}", json).unwrap(),
            "{\"n\":1.50,\"id\":\"a\"}\n{\"n\":10000000000000000000000,\"id\":\"b\\nc\"}\n"
        );
        assert_eq!(
            eval("length, .[0].x, [nan, infinite]", json).unwrap(),
            "2\nnull\n[null,null]\n"
        );
        assert_eq!(
            eval("map(select(.id == \"a\")) | .[0] |= {id}", json).unwrap(),
            "[{\"id\":\"a\"}]\n"
        );
        assert_eq!(eval("[.. | numbers] | length", json).unwrap(), "2\n");
        assert_eq!(eval("[paths] | length", json).unwrap(), "7\n");
        assert_eq!(eval("empty", json).unwrap(), "");
        assert_eq!(
            eval("walk(if type == \"object\" then del(.n, .x) end) | tojson", json).unwrap(),
            "[{\"id\":\"a\"},{\"id\":\"b\\nc\"}]\n"
        );
    }

    #[test]
    fn a_wrong_expression_is_refused_before_any_work() {
        for expression in [
            ".[",
            "nosuch",
            ".a | $b",
            "1 +",
            "",
            "\"",
            "import \"a\" as a; .",
            "include \"/etc/passwd\"; .",
            "input",
            "inputs",
            "$ENV",
            "$__loc__",
            "break $x",
            "hubctl__main",
        ] {
            let error = check(expression).expect_err(expression);
            assert!(std::ptr::eq(error.code(), &raw const codes::BAD_JQ), "{expression}");
        }
        assert!(check("nosuch(1)").unwrap_err().message().contains("filter `nosuch`"));
        assert!(check(&"[".repeat(20_000)).is_err());
        for deep in [
            "[", "(", "-", "try ", ".[", "{a:", "if ", "def f: ", "1|", "1,", "1+", "reduce ",
            "\"\\(",
        ] {
            assert!(check(&deep.repeat(super::LONGEST / deep.len())).is_err(), "{deep}");
        }
        for (open, close) in [("[", "]"), ("(", ")"), ("1|", ""), ("1+", ""), ("def f: ", "1;1;")] {
            let count = super::LONGEST / (open.len() + close.len()) - 1;
            let whole = format!("{}1{}", open.repeat(count), close.repeat(count));
            _ = check(&whole);
        }
    }

    #[test]
    fn a_failure_tells_why_and_gives_nothing() {
        assert!(eval("1, error(\"no\u{1b}[1m\")", "{}").unwrap_err().ends_with("no\\u{1b}[1m"));
        assert!(eval(".a.b", "{\"a\": 1}").is_err());
    }

    #[test]
    fn threat_32_a_failure_repeats_no_value_of_the_answer() {
        let json =
            r#"{"key": "s3cret", "n": 5309, "o": {"s3cret": 1}, "l": ["s3cret"], "t": true}"#;
        for (expression, why) in [
            (".key.foo", "cannot index a string with a string"),
            (".l.foo", "cannot index an array with a string"),
            (".n[.key]", "cannot index a number with a string"),
            (".key - .n", "cannot calculate with a string and a number"),
            (".o - .l", "cannot calculate with an object and an array"),
            (".key | keys", "cannot use a string as iterable (array or object)"),
            (".t | length", "a boolean has no length"),
            (".key | fromjson", "cannot parse a text of it"),
            (".l | .[-5309] = 1", "an index is out of bounds"),
            (".key | test(\"(\")", "its regular expression is invalid"),
            (".key | test(\"(\" + .)", "its regular expression is invalid"),
            ("error", "on this answer"),
            (".l | error", "on this answer"),
            (".key | error", "on this answer"),
            ("error(.key)", "on this answer"),
            ("error(\"not \\(.key)\")", "on this answer"),
            ("try error(.key) catch error", "on this answer"),
            (".key | strptime(\"%Y\")", "on this answer"),
            (".key | implode", "cannot use a string as array"),
            (".key |= (.a = 1)", "cannot use a string as iterable (array or object)"),
            ("error(\"none such\")", ": none such"),
            (".l | @csv, @tsv, error(\"end\")", ": end"),
        ] {
            let error = eval(expression, json).expect_err(expression);
            assert!(!error.contains("s3cret") && !error.contains("5309"), "{expression}: {error}");
            assert!(error.ends_with(why), "{expression}: {error}");
        }
    }

    #[test]
    fn a_halt_that_is_a_failure_is_one() {
        for (expression, status) in
            [("1, halt_error, 2", 5), ("\"x\" | halt_error(7)", 7), ("halt(1)", 1)]
        {
            let error = eval(expression, "1").expect_err(expression);
            assert_eq!(error, format!("the --jq expression halted with status {status}"));
        }
    }

    #[test]
    fn rows_of_csv_and_tsv_are_those_of_jq() {
        let json = r#"[1, -2.50, "a\"b", "", null, true, "x,y\nz", "é", "t\tn\\\r"]"#;
        assert_eq!(
            eval("@csv", json).unwrap(),
            "1,-2.50,\"a\"\"b\",\"\",,true,\"x,y\nz\",\"é\",\"t\tn\\\r\"\n"
        );
        assert_eq!(
            eval("@tsv", json).unwrap(),
            "1\t-2.50\ta\"b\t\t\ttrue\tx,y\\nz\té\tt\\tn\\\\\\r\n"
        );
        assert_eq!(eval("[] | @csv, @tsv", "0").unwrap(), "\n\n");
        assert_eq!(eval("@csv \"id: \\([.])\"", "\"a\"").unwrap(), "id: \"a\"\n");
        assert!(eval("[[]] | @csv", "0").unwrap_err().contains("within a row"));
        assert!(eval("@tsv", "{}").unwrap_err().ends_with("@tsv takes an array"));
    }

    #[test]
    fn nothing_outside_the_answer_can_be_reached() {
        assert_eq!(eval("env", "{}").unwrap(), "{}\n");
        assert_eq!(eval("env.HOME", "{}").unwrap(), "null\n");
        assert_eq!(eval("1, halt, 2", "{}").unwrap(), "1\n");
        assert_eq!(eval("debug, stderr", "1").unwrap(), "1\n1\n");
    }

    #[test]
    fn endless_recursion_is_an_error() {
        for expression in [
            "def f: 1 + f; f",
            "def f: [f]; f",
            "def f(g): f(g) + 1; f(1)",
            "def f: def h: f | .; h | .; f",
            "def f: {a: f}; f",
            "def f: f | f; f",
            "def f($x): f($x + 1) | .; f(0)",
            "def f(g; $n): if $n == 0 then g else f(g + 1; $n - 1) end; f(1; 300000)",
            "try (def f: 1 + f; f) catch (def f: 1 + f; f)",
            "def f: (f |= 1) | .; f",
        ] {
            let got = eval(expression, "[0]");
            assert!(got.is_err(), "{expression}");
        }
    }

    #[test]
    fn a_text_is_not_repeated_beyond_all_bounds() {
        for expression in [
            "\"a\" * 9e18",
            "9e18 * \"a\"",
            "\"a\" * 1e99",
            "\"a\" * 100000000000000000000000000000000",
            "\"a\" | . *= 1e12",
            "[\"a\"] | .[0] *= 1e12",
            "\"ab\" * 1000000 * 1000000",
            "\"a\" * 9000000000000000000",
            "def f: \"a\" * 1e12; f",
            "[1] | map(\"a\" * 1e12)",
        ] {
            let error = eval(expression, "0").expect_err(expression);
            assert!(error.contains("longer than"), "{expression}: {error}");
        }
        assert_eq!(eval("[(1, 2) * (10, 20)]", "0").unwrap(), "[10,20,20,40]\n");
        assert_eq!(eval("\"ab\" * 3, 2 * \"x\", \"x\" * 0", "0").unwrap(), "ababab\nxx\nnull\n");
        assert_eq!(eval("{a: 2, b: 3} | .a *= 4 | .b *= .a", "0").unwrap(), "{\"a\":8,\"b\":24}\n");
        assert_eq!(eval("{a: {b: 1}} * {a: {c: 2}}", "0").unwrap(), "{\"a\":{\"b\":1,\"c\":2}}\n");
        assert_eq!(eval(". * . | . *= .", "3").unwrap(), "81\n");
    }

    #[test]
    fn an_endless_expression_is_given_up() {
        let bounds = Bounds { time: Duration::from_millis(300), ..Bounds::of(0) };
        for expression in ["last(range(1e18))", "range(0; 1; 0) | empty", "last(repeat(1))"] {
            let error = run_within(bounds, expression, b"0".to_vec(), false).unwrap_err();
            assert!(std::ptr::eq(error.code(), &raw const codes::BAD_JQ), "{error:?}");
            assert!(error.message().contains("takes longer than"), "{error:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_expression_that_eats_all_memory_is_given_up() {
        let bounds = Bounds { memory: 64 << 20, ..Bounds::of(0) };
        for expression in
            ["[range(1e8)] | length", "reduce range(29) as $i (\"a\"; . + .) | length"]
        {
            let error = run_within(bounds, expression, b"0".to_vec(), false).unwrap_err();
            assert!(error.message().contains("more than 64 MiB"), "{error:?}");
        }
    }

    #[test]
    fn loops_of_any_length_and_deep_values_work() {
        assert_eq!(
            eval("def f: if . < 300000 then . + 1 | f else . end; 0 | f", "0").unwrap(),
            "300000\n"
        );
        assert_eq!(eval("[limit(300000; repeat(1))] | length", "0").unwrap(), "300000\n");
        assert_eq!(eval("last(range(300000))", "0").unwrap(), "299999\n");
        assert_eq!(eval("0 | until(. > 300000; . + 1)", "0").unwrap(), "300001\n");
        assert_eq!(eval("reduce range(100000) as $i (0; [.]) | length", "0").unwrap(), "1\n");
        assert!(eval("reduce range(100000) as $i (0; [.])", "0").is_err());
    }
}
