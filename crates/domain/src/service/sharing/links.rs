use std::sync::Arc;

use crate::error::{Error, Field, Result};
use crate::model::{
    Action, Actor, AuditAction, Grant, Limit, Link, LinkChange, LinkId, LinkPosition, MAX_LINK_DOWNLOADS, NodeId,
    NodeKind, Page, Password, Scope, Timestamp,
};
use crate::port::{self, LinkTokens, NewLink, NodeRepository, Passwords};
use crate::service::ServiceContext;
use crate::service::access::Access;

/// The settings of a new public link.
#[derive(Clone, Debug, Default)]
pub struct LinkRequest {
    /// The password to ask for; `None` for no password.
    pub password: Option<Password>,
    /// When it expires; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// The download limit: 1 to [`MAX_LINK_DOWNLOADS`]; `None` for unlimited.
    pub max_downloads: Option<u64>,
}

/// Changes to a public link. `None` keeps a setting; `Some(None)` removes it.
#[derive(Clone, Debug, Default)]
pub struct LinkEdit {
    /// The password to ask for.
    pub password: Option<Option<Password>>,
    /// When it expires.
    pub expires_at: Option<Option<Timestamp>>,
    /// The download limit.
    pub max_downloads: Option<Option<u64>>,
}

/// A public link as its owner sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedLink {
    /// The link.
    pub link: Link,
    /// Its URL, a secret. `None` when the key that sealed its token is no longer available; the link itself still
    /// works.
    pub url: Option<String>,
}

impl std::fmt::Debug for OwnedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnedLink").field("link", &self.link).finish_non_exhaustive()
    }
}

/// The ports of [`LinkService`].
#[derive(Clone)]
pub struct LinkPorts {
    /// The tree.
    pub drive: Arc<dyn NodeRepository>,
    /// The links.
    pub links: Arc<dyn port::LinkRepository>,
    /// Seals and opens their tokens.
    pub tokens: Arc<dyn LinkTokens>,
    /// Hashes their passwords.
    pub passwords: Arc<dyn Passwords>,
}

/// Public links, as managed by their owners. For what link holders may do, see
/// [`PublicLinkService`](crate::service::PublicLinkService).
pub struct LinkService {
    access: Access,
    drive: Arc<dyn NodeRepository>,
    links: Arc<dyn port::LinkRepository>,
    tokens: Arc<dyn LinkTokens>,
    passwords: Arc<dyn Passwords>,
    context: ServiceContext,
    public_url: String,
}

impl LinkService {
    /// Creates the service. Link URLs begin with `public_url`, which has no trailing slash.
    #[must_use]
    pub fn new(ports: LinkPorts, context: ServiceContext, public_url: impl Into<String>) -> Self {
        let LinkPorts { drive, links, tokens, passwords } = ports;
        let access = Access::new(drive.clone());
        Self { access, drive, links, tokens, passwords, context, public_url: public_url.into() }
    }

    /// Creates a public link to one of the caller's files or folders.
    ///
    /// Calls `NodeRepository::find`, `Passwords::hash`, `LinkTokens::seal`, `LinkRepository::create` and
    /// `LinkTokens::open`.
    ///
    /// # Errors
    /// `NotFound` when the caller cannot see the item; `Forbidden` when the caller is not the owner; `Invalid` for
    /// `expires_at` and `max_downloads`.
    pub async fn create(
        &self,
        actor: &Actor,
        (kind, item): (NodeKind, NodeId),
        spec: LinkRequest,
    ) -> Result<OwnedLink> {
        let item = self.access.grant(actor, kind, item, Action::Share).await?;
        self.check(spec.expires_at, spec.max_downloads)?;
        let password = match &spec.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let (id, token) = (self.context.id(), self.context.link_token());
        let new = NewLink {
            id,
            hash: token.hash(),
            sealed: self.tokens.seal(id, &token)?,
            password,
            expires_at: spec.expires_at,
            max_downloads: spec.max_downloads,
        };
        let link = self.links.create(&self.context.command(actor)?, &item, &new).await?;
        self.context.audit(actor, AuditAction::LinkCreated((&link).into()));
        Ok(self.own(link))
    }

