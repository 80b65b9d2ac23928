use std::sync::Arc;

use super::blob_remover::BlobRemover;
use super::content_limit::hide_owner_quota;
use crate::error::{Error, Field, Result};
use crate::model::{Action, Actor, ConflictPolicy, Entry, Name, NodeId, NodeKind, Precondition};
use crate::port::{CopyRequest, NodeRepository, TreeRepository};
use crate::service::ServiceContext;
use crate::service::access::Access;

/// The name and destination of a copy.
#[derive(Clone, Debug, Default)]
pub struct CopyTarget {
    /// The destination folder; `None` for the root of the caller's own drive.
    pub folder: Option<NodeId>,
    /// The name; `None` for that of the source.
    pub name: Option<Name>,
    /// What to do when the name is taken.
    pub conflict: ConflictPolicy,
}

/// Copies files and folders from anywhere the caller can read to anywhere the caller may add. No bytes are copied.
pub struct CopyService {
    access: Access,
    trees: Arc<dyn TreeRepository>,
    remover: BlobRemover,
    context: ServiceContext,
    max_versions: u32,
}

impl CopyService {
    /// Creates the service. A replaced file keeps up to `max_versions`, including the current one.
    #[must_use]
    pub fn new(
        drive: Arc<dyn NodeRepository>,
        trees: Arc<dyn TreeRepository>,
        remover: BlobRemover,
        context: ServiceContext,
        max_versions: u32,
    ) -> Self {
        Self { access: Access::new(drive), trees, remover, context, max_versions }
    }

    /// Copies a file: its current content.
    ///
    /// Calls `NodeRepository::find`, `NodeRepository::find_user_drive`, `TreeRepository::copy`, `BlobStore::delete` and
    /// `BlobRecordRepository::remove`.
    ///
    /// # Errors
    /// `NotFound` for the file; `NotFound` and `Forbidden` for the destination folder; see [`TreeRepository::copy`].
    pub async fn copy_file(
        &self,
        actor: &Actor,
        file: NodeId,
        place: CopyTarget,
        wanted: &Precondition,
    ) -> Result<Entry> {
        self.copy(actor, (NodeKind::File, file), place, wanted).await
    }

    /// Copies a folder with all its contents.
    ///
    /// Calls `NodeRepository::find`, `NodeRepository::find_user_drive`, `TreeRepository::copy`, `BlobStore::delete` and
    /// `BlobRecordRepository::remove`.
    ///
    /// # Errors
    /// As [`copy_file`](Self::copy_file); `Invalid` when a folder is to replace something.
    pub async fn copy_folder(
        &self,
        actor: &Actor,
        folder: NodeId,
        place: CopyTarget,
        wanted: &Precondition,
    ) -> Result<Entry> {
        if place.conflict == ConflictPolicy::Replace {
            return Err(Error::invalid(Field::FolderConflict, "a folder does not replace anything"));
        }
        self.copy(actor, (NodeKind::Folder, folder), place, wanted).await
    }

    async fn copy(
        &self,
        actor: &Actor,
        (kind, id): (NodeKind, NodeId),
        CopyTarget { folder, name, conflict }: CopyTarget,
        wanted: &Precondition,
    ) -> Result<Entry> {
        let item = self.access.grant(actor, kind, id, Action::Read).await?;
        let to = self.access.add_to(actor, folder).await?;
        let (ids, max_versions) = (self.context.ids(), self.max_versions);
        let seen = wanted.on(item.node())?;
        let copy_request = CopyRequest { item, to, name, conflict, seen, max_versions, ids };
        let made = self.trees.copy(&self.context.command(actor)?, &copy_request).await;
        let made = made.map_err(|error| hide_owner_quota(&copy_request.to, error))?;
        self.remover.remove_freed(made).await.entry().ok_or(Error::NotFound)
    }
}

#[cfg(test)]
mod tests;
