//! JSON as `serde_json` writes it, to the byte, in two thirds of the time: texts, of which responses mainly consist, are
//! searched many bytes at a time for what must be escaped, and copied.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Result};

/// Appends `value` to `out`. What is appended before an error is not JSON.
///
/// # Errors
/// If a key is not a text, or the value refuses to be serialized.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
    value.serialize(Writer(out))
}

/// Writes one value.
struct Writer<'a>(&'a mut Vec<u8>);

/// Writes the items of an array, or the fields of an object.
struct Items<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
    end: &'static [u8],
}

/// Writes `text` in quotes.
#[inline]
fn write_text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    if !has_escaped(text.as_bytes()) {
        write_between(out, b"\"", text, b"\"");
        return Ok(());
    }
    // Each entry of a list has an entity tag or two, which are in quotes themselves.
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(tag) if !has_escaped(tag.as_bytes()) => write_between(out, br#""\""#, tag, br#"\"""#),
        _ => serde_json::Serializer::new(out).serialize_str(text)?,
    }
    Ok(())
}

#[inline]
fn write_between<const N: usize>(out: &mut Vec<u8>, before: &[u8; N], text: &str, after: &[u8; N]) {
    out.reserve(N + text.len() + N);
    out.extend_from_slice(before);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(after);
}

/// Whether `text` has a byte that JSON escapes.
#[inline]
fn has_escaped(text: &[u8]) -> bool {
    // The last bytes are looked at in one piece, too, with some of those before them.
    match (text.last_chunk::<16>(), text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(last), ..) => text.as_chunks::<16>().0.iter().any(any_escaped) || any_escaped(last),
        (None, Some(first), Some(last)) => any_escaped(first) | any_escaped(last),
        _ => text.iter().any(|byte| is_escaped(*byte)),
    }
}

/// The same for a number of bytes that is known, without branches, so that it is compiled to a few wide comparisons.
#[inline]
fn any_escaped<const N: usize>(bytes: &[u8; N]) -> bool {
    bytes.iter().fold(false, |found, byte| found | is_escaped(*byte))
}

#[inline]
const fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

impl<'a> Writer<'a> {
    fn literal(self, text: &[u8]) -> Result<()> {
        self.0.extend_from_slice(text);
        Ok(())
    }

    fn items(self, begin: &[u8], end: &'static [u8]) -> Items<'a> {
        self.0.extend_from_slice(begin);
        Items { out: self.0, is_first: true, end }
    }

    /// Begins the only field of an object, named by the `variant`.
    fn variant(self, variant: &str) -> Result<Self> {
        self.0.push(b'{');
        write_text(self.0, variant)?;
        self.0.push(b':');
        Ok(self)
    }
}

impl Items<'_> {
    #[inline]
    fn separate(&mut self) {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.separate();
        value.serialize(Writer(self.out))
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.separate();
        write_text(self.out, name)?;
        self.out.push(b':');
        value.serialize(Writer(self.out))
    }

    fn end(self) -> Result<()> {
        self.out.extend_from_slice(self.end);
        Ok(())
    }
}

