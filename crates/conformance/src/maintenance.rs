//! What the service itself keeps: leases, jobs and idempotency.

pub mod chores;
pub mod jobs;
pub mod receipts;
