//! The authorization of an archive.

use std::collections::HashSet;

use super::ArchiveStores;
use crate::error::{Error, Result, Unauthenticated};
use crate::model::{
    Actor, Credential, Link, LinkToken, NodeId, PasswordHash, ReadGrant, Timestamp, TokenHash, UserId, Viewer,
    authorize_read,
};
use crate::service::LinkBearer;

/// How long a check stays valid, in milliseconds: an archive ends within a second after its authorization does.
pub(super) const RECHECK_MILLIS: u64 = 500;

/// Who reads what, and on which basis.
pub(super) struct Authorization {
    viewer: Viewer,
    authority: Authority,
    /// The topmost nodes being read.
    tops: Vec<NodeId>,
}

/// What must stay valid besides the nodes' shares.
enum Authority {
    /// The credential of a user. The expiry of a session's access tokens does not matter.
    Credential(UserId, Credential),
    /// A public link, with its password hash at that time.
    Link(TokenHash, Option<PasswordHash>),
}

impl Authorization {
    pub(super) fn from_actor(actor: &Actor) -> Self {
        let authority = Authority::Credential(actor.user, actor.credential);
        Self { viewer: actor.user.into(), authority, tops: Vec::new() }
    }

    pub(super) fn from_link(bearer: &LinkBearer, link: &Link) -> Result<Self> {
        let token = LinkToken::parse(&bearer.token).map_err(|_| Error::NotFound)?;
        let authority = Authority::Link(token.hash(), link.password.clone());
        Ok(Self { viewer: link.viewer(), authority, tops: Vec::new() })
    }

    /// Restricts it to reading `tops`.
    pub(super) fn reading(mut self, tops: &[ReadGrant]) -> Self {
        self.tops = tops.iter().map(|top| top.node().id).collect();
        self
    }

    /// Checks that everything still holds.
    pub(super) async fn check(&self, stores: &ArchiveStores, now: Timestamp) -> Result<()> {
        self.check_authority(stores, now).await?;
        let found = stores.drive.find_many(&self.tops, self.viewer).await?;
        let visible = found.into_iter().map(|found| Ok(authorize_read(Some(found))?.node().id));
        let visible: HashSet<NodeId> = visible.collect::<Result<_>>()?;
        if self.tops.iter().all(|top| visible.contains(top)) { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Checks that the session or the link is still valid.
    pub(super) async fn check_authority(&self, stores: &ArchiveStores, now: Timestamp) -> Result<()> {
        match &self.authority {
            Authority::Credential(_, Credential::Embedder) => {}
            Authority::Credential(user, Credential::Session(session)) => {
                let running = stores.sessions.find_username(*session, *user, now).await?;
                running.ok_or(Error::Unauthenticated(Unauthenticated::InvalidToken))?;
            }
            Authority::Link(token, password) => {
                let (link, node) = stores.links.find_by_token(token).await?.ok_or(Error::NotFound)?;
                authorize_read(Some(node))?;
                link.check_running(now)?;
                if link.password != *password {
                    return Err(Error::Unauthenticated(Unauthenticated::LinkPassword));
                }
            }
        }
        Ok(())
    }
}
