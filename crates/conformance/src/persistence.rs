use std::sync::Arc;

use clouddrive_domain::port::{
    Accounts, BlobRecords, Changes, Chores, Drive, LinkDownloads, Links, NameKeys, Receipts, Search, Sessions, Shares,
    Throttle, Trash, Trees, Uploads, Users, Versions,
};

/// The persistence ports of one store. The suites of single ports need the others to set their scenes.
///
/// The store begins empty: cases make up names and identifiers that are unique within one process.
#[derive(Clone)]
pub struct Persistence {
    /// Users.
    pub users: Arc<dyn Users>,
    /// What becomes of accounts.
    pub accounts: Arc<dyn Accounts>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// How much was attempted lately.
    pub throttle: Arc<dyn Throttle>,
    /// The tree.
    pub drive: Arc<dyn Drive>,
    /// Whole trees.
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
    /// Finding by name.
    pub search: Arc<dyn Search>,
    /// The books of the blobs.
    pub records: Arc<dyn BlobRecords>,
    /// The change log.
    pub changes: Arc<dyn Changes>,
    /// Who does what in the background.
    pub chores: Arc<dyn Chores>,
    /// The keys of names.
    pub name_keys: Arc<dyn NameKeys>,
    /// The receipts of requests that may be sent again.
    pub receipts: Arc<dyn Receipts>,
}

impl Persistence {
    /// A store whose ports are all implemented by one type.
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
            name_keys: store.clone(),
            receipts: store,
        }
    }
}
