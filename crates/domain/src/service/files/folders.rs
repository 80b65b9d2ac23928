use std::sync::Arc;

use super::content_limit::hide_owner_quota;
use super::relocation::{self, RelocationRequest};
use crate::error::{Error, Result};
use crate::model::{
    Account, Action, Actor, Entry, Limit, Located, Name, NodeId, NodeKind, NodePath, Page, PathStart, PathStep,
    Position, Precondition, ReadGrant, Sort,
};
use crate::port::NodeRepository;
use crate::service::access::Access;
use crate::service::{EndedUploads, ServiceContext};

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
#[derive(Debug)]
pub struct FolderListing {
    /// The folder.
    pub folder: Entry,
    /// Its path as far as visible to the caller, ending with the folder itself.
    pub path: Vec<PathStep>,
    /// Its contents.
    pub page: EntryPage,
}

/// A page of the contents of `folder`, as visible to the holder of the grant.
pub(in crate::service) async fn page(
    drive: &dyn NodeRepository,
    folder: &ReadGrant,
    query: &ListQuery,
) -> Result<EntryPage> {
    let children = drive.list(folder, query.sort, query.after.as_ref(), query.limit).await?;
    let page = Page::cut(children, query.limit, |child| child.position(query.sort.by));
    Ok(page.map(|child| folder.child(child.node, child.share)))
}

/// Creates, lists, renames and moves folders, and finds their entries.
pub struct FolderService {
    access: Access,
    drive: Arc<dyn NodeRepository>,
    ended: EndedUploads,
    context: ServiceContext,
}

impl FolderService {
    /// Creates the service.
    #[must_use]
    pub fn new(drive: Arc<dyn NodeRepository>, ended: EndedUploads, context: ServiceContext) -> Self {
        Self { access: Access::new(drive.clone()), drive, ended, context }
    }

    /// Creates a folder in `parent`, or in the root of the caller's own drive.
    ///
    /// Calls `NodeRepository::find`, `NodeRepository::find_user_drive` and `NodeRepository::create_folder`.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for the parent; `NameTaken`; `Invalid` past the maximum depth.
    #[doc(alias = "mkdir")]
    pub async fn create(&self, actor: &Actor, parent: Option<NodeId>, name: &Name) -> Result<Entry> {
        let parent = self.access.add_to(actor, parent).await?;
        let command = self.context.command(actor)?;
        let made = self.drive.create_folder(&command, &parent, self.context.id(), name).await;
        made.map_err(|error| hide_owner_quota(&parent, error))?.entry().ok_or(Error::NotFound)
    }

    /// The contents of the root of the caller's own drive.
    ///
    /// Calls `NodeRepository::find_user_drive` and `NodeRepository::list`.
    ///
    /// # Errors
    /// `NotFound` when the account has just been deleted.
    pub async fn list_root(&self, actor: &Actor, query: &ListQuery) -> Result<(Account, EntryPage)> {
        let user_drive = self.drive.find_user_drive(actor.user).await?.ok_or(Error::NotFound)?;
        let root = Access::authorize(actor, Some(user_drive.root), Action::Read)?;
        Ok((user_drive.account, page(&*self.drive, root.read(), query).await?))
    }

    /// A folder and its contents.
    ///
    /// Calls `NodeRepository::find` and `NodeRepository::list`.
    ///
    /// # Errors
    /// `NotFound`.
    #[doc(alias = "readdir")]
    pub async fn list(&self, actor: &Actor, folder: NodeId, query: &ListQuery) -> Result<FolderListing> {
        let grant = self.access.grant(actor, NodeKind::Folder, folder, Action::Read).await?;
        let page = page(&*self.drive, grant.read(), query).await?;
        let located = grant.into_located();
        let path = located.path();
        Ok(FolderListing { folder: located.entry().ok_or(Error::NotFound)?, path, page })
    }

    /// The file or folder at the end of `path`, of any drive that the caller sees.
    ///
    /// Calls `NodeRepository::find_by_path`.
    ///
    /// # Errors
    /// `NotFound`: a name leads to nothing, or to a file before the end; the caller may not see the start, or either is
    /// in the trash; the path leads to a root, which is never shown.
    #[doc(alias = "stat")]
    pub async fn find_by_path(&self, actor: &Actor, start: PathStart, path: &NodePath) -> Result<Entry> {
        let found = self.access.read_at(actor, start, path).await?.into_located();
        let shown = Some(found).filter(|found| found.node.kind() != NodeKind::Root);
        shown.and_then(Located::entry).ok_or(Error::NotFound)
    }

    /// Renames or moves a folder, or both. A folder that it replaces goes to the trash. Data received for guests'
    /// uploads into folders that they can no longer reach is deleted.
    ///
    /// Calls `NodeRepository::find`, `NodeRepository::relocate`, `UploadRepository::list_aborted`,
    /// `BlobStore::abort`, `BlobStore::received_bytes`, `BlobRecordRepository::hold` and
    /// `UploadRepository::note_discarded`.
    ///
    /// # Errors
    /// See [`NodeRepository::relocate`].
    #[doc(alias = "rename")]
    #[doc(alias = "move")]
    pub async fn relocate(
        &self,
        actor: &Actor,
        folder: NodeId,
        place: RelocationRequest,
        wanted: &Precondition,
    ) -> Result<Entry> {
        let (item, moved) = ((NodeKind::Folder, folder), place.to.is_some());
        let done = relocation::relocate(&self.access, &*self.drive, &self.context, actor, item, place, wanted).await?;
        if moved || done.has_replaced {
            self.ended.discard(&done.command).await;
        }
        Ok(done.entry)
    }
}

#[cfg(test)]
mod tests;
