//! Entries of the change log.

use super::{ChangeKind, Command, DriveId, Grant, Name, Node, NodeId, Revision, Timestamp, Upload, UserId, VersionId};
use crate::error::{Error, Gone, Result};

/// A position in the change log. Positions order entries by the transactions that wrote them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangePosition {
    /// The numbering that the other two belong to. A store begins another one when it can no longer continue it.
    pub epoch: u64,
    /// The transaction; 0 in stores that write one transaction after the other.
    pub transaction: u64,
    /// The entry, in the order in which entries are written.
    pub entry: u64,
}

/// A reader's place in the changes of one drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeCursor {
    /// The drive.
    pub drive: DriveId,
    /// The position up to which the reader has seen them.
    pub after: ChangePosition,
}

/// The part of the log that can be read at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeBounds {
    /// The position of the last pruned entry.
    pub start: ChangePosition,
    /// The last position before which no entry can appear any more.
    pub end: ChangePosition,
}

impl ChangeBounds {
    /// Checks that a reader that has seen everything up to `after` can continue there.
    ///
    /// # Errors
    /// [`Gone`](Error::Gone): `Changes`, if entries after it have been pruned, or it belongs to another log.
    pub fn require(&self, after: ChangePosition) -> Result<()> {
        if (self.start..=self.end).contains(&after) { Ok(()) } else { Err(Error::Gone(Gone::Changes)) }
    }
}

/// The place, revision and content of a node at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// The parent folder; none for a root.
    pub parent: Option<NodeId>,
    /// The name.
    pub name: Name,
    /// The revision.
    pub revision: Revision,
    /// The current version of a file.
    pub version: Option<VersionId>,
}

impl NodeState {
    /// The state of `node`.
    #[must_use]
    pub fn from_node(node: &Node) -> Self {
        Self {
            parent: node.parent,
            name: node.name.clone(),
            revision: node.revision,
            version: node.content().map(|content| content.version),
        }
    }

    /// The state of a node that was created with that place and content.
    #[must_use]
    pub fn created(parent: NodeId, name: &Name, version: Option<VersionId>) -> Self {
        Self { parent: Some(parent), name: name.clone(), revision: Revision(1), version }
    }

    /// The same at the next revision.
    #[must_use]
    pub fn revised(self) -> Self {
        Self { revision: Revision(self.revision.0 + 1), ..self }
    }

    /// The same in `parent`, as `name`.
    #[must_use]
    pub fn placed(self, parent: NodeId, name: &Name) -> Self {
        Self { parent: Some(parent), name: name.clone(), ..self }
    }

    /// The same with another version.
    #[must_use]
    pub fn with_version(self, version: VersionId) -> Self {
        Self { version: Some(version), ..self }
    }
}

/// What a mutation changed: its entry in the change log, without its position and command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was changed.
    pub kind: ChangeKind,
    /// The drive, if any.
    pub drive: Option<DriveId>,
    /// The node, if any; for an upload its folder.
    pub node: Option<NodeId>,
    /// The affected user, if it is not just the drive's owner: the account or the owner of the session, the guest of a
    /// share, the sender of an upload.
    pub subject: Option<UserId>,
    /// The node before the change; none if there was none, or its place and content do not change. For a deleted
    /// version, the state names that version.
    pub before: Option<NodeState>,
    /// The node after the change; none if it is gone, or its place and content do not change. A trashed node keeps its
    /// place and name.
    pub after: Option<NodeState>,
}

impl Change {
    const fn new(kind: ChangeKind) -> Self {
        Self { kind, drive: None, node: None, subject: None, before: None, after: None }
    }

    /// A change of `user`'s account or sessions.
    #[must_use]
    pub fn for_user(kind: ChangeKind, user: UserId) -> Self {
        Self { subject: Some(user), ..Self::new(kind) }
    }

    /// A change of a whole drive.
    #[must_use]
    pub fn for_drive(kind: ChangeKind, drive: DriveId) -> Self {
        Self { drive: Some(drive), ..Self::new(kind) }
    }

    /// A change of `node`.
    #[must_use]
    pub fn for_node(kind: ChangeKind, drive: impl Into<Option<DriveId>>, node: NodeId) -> Self {
        Self { drive: drive.into(), node: Some(node), ..Self::new(kind) }
    }

    /// A change of the granted node.
    #[must_use]
    pub fn for_item(kind: ChangeKind, item: &Grant) -> Self {
        Self::for_node(kind, item.drive(), item.node().id)
    }

    /// A change of the granted node's place or content: its state before is that of the grant.
    #[must_use]
    pub fn for_item_with_before(kind: ChangeKind, item: &Grant) -> Self {
        Self::for_item(kind, item).before(NodeState::from_node(item.node()))
    }

