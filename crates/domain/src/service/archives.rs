use std::sync::Arc;

use super::Ambient;
use super::access::Access;
use super::contents::Contents;
use crate::error::{Error, Refused, Result};
use crate::model::{
    Action, Actor, BlobKey, Grant, Limit, MAX_NAME_BYTES, MediaType, Name, NodeBody, NodeId, NodeKind, Page, Position,
    Sort, Timestamp, UserId, authorize,
};
use crate::port::{ByteStream, Child, Drive, Extent, Presentation, Trees};

/// How many files and folders an archive has at the most, the archived folder included. Who writes an archive has to keep
/// something of every entry until its end.
pub const MAX_ARCHIVE_ENTRIES: u64 = 100_000;

/// How long the paths of an archive are at the most in bytes, all together: 32 MiB.
pub const MAX_ARCHIVE_PATH_BYTES: u64 = 32 << 20;

/// For how many milliseconds a look at who may see the folder is good.
const FRESH_MILLIS: u64 = 1_000;

/// Archives: a folder with all that lies below it, to be carried away in one piece.
pub struct Archives {
    access: Access,
    drive: Arc<dyn Drive>,
    trees: Arc<dyn Trees>,
    contents: Contents,
    ambient: Ambient,
}

impl Archives {
    /// Puts the service together.
    #[must_use]
    pub fn new(drive: Arc<dyn Drive>, trees: Arc<dyn Trees>, contents: Contents, ambient: Ambient) -> Self {
        Self { access: Access::new(drive.clone()), drive, trees, contents, ambient }
    }

    /// What an archive of `folder` holds, to be asked for entry by entry.
    ///
    /// # Errors
    /// `NotFound`; `TooManyEntries` past [`MAX_ARCHIVE_ENTRIES`] and past [`MAX_ARCHIVE_PATH_BYTES`].
    pub async fn open(&self, actor: &Actor, folder: NodeId) -> Result<Archive> {
        let checked = self.ambient.now();
        let grant = self.access.of(actor.user, NodeKind::Folder, folder, Action::Read).await?;
        require_room(self.trees.measure(&grant, MAX_ARCHIVE_ENTRIES).await?)?;
        let node = grant.node();
        let path = format!("{}/", node.name);
        let top = ArchiveEntry { path: path.clone(), modified_at: node.modified_at, content: None };
        Ok(Archive {
            access: self.access.clone(),
            drive: self.drive.clone(),
            contents: self.contents.clone(),
            ambient: self.ambient.clone(),
            actor: actor.user,
            root: node.id,
            name: node.name.clone(),
            checked,
            told: Extent { entries: 1, path_bytes: byte_count(&path) },
            top: Some(top),
            here: None,
            page: Vec::new().into_iter(),
            met: Vec::new(),
            pending: vec![(node.id, path)],
        })
    }
}

/// Fails when an archive has no room for so much.
fn require_room(extent: Extent) -> Result<()> {
    let too_many = |limit, what| Err(Error::Refused(Refused::TooManyEntries { limit, what }));
    if extent.entries > MAX_ARCHIVE_ENTRIES {
        return too_many(MAX_ARCHIVE_ENTRIES, "files and folders");
    }
    if extent.path_bytes > MAX_ARCHIVE_PATH_BYTES {
        return too_many(MAX_ARCHIVE_PATH_BYTES, "bytes of paths");
    }
    Ok(())
}

fn byte_count(path: &str) -> u64 {
    path.len() as u64
}

/// One file or folder of an [`Archive`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    path: String,
    modified_at: Timestamp,
    content: Option<(BlobKey, u64)>,
}

impl ArchiveEntry {
    /// The names from the archived folder down, with `/` between them, and at the end of a folder's. None of them can lead
    /// anywhere else: see [`Name`]. They are those of the drive, also where some system has others: a name that Windows
    /// keeps for itself is for whoever unpacks there to change.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// When it was last modified: where its own copy came from, if the uploader said so.
    #[must_use]
    pub const fn modified_at(&self) -> Timestamp {
        self.modified_at
    }

    /// The size of a file in bytes; none for a folder.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.content.as_ref().map(|(_, size)| *size)
    }
}

/// Reads the files of an [`Archive`], also several at once and ahead of their turn.
#[derive(Clone)]
pub struct ArchiveReader {
    contents: Contents,
}

impl ArchiveReader {
    /// The bytes of a file of the archive. Nothing is read of an empty one.
    ///
    /// # Errors
    /// `Damaged`; `NotFound` for a folder; those of the store.
    pub async fn read(&self, entry: &ArchiveEntry) -> Result<ByteStream> {
        let (blob, size) = entry.content.as_ref().ok_or(Error::NotFound)?;
        self.contents.read_blob(blob, *size, 0..*size).await
    }
}

/// A folder whose list is being read.
struct Here {
    id: NodeId,
    path: String,
    after: Option<Position>,
    /// The name met last. While the list was read, another node may have come to it.
    last: Option<Name>,
    over: bool,
}

