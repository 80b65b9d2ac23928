//! Password hashing: Argon2id for new hashes, bcrypt for imported ones.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use clouddrive_domain::model::{Password, PasswordHash};
use clouddrive_domain::port::{PasswordCheck, Passwords};
use clouddrive_domain::{Error, Result};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The name of this component in errors.
const PART: &str = "password hashing";

/// Memory in KiB, passes and lanes as recommended by OWASP's Password Storage Cheat Sheet.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// A stored hash that costs more than this many times the current parameters is not computed: it counts as unreadable.
const MAX_EFFORT: u64 = 16;

/// The highest bcrypt cost that is computed, about four seconds. 10 to 12 is usual.
const MAX_BCRYPT_COST: u32 = 16;

/// Argon2id with m = 19456 KiB, t = 2, p = 1, in PHC string format.
///
/// Hashes by bcrypt, or by Argon2 with weaker parameters, are accepted as [`PasswordCheck::Outdated`].
pub struct Argon2Passwords {
    hasher: Arc<Hasher>,
    /// Permits for running and waiting callers.
    admission: Arc<Semaphore>,
    /// Permits for running callers.
    concurrency_limit: Arc<Semaphore>,
}

impl Argon2Passwords {
    /// Computes up to `concurrency` hashes (at least one) at once, each with 19 MiB on its own blocking thread; `queue`
    /// more callers may wait. A `concurrency` above the number of cores makes nothing faster.
    ///
    /// # Errors
    /// [`Internal`](Error::Internal) if Argon2 refuses the parameters.
    pub fn new(concurrency: usize, queue: usize) -> Result<Self> {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let admission = concurrency.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            hasher: Arc::new(Hasher::new()?),
            admission: Arc::new(Semaphore::new(admission)),
            concurrency_limit: Arc::new(Semaphore::new(concurrency)),
        })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Hasher) -> Result<T> + Send + 'static) -> Result<T> {
        let admitted = Arc::clone(&self.admission).try_acquire_owned();
        let admitted = admitted.map_err(|full| {
            metrics::counter!("clouddrive_password_hashes_refused_total").increment(1);
            Error::unavailable(PART, full)
        })?;
        let waiting = WaitingGauge::begin();
        let permit = Arc::clone(&self.concurrency_limit).acquire_owned().await;
        drop(waiting);
        let permit = permit.map_err(|closed| Error::internal(PART, closed))?;
        let hasher = Arc::clone(&self.hasher);
        // Both permits move into the work, which continues if the caller is cancelled.
        let done = spawn_blocking(move || {
            #[expect(clippy::disallowed_methods, reason = "the work is measured")]
            let began = Instant::now();
            let outcome = work(&hasher);
            metrics::histogram!("clouddrive_password_hash_duration_seconds").record(began.elapsed());
            drop((admitted, permit));
            outcome
        });
        done.await.map_err(|error| Error::internal(PART, error))?
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash> {
        let password = password.clone();
        self.run(move |hasher| hasher.hash(&password)).await
    }

    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<PasswordCheck> {
        let (password, hash) = (password.clone(), hash.clone());
        self.run(move |hasher| hasher.verify(&password, &hash)).await
    }

    async fn verify_unknown(&self, password: &Password) -> Result<()> {
        let password = password.clone();
        self.run(move |hasher| hasher.verify_unknown(&password)).await
    }
}

impl fmt::Debug for Argon2Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Passwords").finish_non_exhaustive()
    }
}

/// Counts a waiting caller in `clouddrive_password_hashes_waiting` until dropped.
struct WaitingGauge;

impl WaitingGauge {
    fn begin() -> Self {
        metrics::gauge!("clouddrive_password_hashes_waiting").increment(1);
        Self
    }
}

impl Drop for WaitingGauge {
    fn drop(&mut self) {
        metrics::gauge!("clouddrive_password_hashes_waiting").decrement(1);
    }
}

/// The blocking hash computations.
struct Hasher {
    argon2: Argon2<'static>,
    /// A dummy hash with the current parameters.
    dummy: phc::PasswordHash,
}

