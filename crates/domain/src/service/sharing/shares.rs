use std::sync::Arc;

use crate::error::{Conflict, Error, Result};
use crate::model::{
    AccessEntry, AccessVia, Action, Actor, AuditAction, Bucket, Entry, Grant, Limit, LoginIdentifier, NodeId, NodeKind,
    Page, Permission, Scope, Share, ShareId, SharePosition,
};
use crate::port::{self, NewShare, NodeRepository, UserRepository};
use crate::service::access::Access;
use crate::service::{EndedUploads, ServiceContext, Throttling};

/// One page of items shared with a user.
pub type SharePage = Page<(Share, Entry), SharePosition>;

/// One page of a user's own shares.
pub type GivenSharePage = Page<Share, SharePosition>;

/// The position of a share in a list.
const fn place(share: &Share) -> SharePosition {
    SharePosition { at: share.shared_at, id: share.id }
}

/// The ports of [`ShareService`].
#[derive(Clone)]
pub struct SharePorts {
    /// The tree.
    pub drive: Arc<dyn NodeRepository>,
    /// The shares.
    pub shares: Arc<dyn port::ShareRepository>,
    /// The guests.
    pub users: Arc<dyn UserRepository>,
}

/// Sharing: shares that owners give and guests receive.
pub struct ShareService {
    access: Access,
    drive: Arc<dyn NodeRepository>,
    shares: Arc<dyn port::ShareRepository>,
    users: Arc<dyn UserRepository>,
    ended: EndedUploads,
    throttling: Throttling,
    context: ServiceContext,
}

impl ShareService {
    /// Creates the service. `throttling` limits the rate of user lookups.
    #[must_use]
    pub fn new(ports: SharePorts, ended: EndedUploads, throttling: Throttling, context: ServiceContext) -> Self {
        let SharePorts { drive, shares, users } = ports;
        Self { access: Access::new(drive.clone()), drive, shares, users, ended, throttling, context }
    }

    /// Shares one of the caller's files or folders with `guest`.
    ///
    /// Calls `NodeRepository::find`, `ThrottleRepository::take`, `UserRepository::find_user` and
    /// `ShareRepository::create`.
    ///
    /// # Errors
    /// `NotFound` when the caller cannot see the item, and when there is no such guest; `Forbidden` when the caller is
    /// not the owner; `ShareWithOwner`; `AlreadyShared`; `RateLimited`.
    #[doc(alias = "acl")]
    pub async fn create(
        &self,
        actor: &Actor,
        (kind, item): (NodeKind, NodeId),
        guest: &LoginIdentifier,
        permission: Permission,
    ) -> Result<Share> {
        let item = self.access.grant(actor, kind, item, Action::Share).await?;
        // The outcome reveals whether a user of that name exists, so lookups are throttled.
        self.throttling.take(&[Bucket::ShareLookup(actor.user)], self.context.now()).await?;
        let guest = self.users.find_user(guest).await?.ok_or(Error::NotFound)?;
        if guest.id == item.located().owner.id {
            return Err(Error::Conflict(Conflict::ShareWithOwner));
        }
        let share = NewShare { id: self.context.id(), guest: guest.id, permission };
        let share = self.shares.create(&self.context.command(actor)?, &item, &share).await?;
        self.context.audit(actor, AuditAction::ShareCreated((&share).into()));
        Ok(share)
    }

    /// Items shared with the caller, from all drives, newest first. A page may be short, even empty, and have a next.
    ///
    /// Calls `ShareRepository::list_received`.
    pub async fn list_received(&self, actor: &Actor, after: Option<SharePosition>, limit: Limit) -> Result<SharePage> {
        actor.require(Scope::Read)?;
        let rows = self.shares.list_received(actor.user, after, limit).await?;
        let page = Page::cut(rows, limit, |(share, _)| place(share));
        let seen = page.items.into_iter().filter_map(|(share, item)| Some((share, item.entry()?)));
        Ok(Page { items: seen.collect(), next: page.next })
    }

