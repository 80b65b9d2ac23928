//! All that the database holds: one table per kind of row.

use clouddrive_domain::model::{
    BlobKey, BucketLevel, Crc32, DriveId, EntityTag, EntryQuota, IdempotencyRecordId, Job, LeaseId, LinkId,
    LoggedChange, MediaType, Name, NodeId, NodeKind, OrderKey, PasswordHash, Permission, Quota, Revision, SealedToken,
    Session, SessionId, Sha256, ShareId, StoreName, Timestamp, TokenHash, Upload, UploadId, User, UserId, VersionId,
};

use crate::table::{Table, Undo};

/// The tables.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) users: Table<UserId, UserRow>,
    pub(crate) sessions: Table<SessionId, SessionRow>,
    /// By the hash of the refresh token.
    pub(crate) tokens: Table<[u8; 32], TokenRow>,
    /// By the key of the rate limit bucket.
    pub(crate) buckets: Table<String, BucketLevel>,
    pub(crate) drives: Table<DriveId, DriveRow>,
    pub(crate) nodes: Table<NodeId, NodeRow>,
    /// The index of `nodes` by parent.
    pub(crate) children: Table<(NodeId, NodeId), ()>,
    pub(crate) versions: Table<(NodeId, VersionId), VersionRow>,
    pub(crate) blobs: Table<BlobKey, BlobRow>,
    pub(crate) uploads: Table<UploadId, UploadRow>,
    /// By node and guest: a node is shared with a guest once.
    pub(crate) shares: Table<(NodeId, UserId), ShareRow>,
    pub(crate) links: Table<LinkId, LinkRow>,
    /// When a download was last counted, by its link and its digest.
    pub(crate) downloads: Table<(LinkId, [u8; 32]), Timestamp>,
    /// By their numbers.
    pub(crate) changes: Table<u64, LoggedChange>,
    /// The number of the last change that was pruned.
    pub(crate) pruned: u64,
    /// By user, path and idempotency key.
    pub(crate) idempotency_records: Table<(UserId, String, String), IdempotencyRow>,
    /// By the name of the maintenance task.
    pub(crate) leases: Table<&'static str, LeaseRow>,
    pub(crate) jobs: Table<Job, JobRow>,
}

impl State {
    fn tables(&mut self) -> [&mut dyn Undo; 17] {
        [
            &mut self.users,
            &mut self.sessions,
            &mut self.tokens,
            &mut self.buckets,
            &mut self.drives,
            &mut self.nodes,
            &mut self.children,
            &mut self.versions,
            &mut self.blobs,
            &mut self.uploads,
            &mut self.shares,
            &mut self.links,
            &mut self.downloads,
            &mut self.changes,
            &mut self.idempotency_records,
            &mut self.leases,
            &mut self.jobs,
        ]
    }
}

impl Undo for State {
    fn commit(&mut self) {
        for table in self.tables() {
            table.commit();
        }
    }

    fn roll_back(&mut self) {
        for table in self.tables() {
            table.roll_back();
        }
    }
}

#[derive(Clone)]
pub(crate) struct UserRow {
    pub(crate) user: User,
    pub(crate) drive: DriveId,
    pub(crate) hash: PasswordHash,
    pub(crate) generation: u64,
    pub(crate) disabled_at: Option<Timestamp>,
}

#[derive(Clone)]
pub(crate) struct SessionRow {
    pub(crate) session: Session,
    pub(crate) last_used_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
}

#[derive(Clone)]
pub(crate) struct TokenRow {
    pub(crate) session: SessionId,
    pub(crate) expires_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
}

#[derive(Clone)]
pub(crate) struct DriveRow {
    /// None once the account is deleted.
    pub(crate) owner: Option<UserId>,
    pub(crate) root: NodeId,
    pub(crate) quota: Quota,
    pub(crate) entries: EntryQuota,
}

#[derive(Clone)]
pub(crate) struct NodeRow {
    pub(crate) drive: DriveId,
    pub(crate) parent: Option<NodeId>,
    pub(crate) name: Name,
    pub(crate) order_key: OrderKey,
    pub(crate) search_key: String,
    pub(crate) body: Body,
    pub(crate) revision: Revision,
    pub(crate) created_by: UserId,
    pub(crate) created_at: Timestamp,
    pub(crate) modified_at: Timestamp,
    /// Set if the node itself is in the trash.
    pub(crate) trashed: Option<Trashing>,
    /// The topmost node of the purge that the node belongs to.
    pub(crate) purge: Option<NodeId>,
}

