//! Enumerations that responses contain: a later version of the server may send further values, so readers get
//! `Unknown` for one that they do not know, instead of an error.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// An enumeration with a word for each value.
pub(crate) trait Words: Sized {
    /// What readers get for a word of a later version.
    const UNKNOWN: Self;
    /// The known words.
    const WORDS: &'static [&'static str];

    fn known(word: &str) -> Option<Self>;
}

/// Reads a value that a response contains.
pub(crate) fn tolerant<'de, T: Words, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(T::known(&String::deserialize(deserializer)?).unwrap_or(T::UNKNOWN))
}

/// Reads a value that a request contains: an unknown one is an error.
pub(crate) fn strict<'de, T: Words, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let word = String::deserialize(deserializer)?;
    T::known(&word).ok_or_else(|| D::Error::unknown_variant(&word, T::WORDS))
}

/// Reads an optional value of a request.
pub(crate) fn strict_option<'de, T: Words, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(word) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    T::known(&word).map(Some).ok_or_else(|| D::Error::unknown_variant(&word, T::WORDS))
}

/// Declares such an enumeration.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:tt,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
            /// A value that this version of the crate does not know. It cannot be serialized.
            #[serde(skip)]
            Unknown,
        }

        impl crate::words::Words for $name {
            const UNKNOWN: Self = Self::Unknown;
            const WORDS: &'static [&'static str] = &[$($word),+];

            fn known(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::words::tolerant(deserializer)
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use crate::{Code, CreateShare, Item, Permission, Problem, Role, SearchParameters, UploadState};

    #[test]
    fn readers_tolerate_values_of_a_later_version() {
        assert_eq!(from_value::<Role>(json!("comment")).unwrap(), Role::Unknown);
        assert_eq!(from_value::<Permission>(json!("comment")).unwrap(), Permission::Unknown);
        assert_eq!(from_value::<UploadState>(json!("open")).unwrap(), UploadState::Open);
        let problem = json!({
            "type": "about:blank", "title": "Locked", "status": 423, "detail": "", "code": "locked", "request_id": "1",
        });
        let problem: Problem = from_value(problem).unwrap();
        assert_eq!((problem.code, problem.status), (Code::Unknown, 423));
        let id = "019ab0c2-7a00-7000-8000-000000000000";
        let item = json!({"kind": "shortcut", "id": id, "name": "x", "etag": "\"1\"", "target": "y"});
        let Item::Unknown(item) = from_value(item).unwrap() else { panic!("not a known kind") };
        let malformed = json!({"kind": "file", "id": "019ab0c2-7a00-7000-8000-000000000000", "name": "x", "etag": "1"});
        assert!(from_value::<Item>(malformed).is_err(), "a file without its other fields");
        assert_eq!((item.kind.as_str(), item.etag.as_str()), ("shortcut", "\"1\""));
    }

    #[test]
    fn requests_with_unknown_values_are_refused_by_name() {
        let share = json!({"share_object_type": "folder", "username": "ben", "permission": "comment"});
        let error = from_value::<CreateShare>(share).unwrap_err().to_string();
        assert!(error.contains("unknown variant `comment`, expected `view` or `edit`"), "{error}");
        assert!(from_value::<SearchParameters>(json!({"q": "x", "type": "shortcut"})).is_err());
        assert!(from_value::<SearchParameters>(json!({"q": "x", "type": null})).unwrap().kind.is_none());
    }

    #[test]
    fn unknown_values_cannot_be_sent() {
        assert!(to_value(Role::Unknown).is_err());
        assert!(to_value(Code::Unknown).is_err());
        for code in Code::ALL {
            assert_eq!(to_value(code).unwrap(), code.as_str());
        }
    }
}
