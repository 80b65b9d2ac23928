//! Paged lists and their cursors.

use clouddrive_contract::PageParameters;
use clouddrive_domain::model::{AccessVia, Id, Revision, TimePosition, Timestamp, VersionPosition};
use clouddrive_http::problem::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cursor::Cursors;

/// A list, identified by a name that includes its viewer and subject.
pub(super) struct List(pub(super) String);

impl List {
    /// The position after which the requested page begins.
    pub(super) fn after<P: CursorPosition>(
        &self,
        cursors: &Cursors,
        parameters: &PageParameters,
    ) -> Result<Option<P>, Problem> {
        let place = |cursor: &String| cursors.open(&self.0, cursor).map(P::decode);
        parameters.cursor.as_ref().map(place).transpose()
    }

    /// The cursor of the page after `next`.
    pub(super) fn next_cursor<P: CursorPosition>(
        &self,
        cursors: &Cursors,
        next: Option<P>,
    ) -> Result<Option<String>, Problem> {
        next.map(|next| cursors.seal(&self.0, &next.encode())).transpose()
    }
}

/// A position that a cursor can hold.
pub(super) trait CursorPosition {
    /// Its serialized form.
    type Encoded: Serialize + DeserializeOwned;

    fn encode(self) -> Self::Encoded;

    fn decode(place: Self::Encoded) -> Self;
}

impl<I: Id> CursorPosition for TimePosition<I> {
    type Encoded = (i64, Uuid);

    fn encode(self) -> Self::Encoded {
        (self.at.as_millis(), self.id.as_uuid())
    }

    fn decode((at, id): Self::Encoded) -> Self {
        Self { at: Timestamp::from_millis(at), id: I::from_uuid(id) }
    }
}

impl CursorPosition for VersionPosition {
    type Encoded = (u64, Uuid);

    fn encode(self) -> Self::Encoded {
        (self.revision.0, self.id.as_uuid())
    }

    fn decode((revision, id): Self::Encoded) -> Self {
        Self { revision: Revision(revision), id: Id::from_uuid(id) }
    }
}

/// A position in an access list, as a cursor holds it.
#[derive(Serialize, Deserialize)]
pub(super) enum EncodedAccess {
    #[serde(rename = "o")]
    Owner(Uuid),
    #[serde(rename = "s")]
    Share(Uuid),
    #[serde(rename = "l")]
    Link(Uuid),
}

impl CursorPosition for AccessVia {
    type Encoded = EncodedAccess;

    fn encode(self) -> Self::Encoded {
        match self {
            Self::Owner(id) => EncodedAccess::Owner(id.as_uuid()),
            Self::Share(id) => EncodedAccess::Share(id.as_uuid()),
            Self::Link(id) => EncodedAccess::Link(id.as_uuid()),
        }
    }

    fn decode(place: Self::Encoded) -> Self {
        match place {
            EncodedAccess::Owner(id) => Self::Owner(Id::from_uuid(id)),
            EncodedAccess::Share(id) => Self::Share(Id::from_uuid(id)),
            EncodedAccess::Link(id) => Self::Link(Id::from_uuid(id)),
        }
    }
}
