//! The mutations that wait for the connection. Each can leave the queue until it begins.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::mutation::Mutation;
use super::{MAX_QUEUED, lock};

/// The queued mutations, in the order in which they came.
#[derive(Default)]
pub(super) struct Queue(VecDeque<Arc<Slot>>);

/// Holds a queued mutation; empty once it has begun or has been cancelled.
type Slot = Mutex<Option<Mutation>>;

impl Queue {
    /// Appends `mutation`.
    pub(super) fn push(&mut self, mutation: Mutation) -> QueuePlace {
        // Empty slots stay until their turn, which may be long in coming.
        if self.0.len() >= 2 * MAX_QUEUED {
            self.0.retain(|slot| lock(slot).is_some());
        }
        let slot = Arc::new(Mutex::new(Some(mutation)));
        self.0.push_back(slot.clone());
        QueuePlace(slot)
    }

    /// Takes the first mutation, if `fits` holds for it.
    pub(super) fn next_if(&mut self, fits: impl Fn(&Mutation) -> bool) -> Option<Mutation> {
        while let Some(slot) = self.0.front().cloned() {
            let mut slot = lock(&slot);
            if slot.as_ref().is_some_and(|mutation| !fits(mutation)) {
                return None;
            }
            self.0.pop_front();
            if let Some(mutation) = slot.take() {
                return Some(mutation);
            }
        }
        None
    }

    /// The number of mutations.
    pub(super) fn count(&self) -> usize {
        self.0.iter().filter(|slot| lock(slot).is_some()).count()
    }

    /// Cancels all mutations.
    pub(super) fn cancel(self) {
        self.0.into_iter().map(QueuePlace).for_each(drop);
    }
}

/// The place of a queued mutation, which is cancelled when this is dropped.
pub(super) struct QueuePlace(Arc<Slot>);

impl QueuePlace {
    /// Cancels the mutation; returns whether it had not begun.
    pub(super) fn leave(&self) -> bool {
        let left = lock(&self.0).take();
        left.is_some()
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.leave();
    }
}
