use std::collections::HashSet;

use async_trait::async_trait;
use clouddrive_domain::model::{BlobKey, Crc32, DriveId, EntityTag, StoreName, Timestamp};
use clouddrive_domain::port::BlobRecords;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::{
    self as rows, CountedRow, Disposal, KeyRow, NewBlobRow, condemned, given_back, hold, key as parse_key, unneeded,
};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::schema::{blobs, drives, held_blobs};
use clouddrive_sql::statement::{FlagRow, Parameter, Statement};
use clouddrive_sql::trees::BATCH;
use clouddrive_sql::types::{DbId, bytes};
use diesel::prelude::*;

use crate::Database;

/// Inserts the row of a blob. `unreferenced_at`, if given, is the time since which nothing refers to it.
pub(crate) fn insert(
    connection: &mut SqliteConnection,
    key: &BlobKey,
    store: &StoreName,
    at: Timestamp,
    unreferenced_at: Option<Timestamp>,
) -> Outcome<()> {
    diesel::insert_into(blobs::table).values(NewBlobRow::new(key, store, at, unreferenced_at)).execute(connection)?;
    Ok(())
}

/// Marks the blob as referenced; it must not have been condemned.
pub(crate) fn refer(connection: &mut SqliteConnection, key: &BlobKey) -> Outcome<()> {
    let usable = blobs::table.filter(blobs::key.eq(key.as_str()).and(blobs::condemned_at.is_null()));
    let found = diesel::update(usable).set(blobs::unreferenced_at.eq(None::<i64>)).execute(connection)?;
    if found == 0 {
        return Err(Error::internal("database", "a blob to be referred to is not recorded, or condemned").into());
    }
    Ok(())
}

