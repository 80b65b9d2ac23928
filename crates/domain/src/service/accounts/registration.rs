use std::sync::Arc;

use crate::error::Result;
use crate::model::{Account, AuditAction, Bucket, ClientSubnet, Command, Email, Origin, Password, User, Username};
use crate::port::{Passwords, Registration, UserRepository};
use crate::service::{ServiceContext, Throttling};

/// The limits of new drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriveLimits {
    /// The storage quota in bytes.
    pub quota_bytes: u64,
    /// How many files and folders there may be.
    pub quota_entries: u64,
}

/// 5 GiB, and 2,000,000 files and folders.
impl Default for DriveLimits {
    fn default() -> Self {
        Self { quota_bytes: 5 << 30, quota_entries: 2_000_000 }
    }
}

/// Registration of users by themselves. It needs neither sessions nor tokens.
pub struct RegistrationService {
    users: Arc<dyn UserRepository>,
    passwords: Arc<dyn Passwords>,
    throttling: Throttling,
    context: ServiceContext,
    limits: DriveLimits,
}

impl RegistrationService {
    /// Creates the service.
    #[must_use]
    pub fn new(
        users: Arc<dyn UserRepository>,
        passwords: Arc<dyn Passwords>,
        throttling: Throttling,
        context: ServiceContext,
        limits: DriveLimits,
    ) -> Self {
        Self { users, passwords, throttling, context, limits }
    }

    /// Registers an account with its own drive.
    ///
    /// Calls `ThrottleRepository::take`, `Passwords::hash` and `UserRepository::register`.
    ///
    /// # Errors
    /// `UsernameTaken`, `EmailTaken`; `RateLimited` when too many come from one address.
    pub async fn register(
        &self,
        origin: Origin,
        username: Username,
        email: Email,
        password: &Password,
    ) -> Result<Account> {
        // Failures count too: either outcome reveals whether the name was taken.
        let bucket = Bucket::Registration(ClientSubnet::from_address(origin.client.address));
        self.throttling.take(&[bucket], self.context.now()).await?;
        let hash = self.passwords.hash(password).await?;
        let user = User { id: self.context.id(), username, email, created_at: self.context.now(), photo: None };
        let command = Command { at: user.created_at, ..self.context.command_of(user.id, &origin) };
        let DriveLimits { quota_bytes, quota_entries } = self.limits;
        let (drive, root) = (self.context.id(), self.context.id());
        let registration = Registration { user, hash, drive, root, quota_bytes, quota_entries };
        self.users.register(&command, &registration).await?;
        self.context.audit_anonymous(command.actor, &origin, AuditAction::AccountRegistered);
        Ok(registration.into_account())
    }
}
