use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::optional::present;
use crate::{Folder, Item, ItemRef, ShareObjectType, Time};

/// `POST /link`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(example = json!({
        "share_object_type": "folder",
        "folder_id": "019ab0c2-7a00-7000-8000-000000000000",
        "password": "correct horse battery",
        "max_downloads": 10,
    }))
)]
#[serde(deny_unknown_fields)]
pub struct CreateLink {
    /// The kind of the linked item.
    pub share_object_type: ShareObjectType,
    /// The file; only with `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<Uuid>,
    /// The folder; only with `folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_id: Option<Uuid>,
    /// When the link expires, in the future. Absent or null: never.
    #[serde(default)]
    pub expires_at: Option<Time>,
    /// A password required in addition to the URL: 8–128 characters, not one of the 3,000 most common passwords. Absent
    /// or null: no password.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(example = "correct horse battery", format = "password", min_length = 8, max_length = 128)
    )]
    pub password: Option<String>,
    /// The maximum number of downloads. Absent or null: unlimited.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = 10, minimum = 1, maximum = 1_000_000_000))]
    pub max_downloads: Option<u64>,
}

/// `PATCH /link/{id}`: at least one field. Absent fields stay unchanged; null removes the limit or password.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchLink {
    /// When the link expires.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Time>))]
    pub expires_at: Option<Option<Time>>,
    /// A password required in addition to the URL, by the rules of `POST /link`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(
            value_type = Option<String>, example = "correct horse battery", format = "password", min_length = 8,
            max_length = 128
        )
    )]
    pub password: Option<Option<String>>,
    /// The maximum number of downloads, including those already counted.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u64>, example = 10, minimum = 1, maximum = 1_000_000_000)
    )]
    pub max_downloads: Option<Option<u64>>,
}

/// A public link, as its owner sees it.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Link {
    /// The identifier. It does not grant access.
    pub id: Uuid,
    /// The public URL; anyone who has it has access. Null only if the server's secret has been changed more than once
    /// since the link was created: the link still works, but its URL can no longer be shown.
    #[cfg_attr(
        feature = "openapi",
        schema(required, example = "http://127.0.0.1:8000/s/IJKLMNOPQRSTUVWXYZabcdefghijklmn")
    )]
    pub url: Option<String>,
    /// The linked item.
    pub item: ItemRef,
    /// Whether a password is required.
    pub has_password: bool,
    /// When it expires; null for never.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub expires_at: Option<Time>,
    /// The maximum number of downloads; null for unlimited.
    #[cfg_attr(feature = "openapi", schema(required, example = 10))]
    pub max_downloads: Option<u64>,
    /// The number of downloads started.
    #[cfg_attr(feature = "openapi", schema(example = 3))]
    pub downloads: u64,
    /// When it was created.
    pub created_at: Time,
}

/// `GET /link`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Links {
    /// Newest first. A page may be short even if it is not the last.
    pub items: Vec<Link>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `POST /s/{token}/access`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkPassword {
    /// The link's password.
    #[cfg_attr(feature = "openapi", schema(example = "correct horse battery", format = "password"))]
    pub password: String,
}

/// An access ticket that replaces a link's password.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkAccess {
    /// The ticket, to be sent as `?access=…` with this link's URLs. It is a secret.
    #[cfg_attr(feature = "openapi", schema(example = "1764460800000.zMkA0WfYbJ4T3m7mJ2a8hV5c1Qp9dXoKq0uR6sLwN_E"))]
    pub access: String,
    /// When it expires: after an hour, or earlier if the password changes.
    pub expires_at: Time,
}

/// A folder, as seen through a public link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkedFolder {
    /// The folder.
    pub item: Folder,
    /// Files and folders in one list.
    pub items: Vec<Item>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `GET /s/{token}`: the linked file, or the linked folder with a page of its contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Linked {
    /// The file or folder.
    pub item: Item,
    /// Files and folders in one list; only for a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub items: Option<Vec<Item>>,
    /// The cursor of the next page, null on the last; only for a folder.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub next_cursor: Option<Option<String>>,
}
