use actix_multipart::Field;
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{CreatedFile, FileConflict, Time};
use clouddrive_domain::Error;
use clouddrive_domain::model::{FileInfo, MediaType, NodeId};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};
use uuid::Uuid;

use crate::http::body::{apart, bridge};
use crate::http::extract::CurrentUser;
use crate::http::form::{self, FormReader};
use crate::http::problem::{Outcome, Problem};
use crate::http::{App, map, parse, reply};

/// The fields of a form that come before its file.
#[derive(Default)]
struct Fields {
    file_name: Option<String>,
    file_size_in_bytes: Option<u64>,
    parent_folder_id: Option<Uuid>,
    file_conflict: Option<FileConflict>,
    content_type: Option<String>,
    sha256: Option<String>,
    client_modified_at: Option<Time>,
}

pub(crate) async fn create_from_form(
    user: CurrentUser,
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let mut form = FormReader::new(request.headers(), payload);
    let mut fields = Fields::default();
    let part = loop {
        let field = form.next().await?.ok_or_else(|| Problem::invalid("file", "is required"))?;
        match form::name(&field)? {
            name if name == "file" => break field,
            name => fields.take(&name, &form::text(field).await?)?,
        }
    };
    let info = fields.file_info(&part)?;
    let folder = fields.parent_folder_id.map(NodeId::from_uuid);
    let (sender, body) = bridge();
    let uploads = app.uploads.clone();
    // A task of its own: when the client goes away this handler ends on the spot, and the task clears up.
    let storing =
        apart(async move { uploads.receive(&user.actor, folder, info, fields.file_size_in_bytes, body).await });
    form.feed_last(part, sender).await;
    let stored = storing.await.map_err(|fault| Error::internal("upload", fault))?;
    let file = map::file(stored?)?;
    let etag = file.etag.clone();
    Ok(reply::created_tagged(format!("/file/{}", file.id), &etag, &CreatedFile::File(Box::new(file))))
}

impl Fields {
    /// Takes the field `name`, once.
    fn take(&mut self, name: &str, text: &str) -> Outcome<()> {
        match name {
            "file_name" => once(&mut self.file_name, name, || Ok(text.to_owned())),
            "file_size_in_bytes" => once(&mut self.file_size_in_bytes, name, || {
                text.parse().map_err(|_| Problem::invalid(name, "must be a number of bytes"))
            }),
            "parent_folder_id" => once(&mut self.parent_folder_id, name, || {
                text.parse().map_err(|_| Problem::invalid(name, "must be a UUID"))
            }),
            "file_conflict" => once(&mut self.file_conflict, name, || value(name, text)),
            "content_type" => once(&mut self.content_type, name, || Ok(text.to_owned())),
            "sha256" => once(&mut self.sha256, name, || Ok(text.to_owned())),
            "client_modified_at" => once(&mut self.client_modified_at, name, || value(name, text)),
            _ => Err(Problem::invalid(name, "is unknown here")),
        }
    }

    /// What the fields say of the file, and, where they are silent, what its part says.
    fn file_info(&self, part: &Field) -> Outcome<FileInfo> {
        let name = self.file_name.clone().or_else(|| form::file_name(part));
        let name = name.ok_or_else(|| Problem::invalid("file_name", "is required"))?;
        let kind = self.content_type.clone().or_else(|| part.content_type().map(ToString::to_string));
        Ok(FileInfo {
            name: parse::name("file_name", &name)?,
            media_type: kind.as_deref().map_or_else(|| Ok(MediaType::octet_stream()), parse::media_type)?,
            sha256: self.sha256.as_deref().map(parse::sha256).transpose()?,
            client_modified_at: self.client_modified_at.map(parse::timestamp),
            conflict: self.file_conflict.map(parse::conflict).unwrap_or_default(),
        })
    }
}

/// Fills `slot`, unless the form has had this field before.
fn once<T>(slot: &mut Option<T>, name: &str, parse: impl FnOnce() -> Outcome<T>) -> Outcome<()> {
    if slot.is_some() {
        return Err(Problem::malformed(format!("{name:?} is given twice")));
    }
    *slot = Some(parse()?);
    Ok(())
}

/// A value as it would stand in JSON, without the quotes.
fn value<T: DeserializeOwned>(name: &str, text: &str) -> Outcome<T> {
    T::deserialize(StrDeserializer::<ValueError>::new(text)).map_err(|fault| Problem::invalid(name, fault.to_string()))
}
