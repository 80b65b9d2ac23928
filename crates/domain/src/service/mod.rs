//! Services: what a caller may do. One struct a family of use cases; the acting user comes first, everywhere.
//!
//! A service finds the node, lets [`authorize`](crate::model::authorize) decide, and hands the
//! [`Grant`](crate::model::Grant) to one port method, which does the rest in one transaction.

mod access;
mod accounts;
mod administration;
mod ambient;
mod collector;
mod files;
mod folders;
mod photos;
mod relocation;
mod shares;
mod signed_blobs;
mod throttling;
mod uploads;

pub use accounts::{AccountSettings, Accounts, ClientInfo, Login, SessionPage};
pub use administration::{AccountPage, Administration};
pub use ambient::Ambient;
pub use collector::{Collector, CollectorReport};
pub use files::{Files, OpenFile};
pub use folders::{EntryPage, FolderListing, Folders, ListQuery};
pub use photos::Photos;
pub use relocation::{Destination, NewPlace};
pub use shares::{SharePage, Shares};
pub use signed_blobs::{OpenBlob, PutLeave, SignedBlobs};
pub use throttling::Throttling;
pub use uploads::{PartUrl, Progress, UploadSettings, Uploads};

#[cfg(test)]
mod tests;
