use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Things that tests take turns with because they are slow to make, such as databases.
///
/// A test borrows one that no other test is using, or a new one. One that a failing test used is not used again. When no
/// test uses any, all are dropped, so that nothing is left over when the tests end.
#[derive(Debug)]
pub struct Reuse<T>(Mutex<Shelf<T>>);

#[derive(Debug)]
struct Shelf<T> {
    idle: Vec<Arc<T>>,
    borrowed: usize,
}

impl<T> Reuse<T> {
    /// With nothing in it.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Shelf { idle: Vec::new(), borrowed: 0 }))
    }

    /// Borrows an idle one, or the one that `make` makes.
    pub async fn borrow(&self, make: impl AsyncFnOnce() -> T) -> Borrowed<'_, T> {
        let idle = {
            let mut shelf = self.lock();
            shelf.borrowed += 1;
            shelf.idle.pop()
        };
        // Counts as borrowed from here on, also if `make` fails.
        let ticket = Ticket(self);
        let item = match idle {
            Some(item) => item,
            None => Arc::new(make().await),
        };
        Borrowed { item, ticket }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Reuse<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
struct Ticket<'a, T>(&'a Reuse<T>);

impl<T> Drop for Ticket<'_, T> {
    fn drop(&mut self) {
        let unused = {
            let mut shelf = self.0.lock();
            shelf.borrowed -= 1;
            if shelf.borrowed == 0 { std::mem::take(&mut shelf.idle) } else { Vec::new() }
        };
        drop(unused);
    }
}

/// A thing borrowed from a [`Reuse`] until this is dropped.
#[derive(Debug)]
pub struct Borrowed<'a, T> {
    item: Arc<T>,
    ticket: Ticket<'a, T>,
}

impl<T> Drop for Borrowed<'_, T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.ticket.0.lock().idle.push(self.item.clone());
        }
    }
}

impl<T> Deref for Borrowed<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}
