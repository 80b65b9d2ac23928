//! The change log.

use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Change, ChangeBounds, ChangeKind, ChangePosition, Command, DriveId, LoggedChange, NodeState, RequestId, Revision,
    Timestamp,
};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::schema::changes;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, invalid_row, name, size};

/// A row of `changes` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
pub struct NewChangeRow {
    kind: &'static str,
    drive_id: Option<DbId>,
    node_id: Option<DbId>,
    actor_id: Option<DbId>,
    subject_id: Option<DbId>,
    request_id: String,
    at: i64,
    before_parent_id: Option<DbId>,
    before_name: Option<String>,
    before_revision: Option<i64>,
    before_version_id: Option<DbId>,
    after_parent_id: Option<DbId>,
    after_name: Option<String>,
    after_revision: Option<i64>,
    after_version_id: Option<DbId>,
}

/// The columns of a state.
type StateColumns = (Option<DbId>, Option<String>, Option<i64>, Option<DbId>);

fn columns(state: Option<NodeState>) -> StateColumns {
    let Some(NodeState { parent, name, revision, version }) = state else {
        return (None, None, None, None);
    };
    (parent.map(DbId::from), Some(name.as_str().to_owned()), Some(bytes(revision.0)), version.map(DbId::from))
}

impl NewChangeRow {
    /// The log entry of a mutation that did `change`.
    #[must_use]
    pub fn new(command: &Command, change: Change) -> Self {
        let (before_parent_id, before_name, before_revision, before_version_id) = columns(change.before);
        let (after_parent_id, after_name, after_revision, after_version_id) = columns(change.after);
        Self {
            kind: change.kind.as_str(),
            drive_id: change.drive.map(DbId::from),
            node_id: change.node.map(DbId::from),
            actor_id: command.actor.map(DbId::from),
            subject_id: change.subject.map(DbId::from),
            request_id: command.request.as_str().to_owned(),
            at: command.at.as_millis(),
            before_parent_id,
            before_name,
            before_revision,
            before_version_id,
            after_parent_id,
            after_name,
            after_revision,
            after_version_id,
        }
    }
}

/// A row of the change log.
#[derive(QueryableByName)]
pub struct ChangeRow {
    #[diesel(sql_type = BigInt)]
    xid: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Id>)]
    drive_id: Option<DbId>,
    #[diesel(sql_type = Nullable<Id>)]
    node_id: Option<DbId>,
    #[diesel(sql_type = Nullable<Id>)]
    actor_id: Option<DbId>,
    #[diesel(sql_type = Nullable<Id>)]
    subject_id: Option<DbId>,
    #[diesel(sql_type = Text)]
    request_id: String,
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Nullable<Id>)]
    before_parent_id: Option<DbId>,
    #[diesel(sql_type = Nullable<Text>)]
    before_name: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    before_revision: Option<i64>,
    #[diesel(sql_type = Nullable<Id>)]
    before_version_id: Option<DbId>,
    #[diesel(sql_type = Nullable<Id>)]
    after_parent_id: Option<DbId>,
    #[diesel(sql_type = Nullable<Text>)]
    after_name: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    after_revision: Option<i64>,
    #[diesel(sql_type = Nullable<Id>)]
    after_version_id: Option<DbId>,
}

/// The state in those columns of a row.
fn state(row: i64, (parent, text, revision, version): StateColumns) -> Result<Option<NodeState>> {
    let (Some(text), Some(revision)) = (text, revision) else {
        return Ok(None);
    };
    Ok(Some(NodeState {
        parent: parent.map(Into::into),
        name: name("changes", row, text)?,
        revision: Revision(size(revision)),
        version: version.map(Into::into),
    }))
}

impl ChangeRow {
    /// The entry of the row, in the numbering `epoch`.
    fn logged(self, epoch: u64) -> Result<LoggedChange> {
        let id = self.id;
        let before = (self.before_parent_id, self.before_name, self.before_revision, self.before_version_id);
        let after = (self.after_parent_id, self.after_name, self.after_revision, self.after_version_id);
        Ok(LoggedChange {
            position: ChangePosition { epoch, transaction: size(self.xid), entry: size(id) },
            change: Change {
                kind: ChangeKind::parse(&self.kind),
                drive: self.drive_id.map(Into::into),
                node: self.node_id.map(Into::into),
                subject: self.subject_id.map(Into::into),
                before: state(id, before)?,
                after: state(id, after)?,
            },
            command: Command {
                actor: self.actor_id.map(Into::into),
                at: Timestamp::from_millis(self.at),
                request: RequestId::parse(&self.request_id).map_err(|_| invalid_row("changes", id, "request_id"))?,
                idempotency_record: None,
            },
        })
    }
}

/// The entries of `rows`, which were read within `bounds`.
///
/// # Errors
/// If a row is invalid.
pub fn logged(rows: Vec<ChangeRow>, bounds: &ChangeBounds) -> Result<Vec<LoggedChange>> {
    rows.into_iter().map(|row| row.logged(bounds.end.epoch)).collect()
}

/// Selects up to `max` [`ChangeRow`]s, of `drive` if given. `position` are the expressions for `xid` and `id`, `range`
/// is a condition on them with these parameters, and `order` their order.
#[must_use]
pub fn read(
    position: &str,
    (range, mut parameters): (&str, Vec<Parameter>),
    drive: Option<DriveId>,
    order: &str,
    max: u32,
) -> Statement {
    let of = drive.map_or("", |drive| {
        parameters.push(drive.into());
        "AND drive_id = ?"
    });
    parameters.push(Parameter::Integer(max.into()));
    let text = format!(
        "SELECT {position}, kind, drive_id, node_id, actor_id, subject_id, request_id, at,
            before_parent_id, before_name, before_revision, before_version_id,
            after_parent_id, after_name, after_revision, after_version_id
        FROM changes WHERE {range} {of} ORDER BY {order} LIMIT ?"
    );
    Statement::new(text, parameters)
}

/// The row of the [`ChangeBounds`].
#[derive(QueryableByName)]
pub struct BoundsRow {
    #[diesel(sql_type = BigInt)]
    epoch: i64,
    #[diesel(sql_type = BigInt)]
    pruned_xid: i64,
    #[diesel(sql_type = BigInt)]
    pruned_id: i64,
    #[diesel(sql_type = BigInt)]
    end_xid: i64,
    #[diesel(sql_type = BigInt)]
    end_id: i64,
}

impl From<BoundsRow> for ChangeBounds {
    fn from(row: BoundsRow) -> Self {
        let position = |transaction, entry| ChangePosition {
            epoch: size(row.epoch),
            transaction: size(transaction),
            entry: size(entry),
        };
        Self { start: position(row.pruned_xid, row.pruned_id), end: position(row.end_xid, row.end_id) }
    }
}

/// The position and the time of an entry.
#[derive(QueryableByName)]
pub struct AgeRow {
    /// The transaction.
    #[diesel(sql_type = BigInt)]
    pub xid: i64,
    /// The entry.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = BigInt)]
    at: i64,
}

impl AgeRow {
    /// When it was written.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }
}
