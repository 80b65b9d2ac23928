use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::begun::begun;
use super::contents::Contents;
use super::folders::{EntryPage, ListQuery};
use super::store_tags::StoreTags;
use super::{Ambient, Throttling};
use crate::error::{Error, Result, Unauthenticated};
use crate::model::{
    AuditAction, Bucket, Content, Counted, Entry, LINK_ACCESS_LIFETIME, Link, LinkDownload, LinkToken, LinkedItem,
    Network, NodeId, NodeKind, Password, ReadGrant, RequestId, Timestamp, authorize_read,
};
use crate::port::{
    self, ByteStream, Drive, LinkAccess, LinkDownloads, Passwords, Presentation, SignedUrl, UrlSigner, Verdict,
};

/// Whoever comes by a public link: what they hold, and in which request they come.
#[derive(Clone)]
pub struct Visitor {
    /// What stands in the URL where a token belongs.
    pub token: String,
    /// The password that they give, if any.
    pub password: Option<String>,
    /// What they bring as proof that they gave it before, if anything.
    pub access: Option<String>,
    /// Their address, as far as it is known.
    pub address: Option<IpAddr>,
    /// The request.
    pub request: RequestId,
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitor").field("request", &self.request).finish_non_exhaustive()
    }
}

/// A proof that a link's password was given.
pub struct Admission {
    /// The proof: a secret.
    pub access: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What a link leads to, as its holder sees it.
pub struct Visit {
    /// The file or folder.
    pub item: Entry,
    /// A page of what stands in it, if it is a folder.
    pub page: Option<EntryPage>,
}

/// A file whose bytes the holder of a link may read: only [`Visits::open`] makes one.
pub struct LinkedFile {
    link: Link,
    entry: Entry,
    content: Content,
    download: LinkDownload,
    request: RequestId,
}

impl LinkedFile {
    /// Its content.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Whether the link asks for a password.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.link.password.is_some()
    }

    /// What whoever fetches the bytes is told about them.
    #[must_use]
    pub fn presentation(&self) -> Presentation {
        Presentation::of(self.entry.node.name.clone(), &self.content)
    }
}

/// A folder that the holder of a link may read with all below it: only [`Visits::open_folder`] makes one.
pub struct LinkedFolder {
    link: Link,
    grant: ReadGrant,
    download: LinkDownload,
    request: RequestId,
}

impl LinkedFolder {
    /// The link.
    pub(super) const fn link(&self) -> &Link {
        &self.link
    }

    /// Leave to read the folder.
    pub(super) const fn grant(&self) -> &ReadGrant {
        &self.grant
    }
}

/// What the holders of public links may do: see what is linked, all of it and nothing else, and download it.
///
/// Each method looks at the link anew: a link that was taken back, or whose node was trashed, a moment ago opens nothing.
pub struct Visits {
    access: Access,
    drive: Arc<dyn Drive>,
    links: Arc<dyn port::Links>,
    downloads: Arc<dyn LinkDownloads>,
    passwords: Arc<dyn Passwords>,
    link_access: Arc<dyn LinkAccess>,
    contents: Contents,
    tags: StoreTags,
    signer: Arc<dyn UrlSigner>,
    throttling: Throttling,
    ambient: Ambient,
    url_lifetime: Duration,
}

impl Visits {
    /// Puts the service together. Signed URLs live for `url_lifetime`.
    #[expect(clippy::too_many_arguments, reason = "each is a port of its own")]
    #[must_use]
    pub fn new(
        drive: Arc<dyn Drive>,
        links: Arc<dyn port::Links>,
        downloads: Arc<dyn LinkDownloads>,
        passwords: Arc<dyn Passwords>,
        link_access: Arc<dyn LinkAccess>,
        contents: Contents,
        tags: StoreTags,
        signer: Arc<dyn UrlSigner>,
        throttling: Throttling,
        ambient: Ambient,
        url_lifetime: Duration,
    ) -> Self {
        let access = Access::new(drive.clone());
        Self {
            access,
            drive,
            links,
            downloads,
            passwords,
            link_access,
            contents,
            tags,
            signer,
            throttling,
            ambient,
            url_lifetime,
        }
    }

    /// Checks the password that the visitor gives, and makes a proof of it: with that, and without the password, they come
    /// in for an hour, unless the password is changed before.
    ///
    /// # Errors
    /// `NotFound` when there is no such link, and when its node lies in the trash; `LinkExpired`; `LinkPassword`.
    pub async fn admit(&self, visitor: &Visitor) -> Result<Admission> {
        let (link, _) = self.enter(visitor).await?;
        let expires_at = self.ambient.now().plus(LINK_ACCESS_LIFETIME);
        Ok(Admission { access: self.link_access.grant(&link, expires_at), expires_at })
    }

