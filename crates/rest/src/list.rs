//! Paged lists and their cursors.

use clouddrive_contract::PageParameters;
use clouddrive_domain::model::{AccessVia, Id, Revision, TimePosition, Timestamp, VersionPosition};
use clouddrive_http::problem::Outcome;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cursor::Cursors;

/// A list, identified by a name that includes its viewer and subject.
pub(super) struct List(pub(super) String);

impl List {
    /// The position after which the requested page begins.
    pub(super) fn after<P: Placed>(&self, cursors: &Cursors, parameters: &PageParameters) -> Outcome<Option<P>> {
        let place = |cursor: &String| cursors.open(&self.0, cursor).map(P::at);
        parameters.cursor.as_ref().map(place).transpose()
    }

    /// The cursor of the page after `next`.
    pub(super) fn next_cursor<P: Placed>(&self, cursors: &Cursors, next: Option<P>) -> Outcome<Option<String>> {
        next.map(|next| cursors.seal(&self.0, &next.place())).transpose()
    }
}

/// A position that a cursor can hold.
pub(super) trait Placed {
    /// Its serialized form.
    type Place: Serialize + DeserializeOwned;

    fn place(self) -> Self::Place;

    fn at(place: Self::Place) -> Self;
}

impl<I: Id> Placed for TimePosition<I> {
    type Place = (i64, Uuid);

    fn place(self) -> Self::Place {
        (self.at.as_millis(), self.id.as_uuid())
    }

    fn at((at, id): Self::Place) -> Self {
        Self { at: Timestamp::from_millis(at), id: I::from_uuid(id) }
    }
}

impl Placed for VersionPosition {
    type Place = (u64, Uuid);

    fn place(self) -> Self::Place {
        (self.revision.0, self.id.as_uuid())
    }

    fn at((revision, id): Self::Place) -> Self {
        Self { revision: Revision(revision), id: Id::from_uuid(id) }
    }
}

/// A position in an access list, as a cursor holds it.
#[derive(Serialize, Deserialize)]
pub(super) enum AccessPlace {
    #[serde(rename = "o")]
    Owner(Uuid),
    #[serde(rename = "s")]
    Share(Uuid),
    #[serde(rename = "l")]
    Link(Uuid),
}

impl Placed for AccessVia {
    type Place = AccessPlace;

    fn place(self) -> Self::Place {
        match self {
            Self::Owner(id) => AccessPlace::Owner(id.as_uuid()),
            Self::Share(id) => AccessPlace::Share(id.as_uuid()),
            Self::Link(id) => AccessPlace::Link(id.as_uuid()),
        }
    }

    fn at(place: Self::Place) -> Self {
        match place {
            AccessPlace::Owner(id) => Self::Owner(Id::from_uuid(id)),
            AccessPlace::Share(id) => Self::Share(Id::from_uuid(id)),
            AccessPlace::Link(id) => Self::Link(Id::from_uuid(id)),
        }
    }
}
