use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::access::Access;
use super::blob_remover::BlobRemover;
use super::intake::{Intake, told};
use super::{Ambient, digest};
use crate::error::{Conflict, Error, Gone, Refused, Result};
use crate::model::{
    Action, Actor, AuditAction, BlobKey, Completion, ConflictPolicy, Entry, Expected, FileInfo, Grant, Length, Limit,
    Located, MAX_FILE_BYTES, NodeId, NodeKind, Page, Part, PartPlan, Person, Quota, Sha256, Stored, Timestamp,
    Transfer, Upload, UploadId, UploadPosition, UploadState, authorize,
};
use crate::port::{
    self, BlobRecords, BlobStore, ByteStream, Commit, DirectUploads, Drive, NewFile, Opening, SignedUrl, StagedUploads,
};

/// How many parts get their URLs at once when an upload begins.
const FIRST_PARTS: usize = 100;

/// Of how many uploads of a list the store is asked at once.
const LOOKS: usize = 16;

/// The most parts that get URLs by one call.
const MOST_SIGNED: usize = 1000;

/// What [`Uploads`] may be told.
#[derive(Clone, Copy, Debug)]
pub struct UploadSettings {
    /// How long an upload stays open.
    pub lifetime: Duration,
    /// How long the URLs of its parts live.
    pub url_lifetime: Duration,
    /// How many uploads one user may have open.
    pub most_open: u32,
    /// Up to how many bytes an upload is one part, and how many each of several has; MUST be from
    /// [`MIN_PART_BYTES`](crate::model::MIN_PART_BYTES) to [`MAX_PART_BYTES`](crate::model::MAX_PART_BYTES).
    pub part_bytes: NonZeroU64,
    /// How many parts the store takes for one upload; at most [`MAX_PARTS`](crate::model::MAX_PARTS).
    pub max_parts: u32,
    /// How many versions a file may have, the current one included; at least 1.
    pub most_versions: u32,
}

/// What is said when an upload is completed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Completing {
    /// What to do when the name is taken, instead of what was said at the beginning.
    pub conflict: Option<ConflictPolicy>,
    /// The digest that the bytes must have.
    pub sha256: Option<Sha256>,
}

/// Where what clients send is copied before it becomes a file.
struct Staging {
    store: Arc<dyn StagedUploads>,
    records: Arc<dyn BlobRecords>,
}

/// A part of an upload and leave to send it.
#[derive(Debug)]
pub struct PartUrl {
    /// The number of the part, from 1.
    pub number: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Where to PUT it.
    pub target: SignedUrl,
}

/// An upload and how far it has come.
#[derive(Debug)]
pub struct Progress {
    /// The upload.
    pub upload: Upload,
    /// Where it stands now.
    pub state: UploadState,
    /// The parts that have arrived, in the order of their numbers.
    pub received: Vec<Part>,
    /// Who sends.
    pub sender: Person,
    /// The folder into which it goes, unless that is a root or the caller may not see it.
    pub parent: Option<NodeId>,
}

/// One page of open uploads.
pub type UploadPage = Page<Progress, UploadPosition>;

/// An upload that has begun.
#[derive(Debug)]
pub struct Begun {
    /// The upload, of which nothing has arrived.
    pub progress: Progress,
    /// Its parts.
    pub plan: PartPlan,
    /// The first of them, at most 100, and leave to send them.
    pub parts: Vec<PartUrl>,
}

/// Bringing bytes into a drive: by URLs that the store itself honours, or through the API.
pub struct Uploads {
    access: Access,
    drive: Arc<dyn Drive>,
    uploads: Arc<dyn port::Uploads>,
    store: Arc<dyn BlobStore>,
    direct: Arc<dyn DirectUploads>,
    remover: BlobRemover,
    records: Arc<dyn BlobRecords>,
    staging: Option<Staging>,
    ambient: Ambient,
    settings: UploadSettings,
}

