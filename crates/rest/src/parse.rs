//! Conversions from contract to domain types; errors name the invalid field.

use actix_web::http::header::HeaderMap;
use clouddrive_contract as dto;
use clouddrive_domain::model::{
    ConflictPolicy, Limit, MediaType, Name, NodeId, NodeKind, Password, Permission, Role, Sha256, Timestamp,
};
use clouddrive_domain::port::MetadataUpdate;
use clouddrive_domain::service::{CopyTarget, Destination, RelocationRequest};
use clouddrive_domain::{Error, Result};
use clouddrive_http::problem::Problem;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};
use uuid::Uuid;

/// Parses a name from the field `field`.
pub(crate) fn name(field: &'static str, text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|error| Problem::invalid(field, error.to_string()))
}

pub(crate) fn media_type(text: &str) -> Result<MediaType, Problem> {
    MediaType::parse(text).map_err(|error| Problem::invalid("content_type", error.rule()))
}

/// The media type of a raw request body. `application/x-www-form-urlencoded` is ignored: HTTP libraries send it by
/// default.
pub(crate) fn media_type_of_body(text: Option<&str>) -> Result<MediaType, Problem> {
    let given = text.map(media_type).transpose()?;
    let given = given.filter(|kind| !kind.is("application/x-www-form-urlencoded"));
    Ok(given.unwrap_or_else(MediaType::octet_stream))
}

pub(crate) fn sha256(text: &str) -> Result<Sha256, Problem> {
    Sha256::parse(text).map_err(|error| Problem::invalid("sha256", error.rule()))
}

pub(crate) const fn conflict(conflict: dto::FileConflict) -> ConflictPolicy {
    match conflict {
        dto::FileConflict::Fail => ConflictPolicy::Fail,
        dto::FileConflict::Replace => ConflictPolicy::Replace,
        dto::FileConflict::Keep => ConflictPolicy::Keep,
    }
}

pub(crate) fn timestamp(time: dto::Time) -> Timestamp {
    Timestamp::from_millis(time.unix_millis())
}

/// Parses a JSON string value given without quotes.
pub(crate) fn value<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Problem> {
    T::deserialize(StrDeserializer::<ValueError>::new(text)).map_err(|error| Problem::invalid(name, error.to_string()))
}

/// The value of the `X-Client-Modified-At` header.
pub(crate) fn client_modified_at(headers: &HeaderMap) -> Result<Option<Timestamp>, Problem> {
    let name = "X-Client-Modified-At";
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or("");
    Ok(Some(timestamp(self::value(name, text)?)))
}

pub(crate) fn permission(permission: dto::Permission) -> Result<Permission, Problem> {
    match permission {
        dto::Permission::View => Ok(Permission::View),
        dto::Permission::Edit => Ok(Permission::Edit),
        _ => Err(Problem::invalid("permission", "must be view or edit")),
    }
}

/// The role in a stored response, which a later version of the server may have written.
pub(crate) fn role(role: dto::Role) -> Result<Role> {
    match role {
        dto::Role::Owner => Ok(Role::Owner),
        dto::Role::Edit => Ok(Role::Edit),
        dto::Role::View => Ok(Role::View),
        other => Err(Error::internal("a stored response", format!("the role {other:?}"))),
    }
}

/// A new password for a link.
pub(crate) fn link_password(text: &str) -> Result<Password, Problem> {
    Password::choose(text).map_err(|error| Problem::invalid("password", error.rule()))
}

/// The single item given by `file_id` or `folder_id`.
pub(crate) fn one_item(
    kind: dto::ShareObjectType,
    file: Option<Uuid>,
    folder: Option<Uuid>,
) -> Result<(NodeKind, NodeId), Problem> {
    let (kind, wanted, id, other, stray) = match kind {
        dto::ShareObjectType::File => (NodeKind::File, "file_id", file, "folder_id", folder),
        dto::ShareObjectType::Folder => (NodeKind::Folder, "folder_id", folder, "file_id", file),
    };
    if stray.is_some() {
        return Err(Problem::invalid(other, "does not go with this share_object_type"));
    }
    let id = id.ok_or_else(|| Problem::invalid(wanted, "is required with this share_object_type"))?;
    Ok((kind, NodeId::from_uuid(id)))
}

/// Parses the page size.
pub(crate) fn limit(given: Option<u64>) -> Result<Limit, Problem> {
    given.map_or_else(
        || Ok(Limit::default()),
        |count| Limit::new(count).ok_or_else(|| Problem::invalid("limit", "must be 1 to 1000")),
    )
}

pub(crate) const fn folder_conflict(conflict: dto::FolderConflict) -> ConflictPolicy {
    match conflict {
        dto::FolderConflict::Fail => ConflictPolicy::Fail,
        dto::FolderConflict::Keep => ConflictPolicy::Keep,
    }
}

pub(crate) const fn move_conflict(conflict: dto::MoveConflict) -> ConflictPolicy {
    match conflict {
        dto::MoveConflict::Fail => ConflictPolicy::Fail,
        dto::MoveConflict::Replace => ConflictPolicy::Replace,
        dto::MoveConflict::Keep => ConflictPolicy::Keep,
    }
}

/// The destination in the body of a copy; the new name is in the field `field`.
pub(crate) fn copy_target(
    field: &'static str,
    name: Option<&str>,
    parent: Option<Uuid>,
    conflict: Option<ConflictPolicy>,
) -> Result<CopyTarget, Problem> {
    Ok(CopyTarget {
        folder: parent.map(NodeId::from_uuid),
        name: name.map(|text| self::name(field, text)).transpose()?,
        conflict: conflict.unwrap_or_default(),
    })
}

/// The changes in the body of a PATCH, at least one; the new name is in the field `field`.
pub(crate) fn relocation_request(
    field: &'static str,
    name: Option<&str>,
    parent: Option<Option<Uuid>>,
    conflict: Option<dto::MoveConflict>,
    metadata: MetadataUpdate,
) -> Result<RelocationRequest, Problem> {
    if name.is_none() && parent.is_none() && metadata.is_empty() {
        return Err(Problem::invalid("body", format!("give {field}, parent_folder_id, or what else can be changed")));
    }
    let name = name.map(|text| self::name(field, text)).transpose()?;
    let conflict = conflict.map(move_conflict).unwrap_or_default();
    Ok(RelocationRequest { name, to: parent.map(destination), conflict, metadata })
}

/// The destination of a `parent_folder_id`; null means the root.
pub(crate) fn destination(id: Option<Uuid>) -> Destination {
    id.map_or(Destination::Root, |id| Destination::Folder(NodeId::from_uuid(id)))
}
