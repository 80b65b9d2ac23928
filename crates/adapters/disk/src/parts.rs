//! Blobs that come in parts: a directory of files, which becomes the blob by a rename.
//!
//! The directory has its manifest before it has its name, and a part is whole before it gets its own; so whoever finds
//! either finds all of it. Everything that changes a name is done under the lock of the shard that the blob belongs to.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Crc32, Part, PartPlan, Stored, Ticket, Timestamp, Transfer};
use clouddrive_domain::{Error, Result};

use crate::draft::free_name;
use crate::files::{broken, fault, make_dir, options, remove_tree, require_dir, sync_dir};
use crate::layout::{Place, crc32_text, modified, parse_crc32};

/// What says how the bytes are cut: the size of them all and that of a part, in a line.
const MANIFEST: &str = "manifest";

/// What has the CRC-32 of each part, in a line after its number. A line is written when the part is durable, so a part without
/// one has come, and its checksum is not known.
const PART_SUMS: &str = "crc32-of-parts";

/// What has the CRC-32 of all bytes, in a line, once they are a blob; nothing has it where that is not known.
const WHOLE_SUM: &str = "crc32";

/// The ticket of every transfer of several parts: their key tells them apart.
const TICKET: &str = "parts";

/// How many transfers are listed at once.
const PAGE: usize = 1000;

/// What the file is called that holds the part of that number.
fn part_name(number: u32) -> String {
    format!("{number:05}")
}

/// Where the part of that number lies in a directory of parts.
pub(crate) fn part_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(part_name(number))
}

/// How the bytes in a directory of parts are cut.
pub(crate) fn read_manifest(directory: &Path) -> io::Result<PartPlan> {
    let mut text = String::new();
    options().read(true).open(directory.join(MANIFEST))?.take(64).read_to_string(&mut text)?;
    let numbers = text.strip_suffix('\n').and_then(|line| line.split_once(' '));
    let plan = numbers.and_then(|(size, part)| PartPlan::restore(size.parse().ok()?, Some(part.parse().ok()?)));
    plan.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "a manifest of parts that is none"))
}

fn write_manifest(directory: &Path, plan: PartPlan) -> io::Result<()> {
    let mut file = options().write(true).create_new(true).open(directory.join(MANIFEST))?;
    file.write_all(format!("{} {}\n", plan.size(), plan.part_size()).as_bytes())?;
    file.sync_all()
}

/// The CRC-32 of all bytes in a directory of parts, if that is known.
pub(crate) fn read_crc32(directory: &Path) -> io::Result<Option<Crc32>> {
    let text = read_text(&directory.join(WHOLE_SUM), 16)?;
    Ok(text.as_deref().and_then(|text| text.strip_suffix('\n')).and_then(parse_crc32))
}

/// The text of a file, as far as to `most` bytes; none when there is no such file, or no text in it.
fn read_text(path: &Path, most: u64) -> io::Result<Option<String>> {
    let file = match options().read(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).ok())
}

/// Notes the CRC-32 of a part, durably.
fn note_part_sum(directory: &Path, number: u32, crc32: Crc32) -> io::Result<()> {
    let mut file = options().append(true).create(true).open(directory.join(PART_SUMS))?;
    file.write_all(format!("{} {}\n", part_name(number), crc32_text(crc32)).as_bytes())?;
    file.sync_data()
}

/// The CRC-32 of the bytes of `parts`, which are all there are and come in their order, if that of each is known.
fn combined_sum(directory: &Path, parts: &[Part]) -> io::Result<Option<Crc32>> {
    let most = (parts.len() as u64 + 1) * 64;
    let Some(text) = read_text(&directory.join(PART_SUMS), most)? else { return Ok(None) };
    let line = |line: &str| {
        let (number, crc32) = line.split_once(' ')?;
        Some((number.parse::<u32>().ok()?, parse_crc32(crc32)?))
    };
    let sums: HashMap<u32, Crc32> =
        text.split_inclusive('\n').filter_map(|text| line(text.strip_suffix('\n')?)).collect();
    let mut whole = crc32fast::Hasher::new();
    for part in parts {
        let Some(Crc32(crc32)) = sums.get(&part.number) else { return Ok(None) };
        whole.combine(&crc32fast::Hasher::new_with_initial_len(*crc32, part.size));
    }
    Ok(Some(Crc32(whole.finalize())))
}

/// Notes the CRC-32 of all bytes, durably as soon as the directory is.
fn write_whole_sum(directory: &Path, crc32: Crc32) -> io::Result<()> {
    let mut file = options().write(true).create(true).truncate(true).open(directory.join(WHOLE_SUM))?;
    file.write_all(format!("{}\n", crc32_text(crc32)).as_bytes())?;
    file.sync_all()
}

