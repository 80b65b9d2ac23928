use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Change, ChangeBatch, ChangeBounds, ChangePosition, Command, DriveId, LoggedChange, NodeId, NodeState, Timestamp,
    count_prunable,
};
use clouddrive_domain::port::ChangeRepository;

use crate::Database;
use crate::locate;
use crate::state::State;

fn position(entry: u64) -> ChangePosition {
    ChangePosition { entry, ..ChangePosition::default() }
}

fn bounds(state: &State) -> ChangeBounds {
    let last = state.changes.iter().next_back().map_or(0, |(last, _)| *last);
    ChangeBounds { start: position(state.pruned), end: position(last.max(state.pruned)) }
}

/// Adds the log entry of a mutation.
pub(crate) fn log(state: &mut State, command: &Command, change: Change) {
    let position = position(bounds(state).end.entry + 1);
    let command = Command { idempotency_record: None, ..command.clone() };
    state.changes.put(position.entry, LoggedChange { position, change, command });
}

/// The current state of the node.
pub(crate) fn state_of(state: &State, node: NodeId) -> Option<NodeState> {
    locate::node(state, node).map(|node| NodeState::from_node(&node))
}

fn read(state: &State, drive: Option<DriveId>, after: ChangePosition, max: u32) -> Result<ChangeBatch> {
    let bounds = bounds(state);
    bounds.require(after)?;
    let later = state.changes.range(after.entry.saturating_add(1)..).map(|(_, logged)| logged);
    let of_drive = later.filter(|logged| drive.is_none() || logged.change.drive == drive);
    Ok(ChangeBatch::new(of_drive.take(max as usize).cloned().collect(), after, bounds, max))
}

/// Nothing fails after the mark is moved, so it needs no undoing.
fn prune(state: &mut State, before: Timestamp, max: u32) -> u32 {
    let times = state.changes.iter().map(|(_, logged)| logged.command.at);
    let prunable = count_prunable(times.take(max as usize), before);
    let pruned: Vec<u64> = state.changes.iter().map(|(entry, _)| *entry).take(prunable).collect();
    for entry in &pruned {
        state.changes.remove(entry);
        state.pruned = *entry;
    }
    u32::try_from(pruned.len()).unwrap_or(max)
}

#[async_trait]
impl ChangeRepository for Database {
    async fn read(&self, drive: Option<DriveId>, after: ChangePosition, max: u32) -> Result<ChangeBatch> {
        self.read(|state| read(state, drive, after, max))
    }

    async fn end(&self) -> Result<ChangePosition> {
        self.read(|state| Ok(bounds(state).end))
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(|state| Ok(prune(state, before, max)))
    }
}
