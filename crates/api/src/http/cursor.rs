//! Cursors: where a page ended, sealed so that nobody can make one up or use it for another list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clouddrive_contract::Code;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use super::problem::{Outcome, Problem};

/// How many bytes of a seal a cursor carries.
const SEAL: usize = 16;

/// Seals cursors and opens them again.
#[derive(Clone)]
pub(crate) struct Cursors {
    mac: Hmac<Sha256>,
    /// That of a key that sealed before this one.
    former: Option<Hmac<Sha256>>,
}

impl Cursors {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { mac: hmac(key), former: None }
    }

    /// Opens cursors that were sealed with the key `former` as well, while keys are changed.
    pub(crate) fn accepting(mut self, former: [u8; 32]) -> Self {
        self.former = Some(hmac(former));
        self
    }

    /// The cursor of a place in the list that `list` names.
    pub(crate) fn seal(&self, list: &str, place: &impl Serialize) -> Outcome<String> {
        let fault = |fault: serde_json::Error| clouddrive_domain::Error::internal("cursor", fault);
        let mut bytes = serde_json::to_vec(place).map_err(fault)?;
        let seal = cover(&self.mac, list, &bytes).finalize().into_bytes();
        bytes.extend(seal.iter().take(SEAL));
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The place that a cursor of the list `list` marks.
    pub(crate) fn open<T: DeserializeOwned>(&self, list: &str, cursor: &str) -> Outcome<T> {
        let foreign = || Problem::new(Code::InvalidCursor, "use next_cursor of the page before, in the same order");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
        let split = bytes.len().checked_sub(SEAL).ok_or_else(foreign)?;
        let (place, seal) = bytes.split_at(split);
        let covers = |mac| cover(mac, list, place).verify_truncated_left(seal).is_ok();
        if !covers(&self.mac) && !self.former.as_ref().is_some_and(covers) {
            return Err(foreign());
        }
        serde_json::from_slice(place).map_err(|_| foreign())
    }
}

/// HMAC takes a key of a whole block: a shorter one is filled up with zeros (RFC 2104).
fn hmac(key: [u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte = key);
    Hmac::new(&block.into())
}

/// `mac` over the name of a list and a place in it.
fn cover(mac: &Hmac<Sha256>, list: &str, place: &[u8]) -> Hmac<Sha256> {
    let length = (list.len() as u64).to_be_bytes();
    mac.clone().chain_update(length).chain_update(list).chain_update(place)
}

#[cfg(test)]
mod tests {
    use super::*;

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
