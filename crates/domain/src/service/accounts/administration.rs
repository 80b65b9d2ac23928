use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{
    Account, AdminAction, AuditAction, Command, Email, Limit, ListedAccount, LoginIdentifier, NewLimits, Page,
    Password, RequestId, User, UserId, Username,
};
use crate::port::{AccountRepository, Passwords, Registration, UserRepository};
use crate::service::ServiceContext;

/// One page of all accounts, with the key after which the next page begins.
pub type AccountPage = Page<ListedAccount, String>;

/// Operator commands: no user is logged in, and the server itself is the actor.
pub struct AdministrationService {
    users: Arc<dyn UserRepository>,
    accounts: Arc<dyn AccountRepository>,
    passwords: Arc<dyn Passwords>,
    context: ServiceContext,
}

impl AdministrationService {
    /// Creates the service.
    #[must_use]
    pub fn new(
        users: Arc<dyn UserRepository>,
        accounts: Arc<dyn AccountRepository>,
        passwords: Arc<dyn Passwords>,
        context: ServiceContext,
    ) -> Self {
        Self { users, accounts, passwords, context }
    }

    /// Creates an account whose drive has this quota of bytes and entries.
    ///
    /// Calls `Passwords::hash` and `UserRepository::register`.
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
        let command = self.context.system_command(request);
        let user = User { id: self.context.id(), username, email, created_at: command.at, photo: None };
        let (drive, root) = (self.context.id(), self.context.id());
        let registration = Registration { user, hash, drive, root, quota_bytes, quota_entries };
        self.users.register(&command, &registration).await?;
        self.audit(&command, registration.user.id, AdminAction::Created);
        Ok(registration.into_account())
    }

    /// Sets a user's password and ends all of the user's sessions.
    ///
    /// Calls `UserRepository::find_user`, `Passwords::hash` and `AccountRepository::change_password`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_password(&self, request: &RequestId, user: &LoginIdentifier, password: &Password) -> Result<()> {
        let user = self.id_of(user).await?;
        let hash = self.passwords.hash(password).await?;
        let command = self.context.system_command(request);
        self.accounts.change_password(&command, user, None, &hash).await?;
        self.audit(&command, user, AdminAction::PasswordSet);
        Ok(())
    }

    /// Sets the quota of a user's drive. If usage already exceeds it, nothing can be added.
    ///
    /// Calls `UserRepository::find_user` and `AccountRepository::set_quota`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_quota(&self, request: &RequestId, user: &LoginIdentifier, limits: NewLimits) -> Result<()> {
        let user = self.id_of(user).await?;
        let command = self.context.system_command(request);
        self.accounts.set_quota(&command, user, limits).await?;
        self.audit(&command, user, AdminAction::QuotaSet);
        Ok(())
    }

    /// Disables an account and ends its sessions, or enables it again. Returns whether anything changed.
    ///
    /// Calls `UserRepository::find_user` and `AccountRepository::set_disabled`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_disabled(&self, request: &RequestId, user: &LoginIdentifier, disabled: bool) -> Result<bool> {
        let user = self.id_of(user).await?;
        let command = self.context.system_command(request);
        let changed = self.accounts.set_disabled(&command, user, disabled).await?;
        if changed {
            self.audit(&command, user, if disabled { AdminAction::Disabled } else { AdminAction::Enabled });
        }
        Ok(changed)
    }

    /// All accounts, ordered by user name, ignoring case.
    ///
    /// Calls `AccountRepository::list_accounts`.
    pub async fn list(&self, after: Option<&str>, limit: Limit) -> Result<AccountPage> {
        let rows = self.accounts.list_accounts(after, limit).await?;
        Ok(Page::cut(rows, limit, |row| row.account.user.username.key()))
    }

    async fn id_of(&self, user: &LoginIdentifier) -> Result<UserId> {
        Ok(self.users.find_user(user).await?.ok_or(Error::NotFound)?.id)
    }

    fn audit(&self, command: &Command, user: UserId, act: AdminAction) {
        self.context.audit_anonymous(
            None,
            &command.request.clone().into(),
            AuditAction::AccountAdministered { user, act },
        );
    }
}

#[cfg(test)]
mod tests;
