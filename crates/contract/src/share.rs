use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::optional::non_empty;
use crate::words::{strict, words};
use crate::{Item, ItemRef, Permission, Person, Role, Time};

/// The kind of the shared item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ShareObjectType {
    /// A file, by `file_id`.
    File,
    /// A folder and everything below it, by `folder_id`.
    Folder,
}

/// `POST /share`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(example = json!({
        "share_object_type": "folder",
        "folder_id": "019ab0c2-7a00-7000-8000-000000000000",
        "username": "ben",
        "permission": "view",
    }))
)]
#[serde(deny_unknown_fields)]
pub struct CreateShare {
    /// The kind of the shared item.
    pub share_object_type: ShareObjectType,
    /// The file; only with `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<Uuid>,
    /// The folder; only with `folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_id: Option<Uuid>,
    /// The guest: a user name or an e-mail address.
    #[cfg_attr(feature = "openapi", schema(example = "ben"))]
    pub username: String,
    /// What the guest may do.
    #[serde(deserialize_with = "strict")]
    pub permission: Permission,
}

/// `PATCH /share/{id}`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchShare {
    /// The guest's new permission.
    #[serde(deserialize_with = "strict")]
    pub permission: Permission,
}

/// A permission granted to another user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Share {
    /// The identifier.
    pub id: Uuid,
    /// What the guest may do.
    pub permission: Permission,
    /// The shared item.
    pub item: ItemRef,
    /// The guest.
    pub shared_with: Person,
    /// The user who shared it.
    pub shared_by: Person,
    /// When it was shared.
    pub shared_at: Time,
}

/// An item shared with the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceivedShare {
    /// The share.
    pub share: Share,
    /// The shared item, as the caller sees it.
    pub item: Item,
}

/// `GET /shared-with-me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceivedShares {
    /// Newest first. A page may be short even if it is not the last.
    pub items: Vec<ReceivedShare>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// Paging parameters of a list.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PageParameters {
    /// The page size: 1–1000, default 100.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000, default = 100))]
    pub limit: Option<u64>,
    /// `next_cursor` of the previous page.
    #[serde(default, deserialize_with = "non_empty")]
    pub cursor: Option<String>,
}

/// `GET /shared-by-me`, `GET /file/{id}/share`, `GET /drive/{id}/share`: shares, as their owner sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GivenShares {
    /// Newest first. A page may be short even if it is not the last.
    pub items: Vec<Share>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

words! {
    /// The source of a permission.
    AccessKind {
        /// Ownership of the drive.
        Owner = "owner",
        /// A share.
        Share = "share",
        /// A public link.
        Link = "link",
    }
}

/// Where a permission comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessVia {
    /// The kind of source.
    pub kind: AccessKind,
    /// The share or link; for the owner, the owner's user ID.
    pub id: Uuid,
    /// The shared or linked item: the item itself or a folder above it. For the owner, the item.
    pub item: ItemRef,
}

/// A user or link with access to an item, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Access {
    /// The user; null for a public link.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub user: Option<Person>,
    /// The permission from this source. Of several sources the highest applies.
    pub permission: Role,
    /// The source.
    pub via: AccessVia,
}

/// `GET /file/{id}/access`, `GET /drive/{id}/access`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessList {
    /// The owner first, then shares, then links.
    pub items: Vec<Access>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
