//! Archives: files and folders with all that lies below them, to be carried away in one piece.

mod listing;
mod names;
mod right;
mod slots;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

pub use listing::{ArchiveEntry, ArchivedFile};
pub use names::ArchiveNames;

use self::listing::Listing;
use self::right::Right;
use self::slots::{Caller, Slot, Slots};
use super::access::Access;
use super::contents::Contents;
use super::visits::LinkedFolder;
use super::{Ambient, Visitor};
use crate::error::{Error, Refused, Result};
use crate::model::{
    Action, Actor, BlobKey, Crc32, MAX_NAME_BYTES, MediaType, Name, Network, NodeId, NodeKind, ReadGrant, SessionId,
    Timestamp, authorize_read,
};
use crate::port::{BlobRecords, ByteStream, Drive, Links, Presentation, Sessions, Trees};

/// How many files and folders an archive has at the most. Who packs one keeps its whole listing until its end.
pub const MAX_ARCHIVE_ENTRIES: u64 = 100_000;

/// How long the paths of an archive are at the most in bytes, all together: 32 MiB.
pub const MAX_ARCHIVE_PATH_BYTES: u64 = 32 << 20;

/// How many items can be selected for one archive: the URL of the archive names each of them.
pub const MAX_ARCHIVE_ITEMS: usize = 200;

/// How many checksums are noted at once, and of how many bytes the last of them may be before they are.
const NOTED: usize = 64;
const NOTED_BYTES: u64 = 16 << 20;

/// What an archive is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A folder.
    Folder(NodeId),
    /// Files and folders, wherever they lie: up to [`MAX_ARCHIVE_ITEMS`].
    Items(Vec<NodeId>),
    /// The caller's whole drive.
    Drive,
}

/// What archives are made from.
#[derive(Clone)]
pub struct ArchiveStores {
    /// The tree.
    pub drive: Arc<dyn Drive>,
    /// Whole trees.
    pub trees: Arc<dyn Trees>,
    /// The bytes.
    pub contents: Contents,
    /// What is known of them.
    pub records: Arc<dyn BlobRecords>,
    /// The sessions by which archives run; without a memory, which would answer for the moment before.
    pub sessions: Arc<dyn Sessions>,
    /// The public links by which archives run.
    pub links: Arc<dyn Links>,
}

/// Archives: what they hold, and by what right they go on.
pub struct Archives {
    access: Access,
    stores: ArchiveStores,
    ambient: Ambient,
    slots: Arc<Slots>,
}

impl Archives {
    /// Puts the service together.
    #[must_use]
    pub fn new(stores: ArchiveStores, ambient: Ambient) -> Self {
        Self { access: Access::new(stores.drive.clone()), stores, ambient, slots: Arc::default() }
    }