/// Leaves values that are neither texts nor composed to the library.
macro_rules! by_library {
    ($($method:ident: $type:ty,)+) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<()> {
            serde_json::Serializer::new(self.0).$method(value)
        }
    )+};
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Items<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    by_library! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_char: char,
        serialize_bytes: &[u8],
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<()> {
        write_text(self.0, text)
    }

    #[inline]
    fn serialize_none(self) -> Result<()> {
        self.literal(b"null")
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.literal(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.literal(b"null")
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        write_text(self.0, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let Writer(out) = self.variant(variant)?;
        value.serialize(Writer(out))?;
        out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>> {
        Ok(self.items(b"[", b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>> {
        Ok(self.items(b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>> {
        Ok(self.items(b"[", b"]"))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Items<'a>> {
        Ok(self.variant(variant)?.items(b"[", b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'a>> {
        Ok(self.items(b"{", b"}"))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Items<'a>> {
        Ok(self.items(b"{", b"}"))
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Items<'a>> {
        Ok(self.variant(variant)?.items(b"{", b"}}"))
    }
}

impl SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.separate();
        let start = self.out.len();
        key.serialize(Writer(self.out))?;
        match self.out.get(start) {
            Some(b'"') => Ok(()),
            _ => Err(serde::ser::Error::custom("a key must be a text")),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.out.push(b':');
        value.serialize(Writer(self.out))
    }

    fn end(self) -> Result<()> {
        self.end()
    }
}

/// Implements the traits for the kinds of arrays, then those for the kinds of objects whose names are known.
macro_rules! composed {
    ($($array:ident: $item:ident,)+; $($object:ident,)+) => {
        $(impl $array for Items<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.item(value)
            }

            fn end(self) -> Result<()> {
                self.end()
            }
        })+
        $(impl $object for Items<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
                self.field(name, value)
            }

            fn end(self) -> Result<()> {
                self.end()
            }
        })+
    };
}

composed! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
    ;
    SerializeStruct,
    SerializeStructVariant,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut out = b"before".to_vec();
        write_json(&mut out, value).unwrap();
        String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned()
    }

    #[track_caller]
    fn assert_as_by_library(value: &impl Serialize) {
        assert_eq!(written(value), serde_json::to_string(value).unwrap());
    }

    #[derive(Serialize)]
    enum Variants {
        Unit,
        Newtype(Option<u8>),
        Tuple(i8, &'static str),
        Struct { one: bool, two: () },
    }

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Newtype(char);

    #[derive(Serialize)]
    struct Tuple(u128, i128, f32);

    #[derive(Serialize)]
    struct Struct {
        none: Option<u8>,
        #[serde(rename = "a \"quoted\" name")]
        quoted: Vec<Variants>,
        #[serde(flatten)]
        flat: BTreeMap<String, Variants>,
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<u8>,
        empty: [u8; 0],
        unit: Unit,
        newtype: Newtype,
        tuple: Tuple,
        pair: (f64, &'static [u8]),
    }

    #[test]
    fn values_of_every_kind_are_written_as_by_the_library() {
        let variants = || {
            [Variants::Unit, Variants::Newtype(Some(1)), Variants::Newtype(None), Variants::Tuple(-1, "x")]
                .into_iter()
                .chain([Variants::Struct { one: true, two: () }])
        };
        let keys = ["", "plain", "\"", "é\u{1}", "last"];
        let value = Struct {
            none: None,
            quoted: variants().collect(),
            flat: keys.into_iter().map(str::to_owned).zip(variants()).collect(),
            skipped: None,
            empty: [],
            unit: Unit,
            newtype: Newtype('"'),
            tuple: Tuple(u128::MAX, i128::MIN, f32::NAN),
            pair: (1e-7, b"bytes"),
        };
        assert_as_by_library(&value);
        assert_as_by_library(&BTreeMap::<&str, u8>::new());
        assert_as_by_library(&BTreeMap::from([('k', 1), ('"', 2), ('\0', 3)]));
    }

    #[test]
    fn a_byte_to_escape_is_found_at_any_place_of_a_text_of_any_length() {
        for length in 0..70 {
            let plain = "~".repeat(length);
            for text in [format!("\"{plain}\""), format!("{plain}\""), format!("\"{plain}"), plain.clone()] {
                assert_as_by_library(&text);
            }
            for place in 0..length {
                for other in ('\0'..=' ').chain(['"', '\\', '\x7f', 'é', '\u{2028}', '🦀']) {
                    assert_as_by_library(&format!("{}{other}{}", &plain[..place], &plain[place..]));
                    assert_as_by_library(&format!("\"{}{other}{}\"", &plain[..place], &plain[place..]));
                }
            }
        }
    }

    #[test]
    fn a_key_that_is_not_a_text_is_an_error() {
        assert!(write_json(&mut Vec::new(), &BTreeMap::from([((1, 2), 3)])).is_err());
        assert!(write_json(&mut Vec::new(), &BTreeMap::from([(1, 2)])).is_err());
    }
}