/// The kind of a node, with the current version of a file.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    Root,
    Folder,
    File(VersionId),
}

/// When a node was trashed, and by which user.
#[derive(Clone, Copy)]
pub(crate) struct Trashing {
    pub(crate) at: Timestamp,
    pub(crate) by: Option<UserId>,
}

impl NodeRow {
    /// A live node at its first revision.
    pub(crate) fn new(
        drive: DriveId,
        parent: Option<NodeId>,
        name: &Name,
        body: Body,
        by: UserId,
        at: Timestamp,
    ) -> Self {
        Self {
            drive,
            parent,
            name: name.clone(),
            order_key: OrderKey::new(name),
            search_key: name.search_key(),
            body,
            revision: Revision(1),
            created_by: by,
            created_at: at,
            modified_at: at,
            trashed: None,
            purge: None,
        }
    }

    pub(crate) fn rename(&mut self, name: &Name) {
        self.name = name.clone();
        self.order_key = OrderKey::new(name);
        self.search_key = name.search_key();
    }

    pub(crate) const fn kind(&self) -> NodeKind {
        match self.body {
            Body::Root => NodeKind::Root,
            Body::Folder => NodeKind::Folder,
            Body::File(_) => NodeKind::File,
        }
    }

    /// Whether the node is an item of the trash.
    pub(crate) const fn is_in_trash(&self) -> bool {
        self.trashed.is_some() && self.purge.is_none()
    }
}

#[derive(Clone)]
pub(crate) struct VersionRow {
    pub(crate) blob: BlobKey,
    pub(crate) size: u64,
    pub(crate) media_type: MediaType,
    pub(crate) client_modified_at: Option<Timestamp>,
    pub(crate) created_by: UserId,
    pub(crate) created_at: Timestamp,
    pub(crate) revision: Revision,
}

#[derive(Clone)]
pub(crate) struct BlobRow {
    pub(crate) store: StoreName,
    pub(crate) recorded_at: Timestamp,
    pub(crate) unreferenced_at: Option<Timestamp>,
    pub(crate) condemned_at: Option<Timestamp>,
    pub(crate) sha256: Option<Sha256>,
    pub(crate) tag: Option<EntityTag>,
    pub(crate) crc32: Option<Crc32>,
    /// What it counts against a drive, though nothing refers to it.
    pub(crate) held: Option<Held>,
}

#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) drive: DriveId,
    pub(crate) bytes: u64,
    pub(crate) counter: Counter,
}

/// The counter of a drive.
#[derive(Clone, Copy)]
pub(crate) enum Counter {
    Used,
    Reserved,
}

#[derive(Clone)]
pub(crate) struct UploadRow {
    pub(crate) upload: Upload,
    pub(crate) ended_at: Option<Timestamp>,
}

#[derive(Clone)]
pub(crate) struct ShareRow {
    pub(crate) id: ShareId,
    pub(crate) permission: Permission,
    pub(crate) shared_by: UserId,
    pub(crate) shared_at: Timestamp,
}

#[derive(Clone)]
pub(crate) struct LinkRow {
    pub(crate) node: NodeId,
    pub(crate) created_by: UserId,
    pub(crate) hash: TokenHash,
    pub(crate) sealed: SealedToken,
    pub(crate) password: Option<PasswordHash>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) max_downloads: Option<u64>,
    pub(crate) downloads: u64,
    pub(crate) last_download_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

#[derive(Clone)]
pub(crate) struct IdempotencyRow {
    /// The claim that holds it.
    pub(crate) id: IdempotencyRecordId,
    pub(crate) digest: Option<Sha256>,
    pub(crate) held_until: Timestamp,
    pub(crate) kept_until: Timestamp,
    pub(crate) answer: Option<String>,
}

#[derive(Clone)]
pub(crate) struct LeaseRow {
    pub(crate) holder: LeaseId,
    /// None if it is free.
    pub(crate) held_until: Option<Timestamp>,
    pub(crate) due_at: Timestamp,
}

#[derive(Clone, Copy)]
pub(crate) struct JobRow {
    /// When it may be claimed: of a claimed one, when its lease runs out.
    pub(crate) run_at: Timestamp,
    pub(crate) attempts: u32,
    pub(crate) lease: Option<LeaseId>,
    pub(crate) dead_at: Option<Timestamp>,
}
