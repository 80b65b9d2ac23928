//! The clock, randomness, passwords and the audit trail, under the control of a test. None of them is for a server.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{AuditEvent, Password, PasswordHash, Sha256, Timestamp};
use clouddrive_domain::port::{AuditTrail, Clock, PasswordCheck, Passwords, Random};
use sha2::Digest;

/// A clock that stands still unless it is [advanced](Self::advance).
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Creates a clock that shows `now`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_millis()))
    }

    /// Advances the clock by `span`.
    pub fn advance(&self, span: Duration) {
        self.0.store(self.now().plus(span).as_millis(), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Predictable bits, the same for the same seed, so that a test can be repeated (SplitMix64).
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// Creates a source of bits that depend on `seed` only.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.iter_mut().zip(self.next().to_le_bytes()).for_each(|(byte, random)| *byte = random);
        }
    }
}

/// Salted hashes that cost next to nothing, and so protect no password.
pub struct TestPasswords(Arc<dyn Random>);

impl TestPasswords {
    /// Creates it with a source of salts.
    #[must_use]
    pub fn new(random: Arc<dyn Random>) -> Self {
        Self(random)
    }
}

fn salted(salt: &str, password: &Password) -> PasswordHash {
    let digest = sha2::Sha256::digest(format!("{salt}${}", password.expose()));
    PasswordHash::new(format!("{salt}${}", Sha256::from_bytes(digest.into())))
}

#[async_trait]
impl Passwords for TestPasswords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash> {
        let mut salt = [0; 8];
        self.0.fill(&mut salt);
        Ok(salted(&u64::from_le_bytes(salt).to_string(), password))
    }

    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<PasswordCheck> {
        let salt = hash.expose().split('$').next().unwrap_or_default();
        Ok(if salted(salt, password) == *hash { PasswordCheck::Right } else { PasswordCheck::Wrong })
    }

    async fn verify_unknown(&self, _: &Password) -> Result<()> {
        Ok(())
    }
}

/// An audit trail that keeps its events.
#[derive(Debug, Default)]
pub struct AuditLog(Mutex<Vec<AuditEvent>>);

impl AuditLog {
    /// The events recorded so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<AuditEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AuditTrail for AuditLog {
    fn record(&self, event: &AuditEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}
