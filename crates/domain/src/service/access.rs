use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{
    Action, Actor, Grant, Located, NodeId, NodeKind, NodePath, PathStart, ReadGrant, Scope, Viewer, authorize,
    authorize_read, authorize_read_below,
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

    /// Authorizes `actor` to do `action` on the node that was found: if the actor can see it, the scopes of the
    /// credential decide first, then the role.
    ///
    /// # Errors
    /// As [`authorize`]; [`Scope`](crate::error::Forbidden::Scope) before any other `Forbidden`.
    pub(super) fn authorize(actor: &Actor, found: Option<Located>, action: Action) -> Result<Grant> {
        let by_role = authorize(found, action);
        if !matches!(by_role, Err(Error::NotFound)) {
            actor.require(action.scope())?;
        }
        by_role
    }

    /// Authorizes `actor` to do `action` on the node `id`, which must be of `kind`.
    pub(super) async fn grant(&self, actor: &Actor, kind: NodeKind, id: NodeId, action: Action) -> Result<Grant> {
        let found = self.drive.find(id, actor.user.into()).await?.filter(|found| found.node.kind() == kind);
        Self::authorize(actor, found, action)
    }

    /// Authorizes `viewer`, a user or a link's holder, to read the node `id`.
    pub(super) async fn read(&self, viewer: Viewer, id: NodeId) -> Result<ReadGrant> {
        authorize_read(self.drive.find(id, viewer).await?)
    }

    /// Authorizes `actor` to read what is at the end of `path`.
    pub(super) async fn read_at(&self, actor: &Actor, start: PathStart, path: &NodePath) -> Result<ReadGrant> {
        let found = self.drive.find_by_path(start, path, actor.user.into()).await?;
        let by_role = authorize_read_below(found, path.names().len())?;
        actor.require(Scope::Read)?;
        Ok(by_role)
    }

    /// Authorizes `actor` to add to `folder`, or to the root of their own drive.
    pub(super) async fn add_to(&self, actor: &Actor, folder: Option<NodeId>) -> Result<Grant> {
        if let Some(folder) = folder {
            return self.grant(actor, NodeKind::Folder, folder, Action::AddTo).await;
        }
        let user_drive = self.drive.find_user_drive(actor.user).await?.ok_or(Error::NotFound)?;
        Self::authorize(actor, Some(user_drive.root), Action::AddTo)
    }

    /// Authorizes `actor` to move `item` into `folder`, or into the root of the item's own drive.
    pub(super) async fn move_to(&self, actor: &Actor, item: &Grant, folder: Option<NodeId>) -> Result<Grant> {
        if let Some(folder) = folder {
            return self.grant(actor, NodeKind::Folder, folder, Action::AddTo).await;
        }
        let root = item.located().lineage.last().ok_or(Error::NotFound)?.id;
        let root = self.drive.find(root, item.read().viewer()).await?;
        // A drive's root is known to exist: answer `Forbidden` to guests, not `NotFound`.
        Self::authorize(actor, root, Action::AddTo).map_err(|error| match error {
            Error::NotFound => Error::permission_denied(),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests;
