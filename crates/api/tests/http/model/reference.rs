//! A drive in its simplest form: what the API promises of trees, roles, names, quotas, the trash and versions, said once
//! more, in memory, with no thought of speed. Whoever wants to know what an operation comes to may read it here.

use std::collections::BTreeSet;

/// Somebody: one of a few people, by number.
pub type Person = usize;
/// A file or folder, by the number of its making. It is never used again.
pub type NodeNo = usize;
/// A share, likewise.
pub type ShareNo = usize;

/// What an operation is refused with: status and code.
pub type Refusal = (u16, &'static str);

pub const NOT_FOUND: Refusal = (404, "not_found");
pub const DENIED: Refusal = (403, "permission_denied");
pub const OVER_QUOTA: Refusal = (403, "quota_exceeded");
pub const NAME_TAKEN: Refusal = (409, "name_taken");
pub const CYCLE: Refusal = (409, "folder_cycle");
pub const CROSS_DRIVE: Refusal = (409, "cross_drive_move");
pub const ALREADY_SHARED: Refusal = (409, "already_shared");
pub const WITH_OWNER: Refusal = (409, "cannot_share_with_owner");
pub const VERSION_IN_USE: Refusal = (409, "version_in_use");

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

/// Bytes: so many of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    pub byte: u8,
    pub size: u64,
}

/// Bytes as they were stored, once: those of one blob are the same for ever.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    blob: usize,
    pub content: Content,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub owner: Person,
    pub maker: Person,
    /// The folder in which it lies; none for the root of the owner's drive.
    pub parent: Option<NodeNo>,
    pub name: String,
    pub kind: Kind,
    /// Whether it lies in the trash, by itself.
    pub trashed: bool,
    /// Whether it is gone for good.
    pub purged: bool,
    /// A file's contents by their numbers, the oldest first; the last is the current one.
    pub versions: Vec<(usize, Stored)>,
}

#[derive(Clone, Debug)]
pub struct Share {
    pub node: NodeNo,
    pub guest: Person,
    pub role: Role,
    pub revoked: bool,
}

/// A few people's drives.
#[derive(Clone, Debug)]
pub struct Reference {
    pub nodes: Vec<Node>,
    pub shares: Vec<Share>,
    /// How many versions and blobs there have been.
    versions: usize,
    blobs: usize,
    quota: u64,
    most_versions: usize,
}

impl Reference {
    pub fn new(quota: u64, most_versions: usize) -> Self {
        Self { nodes: Vec::new(), shares: Vec::new(), versions: 0, blobs: 0, quota, most_versions }
    }

    // What is there, and who sees it.

    /// The node and all above it, up to the root.
    fn upward(&self, node: NodeNo) -> impl Iterator<Item = NodeNo> {
        std::iter::successors(Some(node), |node| self.nodes[*node].parent)
    }

    fn is_live(&self, node: NodeNo) -> bool {
        !self.nodes[node].purged && self.upward(node).all(|step| !self.nodes[step].trashed)
    }

    fn share_of(&self, node: NodeNo, guest: Person) -> Option<Role> {
        let mut shares = self.shares.iter().filter(|share| share.node == node && share.guest == guest);
        shares.find(|share| !share.revoked).map(|share| share.role)
    }

    /// What `who` may do with a node, if they see it: the owner all, others what the best share on the way up gives.
    pub fn role(&self, who: Person, node: NodeNo) -> Option<Role> {
        self.role_along(who, node, self.upward(node))
    }

    /// The same, by what lies above the node alone.
    fn role_from_above(&self, who: Person, node: NodeNo) -> Option<Role> {
        self.role_along(who, node, self.upward(node).skip(1))
    }

    fn role_along(&self, who: Person, node: NodeNo, way: impl Iterator<Item = NodeNo>) -> Option<Role> {
        if !self.is_live(node) {
            return None;
        }
        if self.nodes[node].owner == who {
            return Some(Role::Owner);
        }
        way.filter_map(|step| self.share_of(step, who)).max()
    }

    /// The parent as `who` sees it: not the root, and nothing above what is shared.
    pub fn shown_parent(&self, who: Person, node: NodeNo) -> Option<NodeNo> {
        self.nodes[node].parent.filter(|_| self.role_from_above(who, node).is_some())
    }

    /// What stands in a folder, or in the root of `owner`'s drive.
    pub fn children(&self, owner: Person, folder: Option<NodeNo>) -> Vec<NodeNo> {
        let stands = |node: &NodeNo| {
            let it = &self.nodes[*node];
            it.owner == owner && it.parent == folder && !it.trashed && !it.purged
        };
        (0..self.nodes.len()).filter(stands).collect()
    }

