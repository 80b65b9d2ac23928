use std::collections::BTreeMap;

use actix_multipart::Field;
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{CreatedFile, FileConflict, Time, paths};
use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{FileInfo, MAX_FILE_BYTES, MediaType, Name, NodeId, Sha256};
use clouddrive_domain::service::{StreamedFile, UploadService};
use clouddrive_http::body::channel;
use clouddrive_http::detached::spawn_detached;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::form::{self, FormReader};
use clouddrive_http::idempotency_key::{IdempotentRequest, StreamDigest};
use clouddrive_http::problem::Problem;
use clouddrive_http::{body, reply};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::digests::Digests;
use crate::stored_response::Repeats;
use crate::{map, parse};

/// The fields of a form, before and after its file.
#[derive(Default)]
struct Fields {
    file_name: Option<String>,
    file_size_in_bytes: Option<u64>,
    parent_folder_id: Option<Uuid>,
    file_conflict: Option<FileConflict>,
    content_type: Option<String>,
    sha256: Option<String>,
    client_modified_at: Option<Time>,
    /// The raw values.
    texts: BTreeMap<String, String>,
}

/// The names of all fields.
const FIELDS: [&str; 7] = [
    "file_name",
    "file_size_in_bytes",
    "parent_folder_id",
    "file_conflict",
    "content_type",
    "sha256",
    "client_modified_at",
];

/// The metadata in the file part's headers.
struct PartHeaders {
    name: Option<String>,
    media_type: Option<String>,
}

/// The handler of `POST /file` for forms.
pub(super) async fn create_from_form(
    mut user: CurrentUser,
    request: HttpRequest,
    payload: web::Payload,
    uploads: web::Data<UploadService>,
    repeats: web::Data<Repeats>,
) -> Result<HttpResponse, Problem> {
    let form = FormReader::new(request.headers(), payload, MAX_FILE_BYTES)?;
    let keyed = IdempotentRequest::begin(&repeats.idempotency, &request, &user.actor).await?;
    if let IdempotentRequest::Done(done) = keyed {
        let input = read(form).await?;
        return repeats.answer(&user.actor, done, &input).await;
    }
    user.actor.idempotency_record = keyed.idempotency_record().cloned();
    let digest = StreamDigest::new(keyed.is_keyed());
    keyed.run(&repeats.idempotency, store(&uploads, &repeats.digests, user, form, digest)).await
}

/// Stores the file of a form.
async fn store(
    uploads: &web::Data<UploadService>,
    digests: &Digests,
    user: CurrentUser,
    mut form: FormReader,
    digest: StreamDigest,
) -> Result<HttpResponse, Problem> {
    let mut fields = Fields::default();
    let part = fields.take_until_file(&mut form).await?;
    let about = PartHeaders::from_field(&part);
    // Refuse errors that no later field can fix before reading the bytes.
    fields.check()?;
    let folder = fields.folder();
    let admitted = uploads.admit(&user.actor, folder, fields.file_size_in_bytes, fields.sha256()?).await;
    let mut permit = admitted.map_err(|error| refusal(error, folder))?;
    if let (Ok(Some(name)), Ok(media_type)) = (fields.name(&about), fields.media_type(&about)) {
        permit = permit.presented_as(name, &media_type);
    }
    let (sender, bytes) = channel();
    let (say, said) = oneshot::channel();
    let (uploads, actor) = (uploads.clone(), user.actor.clone());
    // A separate task, on any thread: if this handler is dropped, the task cleans up.
    let storing = spawn_detached(async move {
        let said = async { said.await.map_err(|error| Error::internal("upload", error)) };
        uploads.receive(&actor, permit, bytes, said).await
    });
    if FormReader::feed(part, &digest, &sender).await {
        // The bytes end with the form: if the rest of the form is invalid, no file is created.
        match fields.finish(&mut form, &about).await {
            Ok(file) => {
                if let Some(idempotency_record) = &user.actor.idempotency_record {
                    idempotency_record.set_digest(digests.digest(&fields.digest_input(&about, &digest)));
                }
                let _ = say.send(file);
                sender.finish().await;
            }
            Err(problem) => {
                drop(sender);
                // Wait for its cleanup.
                let _ = storing.await;
                return Err(problem);
            }
        }
    }
    let stored = storing.await.map_err(|error| Error::internal("upload", error))?;
    let file = map::file(stored.map_err(|error| refusal(error, folder))?)?;
    let etag = file.etag.clone();
    Ok(reply::created_with_etag(paths::with_id(paths::FILE, file.id), &etag, &CreatedFile::File(Box::new(file))))
}

/// Maps an error for the sender. Until the destination folder is known, the sender's own quota applies.
fn refusal(error: Error, folder: Option<NodeId>) -> Problem {
    let outgrows = matches!(&error, Error::Forbidden(Forbidden::Quota { quota, needed }) if *needed > quota.total);
    let mut problem = Problem::from(error);
    if outgrows && folder.is_none() {
        problem.detail.push_str("; if it goes into another's drive, send parent_folder_id before the file");
    }
    problem
}

