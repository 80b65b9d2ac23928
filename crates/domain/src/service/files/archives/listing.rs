//! The listing of an archive, in a compact form that suits many entries.

use std::collections::HashMap;

use super::names::{ArchiveNames, distinct};
use super::require_room;
use crate::error::Result;
use crate::model::{BlobKey, BlobRef, Crc32, NodeId, NodeKind, ReadGrant, StoreName, Timestamp};
use crate::port::TreeEntry;

/// The length of a blob key in bytes.
const KEY: usize = 32;

/// One file or folder of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveEntry<'a> {
    /// The path from the topmost node down, separated by `/`; a folder's ends with `/`. A [`Name`](crate::model::Name)
    /// cannot contain anything that escapes the archive.
    pub path: &'a str,
    /// When it was last modified: the client's own timestamp, if the uploader sent one.
    pub modified_at: Timestamp,
    /// The bytes, if it is a file.
    pub file: Option<ArchivedFile<'a>>,
}

/// The bytes of an archived file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchivedFile<'a> {
    /// An identifier unique to these bytes. It grants no access, but keep it private.
    pub content: &'a str,
    /// Their number.
    pub size: u64,
    /// Their CRC-32, if known.
    pub crc32: Option<Crc32>,
}

/// The entries of an archive, in order.
pub(super) struct Listing {
    /// All paths, concatenated.
    paths: String,
    /// The blob keys of all files, concatenated.
    keys: String,
    /// The stores of the blobs, each with the offset of the first key in it: usually there is only one.
    stores: Vec<(usize, StoreName)>,
    entries: Vec<Packed>,
    modified_at: Timestamp,
}

struct Packed {
    /// Where its path ends; it starts where the previous entry's ends.
    path_end: usize,
    modified_at: Timestamp,
    file: Option<PackedFile>,
}

struct PackedFile {
    /// The offset of its blob key.
    key: usize,
    size: u64,
    crc32: Option<Crc32>,
}

/// Entries by parent folder.
type Below = HashMap<NodeId, Vec<TreeEntry>>;

impl Listing {
    /// Builds the listing of the trees below `tops` from entries in any order. The root of a drive is not an entry
    /// itself.
    pub(super) fn new(tops: &[ReadGrant], entries: Vec<TreeEntry>, names: ArchiveNames) -> Result<Self> {
        require_room(entries.len() as u64, 0)?;
        let modified_at = entries.iter().map(|entry| entry.modified_at).max();
        let places: HashMap<NodeId, usize> = tops.iter().enumerate().map(|(at, top)| (top.node().id, at)).collect();
        let roots: Vec<NodeId> =
            tops.iter().map(ReadGrant::node).filter(|node| node.kind() == NodeKind::Root).map(|node| node.id).collect();
        let (mut topmost, mut below) = (Vec::new(), Below::new());
        for entry in entries {
            match entry.parent.filter(|_| !places.contains_key(&entry.id)) {
                Some(parent) => below.entry(parent).or_default().push(entry),
                None if roots.contains(&entry.id) => {}
                None => topmost.push(entry),
            }
        }
        topmost.sort_by_key(|entry| places.get(&entry.id).copied());
        for root in roots {
            topmost.extend(in_order(below.remove(&root).unwrap_or_default()));
        }
        let modified_at = modified_at.unwrap_or(Timestamp::from_millis(0));
        let (paths, keys) = (String::new(), String::new());
        let mut listing = Self { paths, keys, stores: Vec::new(), entries: Vec::new(), modified_at };
        listing.fill(topmost, below, names)?;
        listing.paths.shrink_to_fit();
        listing.keys.shrink_to_fit();
        listing.stores.shrink_to_fit();
        listing.entries.shrink_to_fit();
        Ok(listing)
    }