    /// Checks that the caller may see what is selected.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn check(&self, actor: &Actor, selection: &Selection) -> Result<()> {
        self.tops(actor, selection).await.map(drop)
    }

    /// An archive of what is selected, as it is now, for the caller who has that session.
    ///
    /// # Errors
    /// `NotFound` of any of it; `TooManyEntries` past [`MAX_ARCHIVE_ENTRIES`] and past [`MAX_ARCHIVE_PATH_BYTES`];
    /// `TooManyRunning` when the caller has too many archives running; `Unavailable` when all callers together have.
    pub async fn open(
        &self,
        actor: &Actor,
        session: SessionId,
        selection: &Selection,
        names: ArchiveNames,
    ) -> Result<Archive> {
        let slot = self.slots.take(&[Caller::User(actor.user)])?;
        let right = Right::of_session(actor.user, session);
        // Whoever comes by a signed URL has shown no token.
        right.check_basis(&self.stores, self.ambient.now()).await?;
        let tops = self.tops(actor, selection).await?;
        let name = match (selection, tops.as_slice()) {
            (Selection::Drive, _) => "Drive",
            (_, [top]) => top.node().name.as_str(),
            _ => "Archive",
        };
        self.list(tops.as_slice(), name, right, slot, names).await
    }

    /// An archive of a folder that a public link leads to, as it is now.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_linked(&self, visitor: &Visitor, folder: &LinkedFolder, names: ArchiveNames) -> Result<Archive> {
        let link = folder.link();
        let address = Network::of(visitor.address);
        let slot = self.slots.take(&[Caller::Link(link.id), Caller::LinkFrom(link.id, address)])?;
        let right = Right::of_link(visitor, link)?;
        let name = folder.grant().node().name.as_str();
        self.list(std::slice::from_ref(folder.grant()), name, right, slot, names).await
    }

    /// Leave to read each of what is selected. Of what lies below something else that is selected there is none: it is in
    /// the archive already.
    async fn tops(&self, actor: &Actor, selection: &Selection) -> Result<Vec<ReadGrant>> {
        let ids = match selection {
            Selection::Folder(id) => {
                let grant = self.access.of(actor.user, NodeKind::Folder, *id, Action::Read).await?;
                return Ok(vec![ReadGrant::clone(&grant)]);
            }
            Selection::Drive => {
                let home = self.stores.drive.find_home(actor.user).await?.ok_or(Error::NotFound)?;
                return Ok(vec![authorize_read(Some(home.root))?]);
            }
            Selection::Items(ids) => ids,
        };
        let found = self.stores.drive.find_many(ids, actor.user.into()).await?;
        let mut found: HashMap<NodeId, _> = found.into_iter().map(|found| (found.node.id, found)).collect();
        let mut tops = Vec::with_capacity(ids.len());
        for (at, id) in ids.iter().enumerate() {
            if ids.iter().take(at).any(|before| before == id) {
                continue;
            }
            let located = found.remove(id).filter(|found| found.node.kind() != NodeKind::Root);
            tops.push(authorize_read(located)?);
        }
        let below = |top: &ReadGrant| {
            let id = top.node().id;
            ids.iter().any(|other| *other != id && top.located().is_at_or_below(*other))
        };
        tops.retain(|top| !below(top));
        Ok(tops)
    }

    async fn list(
        &self,
        tops: &[ReadGrant],
        name: &str,
        right: Right,
        slot: Slot,
        names: ArchiveNames,
    ) -> Result<Archive> {
        let checked = self.ambient.now();
        let entries = self.stores.trees.list(tops, MAX_ARCHIVE_ENTRIES).await?;
        let listing = Listing::new(tops, entries, names)?;
        let room = self.slots.reserve(listing.bytes())?;
        Ok(Archive {
            stores: self.stores.clone(),
            ambient: self.ambient.clone(),
            right: right.reading(tops),
            name: name.to_owned(),
            listing,
            checked,
            noted: Vec::new(),
            _held: (slot, room),
        })
    }
}

/// Fails when an archive has no room for so many entries or so long paths.
fn require_room(entries: u64, path_bytes: u64) -> Result<()> {
    let too_many = |limit, what| Err(Error::Refused(Refused::TooManyEntries { limit, what }));
    if entries > MAX_ARCHIVE_ENTRIES {
        return too_many(MAX_ARCHIVE_ENTRIES, "files and folders");
    }
    if path_bytes > MAX_ARCHIVE_PATH_BYTES {
        return too_many(MAX_ARCHIVE_PATH_BYTES, "bytes of paths");
    }
    Ok(())
}

/// The bytes of one file of an [`Archive`], which alone makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedBlob {
    key: BlobKey,
    size: u64,
}

impl ArchivedBlob {
    /// They are not what they should be.
    #[must_use]
    pub fn damaged(&self, what: &str) -> Error {
        Error::damaged(&self.key, what)
    }
}

/// Reads the files of an [`Archive`], also several at once and ahead of their turn.
#[derive(Clone)]
pub struct ArchiveReader {
    contents: Contents,
}

