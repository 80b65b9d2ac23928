use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{BlobKey, Crc32, DriveId, EntityTag, Job, StoreName, Timestamp, Upload};
use clouddrive_domain::port::BlobRecordRepository;

use crate::Database;
use crate::content::{is_referred_to, record};
use crate::jobs::has_discard_job;
use crate::state::{BlobRow, Counter, Held, State, UploadRow};

/// The keys of up to `max` blobs of `store` that have a `time`, in the order of these times.
fn oldest(state: &State, store: &StoreName, max: usize, time: impl Fn(&BlobRow) -> Option<Timestamp>) -> Vec<BlobKey> {
    let of_store = state.blobs.iter().filter(|(_, row)| row.store == *store);
    let mut timed: Vec<(Timestamp, &BlobKey)> = of_store.filter_map(|(key, row)| Some((time(row)?, key))).collect();
    timed.sort_unstable();
    timed.into_iter().take(max).map(|(_, key)| key.clone()).collect()
}

fn mark_for_deletion(
    state: &mut State,
    store: &StoreName,
    before: Timestamp,
    now: Timestamp,
    max: usize,
) -> Vec<BlobKey> {
    let unneeded = |row: &BlobRow| row.unreferenced_at.filter(|since| row.condemned_at.is_none() && *since <= before);
    let mut due = oldest(state, store, max, unneeded);
    // Blobs already marked for deletion come last, so that blobs whose bytes cannot be removed do not hold up the
    // others.
    due.extend(oldest(state, store, max - due.len(), |row| row.condemned_at));
    due.retain(|key| {
        let is_needed = is_referred_to(state, key);
        if let Some(row) = state.blobs.get_mut(key) {
            match is_needed {
                true => row.unreferenced_at = None,
                false => row.condemned_at = Some(now),
            }
        }
        !is_needed
    });
    let is_deleted = |upload: &Upload| upload.ended_without_file() && due.contains(&upload.blob);
    let uploads = state.uploads.values().map(|row| &row.upload).filter(|upload| is_deleted(upload));
    for id in uploads.map(|upload| upload.id).collect::<Vec<_>>() {
        state.jobs.remove(&Job::DiscardUpload(id));
    }
    due
}

fn remove(state: &mut State, store: &StoreName, key: &BlobKey) {
    if !state.blobs.get(key).is_some_and(|row| row.store == *store && row.condemned_at.is_some()) {
        return;
    }
    if let Some(held) = state.blobs.remove(key).and_then(|row| row.held) {
        give_back(state, held);
    }
    for upload in state.uploads.keys_where(1, |row| row.upload.blob == *key) {
        if let Some(row) = state.uploads.get_mut(&upload) {
            row.upload.store = None;
        }
    }
}

/// Gives back to the quota what was reserved for the blob after its bytes could not be deleted.
pub(crate) fn give_back_reserved(state: &mut State, key: &BlobKey) {
    let is_reserved = |held: &mut Held| matches!(held.counter, Counter::Reserved);
    if let Some(held) = state.blobs.get_mut(key).and_then(|row| row.held.take_if(is_reserved)) {
        give_back(state, held);
    }
}

fn give_back(state: &mut State, Held { drive, bytes, counter }: Held) {
    let Some(drive) = state.drives.get_mut(&drive) else { return };
    let counter = match counter {
        Counter::Used => &mut drive.quota.used,
        Counter::Reserved => &mut drive.quota.reserved,
    };
    *counter = counter.saturating_sub(bytes);
}

fn hold(state: &mut State, key: &BlobKey, id: DriveId, bytes: u64) {
    let is_done = |row: &UploadRow| {
        row.upload.blob == *key && row.upload.ended_without_file() && !has_discard_job(&state.jobs, row.upload.id)
    };
    if state.uploads.values().any(is_done) {
        return;
    }
    let is_free = |row: &&mut BlobRow| row.unreferenced_at.is_some() && row.held.is_none();
    let Some(drive) = state.drives.get_mut(&id) else { return };
    let Some(row) = state.blobs.get_mut(key).filter(is_free) else { return };
    row.held = Some(Held { drive: id, bytes, counter: Counter::Reserved });
    drive.quota.reserved += bytes;
}

#[async_trait]
impl BlobRecordRepository for Database {
    async fn record(&self, key: &BlobKey, store: &StoreName, at: Timestamp) -> Result<()> {
        self.write(|state| record(state, key, store, at, Some(at)))
    }

    async fn recorded_at(&self, key: &BlobKey) -> Result<Option<Timestamp>> {
        self.read(|state| Ok(state.blobs.get(key).map(|row| row.recorded_at)))
    }

    async fn is_referred_to(&self, key: &BlobKey) -> Result<bool> {
        self.read(|state| Ok(is_referred_to(state, key)))
    }

    async fn record_tag(&self, key: &BlobKey, tag: &EntityTag) -> Result<()> {
        self.write(|state| {
            if let Some(row) = state.blobs.get_mut(key) {
                row.tag.get_or_insert_with(|| tag.clone());
            }
            Ok(())
        })
    }

    async fn record_crc32s(&self, sums: &[(BlobKey, Crc32)]) -> Result<()> {
        self.write(|state| {
            for (key, sum) in sums {
                if let Some(row) = state.blobs.get_mut(key) {
                    row.crc32.get_or_insert(*sum);
                }
            }
            Ok(())
        })
    }

    async fn mark_for_deletion(
        &self,
        store: &StoreName,
        before: Timestamp,
        now: Timestamp,
        max: u32,
    ) -> Result<Vec<BlobKey>> {
        self.write(|state| Ok(mark_for_deletion(state, store, before, now, max as usize)))
    }

    async fn remove(&self, store: &StoreName, keys: &[BlobKey]) -> Result<()> {
        self.write(|state| {
            for key in keys {
                remove(state, store, key);
            }
            Ok(())
        })
    }

    async fn hold(&self, key: &BlobKey, drive: DriveId, bytes: u64) -> Result<()> {
        self.write(|state| {
            hold(state, key, drive, bytes);
            Ok(())
        })
    }
}
