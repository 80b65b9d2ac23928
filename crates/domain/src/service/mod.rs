//! Services: the use cases of callers, one struct per family. The acting user is always the first argument.
//!
//! A service loads the node, lets [`authorize`](crate::model::authorize) decide, and passes the
//! [`Grant`](crate::model::Grant) to one port method, which does the rest in one transaction.

mod access;
mod accounts;
mod administration;
mod ambient;
mod archives;
mod begun;
mod blob_remover;
mod collector;
mod contents;
mod copies;
mod digest;
mod ended_uploads;
mod files;
mod folders;
mod idempotency;
mod intake;
mod links;
mod photos;
mod relocation;
mod search;
mod shares;
mod signed_blobs;
mod store_tags;
mod throttling;
mod trash;
mod uploads;
mod versions;
mod visits;

pub use accounts::{AccountPorts, AccountSettings, Accounts, Login, SessionPage};
pub use administration::{AccountPage, Administration};
pub use ambient::Ambient;
pub use archives::{
    Archive, ArchiveEntry, ArchiveNames, ArchiveReader, ArchiveStores, ArchivedBlob, ArchivedFile, Archives,
    MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_ITEMS, MAX_ARCHIVE_PATH_BYTES, Selection,
};
pub use blob_remover::BlobRemover;
pub use collector::{Chore, Collector, CollectorReport, CollectorSettings, CollectorStores};
pub use contents::Contents;
pub use copies::{Copies, CopyPlace};
pub use ended_uploads::EndedUploads;
pub use files::{Files, OpenFile, UrlLifetimes};
pub use folders::{EntryPage, FolderListing, Folders, ListQuery};
pub use idempotency::{Done, Idempotency, RENEWAL, Start};
pub use links::{LinkEdit, LinkWish, Links, OwnLink};
pub use photos::Photos;
pub use relocation::{Destination, NewPlace};
pub use search::{Search, SearchPage, SearchQuery};
pub use shares::{GivenPage, SharePage, Shares};
pub use signed_blobs::{OpenBlob, PutLeave, SignedBlobs, Watching};
pub use store_tags::StoreTags;
pub use throttling::Throttling;
pub use trash::{Trash, TrashPage, TrashedItem};
pub use uploads::{
    Begun, Completing, PartUrl, Progress, StreamedFile, UploadLeave, UploadPage, UploadSettings, Uploads,
};
pub use versions::{ContentLeave, ContentMetadata, VersionPage, VersionSettings, VersionStores, Versions};
pub use visits::{Admission, LinkedFile, LinkedFolder, Visit, VisitPorts, Visitor, Visits};

#[cfg(test)]
mod tests;
