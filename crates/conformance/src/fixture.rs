//! Fixtures of a case: its own users, its own span of time and shortcuts for common setup.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod blob_records;
mod counter;
mod nodes;
mod shares;
mod store;
mod trash;
mod trees;
mod uploads;
mod users;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clouddrive_domain::model::{BlobKey, Command, Id, Name, RefreshToken, RequestId, Timestamp, UserId};

pub(crate) use self::blob_records::{STORE, in_store, keys};
use self::counter::{Counter, next};
use self::store::Store;
pub(crate) use self::users::TestUser;

/// Default quota of a drive, in bytes.
pub(crate) const QUOTA: u64 = 1_000_000;

/// Default limit of files and folders per drive.
pub(crate) const ENTRIES: u64 = 100_000;

/// Lifetime of uploads.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);

/// Default limit of versions per file.
pub(crate) const MAX_VERSIONS: u32 = 20;

/// More than any case ever has: an effectively unlimited batch size.
pub(crate) const ALL: u32 = 1_000_000;

/// Asserts that the outcome is an error that matches the pattern.
macro_rules! assert_refused {
    ($outcome:expr, $reason:pat $(if $guard:expr)?) => {{
        let outcome = $outcome;
        let refused = matches!(&outcome, Err($reason) $(if $guard)?);
        assert!(refused, "expected {}, got {outcome:?}", stringify!($reason $(if $guard)?));
    }};
}

pub(crate) use assert_refused;

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// The scope of one case in a shared store.
///
/// Each case has its own day, later than those of earlier cases: store-wide methods that act up to some time do not
/// affect later cases.
pub(crate) struct Fixture<'a, P: ?Sized> {
    pub(crate) store: Store<'a, P>,
    clock: AtomicI64,
}

impl<'a, P: ?Sized> Fixture<'a, P> {
    pub(crate) fn new(ports: &'a P) -> Self {
        static DAY: AtomicI64 = AtomicI64::new(20_000);
        let day = DAY.fetch_add(1, Ordering::Relaxed);
        Self { store: Store(ports), clock: AtomicI64::new(day * 86_400_000) }
    }

    /// The current time, which advances by a second per call.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.fetch_add(1000, Ordering::Relaxed))
    }

    pub(crate) fn id<T: Id>(&self) -> T {
        T::generate(self.now(), &Counter)
    }

    /// A new refresh token.
    pub(crate) fn token(&self) -> RefreshToken {
        RefreshToken::generate(&Counter)
    }

    pub(crate) fn key(&self) -> BlobKey {
        BlobKey::generate(&Counter)
    }

    /// A command issued now, with its own request id.
    pub(crate) fn command(&self, actor: UserId) -> Command {
        self.command_at(Some(actor), self.now())
    }

    pub(crate) fn command_at(&self, actor: Option<UserId>, at: Timestamp) -> Command {
        Command {
            actor,
            at,
            request: RequestId::parse(&format!("request-{}", next())).unwrap(),
            idempotency_record: None,
        }
    }
}
