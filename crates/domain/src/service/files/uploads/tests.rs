mod begin;
mod complete;
mod finish;
mod receive;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::eq;

use crate::error::{Conflict, Error, Field, Forbidden, Gone, Refused};
use crate::model::{
    Action, ConflictPolicy, Expected, FileInfo, Length, Located, MAX_FILE_BYTES, MAX_PARTS, MAX_UPLOAD_LIFETIME,
    MIN_PART_BYTES, MediaType, MultipartUpload, MultipartUploadId, NodeId, Part, PartPlan, Permission, Quota, Sha256,
    Stored, Timestamp, Upload, UploadState, UserId,
};
use crate::port::{
    ByteStream, Commit, ContentHeaders, DirectUploadStore, MockBlobRecordRepository, MockBlobStore,
    MockDirectUploadStore, MockNodeRepository, MockStagedUploadStore, MockUploadRepository, NewUpload, ReceivedFile,
    SavedNode, SignedUrl, StagedUploadStore, StoreRouter,
};
use crate::service::testing::{
    FILE, FOLDER, GUEST, NOW, OWNER, QUOTA, STRANGER, actor, body, command, command_at, context_at,
    context_with_fast_clock, drain, drive_with, entry_quota_exceeded, file, folder, for_guest, for_guest_of_parent,
    for_outsider, for_owner, grant_for, located, made, name_taken, nth_blob, nth_key, one_store, other_store, outage,
    quota_exceeded, root, trashed, user_drive,
};
use crate::service::{CompletionOptions, ServiceContext, StreamedFile, UploadPorts, UploadService, UploadSettings};
use crate::testing::{file_info_named, name, store_name, upload};

const DIGEST: Sha256 = Sha256::from_bytes([7; 32]);
const MINUTE: Duration = Duration::from_secs(60);
const SECONDS: Duration = Duration::from_secs(5);
const SETTINGS: UploadSettings = UploadSettings {
    lifetime: MINUTE,
    url_lifetime: SECONDS,
    max_open: 20,
    part_bytes: USUAL,
    max_parts: MAX_PARTS,
    max_versions: 7,
};
/// An upload of up to this size has one part.
const USUAL: NonZeroU64 = NonZeroU64::new(MIN_PART_BYTES).unwrap();
/// The exact time at which [`upload`] expires.
const LATER: Timestamp = Timestamp::from_millis(31_000);

#[derive(Default)]
struct Ports {
    drive: MockNodeRepository,
    uploads: MockUploadRepository,
    store: MockBlobStore,
    records: MockBlobRecordRepository,
    direct: MockDirectUploadStore,
    staged: Option<MockStagedUploadStore>,
}

impl Ports {
    /// A drive with only these nodes.
    fn with(nodes: impl IntoIterator<Item = Located>) -> Self {
        Self { drive: drive_with(nodes), ..Self::default() }
    }

    /// The owner's [`FOLDER`], and an upload into it.
    fn with_upload(upload: Upload) -> Self {
        let mut ports = Self::with([for_owner(folder(FOLDER))]);
        ports.uploads.expect_find().with(eq(upload.id), eq(OWNER)).times(1).return_once(|_, _| Ok(Some(upload)));
        ports
    }

    /// An upload that the owner may abort.
    fn with_abortable(upload: Upload) -> Self {
        let mut ports = Self::default();
        let find = ports.uploads.expect_find_abortable().with(eq(upload.id), eq(OWNER));
        find.times(1).return_once(|_, _| Ok(Some(upload)));
        ports
    }

    /// It is noted that the bytes of the upload are deleted, so that its job need not do it.
    fn discarded_at(&mut self, at: Timestamp) {
        let note = self.uploads.expect_note_discarded();
        let note = note.withf(move |noted_at, noted| *noted_at == at && noted == [upload().id]);
        note.times(1).returning(|_, _| Ok(()));
    }

    /// The owner's [`FOLDER`], into which an upload begins while the drive's quota is `quota`.
    fn beginning(quota: Quota) -> Self {
        let mut ports = Self::with([for_owner(folder(FOLDER))]);
        ports.uploads.expect_begin().times(1).returning(move |_, _, _| Ok(quota));
        ports
    }

    /// All bytes have arrived as expected.
    fn arrived(mut self, stored: Stored) -> Self {
        let finish = self.direct.expect_finish().with(eq(upload().multipart()), eq(TEN), eq(None));
        finish.times(1).returning(move |_, _, _| Ok(stored.clone()));
        self
    }

    fn service(self) -> UploadService {
        self.service_at(NOW)
    }

    fn service_at(self, now: Timestamp) -> UploadService {
        self.service_in(context_at(now))
    }

    fn service_in(self, context: ServiceContext) -> UploadService {
        let ports = UploadPorts {
            drive: Arc::new(self.drive),
            uploads: Arc::new(self.uploads),
            stores: one_store(self.store),
            records: Arc::new(self.records),
        };
        let uploads = UploadService::new(ports, context, SETTINGS).with_direct(direct_uploads(self.direct));
        match self.staged {
            Some(staged) => {
                uploads.with_staging(StoreRouter::<dyn StagedUploadStore>::new(store_name(), Arc::new(staged)))
            }
            None => uploads,
        }
    }
}

fn direct_uploads(direct: MockDirectUploadStore) -> StoreRouter<dyn DirectUploadStore> {
    StoreRouter::<dyn DirectUploadStore>::new(store_name(), Arc::new(direct))
}

/// The part plan of [`upload`].
const TEN: PartPlan = PartPlan::single(10);

/// The sender's description of a file, including its digest.
fn announced() -> FileInfo {
    FileInfo { sha256: Some(DIGEST), ..file_info_named("a.txt") }
}

/// The upload that the service creates for the owner, from the first two uses of randomness.
fn begun(file: FileInfo, size: Option<u64>, folder: NodeId) -> Upload {
    Upload {
        id: made(2),
        folder,
        file,
        announced: size,
        blob: nth_key(1),
        created_at: NOW,
        expires_at: NOW.plus(MINUTE),
        ..upload()
    }
}

fn stored(size: u64) -> Stored {
    Stored { size, ..Stored::default() }
}

fn part(number: u32, size: u64) -> Part {
    Part { number, size }
}

fn url() -> SignedUrl {
    SignedUrl { url: "https://store/x".to_owned(), headers: vec![("If-None-Match", "*".to_owned())], expires_at: NOW }
}

fn hello() -> ByteStream {
    body([Ok("hel"), Ok("lo")])
}

/// What is known beforehand of the files in these tests.
fn presented() -> ContentHeaders {
    ContentHeaders::with_media_type(name("a.txt"), MediaType::parse("text/plain").unwrap())
}
