use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Change, ChangeKind, Command, DriveId, NodeId};
use clouddrive_domain::port::ChangeRepository;

use crate::Database;
use crate::state::State;

/// Adds the log entry of a mutation.
pub(crate) fn log(
    state: &mut State,
    command: &Command,
    kind: ChangeKind,
    drive: Option<DriveId>,
    node: Option<NodeId>,
) {
    let sequence = state.changes.iter().next_back().map_or(1, |(last, _)| last + 1);
    let command = Command { idempotency_record: None, ..command.clone() };
    state.changes.put(sequence, Change { sequence, kind, drive, node, command });
}

#[async_trait]
impl ChangeRepository for Database {
    async fn read_after(&self, sequence: u64, max: u32) -> Result<Vec<Change>> {
        self.read(|state| {
            let rows = state.changes.range(sequence.saturating_add(1)..);
            Ok(rows.map(|(_, row)| row.clone()).take(max as usize).collect())
        })
    }
}
