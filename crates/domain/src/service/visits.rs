use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::contents::Contents;
use super::folders::{EntryPage, ListQuery};
use super::store_tags::StoreTags;
use super::{Ambient, Throttling};
use crate::error::{Error, Result, Unauthenticated};
use crate::model::{
    AuditAction, Bucket, Content, Entry, Link, LinkToken, LinkedItem, Network, NodeId, NodeKind, Password, ReadGrant,
    RequestId, authorize_read,
};
use crate::port::{self, ByteStream, Drive, Passwords, Presentation, SignedUrl, UrlSigner, Verdict};

/// Whoever comes by a public link: what they hold, and in which request they come.
#[derive(Clone)]
pub struct Visitor {
    /// What stands in the URL where a token belongs.
    pub token: String,
    /// The password that they give, if any.
    pub password: Option<String>,
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
    request: RequestId,
}

impl LinkedFile {
    /// Its content.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Whether its downloads are limited.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.link.max_downloads.is_some()
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
    passwords: Arc<dyn Passwords>,
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
        passwords: Arc<dyn Passwords>,
        contents: Contents,
        tags: StoreTags,
        signer: Arc<dyn UrlSigner>,
        throttling: Throttling,
        ambient: Ambient,
        url_lifetime: Duration,
    ) -> Self {
        let access = Access::new(drive.clone());
        Self { access, drive, links, passwords, contents, tags, signer, throttling, ambient, url_lifetime }
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
    /// As [`look`](Self::look); `NotFound` also of whatever is no file there.
    pub async fn open(&self, visitor: &Visitor, file: Option<NodeId>) -> Result<LinkedFile> {
        let (link, linked) = self.enter(visitor).await?;
        let file = match file {
            Some(file) => self.below(&link, linked, file).await?,
            None => linked,
        };
        let mut content = file.node().content().cloned().ok_or(Error::NotFound)?;
        self.tags.complete(&mut content).await?;
        let entry = file.into_located().entry().ok_or(Error::NotFound)?;
        Ok(LinkedFile { link, entry, content, request: visitor.request.clone() })
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
    /// As [`look`](Self::look); `NotFound` also of whatever is no folder there.
    pub async fn open_folder(&self, visitor: &Visitor, folder: Option<NodeId>) -> Result<LinkedFolder> {
        let (link, linked) = self.enter(visitor).await?;
        let grant = match folder {
            Some(folder) => self.below(&link, linked, folder).await?,
            None => linked,
        };
        if grant.node().kind() != NodeKind::Folder {
            return Err(Error::NotFound);
        }
        Ok(LinkedFolder { link, grant })
    }

    /// Checks, without counting, that the bytes of an open file may be downloaded: from beyond the first on, if that
    /// `continues` a download.
    ///
    /// # Errors
    /// `LinkExhausted`.
    pub fn check(&self, file: &LinkedFile, continues: bool) -> Result<()> {
        if continues { file.link.check_continuation(self.ambient.now()) } else { file.link.check_download() }
    }

    /// The bytes of an open file, from `range.start` up to, not including, `range.end`. From the first byte on that is a
    /// download, and counted before any of them goes.
    ///
    /// # Errors
    /// `LinkExhausted`, `LinkExpired`; `NotFound` when the link was taken back meanwhile; and, not counted, those of
    /// [`Files::read`](super::Files::read).
    pub async fn read(&self, file: &LinkedFile, range: Range<u64>) -> Result<ByteStream> {
        let begins = range.start == 0;
        self.check(file, !begins)?;
        // What is not there is no download.
        let bytes = self.contents.read(&file.content, range).await?;
        if begins {
            self.count(&file.link, file.entry.node.id, NodeKind::File, &file.request).await?;
        }
        Ok(bytes)
    }

    /// A URL by which the bytes of an open file can be fetched for a short while. That is a download, and counted before
    /// anybody learns the URL; unless it `continues` one whose number is not limited.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn sign(&self, file: &LinkedFile, continues: bool) -> Result<SignedUrl> {
        // The URL is good for all of the bytes, so where downloads are limited each is one.
        if !continues || file.is_limited() {
            self.count(&file.link, file.entry.node.id, NodeKind::File, &file.request).await?;
        }
        let expires_at = self.ambient.now().plus(self.url_lifetime);
        self.signer.sign_get(&file.content.blob, &file.presentation(), expires_at).await
    }

    /// Counts a download of a folder in one piece, before the byte at `start` goes: from the first byte on it is one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn count_archive(&self, visitor: &Visitor, folder: &LinkedFolder, start: u64) -> Result<()> {
        if start > 0 {
            return folder.link.check_continuation(self.ambient.now());
        }
        self.count(&folder.link, folder.grant.node().id, NodeKind::Folder, &visitor.request).await
    }

    async fn count(&self, link: &Link, node: NodeId, kind: NodeKind, request: &RequestId) -> Result<()> {
        let command = self.ambient.own_command(request);
        self.links.count_download(&command, link.id).await?;
        let downloaded = LinkedItem { link: link.id, kind, node };
        self.ambient.audit_unknown(None, request, AuditAction::LinkDownloaded(downloaded));
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
