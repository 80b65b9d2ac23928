use crate::model::Timestamp;

/// The time. Nothing in the domain knows it from anywhere else.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// The time now, to the millisecond. It MAY go back: nothing relies on its order.
    fn now(&self) -> Timestamp;
}