    /// The node and all that lies below it, without what is in the trash by itself.
    fn subtree(&self, node: NodeNo) -> Vec<NodeNo> {
        let mut found = vec![node];
        let mut next = 0;
        while next < found.len() {
            found.extend(self.children(self.nodes[node].owner, Some(found[next])));
            next += 1;
        }
        found
    }

    /// What `who` finds shared with them.
    pub fn received(&self, who: Person) -> BTreeSet<(NodeNo, Role)> {
        let mine = self.shares.iter().filter(|share| share.guest == who && !share.revoked && self.is_live(share.node));
        mine.map(|share| (share.node, self.role(who, share.node).unwrap())).collect()
    }

    /// What lies in `who`'s trash, by itself.
    pub fn trash(&self, who: Person) -> BTreeSet<NodeNo> {
        let in_it = |node: &NodeNo| {
            let it = &self.nodes[*node];
            it.owner == who && it.trashed && !it.purged
        };
        (0..self.nodes.len()).filter(in_it).collect()
    }

    /// What counts against `who`'s quota: all versions of all that is not gone, the trash included.
    pub fn used(&self, who: Person) -> u64 {
        let theirs = self.nodes.iter().filter(|node| node.owner == who && !node.purged);
        theirs.flat_map(|node| &node.versions).map(|(_, stored)| stored.content.size).sum()
    }

    // What somebody may do.

    fn see(&self, who: Person, kind: Kind, node: NodeNo) -> Result<Role, Refusal> {
        if self.nodes[node].kind != kind {
            return Err(NOT_FOUND);
        }
        self.role(who, node).ok_or(NOT_FOUND)
    }

    /// Leave to put something into a folder, or into the root of `who`'s own drive; whose drive that is.
    fn add_to(&self, who: Person, folder: Option<NodeNo>) -> Result<Person, Refusal> {
        let Some(folder) = folder else {
            return Ok(who);
        };
        match self.see(who, Kind::Folder, folder)? {
            Role::View => Err(DENIED),
            Role::Edit | Role::Owner => Ok(self.nodes[folder].owner),
        }
    }

    /// Leave to rename, move or trash: what was shared by itself is its owner's to do that with.
    fn relocate(&self, who: Person, kind: Kind, node: NodeNo) -> Result<(), Refusal> {
        self.see(who, kind, node)?;
        if self.role_from_above(who, node) >= Some(Role::Edit) { Ok(()) } else { Err(DENIED) }
    }

    fn replace(&self, who: Person, file: NodeNo) -> Result<(), Refusal> {
        if self.see(who, Kind::File, file)? >= Role::Edit { Ok(()) } else { Err(DENIED) }
    }

    fn own(&self, who: Person, kind: Kind, node: NodeNo) -> Result<(), Refusal> {
        if self.see(who, kind, node)? == Role::Owner { Ok(()) } else { Err(DENIED) }
    }

    // Names and space.

    fn holder(&self, owner: Person, folder: Option<NodeNo>, name: &str) -> Option<NodeNo> {
        self.children(owner, folder).into_iter().find(|node| self.nodes[*node].name == name)
    }

    /// The name itself when it is free, else the first of `name (1).ext`, `name (2).ext` that is.
    fn free_name(&self, owner: Person, folder: Option<NodeNo>, name: &str, kind: Kind) -> String {
        let (stem, extension) = match (kind, name.rfind('.')) {
            (Kind::File, Some(dot)) if dot > 0 => name.split_at(dot),
            _ => (name, ""),
        };
        let names = std::iter::once(name.to_owned()).chain((1..).map(|n| format!("{stem} ({n}){extension}")));
        names.into_iter().find(|name| self.holder(owner, folder, name).is_none()).unwrap()
    }

    fn room(&self, owner: Person, size: u64) -> Result<(), Refusal> {
        if size == 0 || self.used(owner) + size <= self.quota { Ok(()) } else { Err(OVER_QUOTA) }
    }

