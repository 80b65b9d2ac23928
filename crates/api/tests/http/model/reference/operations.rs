//! The operations: each returns its refusal, or applies its effect.

use super::{
    ALREADY_SHARED, CROSS_DRIVE, CYCLE, Conflict, Content, DENIED, Kind, NAME_TAKEN, NOT_FOUND, Node, NodeNo,
    Reference, Rejection, Role, Share, ShareNo, Stored, UserIndex, VERSION_IN_USE, WITH_OWNER,
};

impl Reference {
    pub fn create_folder(&mut self, who: UserIndex, folder: Option<NodeNo>, name: &str) -> Result<NodeNo, Rejection> {
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
            trashed_by: None,
            purged: false,
            versions: Vec::new(),
        }))
    }

    pub fn upload(
        &mut self,
        who: UserIndex,
        folder: Option<NodeNo>,
        name: &str,
        content: Content,
        conflict: Conflict,
    ) -> Result<NodeNo, Rejection> {
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
                let stored = self.store(who, content);
                self.append(who, file, stored);
                Ok(file)
            }
            _ => Ok(self.make_file(who, owner, folder, name, content)),
        }
    }

    /// Creates a file under a free name.
    fn make_file(
        &mut self,
        who: UserIndex,
        owner: UserIndex,
        folder: Option<NodeNo>,
        name: &str,
        content: Content,
    ) -> NodeNo {
        let name = self.free_name(owner, folder, name, Kind::File, None);
        let node = Node {
            owner,
            maker: who,
            parent: folder,
            name,
            kind: Kind::File,
            trashed: false,
            trashed_by: None,
            purged: false,
            versions: Vec::new(),
        };
        let file = self.make(node);
        let stored = self.store(who, content);
        self.append(who, file, stored);
        file
    }

    pub fn put_content(&mut self, who: UserIndex, file: NodeNo, content: Content) -> Result<NodeNo, Rejection> {
        self.replace(who, file)?;
        self.room(self.nodes[file].owner, content.size)?;
        let stored = self.store(who, content);
        self.append(who, file, stored);
        Ok(file)
    }

    /// Renames, moves (to `Some(None)`: the root of the node's drive), or both. What it replaces is trashed.
    pub fn move_node(
        &mut self,
        who: UserIndex,
        kind: Kind,
        node: NodeNo,
        name: Option<&str>,
        to: Option<Option<NodeNo>>,
        conflict: Conflict,
    ) -> Result<NodeNo, Rejection> {
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
        let mut name = name.map_or_else(|| self.nodes[node].name.clone(), str::to_owned);
        let holder = self.holder(owner, folder, &name).filter(|holder| *holder != node);
        match (holder, conflict) {
            (None, _) => {}
            (Some(_), Conflict::Keep) => name = self.free_name(owner, folder, &name, kind, Some(node)),
            (Some(holder), Conflict::Replace) if self.nodes[holder].kind == kind => {
                if self.upward(node).any(|step| step == holder) {
                    return Err(CYCLE);
                }
                self.trash_node(who, kind, holder)?;
            }
            (Some(_), _) => return Err(NAME_TAKEN),
        }
        let it = &mut self.nodes[node];
        (it.parent, it.name) = (folder, name);
        Ok(node)
    }

    /// Copies a file, or a folder with its descendants; requires only view access.
    pub fn copy(
        &mut self,
        who: UserIndex,
        kind: Kind,
        node: NodeNo,
        to: Option<NodeNo>,
        name: Option<&str>,
        conflict: Conflict,
    ) -> Result<NodeNo, Rejection> {
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
                self.append(who, file, content);
                return Ok(file);
            }
            _ => self.room(owner, size)?,
        }
        let top = self.free_name(owner, to, &name, kind, None);
        let mut copies = Vec::new();
        for from in &source {
            let it = self.nodes[*from].clone();
            let place = source.iter().position(|step| Some(*step) == it.parent).filter(|_| from != &node);
            let parent = place.map_or(to, |place| Some(copies[place]));
            let name = if *from == node { top.clone() } else { it.name };
            let copy = Node { owner, maker: who, parent, name, versions: Vec::new(), ..it };
            let copy = self.make(copy);
            if let Some((_, content)) = self.nodes[*from].versions.last().copied() {
                self.append(who, copy, content);
            }
            copies.push(copy);
        }
        Ok(copies[0])
    }

    pub fn trash_node(&mut self, who: UserIndex, kind: Kind, node: NodeNo) -> Result<(), Rejection> {
        self.relocate(who, kind, node)?;
        let it = &mut self.nodes[node];
        (it.trashed, it.trashed_by) = (true, Some(who));
        Ok(())
    }

    fn in_own_trash(&self, who: UserIndex, node: NodeNo) -> Result<(), Rejection> {
        if self.trash(who).contains(&node) { Ok(()) } else { Err(NOT_FOUND) }
    }

    /// Checks that `who` may restore: the owner, also items below a trashed one; or a guest undoing their own trashing,
    /// back into a folder that they may edit.
    fn take_back(&self, who: UserIndex, node: NodeNo, to: Option<Option<NodeNo>>) -> Result<(), Rejection> {
        let it = &self.nodes[node];
        let owns = it.owner == who && !it.purged && !self.is_live(node);
        let undoes = it.owner != who && it.trashed && !it.purged && it.trashed_by == Some(who) && to.is_none();
        let may_edit = it.parent.is_some_and(|parent| self.role(who, parent) >= Some(Role::Edit));
        if owns || (undoes && may_edit) { Ok(()) } else { Err(NOT_FOUND) }
    }

    /// Restores to the original folder, or to the root if that is gone or trashed, under a free name.
    pub fn restore(&mut self, who: UserIndex, node: NodeNo, to: Option<Option<NodeNo>>) -> Result<NodeNo, Rejection> {
        self.take_back(who, node, to)?;
        let owner = self.nodes[node].owner;
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
        let name = self.free_name(owner, place, &self.nodes[node].name, self.nodes[node].kind, None);
        let it = &mut self.nodes[node];
        (it.parent, it.name, it.trashed, it.trashed_by) = (place, name, false, None);
        Ok(node)
    }

    /// Deletes permanently with all descendants, except those trashed separately.
    pub fn purge(&mut self, who: UserIndex, node: NodeNo) -> Result<(), Rejection> {
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

    pub fn empty_trash(&mut self, who: UserIndex) {
        for node in self.trash(who) {
            self.purge(who, node).unwrap();
        }
    }

    /// Makes an old version current again, as a new version; a no-op if the content is the current one.
    pub fn restore_version(&mut self, who: UserIndex, file: NodeNo, version: usize) -> Result<NodeNo, Rejection> {
        self.replace(who, file)?;
        let former = self.version(file, version)?;
        if self.nodes[file].versions.last().is_some_and(|(_, current)| current.blob == former.blob) {
            return Ok(file);
        }
        self.room(self.nodes[file].owner, former.content.size)?;
        self.append(who, file, former);
        Ok(file)
    }

    pub fn delete_version(&mut self, who: UserIndex, file: NodeNo, version: usize) -> Result<(), Rejection> {
        self.own(who, Kind::File, file)?;
        self.version(file, version)?;
        let versions = &mut self.nodes[file].versions;
        if versions.last().is_some_and(|(number, _)| *number == version) {
            return Err(VERSION_IN_USE);
        }
        versions.retain(|(number, _)| *number != version);
        Ok(())
    }

    fn version(&self, file: NodeNo, version: usize) -> Result<Stored, Rejection> {
        let found = self.nodes[file].versions.iter().find(|(number, _)| *number == version);
        found.map(|(_, stored)| *stored).ok_or(NOT_FOUND)
    }

    pub fn share(
        &mut self,
        who: UserIndex,
        kind: Kind,
        node: NodeNo,
        guest: UserIndex,
        role: Role,
    ) -> Result<ShareNo, Rejection> {
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

    /// Checks that `who` may manage a share. To people who merely see the item, others' shares are not found.
    fn manage(&self, who: UserIndex, share: ShareNo) -> Result<(), Rejection> {
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

    pub fn change_share(&mut self, who: UserIndex, share: ShareNo, role: Role) -> Result<(), Rejection> {
        self.manage(who, share)?;
        self.shares[share].role = role;
        Ok(())
    }

    /// The owner revokes; the guest leaves.
    pub fn end_share(&mut self, who: UserIndex, share: ShareNo) -> Result<(), Rejection> {
        let it = &self.shares[share];
        let leaves = it.guest == who && !it.revoked && !self.nodes[it.node].purged;
        if !leaves {
            self.manage(who, share)?;
        }
        self.shares[share].revoked = true;
        Ok(())
    }
}
