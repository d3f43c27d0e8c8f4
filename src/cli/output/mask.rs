//! Leaves out fields while a record is serialised, so that `--fields` costs nothing: no copy of
//! the record is made, and a field left out is never even looked at.

use serde::ser::SerializeStruct;
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

/// A record seen through a mask. Every record is a struct; what is none is not masked.
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
    type SerializeMap = S::SerializeMap;
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

    fn serialize_map(self, len: Option<usize>) -> Result<S::SerializeMap, S::Error> {
        self.inner.serialize_map(len)
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
}