impl Hasher {
    fn new() -> Result<Self> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES));
        let params = params.map_err(|error| Error::internal(PART, error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self { argon2, dummy: dummy_hash()? })
    }

    fn hash(&self, password: &Password) -> Result<PasswordHash> {
        let hash = self.argon2.hash_password(password.expose().as_bytes()).map_err(to_internal)?;
        Ok(PasswordHash::new(hash.to_string()))
    }

    fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<PasswordCheck> {
        let verdict = if hash.expose().starts_with("$2") {
            verify_bcrypt(password, hash)
        } else {
            self.verify_argon2(password, hash)?
        };
        if let Some(verdict) = verdict {
            return Ok(verdict);
        }
        // Verify a dummy hash, so that timing does not reveal accounts without a usable hash.
        self.verify_unknown(password)?;
        Ok(PasswordCheck::Wrong)
    }

    fn verify_unknown(&self, password: &Password) -> Result<()> {
        self.compare(password, &self.dummy).map(drop)
    }

    /// `None` if the hash is unreadable.
    fn verify_argon2(&self, password: &Password, hash: &PasswordHash) -> Result<Option<PasswordCheck>> {
        let Some((hash, params)) = read_argon2(hash) else {
            return Ok(None);
        };
        let verdict = match self.compare(password, &hash)? {
            Some(true) if is_outdated(&hash, &params) => Some(PasswordCheck::Outdated),
            Some(true) => Some(PasswordCheck::Right),
            Some(false) => Some(PasswordCheck::Wrong),
            None => None,
        };
        Ok(verdict)
    }

    /// Whether the password matches; `None` if Argon2 does not support the hash.
    fn compare(&self, password: &Password, hash: &phc::PasswordHash) -> Result<Option<bool>> {
        match self.argon2.verify_password(password.expose().as_bytes(), hash) {
            Ok(()) => Ok(Some(true)),
            Err(password_hash::Error::PasswordInvalid) => Ok(Some(false)),
            Err(short @ password_hash::Error::OutOfMemory) => Err(to_internal(short)),
            Err(_) => Ok(None),
        }
    }
}

/// A hash of the current cost that no password is known to have: the salt and the output are zeros. Computing one would
/// take as much time and memory at each start as a login.
fn dummy_hash() -> Result<phc::PasswordHash> {
    // In base64, without padding.
    let zeros = |bytes: usize| "A".repeat((bytes * 8).div_ceil(6));
    let (salt, output) = (zeros(SALT_BYTES), zeros(OUTPUT_BYTES));
    let text = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${output}");
    phc::PasswordHash::new(&text).map_err(|error| Error::internal(PART, error))
}

/// Parses the hash and its parameters, if it is complete and of acceptable cost.
fn read_argon2(hash: &PasswordHash) -> Option<(phc::PasswordHash, Params)> {
    let hash = phc::PasswordHash::new(hash.expose()).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let effort = u64::from(params.m_cost()) * u64::from(params.t_cost());
    let is_affordable = effort <= MAX_EFFORT * u64::from(MEMORY_KIB) * u64::from(PASSES);
    (hash.salt.is_some() && hash.hash.is_some() && is_affordable).then_some((hash, params))
}

/// Whether the hash is weaker than the current parameters.
fn is_outdated(hash: &phc::PasswordHash, params: &Params) -> bool {
    hash.algorithm != Algorithm::Argon2id.ident()
        || hash.version != Some(Version::V0x13.into())
        || params.m_cost() < MEMORY_KIB
        || params.t_cost() < PASSES
        || params.output_len().is_none_or(|length| length < OUTPUT_BYTES)
}

/// `None` if the hash is unreadable. Only the first 72 bytes of a password count, as in bcrypt: users with longer
/// passwords must be able to log in.
fn verify_bcrypt(password: &Password, hash: &PasswordHash) -> Option<PasswordCheck> {
    let parts = bcrypt::HashParts::from_str(hash.expose()).ok()?;
    if parts.get_cost() > MAX_BCRYPT_COST {
        return None;
    }
    let right = bcrypt::verify(password.expose(), hash.expose()).ok()?;
    Some(if right { PasswordCheck::Outdated } else { PasswordCheck::Wrong })
}

