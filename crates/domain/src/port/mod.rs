//! Ports: what the domain needs of the outside, as traits that adapters implement.
//!
//! A method of a port is one atomic unit: it happens wholly or not at all. `find_*` and `list` look and return what
//! there is; the others act, take a [`Command`](crate::model::Command) and leave a row in the change log in the same
//! transaction. Any method that talks to a store may answer [`Unavailable`](crate::Error::Unavailable) when that is out
//! of reach and [`Internal`](crate::Error::Internal) when it is broken; the docs name the other errors.
//!
//! With the feature `mock`, every port has a mock by mockall: `MockDrive`, `MockUsers` and so on.

mod accounts;
mod audit;
mod blob_records;
mod blobs;
mod changes;
mod chores;
mod clock;
mod direct_uploads;
mod drive;
mod link_access;
mod link_downloads;
mod link_tokens;
mod links;
mod name_keys;
mod passwords;
mod photos;
mod probe;
mod random;
mod receipts;
mod search;
mod sessions;
mod shares;
mod signed_urls;
mod staged_uploads;
mod throttle;
mod tokens;
mod trash;
mod trees;
mod uploads;
mod users;
mod versions;

pub use accounts::Accounts;
pub use audit::AuditTrail;
pub use blob_records::{BlobRecords, Unneeded};
pub use blobs::{BlobStore, ByteStream};
pub use changes::Changes;
pub use chores::{Chores, Lease};
pub use clock::Clock;
pub use direct_uploads::DirectUploads;
pub use drive::{Child, Details, Drive, Home, Place, Relocation};
pub use link_access::LinkAccess;
pub use link_downloads::LinkDownloads;
pub use link_tokens::LinkTokens;
pub use links::{Links, NewLink};
pub use name_keys::NameKeys;
pub use passwords::{Passwords, Verdict};
pub use photos::PhotoMaker;
pub use probe::Probe;
pub use random::Random;
pub use receipts::{Claim, Receipts, Terms};
pub use search::{Hit, Search, Sought};
pub use sessions::{Opened, Renewal, Rotation, Sessions, TokenOwner};
pub use shares::{NewShare, Shares};
pub use signed_urls::{
    ContentInfo, GetTarget, PartStore, Presentation, PutTarget, SignedRequest, SignedUrl, UrlGate, UrlSigner, Watch,
};
pub use staged_uploads::StagedUploads;
pub use throttle::Throttle;
pub use tokens::Tokens;
pub use trash::{Clearance, Doomed, Purge, PurgeStep, Restoration, Trash, Trashed};
pub use trees::{Copying, TreeContent, TreeEntry, Trees};
pub use uploads::{Commit, NewFile, OpenUpload, Opening, Uploads};
pub use users::{Registration, Users};
pub use versions::{NewContent, Revival, Versions};

#[cfg(any(test, feature = "mock"))]
pub use {
    accounts::MockAccounts, audit::MockAuditTrail, blob_records::MockBlobRecords, blobs::MockBlobStore,
    changes::MockChanges, chores::MockChores, clock::MockClock, direct_uploads::MockDirectUploads, drive::MockDrive,
    link_access::MockLinkAccess, link_downloads::MockLinkDownloads, link_tokens::MockLinkTokens, links::MockLinks,
    name_keys::MockNameKeys, passwords::MockPasswords, photos::MockPhotoMaker, probe::MockProbe, random::MockRandom,
    receipts::MockReceipts, search::MockSearch, sessions::MockSessions, shares::MockShares, signed_urls::MockPartStore,
    signed_urls::MockUrlGate, signed_urls::MockUrlSigner, staged_uploads::MockStagedUploads, throttle::MockThrottle,
    tokens::MockTokens, trash::MockTrash, trees::MockTrees, uploads::MockUploads, users::MockUsers,
    versions::MockVersions,
};
