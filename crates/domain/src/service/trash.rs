use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::blob_remover::BlobRemover;
use super::folders::{self, EntryPage, ListQuery};
use super::relocation::Destination;
use super::{Ambient, EndedUploads};
use crate::error::{Error, Result};
use crate::model::{
    Action, Actor, AuditAction, Entry, Grant, Limit, Name, NodeId, NodeKind, Page, PageRoom, Precondition, Timestamp,
    TrashItem, TrashPosition, authorize,
};
use crate::port::{self, Doomed, Drive, Purge, Restoration, Trashed};

/// How many files and folders of a purge are gone, at the least, before its caller is answered.
const DONE_AT_ONCE: u32 = 1_000;

/// How many entries of a page are fetched at once, with the way up to the root.
const FETCHED: usize = 100;

/// For how long a guest may undo that they put something into the trash.
const UNDO: Duration = Duration::from_hours(1);

/// How many one transaction removes.
const BATCH: u32 = 500;

/// Something in the trash, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashedItem {
    /// The file or folder. Its parent is where it would go back to.
    pub entry: Entry,
    /// When it was put there.
    pub trashed_at: Timestamp,
    /// When it goes for good, unless it is restored.
    pub purge_at: Timestamp,
    /// The names of the folders in which it lay, from the topmost one on.
    pub path: Vec<Name>,
}

/// One page of what lies in the trash.
pub type TrashPage = Page<TrashedItem, TrashPosition>;

/// The trash: where files and folders go, and from where they come back, or do not.
pub struct Trash {
    access: Access,
    drive: Arc<dyn Drive>,
    trash: Arc<dyn port::Trash>,
    remover: BlobRemover,
    ended: EndedUploads,
    ambient: Ambient,
    retention: Duration,
}

impl Trash {
    /// Puts the service together. What lies in the trash for longer than `retention` goes for good.
    #[must_use]
    pub fn new(
        drive: Arc<dyn Drive>,
        trash: Arc<dyn port::Trash>,
        remover: BlobRemover,
        ended: EndedUploads,
        ambient: Ambient,
        retention: Duration,
    ) -> Self {
        Self { access: Access::new(drive.clone()), drive, trash, remover, ended, ambient, retention }
    }

    /// Puts a file or folder into the trash, with all below it. What arrived for uploads of guests into it is deleted.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` of the item; `PreconditionFailed`.
    pub async fn put(&self, actor: &Actor, (kind, id): (NodeKind, NodeId), wanted: &Precondition) -> Result<()> {
        let item = self.access.of(actor.user, kind, id, Action::Trash).await?;
        let seen = wanted.on(item.node())?;
        let command = self.ambient.command(actor);
        self.trash.put(&command, &item, seen).await?;
        self.ambient.audit(actor, AuditAction::ItemTrashed(TrashItem { kind, node: id }));
        if kind == NodeKind::Folder {
            self.ended.discard(&command).await;
        }
        Ok(())
    }

    /// What lies in the caller's trash itself, newest first. The page ends early when its paths are
    /// [as long](PageRoom) as a page may have them; they are fetched a few at a time.
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

    /// A page of what lies directly in a folder that lies in the caller's trash, itself or below another. What was put into
    /// the trash by itself is not among it.
    ///
    /// # Errors
    /// `NotFound` when there is no such folder in the caller's trash.
    pub async fn list_folder(&self, actor: &Actor, folder: NodeId, query: &ListQuery) -> Result<EntryPage> {
        let folder = self.of(actor, folder, Action::Restore).await?;
        if folder.node().kind() != NodeKind::Folder {
            return Err(Error::NotFound);
        }
        folders::page(&*self.drive, &folder, query).await
    }

