//! Numbers in bodies that have to be whole.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::number::{BadNumber, whole};
use crate::domain::refusal::Problem;

/// A whole number, in any spelling. One that is none is read as well, so that it is told as the
/// field's problem, beside all the others (CS-27).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(Result<i64, BadNumber>);

impl From<i64> for Whole {
    fn from(number: i64) -> Self {
        Self(Ok(number))
    }
}

impl Whole {
    /// The number, or a note of what is wrong with it.
    pub(super) fn read(self, field: &'static str, problems: &mut Vec<Problem>) -> Option<i64> {
        match self.0 {
            Ok(number) => Some(number),
            Err(error) => {
                problems.push(Problem::new(field, error.to_string()));
                None
            }
        }
    }
}

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.ok().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // What the reader of JSON itself can't hold, such as 1e400, is the field's problem too. A
        // text that is broken is refused in any case: by this, or by what follows.
        Ok(from.deserialize_any(Anything).unwrap_or(Self(Err(BadNumber::NotWhole))))
    }
}

/// Takes every value to its end.
struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Whole, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Whole, E> {
        Ok(Whole(i64::try_from(number).map_err(|_| BadNumber::OutOfRange)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Whole, E> {
        Ok(Whole(whole(&number.to_string())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Whole, E> {
        Ok(Whole(Err(BadNumber::NotWhole)))
    }

    fn visit_str<E>(self, _: &str) -> Result<Whole, E> {
        Ok(Whole(Err(BadNumber::NotWhole)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Whole, A::Error> {
        while all.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Whole(Err(BadNumber::NotWhole)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Whole, A::Error> {
        while all.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Whole(Err(BadNumber::NotWhole)))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{BadNumber, Whole};

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Asked {
        number: Option<Whole>,
        next: Option<String>,
    }

    fn read(value: &str) -> Option<Result<i64, BadNumber>> {
        let text = format!(r#"{{"number": {value}, "next": "x"}}"#);
        let asked: Asked = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{value}: {e}"));
        assert_eq!(asked.next.as_deref(), Some("x"), "what follows is read: {value}");
        asked.number.map(|number| number.0)
    }

    #[test]
    fn every_spelling_of_a_whole_number_is_one() {
        for text in ["1800", "1800.0", "1.8e3", "18E2"] {
            assert_eq!(read(text), Some(Ok(1_800)), "{text}");
        }
        assert_eq!(read("-1"), Some(Ok(-1)));
        assert_eq!(read("null"), None);
        assert_eq!(serde_json::to_string(&Whole::from(5)).unwrap(), "5");
    }

    #[test]
    fn everything_else_is_the_fields_own_problem() {
        for text in
            ["1.5", "1e400", "-1e400", "\"60\"", "true", "[]", "[[1], {}]", r#"{"a": [1.5]}"#]
        {
            assert_eq!(read(text), Some(Err(BadNumber::NotWhole)), "{text}");
        }
        for text in ["1e300", "18446744073709551615", "99999999999999999999"] {
            assert_eq!(read(text), Some(Err(BadNumber::OutOfRange)), "{text}");
        }
    }

    #[test]
    fn broken_text_stays_broken() {
        for text in ["1.5", "1e400", "[1", "{", "-x", "\"a", "1.x", "tru"] {
            let text = format!(r#"{{"number": {text}"#);
            assert!(serde_json::from_str::<Asked>(&text).is_err(), "{text}");
        }
    }
}
