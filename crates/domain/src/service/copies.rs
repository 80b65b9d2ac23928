use std::sync::Arc;

use super::Ambient;
use super::access::Access;
use super::intake::told;
use crate::error::{Error, Result};
use crate::model::{Action, Actor, ConflictPolicy, Entry, Name, NodeId, NodeKind, Precondition};
use crate::port::{Copying, Drive, Trees};

/// What a copy is to be called, and where it is to stand.
#[derive(Clone, Debug, Default)]
pub struct CopyPlace {
    /// The folder into which it goes; none for the root of the caller's own drive.
    pub folder: Option<NodeId>,
    /// Its name; none for that of what is copied.
    pub name: Option<Name>,
    /// What to do when the name is taken.
    pub conflict: ConflictPolicy,
}

/// Copying files and folders: from whatever the caller may see to wherever the caller may add something. No bytes are copied.
pub struct Copies {
    access: Access,
    trees: Arc<dyn Trees>,
    ambient: Ambient,
    most_versions: u32,
}

impl Copies {
    /// Puts the service together. A file that is replaced keeps up to `most_versions`, the current one included.
    #[must_use]
    pub fn new(drive: Arc<dyn Drive>, trees: Arc<dyn Trees>, ambient: Ambient, most_versions: u32) -> Self {
        Self { access: Access::new(drive), trees, ambient, most_versions }
    }

    /// Copies a file: its current content.
    ///
    /// # Errors
    /// `NotFound` of the file; `NotFound` and `Forbidden` of the folder into which it goes; see [`Trees::copy`].
    pub async fn copy_file(
        &self,
        actor: &Actor,
        file: NodeId,
        place: CopyPlace,
        wanted: &Precondition,
    ) -> Result<Entry> {
        self.copy(actor, (NodeKind::File, file), place, wanted).await
    }

    /// Copies a folder with all that lies below it.
    ///
    /// # Errors
    /// As [`copy_file`](Self::copy_file); `Invalid` for a folder that is to replace something.
    pub async fn copy_folder(
        &self,
        actor: &Actor,
        folder: NodeId,
        place: CopyPlace,
        wanted: &Precondition,
    ) -> Result<Entry> {
        if place.conflict == ConflictPolicy::Replace {
            return Err(Error::invalid("folder_conflict", "a folder does not replace anything"));
        }
        self.copy(actor, (NodeKind::Folder, folder), place, wanted).await
    }

    async fn copy(
        &self,
        actor: &Actor,
        (kind, id): (NodeKind, NodeId),
        CopyPlace { folder, name, conflict }: CopyPlace,
        wanted: &Precondition,
    ) -> Result<Entry> {
        let item = self.access.of(actor.user, kind, id, Action::Read).await?;
        let to = self.access.add_to(actor.user, folder).await?;
        let (ids, most_versions) = (self.ambient.ids(), self.most_versions);
        let seen = wanted.on(item.node())?;
        let copying = Copying { item, to, name, conflict, seen, most_versions, ids };
        let made = self.trees.copy(&self.ambient.command(actor), &copying).await;
        made.map_err(|fault| told(&copying.to, fault))?.entry().ok_or(Error::NotFound)
    }
}
