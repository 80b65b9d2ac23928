use crate::model::AuditEvent;

/// The audit trail: what happened, for people who answer for the service.
///
/// An event is recorded after what it tells of is done, or refused. It is no part of the transaction: what must not be lost
/// in a crash stands in the change log as well.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait AuditTrail: Send + Sync {
    /// Records `event`. It MUST NOT block, and never fails: a trail that cannot be written is the adapter's to complain of.
    fn record(&self, event: &AuditEvent);
}
