use std::sync::Arc;

use super::access::Access;
use super::intake::told;
use super::relocation::{Mover, NewPlace};
use super::{Ambient, EndedUploads};
use crate::error::{Error, Result};
use crate::model::{
    Account, Action, Actor, Entry, Limit, Name, NodeId, NodeKind, Page, PathStep, Position, Precondition, ReadGrant,
    Sort,
};
use crate::port::Drive;

/// Which part of a folder's listing to return.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// The sort order.
    pub sort: Sort,
    /// The position to start after; `None` for the first page.
    pub after: Option<Position>,
    /// The page size limit.
    pub limit: Limit,
}

/// One page of a folder's listing.
pub type EntryPage = Page<Entry, Position>;

/// A folder with one page of its contents.
pub struct FolderListing {
    /// The folder.
    pub folder: Entry,
    /// Its path as far as visible to the caller, ending with the folder itself.
    pub path: Vec<PathStep>,
    /// Its contents.
    pub page: EntryPage,
}

/// A page of the contents of `folder`, as visible to the holder of the grant.
pub(super) async fn page(drive: &dyn Drive, folder: &ReadGrant, query: &ListQuery) -> Result<EntryPage> {
    let children = drive.list(folder, query.sort, query.after.as_ref(), query.limit).await?;
    let page = Page::cut(children, query.limit, |child| child.position(query.sort.by));
    Ok(page.map(|child| folder.child(child.node, child.share)))
}

/// Creates, lists, renames and moves folders.
pub struct Folders {
    access: Access,
    drive: Arc<dyn Drive>,
    ended: EndedUploads,
    ambient: Ambient,
}

impl Folders {
    /// Creates the service.
    #[must_use]
    pub fn new(drive: Arc<dyn Drive>, ended: EndedUploads, ambient: Ambient) -> Self {
        Self { access: Access::new(drive.clone()), drive, ended, ambient }
    }

    /// Creates a folder in `parent`, or in the root of the caller's own drive.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for the parent; `NameTaken`; `Invalid` past the maximum depth.
    pub async fn create(&self, actor: &Actor, parent: Option<NodeId>, name: &Name) -> Result<Entry> {
        let parent = self.access.add_to(actor, parent).await?;
        let command = self.ambient.command(actor)?;
        let made = self.drive.create_folder(&command, &parent, self.ambient.id(), name).await;
        made.map_err(|fault| told(&parent, fault))?.entry().ok_or(Error::NotFound)
    }

    /// The contents of the root of the caller's own drive.
    ///
    /// # Errors
    /// `NotFound` when the account has just been deleted.
    pub async fn list_root(&self, actor: &Actor, query: &ListQuery) -> Result<(Account, EntryPage)> {
        let home = self.drive.find_home(actor.user).await?.ok_or(Error::NotFound)?;
        let root = Access::authorize(actor, Some(home.root), Action::Read)?;
        Ok((home.account, page(&*self.drive, root.read(), query).await?))
    }

    /// A folder and its contents.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn list(&self, actor: &Actor, folder: NodeId, query: &ListQuery) -> Result<FolderListing> {
        let grant = self.access.of(actor, NodeKind::Folder, folder, Action::Read).await?;
        let page = page(&*self.drive, grant.read(), query).await?;
        let located = grant.into_located();
        let path = located.path();
        Ok(FolderListing { folder: located.entry().ok_or(Error::NotFound)?, path, page })
    }

    /// Renames or moves a folder, or both.
    ///
    /// # Errors
    /// See [`Drive::relocate`].
    pub async fn relocate(
        &self,
        actor: &Actor,
        folder: NodeId,
        place: NewPlace,
        wanted: &Precondition,
    ) -> Result<Entry> {
        let moved = place.to.is_some();
        let item = (NodeKind::Folder, folder);
        let by = Mover { access: &self.access, drive: &*self.drive, ambient: &self.ambient, actor };
        let (command, folder) = by.relocate(item, place, wanted).await?;
        if moved {
            // Uploads of guests who can no longer reach the folder.
            self.ended.discard(&command).await;
        }
        Ok(folder)
    }
}
