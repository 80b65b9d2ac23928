use std::sync::Arc;

use clouddrive_domain::port::{BlobRecords, Changes, Drive, Sessions, Shares, Trash, Uploads, Users, Versions};

/// The persistence ports of one store. The suites of single ports need the others to set their scenes.
///
/// The store begins empty: cases make up names and identifiers that are unique within one process.
#[derive(Clone)]
pub struct Persistence {
    /// Users.
    pub users: Arc<dyn Users>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The tree.
    pub drive: Arc<dyn Drive>,
    /// Uploads.
    pub uploads: Arc<dyn Uploads>,
    /// The trash.
    pub trash: Arc<dyn Trash>,
    /// The versions of files.
    pub versions: Arc<dyn Versions>,
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
        S: Users + Sessions + Drive + Uploads + Trash + Versions + Shares + BlobRecords + Changes + 'static,
    {
        Self {
            users: store.clone(),
            sessions: store.clone(),
            drive: store.clone(),
            uploads: store.clone(),
            trash: store.clone(),
            versions: store.clone(),
            shares: store.clone(),
            records: store.clone(),
            changes: store,
        }
    }
}
