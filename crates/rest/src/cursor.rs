//! Cursors: the end of a page, encrypted so that clients can neither read nor forge it, nor use it for another list.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clouddrive_contract::Code;
use clouddrive_domain::Error;
use clouddrive_http::problem::Problem;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// Positions are padded to a multiple of this many bytes, so that their length reveals little.
const PADDING_BYTES: usize = 128;

/// Seals and opens cursors with AES-256-GCM-SIV (RFC 8452).
pub struct Cursors {
    keys: Keys,
    /// The previous keys.
    former: Option<Keys>,
}

/// The keys that follow from one.
struct Keys {
    mac: Hmac<Sha256>,
    /// The key for encryption, derived from that of the MAC.
    cipher: Result<LessSafeKey, Unspecified>,
}

impl Keys {
    fn new(key: [u8; 32]) -> Self {
        let mac = hmac(key);
        let of_cipher: [u8; 32] = prefix(&mac_of(&mac, "key of hidden places", &[]));
        Self { cipher: UnboundKey::new(&AES_256_GCM_SIV, &of_cipher).map(LessSafeKey::new), mac }
    }
}

impl Cursors {
    pub fn new(key: [u8; 32]) -> Self {
        Self { keys: Keys::new(key), former: None }
    }

    /// Also opens cursors sealed with the previous key, during key rotation.
    pub fn accepting(mut self, former: [u8; 32]) -> Self {
        self.former = Some(Keys::new(former));
        self
    }

    /// Creates the cursor of a position in the list named `list`.
    pub(crate) fn seal(&self, list: &str, place: &impl Serialize) -> Result<String, Problem> {
        let mut bytes = serde_json::to_vec(place).map_err(|error| Error::internal("cursor", error))?;
        // JSON ignores trailing white space.
        bytes.resize(bytes.len().next_multiple_of(PADDING_BYTES), b' ');
        // The nonce is derived from the plaintext, so it repeats only for the same plaintext.
        let nonce: [u8; NONCE_LEN] = prefix(&mac_of(&self.keys.mac, &format!("nonce {list}"), &bytes));
        let (nonced, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(list.as_bytes()));
        let cipher = self.keys.cipher.as_ref().map_err(|_| not_encrypted())?;
        cipher.seal_in_place_append_tag(nonced, aad, &mut bytes).map_err(|_| not_encrypted())?;
        bytes.extend(nonce);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Opens a cursor of the list named `list`.
    pub(crate) fn open<T: DeserializeOwned>(&self, list: &str, cursor: &str) -> Result<T, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
        let mut keys = std::iter::once(&self.keys).chain(&self.former);
        let place = keys.find_map(|keys| decrypt(keys, list, &bytes).or_else(|| authenticate(keys, list, &bytes)));
        place.and_then(|place| serde_json::from_slice(&place).ok()).ok_or_else(|| {
            Problem::new(Code::InvalidCursor, "use next_cursor of the page before, with the same other parameters")
        })
    }
}

fn not_encrypted() -> Error {
    Error::internal("cursor", "it cannot be encrypted")
}

/// The position in a cursor of `list`, if the cursor was sealed with these keys.
fn decrypt(keys: &Keys, list: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let (sealed, nonce) = bytes.split_last_chunk::<NONCE_LEN>()?;
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let place = keys.cipher.as_ref().ok()?.open_in_place(nonce, Aad::from(list.as_bytes()), &mut sealed).ok()?;
    Some(place.to_vec())
}

/// The position in a cursor that is authenticated but not encrypted, as servers before release 0.1.0 issued them: lists
/// that began there can be continued during a rolling update. Release 0.2.0 removes this.
fn authenticate(keys: &Keys, list: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let (place, seal) = bytes.split_last_chunk::<16>()?;
    mac_of(&keys.mac, list, place).verify_truncated_left(seal).is_ok().then(|| place.to_vec())
}

fn prefix<const N: usize>(mac: &Hmac<Sha256>) -> [u8; N] {
    let digest = mac.clone().finalize().into_bytes();
    let mut bytes = [0; N];
    bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
    bytes
}

/// HMAC takes a block-sized key; shorter ones are padded with zeros (RFC 2104).
pub(super) fn hmac(key: [u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte = key);
    Hmac::new(&block.into())
}

/// The MAC over a list's name and a position in it.
fn mac_of(mac: &Hmac<Sha256>, list: &str, place: &[u8]) -> Hmac<Sha256> {
    let length = (list.len() as u64).to_be_bytes();
    mac.clone().chain_update(length).chain_update(list).chain_update(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(cursors: &Cursors, list: &str, cursor: &str) -> Option<(String, u32)> {
        match cursors.open(list, cursor) {
            Ok(place) => Some(place),
            Err(problem) => {
                assert_eq!(problem.code, Code::InvalidCursor);
                None
            }
        }
    }

    #[test]
    fn cursors_are_encrypted_and_open_for_their_own_list_and_key_only() {
        let cursors = Cursors::new([7; 32]);
        let place = ("a secret name".to_owned(), 5);
        let cursor = cursors.seal("a", &place).unwrap();
        assert_eq!(opened(&cursors, "a", &cursor), Some(place.clone()));
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        // Padding hides the length of the name.
        assert_eq!(cursors.seal("a", &("short", 5)).unwrap().len(), cursor.len());
        assert_eq!(opened(&cursors, "b", &cursor), None);
        assert_eq!(opened(&Cursors::new([8; 32]), "a", &cursor), None);
        assert_eq!(opened(&Cursors::new([8; 32]).accepting([7; 32]), "a", &cursor), Some(place));
    }

    #[test]
    fn changed_cursors_are_refused() {
        let cursors = Cursors::new([7; 32]);
        for text in ["", "x", "%%%", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(opened(&cursors, "a", text), None, "{text}");
        }
        for cursor in [cursors.seal("a", &("name", 5)).unwrap(), unencrypted(&cursors, "a", r#"["name",5]"#)] {
            for at in 0..cursor.len() {
                let mut bytes = cursor.clone().into_bytes();
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(bytes).unwrap();
                assert!(changed == cursor || opened(&cursors, "a", &changed).is_none(), "{changed}");
            }
        }
    }

    #[test]
    fn cursors_of_the_release_before_are_read() {
        let cursors = Cursors::new([7; 32]);
        let cursor = unencrypted(&cursors, "a", r#"["name",5]"#);
        assert_eq!(opened(&cursors, "a", &cursor), Some(("name".to_owned(), 5)));
        assert_eq!(opened(&cursors, "b", &cursor), None);
        assert_eq!(opened(&Cursors::new([8; 32]).accepting([7; 32]), "a", &cursor), Some(("name".to_owned(), 5)));
    }

    #[test]
    fn a_cursor_is_the_same_after_a_restart() {
        let sealed = || Cursors::new([7; 32]).seal("a", &("name", 5)).unwrap();
        assert_eq!(sealed(), sealed());
        let cursors = Cursors::new([7; 32]);
        assert_eq!(cursors.seal("a", &("name", 5)).unwrap(), cursors.seal("a", &("name", 5)).unwrap());
    }

    fn unencrypted(cursors: &Cursors, list: &str, place: &str) -> String {
        let seal: [u8; 16] = prefix(&mac_of(&cursors.keys.mac, list, place.as_bytes()));
        URL_SAFE_NO_PAD.encode([place.as_bytes(), &seal].concat())
    }
}