fn to_internal(error: password_hash::Error) -> Error {
    match error {
        password_hash::Error::OutOfMemory => Error::unavailable(PART, error),
        _ => Error::internal(PART, error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn passwords() -> Argon2Passwords {
        Argon2Passwords::new(2, 8).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::attempt(text).unwrap()
    }

    fn bcrypt_of(text: &str, version: bcrypt::Version) -> PasswordHash {
        PasswordHash::new(bcrypt::hash_with_salt(text, 4, [7; 16]).unwrap().format_for_version(version))
    }

    fn argon2_of(text: &str, algorithm: Algorithm, version: Version, params: Params) -> PasswordHash {
        let hash = Argon2::new(algorithm, version, params).hash_password_with_salt(text.as_bytes(), &[7; 16]);
        PasswordHash::new(hash.unwrap().to_string())
    }

    async fn verdict(text: &str, hash: &PasswordHash) -> PasswordCheck {
        passwords().verify(&password(text), hash).await.unwrap()
    }

    #[tokio::test]
    async fn todays_hashes_say_how_they_were_made() {
        let hash = passwords().hash(&password("a quiet secret")).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert_eq!(verdict("a quiet secret", &hash).await, PasswordCheck::Right);
    }

    #[tokio::test]
    async fn bcrypt_is_accepted_and_outdated() {
        use bcrypt::Version::{TwoA, TwoB, TwoX, TwoY};
        for version in [TwoA, TwoB, TwoX, TwoY] {
            let hash = bcrypt_of("a quiet secret", version);
            assert_eq!(verdict("a quiet secret", &hash).await, PasswordCheck::Outdated, "{}", hash.expose());
            assert_eq!(verdict("another secret", &hash).await, PasswordCheck::Wrong, "{}", hash.expose());
        }
        // A test vector of John the Ripper, independent of the library.
        let known = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert_eq!(verdict("U*U", &PasswordHash::new(known.to_owned())).await, PasswordCheck::Outdated);
    }

    #[tokio::test]
    async fn bcrypt_looks_at_72_bytes() {
        let hash = bcrypt_of(&"x".repeat(100), bcrypt::Version::TwoB);
        assert_eq!(verdict(&"x".repeat(100), &hash).await, PasswordCheck::Outdated);
        assert_eq!(verdict(&"x".repeat(72), &hash).await, PasswordCheck::Outdated);
        assert_eq!(verdict(&"x".repeat(71), &hash).await, PasswordCheck::Wrong);
    }

    #[tokio::test]
    async fn weaker_argon2_is_outdated() {
        let params = |memory, passes, lanes, length| Params::new(memory, passes, lanes, Some(length)).unwrap();
        for (algorithm, version, params, expected) in [
            (Algorithm::Argon2id, Version::V0x13, params(19_456, 2, 1, 32), PasswordCheck::Right),
            (Algorithm::Argon2id, Version::V0x13, params(65_536, 3, 4, 32), PasswordCheck::Right),
            (Algorithm::Argon2id, Version::V0x13, params(19_455, 2, 1, 32), PasswordCheck::Outdated),
            (Algorithm::Argon2id, Version::V0x13, params(65_536, 1, 1, 32), PasswordCheck::Outdated),
            (Algorithm::Argon2id, Version::V0x13, params(19_456, 2, 1, 16), PasswordCheck::Outdated),
            (Algorithm::Argon2id, Version::V0x10, params(19_456, 2, 1, 32), PasswordCheck::Outdated),
            (Algorithm::Argon2i, Version::V0x13, params(19_456, 2, 1, 32), PasswordCheck::Outdated),
            (Algorithm::Argon2d, Version::V0x13, params(19_456, 2, 1, 32), PasswordCheck::Outdated),
        ] {
            let hash = argon2_of("a quiet secret", algorithm, version, params);
            assert_eq!(verdict("a quiet secret", &hash).await, expected, "{}", hash.expose());
            assert_eq!(verdict("another secret", &hash).await, PasswordCheck::Wrong, "{}", hash.expose());
        }
    }

    #[tokio::test]
    async fn a_hash_that_would_take_too_long_is_not_computed() {
        let memory =
            "$argon2id$v=19$m=4194304,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
        let passes =
            "$argon2id$v=19$m=8,t=4294967295,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
        let rounds = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for hash in [memory, passes, rounds] {
            assert_eq!(
                verdict("a quiet secret", &PasswordHash::new(hash.to_owned())).await,
                PasswordCheck::Wrong,
                "{hash}"
            );
        }
    }

    #[test]
    fn unreadable_hashes_differ_from_wrong_passwords() {
        let hasher = Hasher::new().unwrap();
        let whole = hasher.dummy.to_string();
        let no_output = whole.rsplit_once('$').unwrap().0;
        let no_salt = no_output.rsplit_once('$').unwrap().0;
        let no_memory = whole.replace("m=19456", "m=0");
        let other = whole.replace("argon2id", "scrypt");
        for hash in ["", "secret", no_output, no_salt, &no_memory, &other] {
            let hash = PasswordHash::new(hash.to_owned());
            assert_eq!(hasher.verify_argon2(&password(""), &hash).unwrap(), None, "{}", hash.expose());
            assert_eq!(hasher.verify(&password(""), &hash).unwrap(), PasswordCheck::Wrong, "{}", hash.expose());
        }
        for hash in ["$2b$", "$2b$12$", "$2z$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"] {
            assert_eq!(verify_bcrypt(&password(""), &PasswordHash::new(hash.to_owned())), None, "{hash}");
        }
    }

    #[test]
    fn the_dummy_hash_has_the_current_cost() {
        let hasher = Hasher::new().unwrap();
        let dummy = PasswordHash::new(hasher.dummy.to_string());
        let (hash, params) = read_argon2(&dummy).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert!(!is_outdated(&hash, &params));
        // `None` would mean that it was refused before anything was computed.
        assert_eq!(hasher.compare(&password(""), &hasher.dummy).unwrap(), Some(false));
        let real = hasher.hash(&password("a quiet secret")).unwrap();
        assert_eq!(dummy.expose().len(), real.expose().len());
    }

    /// The result of a future that must be ready at once.
    async fn at_once<T>(answer: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            answer = answer => answer,
            () = std::future::ready(()) => panic!("it waits"),
        }
    }

    #[tokio::test]
    async fn past_the_queue_callers_are_turned_away_at_once() {
        let passwords = Argon2Passwords::new(1, 1).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let running = passwords.run(move |_| Ok(held.recv().is_ok()));
        let secret = password("a quiet secret");
        let waiting = passwords.hash(&secret);
        let turned_away = async {
            for refused in [
                at_once(passwords.hash(&secret)).await.map(drop),
                at_once(passwords.verify(&secret, &PasswordHash::new(String::new()))).await.map(drop),
                at_once(passwords.verify_unknown(&secret)).await,
            ] {
                let unavailable = matches!(refused, Err(Error::Unavailable { part: "password hashing", .. }));
                assert!(unavailable, "{refused:?}");
            }
            release.send(()).unwrap();
        };
        // Polled in this order: the first takes the only permit, the second the only place in the queue.
        let (running, waiting, ()) = tokio::join!(biased; running, waiting, turned_away);
        assert!(running.unwrap());
        assert!(waiting.is_ok());
        passwords.verify_unknown(&secret).await.unwrap();
    }

    #[tokio::test]
    async fn a_cancelled_caller_keeps_its_slot_while_hashing_runs() {
        let passwords = Argon2Passwords::new(1, 0).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let leaving = passwords.run(move |_| {
            let _ = begun.send(());
            Ok(held.recv().is_ok())
        });
        tokio::select! {
            biased;
            _ = leaving => panic!("it cannot end before it is released"),
            begun = begins => begun.unwrap(),
        }
        let secret = password("a quiet secret");
        let refused = at_once(passwords.verify_unknown(&secret)).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        drop(release);
        let _all = passwords.admission.acquire().await.unwrap();
    }

    #[test]
    fn it_prints_no_secrets() {
        assert_eq!(format!("{:?}", passwords()), "Argon2Passwords { .. }");
    }
}
