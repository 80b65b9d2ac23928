//! ZIP records (PKWARE APPNOTE 6.3.10), with sizes and checksums before the bytes, so that a reader can process them as
//! a stream. Files are stored uncompressed, and records depend on file contents only through the CRC-32, so every
//! length and offset is known in advance.

use bytes::BufMut;
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::service::ArchiveEntry;
use time::OffsetDateTime;

/// The value of a 32-bit field that refers to the ZIP64 field instead; larger values need ZIP64 too.
const ZIP64: u64 = u32::MAX as u64;

/// The same for 16-bit fields.
const ZIP64_ENTRIES: u64 = u16::MAX as u64;

/// The format versions needed to extract: for plain entries, and for ZIP64 entries.
const PLAIN: u16 = 20;
const LARGE: u16 = 45;

/// Made by Unix, version 4.5.
const MADE_BY: u16 = 3 << 8 | LARGE;

/// The flag for UTF-8 names.
const UTF_8: u16 = 1 << 11;

/// Unix modes of files and folders, and the MS-DOS directory attribute.
const FILE: u32 = 0o100_644 << 16;
const FOLDER: u32 = 0o040_755 << 16 | 0x10;

/// The extra field with a UTC timestamp in seconds: the format's own times have no time zone.
const EXTENDED_TIMESTAMP: u16 = 0x5455;

/// The ZIP64 extra field.
const EXTENDED_INFORMATION: u16 = 0x0001;

/// The earliest time of the format, in seconds since 1970.
const YEAR_1980: i64 = 315_532_800;

/// The earliest and the latest time the format can express.
const FIRST: (u16, u16) = (0, 1 << 5 | 1);
const LAST: (u16, u16) = (23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31);

/// An entry, as described by its local and its central directory record.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    path: &'a str,
    modified_at: Timestamp,
    /// `None` for a folder.
    size: Option<u64>,
}

impl<'a> Record<'a> {
    pub(super) fn new(entry: ArchiveEntry<'a>) -> Self {
        Self { path: entry.path, modified_at: entry.modified_at, size: entry.file.map(|file| file.size) }
    }

    /// The size of the file, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size.unwrap_or(0)
    }

    fn is_large(&self) -> bool {
        self.size() >= ZIP64
    }

    /// The UTC time, if it fits into 32 bits; otherwise only the format's own time is written.
    fn seconds(&self) -> Option<i32> {
        i32::try_from(self.modified_at.as_seconds()).ok()
    }

    fn timestamp_len(&self) -> u16 {
        if self.seconds().is_some() { 9 } else { 0 }
    }

    fn put_timestamp(&self, out: &mut impl BufMut) {
        const MODIFIED: u8 = 1;
        if let Some(seconds) = self.seconds() {
            out.put_u16_le(EXTENDED_TIMESTAMP);
            out.put_u16_le(5);
            out.put_u8(MODIFIED);
            out.put_i32_le(seconds);
        }
    }

    /// Writes the fields common to both records, from the version needed to the path length.
    fn put_common(&self, crc32: u32, needed: u16, out: &mut impl BufMut) {
        let (time, date) = date_time(self.modified_at);
        let size = u32::try_from(self.size()).unwrap_or(u32::MAX);
        out.put_u16_le(needed);
        out.put_u16_le(UTF_8);
        // Stored.
        out.put_u16_le(0);
        out.put_u16_le(time);
        out.put_u16_le(date);
        out.put_u32_le(crc32);
        out.put_u32_le(size);
        out.put_u32_le(size);
        // Fits: names have at most 255 bytes and folders nest at most a hundred deep.
        out.put_u16_le(u16::try_from(self.path.len()).unwrap_or(u16::MAX));
    }

    fn local_extra_len(&self) -> u16 {
        self.timestamp_len() + if self.is_large() { 20 } else { 0 }
    }

    /// The number of bytes that [`put_local`](Self::put_local) writes.
    pub(super) fn local_len(&self) -> u64 {
        30 + self.path.len() as u64 + u64::from(self.local_extra_len())
    }

    /// Writes the local record, which precedes the bytes.
    pub(super) fn put_local(&self, crc32: u32, out: &mut impl BufMut) {
        out.put_u32_le(0x0403_4b50);
        self.put_common(crc32, if self.is_large() { LARGE } else { PLAIN }, out);
        out.put_u16_le(self.local_extra_len());
        out.put_slice(self.path.as_bytes());
        self.put_timestamp(out);
        if self.is_large() {
            out.put_u16_le(EXTENDED_INFORMATION);
            out.put_u16_le(16);
            out.put_u64_le(self.size());
            out.put_u64_le(self.size());
        }
    }

    /// The length in bytes of the central record's ZIP64 fields.
    fn extended_len(&self, offset: u64) -> u16 {
        let sizes = if self.is_large() { 16 } else { 0 };
        sizes + if offset >= ZIP64 { 8 } else { 0 }
    }

    fn central_extra_len(&self, offset: u64) -> u16 {
        let extended = self.extended_len(offset);
        self.timestamp_len() + if extended > 0 { 4 + extended } else { 0 }
    }

    /// The number of bytes that [`put_central`](Self::put_central) writes.
    pub(super) fn central_len(&self, offset: u64) -> u64 {
        46 + self.path.len() as u64 + u64::from(self.central_extra_len(offset))
    }

    /// Writes the central directory record of an entry whose local record is at `offset`.
    pub(super) fn put_central(&self, crc32: u32, offset: u64, out: &mut impl BufMut) {
        let extended = self.extended_len(offset);
        out.put_u32_le(0x0201_4b50);
        out.put_u16_le(MADE_BY);
        self.put_common(crc32, if extended > 0 { LARGE } else { PLAIN }, out);
        out.put_u16_le(self.central_extra_len(offset));
        // No comment, disk 0, no internal attributes.
        out.put_bytes(0, 6);
        out.put_u32_le(if self.size.is_some() { FILE } else { FOLDER });
        out.put_u32_le(u32::try_from(offset).unwrap_or(u32::MAX));
        out.put_slice(self.path.as_bytes());
        self.put_timestamp(out);
        if extended > 0 {
            out.put_u16_le(EXTENDED_INFORMATION);
            out.put_u16_le(extended);
            if self.is_large() {
                out.put_u64_le(self.size());
                out.put_u64_le(self.size());
            }
            if offset >= ZIP64 {
                out.put_u64_le(offset);
            }
        }
    }
}