    /// Adds the topmost entries, each followed by its contents.
    fn fill(&mut self, topmost: Vec<TreeEntry>, mut below: Below, names: ArchiveNames) -> Result<()> {
        // A stack: the next entry is last.
        let mut waiting: Vec<(String, TreeEntry)> = Vec::new();
        let wait = |waiting: &mut Vec<_>, above: &str, entries: Vec<TreeEntry>| {
            let shown = distinct(&entries, names);
            let paths = shown.into_iter().map(|name| format!("{above}{name}"));
            waiting.extend(paths.zip(entries).rev());
        };
        wait(&mut waiting, "", topmost);
        while let Some((mut path, entry)) = waiting.pop() {
            if entry.content.is_none() {
                path.push('/');
            }
            self.push(&path, &entry)?;
            if entry.content.is_none() {
                let children = in_order(below.remove(&entry.id).unwrap_or_default());
                wait(&mut waiting, &path, children);
            }
        }
        Ok(())
    }

    fn push(&mut self, path: &str, entry: &TreeEntry) -> Result<()> {
        require_room(self.entries.len() as u64 + 1, (self.paths.len() + path.len()) as u64)?;
        self.paths.push_str(path);
        let file = entry.content.as_ref().map(|content| {
            let key = self.keys.len();
            self.keys.push_str(content.blob.key.as_str());
            if self.stores.last().is_none_or(|(_, last)| *last != content.blob.store) {
                self.stores.push((key, content.blob.store.clone()));
            }
            PackedFile { key, size: content.size, crc32: content.crc32 }
        });
        let of_client = entry.content.as_ref().and_then(|content| content.client_modified_at);
        let modified_at = of_client.unwrap_or(entry.modified_at);
        self.entries.push(Packed { path_end: self.paths.len(), modified_at, file });
        Ok(())
    }

    /// Its memory size in bytes.
    pub(super) fn bytes(&self) -> u64 {
        let entries = self.entries.capacity() * size_of::<Packed>();
        let stores = self.stores.capacity() * size_of::<(usize, StoreName)>();
        (self.paths.capacity() + self.keys.capacity() + stores + entries) as u64
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn modified_at(&self) -> Timestamp {
        self.modified_at
    }

    pub(super) fn entry(&self, number: usize) -> Option<ArchiveEntry<'_>> {
        let packed = self.entries.get(number)?;
        let before = number.checked_sub(1).and_then(|before| self.entries.get(before));
        let path = self.paths.get(before.map_or(0, |before| before.path_end)..packed.path_end)?;
        let file = match &packed.file {
            Some(file) => {
                let content = self.keys.get(file.key..file.key + KEY)?;
                Some(ArchivedFile { content, size: file.size, crc32: file.crc32 })
            }
            None => None,
        };
        Some(ArchiveEntry { path, modified_at: packed.modified_at, file })
    }

    /// The blob and size of a file.
    pub(super) fn blob(&self, number: usize) -> Option<(BlobRef, u64)> {
        let at = self.entries.get(number)?.file.as_ref()?.key;
        let file = self.entry(number)?.file?;
        let run = self.stores.partition_point(|(from, _)| *from <= at).checked_sub(1)?;
        let store = self.stores.get(run)?.1.clone();
        Some((BlobRef { store, key: BlobKey::parse(file.content).ok()? }, file.size))
    }

    /// Keeps the CRC-32 of a file that had none; returns its blob and size.
    pub(super) fn set_crc32(&mut self, number: usize, crc32: Crc32) -> Option<(BlobRef, u64)> {
        let blob = self.blob(number)?;
        let file = self.entries.get_mut(number)?.file.as_mut()?;
        if file.crc32.is_some() {
            return None;
        }
        file.crc32 = Some(crc32);
        Some(blob)
    }
}

/// Sorts entries by name, bytewise, so that the order is the same every time.
fn in_order(mut entries: Vec<TreeEntry>) -> Vec<TreeEntry> {
    entries.sort_by(|one, other| one.name.cmp(&other.name).then(one.id.as_uuid().cmp(&other.id.as_uuid())));
    entries
}
