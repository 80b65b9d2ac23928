use async_trait::async_trait;
use clouddrive_domain::model::{BlobKey, Crc32, DriveId, EntityTag, StoreName, Timestamp};
use clouddrive_domain::port::BlobRecordRepository;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::{
    self as rows, BlobRow, HeldBytesRow, KeyRow, NewBlobRow, ReleasedContents, credits, hold, key as parse_key,
    marked_for_deletion, unreferenced_blobs,
};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::{blobs, drives, held_blobs};
use clouddrive_sql::statement::{FlagRow, Parameter, Statement, update};
use clouddrive_sql::trees::BATCH;
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::remove_jobs_by_blob;
use diesel::prelude::*;

use crate::Database;

/// Inserts the row of a blob. `unreferenced_at`, if given, is the time since which nothing refers to it.
pub(crate) fn insert(
    connection: &mut SqliteConnection,
    key: &BlobKey,
    store: &StoreName,
    at: Timestamp,
    unreferenced_at: Option<Timestamp>,
) -> Result<(), SqlError> {
    diesel::insert_into(blobs::table).values(NewBlobRow::new(key, store, at, unreferenced_at)).execute(connection)?;
    Ok(())
}

/// Marks the blob as referenced; it must not have been marked for deletion.
pub(crate) fn mark_referenced(connection: &mut SqliteConnection, key: &BlobKey) -> Result<(), SqlError> {
    let usable = blobs::table.filter(blobs::key.eq(key.as_str()).and(blobs::condemned_at.is_null()));
    let found = update(usable).set(blobs::unreferenced_at.eq(None::<i64>)).execute(connection)?;
    if found == 0 {
        return Err(
            Error::internal("database", "a blob to be referred to is not recorded, or is marked for deletion").into()
        );
    }
    Ok(())
}

