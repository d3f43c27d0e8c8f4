use proptest::prelude::*;

use super::Expression;
use crate::domain::credentials::Values;
use crate::domain::secret::Secret;

fn known() -> Values {
    let mut values = Values::default();
    for (name, value) in [("region", "eu"), ("n", "5"), ("empty", ""), ("quote", "it's")] {
        values.insert(name, Secret::new(value));
    }
    values
}

fn read(text: &str) -> Expression {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn hb_7_what_holds() {
    for (text, wanted) in [
        ("${region} == 'eu'", true),
        ("credentials.region == \"eu\"", true),
        ("$.credentials.region != 'eu'", false),
        ("region", true),
        ("!region", false),
        ("${nothing}", false),
        ("${empty}", false),
        ("${n} == 5", true),
        ("${nothing} == null && ${region} != null", true),
        ("${nothing} == ''", false),
        ("present(${region}) && missing(${nothing})", true),
        ("${a} == 'x' || ${region} == 'eu' && ${n} == '5'", true),
        ("(${a} == 'x' || ${region} == 'eu') && ${n} == '6'", false),
        ("!(${region} == 'us')", true),
        ("${quote} == 'it\\'s'", true),
        ("${region} == 'eu' ? ${n} == '5' : false", true),
        ("true", true),
        ("'x'", true),
    ] {
        assert_eq!(read(text).holds(&known()), wanted, "{text}");
    }
}

#[test]
fn hb_7_what_it_comes_to() {
    for (text, wanted) in [
        ("${nothing} ?? 'd'", Some("d")),
        ("${region} ?? 'd'", Some("eu")),
        ("${region} == 'eu' ? 'https://eu.acme.example' : 'x'", Some("https://eu.acme.example")),
        ("${region} == 'us' ? 'a' : ${n} == '5' ? 'b' : 'c'", Some("b")),
        ("${nothing} || ${region}", Some("eu")),
        ("3600", Some("3600")),
        ("${region} == 'eu'", Some("true")),
        ("${nothing}", None),
        ("''", None),
    ] {
        assert_eq!(read(text).value(&known()).as_deref(), wanted, "{text}");
    }
}

#[test]
fn names_are_told_and_written_in_one_way() {
    let read = read("credentials.a == 'x' ? $.credentials.accessToken : (b ?? ${c-d})");
    assert_eq!(read.names().into_iter().collect::<Vec<_>>(), ["a", "access_token", "b", "c-d"]);
    assert_eq!(read.to_string(), "(${a} == 'x') ? ${access_token} : (${b} ?? ${c-d})");
}

#[test]
fn what_is_not_of_the_language_is_refused_with_a_reason() {
    for text in [
        "",
        "   ",
        "credentials.n + 1",
        "${n} > 3",
        "${a} = 'x'",
        "${a} === 'x'",
        "includes(list, 'x')",
        "a.b.c",
        "'open",
        "${a",
        "${a b}",
        "(${a}",
        "${a} ? 'b'",
        "${a} ==",
        "'${a}'",
        "list[0]",
        "credentials.s.toUpperCase()",
    ] {
        assert!(text.parse::<Expression>().is_err(), "{text}");
    }
}

#[test]
fn hb_7_an_expression_is_bounded_in_length_and_depth() {
    for text in [
        "(".repeat(1_000),
        "!".repeat(1_000),
        format!("{}a{}", "(".repeat(200), ")".repeat(200)),
        vec!["a"; 200].join("&&"),
        "a?".repeat(300),
        "present(".repeat(100),
        "a".repeat(2_000),
    ] {
        assert!(text.parse::<Expression>().is_err());
    }
    assert!(vec!["a"; 60].join(" || ").parse::<Expression>().is_ok());
}

/// A text made of pieces of the language, most of them out of place.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "${a}", "b", "'x'", "\"y\"", "5", "true", "null", "==", "!=", "&&", "||", "??", "?", ":",
        "!", "(", ")", "present(", "missing(", " ", "'", "é", "${", "}", "\\",
    ]);
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn hb_7_no_text_makes_it_panic(text in "\\PC{0,200}", value in "\\PC{0,20}") {
        if let Ok(read) = text.parse::<Expression>() {
            let mut values = Values::default();
            values.insert("a", Secret::new(value));
            let _ = (read.holds(&values), read.value(&values));
        }
    }

    #[test]
    fn hb_7_what_is_read_is_written_so_that_it_is_read_the_same(text in pieces()) {
        if let Ok(read) = text.parse::<Expression>() {
            let again: Expression = read.to_string().parse().unwrap();
            prop_assert_eq!(&again, &read);
            prop_assert_eq!(again.value(&known()), read.value(&known()));
        }
    }
}
