//! Public links: read access for every holder of a token.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{ItemRef, LinkId, ParseError, PasswordHash, Random, Timestamp, TokenHash, UserId, Viewer};
use crate::error::{Error, Gone, Result};

/// The highest download limit of a link.
pub const MAX_LINK_DOWNLOADS: u64 = 1_000_000_000;

/// How long a proof of a link's password is valid, so that it need not be given again.
pub const LINK_ACCESS_LIFETIME: Duration = Duration::from_hours(1);

/// The token of a public link: 32 characters of `A–Z a–z 0–9 - _`, six random bits each. Its `Debug` output is
/// redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken(Zeroizing<String>);

impl LinkToken {
    /// The length of a token in characters.
    const LENGTH: usize = 32;

    /// The alphabet of base64url (RFC 4648).
    const ALPHABET: &'static [u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// Generates a token of 192 random bits.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; Self::LENGTH];
        random.fill(&mut bytes);
        let letter = |byte: &u8| Self::ALPHABET.get(usize::from(byte & 63)).map(|letter| char::from(*letter));
        Self(Zeroizing::new(bytes.iter().filter_map(letter).collect()))
    }

    /// Parses a token.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let looks = text.len() == Self::LENGTH && text.bytes().all(|byte| Self::ALPHABET.contains(&byte));
        looks.then(|| Self(Zeroizing::new(text.to_owned()))).ok_or(ParseError::new("must be the token of a link"))
    }

    /// The token in clear, for sealing and for the URL shown to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The hash under which the link is found: the same on every instance, and permanent.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::new(&self.0)
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

/// A link's token, encrypted with a key that only the server has. Its `Debug` output is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken(Vec<u8>);

impl SealedToken {
    /// Wraps the output of a sealer.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for storing or unsealing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedToken(…)")
    }
}

/// A public link: lets every holder of its token read one node and its descendants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The identifier. It is not secret and grants no access.
    pub id: LinkId,
    /// The linked node.
    pub item: ItemRef,
    /// The user who created it.
    pub created_by: UserId,
    /// The sealed token.
    pub sealed: SealedToken,
    /// The hash of the password, if it has one.
    pub password: Option<PasswordHash>,
    /// When it expires, if ever.
    pub expires_at: Option<Timestamp>,
    /// The download limit, if any.
    pub max_downloads: Option<u64>,
    /// The number of counted downloads.
    pub downloads: u64,
    /// The time of the last counted download.
    pub last_download_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Link {
    /// The viewer for holders of this link.
    #[must_use]
    pub const fn viewer(&self) -> Viewer {
        Viewer::Link { link: self.id, node: self.item.id }
    }

    /// Checks that the link has not expired at `now`. It expires exactly at `expires_at`.
    ///
    /// # Errors
    /// [`Gone`](Error::Gone): `LinkExpired`.
    pub fn check_running(&self, now: Timestamp) -> Result<()> {
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::Gone(Gone::LinkExpired));
        }
        Ok(())
    }

    /// Checks that the download limit is not reached.
    ///
    /// # Errors
    /// [`Gone`](Error::Gone): `LinkExhausted`.
    pub fn check_download(&self) -> Result<()> {
        if self.max_downloads.is_some_and(|max| self.downloads >= max) {
            return Err(Error::Gone(Gone::LinkExhausted));
        }
        Ok(())
    }
}

/// A change of a link: `None` leaves a value unchanged, `Some(None)` removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkChange {
    /// When it expires.
    pub expires_at: Option<Option<Timestamp>>,
    /// The hash of its password.
    pub password: Option<Option<PasswordHash>>,
    /// The download limit.
    pub max_downloads: Option<Option<u64>>,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{NodeId, NodeKind};
    use crate::testing::name;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip(200_u8..) {
                *byte = value;
            }
        }
    }

    fn link() -> Link {
        Link {
            id: LinkId::from_uuid(Uuid::from_u128(1)),
            item: ItemRef { kind: NodeKind::Folder, id: NodeId::from_uuid(Uuid::from_u128(2)), name: name("Photos") },
            created_by: UserId::from_uuid(Uuid::from_u128(3)),
            sealed: SealedToken::new(vec![1]),
            password: None,
            expires_at: None,
            max_downloads: None,
            downloads: 0,
            last_download_at: None,
            created_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_token_has_six_random_bits_in_each_of_its_characters() {
        let token = LinkToken::generate(&Counting);
        assert_eq!(token.expose(), "IJKLMNOPQRSTUVWXYZabcdefghijklmn");
        assert_eq!(LinkToken::parse(token.expose()).as_ref(), Ok(&token));
        for text in [
            "",
            "IJKL",
            "IJKLMNOPQRSTUVWXYZabcdefghijklm=",
            "IJKLMNOPQRSTUVWXYZabcdefghijklmno",
            "../../../../../../../../../../..",
        ] {
            assert!(LinkToken::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_output_hides_tokens() {
        let token = LinkToken::generate(&Counting);
        assert_eq!(format!("{token:?}"), "LinkToken(…)");
        assert_eq!(format!("{:?}", SealedToken::new(vec![7])), "SealedToken(…)");
    }

    #[test]
    fn a_link_ends_at_its_very_time() {
        let at = Timestamp::from_millis;
        let link = Link { expires_at: Some(at(1_000)), ..link() };
        assert!(link.check_running(at(999)).is_ok());
        assert!(matches!(link.check_running(at(1_000)), Err(Error::Gone(Gone::LinkExpired))));
    }

    #[test]
    fn a_limit_is_reached_when_as_many_were_counted() {
        let spent = Link { max_downloads: Some(2), downloads: 2, ..link() };
        assert!(spent.check_download().is_err());
        assert!(Link { downloads: 1, ..spent.clone() }.check_download().is_ok());
        // A limit below the current count is reached.
        assert!(Link { max_downloads: Some(1), ..spent }.check_download().is_err());
        assert!(link().check_download().is_ok());
    }
}