impl Uploads {
    /// Puts the service together.
    #[must_use]
    pub fn new(
        drive: Arc<dyn Drive>,
        uploads: Arc<dyn port::Uploads>,
        store: Arc<dyn BlobStore>,
        records: Arc<dyn BlobRecords>,
        direct: Arc<dyn DirectUploads>,
        ambient: Ambient,
        settings: UploadSettings,
    ) -> Self {
        let remover = BlobRemover::new(records.clone(), store.clone());
        let access = Access::new(drive.clone());
        Self { access, drive, uploads, store, direct, remover, records, staging: None, ambient, settings }
    }

    /// The same on a store whose uploads may need a copy, which is recorded in `records` first.
    #[must_use]
    pub fn with_staging(self, store: Arc<dyn StagedUploads>, records: Arc<dyn BlobRecords>) -> Self {
        Self { staging: Some(Staging { store, records }), ..self }
    }

    /// Begins an upload of `size` bytes into `folder`, or into the root of the caller's own drive, and reserves them. The
    /// digest of more than one part is taken down and held against nothing.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` of the folder; `Quota`; `NameTaken` and `Entries` where the commit would fail with them now; `Invalid`
    /// above [`MAX_FILE_BYTES`] and with too many uploads open.
    pub async fn begin(&self, actor: &Actor, folder: Option<NodeId>, file: FileInfo, size: u64) -> Result<Begun> {
        if size > MAX_FILE_BYTES {
            return Err(Error::invalid("file_size_in_bytes", "must be at most 5497558138880 (5 TiB)"));
        }
        let folder = self.access.add_to(actor.user, folder).await?;
        let key = self.ambient.blob_key();
        let plan = PartPlan::within(size, self.settings.part_bytes, self.settings.max_parts);
        let ticket = self.direct.begin(&key, plan).await?;
        let transfer = Transfer { key, ticket };
        let upload = match self.open(actor, &folder, file, plan, transfer.clone()).await {
            Ok(opened) => opened,
            Err(fault) => {
                // Of a row whose answer was lost nobody knows: then the transfer waits for it to expire.
                if transfer.ticket.is_some() && !matches!(fault, Error::Unavailable { .. } | Error::Internal { .. }) {
                    let _ = self.store.discard(&transfer).await;
                }
                return Err(fault);
            }
        };
        let sender = self.sender(actor, Some(folder.located())).await?;
        self.first_parts(upload, sender, parent_of(folder.located())).await
    }

    /// An upload as it was when it began, with fresh URLs, for whoever asks for it again.
    ///
    /// # Errors
    /// `NotFound` when it is not the caller's, or is long over; `NotFound` and `Forbidden` of its folder: the URLs are leave to
    /// send, and whoever asks must still have it.
    pub async fn begun(&self, actor: &Actor, upload: UploadId) -> Result<Begun> {
        let upload = self.find(actor, upload).await?;
        let folder = self.folder_of(actor, &upload).await?;
        let sender = self.sender(actor, Some(folder.located())).await?;
        let upload = Upload { state: UploadState::Open, ..upload };
        self.first_parts(upload, sender, parent_of(folder.located())).await
    }

    async fn first_parts(&self, upload: Upload, sender: Person, parent: Option<NodeId>) -> Result<Begun> {
        let plan = upload.plan().ok_or(Error::NotFound)?;
        let parts = self.sign(&upload, plan.parts().take(FIRST_PARTS).collect()).await?;
        let progress = Progress { state: upload.state, received: Vec::new(), upload, sender, parent };
        Ok(Begun { progress, plan, parts })
    }

    /// The caller, who sends into `folder`, by name.
    async fn sender(&self, actor: &Actor, folder: Option<&Located>) -> Result<Person> {
        if let Some(folder) = folder.filter(|folder| folder.owner.id == actor.user) {
            return Ok(folder.owner.clone());
        }
        let home = self.drive.find_home(actor.user).await?;
        let username = home.map(|home| home.account.user.username.as_str().to_owned());
        Ok(Person { id: actor.user, username })
    }