/// The ticket of a transfer whose bytes are cut like that.
pub(crate) fn ticket(plan: PartPlan) -> Option<Ticket> {
    Ticket::parse(TICKET).filter(|_| !plan.is_single())
}

/// The transfer whose parts are for that key.
pub(crate) fn transfer(key: BlobKey) -> Transfer {
    Transfer { key, ticket: Ticket::parse(TICKET) }
}

/// A page of the transfers in the directory `all` that were begun before `before`, after `after`.
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
        match fs::symlink_metadata(entry.path().join(MANIFEST)).and_then(|metadata| modified(&metadata)) {
            Ok(at) if at < before => _ = page.insert(begun),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            // One that is young, or has just ended.
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

/// Where the parts of one transfer are gathered, and the place of the blob that they will be.
#[derive(Clone, Debug)]
pub(crate) struct Gathering {
    /// Where all transfers are gathered, each in a directory.
    all: PathBuf,
    directory: PathBuf,
    place: Place,
}

impl Gathering {
    pub(crate) fn new(all: &Path, key: &BlobKey, place: Place) -> Self {
        Self { all: all.to_owned(), directory: all.join(key.as_str()), place }
    }

    /// Checks that what lies where can be told: when a directory of the store is missing, so is the disk.
    fn reach(&self) -> Result<()> {
        require_dir(&self.all).map_err(fault)?;
        self.place.reach()
    }

    /// Makes ready for parts, durably.
    pub(crate) fn begin(&self, plan: PartPlan) -> Result<()> {
        self.reach()?;
        let draft = free_name(self.place.tmp(), self.place.stem()).map_err(fault)?;
        let made = make_dir(&draft)
            .and_then(|()| write_manifest(&draft, plan))
            .and_then(|()| sync_dir(&draft))
            .and_then(|()| fs::rename(&draft, &self.directory));
        if let Err(error) = made {
            // What cannot be removed now, a sweep removes later.
            let _ = remove_tree(&draft);
            return Err(fault(error));
        }
        sync_dir(&self.all).map_err(fault)
    }

    /// Fails unless the part of that number is still to come.
    pub(crate) fn require_room(&self, number: u32) -> Result<()> {
        self.reach()?;
        if stands(&part_path(&self.directory, number))? {
            return Err(self.there());
        }
        if stands(&self.directory)? { Ok(()) } else { Err(self.over()) }
    }

    /// Makes the file `bytes`, which is whole and durable, the part of that number, durably.
    pub(crate) fn publish(&self, bytes: &Path, number: u32, crc32: Crc32) -> Result<()> {
        self.reach()?;
        let _lock = self.place.lock().map_err(fault)?;
        match fs::hard_link(bytes, part_path(&self.directory, number)) {
            Ok(()) => {
                sync_dir(&self.directory).map_err(fault)?;
                // Without it the part is there all the same.
                let _ = note_part_sum(&self.directory, number, crc32);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(self.there()),
            Err(error) if error.kind() == ErrorKind::NotFound && !stands(&self.directory)? => Err(self.over()),
            Err(error) => Err(fault(error)),
        }
    }

    /// What it amounts to that a part is there. Whoever is told so finds it durable.
    fn there(&self) -> Error {
        match sync_dir(&self.directory) {
            // Finished a moment ago: then its parts are durable, too.
            Err(error) if error.kind() != ErrorKind::NotFound => fault(error),
            _ => Error::Conflict(Conflict::BlobExists),
        }
    }

    /// What it amounts to that nothing is gathered here: all has been, or it was given up.
    fn over(&self) -> Error {
        match self.place.stored() {
            Ok(Some(_)) => Error::Conflict(Conflict::BlobExists),
            Ok(None) => Error::Conflict(Conflict::UploadClosed),
            Err(fault) => fault,
        }
    }

    /// The parts that have arrived, durably, in the order of their numbers; all of them when they are the blob by now.
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
                // They are being given up.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(fault(error)),
            }
        }
        parts.sort_by_key(|part| part.number);
        Ok(Some(parts))
    }

    /// Makes the blob of the parts, durably. Of simultaneous calls, from other processes too, all find the same.
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
        // Should one of these fail, the blob stays: a repeat finds it, and makes its name durable.
        self.place.confirm()?;
        sync_dir(&self.all).map_err(fault)?;
        Ok(Stored { size: plan.size(), sha256: None, crc32, tag: None })
    }

    /// Removes the parts, durably, and the blob if they are one already.
    pub(crate) fn discard(&self) -> Result<()> {
        self.reach()?;
        let aside = {
            let _lock = self.place.lock().map_err(fault)?;
            let aside = self.place.set_aside(&self.directory).map_err(fault)?;
            sync_dir(&self.all).map_err(fault)?;
            aside
        };
        // What cannot be removed now, a sweep removes later.
        aside.map(|tree| remove_tree(&tree).is_ok());
        self.place.remove()
    }
}
