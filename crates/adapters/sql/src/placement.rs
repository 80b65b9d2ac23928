//! What became of a new item: a node of its own, or the content of a file.

use clouddrive_domain::model::{ChangeKind, Content, MediaType, Name, NodeId, Revision, Timestamp};
use clouddrive_domain::port::NewFile;

/// Where a new item was placed.
pub enum Placement {
    /// As a new node with that name.
    Created(Name),
    /// As the content of an existing file.
    Replaced(Replaced),
}

/// A file whose content is replaced.
pub struct Replaced {
    /// The file.
    pub file: NodeId,
    /// Its new revision.
    pub revision: Revision,
    /// Its former media type.
    pub media_type: Option<MediaType>,
}

impl Placement {
    /// What `new` became at `at`: the file, its revision, the kind of change and the content.
    #[must_use]
    pub fn file(&self, new: &NewFile, at: Timestamp) -> (NodeId, Revision, ChangeKind, Content) {
        match self {
            Self::Created(_) => (new.file, Revision(1), ChangeKind::FileCreated, new.content(None, at)),
            Self::Replaced(it) => {
                (it.file, it.revision, ChangeKind::FileReplaced, new.content(it.media_type.as_ref(), at))
            }
        }
    }
}
