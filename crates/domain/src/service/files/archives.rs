//! Archives: files and folders with all their contents, downloaded as one file.

mod authorization;
mod limits;
mod listing;
mod names;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use listing::{ArchiveEntry, ArchivedFile};
pub use names::ArchiveNames;

use self::authorization::Authorization;
use self::limits::{ArchiveLimits, LimitKey, RunningArchive};
use self::listing::Listing;
use super::contents::Contents;
use crate::error::{Error, Refused, Result};
use crate::model::{
    Action, Actor, BlobKey, BlobRef, ClientSubnet, Crc32, MAX_NAME_BYTES, MediaType, Name, NodeId, NodeKind, ReadGrant,
    Scope, Timestamp, authorize_read,
};
use crate::port::{
    BlobRecordRepository, ByteStream, ContentHeaders, LinkRepository, NodeRepository, SessionRepository, TreeRepository,
};
use crate::service::access::Access;
use crate::service::sharing::public_links::LinkedFolder;
use crate::service::{LinkBearer, ServiceContext};

/// The most files and folders in an archive. The whole listing stays in memory while the archive is packed.
pub const MAX_ARCHIVE_ENTRIES: u64 = 100_000;

/// The most bytes that all paths of an archive may have together: 32 MiB.
pub const MAX_ARCHIVE_PATH_BYTES: u64 = 32 << 20;

/// The most items that can be selected for one archive: its URL names each of them.
pub const MAX_ARCHIVE_ITEMS: usize = 200;

/// Learned checksums are recorded in batches of this many, or at once after a file of at least `FLUSH_AFTER_BYTES`.
const CHECKSUM_BATCH: usize = 64;
const FLUSH_AFTER_BYTES: u64 = 16 << 20;

/// What to put into an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A folder.
    Folder(NodeId),
    /// Files and folders from any location: up to [`MAX_ARCHIVE_ITEMS`].
    Items(Vec<NodeId>),
    /// The caller's whole drive.
    Drive,
}

/// The ports that archives read from.
#[derive(Clone)]
pub struct ArchiveStores {
    /// The tree.
    pub drive: Arc<dyn NodeRepository>,
    /// Whole subtrees.
    pub trees: Arc<dyn TreeRepository>,
    /// The bytes.
    pub contents: Contents,
    /// The records of the blobs.
    pub records: Arc<dyn BlobRecordRepository>,
    /// The sessions that authorize archives. They must not be cached: a cache would return stale state.
    pub sessions: Arc<dyn SessionRepository>,
    /// The public links that authorize archives.
    pub links: Arc<dyn LinkRepository>,
}

/// Opens archives and limits how many run at once.
pub struct ArchiveService {
    access: Access,
    stores: ArchiveStores,
    context: ServiceContext,
    limits: Arc<ArchiveLimits>,
}

impl ArchiveService {
    /// Creates the service.
    #[must_use]
    pub fn new(stores: ArchiveStores, context: ServiceContext) -> Self {
        Self { access: Access::new(stores.drive.clone()), stores, context, limits: Arc::default() }
    }

