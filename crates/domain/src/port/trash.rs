use async_trait::async_trait;

use crate::error::{Conflict, Error, Result};
use crate::model::{
    BlobKey, Command, DriveId, Grant, Limit, Located, NodeId, NodeKind, Revision, Timestamp, TrashPosition, UserId,
};

/// Something that lies in the trash itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trashed {
    /// The file or folder with the way up to its root, as its owner finds it.
    pub located: Located,
    /// When it was put there.
    pub at: Timestamp,
}

/// Something that is to come back out of the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoration {
    /// Leave to [restore](crate::model::Action::Restore) it, or to [undo](crate::model::Action::Undo) that it was trashed.
    pub item: Grant,
    /// Leave to [add to](crate::model::Action::AddTo) the folder into which it goes; none when it goes back.
    pub to: Option<Grant>,
    /// The revision that the caller has seen, if the caller insists on it.
    pub seen: Option<Revision>,
    /// Where it is only to be undone: it must have been put into the trash by the actor, after this.
    pub trashed_after: Option<Timestamp>,
}

impl Restoration {
    /// The folder, or root, in which the node is to stand, given `item` and `to` as they have been
    /// [renewed](Grant::renew): where it was, or the root of its drive when that lies in the trash.
    ///
    /// # Errors
    /// `CrossDriveMove`, `FolderCycle`; [`NotFound`](Error::NotFound) for a root, which lies in no trash.
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

/// What in the trash is to go for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doomed {
    /// All that lies in the trash of one drive, by leave to [read](crate::model::Action::Read) its root.
    All(Box<Grant>),
    /// What was put there at that time or before, in whichever drive.
    Until(Timestamp),
}

/// Which purges are to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// That of this node of the drive.
    Of(DriveId, NodeId),
    /// All of the drive.
    In(DriveId),
    /// Whichever nobody else is at.
    Any,
}

/// How far a step of purges has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurgeStep {
    /// How many files and folders are gone by it.
    pub removed: u32,
    /// How many folders it has reached, whose contents are the next to go.
    pub reached: u32,
    /// How many it has met that had been put into the trash by themselves, and has left there.
    pub kept: u32,
    /// Whether there is more to do.
    pub more: bool,
    /// The blobs to which nothing refers any more. They are condemned, and count against the drive until they are
    /// [forgotten](super::BlobRecords::forget).
    pub freed: Vec<BlobKey>,
}

impl PurgeStep {
    /// Whether it has changed nothing.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.removed == 0 && self.reached == 0 && self.kept == 0
    }
}

/// How far a step of clearing away a drive without an owner has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearance {
    /// There was nothing to do, or nothing as long as purges go on.
    Nothing,
    /// There may be more to do.
    Step,
    /// A drive is gone.
    Drive,
}

/// The trash: a flag on the node that was put there. What lies below it is out of sight with it.
///
/// Every method that takes a grant [renews](Grant::renew) it by what its own transaction sees, and fails as that fails; and
/// each that takes the revision that the caller has seen fails with
/// [`PreconditionFailed`](crate::Error::PreconditionFailed) when the node has another.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Trash: Send + Sync {
    /// Puts the node that `item` gives leave to [trash](crate::model::Action::Trash) into the trash. Its name is free at
    /// once, and nothing MUST come to stand below it from then on. Its revision grows. The cost MUST NOT depend on how
    /// much lies below it.
    async fn put(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()>;

    /// What lies in the trash itself of the drive whose root is granted, newest first, after `after`: at most one more than
    /// `limit`, in a fixed number of queries. What is being purged MUST NOT be among it.
    async fn list(&self, root: &Grant, after: Option<TrashPosition>, limit: Limit) -> Result<Vec<Trashed>>;

    /// When what has lain longest in a trash itself, in whichever drive, was put there. What is being purged MUST NOT count.
    async fn find_oldest(&self) -> Result<Option<Timestamp>>;

    /// The node as `user` finds it, if it was put into the trash itself by that user, after `after`, and is not being purged.
    async fn find_trashed_by(&self, node: NodeId, user: UserId, after: Timestamp) -> Result<Option<Located>>;

    /// Takes the node back out of the trash, under its name or the first free one beside it. Its revision grows. The cost
    /// MUST NOT depend on how much lies below it. It may also lie below something trashed: then it comes back alone.
    ///
    /// # Errors
    /// As [`Restoration::parent`]; [`NotFound`](crate::Error::NotFound) below what is being purged, and when it was not
    /// trashed by the actor after [`trashed_after`](Restoration::trashed_after), if that is given; [`Invalid`](crate::Error::Invalid) past the
    /// [greatest depth](crate::model::MAX_TREE_DEPTH).
    async fn restore(&self, command: &Command, restoration: &Restoration) -> Result<Located>;

    /// Begins the purge of the node that `item` gives leave to [purge](crate::model::Action::Purge): nobody finds it any
    /// more, and [`purge`](Self::purge) removes it with all that lies below it.
    async fn begin_purge(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()>;

    /// Begins the purges of up to `most` of the doomed nodes, and tells of how many.
    async fn begin_purges(&self, command: &Command, doomed: &Doomed, most: u32) -> Result<u32>;

    /// Goes on with purges: removes up to `most` nodes, with all versions and shares, or reaches as many folders below
    /// them. In the same transaction blobs MUST be unreferenced, those to which nothing refers any more be condemned, and the
    /// bytes of all others be given back to the quota. What had been put into the trash by itself, below what is purged, stays
    /// there. Any number of callers may do so at once.
    async fn purge(&self, command: &Command, which: Purge, most: u32) -> Result<PurgeStep>;

    /// Goes on with clearing away a drive whose owner is gone: up to `most` uploads into it end, or are forgotten, and the
    /// purges of all that stands in its root begin; when nothing is left, the drive goes.
    async fn clear_ownerless(&self, command: &Command, most: u32) -> Result<Clearance>;
}
