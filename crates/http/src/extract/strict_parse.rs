//! Strict parsing: every deviation gets an error that names it.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_path_to_error::Path;

use crate::problem::Problem;

/// Parses JSON: 400 if it is malformed or has a duplicate key, 422 naming the field if it has the wrong shape.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Some libraries emit a byte order mark, which RFC 8259 allows a parser to ignore.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = UniqueKeys.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| Problem::malformed(format!("the body is not valid JSON: {error}")))?;
    // Serde would accept an array as a struct's fields in order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::invalid("body", "must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| field_problem("body", error.path(), &without_position(&error.inner().to_string())))
}

/// Parses a query or form: 400 if a parameter is repeated, 422 naming the parameter if it has the wrong shape.
pub(super) fn parameters<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, Problem> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(text).map_err(|_| Problem::malformed(format!("the {what} cannot be read")))?;
    let mut names = HashSet::new();
    if let Some((twice, _)) = pairs.iter().find(|(name, _)| !names.insert(name.as_str())) {
        return Err(Problem::malformed(format!("{twice:?} is given twice")));
    }
    let reader = serde_urlencoded::Deserializer::new(form(text));
    serde_path_to_error::deserialize(reader)
        .map_err(|error| field_problem(what, error.path(), &error.inner().to_string()))
}

fn form(text: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(text.as_bytes())
}

/// Names the field that serde rejected. Missing and unknown fields are named only in serde's message.
fn field_problem(whole: &'static str, path: &Path, message: &str) -> Problem {
    let named = |start: &str| message.strip_prefix(start).and_then(|rest| rest.split('`').next());
    if let Some(field) = named("missing field `") {
        return Problem::invalid(field, "is required");
    }
    if let Some(field) = named("unknown field `") {
        return Problem::invalid(field, "is unknown here");
    }
    if let Some(field) = named("duplicate field `") {
        return Problem::invalid(field, "is given twice, once by an alias");
    }
    let path = path.to_string();
    let field = if path == "." { whole } else { &path };
    Problem::invalid(field, message)
}

/// Strips the position from a serde_json message, which is useless once the field is named.
fn without_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// Accepts any JSON value without duplicate keys in an object, and discards it.
struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! discard_value {
    ($($visit:ident: $of:ty),*) => {$(
        fn $visit<E>(self, _: $of) -> Result<(), E> {
            Ok(())
        }
    )*};
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    discard_value!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            entries.next_value_seed(Self)?;
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format!("duplicate key {key:?}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clouddrive_contract::{Code, CreateFolder, ListParameters, PatchFolder};

    use super::*;

    /// The code, and the named field if any.
    fn folder(text: &str) -> (Code, Option<String>) {
        let problem = json::<CreateFolder>(text.as_bytes()).unwrap_err();
        (problem.code, problem.errors.first().map(|error| error.field.clone()))
    }

    #[test]
    fn unreadable_json_and_duplicate_keys_are_malformed() {
        for text in ["", "{", "{\"folder_name\": \"a\"} x", "{\"folder_name\": \"a\", \"folder_name\": \"b\"}", "\u{1}"]
        {
            assert_eq!(folder(text), (Code::MalformedRequest, None), "{text}");
        }
        assert!(json::<CreateFolder>(b"{\"folder_name\": \"\xff\"}").is_err());
    }

    #[test]
    fn one_byte_order_mark_is_ignored() {
        let folder = |text: &str| json::<CreateFolder>(text.as_bytes());
        assert_eq!(folder("\u{FEFF}{\"folder_name\": \"a\"}").unwrap().folder_name, "a");
        for text in ["\u{FEFF}\u{FEFF}{\"folder_name\": \"a\"}", " \u{FEFF}{\"folder_name\": \"a\"}", "\u{FEFF}"] {
            assert_eq!(folder(text).unwrap_err().code, Code::MalformedRequest, "{text}");
        }
    }

    #[test]
    fn fields_that_are_missing_unknown_or_of_the_wrong_type_are_named() {
        let named = |field: &str| (Code::ValidationFailed, Some(field.to_owned()));
        assert_eq!(folder("{}"), named("folder_name"));
        assert_eq!(folder("{\"folder_name\": \"a\", \"parent_id\": null}"), named("parent_id"));
        assert_eq!(folder("{\"folder_name\": 7}"), named("folder_name"));
        assert_eq!(folder("{\"folder_name\": \"a\", \"parent_folder_id\": \"x\"}"), named("parent_folder_id"));
        for text in ["[]", " [\"a\"]", "null", "\"a\"", "7"] {
            assert_eq!(folder(text), named("body"), "{text}");
        }
    }

    #[test]
    fn an_alias_is_the_same_field() {
        let patch: PatchFolder = json(b"{\"new_name\": \"a\", \"parent_folder_id\": null}").unwrap();
        assert_eq!((patch.folder_name.as_deref(), patch.parent_folder_id), (Some("a"), Some(None)));
        assert!(json::<PatchFolder>(b"{\"new_name\": \"a\", \"folder_name\": \"b\"}").is_err());
    }

    #[test]
    fn parameters_are_as_strict() {
        let list = |text| parameters::<ListParameters>(text, "query");
        assert_eq!(list("limit=5&sort_by=date&order=DESC").unwrap().limit, Some(5));
        assert_eq!(list("limit=5&limit=6").unwrap_err().code, Code::MalformedRequest);
        for (text, field) in [("limit=x", "limit"), ("limit=-1", "limit"), ("order=up", "order"), ("page=2", "page")] {
            let problem = list(text).unwrap_err();
            assert_eq!((problem.code, problem.errors[0].field.as_str()), (Code::ValidationFailed, field), "{text}");
        }
    }
}