    /// Checks that the caller may read the selection.
    ///
    /// Calls `NodeRepository::find`, `NodeRepository::find_user_drive` and `NodeRepository::find_many`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn check(&self, actor: &Actor, selection: &Selection) -> Result<()> {
        self.tops(actor, selection).await.map(drop)
    }

    /// Opens an archive of the selection as it is now. It ends with the session that authenticated the caller, if any.
    ///
    /// Calls `SessionRepository::find_username`, `LinkRepository::find_by_token`, `NodeRepository::find`,
    /// `NodeRepository::find_user_drive`, `NodeRepository::find_many` and `TreeRepository::list`.
    ///
    /// # Errors
    /// `NotFound` for any selected item; `TooManyEntries` past [`MAX_ARCHIVE_ENTRIES`] or [`MAX_ARCHIVE_PATH_BYTES`];
    /// `TooManyRunning` when the caller has too many archives running; `Unavailable` when all callers together have.
    pub async fn open(&self, actor: &Actor, selection: &Selection, names: ArchiveNames) -> Result<Archive> {
        actor.require(Scope::Read)?;
        let running = self.limits.take(&[LimitKey::User(actor.user)])?;
        let authorization = Authorization::from_actor(actor);
        // A request with a signed URL carries no token, so its session has not been checked yet.
        authorization.check_authority(&self.stores, self.context.now()).await?;
        let tops = self.tops(actor, selection).await?;
        let name = match (selection, tops.as_slice()) {
            (Selection::Drive, _) => "Drive",
            (_, [top]) => top.node().name.as_str(),
            _ => "Archive",
        };
        self.list(tops.as_slice(), name, authorization, running, names).await
    }

    /// Opens an archive of a folder reached through a public link, as it is now.
    ///
    /// Calls `TreeRepository::list`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_linked(
        &self,
        bearer: &LinkBearer,
        folder: &LinkedFolder,
        names: ArchiveNames,
    ) -> Result<Archive> {
        let link = folder.link();
        let address = ClientSubnet::from_address(bearer.origin.client.address);
        let running = self.limits.take(&[LimitKey::Link(link.id), LimitKey::LinkFrom(link.id, address)])?;
        let authorization = Authorization::from_link(bearer, link)?;
        let name = folder.grant().node().name.as_str();
        self.list(std::slice::from_ref(folder.grant()), name, authorization, running, names).await
    }

    /// Authorizes reading each selected item, except those below another selected item: they are in the archive anyway.
    async fn tops(&self, actor: &Actor, selection: &Selection) -> Result<Vec<ReadGrant>> {
        actor.require(Scope::Read)?;
        let ids = match selection {
            Selection::Folder(id) => {
                let grant = self.access.grant(actor, NodeKind::Folder, *id, Action::Read).await?;
                return Ok(vec![grant.read().clone()]);
            }
            Selection::Drive => {
                let user_drive = self.stores.drive.find_user_drive(actor.user).await?.ok_or(Error::NotFound)?;
                return Ok(vec![authorize_read(Some(user_drive.root))?]);
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
        authorization: Authorization,
        running: RunningArchive,
        names: ArchiveNames,
    ) -> Result<Archive> {
        let checked = self.context.now();
        let entries = self.stores.trees.list(tops, MAX_ARCHIVE_ENTRIES).await?;
        let listing = Listing::new(tops, entries, names)?;
        let room = self.limits.reserve(listing.bytes())?;
        Ok(Archive {
            stores: self.stores.clone(),
            context: self.context.clone(),
            authorization: authorization.reading(tops),
            name: name.to_owned(),
            listing,
            checked,
            unrecorded: Vec::new(),
            _held: (running, room),
        })
    }
}

/// Fails when the entries or the paths exceed an archive's limits.
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

/// The bytes of one file of an [`Archive`], which alone creates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedBlob {
    blob: BlobRef,
    size: u64,
}

impl ArchivedBlob {
    /// The error for damaged bytes.
    #[must_use]
    pub fn damaged(&self, what: &str) -> Error {
        Error::damaged(&self.blob.key, what)
    }
}

/// Reads the files of an [`Archive`], also concurrently and ahead of their turn.
#[derive(Clone)]
pub struct ArchiveReader {
    contents: Contents,
}

impl fmt::Debug for ArchiveReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveReader").finish_non_exhaustive()
    }
}

impl ArchiveReader {
    /// The bytes of an archived file in `range`.
    ///
    /// Calls `BlobStore::get` and `BlobRecordRepository::is_referred_to`.
    ///
    /// # Errors
    /// `Damaged` when the bytes are missing or have another length; store errors.
    pub async fn read(&self, blob: &ArchivedBlob, range: Range<u64>) -> Result<ByteStream> {
        self.contents.read_blob(&blob.blob, blob.size, range).await
    }
}

