//! Responses stored in idempotency records, for replay.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use actix_web::{HttpResponse, web};
use clouddrive_contract::{self as dto, ItemKind, Link, paths};
use clouddrive_domain::model::{
    Actor, CommandOutcome, Entry, LinkId, Located, NodeId, NodeKind, Role, Sha256, UploadId,
};
use clouddrive_domain::service::{
    CompletedRequest, IdempotencyService, LinkService, OwnedLink, PhotoService, UploadService,
};
use clouddrive_domain::{Error, Result};
use clouddrive_http::idempotency_key::mark_replayed;
use clouddrive_http::problem::Problem;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digests::Digests;
use crate::{file, link, map, parse, profile_photo};

/// The content of an idempotency record. It contains no URL or token, which are secrets and are created afresh.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredResponse {
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

/// How to answer a repeated request.
pub(crate) enum Replay {
    Response(HttpResponse),
    /// Execute the request again.
    Execute,
}

/// Serializes `answer` for its idempotency record.
pub fn encode_response(answer: CommandOutcome<'_>) -> Result<String> {
    let stored = match answer {
        CommandOutcome::Made(made) => StoredResponse::Reply(item(StatusCode::CREATED, made)?),
        CommandOutcome::Changed(changed) => {
            StoredResponse::Reply(Reply { location: None, ..item(StatusCode::OK, changed)? })
        }
        CommandOutcome::Replaced(replaced) => StoredResponse::Reply(content(replaced)?),
        CommandOutcome::UploadStarted(upload) => StoredResponse::Upload(upload.id.as_uuid()),
        CommandOutcome::Again => StoredResponse::Again,
        CommandOutcome::Photo => StoredResponse::Photo,
        CommandOutcome::Linked(link) => {
            StoredResponse::Link(Box::new(map::link(OwnedLink { link: link.clone(), url: None })?))
        }
        CommandOutcome::Shared(share) => {
            let share = map::share(share.clone())?;
            let location = Some(paths::with_id(paths::SHARE, share.id));
            StoredResponse::Reply(Reply { status: 201, location, etag: None, body: text(&share)? })
        }
    };
    text(&stored)
}

fn item(status: StatusCode, found: &Located) -> Result<Reply> {
    let entry: Entry = found.clone().entry().ok_or(Error::NotFound)?;
    let path = if entry.node.kind() == NodeKind::File { paths::FILE } else { paths::FOLDER };
    let location = Some(paths::with_id(path, entry.node.id));
    let item = map::item(entry)?;
    Ok(Reply { status: status.as_u16(), location, etag: Some(item.etag().to_owned()), body: text(&item)? })
}

/// The file, with the ETag of its content.
fn content(found: &Located) -> Result<Reply> {
    let file = map::file(found.clone().entry().ok_or(Error::NotFound)?)?;
    Ok(Reply { status: 200, location: None, etag: Some(file.content_etag.clone()), body: text(&file)? })
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("an idempotency record", error))
}

/// Recognizes repeats and restores their responses.
pub(crate) struct Repeats {
    pub(crate) idempotency: web::Data<IdempotencyService>,
    pub(crate) digests: web::Data<Digests>,
    pub(crate) uploads: web::Data<UploadService>,
    pub(crate) links: web::Data<LinkService>,
    pub(crate) photos: web::Data<PhotoService>,
}

impl Repeats {
    /// Restores the outcome of a repeat by `actor` from an idempotency record's `text`.
    pub(crate) async fn decode(&self, actor: &Actor, text: &str) -> Result<Replay, Problem> {
        let stored = serde_json::from_str(text)
            .map_err(|error| Problem::from(Error::internal("an idempotency record", error)))?;
        let shows = match &stored {
            // Executing it checks everything.
            StoredResponse::Again => return Ok(Replay::Execute),
            StoredResponse::Reply(reply) => shown(&reply.body)?,
            StoredResponse::Upload(_) | StoredResponse::Link(_) | StoredResponse::Photo => None,
        };
        self.idempotency.check_repeat(actor, shows).await?;
        match stored {
            StoredResponse::Reply(reply) => Ok(Replay::Response(response(reply)?)),
            StoredResponse::Upload(id) => {
                let started = self.uploads.find_started(actor, UploadId::from_uuid(id)).await?;
                Ok(Replay::Response(file::started(started)?))
            }
            StoredResponse::Link(mut link) => {
                link.url = self.links.find_url(actor, LinkId::from_uuid(link.id)).await?;
                Ok(Replay::Response(link::created(&link)))
            }
            StoredResponse::Photo => Ok(Replay::Response(profile_photo::found(self.photos.find(actor).await?)?)),
            StoredResponse::Again => Ok(Replay::Execute),
        }
    }

    /// The response to a repeat of a streaming request with the digest `input`.
    pub(crate) async fn answer(
        &self,
        actor: &Actor,
        done: CompletedRequest,
        input: &[u8],
    ) -> Result<HttpResponse, Problem> {
        let digests: Vec<Sha256> =
            [Some(self.digests.digest(input)), self.digests.former_digest(input)].into_iter().flatten().collect();
        match self.decode(actor, &done.answer(&digests)?).await? {
            Replay::Response(mut response) => {
                mark_replayed(response.headers_mut());
                Ok(response)
            }
            // Streaming requests are never executed again.
            Replay::Execute => Err(Problem::malformed("the key was used in another way")),
        }
    }
}

/// The parts of an item response needed to re-check access.
#[derive(Deserialize)]
struct AccessedItem {
    #[serde(rename = "kind")]
    _kind: ItemKind,
    id: Uuid,
    permission: dto::Role,
}

/// The item that a response shows, and with which role. Responses that describe none go to owners only.
fn shown(body: &str) -> Result<Option<(NodeId, Role)>, Problem> {
    let Ok(item) = serde_json::from_str::<AccessedItem>(body) else {
        return Ok(None);
    };
    Ok(Some((NodeId::from_uuid(item.id), parse::role(item.permission)?)))
}

fn response(reply: Reply) -> Result<HttpResponse, Problem> {
    let status = StatusCode::from_u16(reply.status);
    let status = status.map_err(|error| Problem::from(Error::internal("an idempotency record", error)))?;
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    for (name, value) in [(LOCATION, reply.location), (ETAG, reply.etag)] {
        if let Some(value) = value {
            response.insert_header((name, value));
        }
    }
    Ok(response.body(reply.body))
}
