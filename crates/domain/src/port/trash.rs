use async_trait::async_trait;

use crate::error::{Conflict, Error, Result};
use crate::model::{
    BlobRef, Command, DriveId, Grant, Limit, Located, NodeId, NodeKind, Revision, Timestamp, TrashPosition, UserId,
};

/// A node that was trashed directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trashed {
    /// The file or folder with its path to the root, as seen by its owner.
    pub located: Located,
    /// When it was trashed.
    pub at: Timestamp,
}

/// The restoration of a trashed node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoration {
    /// Grant to [restore](crate::model::Action::Restore) it, or to [undo](crate::model::Action::Undo) its trashing.
    pub item: Grant,
    /// Grant to [add to](crate::model::Action::AddTo) the target folder; none to restore it to where it was.
    pub to: Option<Grant>,
    /// The expected revision, if the caller gave one.
    pub seen: Option<Revision>,
    /// For an undo: it must have been trashed by the actor, after this time.
    pub trashed_after: Option<Timestamp>,
}

impl Restoration {
    /// The target folder or root, given `item` and `to` after they were [renewed](Grant::renew): by default the former
    /// folder, or the root of the drive if that is in the trash.
    ///
    /// # Errors
    /// `CrossDriveMove`, `FolderCycle`; [`NotFound`](Error::NotFound) for a root, which cannot be trashed.
    pub fn parent(item: &Grant, to: Option<&Grant>) -> Result<NodeId> {
        if let Some(to) = to {
            if to.drive() != item.drive() {
                return Err(Error::Conflict(Conflict::CrossDriveMove));
            }
            if to.located().is_at_or_below(item.node().id) {
                return Err(Error::Conflict(Conflict::FolderCycle));
            }
            return Ok(to.node().id);
        }
        let located = item.located();
        let former = item.node().parent.filter(|_| located.is_parent_live());
        let root = located.lineage.last().filter(|_| item.node().kind() != NodeKind::Root).map(|step| step.id);
        former.or(root).ok_or(Error::NotFound)
    }
}

/// What to purge from the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeScope {
    /// Everything in the trash of one drive, with a grant to [read](crate::model::Action::Read) its root.
    All(Box<Grant>),
    /// Everything trashed at or before that time, in any drive.
    Until(Timestamp),
}

/// Which purges to continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// The purge of this node of the drive.
    Of(DriveId, NodeId),
    /// All purges of the drive.
    In(DriveId),
    /// Any purge that no other caller is working on.
    Any,
}

/// The result of a purge step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurgeStep {
    /// The number of files and folders removed.
    pub removed: u32,
    /// The number of folders reached, whose contents are removed next.
    pub reached: u32,
    /// The number of nodes found that had been trashed directly, and so were kept in the trash.
    pub kept: u32,
    /// Whether there is more to do.
    pub more: bool,
    /// Blobs that are now unreferenced. They are marked for deletion, and count against the drive until they are
    /// [removed](super::BlobRecordRepository::remove).
    pub freed: Vec<BlobRef>,
}

impl PurgeStep {
    /// Whether the step changed nothing.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.removed == 0 && self.reached == 0 && self.kept == 0
    }
}

/// The result of a step of removing a drive without an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CleanupProgress {
    /// There was nothing to do, or nothing until running purges are done and the bytes of ended uploads are deleted.
    Nothing,
    /// There may be more to do.
    Step,
    /// A drive was removed.
    Drive,
}

/// The trash: a flag on the trashed node, which also hides its descendants.
///
/// Every method that takes a grant [renews](Grant::renew) it inside its own transaction, and fails if that fails; each
/// that takes the expected revision fails with [`PreconditionFailed`](crate::Error::PreconditionFailed) if the node has
/// another.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Action, Command, NodeId, UserId, authorize};
/// use clouddrive_domain::port::{NodeRepository, TrashRepository};
///
/// /// Puts a file or folder into the trash of its drive.
/// async fn delete(
///     (drive, trash): (&dyn NodeRepository, &dyn TrashRepository),
///     command: &Command,
///     user: UserId,
///     node: NodeId,
/// ) -> Result<()> {
///     let item = authorize(drive.find(node, user.into()).await?, Action::Trash)?;
///     trash.put(command, &item, None).await
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait TrashRepository: Send + Sync {
    /// Trashes the node that `item` grants to [trash](crate::model::Action::Trash). Its name is free at once, and
    /// nodes MUST NOT be added below it from then on. Its revision grows. The cost MUST NOT depend on how much is below
    /// it.
    #[doc(alias = "delete")]
    async fn put(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()>;

    /// Lists the directly trashed nodes of the drive whose root is granted, newest first, after `after`: at most
    /// `limit` + 1, in a fixed number of queries. Nodes being purged MUST be excluded.
    async fn list(&self, root: &Grant, after: Option<TrashPosition>, limit: Limit) -> Result<Vec<Trashed>>;

    /// When the oldest directly trashed node of all drives was trashed. Nodes being purged MUST be excluded.
    async fn find_oldest(&self) -> Result<Option<Timestamp>>;

    /// Finds the node, as seen by `user`, if that user trashed it directly after `after` and it is not being purged.
    async fn find_trashed_by(&self, node: NodeId, user: UserId, after: Timestamp) -> Result<Option<Located>>;

    /// Restores the node, under its name or the first free alternative. Its revision grows. The cost MUST NOT depend on
    /// how much is below it. A node below a trashed one can be restored too: then it comes back alone.
    ///
    /// # Errors
    /// As [`Restoration::parent`]; [`NotFound`](crate::Error::NotFound) below a node being purged, or if
    /// [`trashed_after`](Restoration::trashed_after) is given and the actor did not trash it after that;
    /// [`Invalid`](crate::Error::Invalid) past the [maximum depth](crate::model::MAX_TREE_DEPTH).
    async fn restore(&self, command: &Command, restoration: &Restoration) -> Result<Located>;

    /// Begins the purge of the node that `item` grants to [purge](crate::model::Action::Purge): it is no longer found,
    /// and [`purge`](Self::purge) removes it with its descendants. A [job](super::JobRepository) that does so is
    /// queued.
    async fn begin_purge(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()>;

    /// Begins the purges of up to `max` of the nodes in `scope`, all in one drive, and returns the number. Those of
    /// [`All`](PurgeScope::All), if there are any, are removed by a [job](super::JobRepository) that is queued.
    async fn begin_purges(&self, command: &Command, scope: &PurgeScope, max: u32) -> Result<u32>;

    /// Continues purges: removes up to `max` nodes, with all versions and shares, or reaches as many folders below
    /// them. In the same transaction blobs MUST be unreferenced, those now unreferenced be marked for deletion, and the
    /// bytes of all others be given back to the quota. Descendants that had been trashed directly stay in the trash.
    /// Callers may run concurrently.
    async fn purge(&self, command: &Command, which: Purge, max: u32) -> Result<PurgeStep>;

    /// Continues the removal of a drive without an owner, of `drive` if it is given: ends or deletes up to `max`
    /// uploads into it and begins the purges of everything in its root; once nothing is left, removes the drive. An
    /// upload that has a [job](super::JobRepository) stays, and the drive with it. A drive that has an owner, or is
    /// gone, is left alone.
    async fn delete_orphaned_drives(
        &self,
        command: &Command,
        drive: Option<DriveId>,
        max: u32,
    ) -> Result<CleanupProgress>;
}
