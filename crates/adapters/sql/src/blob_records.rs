//! Blob records: new blobs, and the accounting of deleted ones.

use std::collections::{BTreeMap, HashMap, HashSet};

use clouddrive_domain::Result;
use clouddrive_domain::model::{BlobKey, BlobRef, Crc32, DriveId, EntityTag, Sha256, StoreName, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::schema::{blobs, held_blobs};
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, invalid_row, size};
use crate::uploads::without_job;

/// A row of `blobs` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = blobs, treat_none_as_default_value = false)]
pub struct NewBlobRow {
    key: String,
    store: String,
    created_at: i64,
    unreferenced_at: Option<i64>,
}

impl NewBlobRow {
    /// The row of a new blob. `unreferenced_at`, if given, is the time since which nothing refers to it.
    #[must_use]
    pub fn new(key: &BlobKey, store: &StoreName, at: Timestamp, unreferenced_at: Option<Timestamp>) -> Self {
        Self {
            key: key.as_str().to_owned(),
            store: store.as_str().to_owned(),
            created_at: at.as_millis(),
            unreferenced_at: unreferenced_at.map(Timestamp::as_millis),
        }
    }
}

/// The key of a blob.
#[derive(QueryableByName)]
pub struct KeyRow {
    /// The key.
    #[diesel(sql_type = Text)]
    pub key: String,
}

/// The key and the store of a blob.
#[derive(QueryableByName)]
pub struct BlobRow {
    /// The key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The name of the store.
    #[diesel(sql_type = Text)]
    pub store: String,
}

/// Selects the [`KeyRow`]s of up to `max` blobs in `store` that are not marked for deletion yet and have been
/// unreferenced since `before` or longer, oldest first.
#[must_use]
pub fn unreferenced_blobs(store: &StoreName, before: Timestamp, max: u32) -> Statement {
    let text = "SELECT key FROM blobs WHERE store = ? AND condemned_at IS NULL AND unreferenced_at <= ?
        ORDER BY unreferenced_at LIMIT ?";
    let before = Parameter::Integer(before.as_millis());
    Statement::new(text, vec![Parameter::Text(store.as_str().to_owned()), before, Parameter::Integer(max.into())])
}

/// Selects the [`KeyRow`]s of up to `max` blobs in `store` that are marked for deletion, in the order in which they
/// were marked for deletion.
#[must_use]
pub fn marked_for_deletion(store: &StoreName, max: usize) -> Statement {
    let text = "SELECT key FROM blobs WHERE store = ? AND condemned_at IS NOT NULL AND unreferenced_at IS NOT NULL
        ORDER BY condemned_at LIMIT ?";
    Statement::new(text, vec![Parameter::Text(store.as_str().to_owned()), Parameter::Integer(bytes(max as u64))])
}

/// What refers to blobs: tables, their columns with the keys, and the condition of a row that counts, if not all do.
/// Add new kinds of references here.
const REFERENCES: [(&str, &str, Option<&str>); 3] =
    [("versions", "blob_key", None), ("uploads", "blob_key", Some("state = 'open'")), ("users", "photo_blob", None)];

/// The condition that something refers to the blob whose key is the SQL expression `key`.
#[must_use]
pub fn referred_to(key: &str) -> String {
    let exists = REFERENCES.map(|(table, column, condition)| {
        let and = condition.map(|condition| format!(" AND {condition}")).unwrap_or_default();
        format!("EXISTS (SELECT 1 FROM {table} WHERE {column} = {key}{and})")
    });
    format!("({})", exists.join(" OR "))
}

/// Checks, by a [`FlagRow`](crate::statement::FlagRow), whether something refers to the blob.
#[must_use]
pub fn is_referred_to(key: &str) -> Statement {
    let parameters = REFERENCES.map(|_| Parameter::Text(key.to_owned()));
    Statement::new(format!("SELECT {} AS holds", referred_to("?")), parameters.into())
}

/// Parses the key of a row of `blobs`.
///
/// # Errors
/// If the key is invalid.
pub fn key(text: &str) -> Result<BlobKey> {
    BlobKey::parse(text).map_err(|_| invalid_row("blobs", text, "key"))
}

/// Parses the store of a row of `blobs`.
///
/// # Errors
/// If the name is invalid.
pub fn store_name(text: &str) -> Result<StoreName> {
    StoreName::parse(text).map_err(|_| invalid_row("blobs", text, "store"))
}

