use std::sync::Arc;

use crate::error::{Error, Gone, Result};
use crate::model::{Actor, ChangeCursor, DriveId, Limit, LoggedChange, Scope};
use crate::port::{self, NodeRepository};

/// A page of the changes of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// The changes, in the order of their transactions.
    pub changes: Vec<LoggedChange>,
    /// Where the next page begins, now or later.
    pub next: ChangeCursor,
    /// Whether there may be more changes now.
    pub more: bool,
}

/// The changes of the caller's own drive.
///
/// A reader that takes a cursor, lists the drive, and continues from page to page sees every change that the list does
/// not show, once and in order, regardless of when its transaction commits.
pub struct ChangeService {
    log: Arc<dyn port::ChangeRepository>,
    drive: Arc<dyn NodeRepository>,
}

impl ChangeService {
    /// Creates the service.
    #[must_use]
    pub fn new(log: Arc<dyn port::ChangeRepository>, drive: Arc<dyn NodeRepository>) -> Self {
        Self { log, drive }
    }

    /// A cursor for the changes from now on.
    ///
    /// Calls `NodeRepository::find_user_drive` and `ChangeRepository::end`.
    ///
    /// # Errors
    /// `NotFound` when the account has just been deleted.
    pub async fn start(&self, actor: &Actor) -> Result<ChangeCursor> {
        Ok(ChangeCursor { drive: self.own(actor).await?, after: self.log.end().await? })
    }

    /// The changes after `cursor`.
    ///
    /// Calls `NodeRepository::find_user_drive` and `ChangeRepository::read`.
    ///
    /// # Errors
    /// `Gone`: the changes after the cursor are no longer kept, or it is for another drive: the reader has to list the
    /// drive again and [`start`](Self::start) anew. `NotFound` when the account has just been deleted.
    pub async fn list_own(&self, actor: &Actor, cursor: ChangeCursor, limit: Limit) -> Result<ChangePage> {
        let drive = self.own(actor).await?;
        if cursor.drive != drive {
            return Err(Error::Gone(Gone::Changes));
        }
        let max = u32::try_from(limit.get()).unwrap_or(u32::MAX);
        let batch = self.log.read(Some(drive), cursor.after, max).await?;
        let more = batch.changes.len() == limit.get();
        Ok(ChangePage { changes: batch.changes, next: ChangeCursor { drive, after: batch.end }, more })
    }

    async fn own(&self, actor: &Actor) -> Result<DriveId> {
        actor.require(Scope::Read)?;
        let user_drive = self.drive.find_user_drive(actor.user).await?.ok_or(Error::NotFound)?;
        Ok(user_drive.root.node.drive)
    }
}

#[cfg(test)]
mod tests;
