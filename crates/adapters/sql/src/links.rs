//! Public links, and lists of a user's links.

use clouddrive_domain::error::Gone;
use clouddrive_domain::model::{
    Command, Grant, ItemRef, Limit, Link, LinkChange, LinkId, LinkPosition, PasswordHash, SealedToken, Timestamp,
    TokenHash, UserId,
};
use clouddrive_domain::port::NewLink;
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use crate::page::newest_first;
use crate::schema::links;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, name, size, visible_kind};

/// A link with the name of its node.
#[derive(QueryableByName)]
pub struct LinkRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Id)]
    node_id: DbId,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Id)]
    created_by: DbId,
    #[diesel(sql_type = Binary)]
    sealed_token: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    password_hash: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    expires_at: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    max_downloads: Option<i64>,
    #[diesel(sql_type = BigInt)]
    downloads: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_download_at: Option<i64>,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
}

const LINKS: &str =
    "SELECT l.id, l.node_id, n.kind, n.name, l.created_by, l.sealed_token, l.password_hash, l.expires_at,
        l.max_downloads, l.downloads, l.last_download_at, l.created_at
    FROM links l JOIN nodes n ON n.id = l.node_id";

impl TryFrom<LinkRow> for Link {
    type Error = Error;

    fn try_from(row: LinkRow) -> Result<Self> {
        let id = LinkId::from(row.id);
        Ok(Self {
            id,
            item: ItemRef {
                kind: visible_kind("links", id, &row.kind)?,
                id: row.node_id.into(),
                name: name("nodes", id, row.name)?,
            },
            created_by: row.created_by.into(),
            sealed: SealedToken::new(row.sealed_token),
            password: row.password_hash.map(PasswordHash::new),
            expires_at: row.expires_at.map(Timestamp::from_millis),
            max_downloads: row.max_downloads.map(size),
            downloads: size(row.downloads),
            last_download_at: row.last_download_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

/// Selects the [`LinkRow`] of `link`.
#[must_use]
pub fn find(link: LinkId) -> Statement {
    Statement::new(format!("{LINKS} WHERE l.id = ?"), vec![link.into()])
}

/// Selects the [`LinkRow`] of `link`, if it is `owner`'s.
#[must_use]
pub fn find_of(link: LinkId, owner: UserId) -> Statement {
    Statement::new(format!("{LINKS} WHERE l.id = ? AND l.created_by = ?"), vec![link.into(), owner.into()])
}

/// Selects the [`LinkRow`] of the link whose token has that hash.
#[must_use]
pub fn find_by_token(hash: &TokenHash) -> Statement {
    Statement::new(format!("{LINKS} WHERE l.token_hash = ?"), vec![Parameter::Binary(hash.as_bytes().to_vec())])
}

/// Selects the [`LinkRow`]s of a page of the links of `owner`, newest first.
#[must_use]
pub fn created_by(owner: UserId, after: Option<LinkPosition>, limit: Limit) -> Statement {
    let list = format!("{LINKS} WHERE l.created_by = ?");
    newest_first(&list, vec![owner.into()], ["l.created_at", "l.id"], after, limit)
}

/// A row of `links` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = links, treat_none_as_default_value = false)]
pub struct NewLinkRow {
    id: DbId,
    node_id: DbId,
    created_by: DbId,
    token_hash: Vec<u8>,
    sealed_token: Vec<u8>,
    password_hash: Option<String>,
    expires_at: Option<i64>,
    max_downloads: Option<i64>,
    created_at: i64,
}

impl NewLinkRow {
    /// The row of `link` to the granted node `item`.
    #[must_use]
    pub fn new(command: &Command, item: &Grant, link: &NewLink) -> Self {
        Self {
            id: link.id.into(),
            node_id: item.node().id.into(),
            created_by: item.actor().into(),
            token_hash: link.hash.as_bytes().to_vec(),
            sealed_token: link.sealed.as_bytes().to_vec(),
            password_hash: link.password.as_ref().map(|hash| hash.expose().to_owned()),
            expires_at: link.expires_at.map(Timestamp::as_millis),
            max_downloads: link.max_downloads.map(bytes),
            created_at: command.at.as_millis(),
        }
    }
}

/// The changes to a row of `links`.
#[derive(AsChangeset)]
#[diesel(table_name = links)]
pub struct LinkChangeset {
    password_hash: Option<Option<String>>,
    expires_at: Option<Option<i64>>,
    max_downloads: Option<Option<i64>>,
}

impl From<&LinkChange> for LinkChangeset {
    fn from(change: &LinkChange) -> Self {
        Self {
            password_hash: change.password.as_ref().map(|hash| hash.as_ref().map(|hash| hash.expose().to_owned())),
            expires_at: change.expires_at.map(|end| end.map(Timestamp::as_millis)),
            max_downloads: change.max_downloads.map(|max| max.map(bytes)),
        }
    }
}

/// Why a download through `link`, in its current state, was not counted.
#[must_use]
pub fn download_error(link: Option<Link>, at: Timestamp) -> Error {
    let refused = link.map(|link| link.check_running(at).and_then(|()| link.check_download()));
    match refused {
        Some(Err(error)) => error,
        // The limit was raised in between; a retry succeeds.
        Some(Ok(())) => Error::Gone(Gone::LinkExhausted),
        None => Error::NotFound,
    }
}
