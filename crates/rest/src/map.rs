//! Conversions from domain to contract types, field by field, so that nothing leaks into a response.

use clouddrive_contract as dto;
use clouddrive_domain::model::{
    AccessEntry, AccessVia, Account, ActiveSession, Content, EntityTag, Entry, EntryQuota, ItemRef, Name, NodeBody,
    NodeId, Part, PathStep, Permission, Quota, Role, SessionId, Share, UploadState, UserRef, Version,
};
use clouddrive_domain::port::SignedUrl;
use clouddrive_domain::service::{OwnedLink, PartUrl, StartedUpload, TrashedItem, UploadProgress};
use clouddrive_domain::{Error, Result};
pub use clouddrive_http::map::time;
pub(crate) use clouddrive_http::map::{etag, item_kind};

fn person(person: UserRef) -> dto::Person {
    dto::Person { id: person.id.as_uuid(), username: person.username }
}

const fn role(role: Role) -> dto::Role {
    match role {
        Role::Owner => dto::Role::Owner,
        Role::Edit => dto::Role::Edit,
        Role::View => dto::Role::View,
    }
}

const fn permission(permission: Permission) -> dto::Permission {
    match permission {
        Permission::View => dto::Permission::View,
        Permission::Edit => dto::Permission::Edit,
    }
}

fn item_ref(item: ItemRef) -> dto::ItemRef {
    dto::ItemRef { kind: item_kind(item.kind), id: item.id.as_uuid(), name: item.name.into_string() }
}

/// What files and folders have in common, and the rest.
fn split(entry: Entry) -> Result<(dto::Folder, NodeBody)> {
    let Entry { node, owner, parent, role: own_role } = entry;
    let folder = dto::Folder {
        kind: dto::FolderTag::Folder,
        id: node.id.as_uuid(),
        name: node.name.into_string(),
        parent_folder_id: parent.as_ref().map(NodeId::as_uuid),
        owner: person(owner),
        created_by: person(node.created_by),
        created_at: time(node.created_at)?,
        modified_at: time(node.modified_at)?,
        etag: etag(node.revision),
        permission: role(own_role),
    };
    Ok((folder, node.body))
}

/// A file has all that a folder has, and its content.
fn file_of(item: dto::Folder, content: Content) -> Result<dto::File> {
    Ok(dto::File {
        kind: dto::FileTag::File,
        id: item.id,
        name: item.name,
        parent_folder_id: item.parent_folder_id,
        owner: item.owner,
        created_by: item.created_by,
        created_at: item.created_at,
        modified_at: item.modified_at,
        etag: item.etag,
        permission: item.permission,
        content_etag: quoted(&content.tag()),
        size_in_bytes: content.size,
        content_type: content.media_type.into_string(),
        sha256: content.sha256.map(|digest| digest.to_string()),
        version_id: content.version.as_uuid(),
        client_modified_at: content.client_modified_at.map(time).transpose()?,
    })
}

/// The tag as in a header, in a buffer of its length.
fn quoted(tag: &EntityTag) -> String {
    ["\"", tag.as_str(), "\""].concat()
}

pub(crate) fn folder(entry: Entry) -> Result<dto::Folder> {
    split(entry).map(|(folder, _)| folder)
}

pub(crate) fn file(entry: Entry) -> Result<dto::File> {
    match split(entry)? {
        (item, NodeBody::File(content)) => file_of(item, content),
        (_, NodeBody::Root | NodeBody::Folder) => Err(Error::NotFound),
    }
}

pub(crate) fn item(entry: Entry) -> Result<dto::Item> {
    match split(entry)? {
        (item, NodeBody::File(content)) => file_of(item, content).map(dto::Item::File),
        (folder, NodeBody::Root | NodeBody::Folder) => Ok(dto::Item::Folder(folder)),
    }
}

pub(crate) fn trashed(row: TrashedItem) -> Result<dto::TrashedItem> {
    Ok(dto::TrashedItem {
        item: item(row.entry)?,
        trashed_at: time(row.trashed_at)?,
        purge_at: time(row.purge_at)?,
        path: row.path.into_iter().map(Name::into_string).collect(),
    })
}

pub(crate) fn version(version: Version) -> Result<dto::Version> {
    Ok(dto::Version {
        version_id: version.content.version.as_uuid(),
        content_etag: quoted(&version.content.tag()),
        size_in_bytes: version.content.size,
        content_type: version.content.media_type.into_string(),
        sha256: version.content.sha256.map(|digest| digest.to_string()),
        created_at: time(version.created_at)?,
        created_by: person(version.created_by),
        current: version.is_current,
    })
}

pub(crate) fn items(entries: Vec<Entry>) -> Result<Vec<dto::Item>> {
    // Collecting `Result`s would not know how many there are.
    let mut items = Vec::with_capacity(entries.len());
    for entry in entries {
        items.push(item(entry)?);
    }
    Ok(items)
}

pub(crate) fn path(steps: Vec<PathStep>) -> Vec<dto::PathStep> {
    let step = |step: PathStep| dto::PathStep { id: step.id.as_uuid(), name: step.name.into_string() };
    steps.into_iter().map(step).collect()
}