/// The blob with this key and store, as columns have them; none if one is missing or invalid.
#[must_use]
pub fn blob(key: Option<&str>, store: Option<&str>) -> Option<BlobRef> {
    Some(BlobRef { key: BlobKey::parse(key?).ok()?, store: StoreName::parse(store?).ok()? })
}

/// The digest's column.
#[must_use]
pub fn digest(sha256: Option<Sha256>) -> Option<Vec<u8>> {
    sha256.map(|digest| digest.as_bytes().to_vec())
}

/// The column of a store's tag.
#[must_use]
pub fn etag(tag: Option<&EntityTag>) -> Option<String> {
    tag.map(|tag| tag.as_str().to_owned())
}

/// The column of a CRC-32.
#[must_use]
pub fn crc32(sum: Option<Crc32>) -> Option<i64> {
    sum.map(|Crc32(sum)| sum.into())
}

/// A row of `held_blobs`.
#[derive(Insertable)]
#[diesel(table_name = held_blobs, treat_none_as_default_value = false)]
pub struct HeldBlobRow {
    blob_key: String,
    drive_id: DbId,
    size_bytes: i64,
    counter: &'static str,
}

/// The accounting of contents whose versions were permanently removed from a drive.
#[derive(Default)]
pub struct ReleasedContents {
    /// Bytes credited to the drive at once, because other versions still refer to the blobs.
    pub credited_bytes: u64,
    /// Blobs that count as used until their bytes are deleted.
    pub held: Vec<HeldBlobRow>,
    /// Their stores, by key.
    stores: HashMap<String, String>,
}

impl ReleasedContents {
    /// What is released of `contents` (blobs with their sizes) of `drive`, given which of the blobs are now
    /// `unreferenced`.
    #[must_use]
    pub fn new(drive: DriveId, contents: &[(String, i64)], unreferenced: Vec<BlobRow>) -> Self {
        let stores = unreferenced.into_iter().map(|row| (row.key, row.store)).collect();
        let mut released = Self { stores, ..Self::default() };
        let mut seen = HashSet::new();
        for (key, bytes) in contents {
            // A file may have the same content twice, but its bytes are stored once.
            if released.stores.contains_key(key) && seen.insert(key) {
                released.held.push(HeldBlobRow {
                    blob_key: key.clone(),
                    drive_id: drive.into(),
                    size_bytes: *bytes,
                    counter: "used",
                });
            } else {
                released.credited_bytes += size(*bytes);
            }
        }
        released
    }

    /// The blobs that nothing refers to any more.
    ///
    /// # Errors
    /// If a key or the name of a store is invalid.
    pub fn unreferenced(&self) -> Result<Vec<BlobRef>> {
        let blob = |row: &HeldBlobRow| {
            let store = self.stores.get(&row.blob_key).map(String::as_str);
            blob(Some(&row.blob_key), store).ok_or_else(|| invalid_row("blobs", &row.blob_key, "key or store"))
        };
        self.held.iter().map(blob).collect()
    }
}

/// Reserves `size` bytes of `drive`, if it exists, until the blob's record is removed or its upload is discarded, unless
/// they are counted already, or that has been done.
#[must_use]
pub fn hold(blob: &BlobKey, drive: DriveId, size: u64) -> Statement {
    let text = format!(
        "INSERT INTO held_blobs (blob_key, drive_id, size_bytes, counter)
        SELECT b.key, d.id, ?, 'reserved' FROM blobs b JOIN drives d ON d.id = ?
        WHERE b.key = ? AND b.unreferenced_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM uploads u WHERE u.blob_key = b.key AND u.state IN ('aborted', 'expired') AND {})
        ON CONFLICT (blob_key) DO NOTHING",
        without_job("u")
    );
    let blob = Parameter::Text(blob.as_str().to_owned());
    Statement::new(text, vec![Parameter::Integer(bytes(size)), drive.into(), blob])
}

/// What a removed blob counted against a drive.
#[derive(QueryableByName)]
pub struct HeldBytesRow {
    #[diesel(sql_type = Id)]
    drive_id: DbId,
    #[diesel(sql_type = BigInt)]
    size_bytes: i64,
    #[diesel(sql_type = Text)]
    counter: String,
}

/// The used and reserved bytes to credit to each drive, ordered by drive.
#[must_use]
pub fn credits(rows: Vec<HeldBytesRow>) -> BTreeMap<DbId, (i64, i64)> {
    let mut drives = BTreeMap::<DbId, (i64, i64)>::new();
    for row in rows {
        let (used, reserved) = drives.entry(row.drive_id).or_default();
        *(if row.counter == "used" { used } else { reserved }) += row.size_bytes;
    }
    drives
}
