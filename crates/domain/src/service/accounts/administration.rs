use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{
    Account, Administered, AuditAction, Command, Email, Handle, Limit, ListedAccount, NewLimits, Page, Password,
    RequestId, User, UserId, Username,
};
use crate::port::{Accounts, Passwords, Registration, Users};
use crate::service::Ambient;

/// One page of all accounts, with the key after which the next page begins.
pub type AccountPage = Page<ListedAccount, String>;

/// Operator commands: no user is logged in, and the server itself is the actor.
pub struct Administration {
    users: Arc<dyn Users>,
    accounts: Arc<dyn Accounts>,
    passwords: Arc<dyn Passwords>,
    ambient: Ambient,
}

impl Administration {
    /// Creates the service.
    #[must_use]
    pub fn new(
        users: Arc<dyn Users>,
        accounts: Arc<dyn Accounts>,
        passwords: Arc<dyn Passwords>,
        ambient: Ambient,
    ) -> Self {
        Self { users, accounts, passwords, ambient }
    }

    /// Creates an account whose drive has this quota of bytes and entries.
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

    /// Sets a user's password and ends all of the user's sessions.
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

    /// Sets the quota of a user's drive. If usage already exceeds it, nothing can be added.
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

    /// Disables an account and ends its sessions, or enables it again. Returns whether anything changed.
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

    /// All accounts, ordered by user name, ignoring case.
    pub async fn list(&self, after: Option<&str>, limit: Limit) -> Result<AccountPage> {
        let rows = self.accounts.list_accounts(after, limit).await?;
        Ok(Page::cut(rows, limit, |row| row.account.user.username.key()))
    }

    async fn id_of(&self, user: &Handle) -> Result<UserId> {
        Ok(self.users.find_person(user).await?.ok_or(Error::NotFound)?.id)
    }

    fn audit(&self, command: &Command, user: UserId, act: Administered) {
        self.ambient.audit_unknown(
            None,
            &command.request.clone().into(),
            AuditAction::AccountAdministered { user, act },
        );
    }
}

#[cfg(test)]
mod tests;