    fn make(&mut self, node: Node) -> NodeNo {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn store(&mut self, content: Content) -> Stored {
        self.blobs += 1;
        Stored { blob: self.blobs, content }
    }

    /// Another content for a file. The former ones stay, as far as that many are kept.
    fn append(&mut self, file: NodeNo, content: Stored) {
        self.versions += 1;
        let versions = &mut self.nodes[file].versions;
        versions.push((self.versions, content));
        let surplus = versions.len().saturating_sub(self.most_versions);
        versions.drain(..surplus);
    }

    // The operations.

    pub fn create_folder(&mut self, who: Person, folder: Option<NodeNo>, name: &str) -> Result<NodeNo, Refusal> {
        let owner = self.add_to(who, folder)?;
        if self.holder(owner, folder, name).is_some() {
            return Err(NAME_TAKEN);
        }
        Ok(self.make(Node {
            owner,
            maker: who,
            parent: folder,
            name: name.to_owned(),
            kind: Kind::Folder,
            trashed: false,
            purged: false,
            versions: Vec::new(),
        }))
    }

    pub fn upload(
        &mut self,
        who: Person,
        folder: Option<NodeNo>,
        name: &str,
        content: Content,
        conflict: Conflict,
    ) -> Result<NodeNo, Refusal> {
        let owner = self.add_to(who, folder)?;
        let holder = self.holder(owner, folder, name);
        match (holder, conflict) {
            (Some(_), Conflict::Fail) => return Err(NAME_TAKEN),
            (Some(holder), Conflict::Replace) if self.nodes[holder].kind == Kind::Folder => return Err(NAME_TAKEN),
            _ => {}
        }
        self.room(owner, content.size)?;
        match (holder, conflict) {
            (Some(file), Conflict::Replace) => {
                let stored = self.store(content);
                self.append(file, stored);
                Ok(file)
            }
            _ => Ok(self.make_file(who, owner, folder, name, content)),
        }
    }

    /// A new file, under a name that is free.
    fn make_file(
        &mut self,
        who: Person,
        owner: Person,
        folder: Option<NodeNo>,
        name: &str,
        content: Content,
    ) -> NodeNo {
        let name = self.free_name(owner, folder, name, Kind::File);
        let node = Node {
            owner,
            maker: who,
            parent: folder,
            name,
            kind: Kind::File,
            trashed: false,
            purged: false,
            versions: Vec::new(),
        };
        let file = self.make(node);
        let stored = self.store(content);
        self.append(file, stored);
        file
    }

    pub fn put_content(&mut self, who: Person, file: NodeNo, content: Content) -> Result<NodeNo, Refusal> {
        self.replace(who, file)?;
        self.room(self.nodes[file].owner, content.size)?;
        let stored = self.store(content);
        self.append(file, stored);
        Ok(file)
    }

    /// Another name, another place (none within: the root of the node's own drive), or both.
    pub fn move_node(
        &mut self,
        who: Person,
        kind: Kind,
        node: NodeNo,
        name: Option<&str>,
        to: Option<Option<NodeNo>>,
    ) -> Result<NodeNo, Refusal> {
        self.relocate(who, kind, node)?;
        let owner = self.nodes[node].owner;
        match to {
            None => {}
            Some(None) if owner == who => {}
            Some(None) => return Err(DENIED),
            Some(Some(folder)) => {
                if self.add_to(who, Some(folder))? != owner {
                    return Err(CROSS_DRIVE);
                }
                if self.upward(folder).any(|step| step == node) {
                    return Err(CYCLE);
                }
            }
        }
        let folder = to.unwrap_or(self.nodes[node].parent);
        let name = name.map_or_else(|| self.nodes[node].name.clone(), str::to_owned);
        if self.holder(owner, folder, &name).is_some_and(|holder| holder != node) {
            return Err(NAME_TAKEN);
        }
        let it = &mut self.nodes[node];
        (it.parent, it.name) = (folder, name);
        Ok(node)
    }

    /// A copy of a file or a folder with all that lies below, for whoever may see it.
    pub fn copy(
        &mut self,
        who: Person,
        kind: Kind,
        node: NodeNo,
        to: Option<NodeNo>,
        name: Option<&str>,
        conflict: Conflict,
    ) -> Result<NodeNo, Refusal> {
        self.see(who, kind, node)?;
        let owner = self.add_to(who, to)?;
        if to.is_some_and(|folder| self.upward(folder).any(|step| step == node)) {
            return Err(CYCLE);
        }
        let name = name.map_or_else(|| self.nodes[node].name.clone(), str::to_owned);
        let holder = self.holder(owner, to, &name);
        let source: Vec<NodeNo> = self.subtree(node);
        let size =
            source.iter().filter_map(|node| self.nodes[*node].versions.last()).map(|(_, it)| it.content.size).sum();
        match (holder, conflict) {
            (Some(_), Conflict::Fail) => return Err(NAME_TAKEN),
            (Some(file), Conflict::Replace) => {
                if self.nodes[file].kind == Kind::Folder {
                    return Err(NAME_TAKEN);
                }
                self.room(owner, size)?;
                let content = self.nodes[node].versions.last().unwrap().1;
                self.append(file, content);
                return Ok(file);
            }
            _ => self.room(owner, size)?,
        }
        let top = self.free_name(owner, to, &name, kind);
        let mut copies = Vec::new();
        for from in &source {
            let it = self.nodes[*from].clone();
            let place = source.iter().position(|step| Some(*step) == it.parent).filter(|_| from != &node);
            let parent = place.map_or(to, |place| Some(copies[place]));
            let name = if *from == node { top.clone() } else { it.name };
            let copy = Node { owner, maker: who, parent, name, versions: Vec::new(), ..it };
            let copy = self.make(copy);
            if let Some((_, content)) = self.nodes[*from].versions.last().copied() {
                self.append(copy, content);
            }
            copies.push(copy);
        }
        Ok(copies[0])
    }

    pub fn trash_node(&mut self, who: Person, kind: Kind, node: NodeNo) -> Result<(), Refusal> {
        self.relocate(who, kind, node)?;
        self.nodes[node].trashed = true;
        Ok(())
    }

    fn in_own_trash(&self, who: Person, node: NodeNo) -> Result<(), Refusal> {
        if self.trash(who).contains(&node) { Ok(()) } else { Err(NOT_FOUND) }
    }

    /// Back to where it was, or to the root where that is gone or in the trash, under a name that is free there.
    pub fn restore(&mut self, who: Person, node: NodeNo, to: Option<Option<NodeNo>>) -> Result<NodeNo, Refusal> {
        self.in_own_trash(who, node)?;
        let place = match to {
            Some(Some(folder)) => {
                if self.add_to(who, Some(folder))? != who {
                    return Err(CROSS_DRIVE);
                }
                Some(folder)
            }
            Some(None) => None,
            None => self.nodes[node].parent.filter(|parent| self.is_live(*parent)),
        };
        let name = self.free_name(who, place, &self.nodes[node].name, self.nodes[node].kind);
        let it = &mut self.nodes[node];
        (it.parent, it.name, it.trashed) = (place, name, false);
        Ok(node)
    }

    /// For good, with all below it; but what was put into the trash by itself stays there.
    pub fn purge(&mut self, who: Person, node: NodeNo) -> Result<(), Refusal> {
        self.in_own_trash(who, node)?;
        let gone = self.subtree(node);
        for it in self.nodes.iter_mut().filter(|it| it.trashed && it.parent.is_some_and(|up| gone.contains(&up))) {
            it.parent = None;
        }
        for node in gone {
            self.nodes[node].purged = true;
        }
        Ok(())
    }

    pub fn empty_trash(&mut self, who: Person) {
        for node in self.trash(who) {
            self.purge(who, node).unwrap();
        }
    }

    /// A former content becomes the current one again, as a version of its own; nothing happens if it is that already.
    pub fn restore_version(&mut self, who: Person, file: NodeNo, version: usize) -> Result<NodeNo, Refusal> {
        self.replace(who, file)?;
        let former = self.version(file, version)?;
        if self.nodes[file].versions.last().is_some_and(|(_, current)| current.blob == former.blob) {
            return Ok(file);
        }
        self.room(self.nodes[file].owner, former.content.size)?;
        self.append(file, former);
        Ok(file)
    }

    pub fn delete_version(&mut self, who: Person, file: NodeNo, version: usize) -> Result<(), Refusal> {
        self.own(who, Kind::File, file)?;
        self.version(file, version)?;
        let versions = &mut self.nodes[file].versions;
        if versions.last().is_some_and(|(number, _)| *number == version) {
            return Err(VERSION_IN_USE);
        }
        versions.retain(|(number, _)| *number != version);
        Ok(())
    }

    fn version(&self, file: NodeNo, version: usize) -> Result<Stored, Refusal> {
        let found = self.nodes[file].versions.iter().find(|(number, _)| *number == version);
        found.map(|(_, stored)| *stored).ok_or(NOT_FOUND)
    }

    pub fn share(
        &mut self,
        who: Person,
        kind: Kind,
        node: NodeNo,
        guest: Person,
        role: Role,
    ) -> Result<ShareNo, Refusal> {
        self.own(who, kind, node)?;
        if guest == who {
            return Err(WITH_OWNER);
        }
        if self.share_of(node, guest).is_some() {
            return Err(ALREADY_SHARED);
        }
        self.shares.push(Share { node, guest, role, revoked: false });
        Ok(self.shares.len() - 1)
    }

    /// Whether `who` may manage a share: that others have one is not for those who merely see the item.
    fn manage(&self, who: Person, share: ShareNo) -> Result<(), Refusal> {
        let Share { node, guest, revoked, .. } = self.shares[share];
        if revoked || self.nodes[node].purged {
            return Err(NOT_FOUND);
        }
        match self.role(who, node) {
            Some(Role::Owner) => Ok(()),
            Some(_) if guest == who => Err(DENIED),
            _ => Err(NOT_FOUND),
        }
    }

    pub fn change_share(&mut self, who: Person, share: ShareNo, role: Role) -> Result<(), Refusal> {
        self.manage(who, share)?;
        self.shares[share].role = role;
        Ok(())
    }

    /// The owner revokes, the guest leaves.
    pub fn end_share(&mut self, who: Person, share: ShareNo) -> Result<(), Refusal> {
        let it = &self.shares[share];
        let leaves = it.guest == who && !it.revoked && !self.nodes[it.node].purged;
        if !leaves {
            self.manage(who, share)?;
        }
        self.shares[share].revoked = true;
        Ok(())
    }
}
