//! On whose behalf the current task works, so that adapters can share what is scarce fairly between callers.
//!
//! The caller belongs to the task: [`on_behalf_of`] sets it for a future, wherever that is polled. A task spawned from
//! it has no caller unless it is given one.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;

use crate::model::{ClientSubnet, UserId};

/// The caller on whose behalf work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A user.
    User(UserId),
    /// An anonymous caller in this network.
    Network(ClientSubnet),
}

thread_local! {
    /// The caller of the task that this thread polls; `None` outside of [`on_behalf_of`].
    static CALLER: Cell<Option<Option<Caller>>> = const { Cell::new(None) };
}

/// Runs `work` on behalf of `caller`, until [`set_caller`] changes it.
pub async fn on_behalf_of<T>(caller: Option<Caller>, work: impl Future<Output = T>) -> T {
    let (mut work, mut current) = (pin!(work), caller);
    poll_fn(move |context| {
        let scope = Scope { outer: CALLER.replace(Some(current)) };
        let polled = work.as_mut().poll(context);
        current = self::caller();
        drop(scope);
        polled
    })
    .await
}

/// Sets the caller for the rest of the enclosing [`on_behalf_of`]. Outside of one, this has no effect.
pub fn set_caller(caller: Caller) {
    if CALLER.get().is_some() {
        CALLER.set(Some(Some(caller)));
    }
}

/// The caller of this task; `None` for the server's own work.
#[must_use]
pub fn caller() -> Option<Caller> {
    CALLER.get().flatten()
}

/// Restores the outer caller, even if the work panics: the thread goes on with other tasks.
struct Scope {
    outer: Option<Option<Caller>>,
}

impl Drop for Scope {
    fn drop(&mut self) {
        CALLER.set(self.outer);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use tokio::task::yield_now;
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> Option<Caller> {
        Some(Caller::User(UserId::from_uuid(Uuid::from_u128(number))))
    }

    fn poll<T>(work: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        work.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn work_is_done_on_behalf_of_the_caller() {
        assert_eq!(caller(), None);
        let seen = on_behalf_of(user(1), async {
            let before = caller();
            set_caller(user(2).unwrap());
            yield_now().await;
            let inner = on_behalf_of(None, async { caller() }).await;
            (before, inner, caller())
        });
        assert_eq!(seen.await, (user(1), None, user(2)));
        set_caller(user(3).unwrap());
        assert_eq!(caller(), None);
    }

    #[tokio::test]
    async fn tasks_on_one_thread_keep_their_callers() {
        let work = |number| {
            on_behalf_of(user(number), async move {
                yield_now().await;
                caller()
            })
        };
        let (mut first, mut second) = (pin!(work(1)), pin!(work(2)));
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        assert_eq!(caller(), None);
        assert_eq!((first.await, second.await), (user(1), user(2)));
    }

    #[test]
    fn a_panic_leaves_no_caller_behind() {
        let mut work = Box::pin(on_behalf_of(user(1), async { panic!("a bug") }));
        let outcome = catch_unwind(AssertUnwindSafe(|| poll::<()>(work.as_mut())));
        assert!(outcome.is_err());
        assert_eq!(caller(), None);
    }
}
