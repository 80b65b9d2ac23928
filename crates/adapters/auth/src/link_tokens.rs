//! Tokens of public links, encrypted so that they can be shown again.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use clouddrive_domain::model::{LinkId, LinkToken, SealedToken};
use clouddrive_domain::port::LinkTokens;
use clouddrive_domain::{Error, Result};

const PART: &str = "link tokens";

/// Seals link tokens with AES-256-GCM, each prefixed with its own random nonce and bound to its link.
pub struct SealedLinkTokens {
    /// The sealing key first, then former keys.
    keys: Vec<RandomizedNonceKey>,
}

impl SealedLinkTokens {
    /// Seals with `key`, which MUST be secret, used for nothing else, and the same on every instance.
    ///
    /// # Errors
    /// [`Internal`](Error::Internal) if the library rejects the key.
    pub fn new(key: [u8; 32]) -> Result<Self> {
        Ok(Self { keys: vec![randomized(key)?] })
    }

    /// Also opens tokens sealed with the key `former`, for key rotation.
    ///
    /// # Errors
    /// Same as [`new`](Self::new).
    pub fn accepting(mut self, former: [u8; 32]) -> Result<Self> {
        self.keys.push(randomized(former)?);
        Ok(self)
    }
}

fn randomized(key: [u8; 32]) -> Result<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|error| Error::internal(PART, error))
}

/// The associated data, which binds a sealed token to its link.
fn bound_to(link: LinkId) -> Aad<[u8; 16]> {
    Aad::from(link.as_uuid().into_bytes())
}

fn open(key: &RandomizedNonceKey, link: LinkId, sealed: &[u8]) -> Option<LinkToken> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut bytes = sealed.to_vec();
    let token = key.open_in_place(Nonce::assume_unique_for_key(*nonce), bound_to(link), &mut bytes).ok()?;
    LinkToken::parse(std::str::from_utf8(token).ok()?).ok()
}

impl LinkTokens for SealedLinkTokens {
    fn seal(&self, link: LinkId, token: &LinkToken) -> Result<SealedToken> {
        let key = self.keys.first().ok_or_else(|| Error::internal(PART, "there is no key"))?;
        let mut bytes = token.expose().as_bytes().to_vec();
        let nonce = key.seal_in_place_append_tag(bound_to(link), &mut bytes);
        let nonce = nonce.map_err(|error| Error::internal(PART, error))?;
        Ok(SealedToken::new([nonce.as_ref().as_slice(), &bytes].concat()))
    }

    fn open(&self, link: LinkId, sealed: &SealedToken) -> Option<LinkToken> {
        self.keys.iter().find_map(|key| open(key, link, sealed.as_bytes()))
    }
}

impl fmt::Debug for SealedLinkTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedLinkTokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "01990000-0000-7000-8000-0000000000ab";
    const TOKEN: &str = "IJKLMNOPQRSTUVWXYZabcdefghijklmn";

    fn link() -> LinkId {
        LINK.parse().unwrap()
    }

    fn token() -> LinkToken {
        LinkToken::parse(TOKEN).unwrap()
    }

    #[test]
    fn tokens_sealed_with_a_former_key_open_if_it_is_accepted() {
        let old = SealedLinkTokens::new([7; 32]).unwrap();
        let sealed = old.seal(link(), &token()).unwrap();
        let new = SealedLinkTokens::new([8; 32]).unwrap();
        assert_eq!(new.open(link(), &sealed), None);
        assert_eq!(new.accepting([7; 32]).unwrap().open(link(), &sealed), Some(token()));
    }

    #[test]
    fn changed_tokens_do_not_open() {
        let tokens = SealedLinkTokens::new([7; 32]).unwrap();
        let sealed = tokens.seal(link(), &token()).unwrap();
        assert!(!sealed.as_bytes().windows(8).any(|bytes| TOKEN.as_bytes().windows(8).any(|part| part == bytes)));
        for at in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert_eq!(tokens.open(link(), &SealedToken::new(bytes)), None, "{at}");
        }
        for end in 0..sealed.as_bytes().len() {
            assert_eq!(tokens.open(link(), &SealedToken::new(sealed.as_bytes()[..end].to_vec())), None, "{end}");
        }
    }

    #[test]
    fn it_prints_no_secrets() {
        assert_eq!(format!("{:?}", SealedLinkTokens::new([7; 32]).unwrap()), "SealedLinkTokens { .. }");
    }
}
