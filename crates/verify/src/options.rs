//! What to check, and how to tell how far it is.

/// The options of a check.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The current time, in milliseconds since 1970 in UTC.
    pub now: i64,
    /// How many milliseconds an unreferenced blob, or an object without a row, may exist.
    pub grace: i64,
    /// Whether to read the bytes of all blobs in use.
    pub deep: bool,
}

/// The stage of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Checking the database alone.
    Database,
    /// Comparing the blob rows with the store.
    Store,
    /// Checking suspected findings again.
    Recheck,
}

/// A progress callback: stage, number done, and total if known; counts statements first, then blobs.
pub type Progress<'a> = &'a (dyn Fn(Stage, u64, Option<u64>) + Send + Sync);
