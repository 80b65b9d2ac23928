use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::folder::non_empty;
use crate::{Item, ItemRef, Permission, Person, Role, Time};

/// What is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ShareObjectType {
    /// A file, by `file_id`.
    File,
    /// A folder with all below it, by `folder_id`.
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
    /// What is shared.
    pub share_object_type: ShareObjectType,
    /// The file, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<Uuid>,
    /// The folder, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_id: Option<Uuid>,
    /// The guest: a user name or an e-mail address.
    #[cfg_attr(feature = "openapi", schema(example = "ben"))]
    pub username: String,
    /// What the guest may do.
    pub permission: Permission,
}

/// `PATCH /share/{id}`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchShare {
    /// What the guest may do from now on.
    pub permission: Permission,
}

/// A permission that an owner gave to another user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Share {
    /// The identifier.
    pub id: Uuid,
    /// What the guest may do.
    pub permission: Permission,
    /// What is shared.
    pub item: ItemRef,
    /// The guest.
    pub shared_with: Person,
    /// Who shared it.
    pub shared_by: Person,
    /// When.
    pub shared_at: Time,
}

/// Something that is shared with the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceivedShare {
    /// The share.
    pub share: Share,
    /// What is shared, as the caller sees it.
    pub item: Item,
}

/// `GET /shared-with-me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceivedShares {
    /// Newest first. A page may be short and still have a next one.
    pub items: Vec<ReceivedShare>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PageParameters {
    /// How many items at the most: 1–1000, 100 unless told.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000, default = 100))]
    pub limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "non_empty")]
    pub cursor: Option<String>,
}

/// `GET /shared-by-me`, `GET /file/{id}/share`, `GET /drive/{id}/share`: shares, as their owner sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GivenShares {
    /// Newest first. A page may be short and still have a next one.
    pub items: Vec<Share>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// By what somebody may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AccessKind {
    /// The drive is theirs.
    Owner,
    /// A share.
    Share,
    /// A public link.
    Link,
}

/// Through what somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessVia {
    /// By what.
    pub kind: AccessKind,
    /// The share or the link; of the owner, the owner.
    pub id: Uuid,
    /// What is shared or linked: the item, or a folder above it. Of the owner, the item.
    pub item: ItemRef,
}

/// Somebody who may do something with an item, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Access {
    /// Who; null for whoever holds the link.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub user: Option<Person>,
    /// What they may do, as far as it comes from here. Of several ways the highest counts.
    pub permission: Role,
    /// Why.
    pub via: AccessVia,
}

/// `GET /file/{id}/access`, `GET /drive/{id}/access`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessList {
    /// The owner first, then shares, then links.
    pub items: Vec<Access>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
