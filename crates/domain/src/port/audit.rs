use crate::model::AuditEvent;

/// The audit trail for operators.
///
/// An event is recorded after its action was done or refused, outside the transaction: events that must survive a crash
/// are also in the change log.
///
/// ```
/// use std::sync::mpsc::SyncSender;
///
/// use clouddrive_domain::model::AuditEvent;
/// use clouddrive_domain::port::AuditTrail;
///
/// /// Passes the events to a thread that writes them.
/// struct Channel(SyncSender<AuditEvent>);
///
/// impl AuditTrail for Channel {
///     fn record(&self, event: &AuditEvent) {
///         if self.0.try_send(event.clone()).is_err() {
///             eprintln!("the audit trail is full: {event:?}");
///         }
///     }
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait AuditTrail: Send + Sync {
    /// Records `event`. It MUST NOT block, and never fails: the adapter reports its own write errors.
    fn record(&self, event: &AuditEvent);
}
