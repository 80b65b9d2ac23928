//! Compares the blob rows with the store's objects by a merge in key order.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use futures_util::future::ready;
use futures_util::stream::{FuturesUnordered, TryChunksError};
use futures_util::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use crate::invariants::{blob_rows, is_key, needed};
use crate::options::{Options, Progress, Stage};
use crate::ports::{CheckError, Object, ObjectStream, Objects, Records, Row, RowStream, Snapshot};
use crate::report::{Finding, Kind, Report};

/// The number of blobs read concurrently.
const READ_AT_ONCE: usize = 4;

/// The maximum number of candidates to check again; any more are counted without a second check.
const MAX_CANDIDATES: usize = 10_000;

/// The batch size of the second check.
const RECHECK_BATCH: usize = 500;

/// Suspected findings.
#[derive(Default)]
struct Candidates {
    keys: Vec<(Kind, String)>,
    /// The counts of those beyond the limit.
    beyond: Vec<(Kind, u64)>,
}

impl Candidates {
    fn add(&mut self, kind: Kind, key: &str) {
        if self.keys.len() < MAX_CANDIDATES {
            self.keys.push((kind, key.to_owned()));
        } else if let Some((_, count)) = self.beyond.iter_mut().find(|(other, _)| *other == kind) {
            *count += 1;
        } else {
            self.beyond.push((kind, 1));
        }
    }
}

/// A blob row.
#[derive(Default)]
struct BlobRow {
    key: String,
    size: Option<u64>,
    sha256: Option<String>,
    /// The store that must contain it completely; `None` if it need not exist.
    store: Option<String>,
}

impl From<Row> for BlobRow {
    fn from(row: Row) -> Self {
        let size = row.second().and_then(|text| text.parse().ok());
        let [key, _, sha256, store] = row.0;
        Self { key: key.unwrap_or_default(), size, sha256, store }
    }
}

/// Compares the blob rows with the store.
pub(crate) async fn check(
    records: &dyn Records,
    mut snapshot: Box<dyn Snapshot>,
    objects: &dyn Objects,
    options: Options,
    progress: Progress<'_>,
    report: &mut Report,
) -> Result<(), CheckError> {
    let old = options.now - options.grace;
    let mut candidates = Candidates::default();
    let mut reading = FuturesUnordered::new();
    let rows = snapshot.rows(&blob_rows(records.dialect(), &[]), false).await?;
    let mut pairs = Pairs::begin(rows, objects.list()).await?;
    while let Some(pair) = pairs.next().await? {
        report.objects += u64::from(pair.object.is_some());
        report.blobs += u64::from(pair.row.is_some());
        if report.blobs.is_multiple_of(1000) {
            progress(Stage::Store, report.blobs, None);
        }
        if let Some((kind, _)) = pair.finding(objects.name(), old) {
            candidates.add(kind, pair.key());
        } else if let Pair { row: Some(row), object: Some(_) } = pair
            && options.deep
            && row.store.is_some()
        {
            if reading.len() >= READ_AT_ONCE {
                record_read(reading.next().await, report, &mut candidates);
            }
            reading.push(read(objects, row));
        }
    }
    while !reading.is_empty() {
        record_read(reading.next().await, report, &mut candidates);
    }
    drop((pairs, snapshot));
    recheck(records, objects, old, &candidates, progress, report).await?;
    incomplete_uploads(records, objects, old, report).await?;
    for (kind, count) in candidates.beyond {
        report.add_unlisted(kind, count);
    }
    Ok(())
}

/// Merges rows and objects, both in key order.
struct Pairs {
    rows: RowStream,
    listing: ObjectStream,
    row: Option<BlobRow>,
    object: Option<Object>,
}

impl Pairs {
    async fn begin(mut rows: RowStream, mut listing: ObjectStream) -> Result<Self, CheckError> {
        let row = next_row(&mut rows).await?;
        let object = listing.next().await.transpose()?;
        Ok(Self { rows, listing, row, object })
    }

