//! In-memory reference model of a drive: the API's rules for trees, roles, names, quotas, trash and versions, written
//! for clarity, not speed.

mod operations;

use std::collections::BTreeSet;

/// A user's index.
pub type UserIndex = usize;
/// A file or folder, by creation number; never reused.
pub type NodeNo = usize;
/// A share, by creation number.
pub type ShareNo = usize;

/// The status and code of a refused operation.
pub type Rejection = (u16, &'static str);

pub const NOT_FOUND: Rejection = (404, "not_found");
pub const DENIED: Rejection = (403, "permission_denied");
pub const OVER_QUOTA: Rejection = (403, "quota_exceeded");
pub const NAME_TAKEN: Rejection = (409, "name_taken");
pub const CYCLE: Rejection = (409, "folder_cycle");
pub const CROSS_DRIVE: Rejection = (409, "cross_drive_move");
pub const ALREADY_SHARED: Rejection = (409, "already_shared");
pub const WITH_OWNER: Rejection = (409, "cannot_share_with_owner");
pub const VERSION_IN_USE: Rejection = (409, "version_in_use");

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    View,
    Edit,
    Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    Fail,
    Replace,
    Keep,
}

/// Content: `size` repetitions of `byte`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    pub byte: u8,
    pub size: u64,
}

/// A stored blob; its bytes never change.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    blob: usize,
    pub content: Content,
    /// The uploader.
    pub by: UserIndex,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub owner: UserIndex,
    pub maker: UserIndex,
    /// The parent folder; `None` for the root of the owner's drive.
    pub parent: Option<NodeNo>,
    pub name: String,
    pub kind: Kind,
    /// Whether it was trashed itself, not just an ancestor.
    pub trashed: bool,
    /// The person who trashed it.
    pub trashed_by: Option<UserIndex>,
    /// Whether it is permanently deleted.
    pub purged: bool,
    /// A file's numbered versions, oldest first; the last is the current one.
    pub versions: Vec<(usize, Stored)>,
}

#[derive(Clone, Debug)]
pub struct Share {
    pub node: NodeNo,
    pub guest: UserIndex,
    pub role: Role,
    pub revoked: bool,
}

/// The drives of a few people.
#[derive(Clone, Debug)]
pub struct Reference {
    pub nodes: Vec<Node>,
    pub shares: Vec<Share>,
    /// Versions and blobs created so far.
    versions: usize,
    blobs: usize,
    quota: u64,
    max_versions: usize,
}

impl Reference {
    pub fn new(quota: u64, max_versions: usize) -> Self {
        Self { nodes: Vec::new(), shares: Vec::new(), versions: 0, blobs: 0, quota, max_versions }
    }

    // Lookup and visibility.

    /// The node and its ancestors, up to the root.
    fn upward(&self, node: NodeNo) -> impl Iterator<Item = NodeNo> {
        std::iter::successors(Some(node), |node| self.nodes[*node].parent)
    }

    fn is_live(&self, node: NodeNo) -> bool {
        !self.nodes[node].purged && self.upward(node).all(|step| !self.nodes[step].trashed)
    }

    fn share_of(&self, node: NodeNo, guest: UserIndex) -> Option<Role> {
        let mut shares = self.shares.iter().filter(|share| share.node == node && share.guest == guest);
        shares.find(|share| !share.revoked).map(|share| share.role)
    }

    /// The role of `who` on a node, if they can see it: owner, or the highest role shared on the node or an ancestor.
    pub fn role(&self, who: UserIndex, node: NodeNo) -> Option<Role> {
        self.role_along(who, node, self.upward(node))
    }

    /// The same, from the ancestors alone.
    fn role_from_above(&self, who: UserIndex, node: NodeNo) -> Option<Role> {
        self.role_along(who, node, self.upward(node).skip(1))
    }

    fn role_along(&self, who: UserIndex, node: NodeNo, way: impl Iterator<Item = NodeNo>) -> Option<Role> {
        if !self.is_live(node) {
            return None;
        }
        if self.nodes[node].owner == who {
            return Some(Role::Owner);
        }
        way.filter_map(|step| self.share_of(step, who)).max()
    }

    /// The parent as shown to `who`: hidden for items in the root, and for an item whose parent they cannot see.
    pub fn shown_parent(&self, who: UserIndex, node: NodeNo) -> Option<NodeNo> {
        self.nodes[node].parent.filter(|_| self.role_from_above(who, node).is_some())
    }

    /// The children of a folder, or of the root of `owner`'s drive.
    pub fn children(&self, owner: UserIndex, folder: Option<NodeNo>) -> Vec<NodeNo> {
        let stands = |node: &NodeNo| {
            let it = &self.nodes[*node];
            it.owner == owner && it.parent == folder && !it.trashed && !it.purged
        };
        (0..self.nodes.len()).filter(stands).collect()
    }

    /// The node and its descendants, except trashed ones.
    fn subtree(&self, node: NodeNo) -> Vec<NodeNo> {
        let mut found = vec![node];
        let mut next = 0;
        while next < found.len() {
            found.extend(self.children(self.nodes[node].owner, Some(found[next])));
            next += 1;
        }
        found
    }

