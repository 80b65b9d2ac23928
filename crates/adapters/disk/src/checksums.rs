//! The CRC-32s stored in files, those of a directory of parts among them.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use clouddrive_domain::model::{Crc32, Part};

use crate::files::options;
use crate::manifest::part_name;

/// The file with the CRC-32 of each part, one line each: number and checksum. A line is written after the part is
/// durable, so a part without a line has been received, but its checksum is unknown.
const PART_CRC32S_FILE: &str = "crc32-of-parts";

/// The file with the CRC-32 of the whole blob, in one line. Missing if the CRC-32 is unknown.
const BLOB_CRC32_FILE: &str = "crc32";

/// A CRC-32 as stored in files: eight hexadecimal digits.
pub(crate) fn crc32_text(crc32: Crc32) -> String {
    format!("{:08x}", crc32.0)
}

/// Parses a CRC-32; accepts only the exact format of [`crc32_text`].
pub(crate) fn parse_crc32(text: &str) -> Option<Crc32> {
    let crc32 = Crc32(u32::from_str_radix(text, 16).ok()?);
    (crc32_text(crc32) == text).then_some(crc32)
}

/// Reads the CRC-32 of the whole blob in `directory`, if known.
pub(crate) fn read_crc32(directory: &Path) -> io::Result<Option<Crc32>> {
    let text = read_text(&directory.join(BLOB_CRC32_FILE), 16)?;
    Ok(text.as_deref().and_then(|text| text.strip_suffix('\n')).and_then(parse_crc32))
}

/// The first `max` bytes of a file as text; `None` if the file does not exist or is not UTF-8.
fn read_text(path: &Path, max: u64) -> io::Result<Option<String>> {
    let file = match options().read(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).ok())
}

/// Durably records the CRC-32 of a part.
pub(crate) fn append_part_crc32(directory: &Path, number: u32, crc32: Crc32) -> io::Result<()> {
    let mut file = options().append(true).create(true).open(directory.join(PART_CRC32S_FILE))?;
    file.write_all(format!("{} {}\n", part_name(number), crc32_text(crc32)).as_bytes())?;
    file.sync_data()
}

/// Combines the CRC-32s of `parts` (all parts, in order) into that of the whole; `None` if one is unknown.
pub(crate) fn combined_crc32(directory: &Path, parts: &[Part]) -> io::Result<Option<Crc32>> {
    let max = (parts.len() as u64 + 1) * 64;
    let Some(text) = read_text(&directory.join(PART_CRC32S_FILE), max)? else { return Ok(None) };
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

/// Writes the CRC-32 of the whole blob and syncs the file. The caller syncs the directory.
pub(crate) fn write_whole_crc32(directory: &Path, crc32: Crc32) -> io::Result<()> {
    let mut file = options().write(true).create(true).truncate(true).open(directory.join(BLOB_CRC32_FILE))?;
    file.write_all(format!("{}\n", crc32_text(crc32)).as_bytes())?;
    file.sync_all()
}
