use std::sync::Arc;

use clouddrive_domain::port::{Accounts, BlobRecords, Changes, Drive, Sessions, Shares, Throttle, Uploads, Users};

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
    /// Uploads.
    pub uploads: Arc<dyn Uploads>,
    /// Shares.
    pub shares: Arc<dyn Shares>,
    /// The books of the blobs.
    pub records: Arc<dyn BlobRecords>,
    /// The change log.
    pub changes: Arc<dyn Changes>,
}

impl Persistence {
    /// A store whose ports are all implemented by one type.
    #[must_use]
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: Users + Accounts + Sessions + Throttle + Drive + Uploads + Shares + BlobRecords + Changes + 'static,
    {
        Self {
            users: store.clone(),
            accounts: store.clone(),
            sessions: store.clone(),
            throttle: store.clone(),
            drive: store.clone(),
            uploads: store.clone(),
            shares: store.clone(),
            records: store.clone(),
            changes: store,
        }
    }
}