    /// The items shared with `who`.
    pub fn received(&self, who: UserIndex) -> BTreeSet<(NodeNo, Role)> {
        let mine = self.shares.iter().filter(|share| share.guest == who && !share.revoked && self.is_live(share.node));
        mine.map(|share| (share.node, self.role(who, share.node).unwrap())).collect()
    }

    /// The items in `who`'s trash.
    pub fn trash(&self, who: UserIndex) -> BTreeSet<NodeNo> {
        let in_it = |node: &NodeNo| {
            let it = &self.nodes[*node];
            it.owner == who && it.trashed && !it.purged
        };
        (0..self.nodes.len()).filter(in_it).collect()
    }

    /// The bytes charged to `who`'s quota: all versions of all their files that are not purged, including trashed ones.
    pub fn used(&self, who: UserIndex) -> u64 {
        let theirs = self.nodes.iter().filter(|node| node.owner == who && !node.purged);
        theirs.flat_map(|node| &node.versions).map(|(_, stored)| stored.content.size).sum()
    }

    // Permission checks.

    fn see(&self, who: UserIndex, kind: Kind, node: NodeNo) -> Result<Role, Rejection> {
        if self.nodes[node].kind != kind {
            return Err(NOT_FOUND);
        }
        self.role(who, node).ok_or(NOT_FOUND)
    }

    /// Checks that `who` may add to a folder, or to their own root; returns the drive's owner.
    fn add_to(&self, who: UserIndex, folder: Option<NodeNo>) -> Result<UserIndex, Rejection> {
        let Some(folder) = folder else {
            return Ok(who);
        };
        match self.see(who, Kind::Folder, folder)? {
            Role::View => Err(DENIED),
            Role::Edit | Role::Owner => Ok(self.nodes[folder].owner),
        }
    }

    /// Checks that `who` may rename, move or trash. A share on the item itself does not allow it.
    fn relocate(&self, who: UserIndex, kind: Kind, node: NodeNo) -> Result<(), Rejection> {
        self.see(who, kind, node)?;
        if self.role_from_above(who, node) >= Some(Role::Edit) { Ok(()) } else { Err(DENIED) }
    }

    fn replace(&self, who: UserIndex, file: NodeNo) -> Result<(), Rejection> {
        if self.see(who, Kind::File, file)? >= Role::Edit { Ok(()) } else { Err(DENIED) }
    }

    fn own(&self, who: UserIndex, kind: Kind, node: NodeNo) -> Result<(), Rejection> {
        if self.see(who, kind, node)? == Role::Owner { Ok(()) } else { Err(DENIED) }
    }

    // Names and quota.

    fn holder(&self, owner: UserIndex, folder: Option<NodeNo>, name: &str) -> Option<NodeNo> {
        self.children(owner, folder).into_iter().find(|node| self.nodes[*node].name == name)
    }

    /// The name itself if it is free, otherwise the first free one of `name (1).ext`, `name (2).ext`, …; a name of the
    /// node `own` counts as free.
    fn free_name(
        &self,
        owner: UserIndex,
        folder: Option<NodeNo>,
        name: &str,
        kind: Kind,
        own: Option<NodeNo>,
    ) -> String {
        let (stem, extension) = match (kind, name.rfind('.')) {
            (Kind::File, Some(dot)) if dot > 0 => name.split_at(dot),
            _ => (name, ""),
        };
        let names = std::iter::once(name.to_owned()).chain((1..).map(|n| format!("{stem} ({n}){extension}")));
        let is_free = |name: &String| self.holder(owner, folder, name).is_none_or(|holder| Some(holder) == own);
        names.into_iter().find(is_free).unwrap()
    }

    fn room(&self, owner: UserIndex, size: u64) -> Result<(), Rejection> {
        if size == 0 || self.used(owner) + size <= self.quota { Ok(()) } else { Err(OVER_QUOTA) }
    }

    fn make(&mut self, node: Node) -> NodeNo {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn store(&mut self, who: UserIndex, content: Content) -> Stored {
        self.blobs += 1;
        Stored { blob: self.blobs, content, by: who }
    }

    /// Adds a version by `who`, dropping old ones beyond the limit.
    fn append(&mut self, who: UserIndex, file: NodeNo, content: Stored) {
        self.versions += 1;
        let versions = &mut self.nodes[file].versions;
        while versions.len() >= self.max_versions {
            let place = excess_version(versions, who);
            versions.remove(place);
        }
        versions.push((self.versions, Stored { by: who, ..content }));
    }
}

/// The version to drop when `who` adds another, assuming all were created within a minute: the oldest between two by
/// the same person, otherwise the oldest. The current version and each other person's last one go only if nothing else
/// is left.
fn excess_version(former: &[(usize, Stored)], who: UserIndex) -> usize {
    let by = |place: usize| former.get(place).map_or(who, |(_, stored)| stored.by);
    let rank = |place: usize| {
        let is_others_last = by(place) != who && (place + 1..former.len()).all(|later| by(later) != by(place));
        if is_others_last {
            3
        } else if place + 1 == former.len() {
            2
        } else if place > 0 && by(place - 1) == by(place) && by(place + 1) == by(place) {
            0
        } else {
            1
        }
    };
    (0..former.len()).min_by_key(|place| (rank(*place), *place)).unwrap()
}