    async fn open(
        &self,
        actor: &Actor,
        folder: &Grant,
        file: FileInfo,
        plan: PartPlan,
        transfer: Transfer,
    ) -> Result<Upload> {
        let command = self.ambient.command(actor);
        let upload = Upload {
            id: self.ambient.id(),
            drive: folder.drive(),
            folder: folder.node().id,
            sender: actor.user,
            file,
            announced: Some(plan.size()),
            part_size: plan.cut(),
            blob: transfer.key,
            ticket: transfer.ticket,
            state: UploadState::Open,
            created_at: command.at,
            expires_at: command.at.plus(self.settings.lifetime),
        };
        let opening = Opening { upload: upload.clone(), store: self.store.name(), most_open: self.settings.most_open };
        self.uploads.begin(&command, folder, &opening).await.map_err(|fault| told(folder, fault))?;
        Ok(upload)
    }

    /// URLs for these parts, which all live as long.
    async fn sign(&self, upload: &Upload, parts: Vec<Part>) -> Result<Vec<PartUrl>> {
        let expires_at = self.ambient.now().plus(self.settings.url_lifetime);
        let (transfer, sha256) = (upload.transfer(), upload.signed_sha256());
        let mut signed = Vec::with_capacity(parts.len());
        for part in parts {
            let target = self.direct.sign_put(&transfer, part, sha256, expires_at).await?;
            signed.push(PartUrl { number: part.number, size: part.size, target });
        }
        Ok(signed)
    }

    /// How far an upload has come.
    ///
    /// # Errors
    /// `NotFound` when it is not the caller's.
    pub async fn progress(&self, actor: &Actor, upload: UploadId) -> Result<Progress> {
        let upload = self.find(actor, upload).await?;
        let folder = self.drive.find(upload.folder, actor.user.into()).await?;
        let sender = self.sender(actor, folder.as_ref()).await?;
        self.look(upload, sender, folder.as_ref().and_then(parent_of)).await
    }

    async fn look(&self, upload: Upload, sender: Person, parent: Option<NodeId>) -> Result<Progress> {
        let state = upload.state_at(self.ambient.now());
        let received = match (state, upload.plan()) {
            (UploadState::Open, Some(plan)) => self.direct.list_received(&upload.transfer(), plan).await?,
            (UploadState::Complete(_), Some(plan)) => plan.parts().collect(),
            _ => Vec::new(),
        };
        Ok(Progress { upload, state, received, sender, parent })
    }

