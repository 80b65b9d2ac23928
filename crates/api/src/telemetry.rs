//! Telemetry: logs including the audit trail, metrics and traces.

pub(crate) mod audit;
pub(crate) mod blobs;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod throttle;
pub(crate) mod traces;
