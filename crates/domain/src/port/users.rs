use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    Account, BlobKey, Command, Credentials, DriveId, EntryQuota, Handle, NodeId, PasswordHash, Person, Quota, User,
    UserId,
};

/// A new user with all that comes with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The user.
    pub user: User,
    /// The hash of the user's password.
    pub hash: PasswordHash,
    /// The user's drive.
    pub drive: DriveId,
    /// The root of that drive.
    pub root: NodeId,
    /// What the drive may hold, in bytes.
    pub quota_bytes: u64,
    /// How many files and folders the drive may have.
    pub quota_entries: u64,
}

impl Registration {
    /// The account, as it is when nothing has been done with it yet.
    #[must_use]
    pub fn into_account(self) -> Account {
        let quota = Quota { total: self.quota_bytes, used: 0, reserved: 0 };
        Account { user: self.user, quota, entries: EntryQuota { total: self.quota_entries, used: 0 } }
    }
}

/// Users and how they prove who they are.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds the user, the drive and its root, all or nothing.
    ///
    /// # Errors
    /// [`Conflict`](crate::Error::Conflict): `UsernameTaken`, also when both are taken, or `EmailTaken`, found by the store's own constraints, so
    /// that of any number of simultaneous registrations of one name exactly one succeeds.
    async fn register(&self, command: &Command, registration: &Registration) -> Result<()>;

    /// The user whom `handle` names.
    async fn find_person(&self, handle: &Handle) -> Result<Option<Person>>;

    /// What a login of the user whom `handle` names is checked against.
    async fn find_credentials(&self, handle: &Handle) -> Result<Option<Credentials>>;

    /// Replaces the hash `old` by `new`. It MUST change nothing when the hash is not `old` any more: then another login,
    /// or a change of the password, came first.
    async fn rehash(&self, command: &Command, user: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<()>;

    /// Sets the profile photo, or removes it, and tells whether there was one before. The former photo's blob MUST be
    /// unreferenced from then on: it is kept for its time, so that a backup whose rows still name it finds it.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when there is no such user; [`Internal`](crate::Error::Internal) when the
    /// blob was never recorded or has been condemned.
    async fn set_photo<'a>(&self, command: &Command, user: UserId, photo: Option<&'a BlobKey>) -> Result<bool>;
}
