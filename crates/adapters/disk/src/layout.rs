//! Where things lie below the root, and how one blob appears and goes.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Crc32, PartPlan, Sha256, Stored, Timestamp};
use clouddrive_domain::{Error, Result};

use crate::draft::{Draft, Sums, free_name};
use crate::files::{broken, fault, make_dir, make_dirs, options, remove, remove_tree, require_dir, sync_dir};
use crate::parts::{Gathering, read_crc32, read_manifest};
use crate::space;

/// The directories of a store.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    blobs: PathBuf,
    parts: PathBuf,
    tmp: PathBuf,
}

impl Layout {
    /// Makes the directories, durably, and tries the file system out.
    pub(crate) fn make(root: &Path) -> io::Result<Self> {
        let layout = Self { blobs: root.join("blobs"), parts: root.join("parts"), tmp: root.join("tmp") };
        make_dirs(root)?;
        make_dir(&layout.tmp)?;
        make_dir(&layout.parts)?;
        make_dir(&layout.blobs)?;
        // All at once, and none later: a missing one then means that the disk is not there.
        for shard in 0..=u8::MAX {
            make_dir(&layout.blobs.join(format!("{shard:02x}")))?;
        }
        sync_dir(&layout.blobs)?;
        sync_dir(root)?;
        match layout.trial() {
            // What is there can still be read and removed.
            Err(error) if space::is_full(&error) => Ok(layout),
            outcome => outcome.map(|()| layout),
        }
    }

    /// Writes, locks, links and removes a small file.
    pub(crate) fn trial(&self) -> io::Result<()> {
        let mut first = Draft::create(&self.tmp, "trial")?;
        first.write(b"trial")?;
        let second = first.link_beside()?;
        if remove(&second)? { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    /// A new file for a blob whose bytes are to come.
    pub(crate) fn draft(&self, key: &BlobKey) -> Result<Draft> {
        let room = require_dir(&self.tmp).and_then(|()| space::require(&self.tmp));
        room.and_then(|()| Draft::create(&self.tmp, key.as_str())).map_err(fault)
    }

    /// Whether blobs can be written: there is room, and the file system does what the store asks of it.
    pub(crate) fn check(&self) -> io::Result<()> {
        space::require(&self.tmp)?;
        self.trial()
    }

    /// Where the blob under `key` lies.
    pub(crate) fn place(&self, key: &BlobKey) -> Place {
        let (shard, _) = key.as_str().split_at(2);
        let shard = self.blobs.join(shard);
        Place {
            blob: shard.join(key.as_str()),
            digest: shard.join(format!("{}.sha256", key.as_str())),
            lock: shard.join("lock"),
            tmp: self.tmp.clone(),
            shard,
        }
    }

    /// Where the parts of the blob under `key` are gathered.
    pub(crate) fn gathering(&self, key: &BlobKey) -> Gathering {
        Gathering::new(&self.parts, key, self.place(key))
    }

    /// Where all parts are gathered.
    pub(crate) fn parts(&self) -> &Path {
        &self.parts
    }

    /// Removes what in `tmp/` was last written before `before`, and tells how many files and directories those were.
    pub(crate) fn sweep(&self, before: Timestamp) -> io::Result<u64> {
        require_dir(&self.tmp)?;
        let mut removed = 0;
        for entry in fs::read_dir(&self.tmp)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) if modified(&metadata)? < before => {
                    let path = entry.path();
                    removed += u64::from(if metadata.is_dir() { remove_tree(&path)? } else { remove(&path)? });
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                // One that is still young, or whose write has just ended.
                _ => {}
            }
        }
        Ok(removed)
    }
}

/// A CRC-32 as it stands in files: eight hexadecimal digits.
pub(crate) fn crc32_text(crc32: Crc32) -> String {
    format!("{:08x}", crc32.0)
}

/// The CRC-32 that `text` spells, to the letter.
pub(crate) fn parse_crc32(text: &str) -> Option<Crc32> {
    let crc32 = Crc32(u32::from_str_radix(text, 16).ok()?);
    (crc32_text(crc32) == text).then_some(crc32)
}

