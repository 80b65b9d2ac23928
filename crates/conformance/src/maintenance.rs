//! What the service itself keeps: leases, jobs and idempotency.

pub mod idempotency_records;
pub mod jobs;
pub mod task_leases;
