//! Completing uploads.

use super::{UploadService, content_headers_of};
use crate::error::{Error, Refused, Result};
use crate::model::{
    Actor, BlobRef, Completion, ConflictPolicy, Entry, Grant, Located, NodeId, PartPlan, Scope, Sha256, Stored, Upload,
    UploadId,
};
use crate::port::Commit;
use crate::service::files::content_limit::hide_owner_quota;
use crate::service::files::digest;

/// The options of completing an upload.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompletionOptions {
    /// What to do when the name is taken; overrides the policy given at the beginning.
    pub conflict: Option<ConflictPolicy>,
    /// The expected digest of the bytes.
    pub sha256: Option<Sha256>,
}

/// The state of an upload being completed.
enum CompletionState {
    /// It became this file.
    Complete(Entry),
    /// Its bytes may go into this folder.
    Open(Grant),
}

impl UploadService {
    /// Turns a fully received upload into a file, or into new content of one. A repeat returns the same file.
    ///
    /// The digest given now, or signed into the URL, is verified before the commit: by reading the bytes, unless the
    /// server or the store verified it on arrival.
    ///
    /// Calls `UploadRepository::find`, `NodeRepository::find`, `DirectUploadStore::finish`,
    /// `StagedUploadStore::needs_copy`, `BlobStore::get`, `BlobRecordRepository::record`, `StagedUploadStore::copy`, `BlobStore::delete`, `BlobRecordRepository::hold`, `UploadRepository::commit`,
    /// `BlobRecordRepository::remove`, `BlobRecordRepository::is_referred_to`, `BlobStore::abort` and
    /// `BlobStore::received_bytes`.
    ///
    /// # Errors
    /// `NotFound` when it is not the caller's; `UploadIncomplete`; `Size`, `PartSize`; `Checksum`; and as
    /// [`port::UploadRepository::commit`](crate::port::UploadRepository::commit).
    pub async fn complete(&self, actor: &Actor, upload: UploadId, given: CompletionOptions) -> Result<Entry> {
        let upload = self.find(actor, upload).await?;
        actor.require(Scope::Write)?;
        let folder = match self.completion_state(actor, &upload).await? {
            CompletionState::Complete(file) => return Ok(file),
            CompletionState::Open(folder) => folder,
        };
        // Uploads without a plan stream in through the API, which completes them itself.
        let plan = upload.plan().ok_or(Error::NotFound)?;
        let original = upload.blob_ref()?;
        let settled = async {
            let direct = self.direct(&original.store)?;
            let arrived = direct.finish(&upload.multipart(), plan, upload.signed_sha256()).await?;
            self.final_blob(&upload, &original, plan, arrived, given.sha256).await
        };
        let (blob, stored) = match settled.await {
            Ok(settled) => settled,
            Err(error @ Error::Refused(_)) => return Err(error),
            Err(error) => return self.state_or_error(actor, upload.id, error).await,
        };
        let conflict = given.conflict.unwrap_or(upload.file.conflict);
        let outcome = self.commit(actor, &folder, &upload, (blob.clone(), stored), conflict).await;
        if blob != original {
            match &outcome {
                Ok(_) => self.clear(&upload, &blob, plan.size()).await,
                // The outcome is unknown: the copy may be the file's bytes, so it stays.
                Err(Error::Unavailable { .. } | Error::Internal { .. }) => {}
                Err(_) => self.remover.delete(&blob, upload.drive, plan.size()).await,
            }
        }
        outcome?.entry().ok_or(Error::NotFound)
    }

    /// Deletes the bytes as they were sent, and the copy of `size` bytes: all but what a concurrent request has
    /// committed, which may be either, as instances probe the store on their own. What may be committed stays.
    async fn clear(&self, upload: &Upload, copy: &BlobRef, size: u64) {
        if let Ok(false) = self.records.is_referred_to(&upload.blob).await {
            self.remover.discard(std::slice::from_ref(upload)).await;
        }
        if let Ok(false) = self.records.is_referred_to(&copy.key).await {
            self.remover.delete(copy, upload.drive, size).await;
        }
    }

    /// The final, immutable blob of the bytes received as `original`. Fails if they are not the announced ones; after a
    /// copy, the right bytes may still be sent.
    async fn final_blob(
        &self,
        upload: &Upload,
        original: &BlobRef,
        plan: PartPlan,
        arrived: Stored,
        given: Option<Sha256>,
    ) -> Result<(BlobRef, Stored)> {
        let signed = upload.signed_sha256();
        if given.is_some() && signed.is_some() && given != signed {
            return Err(Error::Refused(Refused::Checksum));
        }
        let store = self.stores.get(&original.store)?;
        let staged = self.staged.as_ref().and_then(|stores| stores.find(&original.store));
        let Some(staged) = staged.filter(|staged| staged.needs_copy(plan)) else {
            let stored = digest::verified(store, &original.key, arrived, given.or(signed)).await?;
            return Ok((original.clone(), stored));
        };
        let copy = self.context.new_blob(&original.store);
        self.records.record(&copy.key, &copy.store, self.context.now()).await?;
        let copied = staged.copy(&upload.multipart(), plan, &copy.key, &content_headers_of(&upload.file)).await;
        let verified = match copied {
            Ok(copied) => digest::verified(store, &copy.key, copied, given.or(signed)).await,
            Err(error) => Err(error),
        };
        match verified {
            Ok(stored) => Ok((copy, stored)),
            // The copy may exist even if the store failed. Only this request knows its key, so nothing can refer to it.
            Err(error) => {
                self.remover.delete(&copy, upload.drive, plan.size()).await;
                Err(error)
            }
        }
    }

    /// The current state of `upload`.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` for its folder; `UploadClosed`, `UploadExpired`.
    async fn completion_state(&self, actor: &Actor, upload: &Upload) -> Result<CompletionState> {
        let completion = upload.completion(self.context.now());
        if let Ok(Completion::Repeat(file)) = completion {
            return Ok(CompletionState::Complete(self.repeat(actor, file).await?));
        }
        // A sender who lost access gets that error, rather than that the upload ended.
        let folder = self.folder_of(actor, upload).await?;
        completion?;
        Ok(CompletionState::Open(folder))
    }

    /// The outcome after a store `error`: if the bytes are gone because the upload has just been completed, aborted or
    /// ended with the sender's right, report that instead.
    async fn state_or_error(&self, actor: &Actor, upload: UploadId, error: Error) -> Result<Entry> {
        let upload = self.find(actor, upload).await?;
        match self.completion_state(actor, &upload).await? {
            CompletionState::Complete(file) => Ok(file),
            CompletionState::Open(_) => Err(error),
        }
    }

    /// The file that the upload became, as it is now.
    async fn repeat(&self, actor: &Actor, file: NodeId) -> Result<Entry> {
        let found = self.drive.find(file, actor.user.into()).await?;
        found.and_then(Located::entry).ok_or(Error::NotFound)
    }

    async fn commit(
        &self,
        actor: &Actor,
        folder: &Grant,
        upload: &Upload,
        (blob, stored): (BlobRef, Stored),
        conflict: ConflictPolicy,
    ) -> Result<Located> {
        let commit = Commit {
            upload: upload.id,
            blob,
            stored,
            conflict,
            file: self.context.id(),
            version: self.context.id(),
            max_versions: self.settings.max_versions,
        };
        let made = self.uploads.commit(&self.context.command(actor)?, folder, &commit).await;
        Ok(self.remover.remove_freed(made.map_err(|error| hide_owner_quota(folder, error))?).await)
    }
}
