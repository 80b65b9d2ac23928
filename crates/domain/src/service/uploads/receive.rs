//! Bytes that stream in through the API.

use super::Uploads;
use crate::error::{Error, Gone, Refused, Result};
use crate::model::{
    Action, Actor, BlobKey, Entry, Expected, FileInfo, Grant, Length, Located, MAX_FILE_BYTES, MediaType, Name, NodeId,
    Quota, Sha256, Stored, Timestamp, authorize,
};
use crate::port::{ByteStream, NewFile, Presentation};
use crate::service::intake::{Intake, told};

/// Leave to store the bytes of a file: only [`Uploads::admit`] makes one.
pub struct UploadLeave {
    /// The folder that was named before the bytes; none for the root of the caller's own drive.
    folder: Option<NodeId>,
    target: Grant,
    intake: Intake,
    presentation: Presentation,
}

impl UploadLeave {
    /// With what is known of the file before its bytes.
    #[must_use]
    pub fn presented_as(self, name: Name, media_type: &MediaType) -> Self {
        let media_type = media_type.resolve(None, &name);
        Self { presentation: Presentation::of_file(name, media_type), ..self }
    }
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

impl Uploads {
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
        Ok(UploadLeave { folder, target, intake, presentation: Presentation::of_unknown() })
    }

    /// Takes the bytes of a file as they stream in and makes the file of them, by what `said` tells when they have come. When
    /// anything fails, nothing remains of it but, at worst, a blob to which nothing refers.
    ///
    /// # Errors
    /// `NotFound` and `Forbidden` of the folder; `TooLarge` above [`MAX_FILE_BYTES`]; `Checksum`; `Size` when there are other
    /// than the announced bytes; `UploadExpired` when it took too long; those of [`port::Uploads::create`](crate::port::Uploads::create); whatever error
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
        let outcome = match self.store.put(&key, body, leave.intake.expected, &leave.presentation).await {
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
            // After an answer that was lost these may be the file's bytes: they stay.
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
}
