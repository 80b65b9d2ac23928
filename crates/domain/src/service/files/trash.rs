use std::sync::Arc;
use std::time::Duration;

use super::blob_remover::BlobRemover;
use super::folders::{self, EntryPage, ListQuery};
use super::relocation::Destination;
use crate::error::{Error, Result};
use crate::model::{
    Action, Actor, AuditAction, Entry, Grant, Limit, Name, NodeId, NodeKind, Page, PageRoom, Precondition, Timestamp,
    TrashItem, TrashPosition,
};
use crate::port::{self, NodeRepository, Purge, PurgeScope, Restoration, Trashed};
use crate::service::access::Access;
use crate::service::{EndedUploads, ServiceContext};

/// The number of files and folders that a purge removes before it returns, if there are as many.
const DONE_AT_ONCE: u32 = 1_000;

/// How many entries of a page, with their paths to the root, are fetched at once.
const FETCHED: usize = 100;

/// How long a guest may undo their own move to the trash.
const UNDO: Duration = Duration::from_hours(1);

/// How many nodes one transaction removes.
const BATCH: u32 = 500;

/// An item in the trash, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashedItem {
    /// The file or folder. Its parent is where it would be restored to.
    pub entry: Entry,
    /// When it was trashed.
    pub trashed_at: Timestamp,
    /// When it is purged, unless it is restored.
    pub purge_at: Timestamp,
    /// The names of its former parent folders, topmost first.
    pub path: Vec<Name>,
}

/// One page of the trash.
pub type TrashPage = Page<TrashedItem, TrashPosition>;

/// Trashes, restores and purges files and folders.
pub struct TrashService {
    access: Access,
    drive: Arc<dyn NodeRepository>,
    trash: Arc<dyn port::TrashRepository>,
    remover: BlobRemover,
    ended: EndedUploads,
    context: ServiceContext,
    retention: Duration,
}

impl TrashService {
    /// Creates the service. Items are purged after `retention` in the trash.
    #[must_use]
    pub fn new(
        drive: Arc<dyn NodeRepository>,
        trash: Arc<dyn port::TrashRepository>,
        remover: BlobRemover,
        ended: EndedUploads,
        context: ServiceContext,
        retention: Duration,
    ) -> Self {
        Self { access: Access::new(drive.clone()), drive, trash, remover, ended, context, retention }
    }

    /// Moves a file or folder with all its contents to the trash. Data received for guests' uploads into it is deleted.
    ///
    /// Calls `NodeRepository::find`, `TrashRepository::put`, `UploadRepository::list_aborted`,
    /// `BlobStore::abort`, `BlobStore::received_bytes`, `BlobRecordRepository::hold` and
    /// `UploadRepository::note_discarded`.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for the item; `PreconditionFailed`.
    #[doc(alias = "delete")]
    pub async fn put(&self, actor: &Actor, (kind, id): (NodeKind, NodeId), wanted: &Precondition) -> Result<()> {
        let item = self.access.grant(actor, kind, id, Action::Trash).await?;
        let seen = wanted.on(item.node())?;
        let command = self.context.command(actor)?;
        self.trash.put(&command, &item, seen).await?;
        self.context.audit(actor, AuditAction::ItemTrashed(TrashItem { kind, node: id }));
        if kind == NodeKind::Folder {
            self.ended.discard(&command).await;
        }
        Ok(())
    }

    /// What was itself trashed in the caller's drive, newest first. The page ends early when its paths reach [the
    /// limit](PageRoom) for a page; rows are fetched a few at a time.
    ///
    /// Calls `NodeRepository::find_user_drive` and `TrashRepository::list`.
    ///
    /// # Errors
    /// `NotFound` when the account has just been deleted.
    pub async fn list(&self, actor: &Actor, after: Option<TrashPosition>, limit: Limit) -> Result<TrashPage> {
        let root = self.root(actor).await?;
        let place = |row: &Trashed| TrashPosition { at: row.at, id: row.located.node.id };
        let (mut items, mut room, mut after, mut left) = (Vec::new(), PageRoom::default(), after, limit.get());
        loop {
            let some = Limit::new(left.min(FETCHED) as u64).unwrap_or_default();
            let page = Page::cut(self.trash.list(&root, after, some).await?, some, place);
            for row in page.items {
                if !room.takes(row.located.path_bytes()) {
                    return Ok(Page { items, next: after });
                }
                (after, left) = (Some(place(&row)), left.saturating_sub(1));
                items.extend(self.item(row));
            }
            if page.next.is_none() || left == 0 {
                return Ok(Page { items, next: page.next });
            }
        }
    }

    fn item(&self, row: Trashed) -> Option<TrashedItem> {
        let path = row.located.names_above();
        let entry = row.located.trash_entry()?;
        Some(TrashedItem { entry, trashed_at: row.at, purge_at: row.at.plus(self.retention), path })
    }

    /// A page of the contents of a folder in the caller's trash, trashed itself or below a trashed one. Excludes items
    /// that were trashed by themselves.
    ///
    /// Calls `NodeRepository::find` and `NodeRepository::list`.
    ///
    /// # Errors
    /// `NotFound` when there is no such folder in the caller's trash.
    pub async fn list_folder(&self, actor: &Actor, folder: NodeId, query: &ListQuery) -> Result<EntryPage> {
        let folder = self.grant(actor, folder, Action::ReadTrash).await?;
        if folder.node().kind() != NodeKind::Folder {
            return Err(Error::NotFound);
        }
        folders::page(&*self.drive, folder.read(), query).await
    }

