use crate::model::Timestamp;

/// The domain's only source of time.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current time in milliseconds. It MAY go backwards: nothing relies on its order.
    fn now(&self) -> Timestamp;
}
