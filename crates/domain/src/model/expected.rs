use super::{Sha256, Stored};
use crate::error::{Error, Refused, Result};

/// The expected size and digest of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The allowed length.
    pub length: Length,
    /// Its digest, if it was announced.
    pub sha256: Option<Sha256>,
}

impl Expected {
    /// Checks `stored` against what was expected, as far as the store has verified it.
    ///
    /// # Errors
    /// `Size`, `TooLarge`, `Checksum`.
    pub fn check(&self, stored: &Stored) -> Result<()> {
        match self.length {
            Length::Exactly(size) if stored.size != size => return Err(Error::Refused(Refused::Size)),
            Length::AtMost(limit) if stored.size > limit => return Err(Error::Refused(Refused::TooLarge { limit })),
            _ => {}
        }
        match (self.sha256, stored.sha256) {
            (Some(announced), Some(verified)) if announced != verified => Err(Error::Refused(Refused::Checksum)),
            _ => Ok(()),
        }
    }
}

/// The allowed length of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Exactly this many bytes.
    Exactly(u64),
    /// Unknown in advance; at most this many bytes.
    AtMost(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_metadata_is_checked_as_far_as_it_is_known() {
        let (seven, eight) = (Some(Sha256::from_bytes([7; 32])), Some(Sha256::from_bytes([8; 32])));
        let check = |length, announced, size, verified| {
            let outcome =
                Expected { length, sha256: announced }.check(&Stored { size, sha256: verified, ..Stored::default() });
            outcome.map_err(|error| error.to_string())
        };
        for (announced, verified) in [(None, None), (None, seven), (seven, None), (seven, seven)] {
            assert_eq!(check(Length::Exactly(10), announced, 10, verified), Ok(()));
        }
        let refused = |refusal: Refused| Err(Error::Refused(refusal).to_string());
        assert_eq!(check(Length::Exactly(10), seven, 10, eight), refused(Refused::Checksum));
        for size in [0, 9, 11] {
            assert_eq!(check(Length::Exactly(10), seven, size, seven), refused(Refused::Size));
        }
        assert_eq!(check(Length::AtMost(10), None, 10, None), Ok(()));
        assert_eq!(check(Length::AtMost(10), None, 11, None), refused(Refused::TooLarge { limit: 10 }));
    }
}
