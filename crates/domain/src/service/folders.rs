use std::sync::Arc;

use super::access::Access;
use super::intake::told;
use super::relocation::{self, NewPlace};
use super::{Ambient, EndedUploads};
use crate::error::{Error, Result};
use crate::model::{
    Account, Action, Actor, Entry, Limit, Name, NodeId, NodeKind, Page, PathStep, Position, Precondition, ReadGrant,
    Sort, authorize,
};
use crate::port::Drive;

/// Which part of a folder's list is asked for.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// How it is sorted.
    pub sort: Sort,
    /// The place after which it begins; none for the first page.
    pub after: Option<Position>,
    /// How many items it has at the most.
    pub limit: Limit,
}

/// One page of a folder's list.
pub type EntryPage = Page<Entry, Position>;

/// A folder with one page of what stands in it.
pub struct FolderListing {
    /// The folder.
    pub folder: Entry,
    /// The way to it, as far as the caller may see it; the folder itself comes last.
    pub path: Vec<PathStep>,
    /// What stands in it.
    pub page: EntryPage,
}

/// A page of what stands in `folder`, as whoever has that leave sees it.
pub(super) async fn page(drive: &dyn Drive, folder: &ReadGrant, query: &ListQuery) -> Result<EntryPage> {
    let children = drive.list(folder, query.sort, query.after.as_ref(), query.limit).await?;
    let page = Page::cut(children, query.limit, |child| child.position(query.sort.by));
    Ok(page.map(|child| folder.child(child.node, child.share)))
}

/// Folders: making them, listing them, giving them another name or place.
pub struct Folders {
    access: Access,
    drive: Arc<dyn Drive>,
    ended: EndedUploads,
    ambient: Ambient,
}

impl Folders {
    /// Puts the service together.
    #[must_use]
    pub fn new(drive: Arc<dyn Drive>, ended: EndedUploads, ambient: Ambient) -> Self {
        Self { access: Access::new(drive.clone()), drive, ended, ambient }
    }

    /// Makes a folder in `parent`, or in the root of the caller's own drive.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` of the parent; `NameTaken`; `Invalid` past the greatest depth.
    pub async fn create(&self, actor: &Actor, parent: Option<NodeId>, name: &Name) -> Result<Entry> {
        let parent = self.access.add_to(actor.user, parent).await?;
        let command = self.ambient.command(actor);
        let made = self.drive.create_folder(&command, &parent, self.ambient.id(), name).await;
        made.map_err(|fault| told(&parent, fault))?.entry().ok_or(Error::NotFound)
    }

    /// What stands in the root of the caller's own drive.
    ///
    /// # Errors
    /// `NotFound` when the account has just been deleted.
    pub async fn list_root(&self, actor: &Actor, query: &ListQuery) -> Result<(Account, EntryPage)> {
        let home = self.drive.find_home(actor.user).await?.ok_or(Error::NotFound)?;
        let root = authorize(Some(home.root), Action::Read)?;
        Ok((home.account, page(&*self.drive, &root, query).await?))
    }

    /// A folder and what stands in it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn list(&self, actor: &Actor, folder: NodeId, query: &ListQuery) -> Result<FolderListing> {
        let grant = self.access.of(actor.user, NodeKind::Folder, folder, Action::Read).await?;
        let page = page(&*self.drive, &grant, query).await?;
        let located = grant.into_located();
        let path = located.path();
        Ok(FolderListing { folder: located.entry().ok_or(Error::NotFound)?, path, page })
    }

    /// Gives a folder another name, another place, or both.
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
        let (command, moved) = (self.ambient.command(actor), place.to.is_some());
        let (by, item) = (command.clone(), (NodeKind::Folder, folder));
        let folder = relocation::relocate(&self.access, &*self.drive, by, actor.user, item, place, wanted).await?;
        if moved {
            // Those of guests who cannot reach it any more.
            self.ended.discard(&command).await;
        }
        Ok(folder)
    }
}