    /// Restores an item from the trash: into `to`, or to where it was, or into the root when that no longer exists. An
    /// item below a trashed folder is restored alone. A guest may restore what they trashed themselves within the last
    /// hour, while they may edit the folder it returns to.
    ///
    /// Calls `NodeRepository::find`, `TrashRepository::find_trashed_by` and `TrashRepository::restore`.
    ///
    /// # Errors
    /// `NotFound` when it is not in the caller's trash and the caller may not undo it; `PreconditionFailed`; those of
    /// the destination; and as [`port::TrashRepository::restore`].
    pub async fn restore(
        &self,
        actor: &Actor,
        id: NodeId,
        to: Option<Destination>,
        wanted: &Precondition,
    ) -> Result<Entry> {
        let (item, trashed_after) = match self.grant(actor, id, Action::Restore).await {
            Err(Error::NotFound) if to.is_none() => {
                let after = self.context.now().minus(UNDO);
                let found = self.trash.find_trashed_by(id, actor.user, after).await?;
                (Access::authorize(actor, found, Action::Undo)?, Some(after))
            }
            item => (item?, None),
        };
        let to = match to {
            None => None,
            Some(Destination::Root) => Some(self.access.move_to(actor, &item, None).await?),
            Some(Destination::Folder(folder)) => Some(self.access.move_to(actor, &item, Some(folder)).await?),
        };
        let restoration = Restoration { seen: wanted.on(item.node())?, item, to, trashed_after };
        let restored = self.trash.restore(&self.context.command(actor)?, &restoration).await?;
        let item = TrashItem { kind: restored.node.kind(), node: id };
        self.context.audit(actor, AuditAction::ItemRestored(item));
        restored.entry().ok_or(Error::NotFound)
    }

    /// Permanently removes an item in the trash. On return it is no longer listed; an item of up to 1,000 files and
    /// folders is fully removed. Its bytes are deleted too, and no longer count against the quota, unless another purge
    /// in the drive removed some of it at the same time: that one deletes their bytes, perhaps a moment later.
    ///
    /// Calls `NodeRepository::find`, `TrashRepository::begin_purge`, `TrashRepository::purge`, `BlobStore::delete` and
    /// `BlobRecordRepository::remove`.
    ///
    /// # Errors
    /// `NotFound` when it was not trashed itself, is not in the caller's trash, or another request has begun to purge
    /// it; `PreconditionFailed`.
    pub async fn purge(&self, actor: &Actor, id: NodeId, wanted: &Precondition) -> Result<()> {
        let item = self.grant(actor, id, Action::Purge).await?;
        let seen = wanted.on(item.node())?;
        self.trash.begin_purge(&self.context.command(actor)?, &item, seen).await?;
        let kind = item.node().kind();
        self.context.audit(actor, AuditAction::ItemPurged(TrashItem { kind, node: id }));
        self.continue_purge(actor, Purge::Of(item.drive(), id)).await
    }

    /// Empties the caller's trash, as [`purge`](Self::purge) does for each item.
    ///
    /// Calls `NodeRepository::find_user_drive`, `TrashRepository::begin_purges`, `TrashRepository::purge`,
    /// `BlobStore::delete` and `BlobRecordRepository::remove`.
    ///
    /// # Errors
    /// `NotFound` when the account has just been deleted.
    pub async fn empty(&self, actor: &Actor) -> Result<()> {
        let root = self.root(actor).await?;
        let drive = root.drive();
        let scope = PurgeScope::All(Box::new(root));
        while self.trash.begin_purges(&self.context.command(actor)?, &scope, BATCH).await? == BATCH {}
        self.context.audit(actor, AuditAction::TrashEmptied { drive });
        self.continue_purge(actor, Purge::In(drive)).await
    }

    /// Continues a purge far enough to complete one of up to 1,000 nodes, with its bytes deleted and quota released,
    /// apart from those that a concurrent purge removes. Each node is reached at most once and removed once; a job
    /// finishes larger purges, and the collector deletes the bytes that could not be deleted here.
    async fn continue_purge(&self, actor: &Actor, which: Purge) -> Result<()> {
        let mut touched = 0;
        for _ in 0..2 * DONE_AT_ONCE {
            let step = self.trash.purge(&self.context.command(actor)?, which, BATCH).await?;
            touched += step.removed + step.reached;
            self.remover.remove(step.freed).await;
            if !step.more || touched >= 2 * DONE_AT_ONCE {
                break;
            }
        }
        Ok(())
    }

    async fn root(&self, actor: &Actor) -> Result<Grant> {
        let user_drive = self.drive.find_user_drive(actor.user).await?.ok_or(Error::NotFound)?;
        Access::authorize(actor, Some(user_drive.root), Action::Read)
    }

    async fn grant(&self, actor: &Actor, id: NodeId, action: Action) -> Result<Grant> {
        Access::authorize(actor, self.drive.find(id, actor.user.into()).await?, action)
    }
}

#[cfg(test)]
mod tests;
