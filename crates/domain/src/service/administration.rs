use std::sync::Arc;

use super::Ambient;
use crate::error::{Error, Result};
use crate::model::{
    Account, Administered, AuditAction, Command, Email, Handle, Limit, ListedAccount, NewLimits, Page, Password,
    RequestId, User, UserId, Username,
};
use crate::port::{Accounts, Passwords, Registration, Users};

/// One page of all accounts, with the key after which the next begins.
pub type AccountPage = Page<ListedAccount, String>;

/// What those do who run the service: nobody is logged in, and the server itself acts.
pub struct Administration {
    users: Arc<dyn Users>,
    accounts: Arc<dyn Accounts>,
    passwords: Arc<dyn Passwords>,
    ambient: Ambient,
}

impl Administration {
    /// Puts the service together.
    #[must_use]
    pub fn new(
        users: Arc<dyn Users>,
        accounts: Arc<dyn Accounts>,
        passwords: Arc<dyn Passwords>,
        ambient: Ambient,
    ) -> Self {
        Self { users, accounts, passwords, ambient }
    }

    /// Makes an account, with a drive that may hold so many bytes, files and folders.
    ///
    /// # Errors
    /// `UsernameTaken`, `EmailTaken`.
    pub async fn create(
        &self,
        request: &RequestId,
        username: Username,
        email: Email,
        password: &Password,
        (quota_bytes, quota_entries): (u64, u64),
    ) -> Result<Account> {
        let hash = self.passwords.hash(password).await?;
        let command = self.ambient.own_command(request);
        let user = User { id: self.ambient.id(), username, email, created_at: command.at, photo: None };
        let (drive, root) = (self.ambient.id(), self.ambient.id());
        let registration = Registration { user, hash, drive, root, quota_bytes, quota_entries };
        self.users.register(&command, &registration).await?;
        self.audit(&command, registration.user.id, Administered::Created);
        Ok(registration.into_account())
    }

    /// Gives a user another password, which ends all sessions of theirs.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_password(&self, request: &RequestId, user: &Handle, password: &Password) -> Result<()> {
        let user = self.id_of(user).await?;
        let hash = self.passwords.hash(password).await?;
        let command = self.ambient.own_command(request);
        self.accounts.change_password(&command, user, None, &hash).await?;
        self.audit(&command, user, Administered::PasswordSet);
        Ok(())
    }

    /// Sets what a user's drive may hold. When it is less than what is there, nothing more fits.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_quota(&self, request: &RequestId, user: &Handle, limits: NewLimits) -> Result<()> {
        let user = self.id_of(user).await?;
        let command = self.ambient.own_command(request);
        self.accounts.set_quota(&command, user, limits).await?;
        self.audit(&command, user, Administered::QuotaSet);
        Ok(())
    }

    /// Disables an account, which ends its sessions, or enables it again, and tells whether that changed anything.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_disabled(&self, request: &RequestId, user: &Handle, disabled: bool) -> Result<bool> {
        let user = self.id_of(user).await?;
        let command = self.ambient.own_command(request);
        let changed = self.accounts.set_disabled(&command, user, disabled).await?;
        if changed {
            self.audit(&command, user, if disabled { Administered::Disabled } else { Administered::Enabled });
        }
        Ok(changed)
    }

    /// All accounts, by user name without regard to case.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list(&self, after: Option<&str>, limit: Limit) -> Result<AccountPage> {
        let rows = self.accounts.list_accounts(after, limit).await?;
        Ok(Page::cut(rows, limit, |row| row.account.user.username.key()))
    }

    async fn id_of(&self, user: &Handle) -> Result<UserId> {
        Ok(self.users.find_person(user).await?.ok_or(Error::NotFound)?.id)
    }

    fn audit(&self, command: &Command, user: UserId, act: Administered) {
        self.ambient.audit_unknown(None, &command.request, AuditAction::AccountAdministered { user, act });
    }
}
