use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    AccessEntry, AccessVia, Command, Grant, Limit, Located, Permission, Share, ShareId, SharePosition, Timestamp,
    UserId,
};

/// A share that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewShare {
    /// The identifier.
    pub id: ShareId,
    /// The guest.
    pub guest: UserId,
    /// What the guest may do.
    pub permission: Permission,
}

/// Shares. What they give holds from the moment in which these methods return; what they gave and do not give any more ends
/// with its uploads, whose reserved bytes are free then.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Shares: Send + Sync {
    /// Shares the node that `item` gives leave to [share](crate::model::Action::Share).
    ///
    /// # Errors
    /// [`AlreadyShared`](crate::error::Conflict::AlreadyShared), by the store's own constraint;
    /// [`NotFound`](crate::Error::NotFound) when there is no such guest any more.
    async fn create(&self, command: &Command, item: &Grant, share: &NewShare) -> Result<Share>;

    /// The share, if `user` is its guest or has shared it, in one query: another's is as one that is not there.
    async fn find(&self, share: ShareId, user: UserId) -> Result<Option<Share>>;

    /// What is shared with `guest`, newest first, after `after`, each with its node as the guest finds it, also what lies
    /// in the trash: at most one more than `limit`, in a fixed number of queries.
    async fn list_received(
        &self,
        guest: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>>;

    /// What `owner` has shared, newest first, after `after`, each with its node as the owner finds it, also what lies in the
    /// trash: at most one more than `limit`, in a fixed number of queries, by an index.
    async fn list_given(
        &self,
        owner: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>>;

    /// The shares of the very node that `item` gives leave to [share](crate::model::Action::Share), newest first, after
    /// `after`: at most one more than `limit`, by an index.
    async fn list_of(&self, item: &Grant, after: Option<SharePosition>, limit: Limit) -> Result<Vec<Share>>;

    /// Who may do something with the node that `item` gives leave to [share](crate::model::Action::Share): its owner, and
    /// whoever has a share on it or above it, or a link whose time has not run out at `now`. In the order of [`AccessVia`],
    /// after `after`: at most one more than `limit`, in one query at any depth.
    async fn list_access(
        &self,
        item: &Grant,
        now: Timestamp,
        after: Option<AccessVia>,
        limit: Limit,
    ) -> Result<Vec<AccessEntry>>;

    /// Gives the share another permission.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when the node has no such share any more.
    async fn change(&self, command: &Command, item: &Grant, share: ShareId, to: Permission) -> Result<Share>;

    /// Ends the share.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when there is no such share any more.
    async fn revoke(&self, command: &Command, share: ShareId) -> Result<()>;
}
