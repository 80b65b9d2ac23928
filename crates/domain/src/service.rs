//! Services: the use cases of callers, one struct per family. The acting user is always the first argument.
//!
//! A service loads the node, lets [`authorize`](crate::model::authorize) decide, and passes the
//! [`Grant`](crate::model::Grant) to one port method, which does the rest in one transaction.

mod access;
mod accounts;
mod ambient;
mod files;
mod idempotency;
mod maintenance;
mod sharing;
#[cfg(test)]
mod testing;

pub use accounts::account::{AccountSettings, Accounts, ClientInfo, Login, SessionPage};
pub use accounts::administration::{AccountPage, Administration};
pub use accounts::photos::Photos;
pub use accounts::throttling::Throttling;
pub use ambient::Ambient;
pub use files::archives::{
    Archive, ArchiveEntry, ArchiveNames, ArchiveReader, ArchiveStores, ArchivedBlob, ArchivedFile, Archives,
    MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_ITEMS, MAX_ARCHIVE_PATH_BYTES, Selection,
};
pub use files::blob_remover::BlobRemover;
pub use files::changes::{ChangePage, Changes};
pub use files::contents::Contents;
pub use files::copies::{Copies, CopyPlace};
pub use files::ended_uploads::EndedUploads;
pub use files::file::{Files, OpenFile, UrlLifetimes};
pub use files::folders::{EntryPage, FolderListing, Folders, ListQuery};
pub use files::relocation::{Destination, NewPlace};
pub use files::search::{Search, SearchPage, SearchQuery};
pub use files::signed_blobs::{OpenBlob, PutLeave, SignedBlobs, Watching};
pub use files::store_tags::StoreTags;
pub use files::trash::{Trash, TrashPage, TrashedItem};
pub use files::uploads::{
    Begun, Completing, PartUrl, Progress, StreamedFile, UploadLeave, UploadPage, UploadSettings, Uploads,
};
pub use files::versions::{ContentLeave, ContentMetadata, VersionPage, VersionSettings, VersionStores, Versions};
pub use idempotency::{Done, Idempotency, RENEWAL, Start};
pub use maintenance::collector::{Chore, Collector, CollectorReport, CollectorSettings, CollectorStores};
pub use sharing::links::{LinkEdit, LinkWish, Links, OwnLink};
pub use sharing::shares::{GivenPage, SharePage, Shares};
pub use sharing::visits::{Admission, LinkedFile, LinkedFolder, Visit, Visitor, Visits};
