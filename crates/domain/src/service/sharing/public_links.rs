use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result, Unauthenticated};
use crate::model::{
    AuditAction, Bucket, ClientSubnet, Content, CountOutcome, Entry, LINK_ACCESS_LIFETIME, Link, LinkDownload,
    LinkToken, LinkedItem, NodeId, NodeKind, Origin, Password, ReadGrant, Timestamp, authorize_read,
};
use crate::port::{
    self, ByteStream, ContentHeaders, LinkAccess, LinkDownloadRepository, NodeRepository, PasswordCheck, Passwords,
    SignedUrl, StoreRouter, UrlPresigner,
};
use crate::service::access::Access;
use crate::service::files::contents::Contents;
use crate::service::files::delivery::Delivery;
use crate::service::files::first_chunk::await_first_chunk;
use crate::service::files::folders::{EntryPage, ListQuery};
use crate::service::files::store_tags::StoreTags;
use crate::service::{ServiceContext, Throttling};

/// Who uses a public link: the credentials and the request.
#[derive(Clone)]
pub struct LinkBearer {
    /// The token from the URL, unverified.
    pub token: String,
    /// The password, if given.
    pub password: Option<String>,
    /// The proof of an earlier password check, if given.
    pub access: Option<String>,
    /// The request and its client.
    pub origin: Origin,
}

impl std::fmt::Debug for LinkBearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkBearer").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Proof that a link's password was given.
pub struct LinkAccessProof {
    /// The proof, a secret.
    pub access: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for LinkAccessProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkAccessProof").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The target of a link, as its holder sees it.
#[derive(Debug)]
pub struct LinkView {
    /// The file or folder.
    pub item: Entry,
    /// A page of its contents, if it is a folder.
    pub page: Option<EntryPage>,
}

/// A file that the holder of a link may read. Only [`PublicLinkService::open`] creates it.
#[derive(Debug)]
pub struct LinkedFile {
    entry: Entry,
    content: Content,
    download: LinkDownload,
    origin: Origin,
    /// Whether the request contains the link's password.
    with_password: bool,
}

impl LinkedFile {
    /// Its content.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// The response metadata: media type, file name, validators.
    #[must_use]
    pub fn content_headers(&self) -> ContentHeaders {
        ContentHeaders::new(self.entry.node.name.clone(), &self.content)
    }
}

/// A folder that the holder of a link may read with all its contents. Only [`PublicLinkService::open_folder`] creates
/// it.
#[derive(Debug)]
pub struct LinkedFolder {
    link: Link,
    grant: ReadGrant,
    download: LinkDownload,
    origin: Origin,
}

impl LinkedFolder {
    /// The link.
    pub(in crate::service) const fn link(&self) -> &Link {
        &self.link
    }

    /// The grant to read the folder.
    pub(in crate::service) const fn grant(&self) -> &ReadGrant {
        &self.grant
    }
}

/// The ports of [`PublicLinkService`].
#[derive(Clone)]
pub struct PublicLinkPorts {
    /// The tree.
    pub drive: Arc<dyn NodeRepository>,
    /// The public links.
    pub links: Arc<dyn port::LinkRepository>,
    /// The downloads counted for each link.
    pub downloads: Arc<dyn LinkDownloadRepository>,
    /// Password hashing.
    pub passwords: Arc<dyn Passwords>,
    /// The proofs that replace a link's password.
    pub link_access: Arc<dyn LinkAccess>,
    /// The bytes.
    pub contents: Contents,
    /// The tags that stores themselves send with the bytes.
    pub tags: StoreTags,
    /// The URL signers.
    pub presigners: StoreRouter<dyn UrlPresigner>,
}

/// Access through public links: viewing and downloading the linked item and everything below it, nothing else.
///
/// Each method checks the link anew: once it is revoked, or its node trashed, it opens nothing.
pub struct PublicLinkService {
    access: Access,
    ports: PublicLinkPorts,
    throttling: Throttling,
    context: ServiceContext,
    url_lifetime: Duration,
}

impl PublicLinkService {
    /// Creates the service. Signed URLs live for `url_lifetime`.
    #[must_use]
    pub fn new(
        ports: PublicLinkPorts,
        throttling: Throttling,
        context: ServiceContext,
        url_lifetime: Duration,
    ) -> Self {
        Self { access: Access::new(ports.drive.clone()), ports, throttling, context, url_lifetime }
    }

