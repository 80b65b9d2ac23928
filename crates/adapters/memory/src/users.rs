use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    BlobKey, BlobRef, Change, ChangeKind, Command, CommandOutcome, Credentials, EntryQuota, LoginIdentifier, Name,
    PasswordHash, Quota, UserId, UserRef,
};
use clouddrive_domain::port::{Registration, UserRepository};
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::changes::log;
use crate::content::{refer, release};
use crate::idempotency_records::store_response;
use crate::locate::person;
use crate::state::{Body, DriveRow, NodeRow, State, UserRow};

/// The user that `identifier` names.
pub(crate) fn named<'a>(state: &'a State, identifier: &LoginIdentifier) -> Option<&'a UserRow> {
    state.users.values().find(|row| match identifier {
        LoginIdentifier::Username(key) => row.user.username.key() == *key,
        LoginIdentifier::Email(key) => row.user.email.key() == *key,
    })
}

/// The credentials of an account.
pub(crate) fn credentials(row: &UserRow) -> Credentials {
    let UserRow { user, hash, generation, disabled_at, .. } = row;
    Credentials { user: user.id, hash: hash.clone(), generation: *generation, disabled: disabled_at.is_some() }
}

fn register(state: &mut State, command: &Command, new: &Registration) -> Result<()> {
    let user = &new.user;
    if named(state, &LoginIdentifier::Username(user.username.key())).is_some() {
        return Err(Error::Conflict(Conflict::UsernameTaken));
    }
    if named(state, &LoginIdentifier::Email(user.email.key())).is_some() {
        return Err(Error::Conflict(Conflict::EmailTaken));
    }
    let row =
        UserRow { user: user.clone(), drive: new.drive, hash: new.hash.clone(), generation: 0, disabled_at: None };
    state.users.put(user.id, row);
    let quota = Quota { total: new.quota_bytes, used: 0, reserved: 0 };
    let entries = EntryQuota { total: new.quota_entries, used: 0 };
    state.drives.put(new.drive, DriveRow { owner: Some(user.id), root: new.root, quota, entries });
    let root = NodeRow::new(new.drive, None, &Name::root(), Body::Root, user.id, user.created_at);
    state.nodes.put(new.root, root);
    log(state, command, Change::for_user(ChangeKind::UserRegistered, new.user.id).within(new.drive));
    Ok(())
}

fn set_photo(state: &mut State, command: &Command, user: UserId, photo: Option<&BlobKey>) -> Result<bool> {
    let former = state.users.get(&user).ok_or(Error::NotFound)?.user.photo.clone();
    if former.is_none() && photo.is_none() {
        return Ok(false);
    }
    let photo = match photo {
        Some(key) => Some(BlobRef { store: refer(state, key)?.store.clone(), key: key.clone() }),
        None => None,
    };
    let kind = if photo.is_some() { ChangeKind::PhotoSet } else { ChangeKind::PhotoRemoved };
    if let Some(row) = state.users.get_mut(&user) {
        row.user.photo = photo;
    }
    if let Some(former) = &former {
        release(state, &former.key, command.at);
    }
    log(state, command, Change::for_user(kind, user));
    store_response(state, command, CommandOutcome::Photo)?;
    Ok(former.is_some())
}

#[async_trait]
impl UserRepository for Database {
    async fn register(&self, command: &Command, registration: &Registration) -> Result<()> {
        self.write(|state| register(state, command, registration))
    }

    async fn find_user(&self, identifier: &LoginIdentifier) -> Result<Option<UserRef>> {
        self.read(|state| Ok(named(state, identifier).map(|row| person(state, row.user.id))))
    }

    async fn find_credentials(&self, identifier: &LoginIdentifier) -> Result<Option<Credentials>> {
        self.read(|state| Ok(named(state, identifier).map(credentials)))
    }

    async fn rehash(&self, command: &Command, user: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<()> {
        self.write(|state| {
            if let Some(row) = state.users.get_mut(&user).filter(|row| row.hash == *old) {
                row.hash = new.clone();
                log(state, command, Change::for_user(ChangeKind::PasswordRehashed, user));
            }
            Ok(())
        })
    }

    async fn set_photo<'a>(&self, command: &Command, user: UserId, photo: Option<&'a BlobKey>) -> Result<bool> {
        self.write(|state| set_photo(state, command, user, photo))
    }
}
