//! What became of a new item: a node of its own, or the content of a file.

use clouddrive_domain::model::{Change, ChangeKind, Content, MediaType, Name, NodeId, NodeState, Revision, Timestamp};
use clouddrive_domain::port::ReceivedFile;

use crate::names::NewNode;

/// Where a new item was placed.
pub enum PlacementOutcome {
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
    /// Its state before.
    pub former: NodeState,
    /// Its former media type.
    pub media_type: Option<MediaType>,
}

impl PlacementOutcome {
    /// The change by which `node` was placed: of that `kind`, unless it replaced the content of a file.
    #[must_use]
    pub fn change(&self, kind: ChangeKind, node: &NewNode<'_>) -> Change {
        match self {
            Self::Created(name) => NewNode { name, ..*node }.created(kind),
            Self::Replaced(it) => {
                let version = node.content.map(|(version, _)| version);
                let after = NodeState { revision: it.revision, version, ..it.former.clone() };
                let change = Change::for_node(ChangeKind::FileReplaced, node.drive, it.file);
                change.before(it.former.clone()).after(after)
            }
        }
    }

    /// What `new` became at `at`: the file, its revision, the kind of change and the content.
    #[must_use]
    pub fn file(&self, new: &ReceivedFile, at: Timestamp) -> (NodeId, Revision, ChangeKind, Content) {
        match self {
            Self::Created(_) => (new.file, Revision(1), ChangeKind::FileCreated, new.content(None, at)),
            Self::Replaced(it) => {
                (it.file, it.revision, ChangeKind::FileReplaced, new.content(it.media_type.as_ref(), at))
            }
        }
    }
}