    /// The open uploads that the caller sends, and all into the caller's own drive, newest first.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn list(&self, actor: &Actor, after: Option<UploadPosition>, limit: Limit) -> Result<UploadPage> {
        let rows = self.uploads.list(actor.user, self.ambient.now(), after, limit).await?;
        let page = Page::cut(rows, limit, |row| UploadPosition { at: row.upload.created_at, id: row.upload.id });
        let looks = page.items.into_iter().map(|row| {
            let parent = row.folder.as_ref().and_then(parent_of);
            self.look(row.upload, row.sender, parent)
        });
        // The store tells what has arrived, of each by itself: of some at once.
        let items = stream::iter(looks).buffered(LOOKS).try_collect().await?;
        Ok(Page { items, next: page.next })
    }

    /// Fresh URLs for the parts `numbers`, and more time for the upload, up to
    /// [`MAX_UPLOAD_LIFETIME`](crate::model::MAX_UPLOAD_LIFETIME) in all: until the returned time.
    ///
    /// # Errors
    /// `NotFound` when it is not the caller's; `NotFound` and `Forbidden` of its folder; `Invalid` for a part that it does
    /// not have, one that is named twice, none, and more than 1,000; `UploadClosed`, `UploadExpired`.
    pub async fn sign_parts(
        &self,
        actor: &Actor,
        upload: UploadId,
        numbers: &[u32],
    ) -> Result<(Timestamp, Vec<PartUrl>)> {
        let upload = self.find(actor, upload).await?;
        let command = self.ambient.command(actor);
        let folder = self.folder_of(actor, &upload).await?;
        upload.require_open(command.at)?;
        // What streams in through the API has no parts.
        let parts = choose(&upload.plan().ok_or(Error::NotFound)?, numbers)?;
        let until = upload.extended(command.at, self.settings.lifetime);
        self.uploads.extend(&command, &folder, upload.id, until).await?;
        Ok((until, self.sign(&upload, parts).await?))
    }

    /// Turns an upload whose bytes have arrived into a file, or into another content of one. A repeat answers the same.
    ///
    /// The digest that is said now, or was signed into the URL, is verified before the commit, by reading the bytes where
    /// neither the server nor the store has done so on their way.
    ///
    /// # Errors
    /// `NotFound` when it is not the caller's; `UploadIncomplete`; `Size`, `PartSize`; `Checksum`; and as
    /// [`port::Uploads::commit`].
    pub async fn complete(&self, actor: &Actor, upload: UploadId, said: Completing) -> Result<Entry> {
        let upload = self.find(actor, upload).await?;
        let completion = upload.completion(self.ambient.now());
        if let Ok(Completion::Repeat(file)) = completion {
            return self.repeat(actor, file).await;
        }
        // Whose right has ended is told that, and not that their upload has ended with it.
        let folder = self.folder_of(actor, &upload).await?;
        completion?;
        // What streams in through the API is completed by whoever streams it.
        let plan = upload.plan().ok_or(Error::NotFound)?;
        let settled = async {
            let arrived = self.direct.finish(&upload.transfer(), plan, upload.signed_sha256()).await?;
            self.settle(&upload, plan, arrived, said.sha256).await
        };
        let (blob, stored) = match settled.await {
            Err(Error::Conflict(fault @ (Conflict::UploadIncomplete(_) | Conflict::UploadClosed))) => {
                // Whoever gave the upload up a moment ago, or completed it, has removed its bytes: then that is the answer.
                return match self.find(actor, upload.id).await?.completion(self.ambient.now())? {
                    Completion::Repeat(file) => self.repeat(actor, file).await,
                    Completion::Commit => Err(Error::Conflict(fault)),
                };
            }
            outcome => outcome?,
        };
        let conflict = said.conflict.unwrap_or(upload.file.conflict);
        let outcome = self.commit(actor, &folder, &upload, (blob.clone(), stored), conflict).await;
        if blob != upload.blob {
            // What cannot be removed now is the collector's; of a commit of unknown outcome it stays.
            let _ = match &outcome {
                Ok(_) => self.store.discard(&upload.transfer()).await,
                Err(Error::Conflict(_) | Error::Forbidden(_)) => self.store.delete(&blob).await,
                Err(_) => Ok(()),
            };
        }
        outcome
    }

    /// The blob that has what arrived and stays as it is: of other bytes than announced nothing is made, and where they were
    /// copied the right ones may still be sent.
    async fn settle(
        &self,
        upload: &Upload,
        plan: PartPlan,
        arrived: Stored,
        said: Option<Sha256>,
    ) -> Result<(BlobKey, Stored)> {
        let signed = upload.signed_sha256();
        if said.is_some() && signed.is_some() && said != signed {
            return Err(Error::Refused(Refused::Checksum));
        }
        let Some(staging) = self.staging.as_ref().filter(|staging| staging.store.needs_copy(plan)) else {
            let stored = digest::verified(&*self.store, &upload.blob, arrived, said.or(signed)).await?;
            return Ok((upload.blob.clone(), stored));
        };
        let copy = self.ambient.blob_key();
        staging.records.record(&copy, &self.store.name(), self.ambient.now()).await?;
        let copied = staging.store.copy(&upload.transfer(), plan, &copy).await?;
        match digest::verified(&*self.store, &copy, copied, said.or(signed)).await {
            Ok(stored) => Ok((copy, stored)),
            Err(fault) => {
                // Nothing refers to it: what cannot be removed now is the collector's.
                let _ = self.store.delete(&copy).await;
                Err(fault)
            }
        }
    }

    /// The file that the upload became, as it is by now.
    async fn repeat(&self, actor: &Actor, file: NodeId) -> Result<Entry> {
        let found = self.drive.find(file, actor.user.into()).await?;
        found.and_then(Located::entry).ok_or(Error::NotFound)
    }

    async fn folder_of(&self, actor: &Actor, upload: &Upload) -> Result<Grant> {
        let found = self.drive.find(upload.folder, actor.user.into()).await?;
        authorize(found, Action::AddTo)
    }

    async fn commit(
        &self,
        actor: &Actor,
        folder: &Grant,
        upload: &Upload,
        (blob, stored): (BlobKey, Stored),
        conflict: ConflictPolicy,
    ) -> Result<Entry> {
        let commit = Commit {
            upload: upload.id,
            blob,
            stored,
            conflict,
            file: self.ambient.id(),
            version: self.ambient.id(),
            most_versions: self.settings.most_versions,
        };
        let made = self.uploads.commit(&self.ambient.command(actor), folder, &commit).await;
        made.map_err(|fault| told(folder, fault))?.entry().ok_or(Error::NotFound)
    }

    /// Gives an upload up, ends its reservation and removes what has arrived; what cannot be removed stays reserved. One that
    /// is over already stays as it ended. The owner of a drive may end what others bring into it.
    ///
    /// # Errors
    /// `NotFound` when it is neither the caller's nor open and goes into the caller's drive; `UploadClosed` when it is
    /// complete.
    pub async fn abort(&self, actor: &Actor, upload: UploadId) -> Result<()> {
        let upload = self.uploads.find_abortable(upload, actor.user).await?.ok_or(Error::NotFound)?;
        let command = self.ambient.command(actor);
        if upload.abortion(command.at)? {
            self.uploads.abort(&command, upload.id).await?;
            self.ambient.audit(actor, AuditAction::UploadAborted { upload: upload.id });
            self.remover.discard(&[upload]).await;
        }
        Ok(())
    }

    /// Leave to store the bytes of a file by [`receive`](Self::receive), by what is known before the first of them: into which
    /// folder they go, unless that comes later, and how many they are.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` of the folder; `TooLarge` above [`MAX_FILE_BYTES`]; `Quota` when `announced` bytes cannot
    /// fit.
    pub async fn admit(
        &self,
        actor: &Actor,
        folder: Option<NodeId>,
        announced: Option<u64>,
        sha256: Option<Sha256>,
    ) -> Result<UploadLeave> {
        if announced.is_some_and(|size| size > MAX_FILE_BYTES) {
            return Err(Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES }));
        }
        let found = match folder {
            Some(_) => Some(self.access.add_to(actor.user, folder).await?),
            None => None,
        };
        let owner = found.as_ref().map_or(actor.user, |found| found.located().owner.id);
        let home = self.drive.find_home(owner).await?.ok_or(Error::NotFound)?;
        let quota = home.account.quota;
        // As of now: what counts is decided when the bytes are there. While it is not known into whose drive they go, the
        // caller's whole drive is the bound.
        let bound = if found.is_some() { quota } else { Quota { used: 0, reserved: 0, ..quota } };
        let target = match found {
            Some(found) => found,
            None => authorize(Some(home.root), Action::AddTo)?,
        };
        let mut intake = Intake::of(&target, bound, announced, sha256)?;
        intake.quota = quota;
        Ok(UploadLeave { folder, target, intake })
    }

    /// Takes the bytes of a file as they stream in and makes the file of them, by what `said` tells when they have come. When
    /// anything fails, nothing remains of it but, at worst, a blob to which nothing refers.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` of the folder; `TooLarge` above [`MAX_FILE_BYTES`]; `Checksum`; `Size` when there are other
    /// than the announced bytes; `UploadExpired` when it took too long; those of [`port::Uploads::create`]; whatever error
    /// `body` or `said` yields.
    pub async fn receive(
        &self,
        actor: &Actor,
        leave: UploadLeave,
        body: ByteStream,
        said: impl Future<Output = Result<StreamedFile>> + Send,
    ) -> Result<Entry> {
        let (key, begun) = (self.ambient.blob_key(), self.ambient.now());
        self.records.record(&key, &self.store.name(), begun).await?;
        let mut arrived = 0;
        let outcome = match self.store.put(&key, body, leave.intake.expected).await {
            Ok(stored) => {
                arrived = stored.size;
                match said.await {
                    Ok(said) => self.create(actor, &leave, &key, stored, said, begun).await,
                    Err(fault) => Err(fault),
                }
            }
            Err(fault) => Err(leave.intake.explain(fault)),
        };
        match outcome {
            // Of an answer that was lost nobody knows whether these are the file's bytes now.
            Err(fault @ (Error::Unavailable { .. } | Error::Internal { .. })) => Err(fault),
            Err(fault) => {
                self.remover.delete(&key, leave.target.drive(), arrived).await;
                Err(fault)
            }
            Ok(made) => made.entry().ok_or(Error::NotFound),
        }
    }

    async fn create(
        &self,
        actor: &Actor,
        leave: &UploadLeave,
        key: &BlobKey,
        stored: Stored,
        said: StreamedFile,
        begun: Timestamp,
    ) -> Result<Located> {
        let StreamedFile { folder, file, announced } = said;
        let length = announced.map_or(Length::AtMost(MAX_FILE_BYTES), Length::Exactly);
        Expected { length, sha256: file.sha256 }.check(&stored)?;
        let folder = match folder == leave.folder {
            true => leave.target.clone(),
            false => self.access.add_to(actor.user, folder).await?,
        };
        let command = self.ambient.command(actor);
        // Later than that the blob may have been condemned.
        if command.at >= begun.plus(self.settings.lifetime) {
            return Err(Error::Gone(Gone::UploadExpired));
        }
        let new = NewFile {
            file: self.ambient.id(),
            version: self.ambient.id(),
            blob: key.clone(),
            stored,
            info: file,
            most_versions: self.settings.most_versions,
        };
        self.uploads.create(&command, &folder, &new).await.map_err(|fault| told(&folder, fault))
    }

    async fn find(&self, actor: &Actor, upload: UploadId) -> Result<Upload> {
        self.uploads.find(upload, actor.user).await?.ok_or(Error::NotFound)
    }
}

