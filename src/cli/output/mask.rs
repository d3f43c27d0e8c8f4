//! Leaves out fields while a record is serialised, so that `--fields` costs nothing: no copy of
//! the record is made, and a field left out is never even looked at.

use serde::ser::{Impossible, SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

/// Which of a record's fields stay.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    fields: &'static [&'static str],
    keep: Vec<bool>,
    kept: usize,
}

impl Mask {
    /// Keeps the fields at these positions.
    pub(super) fn new(fields: &'static [&'static str], positions: &[usize]) -> Self {
        let keep: Vec<bool> = (0..fields.len()).map(|at| positions.contains(&at)).collect();
        let kept = keep.iter().filter(|keep| **keep).count();
        Self { fields, keep, kept }
    }

    /// Fields come in the record's order, so the one after the last is nearly always the one.
    #[inline]
    fn keeps(&self, cursor: &mut usize, key: &str) -> bool {
        let next = self.fields.get(*cursor);
        // Both are nearly always the same literal, which is seen without reading it.
        if !next.is_some_and(|next| std::ptr::eq(*next, key) || *next == key) {
            match self.fields.iter().position(|field| *field == key) {
                Some(at) => *cursor = at,
                None => return false,
            }
        }
        *cursor += 1;
        self.keep.get(*cursor - 1).copied().unwrap_or(false)
    }
}

/// A record seen through a mask.
pub(super) struct Masked<'a, T: ?Sized> {
    pub(super) value: &'a T,
    pub(super) mask: &'a Mask,
}

impl<T: Serialize + ?Sized> Serialize for Masked<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(MaskSerializer { inner: serializer, mask: self.mask })
    }
}

struct MaskSerializer<'a, S> {
    inner: S,
    mask: &'a Mask,
}

macro_rules! pass {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {$(
        fn $method(self, $($arg: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($arg),*)
        }
    )*};
}

impl<'a, S: Serializer> Serializer for MaskSerializer<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = S::SerializeSeq;
    type SerializeTuple = S::SerializeTuple;
    type SerializeTupleStruct = S::SerializeTupleStruct;
    type SerializeTupleVariant = S::SerializeTupleVariant;
    type SerializeMap = MaskedMap<'a, S::SerializeMap>;
    type SerializeStruct = MaskedStruct<'a, S::SerializeStruct>;
    type SerializeStructVariant = S::SerializeStructVariant;

    pass! {
        serialize_bool(v: bool); serialize_i8(v: i8); serialize_i16(v: i16); serialize_i32(v: i32);
        serialize_i64(v: i64); serialize_u8(v: u8); serialize_u16(v: u16); serialize_u32(v: u32);
        serialize_u64(v: u64); serialize_f32(v: f32); serialize_f64(v: f64);
        serialize_char(v: char); serialize_str(v: &str); serialize_bytes(v: &[u8]);
        serialize_none(); serialize_unit(); serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_variant(name, index, variant, value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<S::SerializeSeq, S::Error> {
        self.inner.serialize_seq(len)
    }

    fn serialize_tuple(self, len: usize) -> Result<S::SerializeTuple, S::Error> {
        self.inner.serialize_tuple(len)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<S::SerializeTupleStruct, S::Error> {
        self.inner.serialize_tuple_struct(name, len)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<S::SerializeTupleVariant, S::Error> {
        self.inner.serialize_tuple_variant(name, index, variant, len)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let inner = self.inner.serialize_map(None)?;
        Ok(MaskedMap { inner, mask: self.mask, cursor: 0, keep: false })
    }

    fn serialize_struct(
        self,
        name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let inner = self.inner.serialize_struct(name, self.mask.kept)?;
        Ok(MaskedStruct { inner, mask: self.mask, cursor: 0 })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<S::SerializeStructVariant, S::Error> {
        self.inner.serialize_struct_variant(name, index, variant, len)
    }
}

struct MaskedStruct<'a, S> {
    inner: S,
    mask: &'a Mask,
    cursor: usize,
}

impl<S: SerializeStruct> SerializeStruct for MaskedStruct<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        if self.mask.keeps(&mut self.cursor, key) {
            self.inner.serialize_field(key, value)
        } else {
            self.inner.skip_field(key)
        }
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
        self.inner.skip_field(key)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

/// A record with flattened parts comes as a map.
struct MaskedMap<'a, S> {
    inner: S,
    mask: &'a Mask,
    cursor: usize,
    keep: bool,
}

impl<S: SerializeMap> SerializeMap for MaskedMap<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        let asked = KeyCheck { mask: self.mask, cursor: &mut self.cursor };
        self.keep = key.serialize(asked).unwrap_or(false);
        if self.keep { self.inner.serialize_key(key) } else { Ok(()) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        if self.keep { self.inner.serialize_value(value) } else { Ok(()) }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

/// Answers whether a map's key is one of the fields kept; a key that is no text never is.
struct KeyCheck<'a> {
    mask: &'a Mask,
    cursor: &'a mut usize,
}

type Never = Impossible<bool, KeyError>;

#[derive(Debug)]
struct KeyError;

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key is not text")
    }
}

