//! Public links: what owners let anybody see who holds a token.

use std::fmt;
use std::time::Duration;

use super::{ItemRef, LinkId, PasswordHash, Timestamp, TokenHash, UserId, Viewer};
use crate::error::{Error, Gone, Result};
use crate::port::Random;

/// The most downloads that a limit can be set to.
pub const MAX_LINK_DOWNLOADS: u64 = 1_000_000_000;

/// For how long whoever gave a link's password need not give it again, when they come with the proof of it.
pub const LINK_ACCESS_LIFETIME: Duration = Duration::from_hours(1);

/// What the holder of a link holds: 32 characters of `A–Z a–z 0–9 - _`, of six random bits each. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken(String);

impl LinkToken {
    /// How many characters a token has.
    const LENGTH: usize = 32;

    /// The characters: those of base64url (RFC 4648).
    const ALPHABET: &'static [u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// Makes a token of 192 random bits.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; Self::LENGTH];
        random.fill(&mut bytes);
        let letter = |byte: &u8| Self::ALPHABET.get(usize::from(byte & 63)).map(|letter| char::from(*letter));
        Self(bytes.iter().filter_map(letter).collect())
    }

    /// Takes what somebody sent as a token; none when no token looks like that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let looks = text.len() == Self::LENGTH && text.bytes().all(|byte| Self::ALPHABET.contains(&byte));
        looks.then(|| Self(text.to_owned()))
    }

    /// The token itself, for whoever seals it, and for the URL that its owner sees.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What it is found by: the same on every instance, for good.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

/// A link's token, sealed with a key that only the server has. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken(Vec<u8>);

impl SealedToken {
    /// Wraps what a sealer made.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for whoever stores or opens them.
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

/// A public link: leave for whoever holds its token to read one node and all that lies below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The identifier. It is no secret, and opens nothing.
    pub id: LinkId,
    /// What is linked.
    pub item: ItemRef,
    /// Who made it.
    pub created_by: UserId,
    /// The token, sealed.
    pub sealed: SealedToken,
    /// The hash of the password, if one is asked for.
    pub password: Option<PasswordHash>,
    /// When it ends, if it does by itself.
    pub expires_at: Option<Timestamp>,
    /// How often its bytes may be downloaded, if that is limited.
    pub max_downloads: Option<u64>,
    /// How often they were.
    pub downloads: u64,
    /// When they were last.
    pub last_download_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Link {
    /// Whoever comes by this link.
    #[must_use]
    pub const fn viewer(&self) -> Viewer {
        Viewer::Link { link: self.id, node: self.item.id }
    }

    /// Checks that its time has not run out. A link ends at its very time.
    ///
    /// # Errors
    /// [`Gone`](Error::Gone): `LinkExpired`.
    pub fn check_running(&self, now: Timestamp) -> Result<()> {
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::Gone(Gone::LinkExpired));
        }
        Ok(())
    }

    /// Checks that one more download may begin.
    ///
    /// # Errors
    /// [`Gone`](Error::Gone): `LinkExhausted`.
    pub fn check_download(&self) -> Result<()> {
        if self.max_downloads.is_some_and(|most| self.downloads >= most) {
            return Err(Error::Gone(Gone::LinkExhausted));
        }
        Ok(())
    }
}

/// What is to change of a link: nothing that is none; what is `Some(None)` goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkChange {
    /// When it ends.
    pub expires_at: Option<Option<Timestamp>>,
    /// The hash of its password.
    pub password: Option<Option<PasswordHash>>,
    /// How often its bytes may be downloaded.
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
        assert_eq!(LinkToken::parse(token.expose()).as_ref(), Some(&token));
        for text in [
            "",
            "IJKL",
            "IJKLMNOPQRSTUVWXYZabcdefghijklm=",
            "IJKLMNOPQRSTUVWXYZabcdefghijklmno",
            "../../../../../../../../../../..",
        ] {
            assert_eq!(LinkToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn secrets_print_as_nothing() {
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
        // A limit below what was counted already is reached.
        assert!(Link { max_downloads: Some(1), ..spent }.check_download().is_err());
        assert!(link().check_download().is_ok());
    }
}
