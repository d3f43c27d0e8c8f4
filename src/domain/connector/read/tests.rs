use proptest::prelude::*;

use super::refused;
use super::{jsonl, yaml};

const YAML: &str = include_str!("yaml/testdata/acme.yaml");
const JSON: &str = include_str!("../../../catalog/connectors/netsuite.json");

fn one_line() -> String {
    serde_json::from_str::<serde_json::Value>(JSON).unwrap().to_string()
}

#[test]
fn one_object_a_list_and_lines_are_read_alike() {
    let line = one_line();
    for text in [JSON.to_owned(), line.clone(), format!("[{line}]"), format!("\u{feff}{line}\n\n")]
    {
        let (connectors, findings) = jsonl::read(&text);
        assert!(!refused(&findings), "{findings:?}");
        assert_eq!(connectors.len(), 1);
        assert_eq!(connectors[0].key.as_str(), "netsuite");
    }
}

#[test]
fn a_bad_line_does_not_hide_the_others() {
    let line = one_line();
    let other = line.replacen("\"netsuite\"", "\"other\"", 1);
    let (connectors, findings) = jsonl::read(&format!("{line}\n{{\"key\": }}\n{line}\n{other}\n"));
    let keys: Vec<_> = connectors.iter().map(|connector| connector.key.as_str()).collect();
    assert_eq!(keys, ["netsuite", "other"]);
    let lines: Vec<_> = findings.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [Some(2), Some(3)], "{findings:?}");
}

#[test]
fn an_unknown_member_is_told_with_its_place_and_a_near_name() {
    let (connectors, findings) = jsonl::read(&JSON.replacen("\"label\": \"", "\"lable\": \"", 1));
    assert!(connectors.is_empty());
    assert!(findings[0].message.contains("unknown member `lable`"), "{findings:?}");
    assert!(findings[0].message.contains("did you mean `label`"), "{findings:?}");
    assert!(findings[0].place.starts_with("auth[0]"), "{findings:?}");
}

#[test]
fn a_member_may_not_stand_twice() {
    let (connectors, findings) = jsonl::read(&JSON.replacen('{', "{\n\"name\": \"Other\",", 1));
    assert!(connectors.is_empty());
    assert!(findings[0].message.contains("`name` stands twice"), "{findings:?}");
    assert!(findings[0].line.is_some_and(|line| line > 1));
}

#[test]
fn files_that_are_large_deep_or_empty_are_refused() {
    let large = format!("{}{JSON}", " ".repeat(1 << 20));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [large.as_str(), deep.as_str(), "", " \n", "[]", "[1]", "{}", "null", "[", "{\n"] {
        let (connectors, findings) = jsonl::read(text);
        assert!(connectors.is_empty() && refused(&findings), "{:?}", &text[..text.len().min(40)]);
    }
}

/// A file in which a few bytes are changed, removed or doubled.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0_usize..40, "[ -~\n\t\u{0}é${}:*&]{0,12}");
    proptest::collection::vec(edit, 1..5).prop_map(move |edits| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, removed, inserted) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + removed).min(chars.len());
            chars.splice(at..end, inserted.chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = jsonl::read(&text);
        let _ = yaml::read(&text, &[yaml::Partial { name: "a", text: &text }]);
    }

    #[test]
    fn no_damage_to_a_json_file_makes_the_reader_panic(text in mutated(JSON)) {
        let (connectors, findings) = jsonl::read(&text);
        prop_assert!(!connectors.is_empty() || refused(&findings));
    }

    #[test]
    fn no_damage_to_a_yaml_file_makes_the_reader_panic(text in mutated(YAML)) {
        let (connectors, findings) = yaml::read(&text, &[]);
        prop_assert!(!connectors.is_empty() || refused(&findings));
    }
}