    /// Checks the bearer's password and issues a proof that replaces it for an hour, unless the password is changed
    /// before.
    ///
    /// Calls `LinkRepository::find_by_token`, `LinkAccess::verify`, `ThrottleRepository::take`, `Passwords::verify`,
    /// `ThrottleRepository::give_back` and `LinkAccess::grant`.
    ///
    /// # Errors
    /// `NotFound` when there is no such link, or its node is in the trash; `LinkExpired`; `LinkPassword`.
    pub async fn admit(&self, bearer: &LinkBearer) -> Result<LinkAccessProof> {
        let (link, _) = self.authenticate(bearer).await?;
        let expires_at = self.context.now().plus(LINK_ACCESS_LIFETIME);
        Ok(LinkAccessProof { access: self.ports.link_access.grant(&link, expires_at), expires_at })
    }

    /// The target of the link, with a page of its contents if it is a folder.
    ///
    /// Calls `LinkRepository::find_by_token`, `LinkAccess::verify`, `ThrottleRepository::take`, `Passwords::verify`,
    /// `ThrottleRepository::give_back` and `NodeRepository::list`.
    ///
    /// # Errors
    /// `NotFound` when there is no such link, or its node is in the trash; `LinkExpired`; `LinkPassword`.
    pub async fn get(&self, bearer: &LinkBearer, query: &ListQuery) -> Result<LinkView> {
        let (_, linked) = self.authenticate(bearer).await?;
        self.view(linked, query).await
    }

    /// The linked folder, or one below it, with a page of its contents.
    ///
    /// Calls `LinkRepository::find_by_token`, `LinkAccess::verify`, `ThrottleRepository::take`, `Passwords::verify`,
    /// `ThrottleRepository::give_back`, `NodeRepository::find` and `NodeRepository::list`.
    ///
    /// # Errors
    /// As [`get`](Self::get); `NotFound` also when `folder` is not a folder there.
    pub async fn list(&self, bearer: &LinkBearer, folder: NodeId, query: &ListQuery) -> Result<LinkView> {
        let (link, linked) = self.authenticate(bearer).await?;
        let folder = self.below(&link, linked, folder).await?;
        if folder.node().kind() != NodeKind::Folder {
            return Err(Error::NotFound);
        }
        self.view(folder, query).await
    }

    /// Opens the linked file, or one below the linked folder, to [`read`](Self::read) its bytes or to have them
    /// [delivered](Self::content).
    ///
    /// Calls `LinkRepository::find_by_token`, `LinkAccess::verify`, `ThrottleRepository::take`, `Passwords::verify`,
    /// `ThrottleRepository::give_back`, `NodeRepository::find`, `BlobStore::head`, `BlobRecordRepository::record_tag`
    /// and `LinkDownloadRepository::is_counted`.
    ///
    /// # Errors
    /// As [`get`](Self::get); `NotFound` also when `file` is not a file there; `LinkExhausted`, unless the bearer
    /// has already begun this download.
    pub async fn open(&self, bearer: &LinkBearer, file: Option<NodeId>) -> Result<LinkedFile> {
        let (link, linked) = self.authenticate(bearer).await?;
        let file = match file {
            Some(file) => self.below(&link, linked, file).await?,
            None => linked,
        };
        let mut content = file.node().content().cloned().ok_or(Error::NotFound)?;
        self.ports.tags.complete(&mut content).await?;
        let entry = file.into_located().entry().ok_or(Error::NotFound)?;
        let download = LinkDownload {
            link: link.id,
            node: entry.node.id,
            subnet: ClientSubnet::from_address(bearer.origin.client.address),
        };
        self.check_left(&link, &download).await?;
        let with_password = link.password.is_some() && bearer.password.is_some();
        Ok(LinkedFile { entry, content, download, origin: bearer.origin.clone(), with_password })
    }