/// Leave to store the bytes of a file: only [`Uploads::admit`] makes one.
pub struct UploadLeave {
    /// The folder that was named before the bytes; none for the root of the caller's own drive.
    folder: Option<NodeId>,
    target: Grant,
    intake: Intake,
}

/// What the sender of a file says of it, also after its bytes.
#[derive(Clone, Debug)]
pub struct StreamedFile {
    /// The folder into which it goes; none for the root of the sender's own drive.
    pub folder: Option<NodeId>,
    /// What it is.
    pub file: FileInfo,
    /// How many bytes it has, if that was announced.
    pub announced: Option<u64>,
}

/// The folder that `located` is, as far as its viewer is told of it.
fn parent_of(located: &Located) -> Option<NodeId> {
    let visible = located.node.kind() == NodeKind::Folder && located.role().is_some();
    visible.then_some(located.node.id)
}

/// The parts of those numbers.
fn choose(plan: &PartPlan, numbers: &[u32]) -> Result<Vec<Part>> {
    let invalid = |message: String| Err(Error::invalid("part_numbers", message));
    if !(1..=MOST_SIGNED).contains(&numbers.len()) {
        return invalid(format!("must be from 1 to {MOST_SIGNED} numbers"));
    }
    if BTreeSet::from_iter(numbers).len() < numbers.len() {
        return invalid("must not name a part twice".to_owned());
    }
    let parts: Vec<Part> = numbers.iter().filter_map(|&number| plan.part(number)).collect();
    match plan.count() {
        _ if parts.len() == numbers.len() => Ok(parts),
        1 => invalid("must be [1]: this upload has one part".to_owned()),
        count => invalid(format!("must be from 1 to {count}")),
    }
}
