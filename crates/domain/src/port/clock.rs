use crate::model::Timestamp;

/// The domain's only source of time.
///
/// ```
/// use std::time::{SystemTime, UNIX_EPOCH};
///
/// use clouddrive_domain::model::Timestamp;
/// use clouddrive_domain::port::Clock;
///
/// struct SystemClock;
///
/// impl Clock for SystemClock {
///     fn now(&self) -> Timestamp {
///         let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
///         Timestamp::from_millis(0).plus(since)
///     }
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current time in milliseconds. It MAY go backwards: nothing relies on its order.
    fn now(&self) -> Timestamp;
}