    /// What the link leads to; of a folder also a page of what stands in it.
    ///
    /// # Errors
    /// `NotFound` when there is no such link, and when its node lies in the trash; `LinkExpired`; `LinkPassword`.
    pub async fn look(&self, visitor: &Visitor, query: &ListQuery) -> Result<Visit> {
        let (_, linked) = self.enter(visitor).await?;
        self.visit(linked, query).await
    }

    /// A folder below the linked one, or that one itself, with a page of what stands in it.
    ///
    /// # Errors
    /// As [`look`](Self::look); `NotFound` also of whatever is no folder there.
    pub async fn list(&self, visitor: &Visitor, folder: NodeId, query: &ListQuery) -> Result<Visit> {
        let (link, linked) = self.enter(visitor).await?;
        let folder = self.below(&link, linked, folder).await?;
        if folder.node().kind() != NodeKind::Folder {
            return Err(Error::NotFound);
        }
        self.visit(folder, query).await
    }

    /// A file below the linked folder, or the linked file itself, and leave to [`read`](Self::read) its bytes or to have them
    /// [`signed`](Self::sign).
    ///
    /// # Errors
    /// As [`look`](Self::look); `NotFound` also of whatever is no file there; `LinkExhausted`, unless the visitor has begun
    /// to take it.
    pub async fn open(&self, visitor: &Visitor, file: Option<NodeId>) -> Result<LinkedFile> {
        let (link, linked) = self.enter(visitor).await?;
        let file = match file {
            Some(file) => self.below(&link, linked, file).await?,
            None => linked,
        };
        let mut content = file.node().content().cloned().ok_or(Error::NotFound)?;
        self.tags.complete(&mut content).await?;
        let entry = file.into_located().entry().ok_or(Error::NotFound)?;
        let download = LinkDownload { link: link.id, node: entry.node.id, network: Network::of(visitor.address) };
        self.check_left(&link, &download).await?;
        Ok(LinkedFile { link, entry, content, download, request: visitor.request.clone() })
    }

