use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::words::words;

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

words! {
    /// The caller's role on an item.
    Role {
        /// Everything.
        Owner = "owner",
        /// View, and also upload into, create folders, replace, rename and move.
        Edit = "edit",
        /// View, list and download.
        View = "view",
    }
}

words! {
    /// The permission granted by a share.
    Permission {
        /// View, list and download.
        View = "view",
        /// View, and also upload into, create folders, replace, rename and move.
        Edit = "edit",
    }
}