impl ArchiveReader {
    /// The bytes of a file of the archive from `range.start` up to, not including, `range.end`.
    ///
    /// # Errors
    /// `Damaged` when the bytes are missing or have another length; and those of the store.
    pub async fn read(&self, blob: &ArchivedBlob, range: Range<u64>) -> Result<ByteStream> {
        self.contents.read_blob(&blob.key, blob.size, range).await
    }
}

/// Files and folders with all that lies below them, as they were at one moment. Only [`Archives`] makes one.
///
/// Its listing stays as it is; its bytes go only as long as the right holds by which it was opened. Nothing is held in
/// between: no connection, no lock.
pub struct Archive {
    stores: ArchiveStores,
    ambient: Ambient,
    right: Right,
    name: String,
    listing: Listing,
    /// When the right was last seen to hold.
    checked: Timestamp,
    /// Checksums that are still to be noted.
    noted: Vec<(BlobKey, Crc32)>,
    /// What counts it among those that run.
    _held: (Slot, slots::Room),
}

impl Archive {
    /// What whoever fetches it is told about it, packed as `media_type` in a file with this `extension`.
    #[must_use]
    pub fn presentation(&self, media_type: MediaType, extension: &str) -> Presentation {
        let mut stem = self.name.clone();
        while stem.len() + extension.len() > MAX_NAME_BYTES {
            stem.pop();
        }
        let name = Name::parse(&format!("{stem}{extension}")).or_else(|_| Name::parse(&format!("Archive{extension}")));
        Presentation { media_type, attachment: name.ok(), content: None }
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listing.len()
    }

    /// Whether it has none, as an empty drive has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry of that number, from 0. A folder comes before what lies in it.
    #[must_use]
    pub fn entry(&self, number: usize) -> Option<ArchiveEntry<'_>> {
        self.listing.entry(number)
    }

    /// All entries, in their order.
    pub fn entries(&self) -> impl Iterator<Item = ArchiveEntry<'_>> {
        (0..self.len()).filter_map(|number| self.entry(number))
    }

    /// The bytes of the entry of that number, if it is a file.
    #[must_use]
    pub fn blob(&self, number: usize) -> Option<ArchivedBlob> {
        self.listing.blob(number).map(|(key, size)| ArchivedBlob { key, size })
    }

    /// When anything in it changed last.
    #[must_use]
    pub const fn modified_at(&self) -> Timestamp {
        self.listing.modified_at()
    }

    /// What reads the files of this archive.
    #[must_use]
    pub fn reader(&self) -> ArchiveReader {
        ArchiveReader { contents: self.stores.contents.clone() }
    }

    /// Makes sure, unless that has been done a moment ago, that the right still holds by which the archive was opened.
    /// Whoever hands bytes out asks for it: a file may be long, and its reader slow.
    ///
    /// # Errors
    /// `NotFound` and others, when it does not.
    pub async fn check(&mut self) -> Result<()> {
        let now = self.ambient.now();
        if now.as_millis().abs_diff(self.checked.as_millis()) >= right::FRESH_MILLIS {
            self.right.check(&self.stores, now).await?;
            self.checked = now;
        }
        Ok(())
    }

    /// Keeps the CRC-32 of a file, which has been read for it, and notes it for all who come after.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn learn(&mut self, number: usize, crc32: Crc32) -> Result<()> {
        let Some((blob, size)) = self.listing.learn(number, crc32) else {
            return Ok(());
        };
        self.noted.push((blob, crc32));
        if self.noted.len() >= NOTED || size >= NOTED_BYTES {
            self.note().await?;
        }
        Ok(())
    }

    /// Notes the checksums that have been learned and not been noted yet.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note(&mut self) -> Result<()> {
        let noted = std::mem::take(&mut self.noted);
        if noted.is_empty() { Ok(()) } else { self.stores.records.note_crc32(&noted).await }
    }
}
