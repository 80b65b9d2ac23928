//! Bytes on their way out.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use clouddrive_domain::{Error, Result};

use crate::files::{broken, fault, options};
use crate::layout::{Opened, Place};
use crate::parts::part_path;

/// How many bytes are read at once.
const READ_BYTES: u64 = 256 * 1024;

/// The bytes of a range of a blob, one piece after the other.
pub(crate) struct Reader {
    source: Source,
    at: u64,
    end: u64,
}

enum Source {
    /// One file, which stands where the next byte is.
    File(File),
    /// Files of `part_size` bytes each, but for the last; one of them may be open, and then stands where the next byte is.
    Parts { directory: PathBuf, part_size: u64, open: Option<(u64, File)> },
}

impl Reader {
    /// Opens the blob in `place` for these bytes of it.
    pub(crate) fn open(place: &Place, range: Range<u64>) -> Result<Self> {
        let opened = place.open()?;
        let size = opened.size();
        if range.end > size {
            return Err(Error::RangeNotSatisfiable { size });
        }
        let source = match opened {
            Opened::File(mut file, _) => {
                file.seek(SeekFrom::Start(range.start)).map_err(fault)?;
                Source::File(file)
            }
            Opened::Parts(directory, plan) => Source::Parts { directory, part_size: plan.part_size(), open: None },
        };
        Ok(Self { source, at: range.start, end: range.end })
    }

    /// The next piece; none after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        let left = self.end.saturating_sub(self.at).min(READ_BYTES);
        if left == 0 {
            return Ok(None);
        }
        let piece = match &mut self.source {
            Source::File(file) => read(file, left)?,
            Source::Parts { directory, part_size, open } => {
                let (before, offset) = (self.at / *part_size, self.at % *part_size);
                let mut file = match open.take() {
                    Some((number, file)) if number == before => file,
                    _ => {
                        let number = u32::try_from(before + 1).map_err(broken)?;
                        let file = options().read(true).open(part_path(directory, number));
                        let mut file = file.map_err(|error| broken(format!("a part of a blob: {error}")))?;
                        file.seek(SeekFrom::Start(offset)).map_err(fault)?;
                        file
                    }
                };
                let piece = read(&mut file, left.min(*part_size - offset))?;
                *open = Some((before, file));
                piece
            }
        };
        self.at += piece.len() as u64;
        Ok(Some(piece))
    }
}

/// The next `size` bytes.
fn read(file: &mut File, size: u64) -> Result<Bytes> {
    let mut piece = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(size).read_to_end(&mut piece).map_err(fault)?;
    if piece.len() as u64 == size { Ok(piece.into()) } else { Err(broken("a blob has fewer bytes than before")) }
}