    /// The row and object of the next key.
    async fn next(&mut self) -> Result<Option<Pair>, CheckError> {
        let order = match (&self.row, &self.object) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(row), Some(object)) => row.key.cmp(&object.key),
        };
        let mut pair = Pair::default();
        if order.is_le() {
            pair.row = std::mem::replace(&mut self.row, next_row(&mut self.rows).await?);
        }
        if order.is_ge() {
            let next = self.listing.next().await.transpose()?;
            // An unordered listing would make the merge report missing objects.
            if let (Some(last), Some(next)) = (&self.object, &next)
                && next.key <= last.key
            {
                let cause =
                    format!("the store does not list in the order of the names: {} after {}", next.key, last.key);
                return Err(CheckError { part: "storage", cause });
            }
            pair.object = std::mem::replace(&mut self.object, next);
        }
        Ok(Some(pair))
    }
}

async fn next_row(rows: &mut RowStream) -> Result<Option<BlobRow>, CheckError> {
    Ok(rows.next().await.transpose()?.map(BlobRow::from))
}

/// The row and object of a key.
#[derive(Default)]
struct Pair {
    row: Option<BlobRow>,
    object: Option<Object>,
}

impl Pair {
    fn key(&self) -> &str {
        let of_row = self.row.as_ref().map(|row| &row.key);
        of_row.or(self.object.as_ref().map(|object| &object.key)).map_or("", String::as_str)
    }

    /// What is wrong with it in the store `store`, and how. Unknown objects newer than `old` are fine.
    fn finding(&self, store: &str, old: i64) -> Option<(Kind, String)> {
        match (&self.row, &self.object) {
            (None, Some(object)) if object.modified_at < old => {
                let what = if is_key(&object.key) { "a blob" } else { "nothing that belongs here" };
                Some((Kind::ObjectWithoutRow, format!("{what}, of {} bytes", object.size)))
            }
            (Some(BlobRow { store: Some(other), .. }), _) if other != store => {
                Some((Kind::BlobInOtherStore, format!("it lies in {other}, the store is {store}")))
            }
            (Some(BlobRow { store: Some(_), .. }), None) => {
                Some((Kind::ObjectMissing, "nothing lies there".to_owned()))
            }
            (Some(BlobRow { store: Some(_), .. }), Some(Object { broken: Some(why), .. })) => {
                Some((Kind::ObjectBroken, (*why).to_owned()))
            }
            (Some(BlobRow { size: Some(size), store: Some(_), .. }), Some(object)) if *size != object.size => {
                Some((Kind::ObjectSizeDiffers, format!("its row says {size}, the store has {}", object.size)))
            }
            _ => None,
        }
    }
}

/// The result of reading a blob.
struct Read {
    key: String,
    bytes: u64,
    /// Whether its digest is known.
    digested: bool,
    /// Whether it matches its row.
    right: bool,
    /// Why it could not be read completely, if so.
    unreadable: Option<String>,
}

/// Reads a whole blob. Errors are part of the result, so that other blobs are still read.
async fn read(objects: &dyn Objects, row: BlobRow) -> Read {
    let BlobRow { key, size, sha256, .. } = row;
    let mut read = Read { key, bytes: 0, digested: sha256.is_some(), right: false, unreadable: None };
    if let Err(error) = read_all(objects, &mut read, size, sha256).await {
        read.unreadable = Some(error.cause);
    }
    read
}

async fn read_all(
    objects: &dyn Objects,
    read: &mut Read,
    size: Option<u64>,
    sha256: Option<String>,
) -> Result<(), CheckError> {
    let Some(mut bytes) = objects.read(&read.key).await? else { return Ok(()) };
    let mut digest = Sha256::new();
    while let Some(piece) = bytes.next().await {
        let piece = piece?;
        read.bytes += piece.len() as u64;
        digest.update(&piece);
    }
    let digest = digest.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    // Without a known digest, only the length is compared.
    read.right = size.is_none_or(|size| size == read.bytes) && sha256.is_none_or(|known| known == digest);
    Ok(())
}

