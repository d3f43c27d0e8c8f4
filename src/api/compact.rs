//! JSON on one line, as `serde_json` writes it: a text that needs no escapes, which is nearly every
//! one of a list, is copied at once.

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Value};

use super::scan::is_json_literal;

/// Appends the value.
///
/// # Errors
/// As `serde_json` for what JSON does not have, such as a list as a member's name.
#[inline]
pub fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    value.serialize(Compact { out })
}

struct Compact<'a> {
    out: &'a mut Vec<u8>,
}

#[inline]
fn push_text(out: &mut Vec<u8>, text: &str) -> Result<(), Error> {
    if !is_json_literal(text.as_bytes()) {
        return serde_json::to_writer(out, text);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

macro_rules! as_serde_json {
    ($($method:ident($type:ty);)*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            serde_json::Serializer::new(self.out).$method(value)
        }
    )*};
}

impl<'a> Serializer for Compact<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    as_serde_json! {
        serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_i128(i128); serialize_u8(u8); serialize_u16(u16); serialize_u32(u32);
        serialize_u64(u64); serialize_u128(u128); serialize_f32(f32); serialize_f64(f64);
        serialize_char(char); serialize_bytes(&[u8]);
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), Error> {
        push_text(self.out, text)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        push_text(self.out, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut outer = Parts::of(self.out, b"{", b"}");
        outer.member(variant, value)?;
        outer.close();
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self.out, b"[", b"]"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self.out, b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self.out, b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Parts<'a>, Error> {
        Parts::of_variant(self.out, variant, b"[", b"]}")
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self.out, b"{", b"}"))
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self.out, b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Parts<'a>, Error> {
        Parts::of_variant(self.out, variant, b"{", b"}}")
    }
}

/// An array or object that is open.
struct Parts<'a> {
    out: &'a mut Vec<u8>,
    has_any: bool,
    end: &'static [u8],
}

impl<'a> Parts<'a> {
    #[inline]
    fn of(out: &'a mut Vec<u8>, start: &[u8], end: &'static [u8]) -> Self {
        out.extend_from_slice(start);
        Self { out, has_any: false, end }
    }

    /// The content of a variant, which is the one member of an object.
    fn of_variant(
        out: &'a mut Vec<u8>,
        variant: &str,
        start: &[u8],
        end: &'static [u8],
    ) -> Result<Self, Error> {
        out.push(b'{');
        push_text(out, variant)?;
        out.push(b':');
        Ok(Self::of(out, start, end))
    }

    #[inline]
    fn next(&mut self) {
        if self.has_any {
            self.out.push(b',');
        }
        self.has_any = true;
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.next();
        write(self.out, value)
    }

    #[inline]
    fn member<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Error> {
        self.next();
        push_text(self.out, key)?;
        self.out.push(b':');
        write(self.out, value)
    }

    fn close(self) {
        self.out.extend_from_slice(self.end);
    }
}

macro_rules! items {
    ($($kind:ident::$method:ident;)*) => {$(
        impl $kind for Parts<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )*};
}

items! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! members {
    ($($kind:ident)*) => {$(
        impl $kind for Parts<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.member(key, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )*};
}

members! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.next();
        match serde_json::to_value(key)? {
            Value::String(text) => push_text(self.out, &text),
            other @ (Value::Number(_) | Value::Bool(_)) => push_text(self.out, &other.to_string()),
            _ => Err(Error::custom("key must be a string")),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        write(self.out, value)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::write;

    fn same<T: Serialize + ?Sized>(value: &T) {
        let mut out = Vec::new();
        let written = write(&mut out, value).map(|()| String::from_utf8(out).unwrap());
        match (written, serde_json::to_string(value)) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected),
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected.to_string()),
            (text, expected) => panic!("{text:?} and not {expected:?}"),
        }
    }

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct New(char);

    #[derive(Serialize)]
    struct Pair(i8, u128);

    #[derive(Serialize)]
    enum Any<'a> {
        Plain,
        New(&'a str),
        Pair(f32, f64),
        Fields { a: Option<&'a [u8]>, b: bool },
    }

    #[test]
    fn every_form_is_as_serde_json_writes_it() {
        same(&(Unit, New('"'), Pair(-8, u128::MAX), i128::MIN, ()));
        same(&[Any::Plain, Any::New("a\"b\\\u{1}é\u{2028}"), Any::Pair(0.1, 1e300)]);
        same(&[Any::Pair(f32::NAN, f64::INFINITY), Any::Fields { a: Some(&[1, 2]), b: true }]);
        same(&Any::Fields { a: None, b: false });
        same(&BTreeMap::from([(1, "a"), (2, "b")]));
        same(&BTreeMap::from([(true, 1_u16), (false, 2)]));
        same(&BTreeMap::from([('x', [1_i32; 2]), ('\n', [0, -1])]));
        same(&BTreeMap::from([((1, 2), 3)]));
        same(&BTreeMap::from([("a", json!({"b": [[], {}, null, 1.5, -2]}))]));
        same(&Vec::<u8>::new());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_as_serde_json_writes_it(value in any_value()) {
            same(&value);
        }
    }
}
