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
pub(super) enum LimitKey {
    /// Those of a user.
    User(UserId),
    /// Those through a public link from one address.
    LinkFrom(LinkId, ClientSubnet),
    /// Those through a public link.
    Link(LinkId),
}

impl LimitKey {
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
pub(super) struct ArchiveLimits {
    running: Mutex<HashMap<LimitKey, u32>>,
    bytes: AtomicU64,
}

impl ArchiveLimits {
    fn running(&self) -> MutexGuard<'_, HashMap<LimitKey, u32>> {
        // Poisoning is harmless: no operation under the lock stops half-way.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more archive for each of `keys`.
    ///
    /// # Errors
    /// `TooManyRunning` when one of them has too many.
    pub(super) fn take(self: &Arc<Self>, keys: &[LimitKey]) -> Result<RunningArchive> {
        let mut running = self.running();
        for key in keys {
            let limit = key.limit();
            if running.get(key).is_some_and(|count| *count >= limit) {
                return Err(Error::TooManyRunning { what: "archives", limit, retry_after: RETRY_AFTER });
            }
        }
        for key in keys {
            *running.entry(*key).or_default() += 1;
        }
        Ok(RunningArchive { limits: Arc::clone(self), keys: keys.to_vec() })
    }

    /// Reserves memory for a listing.
    ///
    /// # Errors
    /// `Unavailable` when none is left.
    pub(super) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<ReservedMemory> {
        let fits = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= MAX_LISTING_BYTES);
        match self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(ReservedMemory { limits: Arc::clone(self), bytes }),
            Err(_) => Err(Error::unavailable("archives", "the listings of all that run have too many bytes")),
        }
    }
}

/// A running archive; it counts until dropped.
pub(super) struct RunningArchive {
    limits: Arc<ArchiveLimits>,
    keys: Vec<LimitKey>,
}

impl Drop for RunningArchive {
    fn drop(&mut self) {
        let mut running = self.limits.running();
        for key in &self.keys {
            if let Some(count) = running.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    running.remove(key);
                }
            }
        }
    }
}

/// Memory reserved for a listing, released on drop.
pub(super) struct ReservedMemory {
    limits: Arc<ArchiveLimits>,
    bytes: u64,
}

impl Drop for ReservedMemory {
    fn drop(&mut self) {
        self.limits.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn archives_per_caller_are_limited() {
        let limits = Arc::new(ArchiveLimits::default());
        let [ann, ben] = [1, 2].map(|id| LimitKey::User(UserId::from_uuid(Uuid::from_u128(id))));
        let mut held: Vec<RunningArchive> = (0..4).map(|_| limits.take(&[ann]).ok().unwrap()).collect();
        let refused = limits.take(&[ann]).err();
        assert!(matches!(refused, Some(Error::TooManyRunning { limit: 4, .. })));
        limits.take(&[ben]).ok().unwrap();
        held.pop();
        held.push(limits.take(&[ann]).ok().unwrap());
        // A refused attempt counts for none of its callers.
        assert!(limits.take(&[ben, ann]).is_err());
        drop(held);
        assert!(limits.running().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_released() {
        let limits = Arc::new(ArchiveLimits::default());
        let memory = limits.reserve(MAX_LISTING_BYTES - 1).ok().unwrap();
        let _last = limits.reserve(1).ok().unwrap();
        assert!(matches!(limits.reserve(1).err(), Some(Error::Unavailable { .. })));
        drop(memory);
        assert!(limits.reserve(1).is_ok());
    }
}
