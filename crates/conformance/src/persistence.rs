use std::sync::Arc;

use clouddrive_domain::port::{
    AccountRepository, BlobRecordRepository, ChangeRepository, IdempotencyRepository, Jobs, LinkDownloadRepository,
    LinkRepository, NameKeyRepository, NodeRepository, SearchRepository, SessionRepository, ShareRepository,
    TaskLeaseRepository, Throttle, TrashRepository, TreeRepository, UploadRepository, UserRepository,
    VersionRepository,
};

/// The persistence ports of one store. The suite of one port needs the others for its setup.
///
/// The store starts empty: the cases' names and ids are unique only within one process.
#[derive(Clone)]
pub struct Persistence {
    /// Users.
    pub users: Arc<dyn UserRepository>,
    /// Account management.
    pub accounts: Arc<dyn AccountRepository>,
    /// Sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// Rate limits.
    pub throttle: Arc<dyn Throttle>,
    /// The node tree.
    pub drive: Arc<dyn NodeRepository>,
    /// Operations on whole trees.
    pub trees: Arc<dyn TreeRepository>,
    /// Uploads.
    pub uploads: Arc<dyn UploadRepository>,
    /// The trash.
    pub trash: Arc<dyn TrashRepository>,
    /// The versions of files.
    pub versions: Arc<dyn VersionRepository>,
    /// Shares.
    pub shares: Arc<dyn ShareRepository>,
    /// Public links.
    pub links: Arc<dyn LinkRepository>,
    /// Downloads through public links.
    pub link_downloads: Arc<dyn LinkDownloadRepository>,
    /// Search by name.
    pub search: Arc<dyn SearchRepository>,
    /// Blob records.
    pub records: Arc<dyn BlobRecordRepository>,
    /// The change log.
    pub changes: Arc<dyn ChangeRepository>,
    /// Leases of periodic background work.
    pub task_leases: Arc<dyn TaskLeaseRepository>,
    /// The queue of background jobs.
    pub jobs: Arc<dyn Jobs>,
    /// Sort keys of names.
    pub name_keys: Arc<dyn NameKeyRepository>,
    /// Idempotency records of idempotent requests.
    pub idempotency_records: Arc<dyn IdempotencyRepository>,
}

impl Persistence {
    /// The ports of a store that implements all of them in one type.
    #[must_use]
    pub fn from_store<S>(store: Arc<S>) -> Self
    where
        S: UserRepository
            + SessionRepository
            + NodeRepository
            + UploadRepository
            + ShareRepository
            + BlobRecordRepository
            + ChangeRepository
            + TaskLeaseRepository
            + Jobs
            + IdempotencyRepository
            + LinkRepository
            + NameKeyRepository
            + LinkDownloadRepository
            + SearchRepository
            + TreeRepository
            + TrashRepository
            + VersionRepository
            + AccountRepository
            + Throttle
            + 'static,
    {
        Self {
            users: store.clone(),
            accounts: store.clone(),
            sessions: store.clone(),
            throttle: store.clone(),
            drive: store.clone(),
            trees: store.clone(),
            uploads: store.clone(),
            trash: store.clone(),
            versions: store.clone(),
            shares: store.clone(),
            links: store.clone(),
            link_downloads: store.clone(),
            search: store.clone(),
            records: store.clone(),
            changes: store.clone(),
            task_leases: store.clone(),
            jobs: store.clone(),
            name_keys: store.clone(),
            idempotency_records: store,
        }
    }
}
