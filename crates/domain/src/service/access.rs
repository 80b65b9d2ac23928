use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{
    Action, Grant, NodeId, NodeKind, NodePath, PathStart, ReadGrant, UserId, Viewer, authorize, authorize_read,
    authorize_read_below,
};
use crate::port::NodeRepository;

/// Loads nodes and authorizes actions on them. Services obtain a [`Grant`] only through this type.
#[derive(Clone)]
pub(super) struct Access {
    drive: Arc<dyn NodeRepository>,
}

impl Access {
    pub(super) fn new(drive: Arc<dyn NodeRepository>) -> Self {
        Self { drive }
    }

    /// Authorizes `user` to do `action` on the node `id`, which must be of `kind`.
    pub(super) async fn grant(&self, user: UserId, kind: NodeKind, id: NodeId, action: Action) -> Result<Grant> {
        let found = self.drive.find(id, user.into()).await?.filter(|found| found.node.kind() == kind);
        authorize(found, action)
    }

    /// Authorizes `viewer`, a user or a link's holder, to read the node `id`.
    pub(super) async fn read(&self, viewer: Viewer, id: NodeId) -> Result<ReadGrant> {
        authorize_read(self.drive.find(id, viewer).await?)
    }

    /// Authorizes `viewer` to read what is at the end of `path`.
    pub(super) async fn read_at(&self, viewer: Viewer, start: PathStart, path: &NodePath) -> Result<ReadGrant> {
        authorize_read_below(self.drive.find_by_path(start, path, viewer).await?, path.names().len())
    }

    /// Authorizes `user` to add to `folder`, or to the root of their own drive.
    pub(super) async fn add_to(&self, user: UserId, folder: Option<NodeId>) -> Result<Grant> {
        if let Some(folder) = folder {
            return self.grant(user, NodeKind::Folder, folder, Action::AddTo).await;
        }
        let home = self.drive.find_user_drive(user).await?.ok_or(Error::NotFound)?;
        authorize(Some(home.root), Action::AddTo)
    }

    /// Authorizes the holder of `item` to move it into `folder`, or into the root of the item's own drive.
    pub(super) async fn move_to(&self, item: &Grant, folder: Option<NodeId>) -> Result<Grant> {
        if let Some(folder) = folder {
            return self.grant(item.actor(), NodeKind::Folder, folder, Action::AddTo).await;
        }
        let root = item.located().lineage.last().ok_or(Error::NotFound)?.id;
        let root = self.drive.find(root, item.viewer()).await?;
        // A drive's root is known to exist: answer `Forbidden` to guests, not `NotFound`.
        authorize(root, Action::AddTo).map_err(|fault| match fault {
            Error::NotFound => Error::permission_denied(),
            other => other,
        })
    }
}
