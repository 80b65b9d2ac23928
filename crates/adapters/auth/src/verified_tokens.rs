//! Tokens that were verified before, so that the requests of a session do not decode the same token again and again.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// The maximum number of tokens of a generation. With two generations, the tokens take less than a megabyte.
const MAX_TOKENS: usize = 2048;

/// What does not change about genuine tokens, by the token. Tokens that are not genuine are never kept, so they evict
/// none.
///
/// A token is found by its SHA-256 digest: the time that a comparison takes tells something about the digests of other
/// tokens at most, never about the tokens, and a token takes the same room whatever its length.
pub(crate) struct VerifiedTokens<T>(Mutex<Generations<T>>);

type Key = [u8; 32];

/// Tokens used lately. A generation that is full replaces the former one; a token of the former one that is used again
/// moves to the current one.
struct Generations<T> {
    current: HashMap<Key, T>,
    former: HashMap<Key, T>,
}

impl<T: Copy> VerifiedTokens<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Generations { current: HashMap::new(), former: HashMap::new() }))
    }

    /// What is known of `token`, otherwise what `verify` finds, which is kept if it is genuine.
    pub(crate) fn find_or_verify(&self, token: &str, verify: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let key = Key::from(Sha256::digest(token));
        if let Some(known) = self.with(|generations| generations.find(&key)) {
            return Some(known);
        }
        let verified = verify(token)?;
        self.with(|generations| generations.insert(key, verified));
        Some(verified)
    }

    fn with<R>(&self, work: impl FnOnce(&mut Generations<T>) -> R) -> R {
        // No panic under the lock can leave the maps inconsistent.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Copy> Generations<T> {
    fn find(&mut self, key: &Key) -> Option<T> {
        if let Some(known) = self.current.get(key) {
            return Some(*known);
        }
        let known = self.former.remove(key)?;
        self.insert(*key, known);
        Some(known)
    }

    fn insert(&mut self, key: Key, verified: T) {
        if self.current.len() >= MAX_TOKENS {
            mem::swap(&mut self.current, &mut self.former);
            self.current.clear();
        }
        self.current.insert(key, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found of the token of this number, and whether it had to be verified for that.
    fn found(tokens: &VerifiedTokens<usize>, number: usize) -> (Option<usize>, bool) {
        let mut verified = false;
        let outcome = tokens.find_or_verify(&number.to_string(), |token| {
            verified = true;
            token.parse().ok()
        });
        (outcome, verified)
    }

    fn kept(tokens: &VerifiedTokens<usize>) -> usize {
        tokens.with(|generations| generations.current.len() + generations.former.len())
    }

    #[test]
    fn a_genuine_token_is_verified_once() {
        let tokens = VerifiedTokens::new();
        assert_eq!(found(&tokens, 7), (Some(7), true));
        assert_eq!(found(&tokens, 7), (Some(7), false));
        assert_eq!(found(&tokens, 8), (Some(8), true));
    }

    #[test]
    fn a_token_that_is_not_genuine_is_verified_again_each_time_and_not_kept() {
        let tokens = VerifiedTokens::<usize>::new();
        for _ in 0..2 {
            let mut verified = false;
            let outcome = tokens.find_or_verify("forged", |_| {
                verified = true;
                None
            });
            assert_eq!((outcome, verified, kept(&tokens)), (None, true, 0));
        }
    }

    #[test]
    fn a_bounded_number_of_tokens_is_kept_and_those_in_use_stay() {
        let tokens = VerifiedTokens::new();
        found(&tokens, 0);
        for number in 1..=10 * MAX_TOKENS {
            found(&tokens, number);
            if number % 100 == 0 {
                assert_eq!(found(&tokens, 0), (Some(0), false), "after {number} others");
            }
        }
        assert!((MAX_TOKENS..=2 * MAX_TOKENS).contains(&kept(&tokens)), "{}", kept(&tokens));
        assert_eq!(found(&tokens, 1), (Some(1), true), "it was not used for long");
    }
}
