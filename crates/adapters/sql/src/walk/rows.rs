//! The rows read by a walk.

use clouddrive_domain::model::{ChildPosition, NodeId, SharePosition, Timestamp, UserId, WalkPosition};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::MAX_SHARES;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes};

/// A share with the viewer.
#[derive(QueryableByName)]
pub struct ShareRow {
    #[diesel(sql_type = Id)]
    pub(super) id: DbId,
    #[diesel(sql_type = BigInt)]
    pub(super) created_at: i64,
    #[diesel(sql_type = Id)]
    pub(super) node_id: DbId,
}

impl ShareRow {
    /// The shared node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node_id.into()
    }

    pub(super) fn position(&self) -> SharePosition {
        SharePosition { at: Timestamp::from_millis(self.created_at), id: self.id.into() }
    }
}

/// Selects the [`ShareRow`]s of the shares with `viewer`, starting with the one in `after`.
#[must_use]
pub fn shares(viewer: UserId, after: &WalkPosition) -> Statement {
    let mut parameters = vec![viewer.into()];
    let from = after.share.map_or("", |share| {
        parameters.extend([Parameter::Integer(share.at.as_millis()), share.id.into()]);
        "AND (created_at, id) >= (?, ?)"
    });
    parameters.push(Parameter::Integer(bytes(MAX_SHARES as u64 + 2)));
    let text =
        format!("SELECT id, created_at, node_id FROM shares WHERE guest_id = ? {from} ORDER BY created_at, id LIMIT ?");
    Statement::new(text, parameters)
}

/// Whether a folder is where it was when a walk stopped.
#[derive(QueryableByName)]
pub struct PathFolderRow {
    #[diesel(sql_type = Id)]
    pub(super) id: DbId,
    #[diesel(sql_type = Nullable<Id>)]
    pub(super) parent_id: Option<DbId>,
    #[diesel(sql_type = Bool)]
    pub(super) live: bool,
}

/// A folder that a walk passes.
#[derive(QueryableByName)]
pub struct FolderRow {
    #[diesel(sql_type = BigInt)]
    pub(super) step: i64,
    /// The number of its tree, from 1.
    #[diesel(sql_type = BigInt)]
    pub(super) top: i64,
    #[diesel(sql_type = Id)]
    pub(super) id: DbId,
    #[diesel(sql_type = Bool)]
    pub(super) entered: bool,
}

/// An entry of a folder.
#[derive(QueryableByName)]
pub struct EntryRow {
    /// `hit`: it matches; `last`: the last entry looked at.
    #[diesel(sql_type = Text)]
    pub(super) what: String,
    /// The number of its folder, from 1.
    #[diesel(sql_type = BigInt)]
    pub(super) place: i64,
    #[diesel(sql_type = Id)]
    pub(super) id: DbId,
    #[diesel(sql_type = Bool)]
    pub(super) is_folder: bool,
    #[diesel(sql_type = BigInt)]
    pub(super) created_at: i64,
    /// The number of entries looked at, in a row of the kind `last`.
    #[diesel(sql_type = BigInt)]
    pub(super) seen: i64,
}

impl EntryRow {
    /// Its position in its folder.
    pub(super) fn position(&self) -> ChildPosition {
        let at = Timestamp::from_millis(self.created_at);
        ChildPosition { is_folder: self.is_folder, at, id: self.id.into() }
    }
}
