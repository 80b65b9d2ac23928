//! Reading blobs.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use clouddrive_domain::model::BlobKey;
use clouddrive_domain::{Error, Result};

use crate::blob_path::{BlobPath, OpenBlob};
use crate::files::{corrupt, options, storage_error};
use crate::manifest::part_path;

/// The size of a read, in bytes.
const READ_BYTES: u64 = 256 * 1024;

/// Reads a range of a blob in pieces.
pub(crate) struct Reader {
    key: BlobKey,
    source: Source,
    at: u64,
    end: u64,
}

enum Source {
    /// One file, positioned at the next byte.
    File(File),
    /// Files of `part_size` bytes each, except the last. The open one, if any, is positioned at the next byte.
    Parts { blob_path: BlobPath, part_size: u64, open: Option<(u64, File)> },
}

impl Reader {
    /// Opens `range` of the blob `key` at `blob_path`, which must have `size` bytes.
    pub(crate) fn open(blob_path: &BlobPath, key: &BlobKey, size: u64, range: Range<u64>) -> Result<Self> {
        let opened = blob_path.open()?;
        if opened.size() != size {
            return Err(Error::wrong_length(key, size, opened.size()));
        }
        let source = match opened {
            OpenBlob::File(mut file, _) => {
                file.seek(SeekFrom::Start(range.start)).map_err(storage_error)?;
                Source::File(file)
            }
            OpenBlob::Parts(plan) => {
                let part_size = plan.part_size();
                // Open the first part now, while the response can still report that it is missing.
                let open =
                    (!range.is_empty()).then(|| open_part(blob_path, key, part_size, range.start)).transpose()?;
                Source::Parts { blob_path: blob_path.clone(), part_size, open }
            }
        };
        Ok(Self { key: key.clone(), source, at: range.start, end: range.end })
    }

    /// The next piece; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        let left = self.end.saturating_sub(self.at).min(READ_BYTES);
        if left == 0 {
            return Ok(None);
        }
        let piece = match &mut self.source {
            Source::File(file) => read(file, &self.key, left)?,
            Source::Parts { blob_path, part_size, open } => {
                let (before, offset) = (self.at / *part_size, self.at % *part_size);
                let (_, mut file) = match open.take() {
                    Some((number, file)) if number == before => (number, file),
                    _ => open_part(blob_path, &self.key, *part_size, self.at)?,
                };
                let piece = read(&mut file, &self.key, left.min(*part_size - offset))?;
                *open = Some((before, file));
                piece
            }
        };
        self.at += piece.len() as u64;
        Ok(Some(piece))
    }
}

/// Opens the part that contains the byte `at`, positioned there; also returns the number of parts before it.
///
/// `NotFound` if the whole blob has been deleted since it was opened: that is no damage.
fn open_part(blob_path: &BlobPath, key: &BlobKey, part_size: u64, at: u64) -> Result<(u64, File)> {
    let before = at / part_size;
    let number = u32::try_from(before + 1).map_err(corrupt)?;
    let mut file = match options().read(true).open(part_path(blob_path.blob(), number)) {
        Err(error) if error.kind() == ErrorKind::NotFound && !blob_path.exists()? => return Err(Error::NotFound),
        opened => opened.map_err(|error| Error::damaged(key, format!("part {number}: {error}")))?,
    };
    file.seek(SeekFrom::Start(at % part_size)).map_err(storage_error)?;
    Ok((before, file))
}

/// Reads exactly `size` bytes.
fn read(file: &mut File, key: &BlobKey, size: u64) -> Result<Bytes> {
    let mut piece = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(size).read_to_end(&mut piece).map_err(storage_error)?;
    if piece.len() as u64 == size { Ok(piece.into()) } else { Err(Error::damaged(key, "it ends too soon")) }
}