    /// Whether a bearer who has begun reading a file may continue: while the link is valid and leads to it. The
    /// password is not asked for again.
    ///
    /// Calls `LinkRepository::find_by_token` and `NodeRepository::find`.
    pub async fn may_still_read(&self, bearer: &LinkBearer, file: Option<NodeId>) -> Result<bool> {
        let Ok(token) = LinkToken::parse(&bearer.token) else {
            return Ok(false);
        };
        let Some((link, node)) = self.ports.links.find_by_token(&token.hash()).await? else {
            return Ok(false);
        };
        let Ok(linked) = authorize_read(Some(node)) else {
            return Ok(false);
        };
        if link.check_running(self.context.now()).is_err() {
            return Ok(false);
        }
        match file {
            None => Ok(true),
            Some(file) => match self.below(&link, linked, file).await {
                Ok(_) => Ok(true),
                Err(Error::NotFound) => Ok(false),
                Err(error) => Err(error),
            },
        }
    }

    /// Opens the linked folder, or one below it, to be [packed](crate::service::ArchiveService::open_linked).
    ///
    /// Calls `LinkRepository::find_by_token`, `LinkAccess::verify`, `ThrottleRepository::take`, `Passwords::verify`,
    /// `ThrottleRepository::give_back`, `NodeRepository::find` and `LinkDownloadRepository::is_counted`.
    ///
    /// # Errors
    /// As [`get`](Self::get); `NotFound` also when `folder` is not a folder there; `LinkExhausted`, unless the
    /// bearer has already begun this download.
    pub async fn open_folder(&self, bearer: &LinkBearer, folder: Option<NodeId>) -> Result<LinkedFolder> {
        let (link, linked) = self.authenticate(bearer).await?;
        let grant = match folder {
            Some(folder) => self.below(&link, linked, folder).await?,
            None => linked,
        };
        if grant.node().kind() != NodeKind::Folder {
            return Err(Error::NotFound);
        }
        let download = LinkDownload {
            link: link.id,
            node: grant.node().id,
            subnet: ClientSubnet::from_address(bearer.origin.client.address),
        };
        self.check_left(&link, &download).await?;
        Ok(LinkedFolder { link, grant, download, origin: bearer.origin.clone() })
    }

    /// The bytes of an open file in `range`. Counted as a download once the first bytes have been read, before any are
    /// sent.
    ///
    /// Calls `BlobStore::get`, `BlobRecordRepository::is_referred_to`, `LinkDownloadRepository::is_counted` and
    /// `LinkDownloadRepository::count`.
    ///
    /// # Errors
    /// `LinkExhausted`, `LinkExpired`; `NotFound` when the link has been revoked meanwhile; those of
    /// [`FileService::read`](crate::service::FileService::read), without counting.
    pub async fn read(&self, file: &LinkedFile, range: Range<u64>) -> Result<ByteStream> {
        let bytes = await_first_chunk(self.ports.contents.read(&file.content, range).await?).await?;
        self.count(&file.download, NodeKind::File, &file.origin).await?;
        Ok(bytes)
    }

    /// How a client that can follow a redirect gets the bytes of an open file: from their store, if it serves them
    /// itself. A URL counts as a download before it is returned.
    ///
    /// Calls `UrlPresigner::presign_get`, `LinkDownloadRepository::is_counted` and `LinkDownloadRepository::count`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn content(&self, file: &LinkedFile) -> Result<Delivery> {
        // A client that follows a redirect might send the link's password along to the store.
        if file.with_password || !self.ports.tags.serves_itself(&file.content.blob.store) {
            return Ok(Delivery::Stream);
        }
        Ok(Delivery::Redirect(self.sign(file).await?))
    }

    /// A short-lived download URL for an open file. Counted as a download before the URL is returned.
    async fn sign(&self, file: &LinkedFile) -> Result<SignedUrl> {
        let (blob, expires_at) = (&file.content.blob, self.context.now().plus(self.url_lifetime));
        let presigner = self.ports.presigners.get(&blob.store)?;
        let url = presigner.presign_get(&blob.key, &file.content_headers(), expires_at).await?;
        self.count(&file.download, NodeKind::File, &file.origin).await?;
        Ok(url)
    }

