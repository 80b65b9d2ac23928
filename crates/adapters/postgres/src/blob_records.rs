use async_trait::async_trait;
use clouddrive_domain::model::{BlobKey, Crc32, DriveId, EntityTag, StoreName, Timestamp};
use clouddrive_domain::port::BlobRecordRepository;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::{
    BlobRow, HeldBytesRow, KeyRow, NewBlobRow, ReleasedContents, credits, hold, is_referred_to, key as parse_key,
    marked_for_deletion, referred_to, unreferenced_blobs,
};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::{blobs, drives, held_blobs};
use clouddrive_sql::statement::{FlagRow, Parameter, Statement, update};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::remove_jobs_by_blob;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::arrays::{ArrayStatement, Values};
use crate::batch::Batched;
use crate::error::domain_error;
use crate::locate::array;
use crate::transaction::TxMode;

/// Inserts the row of a blob that something refers to.
pub(crate) async fn insert(
    mut connection: &AsyncPgConnection,
    key: &BlobKey,
    store: &StoreName,
    at: Timestamp,
) -> Result<(), SqlError> {
    let row = NewBlobRow::new(key, store, at, None);
    diesel::insert_into(blobs::table).values(row).execute(&mut connection).await?;
    Ok(())
}

/// A blob to be recorded, to which nothing refers yet.
#[derive(Clone)]
pub(crate) struct NewBlob {
    key: BlobKey,
    store: StoreName,
    at: Timestamp,
}

impl Batched for NewBlob {
    type Output = ();

    const MODE: TxMode = TxMode::Write;

    async fn run(mut connection: &AsyncPgConnection, items: &[Self]) -> Result<Vec<()>, SqlError> {
        let text = "INSERT INTO blobs (key, store, created_at, unreferenced_at)
            SELECT key, store, at, at FROM unnest(?, ?, ?) AS new (key, store, at)";
        let arrays = vec![
            Values::texts(items.iter().map(|blob| Some(blob.key.as_str()))),
            Values::texts(items.iter().map(|blob| Some(blob.store.as_str()))),
            Values::integers(items.iter().map(|blob| blob.at.as_millis())),
        ];
        ArrayStatement::with_parameters(text, arrays).execute(&mut connection).await?;
        Ok(vec![(); items.len()])
    }
}

/// Marks the blob as referenced; it must not have been marked for deletion.
pub(crate) async fn mark_referenced(mut connection: &AsyncPgConnection, key: &BlobKey) -> Result<(), SqlError> {
    let usable = blobs::table.filter(blobs::key.eq(key.as_str()).and(blobs::condemned_at.is_null()));
    let found = update(usable).set(blobs::unreferenced_at.eq(None::<i64>)).execute(&mut connection).await?;
    require_usable(found)
}

/// Marks these blobs, which are sorted, as referenced; returns whether that is allowed. A blob marked for deletion may
/// not be referred to.
///
/// Locks their rows first, so that no other transaction marks them for deletion before this one ends, or overlooks the
/// references.
pub(crate) async fn mark_all_referenced(mut connection: &AsyncPgConnection, keys: &[String]) -> Result<bool, SqlError> {
    let text = "SELECT key FROM blobs WHERE key = ANY (CAST(? AS text[])) AND condemned_at IS NULL
        ORDER BY key FOR KEY SHARE";
    let usable: Vec<KeyRow> = Statement::new(text, vec![array(keys)]).load(&mut connection).await?;
    let text = "UPDATE blobs SET unreferenced_at = NULL WHERE key IN (
            SELECT key FROM blobs WHERE key = ANY (CAST(? AS text[])) AND unreferenced_at IS NOT NULL
            ORDER BY key FOR NO KEY UPDATE
        )";
    Statement::new(text, vec![array(keys)]).execute(&mut connection).await?;
    Ok(usable.len() == keys.len())
}

/// Fails unless a usable blob was found.
pub(crate) fn require_usable(found: usize) -> Result<(), SqlError> {
    if found == 0 {
        return Err(
            Error::internal("database", "a blob to be referred to is not recorded, or is marked for deletion").into()
        );
    }
    Ok(())
}

/// Locks the rows of these blobs, in key order.
pub(crate) async fn lock(mut connection: &AsyncPgConnection, keys: &[&str]) -> Result<(), SqlError> {
    let rows = blobs::table.filter(blobs::key.eq_any(keys)).order(blobs::key).select(blobs::key).for_update();
    rows.load::<String>(&mut connection).await?;
    Ok(())
}