    /// Takes an item back out of the trash: into `to`, or to where it was, or into the root when that is no more. What lies
    /// below a trashed folder comes back alone. A guest may do so with what they have put there themselves an hour ago at the
    /// most, as long as they may edit the folder to which it goes back.
    ///
    /// # Errors
    /// `NotFound` when it does not lie in the caller's trash, nor is the caller's to undo; `PreconditionFailed`; those of the
    /// destination; and as [`port::Trash::restore`].
    pub async fn restore(
        &self,
        actor: &Actor,
        id: NodeId,
        to: Option<Destination>,
        wanted: &Precondition,
    ) -> Result<Entry> {
        let (item, trashed_after) = match self.of(actor, id, Action::Restore).await {
            Err(Error::NotFound) if to.is_none() => {
                let after = self.ambient.now().minus(UNDO);
                let found = self.trash.find_trashed_by(id, actor.user, after).await?;
                (authorize(found, Action::Undo)?, Some(after))
            }
            item => (item?, None),
        };
        let to = match to {
            None => None,
            Some(Destination::Root) => Some(self.access.move_to(&item, None).await?),
            Some(Destination::Folder(folder)) => Some(self.access.move_to(&item, Some(folder)).await?),
        };
        let restoration = Restoration { seen: wanted.on(item.node())?, item, to, trashed_after };
        let restored = self.trash.restore(&self.ambient.command(actor), &restoration).await?;
        let item = TrashItem { kind: restored.node.kind(), node: id };
        self.ambient.audit(actor, AuditAction::ItemRestored(item));
        restored.entry().ok_or(Error::NotFound)
    }

    /// Removes an item that lies in the trash for good. When it is answered, it is out of every list; and gone, when it
    /// consists of no more than a thousand files and folders.
    ///
    /// # Errors
    /// `NotFound` when it does not lie in the caller's trash itself; `PreconditionFailed`.
    pub async fn purge(&self, actor: &Actor, id: NodeId, wanted: &Precondition) -> Result<()> {
        let item = self.of(actor, id, Action::Purge).await?;
        let seen = wanted.on(item.node())?;
        self.trash.begin_purge(&self.ambient.command(actor), &item, seen).await?;
        let kind = item.node().kind();
        self.ambient.audit(actor, AuditAction::ItemPurged(TrashItem { kind, node: id }));
        self.go_on(actor, Purge::Of(item.drive(), id)).await
    }

    /// Empties the caller's trash, as [`purge`](Self::purge) does for each item.
    ///
    /// # Errors
    /// `NotFound` when the account has just been deleted.
    pub async fn empty(&self, actor: &Actor) -> Result<()> {
        let root = self.root(actor).await?;
        let drive = root.drive();
        let doomed = Doomed::All(Box::new(root));
        while self.trash.begin_purges(&self.ambient.command(actor), &doomed, BATCH).await? == BATCH {}
        self.ambient.audit(actor, AuditAction::TrashEmptied { drive });
        self.go_on(actor, Purge::In(drive)).await
    }

    /// Does so much of a purge that one of up to a thousand nodes is done, its bytes deleted and given back. Each of them is
    /// reached once at the most, and removed once; the collector does the rest of a larger one, and deletes what could not be
    /// deleted here.
    async fn go_on(&self, actor: &Actor, which: Purge) -> Result<()> {
        let mut touched = 0;
        for _ in 0..2 * DONE_AT_ONCE {
            let step = self.trash.purge(&self.ambient.command(actor), which, BATCH).await?;
            touched += step.removed + step.reached;
            self.remover.remove(step.freed).await;
            if !step.more || touched >= 2 * DONE_AT_ONCE {
                break;
            }
        }
        Ok(())
    }

    async fn root(&self, actor: &Actor) -> Result<Grant> {
        let home = self.drive.find_home(actor.user).await?.ok_or(Error::NotFound)?;
        authorize(Some(home.root), Action::Read)
    }

    async fn of(&self, actor: &Actor, id: NodeId, action: Action) -> Result<Grant> {
        authorize(self.drive.find(id, actor.user.into()).await?, action)
    }
}
