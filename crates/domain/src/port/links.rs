use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    Command, Grant, Limit, Link, LinkChange, LinkId, LinkPosition, Located, PasswordHash, SealedToken, Timestamp,
    TokenHash, UserId,
};

/// A public link that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// The identifier.
    pub id: LinkId,
    /// The hash of its token.
    pub hash: TokenHash,
    /// Its token, sealed.
    pub sealed: SealedToken,
    /// The hash of its password, if one is to be asked for.
    pub password: Option<PasswordHash>,
    /// When it is to end, if it does by itself.
    pub expires_at: Option<Timestamp>,
    /// How often its bytes may be downloaded, if that is limited.
    pub max_downloads: Option<u64>,
}

/// Public links. What these methods change holds from the moment in which they return.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait Links: Send + Sync {
    /// Makes a link to the node that `item` gives leave to [share](crate::model::Action::Share). A node may have any number
    /// of them.
    async fn create(&self, command: &Command, item: &Grant, link: &NewLink) -> Result<Link>;

    /// The link, if it is `owner`'s, in one query: another's is as one that is not there.
    async fn find(&self, link: LinkId, owner: UserId) -> Result<Option<Link>>;

    /// The link whose token has that hash, with its node as the holder finds it, also in the trash:
    /// [`authorize_read`](crate::model::authorize_read) decides. Both are of one moment.
    async fn find_by_token(&self, hash: &TokenHash) -> Result<Option<(Link, Located)>>;

    /// What `owner` has linked, newest first, after `after`, each with its node as the owner finds it, also what lies in the
    /// trash: at most one more than `limit`, in a fixed number of queries, by an index.
    async fn list_made(&self, owner: UserId, after: Option<LinkPosition>, limit: Limit)
    -> Result<Vec<(Link, Located)>>;

    /// Changes what `change` says, of which there is something, and nothing else.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when the node has no such link any more.
    async fn change(&self, command: &Command, item: &Grant, link: LinkId, change: &LinkChange) -> Result<Link>;

    /// Takes the link back.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when the node has no such link any more.
    async fn revoke(&self, command: &Command, item: &Grant, link: LinkId) -> Result<()>;

    /// Forgets up to `most` links that expired before `before`, and tells how many. Nobody came in by them any more: the
    /// change log gets no row.
    async fn forget_expired(&self, before: Timestamp, most: u32) -> Result<u32>;
}
