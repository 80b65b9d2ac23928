use std::sync::Arc;

use super::access::Access;
use super::{Ambient, EndedUploads, Throttling};
use crate::error::{Conflict, Error, Result};
use crate::model::{
    AccessEntry, AccessVia, Action, Actor, AuditAction, Bucket, Entry, Grant, Handle, Limit, NodeId, NodeKind, Page,
    Permission, Share, ShareId, SharePosition, authorize,
};
use crate::port::{self, Drive, NewShare, Users};

/// One page of what is shared with somebody.
pub type SharePage = Page<(Share, Entry), SharePosition>;

/// One page of what somebody has given.
pub type GivenPage = Page<Share, SharePosition>;

/// Where a share stands in a list.
const fn place(share: &Share) -> SharePosition {
    SharePosition { at: share.shared_at, id: share.id }
}

/// Sharing: what an owner gives to others, and what others get.
pub struct Shares {
    access: Access,
    drive: Arc<dyn Drive>,
    shares: Arc<dyn port::Shares>,
    users: Arc<dyn Users>,
    ended: EndedUploads,
    throttling: Throttling,
    ambient: Ambient,
}

impl Shares {
    /// Puts the service together. `throttling` keeps looking people up slow.
    #[must_use]
    pub fn new(
        drive: Arc<dyn Drive>,
        shares: Arc<dyn port::Shares>,
        users: Arc<dyn Users>,
        ended: EndedUploads,
        throttling: Throttling,
        ambient: Ambient,
    ) -> Self {
        Self { access: Access::new(drive.clone()), drive, shares, users, ended, throttling, ambient }
    }

    /// Shares a file or folder of the caller's with `guest`.
    ///
    /// # Errors
    /// `NotFound` when the caller cannot see the item, and when there is no such guest; `Forbidden` when the caller is not
    /// the owner; `ShareWithOwner`; `AlreadyShared`; `RateLimited`.
    pub async fn create(
        &self,
        actor: &Actor,
        (kind, item): (NodeKind, NodeId),
        guest: &Handle,
        permission: Permission,
    ) -> Result<Share> {
        let item = self.access.of(actor.user, kind, item, Action::Share).await?;
        // That there is somebody of that name is told to whoever asks, so nobody may ask too often.
        self.throttling.take(&[Bucket::ShareLookup(actor.user)], self.ambient.now()).await?;
        let guest = self.users.find_person(guest).await?.ok_or(Error::NotFound)?;
        if guest.id == item.located().owner.id {
            return Err(Error::Conflict(Conflict::ShareWithOwner));
        }
        let share = NewShare { id: self.ambient.id(), guest: guest.id, permission };
        let share = self.shares.create(&self.ambient.command(actor), &item, &share).await?;
        self.ambient.audit(actor, AuditAction::ShareCreated((&share).into()));
        Ok(share)
    }

    /// What is shared with the caller, wherever it lies, newest first. A page may be short, even empty, and have a next.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_received(&self, actor: &Actor, after: Option<SharePosition>, limit: Limit) -> Result<SharePage> {
        let rows = self.shares.list_received(actor.user, after, limit).await?;
        let page = Page::cut(rows, limit, |(share, _)| place(share));
        let seen = page.items.into_iter().filter_map(|(share, item)| Some((share, item.entry()?)));
        Ok(Page { items: seen.collect(), next: page.next })
    }

    /// What the caller has shared, newest first. A page may be short, even empty, and have a next.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_given(&self, actor: &Actor, after: Option<SharePosition>, limit: Limit) -> Result<GivenPage> {
        let rows = self.shares.list_given(actor.user, after, limit).await?;
        let page = Page::cut(rows, limit, |(share, _)| place(share));
        let own = page.items.into_iter().filter(|(_, item)| authorize(Some(item.clone()), Action::Share).is_ok());
        Ok(Page { items: own.map(|(share, _)| share).collect(), next: page.next })
    }

    /// The shares of a file or folder of the caller's itself, newest first.
    ///
    /// # Errors
    /// `NotFound` when the caller cannot see the item; `Forbidden` when the caller is not the owner.
    pub async fn list_of(
        &self,
        actor: &Actor,
        (kind, item): (NodeKind, NodeId),
        after: Option<SharePosition>,
        limit: Limit,
    ) -> Result<GivenPage> {
        let item = self.access.of(actor.user, kind, item, Action::Share).await?;
        Ok(Page::cut(self.shares.list_of(&item, after, limit).await?, limit, place))
    }

    /// Who may do what with a file or folder of the caller's, and through which share or link, on it or above it; the owner
    /// first.
    ///
    /// # Errors
    /// As [`list_of`](Self::list_of).
    pub async fn list_access(
        &self,
        actor: &Actor,
        (kind, item): (NodeKind, NodeId),
        after: Option<AccessVia>,
        limit: Limit,
    ) -> Result<Page<AccessEntry, AccessVia>> {
        let item = self.access.of(actor.user, kind, item, Action::Share).await?;
        let rows = self.shares.list_access(&item, self.ambient.now(), after, limit).await?;
        Ok(Page::cut(rows, limit, |entry| entry.via))
    }

    /// Gives a share another permission. What arrived for uploads that end by it is deleted.
    ///
    /// # Errors
    /// `Forbidden` to the guest; `NotFound` to everybody else but the owner, and to both while the item lies in the trash.
    pub async fn change(&self, actor: &Actor, share: ShareId, permission: Permission) -> Result<Share> {
        let share = self.shares.find(share, actor.user).await?.ok_or(Error::NotFound)?;
        let grant = self.as_owner(actor, &share).await?;
        let command = self.ambient.command(actor);
        let share = self.shares.change(&command, &grant, share.id, permission).await?;
        self.ambient.audit(actor, AuditAction::ShareChanged((&share).into()));
        self.ended.discard(&command).await;
        Ok(share)
    }

    /// Ends a share: its owner revokes it, its guest leaves. What arrived for uploads that end with it is deleted.
    ///
    /// # Errors
    /// `NotFound` to everybody else.
    pub async fn revoke(&self, actor: &Actor, share: ShareId) -> Result<()> {
        let share = self.shares.find(share, actor.user).await?.ok_or(Error::NotFound)?;
        let leaves = share.shared_with.id == actor.user;
        if !leaves {
            self.as_owner(actor, &share).await?;
        }
        let command = self.ambient.command(actor);
        self.shares.revoke(&command, share.id).await?;
        let item = (&share).into();
        self.ambient.audit(actor, if leaves { AuditAction::ShareLeft(item) } else { AuditAction::ShareRevoked(item) });
        self.ended.discard(&command).await;
        Ok(())
    }

    /// Leave to manage `share`. That others have shares on an item is not for those who merely see the item; of their own
    /// they know.
    async fn as_owner(&self, actor: &Actor, share: &Share) -> Result<Grant> {
        let found = self.drive.find(share.item.id, actor.user.into()).await?;
        authorize(found, Action::Share).map_err(|fault| match fault {
            Error::Forbidden(_) if share.shared_with.id != actor.user => Error::NotFound,
            other => other,
        })
    }
}
