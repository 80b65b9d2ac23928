//! Services: what a caller may do. One struct a family of use cases; the acting user comes first, everywhere.
//!
//! A service finds the node, lets [`authorize`](crate::model::authorize) decide, and hands the
//! [`Grant`](crate::model::Grant) to one port method, which does the rest in one transaction.

mod access;
mod accounts;
mod ambient;
mod collector;
mod files;
mod folders;
mod intake;
mod photos;
mod relocation;
mod shares;
mod signed_blobs;
mod trash;
mod uploads;
mod versions;

pub use accounts::{AccountSettings, Accounts, ClientInfo, Login};
pub use ambient::Ambient;
pub use collector::{Collector, CollectorReport, CollectorSettings};
pub use files::{Files, OpenFile};
pub use folders::{EntryPage, FolderListing, Folders, ListQuery};
pub use photos::Photos;
pub use relocation::{Destination, NewPlace};
pub use shares::{SharePage, Shares};
pub use signed_blobs::{OpenBlob, PutLeave, SignedBlobs};
pub use trash::{Trash, TrashPage, TrashedItem};
pub use uploads::{PartUrl, Progress, UploadSettings, Uploads};
pub use versions::{ContentLeave, VersionPage, VersionSettings, VersionStores, Versions};

#[cfg(test)]
mod tests;
