use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A user, possibly deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// The user ID.
    pub id: Uuid,
    /// The user name; null if the account is deleted.
    #[cfg_attr(feature = "openapi", schema(required, example = "ann"))]
    pub username: Option<String>,
}

/// The caller's role on an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Owner,
    /// View, and also upload into, create folders, replace, rename and move.
    Edit,
    /// View, list and download.
    View,
}

/// The permission granted by a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// View, list and download.
    View,
    /// View, and also upload into, create folders, replace, rename and move.
    Edit,
}