/// Whether these blobs (without duplicates) may be referred to, i.e. none is condemned or forgotten.
pub(crate) fn may_refer(connection: &mut SqliteConnection, keys: &[String]) -> Outcome<bool> {
    for keys in keys.chunks(BATCH) {
        let usable = blobs::table.filter(blobs::key.eq_any(keys).and(blobs::condemned_at.is_null()));
        let found: i64 = usable.count().get_result(connection)?;
        if found < bytes(keys.len() as u64) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Marks these blobs (without duplicates) as referenced; none may have been condemned.
pub(crate) fn refer_all(connection: &mut SqliteConnection, keys: &[String]) -> Outcome<()> {
    for keys in keys.chunks(BATCH) {
        let usable = blobs::table.filter(blobs::key.eq_any(keys).and(blobs::condemned_at.is_null()));
        let found = diesel::update(usable).set(blobs::unreferenced_at.eq(None::<i64>)).execute(connection)?;
        if found < keys.len() {
            return Err(Error::internal("database", "a blob to be referred to is not recorded, or condemned").into());
        }
    }
    Ok(())
}

/// Handles the removal of a reference to the blob: if it was the last, marks the blob as unreferenced since `at`.
pub(crate) fn release(connection: &mut SqliteConnection, key: &str, at: Timestamp) -> Outcome<()> {
    if !is_referred_to(connection, key)? {
        diesel::update(blobs::table.find(key)).set(blobs::unreferenced_at.eq(at.as_millis())).execute(connection)?;
    }
    Ok(())
}

/// Handles the permanent removal from `drive` of versions with these `contents` (blobs with their sizes): condemns
/// blobs that nothing refers to any more; they count as used until their bytes are deleted.
pub(crate) fn dispose(
    connection: &mut SqliteConnection,
    drive: DriveId,
    contents: &[(String, i64)],
    at: Timestamp,
) -> Outcome<Disposal> {
    let mut unreferenced = HashSet::new();
    for (key, _) in contents {
        if !is_referred_to(connection, key)? {
            let at = at.as_millis();
            let condemned = (blobs::unreferenced_at.eq(at), blobs::condemned_at.eq(at));
            diesel::update(blobs::table.find(key)).set(condemned).execute(connection)?;
            unreferenced.insert(key.clone());
        }
    }
    let disposal = Disposal::of(drive, contents, &unreferenced);
    for rows in disposal.held.chunks(BATCH) {
        diesel::insert_into(held_blobs::table).values(rows).execute(connection)?;
    }
    Ok(disposal)
}

fn is_referred_to(connection: &mut SqliteConnection, key: &str) -> Outcome<bool> {
    let referred_to: FlagRow = rows::is_referred_to(key).get_result(connection)?;
    Ok(referred_to.holds)
}

#[async_trait]
impl BlobRecords for Database {
    async fn record(&self, key: &BlobKey, store: &StoreName, at: Timestamp) -> Result<()> {
        let (key, store) = (key.clone(), store.clone());
        self.grow(move |connection| insert(connection, &key, &store, at, Some(at))).await
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

    async fn note_tag(&self, key: &BlobKey, tag: &EntityTag) -> Result<()> {
        let (key, tag) = (key.clone(), tag.clone());
        self.write(move |connection| {
            let row = blobs::table.filter(blobs::key.eq(key.as_str()).and(blobs::etag.is_null()));
            diesel::update(row).set(blobs::etag.eq(tag.as_str())).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn note_crc32(&self, sums: &[(BlobKey, Crc32)]) -> Result<()> {
        let sums = sums.to_vec();
        self.write(move |connection| {
            for (key, Crc32(sum)) in &sums {
                let unknown = blobs::table.filter(blobs::key.eq(key.as_str()).and(blobs::crc32.is_null()));
                diesel::update(unknown).set(blobs::crc32.eq(i64::from(*sum))).execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    async fn condemn(&self, store: &StoreName, before: Timestamp, now: Timestamp, most: u32) -> Result<Vec<BlobKey>> {
        let store = store.clone();
        self.write(move |connection| {
            let mut due: Vec<KeyRow> = unneeded(&store, before, most).load(connection)?;
            // Already condemned blobs come last, so that blobs whose bytes cannot be removed do not hold up the others.
            let room = (most as usize).saturating_sub(due.len());
            due.extend(condemned(&store, room).load::<KeyRow>(connection)?);
            let mut condemned = Vec::with_capacity(due.len());
            for KeyRow { key } in due {
                let row = blobs::table.find(&key);
                if is_referred_to(connection, &key)? {
                    diesel::update(row).set(blobs::unreferenced_at.eq(None::<i64>)).execute(connection)?;
                    continue;
                }
                // Not `before`, which is long ago: what fails again and again would stay ahead of what `dispose`
                // condemned.
                diesel::update(row).set(blobs::condemned_at.eq(now.as_millis())).execute(connection)?;
                condemned.push(parse_key(&key)?);
            }
            Ok(condemned)
        })
        .await
    }

    async fn forget(&self, store: &StoreName, keys: &[BlobKey]) -> Result<()> {
        let (store, keys) = (store.clone(), keys.to_vec());
        self.write(move |connection| {
            let mut counted = Vec::new();
            for key in &keys {
                let condemned = blobs::table.find(key.as_str()).filter(blobs::store.eq(store.0));
                let condemned = condemned.filter(blobs::condemned_at.is_not_null());
                if diesel::delete(condemned).execute(connection)? > 0 {
                    let text = "DELETE FROM held_blobs WHERE blob_key = ? RETURNING drive_id, size_bytes, counter";
                    let statement = Statement::new(text, vec![Parameter::Text(key.as_str().to_owned())]);
                    counted.extend(statement.load::<CountedRow>(connection)?);
                }
            }
            for (drive, (used, reserved)) in given_back(counted) {
                diesel::update(drives::table.find(drive))
                    .set((
                        drives::used_bytes.eq(drives::used_bytes - used),
                        drives::reserved_bytes.eq(drives::reserved_bytes - reserved),
                    ))
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    async fn hold(&self, key: &BlobKey, drive: DriveId, size: u64) -> Result<()> {
        let statement = hold(key, drive, size);
        self.write(move |connection| {
            if statement.execute(connection)? > 0 {
                let more = drives::reserved_bytes.eq(drives::reserved_bytes + bytes(size));
                diesel::update(drives::table.find(DbId::from(drive))).set(more).execute(connection)?;
            }
            Ok(())
        })
        .await
    }
}