/// A folder with all that lies below it, entry by entry. Only [`Archives::open`] makes one.
///
/// Lists are read page by page, so what changes meanwhile is in it as it was when its page was read. Each page is read by a
/// fresh grant, and no entry is told a second after the last look at who may see the folder: a share that was revoked ends the
/// archive with an error. Nothing is held in between: no connection, no lock.
pub struct Archive {
    access: Access,
    drive: Arc<dyn Drive>,
    contents: Contents,
    ambient: Ambient,
    actor: UserId,
    root: NodeId,
    name: Name,
    /// When the grant was last seen to hold.
    checked: Timestamp,
    /// What has been handed out or will be.
    told: Extent,
    top: Option<ArchiveEntry>,
    here: Option<Here>,
    page: std::vec::IntoIter<Child>,
    /// Folders of the list that is being read.
    met: Vec<(NodeId, String)>,
    /// Folders whose lists are still to be read, the next one last.
    pending: Vec<(NodeId, String)>,
}

impl Archive {
    /// What whoever fetches it is told about it, packed as `media_type` in a file with this `extension`.
    #[must_use]
    pub fn presentation(&self, media_type: MediaType, extension: &str) -> Presentation {
        let mut stem = self.name.as_str().to_owned();
        while stem.len() + extension.len() > MAX_NAME_BYTES {
            stem.pop();
        }
        let name = Name::parse(&format!("{stem}{extension}")).unwrap_or_else(|_| self.name.clone());
        Presentation { media_type, attachment: Some(name), content: None }
    }

    /// The next entry: a folder comes before what lies in it. None when that was all.
    ///
    /// # Errors
    /// `NotFound` when the caller may not see the folder any more; `TooManyEntries` when it has grown past the bounds. What
    /// has been handed out is not all, then.
    pub async fn next(&mut self) -> Result<Option<ArchiveEntry>> {
        self.check().await?;
        if let Some(top) = self.top.take() {
            return Ok(Some(top));
        }
        loop {
            while let Some(child) = self.page.next() {
                if let Some(entry) = self.entry(child)? {
                    return Ok(Some(entry));
                }
            }
            if !self.turn().await? {
                return Ok(None);
            }
        }
    }

    /// What reads the files of this archive.
    #[must_use]
    pub fn reader(&self) -> ArchiveReader {
        ArchiveReader { contents: self.contents.clone() }
    }

    /// Makes sure, unless that has been done within a second, that the caller may still see the folder. Whoever hands bytes
    /// out asks for it: what was read ahead may be waiting, and a file may be long.
    ///
    /// # Errors
    /// `NotFound` when the caller may not.
    pub async fn check(&mut self) -> Result<()> {
        let now = self.ambient.now();
        if now.as_millis().abs_diff(self.checked.as_millis()) >= FRESH_MILLIS {
            self.access.of(self.actor, NodeKind::Folder, self.root, Action::Read).await?;
            self.checked = now;
        }
        Ok(())
    }

    /// The entry of `child`; none for one that has come to the name of the one before.
    fn entry(&mut self, Child { node, .. }: Child) -> Result<Option<ArchiveEntry>> {
        let Some(here) = self.here.as_mut().filter(|here| here.last.as_ref() != Some(&node.name)) else {
            return Ok(None);
        };
        let (path, modified_at, content) = match &node.body {
            NodeBody::File(content) => {
                let modified_at = content.client_modified_at.unwrap_or(node.modified_at);
                (format!("{}{}", here.path, node.name), modified_at, Some((content.blob.clone(), content.size)))
            }
            NodeBody::Root | NodeBody::Folder => {
                let path = format!("{}{}/", here.path, node.name);
                self.met.push((node.id, path.clone()));
                (path, node.modified_at, None)
            }
        };
        here.last = Some(node.name);
        self.told.entries += 1;
        self.told.path_bytes += byte_count(&path);
        require_room(self.told)?;
        Ok(Some(ArchiveEntry { path, modified_at, content }))
    }

    /// Reads the next page of the list, or the first of the next one. False when there is no other.
    async fn turn(&mut self) -> Result<bool> {
        let mut here = match self.here.take().filter(|here| !here.over) {
            Some(here) => here,
            None => {
                self.pending.extend(self.met.drain(..).rev());
                let Some((id, path)) = self.pending.pop() else {
                    return Ok(false);
                };
                Here { id, path, after: None, last: None, over: false }
            }
        };
        let limit = Limit::new(1000).unwrap_or_default();
        let sort = Sort::default();
        let children = match self.grant(here.id).await? {
            Some(folder) => self.drive.list(&folder, sort, here.after.as_ref(), limit).await?,
            None => Vec::new(),
        };
        let page = Page::cut(children, limit, |child| child.position(sort.by));
        here.over = page.next.is_none();
        here.after = page.next;
        self.page = page.items.into_iter();
        self.here = Some(here);
        Ok(true)
    }

    /// Leave to list a folder of the archive; none when it has left, while the archived folder itself is there still.
    async fn grant(&self, folder: NodeId) -> Result<Option<Grant>> {
        let found = self.drive.find(folder, self.actor.into()).await?.filter(|found| found.is_at_or_below(self.root));
        match authorize(found, Action::Read) {
            Err(Error::NotFound) if folder != self.root => {
                self.access.of(self.actor, NodeKind::Folder, self.root, Action::Read).await?;
                Ok(None)
            }
            outcome => outcome.map(Some),
        }
    }
}