fn record_read(read: Option<Read>, report: &mut Report, candidates: &mut Candidates) {
    let Some(read) = read else { return };
    report.bytes_read += read.bytes;
    report.undigested += u64::from(!read.digested);
    if read.unreadable.is_some() {
        candidates.add(Kind::ObjectUnreadable, &read.key);
    } else if !read.right {
        candidates.add(Kind::ObjectDigestDiffers, &read.key);
    }
}

/// Checks candidates again, because rows and objects were not read at the same time.
async fn recheck(
    records: &dyn Records,
    objects: &dyn Objects,
    old: i64,
    candidates: &Candidates,
    progress: Progress<'_>,
    report: &mut Report,
) -> Result<(), CheckError> {
    for (at, chunk) in (0..).zip(candidates.keys.chunks(RECHECK_BATCH)) {
        progress(Stage::Recheck, at * RECHECK_BATCH as u64, Some(candidates.keys.len() as u64));
        let mut present = HashMap::new();
        for (_, key) in chunk {
            // Look up the object before the row: a row is written before its bytes, and removed after them.
            present.insert(key.as_str(), objects.find(key).await);
        }
        let keys: Vec<String> = chunk.iter().map(|(_, key)| key.clone()).collect();
        let mut snapshot = records.snapshot().await?;
        let mut rows = snapshot.rows(&blob_rows(records.dialect(), &keys), false).await?;
        let mut known = HashMap::new();
        while let Some(row) = next_row(&mut rows).await? {
            known.insert(row.key.clone(), row);
        }
        drop((rows, snapshot));
        for (kind, key) in chunk {
            let (row, object) = (known.remove(key), present.remove(key.as_str()).unwrap_or(Ok(None)));
            let finding = match (kind, object) {
                (Kind::ObjectDigestDiffers | Kind::ObjectUnreadable, _) => still_differs(objects, row).await,
                (_, Ok(object)) => Pair { row, object }.finding(objects.name(), old),
                (_, Err(error)) => Some((Kind::ObjectUnreadable, error.cause)),
            };
            if let Some((kind, detail)) = finding {
                report.add(Finding { kind, subject: key.clone(), detail });
            }
        }
    }
    Ok(())
}

/// Finds abandoned uploads. They are listed before the rows are queried, so one that ends in between still counts as
/// recently needed.
async fn incomplete_uploads(
    records: &dyn Records,
    objects: &dyn Objects,
    old: i64,
    report: &mut Report,
) -> Result<(), CheckError> {
    let mut begun =
        objects.incomplete_uploads().try_filter(|upload| ready(upload.begun_at < old)).try_chunks(RECHECK_BATCH);
    while let Some(chunk) = begun.next().await {
        let chunk = chunk.map_err(|TryChunksError(_, error)| error)?;
        let keys: Vec<String> = chunk.iter().map(|upload| upload.key.clone()).collect();
        let mut snapshot = records.snapshot().await?;
        let rows = snapshot.rows(&needed(&keys, old), false).await?;
        let needed: HashSet<String> = rows.map_ok(|row| row.first().to_owned()).try_collect().await?;
        for upload in chunk.into_iter().filter(|upload| !needed.contains(&upload.key)) {
            let detail = format!("it began at {}", upload.begun_at);
            report.add(Finding { kind: Kind::TransferAbandoned, subject: upload.key, detail });
        }
    }
    Ok(())
}

/// Reads a blob again: whether it is in use, and still unreadable or different from its row.
async fn still_differs(objects: &dyn Objects, row: Option<BlobRow>) -> Option<(Kind, String)> {
    let row = row.filter(|row| row.store.is_some())?;
    let read = read(objects, row).await;
    if let Some(cause) = read.unreadable {
        return Some((Kind::ObjectUnreadable, format!("after {} bytes: {cause}", read.bytes)));
    }
    let detail = format!("the {} bytes in the store are not those of the row's SHA-256", read.bytes);
    (!read.right).then_some((Kind::ObjectDigestDiffers, detail))
}

#[cfg(test)]
mod tests;
