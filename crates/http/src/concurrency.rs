//! Limits on concurrent heavy work per caller, on this instance. They are no rate limits, so `RATE_LIMITS=off` does not
//! lift them.
//!
//! Any number of requests may wait for a slot. One whose client leaves gives up, so each has its own connection, and
//! their number and memory are bounded by `CONNECTIONS_PER_ADDRESS` and the limit of file descriptors.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouddrive_domain::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::attendance::client_left;
use crate::problem::Problem;

/// `Retry-After` for callers refused a slot.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A limit on concurrent work per caller, identified by `K`.
pub struct ConcurrencyLimit<K> {
    callers: Arc<Mutex<HashMap<K, Arc<Semaphore>>>>,
    per_caller: u32,
    wait: Duration,
}

impl<K: Eq + Hash + Clone> ConcurrencyLimit<K> {
    /// Gives each caller `per_caller` slots, with up to `wait` for a free one.
    pub fn new(per_caller: u32, wait: Duration) -> Self {
        Self { callers: Arc::default(), per_caller, wait }
    }

    /// Acquires a slot of `caller`, held until dropped. Callers do not block one another.
    ///
    /// # Errors
    /// `rate_limited`, if no slot becomes free in time. `malformed_request`, which is not seen, if the client of the
    /// handler has left: work that has not begun is given up.
    pub async fn acquire(&self, caller: K) -> Result<Permit<K>, Problem> {
        let (slots, mut slot) = self.slots(caller);
        let permit = tokio::select! {
            biased;
            () = client_left() => return Err(Problem::malformed("the client left before the work began")),
            permit = timeout(self.wait, slots.acquire_owned()) => permit,
        };
        slot.permit = Some(permit.ok().and_then(Result::ok).ok_or_else(|| self.refusal())?);
        Ok(slot)
    }

    /// Acquires a slot of `caller`, held until dropped, if one is free.
    pub fn try_acquire(&self, caller: K) -> Option<Permit<K>> {
        let (slots, mut slot) = self.slots(caller);
        slot.permit = Some(slots.try_acquire_owned().ok()?);
        Some(slot)
    }

    /// The slots of `caller`, and a permit without any yet: dropping it removes the caller from the map in any case.
    fn slots(&self, caller: K) -> (Arc<Semaphore>, Permit<K>) {
        let slots = {
            let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
            callers.entry(caller.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.per_caller as usize))).clone()
        };
        (slots, Permit { permit: None, callers: self.callers.clone(), caller })
    }

    fn refusal(&self) -> Problem {
        Error::TooManyRunning { what: "requests of this kind", limit: self.per_caller, retry_after: RETRY_AFTER }.into()
    }
}

/// A slot of a caller.
pub struct Permit<K: Eq + Hash> {
    permit: Option<OwnedSemaphorePermit>,
    callers: Arc<Mutex<HashMap<K, Arc<Semaphore>>>>,
    caller: K,
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        self.permit = None;
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.get(&self.caller).is_some_and(|slots| Arc::strong_count(slots) == 1) {
            callers.remove(&self.caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use clouddrive_contract::Code;
    use futures_util::StreamExt;
    use futures_util::future::join_all;
    use futures_util::stream::FuturesUnordered;

    use super::*;
    use crate::attendance::attended;

    const WAIT: Duration = Duration::from_secs(10);
    const MANY: usize = 1000;

    #[tokio::test(start_paused = true)]
    async fn callers_without_a_slot_wait_before_they_are_refused() {
        let slots = ConcurrencyLimit::new(2, WAIT);
        let (first, second) = (slots.acquire("ann").await.unwrap(), slots.acquire("ann").await.unwrap());
        let refused = slots.acquire("ann").await.err().unwrap();
        assert_eq!(refused.code, Code::RateLimited);
        let (third, ()) = tokio::join!(slots.acquire("ann"), async { drop(first) });
        assert!(third.is_ok());
        assert!(slots.acquire("ben").await.is_ok(), "others do not wait");
        drop((second, third));
        assert!(slots.callers.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_has_not_begun_when_its_client_leaves_is_given_up() {
        let slots = ConcurrencyLimit::new(1, WAIT);
        let running = slots.acquire("ann").await.unwrap();
        let (client, waiting) = attended(slots.acquire("ann"));
        let (given_up, ()) = tokio::join!(waiting, async { drop(client) });
        assert_eq!(given_up.err().unwrap().code, Code::MalformedRequest);
        drop(running);
        // Nor does it begin if there is a slot by then.
        let (client, late) = attended(slots.acquire("ann"));
        drop(client);
        assert!(late.await.is_err());
        assert!(slots.callers.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_had_at_once_or_not_at_all() {
        let slots = ConcurrencyLimit::new(1, WAIT);
        let running = slots.try_acquire("ann").unwrap();
        assert!(slots.try_acquire("ann").is_none());
        assert!(slots.try_acquire("ben").is_some(), "others have their own");
        drop(running);
        assert!(slots.try_acquire("ann").is_some());
        assert!(slots.callers.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn every_waiting_caller_gets_a_slot() {
        let slots = ConcurrencyLimit::new(1, WAIT);
        let running = slots.acquire("ann").await.unwrap();
        let waiting = join_all((0..MANY).map(async |_| slots.acquire("ann").await.map(drop)));
        let (outcomes, ()) = tokio::join!(waiting, async { drop(running) });
        assert!(outcomes.iter().all(Result::is_ok));
        assert!(slots.callers.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn no_waiting_caller_is_refused_before_the_wait_ends() {
        let slots = ConcurrencyLimit::new(1, WAIT);
        let running = slots.acquire("ann").await.unwrap();
        let mut waiting: FuturesUnordered<_> = (0..MANY).map(|_| slots.acquire("ann")).collect();
        assert!(timeout(WAIT - Duration::from_millis(1), waiting.next()).await.is_err());
        for _ in 0..MANY {
            let outcome = waiting.next().await.unwrap();
            assert_eq!(outcome.err().unwrap().code, Code::RateLimited);
        }
        drop(running);
        assert!(slots.callers.lock().unwrap().is_empty());
    }
}
