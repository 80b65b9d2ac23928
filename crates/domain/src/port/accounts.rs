use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Command, Credentials, Email, Limit, ListedAccount, NewLimits, PasswordHash, UserId};

/// What becomes of accounts once they are there.
///
/// What ends sessions ends those that are just beginning as well: see [`Sessions::start`](super::Sessions::start).
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync {
    /// What a user who is logged in proves by the current password.
    async fn find_credentials_of(&self, user: UserId) -> Result<Option<Credentials>>;

    /// Gives the user another e-mail address, and tells whether it is another: nothing changes when it is the user's already,
    /// letter by letter.
    ///
    /// # Errors
    /// [`EmailTaken`](crate::error::Conflict::EmailTaken), by the store's own constraint;
    /// [`NotFound`](crate::Error::NotFound) when there is no such user.
    async fn change_email(&self, command: &Command, user: UserId, email: &Email) -> Result<bool>;

    /// Gives the user another password and ends all sessions of theirs.
    ///
    /// # Errors
    /// [`WrongPassword`](crate::error::Forbidden::WrongPassword) when the password is not of the generation `proven` any
    /// more, if that is given; [`NotFound`](crate::Error::NotFound) when there is no such user.
    async fn change_password(
        &self,
        command: &Command,
        user: UserId,
        proven: Option<u64>,
        hash: &PasswordHash,
    ) -> Result<()>;

    /// Deletes the account: the user, sessions, and shares that were given to them are gone, and the name and the address are
    /// free; the photo's blob MUST be unreferenced from then on; their open uploads are aborted, wherever they go to, so that
    /// what these had reserved is given back. The drive stays, without an owner and so invisible, for the collector.
    ///
    /// # Errors
    /// As [`change_password`](Self::change_password).
    async fn delete(&self, command: &Command, user: UserId, proven: u64) -> Result<()>;

    /// Disables the account and ends its sessions, or enables it again, and tells whether that changed anything. Shares stay.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when there is no such user.
    async fn set_disabled(&self, command: &Command, user: UserId, disabled: bool) -> Result<bool>;

    /// Sets what the user's drive may hold. It may be less than what is there: then nothing more fits.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when there is no such user.
    async fn set_quota(&self, command: &Command, user: UserId, limits: NewLimits) -> Result<()>;

    /// All accounts, in the order of their user names' keys, after the one whose key is `after`: at most one more than `limit`.
    async fn list_accounts<'a>(&self, after: Option<&'a str>, limit: Limit) -> Result<Vec<ListedAccount>>;
}
