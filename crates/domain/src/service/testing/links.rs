use uuid::Uuid;

use super::{FOLDER, OWNER};
use crate::model::{ItemRef, Link, LinkId, NodeId, NodeKind, SealedToken, Timestamp, TokenHash};
use crate::testing::name;

pub(in crate::service) const LINK: LinkId = LinkId::from_uuid(Uuid::from_u128(500));
pub(in crate::service) const TOKEN: &str = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";
/// A link to [`FOLDER`].
pub(in crate::service) fn link() -> Link {
    link_of(LINK, NodeKind::Folder, FOLDER)
}

pub(in crate::service) fn link_of(id: LinkId, kind: NodeKind, item: NodeId) -> Link {
    Link {
        id,
        item: ItemRef { kind, id: item, name: name("holiday") },
        created_by: OWNER,
        sealed: SealedToken::new(vec![1]),
        password: None,
        expires_at: None,
        max_downloads: None,
        downloads: 0,
        last_download_at: None,
        created_at: Timestamp::from_millis(600),
    }
}

pub(in crate::service) fn hash() -> TokenHash {
    TokenHash::new(TOKEN)
}
