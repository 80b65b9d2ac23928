use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    AccessEntry, AccessVia, Command, Grant, Limit, Located, Permission, Share, ShareId, SharePosition, Timestamp,
    UserId,
};

/// A share to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewShare {
    /// The identifier.
    pub id: ShareId,
    /// The guest.
    pub guest: UserId,
    /// The guest's permission.
    pub permission: Permission,
}

/// Shares. Changes take effect before these methods return. Losing access also ends the uploads that needed it, which
/// releases their reserved bytes.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Action, Command, NodeId, Share, UserId, authorize};
/// use clouddrive_domain::port::{NewShare, NodeRepository, ShareRepository};
///
/// /// Shares a file or folder of `owner`.
/// async fn share(
///     (drive, shares): (&dyn NodeRepository, &dyn ShareRepository),
///     command: &Command,
///     (owner, node): (UserId, NodeId),
///     share: &NewShare,
/// ) -> Result<Share> {
///     let item = authorize(drive.find(node, owner.into()).await?, Action::Share)?;
///     shares.create(command, &item, share).await
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait ShareRepository: Send + Sync {
    /// Shares the node that `item` grants to [share](crate::model::Action::Share).
    ///
    /// # Errors
    /// [`AlreadyShared`](crate::error::Conflict::AlreadyShared), by the store's own constraint;
    /// [`NotFound`](crate::Error::NotFound) if the guest no longer exists.
    #[doc(alias = "acl")]
    async fn create(&self, command: &Command, item: &Grant, share: &NewShare) -> Result<Share>;

    /// Finds the share if `user` is its guest or has shared it, in one query. Any other share is treated as missing.
    async fn find(&self, share: ShareId, user: UserId) -> Result<Option<Share>>;

    /// Lists what is shared with `guest`, newest first, after `after`, each with its node as seen by the guest, even if
    /// it is in the trash: at most `limit` + 1, in a fixed number of queries.
    async fn list_received(
        &self,
        guest: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>>;

    /// Lists what `owner` has shared, newest first, after `after`, each with its node as seen by the owner, even if it
    /// is in the trash: at most `limit` + 1, in a fixed number of queries, by an index.
    async fn list_given(
        &self,
        owner: UserId,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<Vec<(Share, Located)>>;

    /// Lists the shares of the very node that `item` grants to [share](crate::model::Action::Share), newest first,
    /// after `after`: at most `limit` + 1, by an index.
    async fn list_by_node(&self, item: &Grant, after: Option<SharePosition>, limit: Limit) -> Result<Vec<Share>>;

    /// Lists who has access to the node that `item` grants to [share](crate::model::Action::Share): its owner, the
    /// guests of shares on it or above it, and links not expired at `now`. In the order of [`AccessVia`], after
    /// `after`: at most `limit` + 1, in one query at any depth.
    #[doc(alias = "acl")]
    async fn list_access(
        &self,
        item: &Grant,
        now: Timestamp,
        after: Option<AccessVia>,
        limit: Limit,
    ) -> Result<Vec<AccessEntry>>;

    /// Changes the permission of the share.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the node no longer has such a share.
    async fn change(&self, command: &Command, item: &Grant, share: ShareId, to: Permission) -> Result<Share>;

    /// Revokes the share.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the share no longer exists.
    async fn revoke(&self, command: &Command, share: ShareId) -> Result<()>;
}
