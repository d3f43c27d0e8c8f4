//! JSON that is stored as text and passed on as a value.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A JSON document as its text; it serialises as the value that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText<'a>(pub Cow<'a, str>);

impl JsonText<'_> {
    /// The text of a value.
    #[must_use]
    pub fn of(value: &impl Serialize) -> JsonText<'static> {
        // The values of the wire are always writable.
        JsonText(Cow::Owned(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())))
    }

    /// The value.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

impl Serialize for JsonText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_ref() {
            // Most rows have nothing here, and a list has a million of them.
            "[]" => serializer.collect_seq::<[(); 0]>([]),
            "{}" => Map::new().serialize(serializer),
            _ => self.value().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for JsonText<'_> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        Ok(Self(match &value {
            Value::Array(all) if all.is_empty() => Cow::Borrowed("[]"),
            Value::Object(all) if all.is_empty() => Cow::Borrowed("{}"),
            _ => Cow::Owned(value.to_string()),
        }))
    }
}

impl Default for JsonText<'_> {
    fn default() -> Self {
        Self(Cow::Borrowed("null"))
    }
}