/// A snapshot of files and folders with all their contents. Only [`ArchiveService`] creates it.
///
/// The listing is fixed; the bytes can be read only while the authorization under which it was opened lasts. It holds
/// neither a connection nor a lock between reads.
pub struct Archive {
    stores: ArchiveStores,
    context: ServiceContext,
    authorization: Authorization,
    name: String,
    listing: Listing,
    /// When the authorization was last checked.
    checked: Timestamp,
    /// Checksums not recorded yet.
    unrecorded: Vec<(BlobKey, Crc32)>,
    /// Its slot and memory, released on drop.
    _held: (RunningArchive, limits::ReservedMemory),
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("entries", &self.len()).field("checked", &self.checked).finish_non_exhaustive()
    }
}

impl Archive {
    /// The media type and file name of the archive, packed as `media_type` with the given `extension`.
    #[must_use]
    pub fn content_headers(&self, media_type: MediaType, extension: &str) -> ContentHeaders {
        let mut stem = self.name.clone();
        while stem.len() + extension.len() > MAX_NAME_BYTES {
            stem.pop();
        }
        let name = Name::parse(&format!("{stem}{extension}")).or_else(|_| Name::parse(&format!("Archive{extension}")));
        ContentHeaders { media_type, attachment: name.ok(), content: None }
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listing.len()
    }

    /// Whether it has no entries, as for an empty drive.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at index `number`, from 0. A folder precedes its contents.
    #[must_use]
    pub fn entry(&self, number: usize) -> Option<ArchiveEntry<'_>> {
        self.listing.entry(number)
    }

    /// All entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = ArchiveEntry<'_>> {
        (0..self.len()).filter_map(|number| self.entry(number))
    }

    /// The bytes of the entry at `index`, if it is a file.
    #[must_use]
    pub fn entry_blob(&self, index: usize) -> Option<ArchivedBlob> {
        self.listing.blob(index).map(|(blob, size)| ArchivedBlob { blob, size })
    }

    /// When anything in it was last modified.
    #[must_use]
    pub const fn modified_at(&self) -> Timestamp {
        self.listing.modified_at()
    }

    /// A reader for the files of this archive.
    #[must_use]
    pub fn reader(&self) -> ArchiveReader {
        ArchiveReader { contents: self.stores.contents.clone() }
    }

    /// Checks that the authorization under which the archive was opened still holds, unless that was checked a moment
    /// ago. Call it while sending bytes: a file may be long and its reader slow.
    ///
    /// Calls `SessionRepository::find_username`, `LinkRepository::find_by_token` and `NodeRepository::find_many`.
    ///
    /// # Errors
    /// `NotFound` and others, when it no longer holds.
    pub async fn check(&mut self) -> Result<()> {
        let now = self.context.now();
        if now.as_millis().abs_diff(self.checked.as_millis()) >= authorization::RECHECK_MILLIS {
            self.authorization.check(&self.stores, now).await?;
            self.checked = now;
        }
        Ok(())
    }

    /// Keeps the CRC-32 computed while reading a file, and records it for later archives.
    ///
    /// Calls `BlobRecordRepository::record_crc32s`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn record_crc32(&mut self, number: usize, crc32: Crc32) -> Result<()> {
        let Some((blob, size)) = self.listing.set_crc32(number, crc32) else {
            return Ok(());
        };
        self.unrecorded.push((blob.key, crc32));
        if self.unrecorded.len() >= CHECKSUM_BATCH || size >= FLUSH_AFTER_BYTES {
            self.flush_checksums().await?;
        }
        Ok(())
    }

    /// Records the learned checksums that are not recorded yet.
    ///
    /// Calls `BlobRecordRepository::record_crc32s`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn flush_checksums(&mut self) -> Result<()> {
        let unrecorded = std::mem::take(&mut self.unrecorded);
        if unrecorded.is_empty() { Ok(()) } else { self.stores.records.record_crc32s(&unrecorded).await }
    }
}

#[cfg(test)]
mod tests;
