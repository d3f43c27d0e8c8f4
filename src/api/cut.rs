//! JSON that is cut and not read: each part stays as it is written, and a number in it may be
//! longer than any type holds.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a document has one level down.
#[derive(Debug, Clone)]
pub enum Parts<'a> {
    /// The elements of an array.
    Array(Vec<&'a RawValue>),
    /// The members of an object.
    Object(Members<'a>),
    /// What has no parts.
    Single(&'a RawValue),
}

/// The members of an object, in their order.
#[derive(Debug, Clone, Default)]
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'a> Parts<'a> {
    /// Cuts a document.
    ///
    /// # Errors
    /// Where the name of a member is no text, such as half of a character.
    pub fn of(json: &'a RawValue) -> serde_json::Result<Self> {
        match json.get().as_bytes().first() {
            Some(b'[') => serde_json::from_str(json.get()).map(Self::Array),
            Some(b'{') => serde_json::from_str(json.get()).map(Self::Object),
            _ => Ok(Self::Single(json)),
        }
    }
}

impl<'a> Members<'a> {
    /// The member of this name, of several the last one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rfind(|(found, _)| found == name).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::Parts;

    fn cut(json: &str) -> Vec<(String, String)> {
        let whole: &RawValue = serde_json::from_str(json).unwrap();
        let text = |value: &RawValue| value.get().to_owned();
        match Parts::of(whole).unwrap() {
            Parts::Array(all) => all.iter().map(|value| (String::new(), text(value))).collect(),
            Parts::Object(all) => {
                all.0.iter().map(|(name, value)| (name.clone(), text(value))).collect()
            }
            Parts::Single(value) => vec![("single".to_owned(), text(value))],
        }
    }

    #[test]
    fn parts_are_as_they_are_written() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(
            cut(" {\"b\": 45355976281015164504, \"\\u0061\" : [ 1.50 ]}"),
            [pair("b", "45355976281015164504"), pair("a", "[ 1.50 ]")]
        );
        assert_eq!(cut("[1e400, {}]"), [pair("", "1e400"), pair("", "{}")]);
        assert_eq!(cut(" -0 "), [pair("single", "-0")]);
        assert!(cut("{}").is_empty() && cut("[ ]").is_empty());
    }

    #[test]
    fn of_members_with_one_name_the_last_one_counts() {
        let whole: &RawValue = serde_json::from_str(r#"{"a":1,"a":2}"#).unwrap();
        let Parts::Object(members) = Parts::of(whole).unwrap() else { panic!() };
        assert_eq!(members.get("a").map(RawValue::get), Some("2"));
        assert!(members.get("b").is_none());
    }
}
