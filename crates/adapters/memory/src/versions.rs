use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    BlobRef, Change, ChangeKind, Charge, Command, CommandOutcome, Content, Grant, Limit, NodeId, Revision, Version,
    VersionId, VersionPosition,
};
use clouddrive_domain::port::{NewContent, SavedNode, VersionRepository, VersionRestore};
use clouddrive_domain::{Error, Result};

use crate::changes::log;
use crate::idempotency_records::store_response;
use crate::locate::{self, person};
use crate::page::newest_first;
use crate::state::{Body, State};
use crate::{Database, content, quota};

fn find(state: &State, file: NodeId, version: VersionId) -> Option<Version> {
    let row = state.versions.get(&(file, version))?;
    let current = state.nodes.get(&file)?.body;
    Some(Version {
        content: locate::content(state, file, version)?,
        revision: row.revision,
        created_by: person(state, row.created_by),
        created_at: row.created_at,
        is_current: matches!(current, Body::File(current) if current == version),
    })
}

fn list(state: &State, file: NodeId, after: Option<VersionPosition>, limit: Limit) -> Vec<Version> {
    let after = after.map(|position| (position.revision, position.id));
    let page = newest_first(content::versions(state, file), |(id, row)| (row.revision, *id), after, limit);
    page.into_iter().filter_map(|(id, _)| find(state, file, id)).collect()
}

/// Makes `new` the current content of the granted file. Returns the blobs that are now unreferenced.
fn make_current(state: &mut State, command: &Command, file: &Grant, new: &Content, max: u32) -> Result<Vec<BlobRef>> {
    let id = file.node().id;
    let revision = content::set_current_version(state, command, file, new.version);
    content::add_version(state, (id, revision), new, file.actor());
    let released = content::prune_versions(state, command, (file.drive(), id), new.version, max);
    let freed = released.credited_bytes;
    quota::charge(state, file.drive(), Charge { stored: new.size, freed, ..Charge::default() })?;
    Ok(released.freed)
}

fn append(state: &mut State, command: &Command, file: &Grant, new: &NewContent) -> Result<SavedNode> {
    let file = locate::reauthorize(state, file)?;
    file.require_seen(new.seen)?;
    content::attach(state, &new.blob.key, &new.stored)?;
    let current = new.content(file.node(), command.at);
    let freed = make_current(state, command, &file, &current, new.max_versions)?;
    log(state, command, Change::content_set(ChangeKind::FileReplaced, &file, current.version));
    let located = locate::found(state, file.node().id, file.actor())?;
    store_response(state, command, CommandOutcome::Replaced(&located))?;
    Ok(SavedNode { located, freed })
}

fn restore(state: &mut State, command: &Command, file: &Grant, spec: &VersionRestore) -> Result<SavedNode> {
    let file = locate::reauthorize_at(state, file, spec.seen)?;
    let former = find(state, file.node().id, spec.from).ok_or(Error::NotFound)?.content;
    if file.node().content().is_some_and(|current| current.blob == former.blob) {
        let file = file.into_located();
        store_response(state, command, CommandOutcome::Changed(&file))?;
        return Ok(file.into());
    }
    let current = Content { version: spec.version, created_at: command.at, ..former };
    let freed = make_current(state, command, &file, &current, spec.max_versions)?;
    log(state, command, Change::content_set(ChangeKind::VersionRestored, &file, current.version));
    let located = locate::found(state, file.node().id, file.actor())?;
    store_response(state, command, CommandOutcome::Changed(&located))?;
    Ok(SavedNode { located, freed })
}

fn delete(
    state: &mut State,
    command: &Command,
    file: &Grant,
    version: VersionId,
    seen: Option<Revision>,
) -> Result<Option<BlobRef>> {
    let file = locate::reauthorize_at(state, file, seen)?;
    let id = file.node().id;
    if file.node().content().is_some_and(|current| current.version == version) {
        return Err(Error::Conflict(Conflict::VersionInUse));
    }
    let former = state.versions.remove(&(id, version)).ok_or(Error::NotFound)?;
    let mut released = content::release_contents(state, file.drive(), vec![(former.blob, former.size)], command.at);
    quota::charge(state, file.drive(), Charge { freed: released.credited_bytes, ..Charge::default() })?;
    log(state, command, Change::version_deleted(&file, version));
    Ok(released.freed.pop())
}

#[async_trait]
impl VersionRepository for Database {
    async fn list(&self, file: &Grant, after: Option<VersionPosition>, limit: Limit) -> Result<Vec<Version>> {
        self.read(|state| Ok(list(state, file.node().id, after, limit)))
    }

    async fn find(&self, file: &Grant, version: VersionId) -> Result<Option<Version>> {
        self.read(|state| Ok(find(state, file.node().id, version)))
    }

    async fn append(&self, command: &Command, file: &Grant, content: &NewContent) -> Result<SavedNode> {
        self.write(|state| append(state, command, file, content))
    }

    async fn restore(&self, command: &Command, file: &Grant, spec: &VersionRestore) -> Result<SavedNode> {
        self.write(|state| restore(state, command, file, spec))
    }

    async fn delete(
        &self,
        command: &Command,
        file: &Grant,
        version: VersionId,
        seen: Option<Revision>,
    ) -> Result<Option<BlobRef>> {
        self.write(|state| delete(state, command, file, version, seen))
    }
}