    /// The URL of the caller's link; `None` when the link no longer exists or its token cannot be unsealed.
    ///
    /// Calls `LinkRepository::find` and `LinkTokens::open`.
    pub async fn find_url(&self, actor: &Actor, link: LinkId) -> Result<Option<String>> {
        actor.require(Scope::Read)?;
        let link = self.links.find(link, actor.user).await?;
        Ok(link.and_then(|link| self.own(link).url))
    }

    /// The caller's links, newest first, including expired and exhausted ones. A page may be short, even empty, and
    /// have a next.
    ///
    /// Calls `LinkRepository::list_by_owner` and `LinkTokens::open`.
    pub async fn list(
        &self,
        actor: &Actor,
        after: Option<LinkPosition>,
        limit: Limit,
    ) -> Result<Page<OwnedLink, LinkPosition>> {
        actor.require(Scope::Read)?;
        let rows = self.links.list_by_owner(actor.user, after, limit).await?;
        let page = Page::cut(rows, limit, |(link, _)| LinkPosition { at: link.created_at, id: link.id });
        let shown = page.items.into_iter().filter_map(|(link, item)| {
            Access::authorize(actor, Some(item), Action::ListShares).ok().map(|_| self.own(link))
        });
        Ok(Page { items: shown.collect(), next: page.next })
    }

    /// Changes a link's expiry, password or download limit; at least one of them.
    ///
    /// Calls `LinkRepository::find`, `NodeRepository::find`, `Passwords::hash`, `LinkRepository::change` and
    /// `LinkTokens::open`.
    ///
    /// # Errors
    /// `NotFound` to all but the owner, and while the item is in the trash; `Invalid` for `expires_at` and
    /// `max_downloads`.
    pub async fn change(&self, actor: &Actor, link: LinkId, edit: LinkEdit) -> Result<OwnedLink> {
        let item = self.as_owner(actor, link).await?;
        self.check(edit.expires_at.flatten(), edit.max_downloads.flatten())?;
        let password = match &edit.password {
            Some(Some(password)) => Some(Some(self.passwords.hash(password).await?)),
            Some(None) => Some(None),
            None => None,
        };
        let change = LinkChange { expires_at: edit.expires_at, password, max_downloads: edit.max_downloads };
        let link = self.links.change(&self.context.command(actor)?, &item, link, &change).await?;
        self.context.audit(actor, AuditAction::LinkChanged((&link).into()));
        Ok(self.own(link))
    }

    /// Revokes a link: it stops working at once.
    ///
    /// Calls `LinkRepository::find`, `NodeRepository::find` and `LinkRepository::revoke`.
    ///
    /// # Errors
    /// `NotFound` to all but the owner, and while the item is in the trash.
    pub async fn revoke(&self, actor: &Actor, link: LinkId) -> Result<()> {
        let item = self.as_owner(actor, link).await?;
        self.links.revoke(&self.context.command(actor)?, &item, link).await?;
        let node = item.node();
        let linked = crate::model::LinkedItem { link, kind: node.kind(), node: node.id };
        self.context.audit(actor, AuditAction::LinkRevoked(linked));
        Ok(())
    }

    /// Authorizes managing `link`. Only the owner may learn that a link exists.
    async fn as_owner(&self, actor: &Actor, link: LinkId) -> Result<Grant> {
        let link = self.links.find(link, actor.user).await?.ok_or(Error::NotFound)?;
        let found = self.drive.find(link.item.id, actor.user.into()).await?;
        let owns = found.as_ref().is_some_and(|item| item.owner.id == actor.user);
        Access::authorize(actor, found, Action::Share).map_err(|error| match error {
            Error::Forbidden(_) if !owns => Error::NotFound,
            other => other,
        })
    }

    fn check(&self, expires_at: Option<Timestamp>, max_downloads: Option<u64>) -> Result<()> {
        if expires_at.is_some_and(|end| end <= self.context.now()) {
            return Err(Error::invalid(Field::LinkExpiry, "must be in the future"));
        }
        if max_downloads.is_some_and(|max| !(1..=MAX_LINK_DOWNLOADS).contains(&max)) {
            return Err(Error::invalid(Field::MaxDownloads, format!("must be 1 to {MAX_LINK_DOWNLOADS}")));
        }
        Ok(())
    }

    fn own(&self, link: Link) -> OwnedLink {
        let token = self.tokens.open(link.id, &link.sealed);
        let url = token.map(|token| format!("{}/s/{}", self.public_url, token.expose()));
        OwnedLink { link, url }
    }
}

#[cfg(test)]
mod tests;
