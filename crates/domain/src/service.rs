//! Services: the use cases of callers, one struct per subject. The first argument of a use case says who asks: the
//! actor, or without one the bearer of a link or the origin of the request.
//!
//! A service loads the node, lets [`authorize`](crate::model::authorize) decide, and passes the
//! [`Grant`](crate::model::Grant) to one port method, which does the rest in one transaction.
//!
//! Each use case names the port methods that it calls, not all of them in every case, and the errors that it returns
//! for reasons of its own. Besides them it returns [`Unavailable`](crate::Error::Unavailable) and
//! [`Internal`](crate::Error::Internal) of these ports; and those that act for a caller return
//! [`Scope`](crate::error::Forbidden::Scope) if the caller's credential does not allow it.

mod access;
mod accounts;
mod context;
mod files;
mod idempotency;
mod maintenance;
mod sharing;
#[cfg(test)]
mod testing;

pub use accounts::account::{AccountPorts, AccountService, AccountSettings, Login, SessionPage};
pub use accounts::administration::{AccountPage, AdministrationService};
pub use accounts::photos::{PhotoPorts, PhotoService};
pub use accounts::registration::{DriveLimits, RegistrationService};
pub use accounts::throttling::Throttling;
pub use context::ServiceContext;
pub use files::archives::{
    Archive, ArchiveEntry, ArchiveNames, ArchiveReader, ArchiveService, ArchiveStores, ArchivedBlob, ArchivedFile,
    MAX_ARCHIVE_ENTRIES, MAX_ARCHIVE_ITEMS, MAX_ARCHIVE_PATH_BYTES, Selection,
};
pub use files::blob_remover::BlobRemover;
pub use files::changes::{ChangePage, ChangeService};
pub use files::contents::Contents;
pub use files::copies::{CopyService, CopyTarget};
pub use files::delivery::Delivery;
pub use files::ended_uploads::EndedUploads;
pub use files::file::{FilePorts, FileService, ReadableFile, UrlLifetimes};
pub use files::folders::{EntryPage, FolderListing, FolderService, ListQuery};
pub use files::relocation::{Destination, RelocationRequest};
pub use files::search::{SearchPage, SearchQuery, SearchService};
pub use files::signed_blobs::{PutPermit, ReadableBlob, SignedBlobPorts, SignedBlobService, WatchPorts};
pub use files::store_tags::StoreTags;
pub use files::trash::{TrashPage, TrashService, TrashedItem};
pub use files::uploads::{
    CompletionOptions, PartUrl, StartedUpload, StreamedFile, UploadPage, UploadPermit, UploadPorts, UploadProgress,
    UploadService, UploadSettings,
};
pub use files::versions::{
    ContentMetadata, ContentPermit, VersionPage, VersionService, VersionSettings, VersionStores,
};
pub use idempotency::{CompletedRequest, IdempotencyService, RENEWAL_INTERVAL, StartOutcome};
pub use maintenance::garbage_collector::{
    CollectorReport, CollectorSettings, CollectorStores, GarbageCollector, MaintenanceTask,
};
pub use maintenance::jobs::{JobProgress, JobQueue};
pub use maintenance::purges::PurgeService;
pub use sharing::links::{LinkEdit, LinkPorts, LinkRequest, LinkService, OwnedLink};
pub use sharing::public_links::{
    LinkAccessProof, LinkBearer, LinkView, LinkedFile, LinkedFolder, PublicLinkPorts, PublicLinkService,
};
pub use sharing::shares::{GivenSharePage, SharePage, SharePorts, ShareService};