    /// The granted file got another current version.
    #[must_use]
    pub fn content_set(kind: ChangeKind, file: &Grant, version: VersionId) -> Self {
        Self::for_item_with_before(kind, file).after(NodeState::from_node(file.node()).revised().with_version(version))
    }

    /// A former version of the granted file was deleted.
    #[must_use]
    pub fn version_deleted(file: &Grant, version: VersionId) -> Self {
        let state = NodeState::from_node(file.node());
        let former = state.clone().with_version(version);
        Self::for_item(ChangeKind::VersionDeleted, file).before(former).after(state)
    }

    /// A change of an upload.
    #[must_use]
    pub fn for_upload(kind: ChangeKind, upload: &Upload) -> Self {
        Self::for_node(kind, upload.drive, upload.folder).about(upload.sender)
    }

    /// The same, in a drive, if there is one.
    #[must_use]
    pub fn within(self, drive: impl Into<Option<DriveId>>) -> Self {
        Self { drive: drive.into(), ..self }
    }

    /// The same, of one node of the drive, if given.
    #[must_use]
    pub fn at(self, node: Option<NodeId>) -> Self {
        Self { node, ..self }
    }

    /// The same, affecting `subject`.
    #[must_use]
    pub fn about(self, subject: UserId) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// The same, with the state of the node before.
    #[must_use]
    pub fn before(self, state: impl Into<Option<NodeState>>) -> Self {
        Self { before: state.into(), ..self }
    }

    /// The same, with the state of the node after.
    #[must_use]
    pub fn after(self, state: impl Into<Option<NodeState>>) -> Self {
        Self { after: state.into(), ..self }
    }
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedChange {
    /// Its position.
    pub position: ChangePosition,
    /// What was changed.
    pub change: Change,
    /// Who, when and in which request.
    pub command: Command,
}

/// Consecutive entries of the log, or of one drive's part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeBatch {
    /// The entries, in order.
    pub changes: Vec<LoggedChange>,
    /// The position up to which a reader of them has seen everything.
    pub end: ChangePosition,
}

impl ChangeBatch {
    /// The first `max` entries after `after`, or all of them, read within `bounds`.
    #[must_use]
    pub fn new(changes: Vec<LoggedChange>, after: ChangePosition, bounds: ChangeBounds, max: u32) -> Self {
        let is_last = changes.len() < max as usize;
        let last = changes.last().map_or(after, |change| change.position);
        Self { end: if is_last { bounds.end } else { last }, changes }
    }
}

/// Of the times of entries, in log order, how many can be pruned: those before the first that is not older than
/// `before`. So an entry is never pruned before older ones, even if the clocks of two servers differ.
#[must_use]
pub fn count_prunable(times: impl IntoIterator<Item = Timestamp>, before: Timestamp) -> usize {
    times.into_iter().take_while(|at| *at < before).count()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::RequestId;

    fn position(entry: u64) -> ChangePosition {
        ChangePosition { entry, ..ChangePosition::default() }
    }

    fn logged(entry: u64) -> LoggedChange {
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let request = RequestId::parse("request").unwrap();
        LoggedChange {
            position: position(entry),
            change: Change::for_user(ChangeKind::PhotoSet, user),
            command: Command { actor: Some(user), at: Timestamp::from_millis(0), request, idempotency_record: None },
        }
    }

    #[test]
    fn a_reader_continues_only_within_the_retained_log() {
        let bounds = ChangeBounds { start: position(3), end: position(7) };
        for entry in [3, 5, 7] {
            assert!(bounds.require(position(entry)).is_ok());
        }
        let foreign = ChangePosition { epoch: 1, ..position(5) };
        for outside in [position(2), position(8), foreign] {
            assert!(matches!(bounds.require(outside), Err(Error::Gone(Gone::Changes))), "{outside:?}");
        }
    }

    #[test]
    fn a_full_batch_ends_with_its_last_entry_and_the_last_one_where_the_log_ends() {
        let bounds = ChangeBounds { start: position(0), end: position(9) };
        let batch = |changes, max| ChangeBatch::new(changes, position(1), bounds, max).end;
        assert_eq!(batch(vec![logged(2), logged(4)], 2), position(4));
        assert_eq!(batch(vec![logged(2), logged(4)], 3), position(9));
        assert_eq!(batch(vec![], 1), position(9));
        assert_eq!(batch(vec![], 0), position(1));
    }

    #[test]
    fn entries_are_pruned_in_order_of_age() {
        let times = |times: [i64; 3]| times.map(Timestamp::from_millis);
        for (log, prunable) in [([1, 2, 3], 2), ([1, 3, 2], 1), ([3, 1, 2], 0), ([0, 0, 0], 3)] {
            assert_eq!(count_prunable(times(log), Timestamp::from_millis(3)), prunable, "{log:?}");
        }
    }
}
