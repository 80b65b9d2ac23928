use std::collections::BTreeMap;

use actix_multipart::Field;
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{CreatedFile, FileConflict, Time};
use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{FileInfo, MAX_FILE_BYTES, MediaType, Name, NodeId, Sha256};
use clouddrive_domain::service::{StreamedFile, Uploads};
use clouddrive_http::apart::apart;
use clouddrive_http::body::bridge;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::form::{self, FormReader};
use clouddrive_http::keyed::{Keyed, Passing};
use clouddrive_http::problem::{Outcome, Problem};
use clouddrive_http::{body, reply};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::digests::Digests;
use crate::kept::Repeats;
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

pub(crate) async fn create_from_form(
    mut user: CurrentUser,
    request: HttpRequest,
    payload: web::Payload,
    uploads: web::Data<Uploads>,
    repeats: web::Data<Repeats>,
) -> Outcome<HttpResponse> {
    let form = FormReader::new(request.headers(), payload, MAX_FILE_BYTES)?;
    let keyed = Keyed::begin(&repeats.idempotency, &request, &user.actor).await?;
    if let Keyed::Done(done) = keyed {
        let said = read(form).await?;
        return repeats.answer(&user.actor, done, &said).await;
    }
    user.actor.receipt = keyed.receipt().cloned();
    let passing = Passing::new(keyed.is_keyed());
    keyed.run(&repeats.idempotency, store(&uploads, &repeats.digests, user, form, passing)).await
}

/// Stores the file of a form.
async fn store(
    uploads: &web::Data<Uploads>,
    digests: &Digests,
    user: CurrentUser,
    mut form: FormReader,
    passing: Passing,
) -> Outcome<HttpResponse> {
    let mut fields = Fields::default();
    let part = fields.take_until_file(&mut form).await?;
    let about = PartHeaders::of(&part);
    // Refuse errors that no later field can fix before reading the bytes.
    fields.check()?;
    let folder = fields.folder();
    let admitted = uploads.admit(&user.actor, folder, fields.file_size_in_bytes, fields.sha256()?).await;
    let mut leave = admitted.map_err(|fault| refusal(fault, folder))?;
    if let (Ok(Some(name)), Ok(media_type)) = (fields.name(&about), fields.media_type(&about)) {
        leave = leave.presented_as(name, &media_type);
    }
    let (sender, bytes) = bridge();
    let (say, said) = oneshot::channel();
    let (uploads, actor) = (uploads.clone(), user.actor.clone());
    // A separate task, on any thread: if this handler is dropped, the task cleans up.
    let storing = apart(async move {
        let said = async { said.await.map_err(|fault| Error::internal("upload", fault)) };
        uploads.receive(&actor, leave, bytes, said).await
    });
    if FormReader::feed(part, &passing, &sender).await {
        // The bytes end with the form: if the rest of the form is invalid, no file is created.
        match fields.finish(&mut form, &about).await {
            Ok(file) => {
                if let Some(receipt) = &user.actor.receipt {
                    receipt.settle(digests.of(&fields.said(&about, &passing)));
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
    let stored = storing.await.map_err(|fault| Error::internal("upload", fault))?;
    let file = map::file(stored.map_err(|fault| refusal(fault, folder))?)?;
    let etag = file.etag.clone();
    Ok(reply::created_tagged(format!("/file/{}", file.id), &etag, &CreatedFile::File(Box::new(file))))
}

/// Maps an error for the sender. Until the destination folder is known, the sender's own quota applies.
fn refusal(fault: Error, folder: Option<NodeId>) -> Problem {
    let outgrows = matches!(&fault, Error::Forbidden(Forbidden::Quota { quota, needed }) if *needed > quota.total);
    let mut problem = Problem::from(fault);
    if outgrows && folder.is_none() {
        problem.detail.push_str("; if it goes into another's drive, send parent_folder_id before the file");
    }
    problem
}

/// Reads a repeated form to its end for its digest input, discarding the file.
async fn read(mut form: FormReader) -> Outcome<Vec<u8>> {
    let (mut fields, passing) = (Fields::default(), Passing::new(true));
    let part = fields.take_until_file(&mut form).await?;
    let about = PartHeaders::of(&part);
    body::read_past(passing.watch(part), form::failed).await?;
    fields.finish(&mut form, &about).await?;
    Ok(fields.said(&about, &passing))
}

impl PartHeaders {
    fn of(part: &Field) -> Self {
        Self { name: form::file_name(part), media_type: part.content_type().map(ToString::to_string) }
    }
}

impl Fields {
    /// Takes the fields before the file, and returns the file's field.
    async fn take_until_file(&mut self, form: &mut FormReader) -> Outcome<Field> {
        loop {
            let field = form.next().await?.ok_or_else(|| Problem::invalid("file", "is required"))?;
            match form::name(&field)? {
                name if name == "file" => return Ok(field),
                name => self.take(name, form::text(field).await?)?,
            }
        }
    }

    /// Takes the fields after the file, and returns the resulting metadata.
    async fn finish(&mut self, form: &mut FormReader, part: &PartHeaders) -> Outcome<StreamedFile> {
        while let Some(field) = form.next().await? {
            match form::name(&field)? {
                name if name == "file" => return Err(Problem::invalid("file", "is given twice")),
                name => self.take(name, form::text(field).await?)?,
            }
        }
        Ok(StreamedFile { folder: self.folder(), file: self.file_info(part)?, announced: self.file_size_in_bytes })
    }

    /// Takes the field `name`, at most once.
    fn take(&mut self, name: String, text: String) -> Outcome<()> {
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

    fn sha256(&self) -> Outcome<Option<Sha256>> {
        self.sha256.as_deref().map(parse::sha256).transpose()
    }

    /// Validates each field on its own.
    fn check(&self) -> Outcome<()> {
        self.file_name.as_deref().map(|name| parse::name("file_name", name)).transpose()?;
        self.content_type.as_deref().map(parse::media_type).transpose()?;
        self.sha256()?;
        Ok(())
    }

    fn name(&self, part: &PartHeaders) -> Outcome<Option<Name>> {
        let name = self.file_name.as_ref().or(part.name.as_ref());
        name.map(|name| parse::name("file_name", name)).transpose()
    }

    fn media_type(&self, part: &PartHeaders) -> Outcome<MediaType> {
        match &self.content_type {
            Some(text) => parse::media_type(text),
            None => parse::media_type_of_body(part.media_type.as_deref()),
        }
    }

    /// The file's metadata from the fields, falling back to the part's headers.
    fn file_info(&self, part: &PartHeaders) -> Outcome<FileInfo> {
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
    fn said(&self, part: &PartHeaders, passing: &Passing) -> Vec<u8> {
        let about = [("file.name", &part.name), ("file.type", &part.media_type)];
        let about = about.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let fields = self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let mut said = Vec::new();
        for (name, text) in fields.chain(about) {
            said.extend(format!("{name} {} {text}\n", text.len()).into_bytes());
        }
        said.extend(passing.said());
        said
    }
}
