//! Documents and rows for programs.

use super::{Account, account, list, listed, memory, names, one, piped, shown, two};
use crate::cli::output::document::push_yaml;
use crate::cli::output::{Format, Output, OutputOptions, WriteResult};
use crate::error::codes;
use proptest::prelude::*;
use serde_json::{Value, json};

const FIRST: &str = r#"{"id":"0199","provider":"hubspot","origin_owner_name":"Acme","status":"active","updated_at":"2026-06-01T08:58:00.125Z","tries":1}"#;

#[test]
fn a_pipe_gets_tsv_without_a_header_in_full() {
    assert_eq!(
        list(piped(None), &two()),
        "0199\thubspot\tAcme\tactive\t2026-06-01T08:58:00.125Z\n\
         019a\thubspot\tGlobex Ltd\terror\t2026-06-01T06:00:00.125Z\n"
    );
    let odd = [account("1", "a\tb\nc\\d", "active", 0)];
    assert!(list(piped(None), &odd).starts_with("1\thubspot\ta\\tb\\nc\\\\d\tactive\t"));
    assert_eq!(list(piped(None), &[]), "");
}

#[test]
fn json_is_one_array_with_a_record_a_line() {
    let text = list(piped(Some(Format::Json)), &two());
    assert!(text.starts_with(&format!("[\n{FIRST},\n{{\"id\":\"019a\"")), "{text}");
    assert!(text.ends_with("}\n]\n"));
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value.as_array().unwrap().len(), 2);
    assert_eq!(list(piped(Some(Format::Json)), &[]), "[]\n");
}

#[test]
fn json_on_a_terminal_is_indented_and_the_same_value() {
    let (text, _) = listed(shown(Some(Format::Json)), &two());
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(text, serde_json::to_string_pretty(&value).unwrap() + "\n");
}

#[test]
fn a_document_that_fails_midway_is_not_written_at_all() {
    for format in [Format::Json, Format::Yaml] {
        let (output, stdout) = memory(Output::captured(piped(Some(format))));
        let mut list = output.list_of::<Account<'_>>().unwrap();
        _ = list.push(&two()[0]).unwrap();
        drop(list);
        assert_eq!(stdout.text(), "");
    }
}

fn came(text: &str, options: OutputOptions) -> String {
    let (output, stdout) = memory(Output::captured(options));
    output.json(serde_json::from_str(text).unwrap()).unwrap();
    stdout.text()
}

#[test]
fn a_document_that_came_as_text_keeps_its_numbers() {
    let text = "{\"id\": 45355976281015164504, \"n\": [1.50]}\n";
    let written = |options| came(text, options);
    let line = "{\"id\":45355976281015164504,\"n\":[1.50]}\n";
    assert_eq!(written(piped(Some(Format::Json))), line);
    assert_eq!(written(piped(Some(Format::Jsonl))), line);
    assert_eq!(written(piped(Some(Format::Value))), "45355976281015164504\n[1.50]\n");
    let indented = "{\n  \"id\": 45355976281015164504,\n  \"n\": [\n    1.50\n  ]\n}\n";
    assert_eq!(written(shown(Some(Format::Json))), indented);
    let jq = |expression: &str| OutputOptions { jq: Some(expression.to_owned()), ..piped(None) };
    assert_eq!(written(jq(".")), line);
    assert_eq!(written(jq(".id")), "45355976281015164504\n");
    let narrowed = |list: &str| OutputOptions { fields: names(list), ..piped(Some(Format::Json)) };
    assert_eq!(written(narrowed("n")), "{\"n\":[1.50]}\n");
    assert_eq!(written(narrowed("id")), "{\"id\":45355976281015164504}\n");
    let both = OutputOptions { fields: names("id"), ..jq(".id") };
    assert_eq!(written(both), "45355976281015164504\n");
    let (output, stdout) = memory(Output::captured(shown(None)));
    output.indented(serde_json::from_str(text).unwrap()).unwrap();
    assert_eq!(stdout.text(), indented);
}