    /// Shares that the caller has given, newest first. A page may be short, even empty, and have a next.
    ///
    /// Calls `ShareRepository::list_given`.
    pub async fn list_given(
        &self,
        actor: &Actor,
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<GivenSharePage> {
        actor.require(Scope::Read)?;
        let rows = self.shares.list_given(actor.user, after, limit).await?;
        let page = Page::cut(rows, limit, |(share, _)| place(share));
        let own = page
            .items
            .into_iter()
            .filter_map(|(share, item)| Access::authorize(actor, Some(item), Action::ListShares).ok().map(|_| share));
        Ok(Page { items: own.collect(), next: page.next })
    }

    /// The shares on one of the caller's files or folders itself, newest first.
    ///
    /// Calls `NodeRepository::find` and `ShareRepository::list_by_node`.
    ///
    /// # Errors
    /// `NotFound` when the caller cannot see the item; `Forbidden` when the caller is not the owner.
    pub async fn list_by_node(
        &self,
        actor: &Actor,
        (kind, item): (NodeKind, NodeId),
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<GivenSharePage> {
        let item = self.access.grant(actor, kind, item, Action::ListShares).await?;
        Ok(Page::cut(self.shares.list_by_node(&item, after, limit).await?, limit, place))
    }

    /// Who has which access to one of the caller's files or folders, and through which share or link, on it or above
    /// it; the owner first.
    ///
    /// Calls `NodeRepository::find` and `ShareRepository::list_access`.
    ///
    /// # Errors
    /// As [`list_by_node`](Self::list_by_node).
    #[doc(alias = "acl")]
    pub async fn list_access(
        &self,
        actor: &Actor,
        (kind, item): (NodeKind, NodeId),
        after: Option<AccessVia>,
        limit: Limit,
    ) -> Result<Page<AccessEntry, AccessVia>> {
        let item = self.access.grant(actor, kind, item, Action::ListShares).await?;
        let rows = self.shares.list_access(&item, self.context.now(), after, limit).await?;
        Ok(Page::cut(rows, limit, |entry| entry.via))
    }

    /// Changes the permission of a share. Data received for uploads that this ends is deleted.
    ///
    /// Calls `ShareRepository::find`, `NodeRepository::find`, `ShareRepository::change`,
    /// `UploadRepository::list_aborted`, `BlobStore::abort`, `BlobStore::received_bytes`, `BlobRecordRepository::hold` and
    /// `UploadRepository::note_discarded`.
    ///
    /// # Errors
    /// `Forbidden` to the guest; `NotFound` to all others but the owner, and to both while the item is in the trash.
    pub async fn change(&self, actor: &Actor, share: ShareId, permission: Permission) -> Result<Share> {
        let share = self.shares.find(share, actor.user).await?.ok_or(Error::NotFound)?;
        let grant = self.as_owner(actor, &share).await?;
        let command = self.context.command(actor)?;
        let share = self.shares.change(&command, &grant, share.id, permission).await?;
        self.context.audit(actor, AuditAction::ShareChanged((&share).into()));
        self.ended.discard(&command).await;
        Ok(share)
    }

    /// Ends a share: the owner revokes it, or the guest leaves. Data received for uploads that this ends is deleted.
    ///
    /// Calls `ShareRepository::find`, `NodeRepository::find`, `ShareRepository::revoke`,
    /// `UploadRepository::list_aborted`, `BlobStore::abort`, `BlobStore::received_bytes`, `BlobRecordRepository::hold` and
    /// `UploadRepository::note_discarded`.
    ///
    /// # Errors
    /// `NotFound` to all others.
    pub async fn revoke(&self, actor: &Actor, share: ShareId) -> Result<()> {
        let share = self.shares.find(share, actor.user).await?.ok_or(Error::NotFound)?;
        let leaves = share.shared_with.id == actor.user;
        if !leaves {
            self.as_owner(actor, &share).await?;
        }
        let command = self.context.command(actor)?;
        self.shares.revoke(&command, share.id).await?;
        let item = (&share).into();
        self.context.audit(actor, if leaves { AuditAction::ShareLeft(item) } else { AuditAction::ShareRevoked(item) });
        self.ended.discard(&command).await;
        Ok(())
    }

    /// Authorizes managing `share`. Users who merely see the item must not learn about shares of others; guests know
    /// their own.
    async fn as_owner(&self, actor: &Actor, share: &Share) -> Result<Grant> {
        let found = self.drive.find(share.item.id, actor.user.into()).await?;
        let knows =
            share.shared_with.id == actor.user || found.as_ref().is_some_and(|item| item.owner.id == actor.user);
        Access::authorize(actor, found, Action::Share).map_err(|error| match error {
            Error::Forbidden(_) if !knows => Error::NotFound,
            other => other,
        })
    }
}

#[cfg(test)]
mod tests;
