//! Leases of tasks.

use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::Lease;

use crate::statement::{Parameter, Statement};

/// Takes the lease. Changes one row, or none if the lease is held or the task is not due.
#[must_use]
pub fn claim(lease: Lease, now: Timestamp, until: Timestamp) -> Statement {
    let statement = "INSERT INTO chores (name, holder, held_until, due_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
        WHERE chores.held_until <= ? AND chores.due_at <= ?";
    let name = Parameter::Text(lease.task.to_owned());
    Statement::new(
        statement,
        vec![
            name,
            lease.id.into(),
            Parameter::time(until),
            Parameter::time(now),
            Parameter::time(now),
            Parameter::time(now),
        ],
    )
}

/// Releases the lease, if it is still held; the task is due again at `next`.
#[must_use]
pub fn finish(lease: Lease, next: Timestamp) -> Statement {
    let statement = "UPDATE chores SET held_until = 0, due_at = ? WHERE name = ? AND holder = ?";
    Statement::new(statement, vec![Parameter::time(next), Parameter::Text(lease.task.to_owned()), lease.id.into()])
}
