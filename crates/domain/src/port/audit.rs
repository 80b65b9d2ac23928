use crate::model::AuditEvent;

/// The audit trail for operators.
///
/// An event is recorded after its action was done or refused, outside the transaction: events that must survive a crash
/// are also in the change log.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait AuditTrail: Send + Sync {
    /// Records `event`. It MUST NOT block, and never fails: the adapter reports its own write errors.
    fn record(&self, event: &AuditEvent);
}
