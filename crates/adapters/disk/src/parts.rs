//! Blobs uploaded in parts: a directory of files that becomes the blob by a rename.
//!
//! The directory contains its manifest before it gets its name, and a part is complete before it gets its own, so
//! neither is ever visible half-written. All changes of names are made under the lock of the blob's shard.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Crc32, Part, PartPlan, Stored, Ticket, Timestamp, Transfer};
use clouddrive_domain::{Error, Result};

use crate::checksums::{combined_sum, note_part_sum, write_whole_sum};
use crate::draft::free_name;
use crate::files::{broken, fault, make_dir, remove_tree, require_dir, sync_dir};
use crate::manifest::{begun_at, part_name, part_path, read_manifest, write_manifest};
use crate::place::Place;

/// The ticket of every multipart transfer; the key identifies the transfer.
const TICKET: &str = "parts";

/// The number of transfers per page.
const PAGE: usize = 1000;

/// The ticket of a transfer with this plan: none for a single part.
pub(crate) fn ticket(plan: PartPlan) -> Option<Ticket> {
    Ticket::parse(TICKET).filter(|_| !plan.is_single())
}

/// The multipart transfer for `key`.
pub(crate) fn transfer(key: BlobKey) -> Transfer {
    Transfer { key, ticket: Ticket::parse(TICKET) }
}

/// A page of the transfers in the directory `all` begun before `before`, starting after `after`.
pub(crate) fn list_begun(all: &Path, before: Timestamp, after: Option<&Transfer>) -> io::Result<Vec<Transfer>> {
    require_dir(all)?;
    let mut page = BTreeSet::new();
    for entry in fs::read_dir(all)? {
        let entry = entry?;
        let Some(key) = entry.file_name().to_str().and_then(BlobKey::parse) else { continue };
        let begun = transfer(key);
        if after.is_some_and(|after| begun <= *after) {
            continue;
        }
        match begun_at(&entry.path()) {
            Ok(at) if at < before => _ = page.insert(begun),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            // Too recent, or has just ended.
            _ => {}
        }
        if page.len() > PAGE {
            page.pop_last();
        }
    }
    Ok(page.into_iter().collect())
}

fn stands(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(fault(error)),
    }
}

/// The directory that collects the parts of one transfer, and the paths of the resulting blob.
#[derive(Clone, Debug)]
pub(crate) struct Gathering {
    /// The directory of all transfers.
    all: PathBuf,
    directory: PathBuf,
    place: Place,
}

impl Gathering {
    pub(crate) fn new(all: &Path, key: &BlobKey, place: Place) -> Self {
        Self { all: all.to_owned(), directory: all.join(key.as_str()), place }
    }

    /// Checks that the store's directories exist. If one is missing, the disk is not mounted.
    fn reach(&self) -> Result<()> {
        require_dir(&self.all).map_err(fault)?;
        self.place.reach()
    }

    /// Durably creates the directory for the parts.
    pub(crate) fn begin(&self, plan: PartPlan) -> Result<()> {
        self.reach()?;
        let draft = free_name(self.place.tmp(), self.place.stem()).map_err(fault)?;
        let made = make_dir(&draft)
            .and_then(|()| write_manifest(&draft, plan))
            .and_then(|()| sync_dir(&draft))
            .and_then(|()| fs::rename(&draft, &self.directory));
        if let Err(error) = made {
            // If this fails, a sweep removes it later.
            let _ = remove_tree(&draft);
            return Err(fault(error));
        }
        sync_dir(&self.all).map_err(fault)
    }

    /// Fails if the part `number` has been received, or if the transfer has ended.
    pub(crate) fn require_room(&self, number: u32) -> Result<()> {
        self.reach()?;
        if stands(&part_path(&self.directory, number))? {
            return Err(self.there());
        }
        if stands(&self.directory)? { Ok(()) } else { Err(self.over()) }
    }

