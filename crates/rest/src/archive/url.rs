use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clouddrive_contract::paths;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{NodeId, SessionId, Timestamp, UserId};
use clouddrive_domain::service::{ArchiveNames, MAX_ARCHIVE_ITEMS, Selection};
use clouddrive_domain::{Error, Result};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::cursor::hmac;

/// The version of the ticket format.
const VERSION: u8 = 1;

/// The length of a signature, in bytes.
const SIGNATURE: usize = 32;

/// How soon after the creation of its URL a download must begin.
pub(super) const BEGIN_WITHIN: Duration = Duration::from_secs(300);

/// How long after its expiry a URL can still resume a download that has begun.
const CONTINUATION: Duration = Duration::from_secs(24 * 3600);

/// Signs and verifies URLs of archives.
///
/// A ticket consists of its content (user, session, selection, naming scheme, and when the download must begin)
/// followed by an HMAC-SHA256 with a dedicated key.
#[derive(Clone)]
pub struct ArchiveUrls {
    public_url: String,
    mac: Hmac<Sha256>,
    /// The MAC of the previous key.
    former: Option<Hmac<Sha256>>,
}

/// The request that a URL authorises. Access is checked when the URL is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) selection: Selection,
    pub(super) names: ArchiveNames,
    pub(super) expires_at: Timestamp,
}

impl ArchiveUrls {
    /// Creates URLs that start with `public_url` (without trailing slash), signed with `key`.
    pub fn new(public_url: &str, key: [u8; 32], former: Option<[u8; 32]>) -> Self {
        Self { public_url: public_url.to_owned(), mac: hmac(key), former: former.map(hmac) }
    }

