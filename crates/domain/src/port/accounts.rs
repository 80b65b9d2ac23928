use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Command, Credentials, Email, Limit, ListedAccount, NewLimits, PasswordHash, UserId};

/// Existing accounts.
///
/// Methods that end sessions also end those that are just starting: see
/// [`SessionRepository::start`](super::SessionRepository::start).
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{Command, UserId};
/// use clouddrive_domain::port::AccountRepository;
///
/// /// Disables an account, whose sessions end, unless it is disabled already.
/// async fn disable(accounts: &dyn AccountRepository, command: &Command, user: UserId) -> Result<()> {
///     if accounts.set_disabled(command, user, true).await? {
///         println!("{user} is disabled");
///     }
///     Ok(())
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait AccountRepository: Send + Sync {
    /// The credentials against which the current password of a logged-in user is checked.
    async fn find_credentials_of(&self, user: UserId) -> Result<Option<Credentials>>;

    /// Changes the user's e-mail address. Returns false, and changes nothing, if it is the same, letter by letter.
    ///
    /// # Errors
    /// [`EmailTaken`](crate::error::Conflict::EmailTaken), by the store's own constraint;
    /// [`NotFound`](crate::Error::NotFound) if there is no such user.
    async fn change_email(&self, command: &Command, user: UserId, email: &Email) -> Result<bool>;

    /// Changes the user's password and ends all of the user's sessions.
    ///
    /// # Errors
    /// [`WrongPassword`](crate::error::Forbidden::WrongPassword) if `proven` is given and the password is no longer of
    /// that generation; [`NotFound`](crate::Error::NotFound) if there is no such user.
    async fn change_password(
        &self,
        command: &Command,
        user: UserId,
        proven: Option<u64>,
        hash: &PasswordHash,
    ) -> Result<()>;

    /// Deletes the account: removes the user, their sessions and the shares given to them, and frees the name and the
    /// address. The photo's blob MUST be unreferenced from then on. Their open uploads, into any drive, are aborted,
    /// which releases the reserved bytes. The drive stays, without an owner and so invisible, until the
    /// [job](super::JobRepository) that is queued with this removes it.
    ///
    /// # Errors
    /// As [`change_password`](Self::change_password).
    async fn delete(&self, command: &Command, user: UserId, proven: u64) -> Result<()>;

    /// Disables the account and ends its sessions, or enables it again. Returns whether that changed anything. Shares
    /// stay.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if there is no such user.
    #[doc(alias = "suspend")]
    async fn set_disabled(&self, command: &Command, user: UserId, disabled: bool) -> Result<bool>;

    /// Sets the limits of the user's drive. They may be below its usage: then nothing more fits.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if there is no such user.
    async fn set_quota(&self, command: &Command, user: UserId, limits: NewLimits) -> Result<()>;

    /// Lists all accounts by user name key, after the key `after`: at most `limit` + 1.
    async fn list_accounts<'a>(&self, after: Option<&'a str>, limit: Limit) -> Result<Vec<ListedAccount>>;
}