/// Whether these blobs (without duplicates) may be referred to, i.e. all are recorded, and none is marked for deletion.
pub(crate) fn all_usable(connection: &mut SqliteConnection, keys: &[String]) -> Result<bool, SqlError> {
    for keys in keys.chunks(BATCH) {
        let usable = blobs::table.filter(blobs::key.eq_any(keys).and(blobs::condemned_at.is_null()));
        let found: i64 = usable.count().get_result(connection)?;
        if found < bytes(keys.len() as u64) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Marks these blobs (without duplicates) as referenced; none may have been marked for deletion.
pub(crate) fn mark_all_referenced(connection: &mut SqliteConnection, keys: &[String]) -> Result<(), SqlError> {
    for keys in keys.chunks(BATCH) {
        let usable = blobs::table.filter(blobs::key.eq_any(keys).and(blobs::condemned_at.is_null()));
        let found = update(usable).set(blobs::unreferenced_at.eq(None::<i64>)).execute(connection)?;
        if found < keys.len() {
            return Err(Error::internal(
                "database",
                "a blob to be referred to is not recorded, or is marked for deletion",
            )
            .into());
        }
    }
    Ok(())
}

/// Handles the removal of a reference to the blob: if it was the last, marks the blob as unreferenced since `at`.
pub(crate) fn release(connection: &mut SqliteConnection, key: &str, at: Timestamp) -> Result<(), SqlError> {
    if !is_referred_to(connection, key)? {
        update(blobs::table.find(key)).set(blobs::unreferenced_at.eq(at.as_millis())).execute(connection)?;
    }
    Ok(())
}

/// Handles the permanent removal from `drive` of versions with these `contents` (blobs with their sizes): marks for
/// deletion blobs that nothing refers to any more; they count as used until their bytes are deleted.
pub(crate) fn release_contents(
    connection: &mut SqliteConnection,
    drive: DriveId,
    contents: &[(String, i64)],
    at: Timestamp,
) -> Result<ReleasedContents, SqlError> {
    let mut unreferenced = Vec::new();
    for (key, _) in contents {
        if !is_referred_to(connection, key)? {
            let text = "UPDATE blobs SET unreferenced_at = ?, condemned_at = ? WHERE key = ? RETURNING key, store";
            let at = Parameter::time(at);
            let statement = Statement::new(text, vec![at.clone(), at, Parameter::Text(key.clone())]);
            unreferenced.extend(statement.load::<BlobRow>(connection)?);
        }
    }
    let released = ReleasedContents::new(drive, contents, unreferenced);
    for row in &released.held {
        diesel::insert_into(held_blobs::table).values(row).execute(connection)?;
    }
    Ok(released)
}

fn is_referred_to(connection: &mut SqliteConnection, key: &str) -> Result<bool, SqlError> {
    let referred_to: FlagRow = rows::is_referred_to(key).get_result(connection)?;
    Ok(referred_to.holds)
}

/// Gives back to the quota what blobs counted against their drives.
pub(crate) fn give_back(connection: &mut SqliteConnection, counted: Vec<HeldBytesRow>) -> Result<(), SqlError> {
    for (drive, (used, reserved)) in credits(counted) {
        update(drives::table.find(drive))
            .set((
                drives::used_bytes.eq(drives::used_bytes - used),
                drives::reserved_bytes.eq(drives::reserved_bytes - reserved),
            ))
            .execute(connection)?;
    }
    Ok(())
}

#[async_trait]
impl BlobRecordRepository for Database {
    async fn record(&self, key: &BlobKey, store: &StoreName, at: Timestamp) -> Result<()> {
        let (key, store) = (key.clone(), store.clone());
        self.write_growing(move |connection| insert(connection, &key, &store, at, Some(at))).await
    }

    async fn recorded_at(&self, key: &BlobKey) -> Result<Option<Timestamp>> {
        let key = key.clone();
        self.read(move |connection| {
            let row = blobs::table.find(key.as_str()).select(blobs::created_at);
            let at: Option<i64> = row.first(connection).optional()?;
            Ok(at.map(Timestamp::from_millis))
        })
        .await
    }

    async fn is_referred_to(&self, key: &BlobKey) -> Result<bool> {
        let key = key.clone();
        self.read(move |connection| is_referred_to(connection, key.as_str())).await
    }

    async fn record_tag(&self, key: &BlobKey, tag: &EntityTag) -> Result<()> {
        let (key, tag) = (key.clone(), tag.clone());
        self.write(move |connection| {
            let row = blobs::table.filter(blobs::key.eq(key.as_str()).and(blobs::etag.is_null()));
            update(row).set(blobs::etag.eq(tag.as_str())).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn record_crc32s(&self, sums: &[(BlobKey, Crc32)]) -> Result<()> {
        let sums = sums.to_vec();
        self.write(move |connection| {
            for (key, Crc32(sum)) in &sums {
                let unknown = blobs::table.filter(blobs::key.eq(key.as_str()).and(blobs::crc32.is_null()));
                update(unknown).set(blobs::crc32.eq(i64::from(*sum))).execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    async fn mark_for_deletion(
        &self,
        store: &StoreName,
        before: Timestamp,
        now: Timestamp,
        max: u32,
    ) -> Result<Vec<BlobKey>> {
        let store = store.clone();
        self.write_bulk(move |connection| {
            let mut due: Vec<KeyRow> = unreferenced_blobs(&store, before, max).load(connection)?;
            // Blobs already marked for deletion come last, so that blobs whose bytes cannot be removed do not hold up
            // the others.
            let room = (max as usize).saturating_sub(due.len());
            due.extend(marked_for_deletion(&store, room).load::<KeyRow>(connection)?);
            let mut marked_for_deletion = Vec::with_capacity(due.len());
            for KeyRow { key } in due {
                let row = blobs::table.find(&key);
                if is_referred_to(connection, &key)? {
                    update(row).set(blobs::unreferenced_at.eq(None::<i64>)).execute(connection)?;
                    continue;
                }
                // Not `before`, which is long ago: what fails again and again would stay ahead of what
                // `release_contents` marked for deletion.
                update(row).set(blobs::condemned_at.eq(now.as_millis())).execute(connection)?;
                remove_jobs_by_blob("blob_key = ?", Parameter::Text(key.clone())).execute(connection)?;
                marked_for_deletion.push(parse_key(&key)?);
            }
            Ok(marked_for_deletion)
        })
        .await
    }

    async fn remove(&self, store: &StoreName, keys: &[BlobKey]) -> Result<()> {
        let (store, keys) = (store.clone(), keys.to_vec());
        self.write_bulk(move |connection| {
            let mut counted = Vec::new();
            for key in &keys {
                let marked_for_deletion = blobs::table.find(key.as_str()).filter(blobs::store.eq(store.as_str()));
                let marked_for_deletion = marked_for_deletion.filter(blobs::condemned_at.is_not_null());
                if diesel::delete(marked_for_deletion).execute(connection)? > 0 {
                    let text = "DELETE FROM held_blobs WHERE blob_key = ? RETURNING drive_id, size_bytes, counter";
                    let statement = Statement::new(text, vec![Parameter::Text(key.as_str().to_owned())]);
                    counted.extend(statement.load::<HeldBytesRow>(connection)?);
                }
            }
            give_back(connection, counted)
        })
        .await
    }

    async fn hold(&self, key: &BlobKey, drive: DriveId, size: u64) -> Result<()> {
        let statement = hold(key, drive, size);
        self.write(move |connection| {
            if statement.execute(connection)? > 0 {
                let more = drives::reserved_bytes.eq(drives::reserved_bytes + bytes(size));
                update(drives::table.find(DbId::from(drive))).set(more).execute(connection)?;
            }
            Ok(())
        })
        .await
    }
}