/// When what has these metadata was last written.
pub(crate) fn modified(metadata: &Metadata) -> io::Result<Timestamp> {
    let start = Timestamp::from_millis(0);
    let modified = metadata.modified()?;
    Ok(modified
        .duration_since(std::time::UNIX_EPOCH)
        .map_or_else(|earlier| start.minus(earlier.duration()), |later| start.plus(later)))
}

/// A blob that is open for reading.
pub(crate) enum Opened {
    /// A file of so many bytes.
    File(File, u64),
    /// A directory of parts.
    Parts(PathBuf, PartPlan),
}

impl Opened {
    /// How many bytes there are.
    pub(crate) const fn size(&self) -> u64 {
        match self {
            Self::File(_, size) => *size,
            Self::Parts(_, plan) => plan.size(),
        }
    }
}

/// What a blob is made of.
enum Form {
    /// One file of so many bytes.
    File(u64),
    /// A directory of parts.
    Parts(PartPlan),
}

/// Where one blob lies: its bytes, and beside them their checksums; or a directory of parts, which has no digest.
///
/// The digest is there before the bytes are, and goes before they go; a digest without bytes means nothing. So whoever
/// sees the bytes finds their digest and no other, and a crash in between leaves nothing to be mistaken.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    shard: PathBuf,
    blob: PathBuf,
    digest: PathBuf,
    lock: PathBuf,
    tmp: PathBuf,
}

impl Place {
    /// Checks that the directory is there: when it is not, neither is the disk, and what seems to be missing is not.
    pub(crate) fn reach(&self) -> Result<()> {
        require_dir(&self.shard).map_err(fault)
    }

    /// What stands where the bytes are to lie.
    fn find(&self) -> Result<Option<Metadata>> {
        self.reach()?;
        match fs::symlink_metadata(&self.blob) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }

    /// Where the bytes are to lie.
    pub(crate) fn blob(&self) -> &Path {
        &self.blob
    }

    /// Where what is not to stay lies for a while.
    pub(crate) fn tmp(&self) -> &Path {
        &self.tmp
    }

    /// What names of things in `tmp/` begin with that belong to the blob.
    pub(crate) fn stem(&self) -> &str {
        self.blob.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// What lies here, and how many bytes of it.
    fn form(&self) -> Result<Option<Form>> {
        let Some(metadata) = self.find()? else { return Ok(None) };
        if metadata.is_file() {
            return Ok(Some(Form::File(metadata.len())));
        }
        if !metadata.is_dir() {
            return Err(broken("a blob is neither a file nor a directory"));
        }
        match read_manifest(&self.blob) {
            Ok(plan) => Ok(Some(Form::Parts(plan))),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(fault(error)),
            // It has been removed meanwhile.
            Err(_) if self.find()?.is_none() => Ok(None),
            Err(_) => Err(broken("a blob in parts has no manifest")),
        }
    }

    /// Fails when anything stands where the bytes are to lie.
    pub(crate) fn require_free(&self) -> Result<()> {
        if self.find()?.is_none() {
            return Ok(());
        }
        self.confirm()?;
        Err(Error::Conflict(Conflict::BlobExists))
    }

    /// What lies here.
    pub(crate) fn stored(&self) -> Result<Option<Stored>> {
        let stored = match self.form()? {
            None => return Ok(None),
            Some(Form::File(size)) => {
                let (sha256, crc32) = self.read_sums().map_err(fault)?;
                Stored { size, sha256, crc32, tag: None }
            }
            Some(Form::Parts(plan)) => {
                let crc32 = read_crc32(&self.blob).map_err(fault)?;
                Stored { size: plan.size(), sha256: None, crc32, tag: None }
            }
        };
        self.confirm()?;
        Ok(Some(stored))
    }

    /// Makes the names durable before anybody is told of the blob, and acts on it: its writer may be about to do so, or
    /// may have been stopped before it could.
    pub(crate) fn confirm(&self) -> Result<()> {
        sync_dir(&self.shard).map_err(fault)
    }

    /// The checksums that stand beside the bytes. Blobs of earlier versions have no CRC-32.
    fn read_sums(&self) -> io::Result<(Option<Sha256>, Option<Crc32>)> {
        let file = match options().read(true).open(&self.digest) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((None, None)),
            opened => opened?,
        };
        let mut text = Vec::new();
        file.take(75).read_to_end(&mut text)?;
        let lines = std::str::from_utf8(&text).ok().and_then(|text| text.strip_suffix('\n'));
        Ok(lines.map_or((None, None), |lines| match lines.split_once('\n') {
            None => (Sha256::parse(lines), None),
            Some((sha256, crc32)) => match (Sha256::parse(sha256), parse_crc32(crc32)) {
                (Some(sha256), Some(crc32)) => (Some(sha256), Some(crc32)),
                _ => (None, None),
            },
        }))
    }

