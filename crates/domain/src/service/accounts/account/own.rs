//! Managing one's own account.

use super::AccountService;
use crate::error::{Error, Forbidden, Result};
use crate::model::{Account, Actor, AuditAction, Bucket, Credentials, Email, Password, Scope, UserId};
use crate::port::PasswordCheck;

impl AccountService {
    /// The caller's own account.
    ///
    /// Calls `NodeRepository::find_user_drive`.
    ///
    /// # Errors
    /// `NotFound` when it has just been deleted.
    pub async fn find(&self, actor: &Actor) -> Result<Account> {
        actor.require(Scope::Read)?;
        self.account_of(actor.user).await
    }

    async fn account_of(&self, user: UserId) -> Result<Account> {
        Ok(self.ports.drive.find_user_drive(user).await?.ok_or(Error::NotFound)?.account)
    }

    /// Changes the caller's e-mail address.
    ///
    /// Calls `ThrottleRepository::take`, `AccountRepository::change_email` and `NodeRepository::find_user_drive`.
    ///
    /// # Errors
    /// `EmailTaken`; `RateLimited`.
    pub async fn change_email(&self, actor: &Actor, email: &Email) -> Result<Account> {
        let command = self.context.account_command(actor)?;
        self.throttling.take(&[Bucket::EmailChange(actor.user)], command.at).await?;
        if self.ports.accounts.change_email(&command, actor.user, email).await? {
            self.context.audit(actor, AuditAction::EmailChanged);
        }
        self.account_of(actor.user).await
    }

    /// Changes the caller's password and ends all of the caller's sessions, including this one.
    ///
    /// Calls `ThrottleRepository::take`, `AccountRepository::find_credentials_of`, `Passwords::verify`,
    /// `ThrottleRepository::give_back`, `Passwords::hash` and `AccountRepository::change_password`.
    ///
    /// # Errors
    /// `WrongPassword` when `current` is not the current one; `RateLimited`.
    pub async fn change_password(&self, actor: &Actor, current: &str, new: &Password) -> Result<()> {
        let proven = self.require_password(actor, current).await?.generation;
        let hash = self.ports.passwords.hash(new).await?;
        let command = self.context.account_command(actor)?;
        self.ports.accounts.change_password(&command, actor.user, Some(proven), &hash).await?;
        self.context.audit(actor, AuditAction::PasswordChanged);
        Ok(())
    }

    /// Deletes the caller's account. On return the account is gone and its drive inaccessible; the drive's contents are
    /// removed in the background. Data received for the caller's open uploads is deleted.
    ///
    /// Calls `ThrottleRepository::take`, `AccountRepository::find_credentials_of`, `Passwords::verify`, `ThrottleRepository::give_back`,
    /// `AccountRepository::delete`, `UploadRepository::list_aborted`, `BlobStore::abort`, `BlobStore::received_bytes`,
    /// `BlobRecordRepository::hold` and `UploadRepository::note_discarded`.
    ///
    /// # Errors
    /// `WrongPassword`; `RateLimited`.
    pub async fn delete(&self, actor: &Actor, password: &str) -> Result<()> {
        let proven = self.require_password(actor, password).await?.generation;
        let command = self.context.account_command(actor)?;
        self.ports.accounts.delete(&command, actor.user, proven).await?;
        self.context.audit(actor, AuditAction::AccountDeleted);
        self.ended.discard(&command).await;
        Ok(())
    }

    /// Verifies the current password. Throttled, so that a stolen access token allows no faster guessing than the
    /// login.
    async fn require_password(&self, actor: &Actor, password: &str) -> Result<Credentials> {
        actor.require(Scope::Account)?;
        let bucket = [Bucket::CurrentPassword(actor.user)];
        self.throttling.take(&bucket, self.context.now()).await?;
        let outcome = self.check_password(actor, password).await;
        if matches!(outcome, Err(Error::Forbidden(Forbidden::WrongPassword))) {
            self.context.audit(actor, AuditAction::PasswordRefused);
        } else {
            self.throttling.give_back(&bucket).await?;
        }
        outcome
    }

    async fn check_password(&self, actor: &Actor, password: &str) -> Result<Credentials> {
        let wrong = || Error::Forbidden(Forbidden::WrongPassword);
        let password = Password::attempt(password).ok_or_else(wrong)?;
        let known = self.ports.accounts.find_credentials_of(actor.user).await?.ok_or(Error::NotFound)?;
        match self.ports.passwords.verify(&password, &known.hash).await? {
            PasswordCheck::Wrong => Err(wrong()),
            PasswordCheck::Right | PasswordCheck::Outdated => Ok(known),
        }
    }
}
