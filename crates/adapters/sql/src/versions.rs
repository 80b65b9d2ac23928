//! The versions of files.

use clouddrive_domain::model::{
    Command, Content, KeptVersion, Limit, MediaType, NodeId, Revision, Timestamp, UserId, UserRef, Version, VersionId,
    VersionPosition, excess_versions,
};
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use uuid::Uuid;

use crate::blob_records::blob;
use crate::page::newest_first;
use crate::schema::versions;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, entity_tag, invalid_row, sha256, size};

/// A version with its creator's name.
#[derive(QueryableByName)]
pub struct VersionRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = BigInt)]
    revision: i64,
    #[diesel(sql_type = Text)]
    blob_key: String,
    #[diesel(sql_type = Text)]
    blob_store: String,
    #[diesel(sql_type = BigInt)]
    size_bytes: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    sha256: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    etag: Option<String>,
    #[diesel(sql_type = Text)]
    media_type: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    client_modified_at: Option<i64>,
    #[diesel(sql_type = Id)]
    created_by: DbId,
    #[diesel(sql_type = Nullable<Text>)]
    creator_name: Option<String>,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
    #[diesel(sql_type = Bool)]
    is_current: bool,
}

const VERSIONS: &str =
    "SELECT v.id, v.revision, v.blob_key, v.size_bytes, b.store AS blob_store, b.sha256, b.etag, v.media_type,
        v.client_modified_at, v.created_by, creator.username AS creator_name, v.created_at,
        n.version_id = v.id AS is_current
    FROM versions v JOIN nodes n ON n.id = v.node_id JOIN blobs b ON b.key = v.blob_key
    LEFT JOIN users creator ON creator.id = v.created_by";

impl TryFrom<VersionRow> for Version {
    type Error = Error;

    fn try_from(row: VersionRow) -> Result<Self> {
        let id = VersionId::from(row.id);
        let bad = |what| invalid_row("versions", id, what);
        let content = Content {
            version: id,
            blob: blob(Some(&row.blob_key), Some(&row.blob_store)).ok_or_else(|| bad("blob_key"))?,
            size: size(row.size_bytes),
            sha256: row.sha256.map(|digest| sha256("blobs", id, digest)).transpose()?,
            media_type: MediaType::parse(&row.media_type).map_err(|_| bad("media_type"))?,
            client_modified_at: row.client_modified_at.map(Timestamp::from_millis),
            store_tag: row.etag.map(|text| entity_tag("blobs", id, &text)).transpose()?,
            created_at: Timestamp::from_millis(row.created_at),
        };
        Ok(Self {
            content,
            revision: Revision(size(row.revision)),
            created_by: UserRef { id: row.created_by.into(), username: row.creator_name },
            created_at: Timestamp::from_millis(row.created_at),
            is_current: row.is_current,
        })
    }
}

/// A row of `versions` to be inserted.
#[derive(Clone, Insertable)]
#[diesel(table_name = versions, treat_none_as_default_value = false)]
pub struct NewVersionRow {
    pub(crate) id: DbId,
    pub(crate) node_id: DbId,
    pub(crate) blob_key: String,
    pub(crate) size_bytes: i64,
    pub(crate) media_type: String,
    pub(crate) client_modified_at: Option<i64>,
    pub(crate) created_by: DbId,
    pub(crate) created_at: i64,
    pub(crate) revision: i64,
}

impl NewVersionRow {
    /// The row of `content`, uploaded by `creator` to `file` at that `revision`.
    #[must_use]
    pub fn new(content: &Content, (file, revision): (NodeId, Revision), creator: UserId) -> Self {
        Self {
            id: content.version.into(),
            node_id: file.into(),
            blob_key: content.blob.key.as_str().to_owned(),
            size_bytes: bytes(content.size),
            media_type: content.media_type.as_str().to_owned(),
            client_modified_at: content.client_modified_at.map(Timestamp::as_millis),
            created_by: creator.into(),
            created_at: content.created_at.as_millis(),
            revision: bytes(revision.0),
        }
    }
}

/// A former version of a file: its identifier, blob, size, creator and time.
pub type FormerRow = (DbId, String, i64, DbId, i64);

/// The `former` versions of a file (oldest first) to remove when the command makes `current` the current one.
#[must_use]
pub fn excess_rows(command: &Command, former: Vec<FormerRow>, current: VersionId, max: u32) -> Vec<FormerRow> {
    let by = command.actor.unwrap_or(UserId::from_uuid(Uuid::nil()));
    let kept: Vec<KeptVersion> = former
        .iter()
        .map(|(id, _, _, by, at)| KeptVersion { id: (*id).into(), by: (*by).into(), at: Timestamp::from_millis(*at) })
        .collect();
    let gone = excess_versions(&kept, KeptVersion { id: current, by, at: command.at }, max);
    former.into_iter().filter(|(id, ..)| gone.contains(&(*id).into())).collect()
}

/// Sets the media type and, if given, the client's modification time of a version to those of `content`.
#[must_use]
pub fn update_details(content: &Content) -> Statement {
    let media_type = Parameter::Text(content.media_type.as_str().to_owned());
    match content.client_modified_at {
        Some(time) => {
            let text = "UPDATE versions SET media_type = ?, client_modified_at = ? WHERE id = ?";
            Statement::new(text, vec![media_type, Parameter::Integer(time.as_millis()), content.version.into()])
        }
        None => {
            let text = "UPDATE versions SET media_type = ? WHERE id = ?";
            Statement::new(text, vec![media_type, content.version.into()])
        }
    }
}

/// Selects the [`VersionRow`] of a version of `file`.
#[must_use]
pub fn find(file: NodeId, version: VersionId) -> Statement {
    Statement::new(format!("{VERSIONS} WHERE v.node_id = ? AND v.id = ?"), vec![file.into(), version.into()])
}

/// Selects the [`VersionRow`]s of a page of the versions of `file`, newest first.
#[must_use]
pub fn page(file: NodeId, after: Option<VersionPosition>, limit: Limit) -> Statement {
    let list = format!("{VERSIONS} WHERE v.node_id = ?");
    newest_first(&list, vec![file.into()], ["v.revision", "v.id"], after, limit)
}
