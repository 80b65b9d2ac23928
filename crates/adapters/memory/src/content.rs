//! The contents of files: versions, and the blobs that they refer to.

use clouddrive_domain::model::{
    BlobKey, BlobRef, Command, Content, DriveId, Grant, KeptVersion, NodeId, Revision, StoreName, Stored, Timestamp,
    Upload, UploadState, UserId, VersionId, excess_versions,
};
use clouddrive_domain::{Error, Result};
use uuid::Uuid;

use crate::state::{BlobRow, Body, Counter, Held, State, VersionRow};

/// Adds the record of a blob. `unreferenced_at`, if given, is the time since which nothing refers to it.
pub(crate) fn record(
    state: &mut State,
    key: &BlobKey,
    store: &StoreName,
    at: Timestamp,
    unreferenced_at: Option<Timestamp>,
) -> Result<()> {
    if state.blobs.contains(key) {
        return Err(Error::internal("database", "a blob is recorded twice"));
    }
    let row = BlobRow {
        store: store.clone(),
        recorded_at: at,
        unreferenced_at,
        condemned_at: None,
        sha256: None,
        tag: None,
        crc32: None,
        held: None,
    };
    state.blobs.put(key.clone(), row);
    Ok(())
}

/// Whether an open upload, a version or a photo refers to the blob.
pub(crate) fn is_referred_to(state: &State, key: &BlobKey) -> bool {
    let is_open = |upload: &Upload| upload.state == UploadState::Open && upload.blob == *key;
    state.versions.values().any(|version| version.blob == *key)
        || state.uploads.values().any(|row| is_open(&row.upload))
        || state.users.values().any(|row| row.user.photo.as_ref().is_some_and(|photo| photo.key == *key))
}

/// Marks the blob as referenced; it must not have been marked for deletion.
pub(crate) fn refer<'a>(state: &'a mut State, key: &BlobKey) -> Result<&'a mut BlobRow> {
    let row = state.blobs.get_mut(key).filter(|row| row.condemned_at.is_none());
    let row = row.ok_or_else(|| {
        Error::internal("database", "a blob to be referred to is not recorded, or is marked for deletion")
    })?;
    row.unreferenced_at = None;
    Ok(row)
}

/// Records what was stored in the blob and marks it as referenced; it must not have been marked for deletion.
pub(crate) fn attach(state: &mut State, key: &BlobKey, stored: &Stored) -> Result<()> {
    let row = refer(state, key)?;
    (row.sha256, row.tag, row.crc32) = (stored.sha256, stored.tag.clone(), stored.crc32);
    Ok(())
}

/// Handles the removal of a reference to the blob: if it was the last, marks the blob as unreferenced since `at`.
pub(crate) fn release(state: &mut State, key: &BlobKey, at: Timestamp) {
    if is_referred_to(state, key) {
        return;
    }
    if let Some(row) = state.blobs.get_mut(key) {
        row.unreferenced_at = Some(at);
    }
}

/// The accounting of contents whose versions were permanently removed from a drive.
#[derive(Default)]
pub(crate) struct ReleasedContents {
    /// Bytes credited to the drive at once, because other versions still refer to the blobs.
    pub(crate) credited_bytes: u64,
    /// The blobs that nothing refers to any more. They count as used until their bytes are deleted.
    pub(crate) freed: Vec<BlobRef>,
}

/// Handles the permanent removal from `drive` of versions with these `contents` (blobs with their sizes): marks for
/// deletion blobs that nothing refers to any more.
pub(crate) fn release_contents(
    state: &mut State,
    drive: DriveId,
    contents: Vec<(BlobKey, u64)>,
    at: Timestamp,
) -> ReleasedContents {
    let mut released = ReleasedContents::default();
    for (key, bytes) in contents {
        // A file may have the same content twice, but its bytes are stored once.
        let is_kept = released.freed.iter().any(|blob| blob.key == key) || is_referred_to(state, &key);
        let Some(row) = state.blobs.get_mut(&key).filter(|_| !is_kept) else {
            released.credited_bytes += bytes;
            continue;
        };
        (row.unreferenced_at, row.condemned_at) = (Some(at), Some(at));
        row.held = Some(Held { drive, bytes, counter: Counter::Used });
        released.freed.push(BlobRef { store: row.store.clone(), key });
    }
    released
}

/// The versions of `file`, in no order.
pub(crate) fn versions(state: &State, file: NodeId) -> impl Iterator<Item = (VersionId, &VersionRow)> {
    let (first, last) = (VersionId::from_uuid(Uuid::nil()), VersionId::from_uuid(Uuid::max()));
    state.versions.range((file, first)..=(file, last)).map(|((_, id), row)| (*id, row))
}

/// Adds the version with `content`, created by `creator`, that `file` has since that `revision`.
pub(crate) fn add_version(state: &mut State, (file, revision): (NodeId, Revision), content: &Content, creator: UserId) {
    let row = VersionRow {
        blob: content.blob.key.clone(),
        size: content.size,
        media_type: content.media_type.clone(),
        client_modified_at: content.client_modified_at,
        created_by: creator,
        created_at: content.created_at,
        revision,
    };
    state.versions.put((file, content.version), row);
}

/// Points the granted file at another version, which the caller adds, and returns the file's new revision.
pub(crate) fn set_current_version(state: &mut State, command: &Command, file: &Grant, version: VersionId) -> Revision {
    let revision = Revision(file.node().revision.0 + 1);
    if let Some(row) = state.nodes.get_mut(&file.node().id) {
        (row.body, row.revision, row.modified_at) = (Body::File(version), revision, command.at);
    }
    revision
}

/// Removes the versions of `file` in `drive` in excess of the maximum beside the `current` one, which the command has
/// added.
pub(crate) fn prune_versions(
    state: &mut State,
    command: &Command,
    (drive, file): (DriveId, NodeId),
    current: VersionId,
    max: u32,
) -> ReleasedContents {
    let mut former: Vec<(VersionId, &VersionRow)> = versions(state, file).filter(|(id, _)| *id != current).collect();
    former.sort_by_key(|(id, row)| (row.revision, *id));
    let kept = |(id, row): &(VersionId, &VersionRow)| KeptVersion { id: *id, by: row.created_by, at: row.created_at };
    let former: Vec<KeptVersion> = former.iter().map(kept).collect();
    let by = command.actor.unwrap_or(UserId::from_uuid(Uuid::nil()));
    let gone = excess_versions(&former, KeptVersion { id: current, by, at: command.at }, max);
    let removed = gone.into_iter().filter_map(|version| state.versions.remove(&(file, version)));
    let contents = removed.map(|row| (row.blob, row.size)).collect();
    release_contents(state, drive, contents, command.at)
}
