//! Conversions from domain to contract types that all responses share.

use clouddrive_contract as dto;
use clouddrive_domain::model::{NodeKind, Revision, Timestamp};
use clouddrive_domain::{Error, Result};

pub fn time(time: Timestamp) -> Result<dto::Time> {
    dto::Time::from_unix_millis(time.as_millis())
        .ok_or_else(|| Error::internal("database", "a time beyond the year 9999"))
}

pub fn etag(revision: Revision) -> String {
    // Not by `format!`, since every entry of a list has one.
    ["\"", &revision.0.to_string(), "\""].concat()
}

pub const fn item_kind(kind: NodeKind) -> dto::ItemKind {
    match kind {
        NodeKind::File => dto::ItemKind::File,
        NodeKind::Root | NodeKind::Folder => dto::ItemKind::Folder,
    }
}
