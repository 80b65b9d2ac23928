use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use actix_web::web::{Bytes, BytesMut};
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::{Error, Result};
use time::OffsetDateTime;
use zip::write::{FullFileOptions, StreamWriter};
use zip::{DateTime, ZIP64_BYTES_THR, ZipWriter as Format};

/// The extra field that holds times in UTC, to the second: those of the format itself are in no time zone.
const EXTENDED_TIMESTAMP: u16 = 0x5455;

/// When the times of the format begin, in seconds since 1970.
const YEAR_1980: i64 = 315_532_800;

/// Writes a ZIP into memory, from which it is taken while it is written. It keeps something of every entry until its end.
pub(super) struct ZipWriter {
    format: Option<Format<StreamWriter<Buffer>>>,
    buffer: Buffer,
}

/// What has been written and not yet taken.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Shelf>>);

#[derive(Default)]
struct Shelf {
    bytes: BytesMut,
    /// Whether nobody will take anything any more.
    closed: bool,
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut shelf = self.0.borrow_mut();
        if !shelf.closed {
            shelf.bytes.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ZipWriter {
    pub(super) fn new() -> Self {
        let buffer = Buffer::default();
        Self { format: Some(Format::new_stream(buffer.clone())), buffer }
    }

    /// How many bytes can be taken.
    pub(super) fn waiting(&self) -> usize {
        self.buffer.0.borrow().bytes.len()
    }

    /// Takes what has been written.
    pub(super) fn take(&self) -> Bytes {
        self.buffer.0.borrow_mut().bytes.split().freeze()
    }

    /// Adds a folder, whose path ends with `/`.
    pub(super) fn add_folder(&mut self, path: &str, modified_at: Timestamp) -> Result<()> {
        let options = options(modified_at)?;
        self.format()?.add_directory(path, options).map_err(broken)
    }

    /// Begins a file of `size` bytes, which are [appended](Self::append) next.
    pub(super) fn begin_file(&mut self, path: &str, modified_at: Timestamp, size: u64) -> Result<()> {
        let options = options(modified_at)?.large_file(size >= ZIP64_BYTES_THR);
        self.format()?.start_file(path, options).map_err(broken)
    }

    /// Appends bytes of the file that has begun.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.format()?.write_all(bytes).map_err(broken)
    }

    /// Ends the ZIP, with the list of all that is in it.
    pub(super) fn finish(&mut self) -> Result<()> {
        let format = self.format.take().ok_or_else(|| broken("it has ended"))?;
        format.finish().map(drop).map_err(broken)
    }

    fn format(&mut self) -> Result<&mut Format<StreamWriter<Buffer>>> {
        self.format.as_mut().ok_or_else(|| broken("it has ended"))
    }
}

impl Drop for ZipWriter {
    /// A ZIP that is given up is ended all the same by the format's own writer: for nobody.
    fn drop(&mut self) {
        let mut shelf = self.buffer.0.borrow_mut();
        shelf.closed = true;
        shelf.bytes.clear();
    }
}

fn broken(fault: impl Into<clouddrive_domain::error::BoxedError>) -> Error {
    Error::internal("zip", fault)
}

/// Stored, not compressed: most of what is large is compressed already, and the server's time is everybody's.
fn options(modified_at: Timestamp) -> Result<FullFileOptions<'static, 'static>> {
    let options = FullFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut options = options.last_modified_time(date_time(modified_at));
    // Where it cannot be told in 32 bits, the format's own time has to do.
    if let Ok(seconds) = i32::try_from(modified_at.as_seconds()) {
        const MODIFIED: u8 = 1;
        let [a, b, c, d] = seconds.to_le_bytes();
        options.add_extra_field(EXTENDED_TIMESTAMP, [MODIFIED, a, b, c, d], false).map_err(broken)?;
    }
    Ok(options)
}

/// The time in UTC as the format has it, from 1980 to 2107; whatever is nearest to it.
fn date_time(at: Timestamp) -> DateTime {
    let utc = OffsetDateTime::from_unix_timestamp(at.as_seconds()).ok();
    let told = utc.and_then(|utc| {
        let year = u16::try_from(utc.year()).ok()?;
        let (month, day) = (u8::from(utc.month()), utc.day());
        DateTime::from_date_and_time(year, month, day, utc.hour(), utc.minute(), utc.second()).ok()
    });
    let early = at.as_seconds() < YEAR_1980;
    told.unwrap_or_else(|| match DateTime::from_date_and_time(2107, 12, 31, 23, 59, 58) {
        Ok(last) if !early => last,
        _ => DateTime::default(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use zip::{ExtraField, ZipArchive};

    use super::*;

    const MODIFIED: Timestamp = Timestamp::from_millis(1_795_327_921_500);

    fn read(zip: &ZipWriter) -> ZipArchive<Cursor<Bytes>> {
        ZipArchive::new(Cursor::new(zip.take())).unwrap()
    }

    #[test]
    fn what_went_in_comes_out() {
        let mut zip = ZipWriter::new();
        zip.add_folder("Fotos 📷/", MODIFIED).unwrap();
        zip.begin_file("Fotos 📷/10:30 Übung.txt", MODIFIED, 10).unwrap();
        zip.append(b"01234").unwrap();
        zip.append(b"56789").unwrap();
        zip.begin_file("Fotos 📷/empty", MODIFIED, 0).unwrap();
        zip.finish().unwrap();
        let mut archive = read(&zip);
        let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
        assert_eq!(names, ["Fotos 📷/", "Fotos 📷/10:30 Übung.txt", "Fotos 📷/empty"]);
        assert!(archive.by_index(0).unwrap().is_dir());
        let mut file = archive.by_index(1).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), file.size(), file.compressed_size()), ("0123456789", 10, 10));
        let modified = file.last_modified().unwrap();
        assert_eq!((modified.year(), modified.month(), modified.day(), modified.hour()), (2026, 11, 22, 6));
        let utc = file.extra_data_fields().find_map(|field| match field {
            ExtraField::ExtendedTimestamp(times) => times.mod_time(),
            _ => None,
        });
        assert_eq!(utc, Some(1_795_327_921));
        drop(file);
        assert_eq!(archive.by_index(2).unwrap().size(), 0);
    }

    #[test]
    fn more_entries_than_sixteen_bits_can_count() {
        let mut zip = ZipWriter::new();
        for number in 0..70_000 {
            zip.add_folder(&format!("{number}/"), MODIFIED).unwrap();
        }
        zip.finish().unwrap();
        let archive = read(&zip);
        assert_eq!(archive.len(), 70_000);
        assert_eq!(archive.name_for_index(69_999).unwrap().unwrap(), "69999/");
    }

    #[test]
    fn a_file_whose_size_takes_more_than_thirty_two_bits_is_announced_so() {
        let mut zip = ZipWriter::new();
        zip.begin_file("large", MODIFIED, u64::from(u32::MAX)).unwrap();
        let head = zip.take();
        // The version that whoever unpacks it needs: 4.5, that of ZIP64.
        assert_eq!(head.get(4..6), Some([45, 0].as_slice()));
        let mut zip = ZipWriter::new();
        zip.begin_file("small", MODIFIED, u64::from(u32::MAX) - 1).unwrap();
        assert_ne!(zip.take().get(4..6), Some([45, 0].as_slice()));
    }

    #[test]
    fn what_is_given_up_has_no_end() {
        let mut zip = ZipWriter::new();
        zip.add_folder("a/", MODIFIED).unwrap();
        let buffer = zip.buffer.clone();
        drop(zip);
        assert!(buffer.0.borrow().bytes.is_empty());
    }

    #[test]
    fn times_that_the_format_cannot_tell_become_the_nearest() {
        for (millis, year) in [(i64::MIN, 1980), (-1, 1980), (0, 1980), (4_400_000_000_000, 2107), (i64::MAX, 2107)] {
            assert_eq!(date_time(Timestamp::from_millis(millis)).year(), year, "{millis}");
        }
    }
}