/// Reads a repeated form to its end for its digest input, discarding the file.
async fn read(mut form: FormReader) -> Result<Vec<u8>, Problem> {
    let (mut fields, digest) = (Fields::default(), StreamDigest::new(true));
    let part = fields.take_until_file(&mut form).await?;
    let about = PartHeaders::from_field(&part);
    body::discard(digest.update_from(part), form::to_error).await?;
    fields.finish(&mut form, &about).await?;
    Ok(fields.digest_input(&about, &digest))
}

impl PartHeaders {
    fn from_field(part: &Field) -> Self {
        Self { name: form::file_name(part), media_type: part.content_type().map(ToString::to_string) }
    }
}

impl Fields {
    /// Takes the fields before the file, and returns the file's field.
    async fn take_until_file(&mut self, form: &mut FormReader) -> Result<Field, Problem> {
        loop {
            let field = form.next().await?.ok_or_else(|| Problem::invalid("file", "is required"))?;
            match form::name(&field)? {
                name if name == "file" => return Ok(field),
                name => self.take(name, form::text(field).await?)?,
            }
        }
    }

    /// Takes the fields after the file, and returns the resulting metadata.
    async fn finish(&mut self, form: &mut FormReader, part: &PartHeaders) -> Result<StreamedFile, Problem> {
        while let Some(field) = form.next().await? {
            match form::name(&field)? {
                name if name == "file" => return Err(Problem::invalid("file", "is given twice")),
                name => self.take(name, form::text(field).await?)?,
            }
        }
        Ok(StreamedFile { folder: self.folder(), file: self.file_info(part)?, announced: self.file_size_in_bytes })
    }

    /// Takes the field `name`, at most once.
    fn take(&mut self, name: String, text: String) -> Result<(), Problem> {
        if self.texts.insert(name.clone(), text.clone()).is_some() {
            return Err(Problem::malformed(format!("{name:?} is given twice")));
        }
        // HTML forms send unused fields as empty, and cannot express null for the root.
        match name.as_str() {
            known if text.is_empty() && FIELDS.contains(&known) => {}
            "file_name" => self.file_name = Some(text),
            "file_size_in_bytes" => {
                let size = text.parse().map_err(|_| Problem::invalid(&name, "must be a number of bytes"))?;
                self.file_size_in_bytes = Some(size);
            }
            "parent_folder_id" => {
                let id = text.parse().map_err(|_| Problem::invalid(&name, "must be a UUID, or empty for the root"))?;
                self.parent_folder_id = Some(id);
            }
            "file_conflict" => self.file_conflict = Some(parse::value(&name, &text)?),
            "content_type" => self.content_type = Some(text),
            "sha256" => self.sha256 = Some(text),
            "client_modified_at" => self.client_modified_at = Some(parse::value(&name, &text)?),
            _ => return Err(Problem::invalid(name, "is unknown here")),
        }
        Ok(())
    }

    fn folder(&self) -> Option<NodeId> {
        self.parent_folder_id.map(NodeId::from_uuid)
    }

    fn sha256(&self) -> Result<Option<Sha256>, Problem> {
        self.sha256.as_deref().map(parse::sha256).transpose()
    }

    /// Validates each field on its own.
    fn check(&self) -> Result<(), Problem> {
        self.file_name.as_deref().map(|name| parse::name("file_name", name)).transpose()?;
        self.content_type.as_deref().map(parse::media_type).transpose()?;
        self.sha256()?;
        Ok(())
    }

    fn name(&self, part: &PartHeaders) -> Result<Option<Name>, Problem> {
        let name = self.file_name.as_ref().or(part.name.as_ref());
        name.map(|name| parse::name("file_name", name)).transpose()
    }

    fn media_type(&self, part: &PartHeaders) -> Result<MediaType, Problem> {
        match &self.content_type {
            Some(text) => parse::media_type(text),
            None => parse::media_type_of_body(part.media_type.as_deref()),
        }
    }

    /// The file's metadata from the fields, falling back to the part's headers.
    fn file_info(&self, part: &PartHeaders) -> Result<FileInfo, Problem> {
        Ok(FileInfo {
            name: self.name(part)?.ok_or_else(|| Problem::invalid("file_name", "is required"))?,
            media_type: self.media_type(part)?,
            sha256: self.sha256()?,
            client_modified_at: self.client_modified_at.map(parse::timestamp),
            conflict: self.file_conflict.map(parse::conflict).unwrap_or_default(),
        })
    }

    /// The digest input of the form, independent of its multipart encoding: fields, part headers, and the file's
    /// digest.
    fn digest_input(&self, part: &PartHeaders, digest: &StreamDigest) -> Vec<u8> {
        let about = [("file.name", &part.name), ("file.type", &part.media_type)];
        let about = about.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let fields = self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let mut input = Vec::new();
        for (name, text) in fields.chain(about) {
            input.extend(format!("{name} {} {text}\n", text.len()).into_bytes());
        }
        input.extend(digest.input());
        input
    }
}