#[test]
fn an_array_that_came_as_text_keeps_its_numbers() {
    let text = r#"[{"a": 0.1234567890123456789, "b": 1}, {"a": -45355976281015164504}, null]"#;
    let with = |format| OutputOptions { limit: Some(2), fields: names("a"), ..piped(format) };
    let lines = "{\"a\":0.1234567890123456789}\n{\"a\":-45355976281015164504}\n";
    assert_eq!(came(text, with(Some(Format::Jsonl))), lines);
    assert_eq!(came(text, with(Some(Format::Value))), lines);
    let array = "[{\"a\":0.1234567890123456789},{\"a\":-45355976281015164504}]\n";
    assert_eq!(came(text, with(Some(Format::Json))), array);
    let all = "[{\"a\":0.1234567890123456789},{\"a\":-45355976281015164504},null]\n";
    assert_eq!(came(text, OutputOptions { limit: None, ..with(Some(Format::Json)) }), all);
}

#[test]
fn a_number_in_yaml_is_the_one_that_came() {
    for (text, expected) in [
        ("45355976281015164504", "45355976281015164504"),
        ("-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728"),
        ("1.50", "1.5"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("7", "7"),
        ("0.1234567890123456789", "!<tag:yaml.org,2002:float> \"0.1234567890123456789\""),
        (
            "99999999999999999999999999999999999999999",
            "!<tag:yaml.org,2002:int> \"99999999999999999999999999999999999999999\"",
        ),
    ] {
        let yaml = came(&format!("{{\"id\":{text}}}"), piped(Some(Format::Yaml)));
        assert_eq!(yaml, format!("id: {expected}\n"));
    }
    let nested = r#"{"a":[{"b":null,"c":"7"},true],"d":{}}"#;
    let mut read = Vec::new();
    push_yaml(&mut read, &serde_json::from_str::<Value>(nested).unwrap()).unwrap();
    assert_eq!(came(nested, piped(Some(Format::Yaml))).as_bytes(), read);
}

#[test]
fn jsonl_is_one_value_a_line() {
    let text = list(piped(Some(Format::Jsonl)), &two());
    assert_eq!(text.lines().count(), 2);
    assert_eq!(text.lines().next(), Some(FIRST));
}

#[test]
fn yaml_is_one_sequence_and_reads_back() {
    let mut rows = two();
    rows[0].label = Some("yes".into());
    let text = list(piped(Some(Format::Yaml)), &rows);
    let value: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(value[0]["label"], "yes");
    assert_eq!(value[1]["origin_owner_name"], "Globex Ltd");
    assert!(text.starts_with("- id: "), "{text}");
    assert_eq!(list(piped(Some(Format::Yaml)), &[]), "[]\n");
    let item = one(piped(Some(Format::Yaml)), None);
    assert!(item.contains("provider: hubspot\n"), "{item}");
}

#[test]
fn csv_has_a_header_unless_told_otherwise() {
    let text = list(piped(Some(Format::Csv)), &two());
    assert!(text.starts_with("id,provider,owner,status,updated\n0199,hubspot,Acme,active,2026"));
    let bare = OutputOptions { no_header: true, ..piped(Some(Format::Csv)) };
    assert!(list(bare, &two()).starts_with("0199,"));
}

#[test]
fn ids_and_values_stand_alone() {
    assert_eq!(list(piped(Some(Format::Id)), &two()), "0199\n019a\n");
    let value = OutputOptions { fields: names("tries,id"), ..piped(Some(Format::Value)) };
    assert_eq!(list(value.clone(), &two()), "1\t0199\n90\t019a\n");
    assert_eq!(one(value, None), "1\n0199\n");
    assert_eq!(one(piped(Some(Format::Id)), None), "0199\n");
}

#[test]
fn fields_narrow_every_format() {
    let with = |format| OutputOptions { fields: names("tries,id,label"), ..piped(format) };
    assert_eq!(
        list(with(Some(Format::Json)), &two()),
        "[\n{\"id\":\"0199\",\"tries\":1},\n{\"id\":\"019a\",\"tries\":90}\n]\n"
    );
    assert_eq!(list(with(None), &two()), "1\t0199\t\n90\t019a\t\n");
    assert_eq!(list(with(Some(Format::Csv)), &two()), "tries,id,label\n1,0199,\n90,019a,\n");
    let (table, _) = listed(OutputOptions { fields: names("tries,id"), ..shown(None) }, &two());
    assert_eq!(table, "TRIES  ID\n1      0199\n90     019a\n");
    assert_eq!(one(with(Some(Format::Json)), None), "{\"id\":\"0199\",\"tries\":1}\n");
}

#[test]
fn columns_narrow_tables_and_may_be_wide_ones() {
    let with = |format| OutputOptions { columns: names("tries,STATUS"), ..piped(format) };
    assert_eq!(list(with(None), &two()), "1\tactive\n90\terror\n");
    assert_eq!(list(with(Some(Format::Csv)), &two()), "tries,status\n1,active\n90,error\n");
    let (output, _) = memory(Output::captured(with(Some(Format::Json))));
    let error = output.list_of::<Account<'_>>().unwrap_err();
    assert!(std::ptr::eq(error.code(), &raw const codes::USAGE));
}

#[test]
fn an_unknown_field_is_refused_with_a_near_name_before_any_row() {
    let cases = [
        (OutputOptions { fields: names("id,provder"), ..piped(None) }, "did you mean `provider`?"),
        (OutputOptions { columns: names("ownr"), ..piped(None) }, "did you mean `owner`?"),
        (
            OutputOptions { fields: names("qqqqqq"), ..piped(Some(Format::Json)) },
            "choose from id, provider, origin_owner_name, status, updated_at, label, tries",
        ),
    ];
    for (options, hint) in cases {
        let (output, stdout) = memory(Output::captured(options));
        let error = output.list_of::<Account<'_>>().unwrap_err();
        assert!(std::ptr::eq(error.code(), &raw const codes::UNKNOWN_FIELD));
        assert_eq!(error.hint_text(), Some(hint));
        assert!(output.check::<Account<'_>>().is_err());
        assert_eq!(stdout.text(), "");
    }
}

#[test]
fn jq_sees_the_json_answer() {
    let with = |jq: &str| OutputOptions { jq: Some(jq.to_owned()), ..piped(None) };
    assert_eq!(list(with(".[].id"), &two()), "0199\n019a\n");
    assert_eq!(list(with("map(.tries) | add"), &two()), "91\n");
    assert_eq!(one(with("{id}"), None), "{\"id\":\"0199\"}\n");
    let both = OutputOptions { fields: names("id"), ..with(".[0]") };
    assert_eq!(list(both, &two()), "{\"id\":\"0199\"}\n");
    let table = OutputOptions { format: Some(Format::Table), ..with(".") };
    assert!(std::ptr::eq(Output::captured(table).unwrap_err().code(), &raw const codes::USAGE));
    assert!(Output::captured(with(".[")).is_err());
}

#[test]
fn a_limit_stops_the_list_and_tells_that_there_is_more() {
    let options = OutputOptions { limit: Some(1), ..piped(Some(Format::Id)) };
    let (output, stdout) = memory(Output::captured(options));
    let mut list = output.list_of::<Account<'_>>().unwrap();
    assert_eq!(list.wanted(), Some(2));
    assert!(list.push(&two()[0]).unwrap().is_continue());
    assert!(list.push(&two()[1]).unwrap().is_break());
    let summary = list.finish(|_| None).unwrap();
    assert!(summary.more && summary.rows == 1);
    assert_eq!(stdout.text(), "0199\n");
}

fn enabled(ok: bool) -> WriteResult {
    WriteResult {
        after: Some(json!({"enabled": true})),
        ok,
        error: (!ok).then(|| json!({"code": "x"})),
        human: "Enabled hubspot\x1b[0m.".to_owned(),
        ..WriteResult::new("enable", "connector/hubspot", true)
    }
}

fn wrote(options: OutputOptions, results: &[WriteResult]) -> (String, String) {
    let (output, stdout, stderr) = Output::captured(options).unwrap();
    output.writes(results).unwrap();
    (stdout.text(), stderr.text())
}

#[test]
fn a_change_answers_one_record_or_an_array() {
    let json = piped(Some(Format::Json));
    let record = concat!(
        r#"{"action":"enable","resource":"connector/hubspot","changed":true,"dry_run":false,"#,
        r#""affected_accounts":0,"operation_id":null,"before":null,"after":{"enabled":true}"#
    );
    assert_eq!(wrote(json.clone(), &[enabled(true)]).0, format!("{record}}}\n"));
    let many = format!(
        "[\n{record},\"ok\":true,\"error\":null}},\n\
         {record},\"ok\":false,\"error\":{{\"code\":\"x\"}}}}\n]\n"
    );
    assert_eq!(wrote(json.clone(), &[enabled(true), enabled(false)]).0, many);
    let (output, stdout) = memory(Output::captured(json));
    output.write_many(&[enabled(true)]).unwrap();
    assert!(stdout.text().starts_with('['));
    assert_eq!(wrote(piped(None), &[enabled(true)]).0, "enable\tconnector/hubspot\ttrue\n");
    let id = piped(Some(Format::Id));
    assert_eq!(wrote(id.clone(), &[enabled(true)]).0, "hubspot\n");
    let named = WriteResult::new("delete", "auth_config/US / EU", true);
    assert_eq!(wrote(id, &[enabled(true), named]).0, "hubspot\nUS / EU\n");
    let fields = OutputOptions { fields: names("changed"), ..piped(Some(Format::Json)) };
    assert_eq!(wrote(fields, &[enabled(true)]).0, "{\"changed\":true}\n");
    let jq = OutputOptions { jq: Some(".changed".to_owned()), ..piped(None) };
    assert_eq!(wrote(jq, &[enabled(true)]).0, "true\n");
}

#[test]
fn what_one_target_names_is_told_as_one() {
    let one = |changed, operation: Option<&str>| WriteResult {
        changed,
        affected_accounts: 2,
        operation_id: operation.map(str::to_owned),
        before: Some(json!({"enabled": !changed})),
        ..enabled(true)
    };
    let told = |results: &[WriteResult], options| {
        let (output, stdout) = memory(Output::captured(options));
        output.write_together(results).unwrap();
        stdout.text()
    };
    let two = [one(false, None), one(true, Some("op-1"))];
    let expected = concat!(
        r#"{"action":"enable","resource":"connector/hubspot","changed":true,"dry_run":false,"#,
        r#""affected_accounts":4,"operation_id":"op-1","before":[{"enabled":true},"#,
        r#"{"enabled":false}],"after":[{"enabled":true},{"enabled":true}]}"#
    );
    assert_eq!(told(&two, piped(Some(Format::Json))), format!("{expected}\n"));
    assert_eq!(told(&two, piped(None)), "enable\tconnector/hubspot\ttrue\n");
    let both = [one(true, Some("op-1")), one(true, Some("op-2"))];
    let operation = OutputOptions { jq: Some(".operation_id".to_owned()), ..piped(None) };
    assert_eq!(told(&both, operation), "null\n");
    // People are told of each.
    assert_eq!(told(&both, shown(None)).lines().count(), 2);
    let alone = told(&both[..1], piped(Some(Format::Json)));
    assert!(alone.contains(r#""before":{"enabled":false}"#), "{alone}");
}

#[test]
fn a_terminal_gets_a_sentence_for_each_success() {
    // Whoever makes the changes tells of each failure when it happens.
    let (stdout, stderr) = wrote(shown(None), &[enabled(true), enabled(false)]);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("Enabled hubspot\\u{1b}[0m.\n", ""));
}

#[test]
fn a_dry_run_is_told_where_its_columns_do_not() {
    let tried = |changed, ok| WriteResult {
        dry_run: true,
        changed,
        human: "Would enable hubspot.".to_owned(),
        ..enabled(ok)
    };
    let note = "note: dry run: Would enable hubspot.\n";
    for format in [None, Some(Format::Tsv), Some(Format::Csv), Some(Format::Id)] {
        let quiet = OutputOptions { quiet: true, ..piped(format) };
        assert_eq!(wrote(quiet, &[tried(true, true)]).1, note, "{format:?}");
        let two = [tried(true, true), tried(true, false), tried(true, true)];
        assert_eq!(wrote(piped(format), &two).1, note.repeat(2), "{format:?}");
        assert_eq!(wrote(piped(format), &[tried(false, true)]).1, "", "{format:?}");
    }
    assert_eq!(wrote(shown(Some(Format::Table)), &[tried(true, true)]).1, note);
    assert_eq!(wrote(shown(None), &[tried(true, true)]).1, "");
    for format in [Format::Json, Format::Jsonl, Format::Yaml] {
        assert_eq!(wrote(piped(Some(format)), &[tried(true, true)]).1, "", "{format}");
    }
    let (output, _, stderr) = Output::captured(piped(None)).unwrap();
    output.write_together(&[tried(true, true), tried(true, true)]).unwrap();
    assert_eq!(stderr.text(), note.repeat(2));
}

#[test]
fn free_documents_keep_their_keys() {
    let value = json!({"b": 1, "a": ["x", null]});
    let told = |options: OutputOptions| {
        let (output, stdout) = memory(Output::captured(options));
        output.value(&value).map(|()| stdout.text())
    };
    assert_eq!(told(piped(None)).unwrap(), "{\"b\":1,\"a\":[\"x\",null]}\n");
    assert_eq!(told(shown(None)).unwrap(), serde_json::to_string_pretty(&value).unwrap() + "\n");
    let narrowed = OutputOptions { fields: names("a"), ..piped(None) };
    assert_eq!(told(narrowed).unwrap(), "{\"a\":[\"x\",null]}\n");
    assert!(told(OutputOptions { fields: names("c"), ..piped(None) }).is_err());
    assert_eq!(told(piped(Some(Format::Value))).unwrap(), "1\n[\"x\",null]\n");
}

#[test]
fn members_of_a_free_array_are_narrowed_and_counted() {
    let value = json!([{"a": 1, "b": 2}, {"b": 3}, {"a": 4}]);
    let told = |options: OutputOptions| {
        let (output, stdout) = memory(Output::captured(options));
        output.value(&value).map(|()| stdout.text())
    };
    let fields = |list: &str| OutputOptions { fields: names(list), ..piped(None) };
    assert_eq!(told(fields("a")).unwrap(), "[{\"a\":1},{},{\"a\":4}]\n");
    assert!(told(fields("c")).is_err());
    assert_eq!(told(OutputOptions { limit: Some(1), ..fields("b") }).unwrap(), "[{\"b\":2}]\n");
    let counted = OutputOptions { jq: Some("length".to_owned()), limit: Some(2), ..piped(None) };
    assert_eq!(told(counted).unwrap(), "2\n");
    assert_eq!(told(OutputOptions { limit: Some(0), ..piped(None) }).unwrap(), "[]\n");
}

proptest! {
    #[test]
    fn a_tsv_row_can_be_split_and_read_back(owner in any::<String>(), id in any::<String>()) {
        let text = list(piped(None), &[account(&id, &owner, "active", 1)]);
        prop_assert_eq!(text.matches('\n').count(), 1);
        let cells: Vec<&str> = text.trim_end_matches('\n').split('\t').collect();
        prop_assert_eq!(cells.len(), 5);
        if !owner.contains('\\') && !owner.chars().any(crate::domain::words::is_risky) {
            prop_assert_eq!(cells[2], owner);
        }
    }
}

#[test]
fn a_picture_brings_its_own_ground_where_colours_are_wanted() {
    let drawn = |options| {
        let (output, stdout, stderr) = Output::captured(options).unwrap();
        output.picture("\u{2588} \n \u{2588}").unwrap();
        (stdout.text(), stderr.text())
    };
    let plain = "\u{2588} \n \u{2588}\n".to_owned();
    let colored =
        "\u{1b}[30m\u{1b}[107m\u{2588} \u{1b}[0m\n\u{1b}[30m\u{1b}[107m \u{2588}\u{1b}[0m\n";
    assert_eq!(drawn(shown(None)), (plain.clone(), String::new()));
    let with = OutputOptions { color: true, ..shown(None) };
    assert_eq!(drawn(with), (colored.to_owned(), String::new()));
    assert_eq!(drawn(piped(None)), (String::new(), plain));
    let with = OutputOptions { color_err: true, ..piped(None) };
    assert_eq!(drawn(with), (String::new(), colored.to_owned()));
    let quiet = OutputOptions { quiet: true, ..piped(None) };
    assert_eq!(drawn(quiet), (String::new(), String::new()));
}
