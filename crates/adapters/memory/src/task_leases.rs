use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::{Lease, TaskLeaseRepository};

use crate::Database;
use crate::state::LeaseRow;

#[async_trait]
impl TaskLeaseRepository for Database {
    async fn claim(&self, lease: Lease, now: Timestamp, until: Timestamp) -> Result<bool> {
        self.write(|state| {
            let row = state.leases.get(&lease.task);
            let is_held = row.and_then(|row| row.held_until).is_some_and(|held| held > now);
            let due_at = row.map_or(now, |row| row.due_at);
            if is_held || due_at > now {
                return Ok(false);
            }
            state.leases.put(lease.task, LeaseRow { holder: lease.id, held_until: Some(until), due_at });
            Ok(true)
        })
    }

    async fn finish(&self, lease: Lease, next: Timestamp) -> Result<()> {
        self.write(|state| {
            if let Some(row) = state.leases.get_mut(&lease.task).filter(|row| row.holder == lease.id) {
                (row.held_until, row.due_at) = (None, next);
            }
            Ok(())
        })
    }
}