/// Handles the removal of references to these blobs: marks those without any other as unreferenced since `at`.
///
/// Locks their rows first, in key order, and looks at them next. New references update the blob's row first, so none is
/// overlooked, and two transactions that remove the last two references at once see each other's removal.
pub(crate) async fn release(mut connection: &AsyncPgConnection, keys: &[&str], at: Timestamp) -> Result<(), SqlError> {
    lock(connection, keys).await?;
    let referred_to = referred_to("b.key");
    let text =
        format!("UPDATE blobs b SET unreferenced_at = ? WHERE key = ANY (CAST(? AS text[])) AND NOT {referred_to}");
    let parameters = vec![Parameter::Integer(at.as_millis()), array(keys)];
    Statement::new(text, parameters).execute(&mut connection).await?;
    Ok(())
}

/// Handles the permanent removal from `drive` of versions with these `contents` (blobs with their sizes): marks for
/// deletion blobs that nothing refers to any more; they count as used until their bytes are deleted. Locks like
/// [`release`].
pub(crate) async fn release_contents(
    mut connection: &AsyncPgConnection,
    drive: DriveId,
    contents: &[(String, i64)],
    at: Timestamp,
) -> Result<ReleasedContents, SqlError> {
    if contents.is_empty() {
        return Ok(ReleasedContents::default());
    }
    let keys: Vec<&str> = contents.iter().map(|(key, _)| key.as_str()).collect();
    lock(connection, &keys).await?;
    let text = format!(
        "UPDATE blobs b SET unreferenced_at = ?, condemned_at = ?
        WHERE key = ANY (CAST(? AS text[])) AND NOT {} RETURNING key, store",
        referred_to("b.key")
    );
    let at = at.as_millis();
    let statement = Statement::new(text, vec![Parameter::Integer(at), Parameter::Integer(at), array(&keys)]);
    let unreferenced: Vec<BlobRow> = statement.load(&mut connection).await?;
    let released = ReleasedContents::new(drive, contents, unreferenced);
    if !released.held.is_empty() {
        diesel::insert_into(held_blobs::table).values(&released.held).execute(&mut connection).await?;
    }
    Ok(released)
}

/// Marks unreferenced blobs for deletion. A transaction that refers to a blob at this moment has locked its row, which
/// is skipped, or will find it marked for deletion.
async fn mark_for_deletion(
    mut connection: &AsyncPgConnection,
    store: &StoreName,
    before: Timestamp,
    now: Timestamp,
    max: u32,
) -> Result<Vec<BlobKey>, SqlError> {
    let locked = "FOR UPDATE SKIP LOCKED";
    let mut due: Vec<KeyRow> = unreferenced_blobs(store, before, max).before(locked).load(&mut connection).await?;
    // Blobs already marked for deletion come last, so that blobs whose bytes cannot be removed do not hold up the
    // others.
    let room = (max as usize).saturating_sub(due.len());
    due.extend(marked_for_deletion(store, room).before(locked).load::<KeyRow>(&mut connection).await?);
    let keys = || array(due.iter().map(|row| &row.key));
    // Check again, now that their locks keep new references out. The time is not `before`, which is long ago: what
    // fails again and again would stay ahead of what `release_contents` marked for deletion.
    let referred_to = referred_to("b.key");
    let text = format!(
        "UPDATE blobs b SET condemned_at = ? WHERE key = ANY (CAST(? AS text[])) AND NOT {referred_to} RETURNING key"
    );
    let parameters = vec![Parameter::Integer(now.as_millis()), keys()];
    let marked_for_deletion: Vec<KeyRow> = Statement::new(text, parameters).load(&mut connection).await?;
    if marked_for_deletion.len() < due.len() {
        let text =
            format!("UPDATE blobs b SET unreferenced_at = NULL WHERE key = ANY (CAST(? AS text[])) AND {referred_to}");
        Statement::new(text, vec![keys()]).execute(&mut connection).await?;
    }
    if !marked_for_deletion.is_empty() {
        let keys = array(marked_for_deletion.iter().map(|row| &row.key));
        remove_jobs_by_blob("blob_key = ANY (CAST(? AS text[]))", keys).execute(&mut connection).await?;
    }
    Ok(marked_for_deletion.into_iter().map(|row| parse_key(&row.key)).collect::<Result<_>>()?)
}

