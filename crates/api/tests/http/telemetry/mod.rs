//! Observability: metrics, traces and the audit trail.

mod audit;
pub mod metrics;
pub mod traces;
