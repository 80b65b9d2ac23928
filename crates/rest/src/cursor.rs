//! Cursors: the end of a page, authenticated so that it cannot be forged or used for another list.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clouddrive_contract::Code;
use clouddrive_http::problem::Problem;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// The length of a cursor's MAC, in bytes.
const MAC_BYTES: usize = 16;

/// SecretString positions are padded to a multiple of this many bytes, so that their length reveals little.
const PADDING_BYTES: usize = 128;

/// Seals and opens cursors.
#[derive(Clone)]
pub struct Cursors {
    mac: Hmac<Sha256>,
    /// The MAC of the previous key.
    former: Option<Hmac<Sha256>>,
}

impl Cursors {
    pub fn new(key: [u8; 32]) -> Self {
        Self { mac: hmac(key), former: None }
    }

    /// Also opens cursors sealed with the previous key, during key rotation.
    pub fn accepting(mut self, former: [u8; 32]) -> Self {
        self.former = Some(hmac(former));
        self
    }

    /// Creates the cursor of a position in the list named `list`.
    pub(crate) fn seal(&self, list: &str, place: &impl Serialize) -> Result<String, Problem> {
        let error = |error: serde_json::Error| clouddrive_domain::Error::internal("cursor", error);
        let mut bytes = serde_json::to_vec(place).map_err(error)?;
        let seal = mac_of(&self.mac, list, &bytes).finalize().into_bytes();
        bytes.extend(seal.iter().take(MAC_BYTES));
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Opens a cursor of the list named `list`.
    pub(crate) fn open<T: DeserializeOwned>(&self, list: &str, cursor: &str) -> Result<T, Problem> {
        let foreign = || Problem::new(Code::InvalidCursor, "use next_cursor of the page before, in the same order");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
        let split = bytes.len().checked_sub(MAC_BYTES).ok_or_else(foreign)?;
        let (place, seal) = bytes.split_at(split);
        let covers = |mac| mac_of(mac, list, place).verify_truncated_left(seal).is_ok();
        if !covers(&self.mac) && !self.former.as_ref().is_some_and(covers) {
            return Err(foreign());
        }
        serde_json::from_slice(place).map_err(|_| foreign())
    }

    /// Like [`seal`](Self::seal), but encrypts the position (AES-256-GCM-SIV, RFC 8452), so that clients cannot read
    /// it.
    pub(crate) fn seal_encrypted(&self, list: &str, place: &impl Serialize) -> Result<String, Problem> {
        let error = |error: serde_json::Error| clouddrive_domain::Error::internal("cursor", error);
        let mut bytes = serde_json::to_vec(place).map_err(error)?;
        // JSON ignores trailing white space.
        bytes.resize(bytes.len().next_multiple_of(PADDING_BYTES), b' ');
        // The nonce is derived from the plaintext, so it repeats only for the same plaintext.
        let nonce: [u8; NONCE_LEN] = prefix(&mac_of(&self.mac, &format!("nonce {list}"), &bytes));
        let lost = |_| clouddrive_domain::Error::internal("cursor", "it cannot be encrypted");
        let aad = Aad::from(list.as_bytes());
        cipher(&self.mac)
            .and_then(|key| key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes))
            .map_err(lost)?;
        bytes.extend(nonce);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Opens a cursor made by [`seal_encrypted`](Self::seal_encrypted) for the list named `list`.
    pub(crate) fn open_encrypted<T: DeserializeOwned>(&self, list: &str, cursor: &str) -> Result<T, Problem> {
        let foreign = || Problem::new(Code::InvalidCursor, "use next_cursor of the page before, of the same search");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
        let (sealed, nonce) = bytes.split_last_chunk::<NONCE_LEN>().ok_or_else(foreign)?;
        let open = |mac| {
            let mut bytes = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let place = cipher(mac).ok()?.open_in_place(nonce, Aad::from(list.as_bytes()), &mut bytes).ok()?;
            serde_json::from_slice(place).ok()
        };
        open(&self.mac).or_else(|| self.former.as_ref().and_then(open)).ok_or_else(foreign)
    }
}

/// The encryption key of hidden positions, derived from the MAC key.
fn cipher(mac: &Hmac<Sha256>) -> Result<LessSafeKey, aws_lc_rs::error::Unspecified> {
    let key: [u8; 32] = prefix(&mac_of(mac, "key of hidden places", &[]));
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &key)?))
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

    #[test]
    fn hidden_cursors_are_encrypted_and_bound_to_their_list() {
        let cursors = Cursors::new([7; 32]);
        let cursor = cursors.seal_encrypted("a", &("a secret name", 5)).unwrap();
        assert_eq!(cursors.open_encrypted::<(String, u32)>("a", &cursor).unwrap(), ("a secret name".to_owned(), 5));
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        // Padding hides the length of the name.
        assert_eq!(cursors.seal_encrypted("a", &("short", 5)).unwrap().len(), cursor.len());
        let refused = |cursors: &Cursors, list, cursor: &str| {
            cursors.open_encrypted::<(String, u32)>(list, cursor).unwrap_err().code == Code::InvalidCursor
        };
        assert!(refused(&cursors, "b", &cursor));
        assert!(refused(&Cursors::new([8; 32]), "a", &cursor));
        assert!(!refused_by(&Cursors::new([8; 32]).accepting([7; 32]), &cursor));
        let plain = cursors.seal("a", &("a secret name", 5)).unwrap();
        for text in ["", "x", "%%%", "AAAAAAAAAAAAAAAAAAAAAAAA", plain.as_str()] {
            assert!(refused(&cursors, "a", text), "{text}");
        }
        for at in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed == cursor || refused(&cursors, "a", &changed), "{changed}");
        }
    }

    fn refused_by(cursors: &Cursors, cursor: &str) -> bool {
        cursors.open_encrypted::<(String, u32)>("a", cursor).is_err()
    }

    #[test]
    fn a_cursor_opens_for_its_own_list_only() {
        let cursors = Cursors::new([7; 32]);
        let cursor = cursors.seal("a", &("name", 5)).unwrap();
        assert_eq!(cursors.open::<(String, u32)>("a", &cursor).unwrap(), ("name".to_owned(), 5));
        let refused = |cursors: &Cursors, list, cursor: &str| {
            cursors.open::<(String, u32)>(list, cursor).unwrap_err().code == Code::InvalidCursor
        };
        assert!(refused(&cursors, "b", &cursor));
        assert!(refused(&Cursors::new([8; 32]), "a", &cursor));
        for text in ["", "x", "%%%", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(refused(&cursors, "a", text), "{text}");
        }
        for at in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed == cursor || refused(&cursors, "a", &changed), "{changed}");
        }
    }
}
