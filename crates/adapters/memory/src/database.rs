use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::port::Probe;

use crate::state::State;
use crate::table::Undo;

/// A database in memory, which implements all persistence ports of the domain.
///
/// Clones share the data, which are lost with the last of them.
#[derive(Clone, Default)]
pub struct Database {
    state: Arc<Mutex<State>>,
}

impl Database {
    /// Creates an empty database.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` on the data as the last command left them.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&State) -> T) -> T {
        work(&self.lock())
    }

    /// Runs the command `work` alone. If it fails, all its changes are undone.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.lock();
        let outcome = work(&mut state);
        match outcome {
            Ok(_) => state.commit(),
            Err(_) => state.roll_back(),
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            // A command panicked midway, e.g. in a caller's function that serialises its answer.
            self.state.clear_poison();
            let mut state = poisoned.into_inner();
            state.roll_back();
            state
        })
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

/// Memory is always there.
#[async_trait]
impl Probe for Database {
    async fn check(&self) -> Result<()> {
        Ok(())
    }
}
