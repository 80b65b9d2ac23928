//! Cursors of lists of shares.

use clouddrive_contract::PageParameters;
use clouddrive_domain::model::{ShareId, SharePosition, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::App;
use crate::http::problem::Outcome;

/// One list, by a name that says whose it is and of what.
pub(super) struct List(pub(super) String);

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct Place(i64, Uuid);

impl List {
    /// The place after which the page begins that is asked for.
    pub(super) fn after(&self, app: &App, parameters: &PageParameters) -> Outcome<Option<SharePosition>> {
        let place = |cursor: &String| app.cursors.open::<Place>(&self.0, cursor);
        let after = parameters.cursor.as_ref().map(place).transpose()?;
        Ok(after.map(|Place(at, id)| SharePosition { at: Timestamp::from_millis(at), id: ShareId::from_uuid(id) }))
    }

    pub(super) fn next_cursor(&self, app: &App, next: Option<SharePosition>) -> Outcome<Option<String>> {
        let place = next.map(|next| Place(next.at.as_millis(), next.id.as_uuid()));
        place.map(|place| app.cursors.seal(&self.0, &place)).transpose()
    }
}
