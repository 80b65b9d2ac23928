//! What is seen of a running server: figures, traces, and the audit trail.

mod audit;
mod metrics;
mod traces;
