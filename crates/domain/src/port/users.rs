use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    Account, BlobKey, Command, Credentials, DriveId, EntryQuota, LoginIdentifier, NodeId, PasswordHash, Quota, User,
    UserId, UserRef,
};

/// A new user with their drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The user.
    pub user: User,
    /// The hash of the user's password.
    pub hash: PasswordHash,
    /// The user's drive.
    pub drive: DriveId,
    /// The root of the drive.
    pub root: NodeId,
    /// The drive's limit in bytes.
    pub quota_bytes: u64,
    /// The drive's limit of files and folders.
    pub quota_entries: u64,
}

impl Registration {
    /// The account as initially created.
    #[must_use]
    pub fn into_account(self) -> Account {
        let quota = Quota { total: self.quota_bytes, used: 0, reserved: 0 };
        Account { user: self.user, quota, entries: EntryQuota { total: self.quota_entries, used: 0 } }
    }
}

/// Users and their credentials.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{LoginIdentifier, Username};
/// use clouddrive_domain::port::UserRepository;
///
/// /// Whether no user has the name now. Only `register` decides.
/// async fn is_free(users: &dyn UserRepository, username: &Username) -> Result<bool> {
///     Ok(users.find_user(&LoginIdentifier::Username(username.key())).await?.is_none())
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Creates the user, the drive and its root, atomically.
    ///
    /// # Errors
    /// [`Conflict`](crate::Error::Conflict): `UsernameTaken`, also if both are taken, or `EmailTaken`, by the store's
    /// own constraints, so that of any number of concurrent registrations of one name exactly one succeeds.
    async fn register(&self, command: &Command, registration: &Registration) -> Result<()>;

    /// The user that `identifier` names.
    async fn find_user(&self, identifier: &LoginIdentifier) -> Result<Option<UserRef>>;

    /// The credentials of the user that `identifier` names.
    async fn find_credentials(&self, identifier: &LoginIdentifier) -> Result<Option<Credentials>>;

    /// Replaces the hash `old` by `new`. It MUST change nothing if the hash is no longer `old`: then another login, or
    /// a password change, came first.
    async fn rehash(&self, command: &Command, user: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<()>;

    /// Sets or removes the profile photo. Returns whether there was one before. The former photo's blob MUST be
    /// unreferenced from then on: it is kept for its retention time, so that restored backups that refer to it find it.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if there is no such user; [`Internal`](crate::Error::Internal) if the blob
    /// was never recorded or has been marked for deletion.
    async fn set_photo<'a>(&self, command: &Command, user: UserId, photo: Option<&'a BlobKey>) -> Result<bool>;
}
