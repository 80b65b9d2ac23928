//! The place of a new file or folder when its name may be taken.

use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Action, Change, ChangeKind, Command, ConflictPolicy, DriveId, MediaType, Name, NodeId, NodeKind, NodeState,
    Placement, Revision, UserId, authorize,
};

use crate::changes::state_of;
use crate::content::{self, ReleasedContents};
use crate::locate;
use crate::names::{self, NewNode};
use crate::state::{NodeRow, State};

/// How a node of `kind` would be placed in `folder`, and the node that has its name.
///
/// # Errors
/// `NameTaken`.
pub(crate) fn plan(
    state: &State,
    folder: NodeId,
    name: &Name,
    kind: NodeKind,
    conflict: ConflictPolicy,
) -> Result<(Placement, Option<NodeId>)> {
    let existing = names::existing_entry(state, folder, name);
    let existing_kind = existing.and_then(|existing| state.nodes.get(&existing)).map(NodeRow::kind);
    match (conflict.placement(kind, existing_kind), existing) {
        (Placement::Refused, Some(existing)) => Err(names::taken(state, folder, existing, kind)),
        planned => Ok(planned),
    }
}

/// The node that a new item became.
pub(crate) struct Placed {
    pub(crate) node: NodeId,
    /// Its revision.
    pub(crate) revision: Revision,
    /// The state of the file whose content was replaced.
    pub(crate) former: Option<NodeState>,
    /// The media type of the replaced content.
    pub(crate) media_type: Option<MediaType>,
}

/// Adds `new` to its folder, or makes it the content of the file that has its name. The caller adds the version next,
/// in the same command.
pub(crate) fn place(
    state: &mut State,
    command: &Command,
    actor: UserId,
    new: &NewNode<'_>,
    conflict: ConflictPolicy,
) -> Result<Placed> {
    let planned = plan(state, new.parent, new.name, new.kind(), conflict)?;
    if let ((Placement::Replacing, Some(file)), Some(version)) = (planned, new.version) {
        let file = authorize(locate::find(state, file, actor), Action::Replace)?;
        let media_type = file.node().content().map(|content| content.media_type.clone());
        let revision = content::set_current_version(state, command, &file, version);
        let former = Some(NodeState::from_node(file.node()));
        return Ok(Placed { node: file.node().id, revision, former, media_type });
    }
    if planned.0 == Placement::Beside {
        let free = names::first_free(state, new.parent, new.name, new.kind())?;
        names::insert(state, command, &NewNode { name: &free, ..*new })?;
    } else {
        names::insert(state, command, new)?;
    }
    Ok(Placed { node: new.id, revision: Revision(1), former: None, media_type: None })
}

impl Placed {
    /// Whether `new` became a node of its own.
    pub(crate) fn is_new(&self, new: &NewNode<'_>) -> bool {
        self.node == new.id
    }

    /// The change by which the item was placed in `drive`, of that `kind`.
    pub(crate) fn change(self, state: &State, kind: ChangeKind, drive: DriveId) -> Change {
        Change::for_node(kind, drive, self.node).before(self.former).after(state_of(state, self.node))
    }

    /// If the item became the content of a file, removes that file's excess versions. The caller MUST have added
    /// the new version, since a removed one may have the same blob.
    pub(crate) fn prune_versions(
        &self,
        state: &mut State,
        command: &Command,
        new: &NewNode<'_>,
        max: u32,
    ) -> ReleasedContents {
        match new.version {
            Some(version) if !self.is_new(new) => {
                content::prune_versions(state, command, (new.drive, self.node), version, max)
            }
            _ => ReleasedContents::default(),
        }
    }
}
