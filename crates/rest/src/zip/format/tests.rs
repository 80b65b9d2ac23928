use std::io::{Cursor, Read};

use clouddrive_domain::service::ArchivedFile;
use zip::{ExtraField, ZipArchive};

use super::*;

const MODIFIED: Timestamp = Timestamp::from_millis(1_795_327_921_500);

fn entry(path: &str, size: Option<u64>, modified_at: Timestamp) -> ArchiveEntry<'_> {
    let file = size.map(|size| ArchivedFile { content: "", size, crc32: None });
    ArchiveEntry { path, modified_at, file }
}

fn record(path: &str, size: Option<u64>) -> Record<'_> {
    Record::new(entry(path, size, MODIFIED))
}

/// Builds a ZIP of `entries` in memory.
fn packed(entries: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
    let (mut zip, mut central) = (Vec::new(), Vec::new());
    for (path, bytes) in entries {
        let record = record(path, bytes.map(|bytes| bytes.len() as u64));
        let crc32 = crc32fast::hash(bytes.unwrap_or_default());
        record.put_central(crc32, zip.len() as u64, &mut central);
        record.put_local(crc32, &mut zip);
        zip.extend_from_slice(bytes.unwrap_or_default());
    }
    let end = End { entries: entries.len() as u64, offset: zip.len() as u64, length: central.len() as u64 };
    zip.extend(central);
    end.put(&mut zip);
    zip
}

#[test]
fn a_zip_round_trips() {
    let zip = packed(&[("Fotos 📷/", None), ("Fotos 📷/10:30 Übung.txt", Some(b"0123456789")), ("empty", Some(b""))]);
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["Fotos 📷/", "Fotos 📷/10:30 Übung.txt", "empty"]);
    assert!(archive.by_index(0).unwrap().is_dir());
    assert_eq!(archive.by_index(0).unwrap().unix_mode(), Some(0o040_755));
    let mut file = archive.by_index(1).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), file.size(), file.compressed_size()), ("0123456789", 10, 10));
    assert_eq!(file.unix_mode(), Some(0o100_644));
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
fn an_empty_zip_is_valid() {
    let zip = packed(&[]);
    assert_eq!((zip.len(), ZipArchive::new(Cursor::new(zip)).unwrap().len()), (22, 0));
}

#[test]
fn more_entries_than_16_bits_can_count() {
    for count in [65_534, 65_535, 65_536, 70_000] {
        let names: Vec<String> = (0..count).map(|number| format!("{number}/")).collect();
        let entries: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
        let archive = ZipArchive::new(Cursor::new(packed(&entries))).unwrap();
        assert_eq!(archive.len(), count);
        assert_eq!(archive.name_for_index(count - 1).unwrap().unwrap(), format!("{}/", count - 1));
    }
}

#[test]
fn record_lengths_are_exact() {
    const LIMIT: u64 = u32::MAX as u64;
    let times = [MODIFIED, Timestamp::from_millis(i64::MIN), Timestamp::from_millis(4_400_000_000_000)];
    for size in [None, Some(0), Some(LIMIT - 1), Some(LIMIT), Some(1 << 42)] {
        for at in times {
            let record = Record::new(entry("é/a", size, at));
            let mut out = Vec::new();
            record.put_local(7, &mut out);
            assert_eq!(out.len() as u64, record.local_len());
            let large = size.is_some_and(|size| size >= LIMIT);
            // The version needed to extract: 4.5 for ZIP64.
            assert_eq!(out.get(4..6), Some(&[if large { 45 } else { 20 }, 0][..]));
            for offset in [0, LIMIT - 1, LIMIT, 1 << 42] {
                let mut out = Vec::new();
                record.put_central(7, offset, &mut out);
                assert_eq!(out.len() as u64, record.central_len(offset));
                assert_eq!(out.get(6..8), Some(&[if large || offset >= LIMIT { 45 } else { 20 }, 0][..]));
            }
        }
    }
    for (entries, offset, length) in [(0, 0, 0), (65_535, 0, 0), (1, LIMIT, 1), (1, 1, LIMIT), (65_534, 1, 1)] {
        let end = End { entries, offset, length };
        let mut out = Vec::new();
        end.put(&mut out);
        assert_eq!(out.len() as u64, end.len());
    }
}

#[test]
fn no_flag_says_that_sizes_follow_the_bytes() {
    let mut out = Vec::new();
    record("a", Some(3)).put_local(0xdead_beef, &mut out);
    assert_eq!(out.get(6..8), Some(&[0, 8][..]), "names in UTF-8, and nothing else");
    assert_eq!(out.get(14..26), Some(&[0xef, 0xbe, 0xad, 0xde, 3, 0, 0, 0, 3, 0, 0, 0][..]));
}

#[test]
fn out_of_range_times_are_clamped() {
    for (millis, year) in [(i64::MIN, 1980), (-1, 1980), (0, 1980), (4_400_000_000_000, 2107), (i64::MAX, 2107)] {
        let (_, date) = date_time(Timestamp::from_millis(millis));
        assert_eq!(1980 + (date >> 9), year, "{millis}");
    }
    assert_eq!(date_time(Timestamp::from_millis(315_532_800_000)), FIRST);
    assert_eq!(date_time(Timestamp::from_millis(4_354_819_198_000)), LAST);
}
