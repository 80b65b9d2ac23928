//! Open uploads whose senders may have lost access to the folder.

use std::collections::{BTreeMap, HashSet};

use clouddrive_domain::model::{Action, DriveId, Located, NodeId, UserId, authorize};
use diesel::prelude::*;

use crate::statement::Statement;
use crate::types::{DbId, Id};

/// The senders whose open uploads may have lost access.
#[derive(Clone, Copy, Debug)]
pub enum Senders {
    /// This guest.
    Guest(UserId),
    /// All but this user, the owner.
    AllExcept(UserId),
}

/// An open upload, its folder and its sender.
#[derive(QueryableByName)]
pub struct OpenUploadRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Id)]
    folder_id: DbId,
    #[diesel(sql_type = Id)]
    sender_id: DbId,
}

/// Selects the [`OpenUploadRow`]s of these senders' uploads into `drive`.
#[must_use]
pub fn open_into(drive: DriveId, senders: Senders) -> Statement {
    const OPEN: &str =
        "SELECT id, folder_id, sender_id FROM uploads WHERE drive_id = ? AND state = 'open' AND sender_id";
    let (text, user) = match senders {
        Senders::Guest(guest) => (format!("{OPEN} = ?"), guest),
        Senders::AllExcept(owner) => (format!("{OPEN} <> ?"), owner),
    };
    Statement::new(text, vec![drive.into(), user.into()])
}

/// The uploads of each sender.
#[must_use]
pub fn by_sender(rows: Vec<OpenUploadRow>) -> BTreeMap<UserId, Vec<OpenUploadRow>> {
    let mut senders: BTreeMap<UserId, Vec<OpenUploadRow>> = BTreeMap::new();
    for row in rows {
        senders.entry(row.sender_id.into()).or_default().push(row);
    }
    senders
}

/// The target folders of these uploads, without duplicates.
#[must_use]
pub fn folders_of(open: &[OpenUploadRow]) -> Vec<NodeId> {
    let folders: HashSet<NodeId> = open.iter().map(|row| row.folder_id.into()).collect();
    folders.into_iter().collect()
}

/// The uploads of one sender that the sender may not complete any more, given the `folders` as the sender sees them.
#[must_use]
pub fn without_access(open: Vec<OpenUploadRow>, folders: Vec<Located>) -> Vec<DbId> {
    let allowed: HashSet<NodeId> = folders
        .into_iter()
        .filter_map(|folder| authorize(Some(folder), Action::AddTo).ok())
        .map(|grant| grant.node().id)
        .collect();
    open.into_iter().filter(|row| !allowed.contains(&row.folder_id.into())).map(|row| row.id).collect()
}
