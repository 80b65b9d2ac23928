//! Limits on concurrent archives and on the memory of their listings.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::{ClientSubnet, LinkId, UserId};

/// The most bytes that the listings of all archives running on this instance may have: 512 MiB.
const MAX_LISTING_BYTES: u64 = 512 << 20;

/// The suggested delay before a retry.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Whose archives are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// Those of a user.
    User(UserId),
    /// Those through a public link from one address.
    LinkFrom(LinkId, ClientSubnet),
    /// Those through a public link.
    Link(LinkId),
}

impl Caller {
    /// The most archives that may run at once.
    const fn limit(self) -> u32 {
        match self {
            Self::User(_) | Self::LinkFrom(..) => 4,
            Self::Link(_) => 16,
        }
    }
}

/// The archives running on this instance.
#[derive(Debug, Default)]
pub(super) struct Slots {
    running: Mutex<HashMap<Caller, u32>>,
    bytes: AtomicU64,
}

impl Slots {
    fn running(&self) -> MutexGuard<'_, HashMap<Caller, u32>> {
        // Poisoning is harmless: no operation under the lock stops half-way.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more archive for each of `callers`.
    ///
    /// # Errors
    /// `TooManyRunning` when one of them has too many.
    pub(super) fn take(self: &Arc<Self>, callers: &[Caller]) -> Result<Slot> {
        let mut running = self.running();
        for caller in callers {
            let limit = caller.limit();
            if running.get(caller).is_some_and(|count| *count >= limit) {
                return Err(Error::TooManyRunning { what: "archives", limit, retry_after: RETRY_AFTER });
            }
        }
        for caller in callers {
            *running.entry(*caller).or_default() += 1;
        }
        Ok(Slot { slots: Arc::clone(self), callers: callers.to_vec() })
    }

    /// Reserves memory for a listing.
    ///
    /// # Errors
    /// `Unavailable` when none is left.
    pub(super) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Room> {
        let fits = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= MAX_LISTING_BYTES);
        match self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(Room { slots: Arc::clone(self), bytes }),
            Err(_) => Err(Error::unavailable("archives", "the listings of all that run have too many bytes")),
        }
    }
}

/// A running archive; it counts until dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    callers: Vec<Caller>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = self.slots.running();
        for caller in &self.callers {
            if let Some(count) = running.get_mut(caller) {
                *count -= 1;
                if *count == 0 {
                    running.remove(caller);
                }
            }
        }
    }
}

/// Memory reserved for a listing, released on drop.
pub(super) struct Room {
    slots: Arc<Slots>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.slots.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn archives_per_caller_are_limited() {
        let slots = Arc::new(Slots::default());
        let [ann, ben] = [1, 2].map(|id| Caller::User(UserId::from_uuid(Uuid::from_u128(id))));
        let mut held: Vec<Slot> = (0..4).map(|_| slots.take(&[ann]).ok().unwrap()).collect();
        let refused = slots.take(&[ann]).err();
        assert!(matches!(refused, Some(Error::TooManyRunning { limit: 4, .. })));
        slots.take(&[ben]).ok().unwrap();
        held.pop();
        held.push(slots.take(&[ann]).ok().unwrap());
        // A refused attempt counts for none of its callers.
        assert!(slots.take(&[ben, ann]).is_err());
        drop(held);
        assert!(slots.running().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_released() {
        let slots = Arc::new(Slots::default());
        let room = slots.reserve(MAX_LISTING_BYTES - 1).ok().unwrap();
        let _last = slots.reserve(1).ok().unwrap();
        assert!(matches!(slots.reserve(1).err(), Some(Error::Unavailable { .. })));
        drop(room);
        assert!(slots.reserve(1).is_ok());
    }
}