/// Removes blobs that are marked for deletion. Updates the drives last, to lock their counters as briefly as possible.
async fn remove(mut connection: &AsyncPgConnection, store: &StoreName, keys: &[BlobKey]) -> Result<(), SqlError> {
    let keys = array(keys.iter().map(BlobKey::as_str));
    let text = "DELETE FROM blobs WHERE key IN (
            SELECT key FROM blobs WHERE key = ANY (CAST(? AS text[])) AND store = ? AND condemned_at IS NOT NULL
            ORDER BY key FOR UPDATE
        ) RETURNING key";
    let statement = Statement::new(text, vec![keys, Parameter::Text(store.as_str().to_owned())]);
    let gone: Vec<KeyRow> = statement.load(&mut connection).await?;
    let text =
        "DELETE FROM held_blobs WHERE blob_key = ANY (CAST(? AS text[])) RETURNING drive_id, size_bytes, counter";
    let statement = Statement::new(text, vec![array(gone.iter().map(|row| &row.key))]);
    let counted: Vec<HeldBytesRow> = statement.load(&mut connection).await?;
    give_back(connection, counted).await
}

/// Gives back to the quota what blobs counted against their drives.
pub(crate) async fn give_back(mut connection: &AsyncPgConnection, counted: Vec<HeldBytesRow>) -> Result<(), SqlError> {
    for (drive, (used, reserved)) in credits(counted) {
        let less = (
            drives::used_bytes.eq(drives::used_bytes - used),
            drives::reserved_bytes.eq(drives::reserved_bytes - reserved),
        );
        update(drives::table.find(drive)).set(less).execute(&mut connection).await?;
    }
    Ok(())
}

#[async_trait]
impl BlobRecordRepository for Database {
    async fn record(&self, key: &BlobKey, store: &StoreName, at: Timestamp) -> Result<()> {
        let new = NewBlob { key: key.clone(), store: store.clone(), at };
        self.new_blobs.run(self, new).await.map_err(domain_error)
    }

    async fn recorded_at(&self, key: &BlobKey) -> Result<Option<Timestamp>> {
        let key = key.clone();
        self.read(async move |mut connection: &AsyncPgConnection| {
            let row = blobs::table.find(key.as_str()).select(blobs::created_at);
            let at: Option<i64> = row.first(&mut connection).await.optional()?;
            Ok(at.map(Timestamp::from_millis))
        })
        .await
    }

    async fn is_referred_to(&self, key: &BlobKey) -> Result<bool> {
        let statement = is_referred_to(key.as_str());
        self.read(async move |mut connection: &AsyncPgConnection| {
            let referred_to: FlagRow = statement.get_result(&mut connection).await?;
            Ok(referred_to.holds)
        })
        .await
    }

    async fn record_tag(&self, key: &BlobKey, tag: &EntityTag) -> Result<()> {
        let (key, tag) = (key.clone(), tag.clone());
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let row = blobs::table.filter(blobs::key.eq(key.as_str()).and(blobs::etag.is_null()));
            update(row).set(blobs::etag.eq(tag.as_str())).execute(&mut connection).await?;
            Ok(())
        })
        .await
    }

    async fn record_crc32s(&self, sums: &[(BlobKey, Crc32)]) -> Result<()> {
        // Locked in key order, as everywhere.
        let text = "UPDATE blobs b SET crc32 = noted.crc32
            FROM unnest(CAST(? AS text[]), CAST(? AS bigint[])) AS noted (key, crc32)
            WHERE b.key = noted.key AND b.key IN (
                SELECT key FROM blobs WHERE key = ANY (CAST(? AS text[])) AND crc32 IS NULL
                ORDER BY key FOR NO KEY UPDATE
            )";
        let keys = || array(sums.iter().map(|(key, _)| key.as_str()));
        let parameters = vec![keys(), array(sums.iter().map(|(_, Crc32(sum))| sum)), keys()];
        let statement = Statement::new(text, parameters);
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            statement.execute(&mut connection).await?;
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
        let work =
            async move |connection: &AsyncPgConnection| mark_for_deletion(connection, &store, before, now, max).await;
        self.write(TxMode::Write, work).await
    }

    async fn remove(&self, store: &StoreName, keys: &[BlobKey]) -> Result<()> {
        let (store, keys) = (store.clone(), keys.to_vec());
        let work = async move |connection: &AsyncPgConnection| remove(connection, &store, &keys).await;
        self.write(TxMode::Write, work).await
    }

    async fn hold(&self, key: &BlobKey, drive: DriveId, size: u64) -> Result<()> {
        let key = key.clone();
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            lock(connection, &[key.as_str()]).await?;
            if hold(&key, drive, size).execute(&mut connection).await? > 0 {
                let more = drives::reserved_bytes.eq(drives::reserved_bytes + bytes(size));
                update(drives::table.find(DbId::from(drive))).set(more).execute(&mut connection).await?;
            }
            Ok(())
        })
        .await
    }
}
