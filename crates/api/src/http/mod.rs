//! The HTTP layer: `routes` has the URL tree, and the modules mirror it, one file per endpoint.

mod account;
mod apart;
mod archive;
mod authn;
mod blob;
mod body;
mod bytes;
mod client;
mod compress;
mod conditions;
mod cors;
mod cursor;
mod digests;
mod drive;
mod extract;
mod file;
mod form;
pub(crate) mod kept;
mod keyed;
mod link;
mod list;
pub(crate) mod map;
mod middleware;
pub(crate) mod openapi;
mod parse;
mod problem;
mod profile_photo;
mod reply;
pub(crate) mod routes;
mod running;
mod search;
mod service;
mod share;
mod slots;
mod trash;
mod upload;
mod version;
mod visit;
mod zip;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clouddrive_domain::model::{RequestId, UserId};
use clouddrive_domain::port::Probe;
use clouddrive_domain::service::{
    Accounts, Ambient, Archives, Copies, Files, Folders, Idempotency, Links, Photos, Search, Shares, SignedBlobs,
    Trash, Uploads, Versions, Visits,
};
use ipnet::IpNet;

pub(crate) use apart::Unattended;
pub(crate) use archive::ArchiveUrls;
pub(crate) use body::{BodyLimits, answer, until_read};
pub(crate) use cors::{ALLOWED_HEADERS, cors, narrow_preflight};
pub(crate) use cursor::Cursors;
pub(crate) use digests::Digests;
pub(crate) use kept::write as write_answer;
pub(crate) use middleware::{request, sane};
use problem::{Outcome, Problem};
pub(crate) use service::check;
pub(crate) use slots::Slots;

/// The application state shared by all requests.
pub(crate) struct App {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) folders: Folders,
    pub(crate) files: Arc<Files>,
    pub(crate) copies: Copies,
    pub(crate) archives: Archives,
    pub(crate) archive_urls: ArchiveUrls,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) trash: Trash,
    pub(crate) versions: Arc<Versions>,
    pub(crate) shares: Shares,
    pub(crate) links: Links,
    pub(crate) visits: Visits,
    pub(crate) search: Search,
    pub(crate) photos: Photos,
    pub(crate) idempotency: Idempotency,
    /// Serves this server's signed URLs; `None` if the store serves its own.
    pub(crate) local: Option<Arc<SignedBlobs>>,
    pub(crate) parts: Vec<Part>,
    pub(crate) ambient: Ambient,
    pub(crate) cursors: Cursors,
    pub(crate) digests: Digests,
    pub(crate) body_limits: BodyLimits,
    /// Handlers that change something, which go on without their clients.
    pub(crate) unattended: Unattended,
    /// Limits concurrent copies and purges, which take long.
    pub(crate) bulk: Slots<UserId>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub(crate) proxies: Vec<IpNet>,
    /// Whether the server is shutting down.
    pub(crate) leaving: AtomicBool,
}

/// A dependency that must be available for the server to be ready.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) probe: Arc<dyn Probe>,
}

impl App {
    pub(crate) fn new_request_id(&self) -> RequestId {
        self.ambient.request_id()
    }

    /// Marks the server as not ready, and asks clients to close their connections.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// The service for this server's signed URLs; 404 if the store serves its own.
    pub(crate) fn local(&self) -> Outcome<&Arc<SignedBlobs>> {
        self.local.as_ref().ok_or_else(Problem::no_such_path)
    }
}