fn quota(quota: Quota, entries: EntryQuota) -> dto::Quota {
    dto::Quota {
        total_bytes: quota.total,
        used_bytes: quota.used,
        reserved_bytes: quota.reserved,
        available_bytes: quota.available(),
        total_entries: entries.total,
        used_entries: entries.used,
    }
}

pub fn user(account: Account) -> Result<dto::User> {
    Ok(dto::User {
        id: account.user.id.as_uuid(),
        username: account.user.username.as_str().to_owned(),
        email: account.user.email.as_str().to_owned(),
        created_at: time(account.user.created_at)?,
        has_profile_photo: account.user.photo.is_some(),
        quota: quota(account.quota, account.entries),
    })
}

pub(crate) fn session(session: ActiveSession, current: SessionId) -> Result<dto::Session> {
    Ok(dto::Session {
        id: session.id.as_uuid(),
        created_at: time(session.created_at)?,
        last_used_at: time(session.last_used_at)?,
        address: session.address,
        user_agent: session.user_agent,
        current: session.id == current,
    })
}

pub(crate) fn share(share: Share) -> Result<dto::Share> {
    Ok(dto::Share {
        id: share.id.as_uuid(),
        permission: permission(share.permission),
        item: item_ref(share.item),
        shared_with: person(share.shared_with),
        shared_by: person(share.shared_by),
        shared_at: time(share.shared_at)?,
    })
}

pub(crate) fn access(entry: AccessEntry) -> dto::Access {
    let (kind, id) = match entry.via {
        AccessVia::Owner(owner) => (dto::AccessKind::Owner, owner.as_uuid()),
        AccessVia::Share(share) => (dto::AccessKind::Share, share.as_uuid()),
        AccessVia::Link(link) => (dto::AccessKind::Link, link.as_uuid()),
    };
    dto::Access {
        user: entry.person.map(person),
        permission: role(entry.role),
        via: dto::AccessVia { kind, id, item: item_ref(entry.item) },
    }
}

pub(crate) fn link(own: OwnedLink) -> Result<dto::Link> {
    Ok(dto::Link {
        id: own.link.id.as_uuid(),
        url: own.url,
        item: item_ref(own.link.item),
        has_password: own.link.password.is_some(),
        expires_at: own.link.expires_at.map(time).transpose()?,
        max_downloads: own.link.max_downloads,
        downloads: own.link.downloads,
        created_at: time(own.link.created_at)?,
    })
}

pub(crate) fn download(url: SignedUrl) -> Result<dto::Download> {
    Ok(dto::Download { expires_at: time(url.expires_at)?, url: url.url })
}

/// The parts, and the time until which all their URLs are valid.
pub(crate) fn parts(parts: Vec<PartUrl>) -> Result<(Vec<dto::Part>, dto::Time)> {
    let end = parts.iter().map(|part| part.target.expires_at).min();
    let end = end.ok_or_else(|| Error::internal("storage", "no part was signed"))?;
    Ok((parts.into_iter().map(part).collect(), time(end)?))
}

pub(crate) fn created_upload(started: StartedUpload) -> Result<dto::CreatedUpload> {
    let (parts, urls_expire_at) = parts(started.parts)?;
    Ok(dto::CreatedUpload {
        kind: dto::UploadTag::Upload,
        upload: upload(started.progress)?,
        method: "PUT".to_owned(),
        part_size: started.plan.part_size(),
        part_count: started.plan.count(),
        parts,
        urls_expire_at,
    })
}

fn part(part: PartUrl) -> dto::Part {
    dto::Part {
        part_number: part.number,
        size: part.size,
        url: part.target.url,
        headers: part.target.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

pub(crate) fn upload(progress: UploadProgress) -> Result<dto::Upload> {
    let (state, file) = match progress.state {
        UploadState::Open => (dto::UploadState::Open, None),
        UploadState::Complete(file) => (dto::UploadState::Complete, Some(file)),
        UploadState::Aborted => (dto::UploadState::Aborted, None),
        UploadState::Expired => (dto::UploadState::Expired, None),
    };
    let received = progress.received.iter().map(|part| part.size).sum();
    let arrived = |part: Part| dto::ReceivedPart { part_number: part.number, size: part.size };
    Ok(dto::Upload {
        upload_id: progress.upload.id.as_uuid(),
        state,
        file_name: progress.upload.file.name.into_string(),
        file_size_in_bytes: progress.upload.announced.unwrap_or(received),
        received_bytes: received,
        received_parts: progress.received.into_iter().map(arrived).collect(),
        file_id: file.as_ref().map(NodeId::as_uuid),
        expires_at: time(progress.upload.expires_at)?,
        parent_folder_id: progress.parent.as_ref().map(NodeId::as_uuid),
        sha256: progress.upload.file.sha256.map(|digest| digest.to_string()),
        client_modified_at: progress.upload.file.client_modified_at.map(time).transpose()?,
        created_by: person(progress.sender),
        created_at: time(progress.upload.created_at)?,
    })
}