    /// Durably publishes the complete, synced file `bytes` as the part `number`.
    pub(crate) fn publish(&self, bytes: &Path, number: u32, crc32: Crc32) -> Result<()> {
        self.reach()?;
        let _lock = self.place.lock().map_err(fault)?;
        match fs::hard_link(bytes, part_path(&self.directory, number)) {
            Ok(()) => {
                sync_dir(&self.directory).map_err(fault)?;
                // The part is valid without a recorded checksum.
                let _ = note_part_sum(&self.directory, number, crc32);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(self.there()),
            Err(error) if error.kind() == ErrorKind::NotFound && !stands(&self.directory)? => Err(self.over()),
            Err(error) => Err(fault(error)),
        }
    }

    /// The error for a part that exists. Syncs the directory first, so that the reported part is durable.
    fn there(&self) -> Error {
        match sync_dir(&self.directory) {
            // `NotFound`: the transfer has just finished, so its parts are durable, too.
            Err(error) if error.kind() != ErrorKind::NotFound => fault(error),
            _ => Error::Conflict(Conflict::BlobExists),
        }
    }

    /// The error for a transfer whose directory is gone: finished, or discarded.
    fn over(&self) -> Error {
        match self.place.stored() {
            Ok(Some(_)) => Error::Conflict(Conflict::BlobExists),
            Ok(None) => Error::Conflict(Conflict::UploadClosed),
            Err(fault) => fault,
        }
    }

    /// The durable parts received so far, ordered by number; all parts of `plan` if the blob is complete.
    pub(crate) fn received(&self, plan: PartPlan) -> Result<Vec<Part>> {
        self.reach()?;
        if let Some(parts) = self.list()? {
            match sync_dir(&self.directory) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(error)),
                _ => return Ok(parts),
            }
        }
        let whole = self.place.stored()?.is_some_and(|stored| stored.size == plan.size());
        Ok(if whole { plan.parts().collect() } else { Vec::new() })
    }

    /// The bytes received so far, in parts or as the blob.
    pub(crate) fn received_bytes(&self) -> Result<u64> {
        self.reach()?;
        match self.list()? {
            Some(parts) => Ok(parts.iter().map(|part| part.size).sum()),
            None => Ok(self.place.stored()?.map_or(0, |stored| stored.size)),
        }
    }

    fn list(&self) -> Result<Option<Vec<Part>>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(fault)?,
        };
        let mut parts = Vec::new();
        for entry in entries {
            let entry = entry.map_err(fault)?;
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(number) = number.filter(|&number| entry.file_name() == *part_name(number)) else { continue };
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => parts.push(Part { number, size: metadata.len() }),
                Ok(_) => return Err(broken("a part is not a file")),
                // The transfer is being discarded.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(fault(error)),
            }
        }
        parts.sort_by_key(|part| part.number);
        Ok(Some(parts))
    }

    /// Durably turns the parts into the blob. Concurrent calls, even across processes, all return the same result.
    pub(crate) fn finish(&self, plan: PartPlan) -> Result<Stored> {
        self.reach()?;
        let _lock = self.place.lock().map_err(fault)?;
        if let Some(stored) = self.place.stored()? {
            return if stored.size == plan.size() { Ok(stored) } else { Err(Error::Refused(Refused::Size)) };
        }
        let parts = self.list()?.unwrap_or_default();
        plan.check(&parts)?;
        if read_manifest(&self.directory).map_err(fault)? != plan {
            return Err(broken("a transfer has another manifest than it began with"));
        }
        let crc32 = combined_sum(&self.directory, &parts).map_err(fault)?;
        if let Some(crc32) = crc32 {
            write_whole_sum(&self.directory, crc32).map_err(fault)?;
        }
        sync_dir(&self.directory).map_err(fault)?;
        fs::rename(&self.directory, self.place.blob()).map_err(fault)?;
        // If one of these fails, keep the blob: a retry finds it and syncs its name.
        self.place.confirm()?;
        sync_dir(&self.all).map_err(fault)?;
        Ok(Stored { size: plan.size(), sha256: None, crc32, tag: None })
    }

    /// Durably removes the parts, or the blob if the transfer is finished.
    pub(crate) fn discard(&self) -> Result<()> {
        self.reach()?;
        let aside = {
            let _lock = self.place.lock().map_err(fault)?;
            let aside = self.place.set_aside(&self.directory).map_err(fault)?;
            sync_dir(&self.all).map_err(fault)?;
            aside
        };
        // If this fails, a sweep removes it later.
        aside.map(|tree| remove_tree(&tree).is_ok());
        self.place.remove()
    }
}