    /// Checks, without counting, that one more download is allowed: the limit is not reached, or the bearer has
    /// already begun this one.
    async fn check_left(&self, link: &Link, download: &LinkDownload) -> Result<()> {
        match link.check_download() {
            Err(_) if self.ports.downloads.is_counted(download, self.context.now()).await? => Ok(()),
            outcome => outcome,
        }
    }

    /// Counts a download of a folder as an archive. Call it before sending the first byte, at whatever offset.
    ///
    /// Calls `LinkDownloadRepository::is_counted` and `LinkDownloadRepository::count`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn count_archive(&self, folder: &LinkedFolder) -> Result<()> {
        self.count(&folder.download, NodeKind::Folder, &folder.origin).await
    }

    async fn count(&self, download: &LinkDownload, kind: NodeKind, origin: &Origin) -> Result<()> {
        // Most requests of a player continue a counted download: that costs one read.
        if self.ports.downloads.is_counted(download, self.context.now()).await? {
            return Ok(());
        }
        let command = self.context.system_command(&origin.request);
        if self.ports.downloads.count(&command, download).await? == CountOutcome::New {
            let downloaded = LinkedItem { link: download.link, kind, node: download.node };
            self.context.audit_anonymous(None, origin, AuditAction::LinkDownloaded(downloaded));
        }
        Ok(())
    }

    /// The link and a grant to read its node, if the link is valid and the bearer passes its password check. Reveals
    /// nothing about the node before that.
    async fn authenticate(&self, bearer: &LinkBearer) -> Result<(Link, ReadGrant)> {
        let token = LinkToken::parse(&bearer.token).map_err(|_| Error::NotFound)?;
        let (link, node) = self.ports.links.find_by_token(&token.hash()).await?.ok_or(Error::NotFound)?;
        let linked = authorize_read(Some(node))?;
        link.check_running(self.context.now())?;
        self.check_password(bearer, &link).await?;
        Ok((link, linked))
    }

    async fn check_password(&self, bearer: &LinkBearer, link: &Link) -> Result<()> {
        let Some(hash) = &link.password else {
            return Ok(());
        };
        let refused = Error::Unauthenticated(Unauthenticated::LinkPassword);
        let proof = bearer.access.as_deref();
        if proof.is_some_and(|proof| self.ports.link_access.verify(link, proof, self.context.now())) {
            return Ok(());
        }
        let Some(given) = &bearer.password else {
            return Err(refused);
        };
        // Throttle guesses before hashing anything.
        let buckets = [
            Bucket::LinkPassword(link.id),
            Bucket::LinkPasswordFromAddress(ClientSubnet::from_address(bearer.origin.client.address)),
        ];
        self.throttling.take(&buckets, self.context.now()).await?;
        let right = match Password::attempt(given) {
            Some(password) => {
                self.ports.passwords.verify(&password, hash).await.map(|verdict| verdict != PasswordCheck::Wrong)
            }
            None => Ok(false),
        };
        // Only a wrong password counts, not a verification that never ran (e.g. the hasher is busy).
        if !matches!(right, Ok(false)) {
            self.throttling.give_back(&buckets).await?;
        }
        if !right? {
            let action = AuditAction::LinkPasswordRefused(link.into());
            self.context.audit_anonymous(None, &bearer.origin, action);
            return Err(refused);
        }
        Ok(())
    }

    /// Authorizes reading `node`, which is the linked one or lies below it.
    async fn below(&self, link: &Link, linked: ReadGrant, node: NodeId) -> Result<ReadGrant> {
        if linked.node().id == node {
            return Ok(linked);
        }
        self.access.read(link.viewer(), node).await
    }

    async fn view(&self, node: ReadGrant, query: &ListQuery) -> Result<LinkView> {
        let page = match node.node().kind() {
            NodeKind::Folder => Some(crate::service::files::folders::page(&*self.ports.drive, &node, query).await?),
            NodeKind::File | NodeKind::Root => None,
        };
        Ok(LinkView { item: node.into_located().entry().ok_or(Error::NotFound)?, page })
    }
}

#[cfg(test)]
mod tests;
