//! What the service itself keeps: leases and idempotency.

pub mod chores;
pub mod receipts;