    pub(super) fn sign(&self, ticket: &Ticket) -> String {
        let mut bytes = ticket.write();
        let signature = self.mac.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend(signature);
        format!("{}{}?ticket={}", self.public_url, paths::ARCHIVE, URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Verifies and decodes a ticket signed by this server.
    pub(super) fn verify(&self, text: &str) -> Result<Ticket> {
        let refused = || Error::Forbidden(Forbidden::Signature);
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
        let (ticket, signature) = bytes.split_last_chunk::<SIGNATURE>().ok_or_else(refused)?;
        let covers = |mac: &Hmac<Sha256>| mac.clone().chain_update(ticket).verify_slice(signature).is_ok();
        if !covers(&self.mac) && !self.former.as_ref().is_some_and(covers) {
            return Err(refused());
        }
        Ticket::read(ticket).ok_or_else(refused)
    }
}

impl Ticket {
    /// Checks that a request at `now` is in time to begin a download or, for a day after that, that it `resumes` one.
    /// Calls `resumes` only if the result depends on it.
    ///
    /// # Errors
    /// `UrlExpired`; those of `resumes`.
    pub(super) fn check_age(&self, now: Timestamp, resumes: impl FnOnce() -> Result<bool>) -> Result<()> {
        let in_time = now < self.expires_at || (now < self.expires_at.plus(CONTINUATION) && resumes()?);
        if in_time { Ok(()) } else { Err(Error::Forbidden(Forbidden::UrlExpired)) }
    }

    fn write(&self) -> Vec<u8> {
        let names = match self.names {
            ArchiveNames::Unchanged => 0,
            ArchiveNames::Portable => 1,
        };
        let (kind, items): (u8, &[NodeId]) = match &self.selection {
            Selection::Drive => (0, &[]),
            Selection::Items(items) => (1, items),
            Selection::Folder(folder) => (2, std::slice::from_ref(folder)),
        };
        let mut bytes = vec![VERSION, names, kind];
        bytes.extend(self.expires_at.as_millis().to_be_bytes());
        let ids = [self.user.as_uuid(), self.session.as_uuid()];
        for id in ids.into_iter().chain(items.iter().map(NodeId::as_uuid)) {
            bytes.extend(id.as_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[version, names, kind], bytes) = bytes.split_first_chunk::<3>()?;
        let (expires_at, bytes) = bytes.split_first_chunk::<8>()?;
        let (ids, rest) = bytes.as_chunks::<16>();
        let mut ids = ids.iter().map(|id| Uuid::from_bytes(*id));
        let (user, session) = (UserId::from_uuid(ids.next()?), SessionId::from_uuid(ids.next()?));
        let items: Vec<NodeId> = ids.map(NodeId::from_uuid).collect();
        let selection = match (kind, items.as_slice()) {
            (0, []) => Selection::Drive,
            (1, [_, ..]) if items.len() <= MAX_ARCHIVE_ITEMS => Selection::Items(items),
            (2, [folder]) => Selection::Folder(*folder),
            _ => return None,
        };
        let names = match names {
            0 => ArchiveNames::Unchanged,
            1 => ArchiveNames::Portable,
            _ => return None,
        };
        let expires_at = Timestamp::from_millis(i64::from_be_bytes(*expires_at));
        (version == VERSION && rest.is_empty()).then_some(Self { user, session, selection, names, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(key: u8) -> ArchiveUrls {
        ArchiveUrls::new("https://drive.example", [key; 32], None)
    }

    fn ticket(selection: Selection) -> Ticket {
        Ticket {
            user: UserId::from_uuid(Uuid::from_u128(1)),
            session: SessionId::from_uuid(Uuid::from_u128(2)),
            selection,
            names: ArchiveNames::Portable,
            expires_at: Timestamp::from_millis(1_795_327_921_500),
        }
    }

    fn ticket_of(url: &str) -> &str {
        url.strip_prefix("https://drive.example/archive?ticket=").unwrap()
    }

    #[test]
    fn signed_tickets_round_trip() {
        let ids: Vec<NodeId> = (0..200).map(|id| NodeId::from_uuid(Uuid::from_u128(id))).collect();
        for selection in [Selection::Drive, Selection::Items(ids.clone()), Selection::Folder(ids[1])] {
            let ticket = ticket(selection);
            let url = urls(7).sign(&ticket);
            assert!(url.len() < 6_000, "{}", url.len());
            assert_eq!(urls(7).verify(ticket_of(&url)).unwrap(), ticket);
            let rotated = ArchiveUrls::new("", [8; 32], Some([7; 32]));
            assert_eq!(rotated.verify(ticket_of(&url)).unwrap(), ticket);
        }
    }

    #[test]
    fn other_tickets_are_refused() {
        let url = urls(7).sign(&ticket(Selection::Drive));
        let text = ticket_of(&url);
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            let refused = urls(7).verify(&changed);
            assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Signature))), "{at}");
        }
        for text in ["", "AAAA", &text[1..], &text[..text.len() - 1], &format!("{text}AA")] {
            assert!(urls(7).verify(text).is_err(), "{text}");
        }
        assert!(urls(8).verify(text).is_err());
    }

    #[test]
    fn a_download_begins_within_300_seconds_and_is_resumed_for_a_day_after_that() {
        let made = Timestamp::from_millis(1_795_327_921_500);
        let ticket = Ticket { expires_at: made.plus(BEGIN_WITHIN), ..ticket(Selection::Drive) };
        let (end, day) = (300_000, 24 * 3_600_000);
        for (age, begins, goes_on) in [
            (0, true, true),
            (end - 1, true, true),
            (end, false, true),
            (end + 1, false, true),
            (end + day - 1, false, true),
            (end + day, false, false),
            (end + day + 1, false, false),
        ] {
            let now = made.plus(Duration::from_millis(age));
            for (resumes, admitted) in [(false, begins), (true, goes_on)] {
                match ticket.check_age(now, || Ok(resumes)) {
                    Ok(()) => assert!(admitted, "{age} {resumes}"),
                    Err(Error::Forbidden(Forbidden::UrlExpired)) => assert!(!admitted, "{age} {resumes}"),
                    Err(other) => panic!("{age} {resumes}: {other}"),
                }
            }
        }
    }

    #[test]
    fn whether_a_request_resumes_is_checked_only_if_the_result_depends_on_it() {
        let ticket = ticket(Selection::Drive);
        let (end, day) = (ticket.expires_at, Duration::from_secs(24 * 3600));
        let failing = |now| ticket.check_age(now, || Err(Error::NotFound));
        assert!(failing(end.minus(Duration::from_millis(1))).is_ok());
        assert!(matches!(failing(end), Err(Error::NotFound)));
        assert!(matches!(failing(end.plus(day)), Err(Error::Forbidden(Forbidden::UrlExpired))));
    }
}