/// The end of central directory: its offset and length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl End {
    fn is_large(self) -> bool {
        self.entries >= ZIP64_ENTRIES || self.offset >= ZIP64 || self.length >= ZIP64
    }

    /// The number of bytes that [`put`](Self::put) writes.
    pub(super) fn len(self) -> u64 {
        if self.is_large() { 56 + 20 + 22 } else { 22 }
    }

    pub(super) fn put(self, out: &mut impl BufMut) {
        if self.is_large() {
            out.put_u32_le(0x0606_4b50);
            out.put_u64_le(44);
            out.put_u16_le(MADE_BY);
            out.put_u16_le(LARGE);
            out.put_bytes(0, 8);
            out.put_u64_le(self.entries);
            out.put_u64_le(self.entries);
            out.put_u64_le(self.length);
            out.put_u64_le(self.offset);
            // The ZIP64 locator.
            out.put_u32_le(0x0706_4b50);
            out.put_u32_le(0);
            out.put_u64_le(self.offset + self.length);
            out.put_u32_le(1);
        }
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        out.put_u32_le(0x0605_4b50);
        out.put_bytes(0, 4);
        out.put_u16_le(entries);
        out.put_u16_le(entries);
        out.put_u32_le(u32::try_from(self.length).unwrap_or(u32::MAX));
        out.put_u32_le(u32::try_from(self.offset).unwrap_or(u32::MAX));
        out.put_u16_le(0);
    }
}

/// Converts to the format's UTC time, in steps of two seconds, clamped to 1980–2107.
fn date_time(at: Timestamp) -> (u16, u16) {
    if at.as_seconds() < YEAR_1980 {
        return FIRST;
    }
    let utc = OffsetDateTime::from_unix_timestamp(at.as_seconds()).ok();
    let date_time = utc.and_then(|utc| {
        let year = u16::try_from(utc.year() - 1980).ok().filter(|year| *year < 128)?;
        let (month, day) = (u16::from(u8::from(utc.month())), u16::from(utc.day()));
        let (hour, minute, second) = (u16::from(utc.hour()), u16::from(utc.minute()), u16::from(utc.second()));
        Some((hour << 11 | minute << 5 | (second / 2), year << 9 | month << 5 | day))
    });
    date_time.unwrap_or(LAST)
}

#[cfg(test)]
mod tests;
