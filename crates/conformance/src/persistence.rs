use std::sync::Arc;

use clouddrive_domain::port::{
    Accounts, BlobRecords, Changes, Chores, Drive, Jobs, LinkDownloads, Links, NameKeys, Receipts, Search, Sessions,
    Shares, Throttle, Trash, Trees, Uploads, Users, Versions,
};

/// The persistence ports of one store. The suite of one port needs the others for its setup.
///
/// The store starts empty: the cases' names and ids are unique only within one process.
#[derive(Clone)]
pub struct Persistence {
    /// Users.
    pub users: Arc<dyn Users>,
    /// Account management.
    pub accounts: Arc<dyn Accounts>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Rate limits.
    pub throttle: Arc<dyn Throttle>,
    /// The node tree.
    pub drive: Arc<dyn Drive>,
    /// Operations on whole trees.
    pub trees: Arc<dyn Trees>,
    /// Uploads.
    pub uploads: Arc<dyn Uploads>,
    /// The trash.
    pub trash: Arc<dyn Trash>,
    /// The versions of files.
    pub versions: Arc<dyn Versions>,
    /// Shares.
    pub shares: Arc<dyn Shares>,
    /// Public links.
    pub links: Arc<dyn Links>,
    /// Downloads through public links.
    pub link_downloads: Arc<dyn LinkDownloads>,
    /// Search by name.
    pub search: Arc<dyn Search>,
    /// Blob records.
    pub records: Arc<dyn BlobRecords>,
    /// The change log.
    pub changes: Arc<dyn Changes>,
    /// Leases of periodic background work.
    pub chores: Arc<dyn Chores>,
    /// The queue of background jobs.
    pub jobs: Arc<dyn Jobs>,
    /// Sort keys of names.
    pub name_keys: Arc<dyn NameKeys>,
    /// Receipts of idempotent requests.
    pub receipts: Arc<dyn Receipts>,
}

impl Persistence {
    /// The ports of a store that implements all of them in one type.
    #[must_use]
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: Users
            + Sessions
            + Drive
            + Uploads
            + Shares
            + BlobRecords
            + Changes
            + Chores
            + Jobs
            + Receipts
            + Links
            + NameKeys
            + LinkDownloads
            + Search
            + Trees
            + Trash
            + Versions
            + Accounts
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
            chores: store.clone(),
            jobs: store.clone(),
            name_keys: store.clone(),
            receipts: store,
        }
    }
}
