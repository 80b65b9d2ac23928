use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::folder::present;
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
    /// What is linked.
    pub share_object_type: ShareObjectType,
    /// The file, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<Uuid>,
    /// The folder, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_id: Option<Uuid>,
    /// When the link ends by itself: in the future. Never, when absent or null.
    #[serde(default)]
    pub expires_at: Option<Time>,
    /// What its holder must know beside the URL: 8–128 characters, none of the commonest 3,000 passwords. Nothing, when absent
    /// or null.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(example = "correct horse battery", format = "password", min_length = 8, max_length = 128)
    )]
    pub password: Option<String>,
    /// How many downloads may begin. Any number, when absent or null.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = 10, minimum = 1, maximum = 1_000_000_000))]
    pub max_downloads: Option<u64>,
}

/// `PATCH /link/{id}`: at least one of the three. What is absent stays; null takes it away.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchLink {
    /// When the link ends by itself.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Time>))]
    pub expires_at: Option<Option<Time>>,
    /// What its holder must know beside the URL, by the rules of `POST /link`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(
            value_type = Option<String>, example = "correct horse battery", format = "password", min_length = 8,
            max_length = 128
        )
    )]
    pub password: Option<Option<String>>,
    /// How many downloads may begin, those counted among them that already have.
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
    /// The identifier. It opens nothing.
    pub id: Uuid,
    /// Where it leads. Whoever has it comes in. Null only when the server's secret has been changed more than once since the
    /// link was made: it goes on working, and nobody can look it up any more.
    #[cfg_attr(
        feature = "openapi",
        schema(required, example = "http://127.0.0.1:8000/s/IJKLMNOPQRSTUVWXYZabcdefghijklmn")
    )]
    pub url: Option<String>,
    /// What is linked.
    pub item: ItemRef,
    /// Whether a password is asked for.
    pub has_password: bool,
    /// When it ends by itself; null for never.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub expires_at: Option<Time>,
    /// How many downloads may begin; null for any number.
    #[cfg_attr(feature = "openapi", schema(required, example = 10))]
    pub max_downloads: Option<u64>,
    /// How many have begun.
    #[cfg_attr(feature = "openapi", schema(example = 3))]
    pub downloads: u64,
    /// When it was made.
    pub created_at: Time,
}

/// `GET /link`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Links {
    /// Newest first. A page may be short and still have a next one.
    pub items: Vec<Link>,
    /// For the next page; null on the last.
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

/// What opens a link in the place of its password.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkAccess {
    /// To be given as `?access=…` to the URLs of this link. It is a secret.
    #[cfg_attr(feature = "openapi", schema(example = "1764460800000.zMkA0WfYbJ4T3m7mJ2a8hV5c1Qp9dXoKq0uR6sLwN_E"))]
    pub access: String,
    /// When it ends: after an hour, or with the password.
    pub expires_at: Time,
}

/// A folder, as a link's holder sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkedFolder {
    /// The folder.
    pub item: Folder,
    /// Files and folders in one list.
    pub items: Vec<Item>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `GET /s/{token}`: what a public link leads to, a file or a folder with a page of what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Linked {
    /// The file or folder.
    pub item: Item,
    /// Files and folders in one list; only with a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub items: Option<Vec<Item>>,
    /// For the next page, null on the last; only with a folder.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub next_cursor: Option<Option<String>>,
}
