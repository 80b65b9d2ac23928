//! Responses kept in idempotency receipts, for replay.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use actix_web::{HttpResponse, web};
use clouddrive_contract::{self as dto, ItemKind, Link};
use clouddrive_domain::model::{Actor, Answer, Entry, LinkId, Located, NodeId, NodeKind, Role, Sha256, UploadId};
use clouddrive_domain::service::{Done, Idempotency, Links, OwnLink, Photos, Uploads};
use clouddrive_domain::{Error, Result};
use clouddrive_http::keyed::mark_replayed;
use clouddrive_http::problem::{Outcome, Problem};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digests::Digests;
use crate::{file, link, map, parse, profile_photo};

/// The content of a receipt. It contains no URL or token, which are secrets and are created afresh.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    /// The response itself.
    Reply(Reply),
    /// An upload was started.
    Upload(Uuid),
    /// A link was created.
    Link(Box<Link>),
    /// A profile photo was set.
    Photo,
    /// Executing the request again has the same effect.
    Again,
}

#[derive(Serialize, Deserialize)]
struct Reply {
    status: u16,
    location: Option<String>,
    etag: Option<String>,
    body: String,
}

/// The outcome of a repeat.
pub(crate) enum Repeat {
    Answer(HttpResponse),
    /// Execute the request again.
    Again,
}

/// Serializes `answer` for its receipt.
pub fn write_answer(answer: Answer<'_>) -> Result<String> {
    let kept = match answer {
        Answer::Made(made) => Kept::Reply(item(StatusCode::CREATED, made)?),
        Answer::Changed(changed) => Kept::Reply(Reply { location: None, ..item(StatusCode::OK, changed)? }),
        Answer::Replaced(replaced) => Kept::Reply(content(replaced)?),
        Answer::Begun(upload) => Kept::Upload(upload.id.as_uuid()),
        Answer::Again => Kept::Again,
        Answer::Photo => Kept::Photo,
        Answer::Linked(link) => Kept::Link(Box::new(map::link(OwnLink { link: link.clone(), url: None })?)),
        Answer::Shared(share) => {
            let share = map::share(share.clone())?;
            let location = Some(format!("/share/{}", share.id));
            Kept::Reply(Reply { status: 201, location, etag: None, body: text(&share)? })
        }
    };
    text(&kept)
}

fn item(status: StatusCode, found: &Located) -> Result<Reply> {
    let entry: Entry = found.clone().entry().ok_or(Error::NotFound)?;
    let kind = if entry.node.kind() == NodeKind::File { "file" } else { "drive" };
    let location = Some(format!("/{kind}/{}", entry.node.id));
    let item = map::item(entry)?;
    Ok(Reply { status: status.as_u16(), location, etag: Some(item.etag().to_owned()), body: text(&item)? })
}

/// The file, with the ETag of its content.
fn content(found: &Located) -> Result<Reply> {
    let file = map::file(found.clone().entry().ok_or(Error::NotFound)?)?;
    Ok(Reply { status: 200, location: None, etag: Some(file.content_etag.clone()), body: text(&file)? })
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|fault| Error::internal("a receipt", fault))
}

/// Recognizes repeats and restores their responses.
pub(crate) struct Repeats {
    pub(crate) idempotency: web::Data<Idempotency>,
    pub(crate) digests: web::Data<Digests>,
    pub(crate) uploads: web::Data<Uploads>,
    pub(crate) links: web::Data<Links>,
    pub(crate) photos: web::Data<Photos>,
}

impl Repeats {
    /// Restores the outcome of a repeat by `actor` from a receipt's `text`.
    pub(crate) async fn read(&self, actor: &Actor, text: &str) -> Outcome<Repeat> {
        let kept = serde_json::from_str(text).map_err(|fault| Problem::from(Error::internal("a receipt", fault)))?;
        let shows = match &kept {
            // Executing it checks everything.
            Kept::Again => return Ok(Repeat::Again),
            Kept::Reply(reply) => shown(&reply.body)?,
            Kept::Upload(_) | Kept::Link(_) | Kept::Photo => None,
        };
        self.idempotency.check_repeat(actor, shows).await?;
        match kept {
            Kept::Reply(reply) => Ok(Repeat::Answer(response(reply)?)),
            Kept::Upload(id) => {
                let begun = self.uploads.begun(actor, UploadId::from_uuid(id)).await?;
                Ok(Repeat::Answer(file::begun(begun)?))
            }
            Kept::Link(mut link) => {
                link.url = self.links.find_url(actor, LinkId::from_uuid(link.id)).await?;
                Ok(Repeat::Answer(link::created(&link)))
            }
            Kept::Photo => Ok(Repeat::Answer(profile_photo::found(self.photos.find(actor).await?)?)),
            Kept::Again => Ok(Repeat::Again),
        }
    }

    /// The response to a repeat of a streaming request with the digest input `said`.
    pub(crate) async fn answer(&self, actor: &Actor, done: Done, said: &[u8]) -> Outcome<HttpResponse> {
        let digests: Vec<Sha256> =
            [Some(self.digests.of(said)), self.digests.former_of(said)].into_iter().flatten().collect();
        match self.read(actor, &done.answer(&digests)?).await? {
            Repeat::Answer(mut response) => {
                mark_replayed(response.headers_mut());
                Ok(response)
            }
            // Streaming requests are never executed again.
            Repeat::Again => Err(Problem::malformed("the key was used in another way")),
        }
    }
}

/// The parts of an item response needed to re-check access.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "kind")]
    _kind: ItemKind,
    id: Uuid,
    permission: dto::Role,
}

/// The item that a response shows, and with which role. Responses that describe none go to owners only.
fn shown(body: &str) -> Outcome<Option<(NodeId, Role)>> {
    let Ok(told) = serde_json::from_str::<Told>(body) else {
        return Ok(None);
    };
    Ok(Some((NodeId::from_uuid(told.id), parse::role(told.permission)?)))
}

fn response(reply: Reply) -> Outcome<HttpResponse> {
    let status = StatusCode::from_u16(reply.status);
    let status = status.map_err(|fault| Problem::from(Error::internal("a receipt", fault)))?;
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    for (name, value) in [(LOCATION, reply.location), (ETAG, reply.etag)] {
        if let Some(value) = value {
            response.insert_header((name, value));
        }
    }
    Ok(response.body(reply.body))
}