impl std::error::Error for KeyError {}

impl serde::ser::Error for KeyError {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! never {
    ($($method:ident($($arg:ident: $type:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $($arg: $type),*) -> Result<$ok, KeyError> {
            Err(KeyError)
        }
    )*};
}

impl Serializer for KeyCheck<'_> {
    type Ok = bool;
    type Error = KeyError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    never! {
        serialize_bool(_v: bool) -> bool; serialize_i8(_v: i8) -> bool;
        serialize_i16(_v: i16) -> bool; serialize_i32(_v: i32) -> bool;
        serialize_i64(_v: i64) -> bool; serialize_u8(_v: u8) -> bool;
        serialize_u16(_v: u16) -> bool; serialize_u32(_v: u32) -> bool;
        serialize_u64(_v: u64) -> bool; serialize_f32(_v: f32) -> bool;
        serialize_f64(_v: f64) -> bool; serialize_char(_v: char) -> bool;
        serialize_bytes(_v: &[u8]) -> bool; serialize_none() -> bool; serialize_unit() -> bool;
        serialize_unit_struct(_n: &'static str) -> bool;
        serialize_seq(_l: Option<usize>) -> Never; serialize_tuple(_l: usize) -> Never;
        serialize_tuple_struct(_n: &'static str, _l: usize) -> Never;
        serialize_tuple_variant(_n: &'static str, _i: u32, _v: &'static str, _l: usize) -> Never;
        serialize_map(_l: Option<usize>) -> Never;
        serialize_struct(_n: &'static str, _l: usize) -> Never;
        serialize_struct_variant(_n: &'static str, _i: u32, _v: &'static str, _l: usize) -> Never;
    }

    fn serialize_str(self, key: &str) -> Result<bool, KeyError> {
        Ok(self.mask.keeps(self.cursor, key))
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<bool, KeyError> {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<bool, KeyError> {
        key.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        key: &T,
    ) -> Result<bool, KeyError> {
        key.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _key: &T,
    ) -> Result<bool, KeyError> {
        Err(KeyError)
    }
}

#[cfg(test)]
mod tests {
    use super::{Mask, Masked};
    use serde::Serialize;

    #[derive(Serialize)]
    struct Inner {
        b: u8,
        id: u8,
    }

    #[derive(Serialize)]
    struct Outer {
        id: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<u8>,
        nested: Inner,
        z: &'static str,
    }

    #[derive(Serialize)]
    struct Flat {
        z: u8,
        #[serde(flatten)]
        inner: Inner,
    }

    fn json<T: Serialize>(value: &T, fields: &'static [&'static str], keep: &[usize]) -> String {
        let mask = Mask::new(fields, keep);
        serde_json::to_string(&Masked { value, mask: &mask }).unwrap()
    }

    #[test]
    fn only_the_outer_record_is_masked_and_its_order_stays() {
        let fields = &["id", "a", "nested", "z"];
        let mut outer = Outer { id: 1, a: None, nested: Inner { b: 2, id: 3 }, z: "end" };
        assert_eq!(json(&outer, fields, &[3, 2]), r#"{"nested":{"b":2,"id":3},"z":"end"}"#);
        assert_eq!(json(&outer, fields, &[1]), "{}");
        outer.a = Some(9);
        assert_eq!(json(&outer, fields, &[0, 1]), r#"{"id":1,"a":9}"#);
        assert_eq!(json(&Some(&outer), fields, &[0]), r#"{"id":1}"#);
    }

    #[test]
    fn flattened_records_are_masked_too() {
        let flat = Flat { z: 1, inner: Inner { b: 2, id: 3 } };
        assert_eq!(json(&flat, &["z", "b", "id"], &[0, 2]), r#"{"z":1,"id":3}"#);
    }
}