    /// Whether a visitor who has begun to read a file may go on: as long as the link is in force and leads to it. The password
    /// is not asked for again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn may_still_read(&self, visitor: &Visitor, file: Option<NodeId>) -> Result<bool> {
        let Some(token) = LinkToken::parse(&visitor.token) else {
            return Ok(false);
        };
        let Some((link, node)) = self.links.find_by_token(&token.hash()).await? else {
            return Ok(false);
        };
        let Ok(linked) = authorize_read(Some(node)) else {
            return Ok(false);
        };
        if link.check_running(self.ambient.now()).is_err() {
            return Ok(false);
        }
        match file {
            None => Ok(true),
            Some(file) => match self.below(&link, linked, file).await {
                Ok(_) => Ok(true),
                Err(Error::NotFound) => Ok(false),
                Err(fault) => Err(fault),
            },
        }
    }

    /// A folder below the linked one, or that one itself, to be [packed](super::Archives::open_linked).
    ///
    /// # Errors
    /// As [`look`](Self::look); `NotFound` also of whatever is no folder there; `LinkExhausted`, unless the visitor has begun
    /// to take it.
    pub async fn open_folder(&self, visitor: &Visitor, folder: Option<NodeId>) -> Result<LinkedFolder> {
        let (link, linked) = self.enter(visitor).await?;
        let grant = match folder {
            Some(folder) => self.below(&link, linked, folder).await?,
            None => linked,
        };
        if grant.node().kind() != NodeKind::Folder {
            return Err(Error::NotFound);
        }
        let download = LinkDownload { link: link.id, node: grant.node().id, network: Network::of(visitor.address) };
        self.check_left(&link, &download).await?;
        Ok(LinkedFolder { link, grant, download, request: visitor.request.clone() })
    }

    /// The bytes of an open file, from `range.start` up to, not including, `range.end`. That is a download, and counted once
    /// the first of them are here and before any of them goes.
    ///
    /// # Errors
    /// `LinkExhausted`, `LinkExpired`; `NotFound` when the link was taken back meanwhile; and, not counted, those of
    /// [`Files::read`](super::Files::read).
    pub async fn read(&self, file: &LinkedFile, range: Range<u64>) -> Result<ByteStream> {
        let bytes = begun(self.contents.read(&file.content, range).await?).await?;
        self.count(&file.download, NodeKind::File, &file.request).await?;
        Ok(bytes)
    }

    /// A URL by which the bytes of an open file can be fetched for a short while. That is a download, and counted before
    /// anybody learns the URL.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn sign(&self, file: &LinkedFile) -> Result<SignedUrl> {
        let expires_at = self.ambient.now().plus(self.url_lifetime);
        let url = self.signer.sign_get(&file.content.blob, &file.presentation(), expires_at).await?;
        self.count(&file.download, NodeKind::File, &file.request).await?;
        Ok(url)
    }

    /// Checks, without counting, that the visitor may take `node` once more: that the limit is not reached, or that they
    /// have begun to.
    async fn check_left(&self, link: &Link, download: &LinkDownload) -> Result<()> {
        match link.check_download() {
            Err(_) if self.downloads.is_counted(download, self.ambient.now()).await? => Ok(()),
            outcome => outcome,
        }
    }

    /// Counts a download of a folder in one piece, before the first byte of it goes, wherever that is.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn count_archive(&self, folder: &LinkedFolder) -> Result<()> {
        self.count(&folder.download, NodeKind::Folder, &folder.request).await
    }

    async fn count(&self, download: &LinkDownload, kind: NodeKind, request: &RequestId) -> Result<()> {
        // Most requests of a player go on with what it has begun: that costs one read.
        if self.downloads.is_counted(download, self.ambient.now()).await? {
            return Ok(());
        }
        let command = self.ambient.own_command(request);
        if self.downloads.count(&command, download).await? == Counted::First {
            let downloaded = LinkedItem { link: download.link, kind, node: download.node };
            self.ambient.audit_unknown(None, request, AuditAction::LinkDownloaded(downloaded));
        }
        Ok(())
    }

    /// The link, which is in force and whose password, if it has one, the visitor knows; and leave to read its node. Nothing
    /// is told of the node before that.
    async fn enter(&self, visitor: &Visitor) -> Result<(Link, ReadGrant)> {
        let token = LinkToken::parse(&visitor.token).ok_or(Error::NotFound)?;
        let (link, node) = self.links.find_by_token(&token.hash()).await?.ok_or(Error::NotFound)?;
        let linked = authorize_read(Some(node))?;
        link.check_running(self.ambient.now())?;
        self.check_password(visitor, &link).await?;
        Ok((link, linked))
    }

    async fn check_password(&self, visitor: &Visitor, link: &Link) -> Result<()> {
        let Some(hash) = &link.password else {
            return Ok(());
        };
        let refused = Error::Unauthenticated(Unauthenticated::LinkPassword);
        let proof = visitor.access.as_deref();
        if proof.is_some_and(|proof| self.link_access.verify(link, proof, self.ambient.now())) {
            return Ok(());
        }
        let Some(given) = &visitor.password else {
            return Err(refused);
        };
        // Whoever guesses is held up before anything is hashed.
        let buckets = [Bucket::LinkPassword(link.id), Bucket::LinkPasswordFromAddress(Network::of(visitor.address))];
        self.throttling.take(&buckets, self.ambient.now()).await?;
        let right = match Password::attempt(given) {
            Some(password) => self.passwords.verify(&password, hash).await.map(|verdict| verdict != Verdict::Wrong),
            None => Ok(false),
        };
        // Whom nobody had the time to hear has not guessed either.
        if !matches!(right, Ok(false)) {
            self.throttling.give_back(&buckets).await?;
        }
        if !right? {
            let action = AuditAction::LinkPasswordRefused(link.into());
            self.ambient.audit_unknown(None, &visitor.request, action);
            return Err(refused);
        }
        Ok(())
    }

    /// Leave to read `node`, which is the linked one or lies below it.
    async fn below(&self, link: &Link, linked: ReadGrant, node: NodeId) -> Result<ReadGrant> {
        if linked.node().id == node {
            return Ok(linked);
        }
        self.access.read(link.viewer(), node).await
    }

    async fn visit(&self, node: ReadGrant, query: &ListQuery) -> Result<Visit> {
        let page = match node.node().kind() {
            NodeKind::Folder => Some(super::folders::page(&*self.drive, &node, query).await?),
            NodeKind::File | NodeKind::Root => None,
        };
        Ok(Visit { item: node.into_located().entry().ok_or(Error::NotFound)?, page })
    }
}
