//! Identifiers: one newtype per kind of object, so that they cannot be confused.

use std::fmt;
use std::sync::Arc;

use uuid::{Builder, Uuid};

use super::{Random, Timestamp};

/// Operations common to all identifiers.
pub trait Id: Copy + Sized {
    /// Wraps a UUID that identifies such an object.
    #[must_use]
    fn from_uuid(uuid: Uuid) -> Self;

    /// The UUID itself.
    #[must_use]
    fn as_uuid(&self) -> Uuid;

    /// Generates an identifier at `now`: a UUIDv7, whose first 48 bits are the time.
    ///
    /// Identifiers sort roughly by age. They are not secret.
    #[must_use]
    fn generate(now: Timestamp, random: &dyn Random) -> Self {
        Self::from_uuid(uuid_v7(now, random))
    }
}

/// Creates a UUIDv7: 48 bits of time, 74 random bits.
pub(super) fn uuid_v7(now: Timestamp, random: &dyn Random) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// Generates identifiers on demand, for mutations whose number of new objects is known only inside their transaction.
#[derive(Clone)]
pub struct IdSource {
    at: Timestamp,
    random: Arc<dyn Random>,
}

impl IdSource {
    /// Creates a source of identifiers with the time `at`.
    #[must_use]
    pub fn new(at: Timestamp, random: Arc<dyn Random>) -> Self {
        Self { at, random }
    }

    /// Generates a new identifier.
    #[must_use]
    pub fn id<T: Id>(&self) -> T {
        T::generate(self.at, &*self.random)
    }
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdSource").field("at", &self.at).finish_non_exhaustive()
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that identifies such an object.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself, for adapters.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl Id for $name {
            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A user.
    UserId;
    /// A drive: a tree of nodes with one owner and one quota.
    DriveId;
    /// A node of a drive's tree: its root, a folder or a file.
    NodeId;
    /// One version of a file's content.
    VersionId;
    /// A lease on a maintenance task.
    LeaseId;
    /// The claim on an idempotency record by one of several identical requests.
    IdempotencyRecordId;
    /// An upload.
    UploadId;
    /// A share: a permission given to another user on one node.
    ShareId;
    /// A public link to one node.
    LinkId;
    /// A login session; every access token names one.
    SessionId;
    /// An access token.
    TokenId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_reads_back_as_it_is_written() {
        let id = NodeId::from_uuid(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_00AB));
        assert_eq!(id.to_string(), "01990000-0000-7000-8000-0000000000ab");
        assert_eq!(id.to_string().parse::<NodeId>().ok(), Some(id));
        assert_eq!(id.as_uuid().to_string(), id.to_string());
        for text in ["", "1", "01990000-0000-7000-8000-0000000000ag", "../../../../../../../../../../../../"] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
    }

    #[test]
    fn later_identifiers_sort_later() {
        struct Only(u8);
        impl Random for Only {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(self.0);
            }
        }
        let earlier = UploadId::generate(Timestamp::from_millis(1_000), &Only(0xFF));
        let later = UploadId::generate(Timestamp::from_millis(1_001), &Only(0));
        assert!(earlier < later && earlier.to_string() < later.to_string());
    }
}
