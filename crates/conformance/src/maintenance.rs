//! What the service itself keeps: leases and idempotency.

pub mod idempotency_records;
pub mod task_leases;