    /// Opens the bytes.
    pub(crate) fn open(&self) -> Result<Opened> {
        let size = match self.form()?.ok_or(Error::NotFound)? {
            Form::File(size) => size,
            Form::Parts(plan) => return Ok(Opened::Parts(self.blob.clone(), plan)),
        };
        match options().read(true).open(&self.blob) {
            Ok(file) => Ok(Opened::File(file, size)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NotFound),
            Err(error) => Err(fault(error)),
        }
    }

    /// Makes the file `bytes`, which is durable, the blob that lies here, durably and under both names.
    ///
    /// Of any number of simultaneous calls, from other processes too, one succeeds.
    pub(crate) fn publish(&self, bytes: &Path, sums: &Sums) -> Result<()> {
        self.reach()?;
        let _lock = self.lock().map_err(fault)?;
        self.require_free()?;
        let linked = self.write_sums(sums).and_then(|()| fs::hard_link(bytes, &self.blob));
        if let Err(error) = linked {
            // A failed write leaves nothing. Should this fail as well, a digest without bytes means nothing.
            let _ = remove(&self.digest);
            return Err(match error.kind() {
                ErrorKind::AlreadyExists => Error::Conflict(Conflict::BlobExists),
                _ => fault(error),
            });
        }
        // Should this fail, the blob stays: somebody may have confirmed it by now.
        self.confirm()
    }

    fn write_sums(&self, sums: &Sums) -> io::Result<()> {
        // One without bytes may be left from a crash.
        remove(&self.digest)?;
        let mut file = options().write(true).create_new(true).open(&self.digest)?;
        file.write_all(format!("{}\n{}\n", sums.sha256, crc32_text(sums.crc32)).as_bytes())?;
        file.sync_all()
    }

    /// Removes the blob, durably.
    pub(crate) fn remove(&self) -> Result<()> {
        self.reach()?;
        let aside = {
            let _lock = self.lock().map_err(fault)?;
            let parts = self.find()?.is_some_and(|metadata| metadata.is_dir());
            let aside = if parts { self.set_aside(&self.blob).map_err(fault)? } else { None };
            // The bytes go last: as long as they are there, the blob is.
            remove(&self.digest).and_then(|_| remove(&self.blob)).map_err(fault)?;
            // Also when there was nothing: whoever removed it may have been stopped before this.
            self.confirm()?;
            aside
        };
        // Many parts take a while, for which nobody need wait. What cannot be removed now, a sweep removes later.
        aside.map(|tree| remove_tree(&tree).is_ok());
        Ok(())
    }

    /// Moves a directory to where sweeps look, if it is there, and tells where it is now.
    pub(crate) fn set_aside(&self, directory: &Path) -> io::Result<Option<PathBuf>> {
        let aside = free_name(&self.tmp, self.stem())?;
        match fs::rename(directory, &aside) {
            Ok(()) => Ok(Some(aside)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps others from changing the shard until the file is dropped, or the process ends.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let file = options().write(true).create(true).truncate(false).open(&self.lock)?;
        file.lock()?;
        Ok(file)
    }
}
