//! What is seen of a running server: figures, traces, and the audit trail.

mod audit;
pub mod metrics;
mod traces;
