#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::{
    Action, Change, ChangeKind, ClientSubnet, ConflictPolicy, LinkChange, LinkDownload, MediaType, NewLimits, NodeId,
    NodeState, PasswordHash, Permission, Revision, Stored, Upload,
};
use clouddrive_domain::port::{
    CopyRequest, NewContent, NewShare, Purge, PurgeScope, Relocation, Restoration, RotationOutcome, VersionRestore,
};

use super::Fixture;
use super::log::{Log, state};
use crate::fixture::{ALL, in_store, name};
use crate::identity::sessions::{opened, token_rotation};

pub(super) async fn accounts_leave_rows(fixture: &Fixture<'_>) {
    let mut log = Log::begin(fixture).await;
    let (users, new) = (fixture.store.users(), fixture.registration());
    let id = new.user.id;
    users
        .register(&log.expect(id, Change::for_user(ChangeKind::UserRegistered, id).within(new.drive)), &new)
        .await
        .unwrap();
    let hash = PasswordHash::new("$example$stronger".to_owned());
    users.rehash(&log.expect_of(id, ChangeKind::PasswordRehashed), id, &new.hash, &hash).await.unwrap();
    let (first, second) = (fixture.record().await, fixture.record().await);
    for photo in [&first, &second] {
        users.set_photo(&log.expect_of(id, ChangeKind::PhotoSet), id, Some(photo)).await.unwrap();
    }
    users.set_photo(&log.expect_of(id, ChangeKind::PhotoRemoved), id, None).await.unwrap();
    let command = log.expect_of(id, ChangeKind::SessionStarted);
    fixture.store.sessions().start(&command, &opened(fixture, id, command.at).0).await.unwrap();
    log.check().await;
}

pub(super) async fn account_changes_leave_rows(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (accounts, id) = (fixture.store.accounts(), user.id);
    let root = fixture.grant(id, user.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(1)).await;
    let mut log = Log::begin(fixture).await;
    let email = fixture.registration().user.email;
    assert!(accounts.change_email(&log.expect_of(id, ChangeKind::EmailChanged), id, &email).await.unwrap());
    let hash = PasswordHash::new("$example$other".to_owned());
    let command = log.expect_of(id, ChangeKind::PasswordChanged);
    accounts.change_password(&command, id, Some(0), &hash).await.unwrap();
    for (kind, disabled) in [(ChangeKind::UserDisabled, true), (ChangeKind::UserEnabled, false)] {
        assert!(accounts.set_disabled(&log.expect_of(id, kind), id, disabled).await.unwrap());
    }
    let command = log.expect(id, Change::for_user(ChangeKind::QuotaSet, id).within(user.drive));
    accounts.set_quota(&command, id, NewLimits { bytes: Some(7), entries: None }).await.unwrap();
    let command = log.expect(id, Change::for_user(ChangeKind::UserDeleted, id).within(user.drive));
    log.expected.push((command.clone(), Change::for_upload(ChangeKind::UploadAborted, &upload)));
    accounts.delete(&command, id, 1).await.unwrap();
    log.check().await;
}

pub(super) async fn sessions_leave_rows(fixture: &Fixture<'_>) {
    let user = fixture.user().await;
    let (sessions, id) = (fixture.store.sessions(), user.id);
    let mut log = Log::begin(fixture).await;
    let command = log.expect_of(id, ChangeKind::SessionStarted);
    let (first, token) = opened(fixture, id, command.at);
    sessions.start(&command, &first).await.unwrap();
    let command = log.expect_of(id, ChangeKind::SessionRefreshed);
    let token_rotation = token_rotation(fixture, &token, command.at);
    assert_eq!(sessions.refresh(&command, &token_rotation).await.unwrap(), RotationOutcome::Renewed);
    let command = log.expect_of(id, ChangeKind::SessionEnded);
    assert_eq!(sessions.refresh(&command, &token_rotation).await.unwrap(), RotationOutcome::Reused);
    let command = log.expect_of(id, ChangeKind::SessionStarted);
    let (second, _) = opened(fixture, id, command.at);
    sessions.start(&command, &second).await.unwrap();
    let command = log.expect_of(id, ChangeKind::SessionEnded);
    sessions.end(&command, second.session.id, id).await.unwrap();
    log.check().await;
}

pub(super) async fn the_tree_leaves_rows(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let replaced = fixture.folder(ann.id, to, "c").await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let guest = fixture.grant(bob.id, shared, Action::AddTo).await;
    let mut log = Log::begin(fixture).await;
    let drive = fixture.store.drive();
    let (folder, of_guest): (NodeId, NodeId) = (fixture.id(), fixture.id());
    for (actor, parent, id) in [(ann.id, &root, folder), (bob.id, &guest, of_guest)] {
        let created = Change::for_node(ChangeKind::FolderCreated, ann.drive, id);
        let state = NodeState { parent: Some(parent.node().id), name: name("a"), revision: Revision(1), version: None };
        let command = log.expect(actor, created.after(state));
        drive.create_folder(&command, parent, id, &name("a")).await.unwrap();
    }
    let renaming = fixture.renaming(ann.id, folder, "b").await;
    let moving = fixture.moving(ann.id, folder, to).await;
    let both = Relocation { name: Some(name("c")), ..fixture.moving(ann.id, folder, ann.root).await };
    let mut revision = 1;
    let mut place = (ann.root, "a");
    for (spec, next) in [(renaming, (ann.root, "b")), (moving, (to, "b")), (both, (ann.root, "c"))] {
        let at = |(parent, text), revision| NodeState {
            parent: Some(parent),
            name: name(text),
            revision: Revision(revision),
            version: None,
        };
        let relocated = Change::for_node(ChangeKind::NodeRelocated, ann.drive, folder);
        let relocated = relocated.before(at(place, revision)).after(at(next, revision + 1));
        drive.relocate(&log.expect(ann.id, relocated), &spec).await.unwrap();
        (place, revision) = (next, revision + 1);
    }
    // What a move replaces has an entry of its own, first.
    let spec = Relocation { conflict: ConflictPolicy::Replace, ..fixture.moving(ann.id, folder, to).await };
    let before = state(fixture, &ann, replaced).await;
    let trashed = Change::for_node(ChangeKind::NodeTrashed, ann.drive, replaced);
    let command = log.expect(ann.id, trashed.before(before.clone()).after(before.revised()));
    let before = state(fixture, &ann, folder).await;
    let relocated = Change::for_node(ChangeKind::NodeRelocated, ann.drive, folder).before(before);
    log.expected.push((command.clone(), relocated));
    drive.relocate(&command, &spec).await.unwrap();
    log.after(&ann, folder).await;
    log.check().await;
}

pub(super) async fn copies_leave_rows(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    fixture.file(ann.id, top, "below", 1).await;
    fixture.share(ann.id, top, bob.id, Permission::View).await;
    let old = fixture.file(bob.id, bob.root, "old", 1).await;
    let file = fixture.file(bob.id, bob.root, "file", 1).await;
    let out = fixture.copy_request(bob.id, top, bob.root).await;
    let plain = CopyRequest { name: Some(name("new")), ..fixture.copy_request(bob.id, file, bob.root).await };
    let replacing = CopyRequest { name: Some(name("old")), conflict: ConflictPolicy::Replace, ..plain.clone() };
    let before = state(fixture, &bob, old).await;
    let mut log = Log::begin(fixture).await;
    for (spec, kind, before) in [
        (out, ChangeKind::NodeCopied, None),
        (plain, ChangeKind::NodeCopied, None),
        (replacing, ChangeKind::FileReplaced, Some(before)),
    ] {
        let command = fixture.command(bob.id);
        let made = fixture.store.trees().copy(&command, &spec).await.unwrap().located.node;
        let change = Change::for_node(kind, bob.drive, made.id).before(before).after(NodeState::from_node(&made));
        log.expected.push((command, change));
    }
    assert_eq!(log.expected.last().and_then(|(_, change)| change.node), Some(old));
    log.check().await;
}

pub(super) async fn uploads_leave_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut log = Log::begin(fixture).await;
    let uploads = fixture.store.uploads();
    let mut begun = Vec::new();
    for text in ["a", "a", "b"] {
        let mut new_upload = fixture.new_upload(&root, text, Some(1));
        new_upload.upload.file.conflict = ConflictPolicy::Replace;
        let command = log.expect(ann.id, Change::for_upload(ChangeKind::UploadBegun, &new_upload.upload));
        uploads.begin(&command, &root, &new_upload).await.unwrap();
        begun.push(new_upload.upload);
    }
    let [first, second, third] = <[_; 3]>::try_from(begun).unwrap();
    let until = first.expires_at.plus(Duration::from_secs(60));
    let command = log.expect(ann.id, Change::for_upload(ChangeKind::UploadExtended, &first));
    uploads.extend(&command, &root, first.id, until).await.unwrap();
    let commit = fixture.completing(&first, ConflictPolicy::Fail);
    let created =
        NodeState { parent: Some(ann.root), name: name("a"), revision: Revision(1), version: Some(commit.version) };
    let change = Change::for_node(ChangeKind::FileCreated, ann.drive, commit.file).after(created.clone());
    uploads.commit(&log.expect(ann.id, change), &root, &commit).await.unwrap();
    let replacing = fixture.completing(&second, ConflictPolicy::Replace);
    let replaced = NodeState { revision: Revision(2), version: Some(replacing.version), ..created.clone() };
    let change = Change::for_node(ChangeKind::FileReplaced, ann.drive, commit.file).before(created).after(replaced);
    uploads.commit(&log.expect(ann.id, change), &root, &replacing).await.unwrap();
    let command = log.expect(ann.id, Change::for_upload(ChangeKind::UploadAborted, &third));
    uploads.abort(&command, third.id).await.unwrap();
    log.check().await;
}

pub(super) async fn expiry_leaves_a_row_for_each_upload(fixture: &Fixture<'_>) {
    fixture.store.uploads().expire_due(&fixture.command_at(None, fixture.now()), ALL).await.unwrap();
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut begun = Vec::new();
    for text in ["a", "b", "c"] {
        begun.push(fixture.open(&root, text, Some(1)).await);
    }
    let mut log = Log::begin(fixture).await;
    let command = fixture.command_at(None, begun.last().unwrap().expires_at);
    let expired = |upload: &Upload| (command.clone(), Change::for_upload(ChangeKind::UploadExpired, upload));
    log.expected = begun.iter().map(expired).collect();
    assert_eq!(fixture.store.uploads().expire_due(&command, ALL).await.unwrap().len(), 3);
    assert_eq!(fixture.store.uploads().expire_due(&command, ALL).await.unwrap(), []);
    log.check().await;
}

pub(super) async fn shares_leave_rows(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    let mut log = Log::begin(fixture).await;
    let shares = fixture.store.shares();
    let change = |kind| Change::for_node(kind, ann.drive, folder).about(bob.id);
    let new = NewShare { id: fixture.id(), guest: bob.id, permission: Permission::View };
    let command = log.expect(ann.id, change(ChangeKind::ShareCreated));
    shares.create(&command, &item, &new).await.unwrap();
    let command = log.expect(ann.id, change(ChangeKind::ShareChanged));
    shares.change(&command, &item, new.id, Permission::Edit).await.unwrap();
    let command = log.expect(bob.id, change(ChangeKind::ShareRevoked));
    shares.revoke(&command, new.id).await.unwrap();
    log.check().await;
}

pub(super) async fn links_leave_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    let mut log = Log::begin(fixture).await;
    let links = fixture.store.links();
    let of_folder = |kind| Change::for_node(kind, ann.drive, folder);
    let new = fixture.new_link();
    let command = log.expect(ann.id, of_folder(ChangeKind::LinkCreated));
    links.create(&command, &item, &new).await.unwrap();
    let change = LinkChange { max_downloads: Some(Some(1)), ..LinkChange::default() };
    let command = log.expect(ann.id, of_folder(ChangeKind::LinkChanged));
    links.change(&command, &item, new.id, &change).await.unwrap();
    let command = fixture.command_at(None, fixture.now());
    log.expected.push((command.clone(), of_folder(ChangeKind::LinkDownloaded)));
    let downloads = fixture.store.link_downloads();
    let download = LinkDownload { link: new.id, node: folder, subnet: ClientSubnet::from_address(None) };
    downloads.count(&command, &download).await.unwrap();
    downloads.count(&fixture.command_at(None, fixture.now()), &download).await.unwrap();
    let other = LinkDownload { subnet: ClientSubnet::from_address("192.0.2.1".parse().ok()), ..download };
    downloads.count(&fixture.command_at(None, fixture.now()), &other).await.unwrap_err();
    let command = log.expect(ann.id, of_folder(ChangeKind::LinkRevoked));
    links.revoke(&command, &item, new.id).await.unwrap();
    links.revoke(&fixture.command(ann.id), &item, new.id).await.unwrap_err();
    links.change(&fixture.command(ann.id), &item, new.id, &change).await.unwrap_err();
    log.check().await;
}

pub(super) async fn the_trash_leaves_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let parent = fixture.folder(ann.id, ann.root, "parent").await;
    let folder = fixture.folder(ann.id, parent, "a").await;
    let other = fixture.file(ann.id, ann.root, "b", 1).await;
    let mut log = Log::begin(fixture).await;
    let trash = fixture.store.trash();
    let of_node = |kind, node| Change::for_node(kind, ann.drive, node);
    for node in [folder, other] {
        let item = fixture.grant(ann.id, node, Action::Trash).await;
        let trashed = of_node(ChangeKind::NodeTrashed, node).before(state(fixture, &ann, node).await);
        trash.put(&log.expect(ann.id, trashed), &item, None).await.unwrap();
        log.after(&ann, node).await;
    }
    log.check().await;
    // It returns to another folder, where its name is taken.
    fixture.folder(ann.id, ann.root, "a").await;
    let mut log = Log::begin(fixture).await;
    let to = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let spec = Restoration { to: Some(to), ..fixture.restoration(ann.id, folder).await };
    let restored = of_node(ChangeKind::NodeRestored, folder).before(state(fixture, &ann, folder).await);
    trash.restore(&log.expect(ann.id, restored), &spec).await.unwrap();
    log.after(&ann, folder).await;
    let (before, after) = log.expected.last().map(|(_, change)| (change.before.clone(), change.after.clone())).unwrap();
    assert_eq!((before.unwrap().parent, after.unwrap().name), (Some(parent), name("a (1)")));
    let item = fixture.grant(ann.id, folder, Action::Trash).await;
    let trashed = of_node(ChangeKind::NodeTrashed, folder).before(state(fixture, &ann, folder).await);
    trash.put(&log.expect(ann.id, trashed), &item, None).await.unwrap();
    log.after(&ann, folder).await;
    let item = fixture.grant(ann.id, other, Action::Purge).await;
    let begun = of_node(ChangeKind::PurgeBegun, other).before(state(fixture, &ann, other).await);
    trash.begin_purge(&log.expect(ann.id, begun), &item, None).await.unwrap();
    let command = log.expect(ann.id, of_node(ChangeKind::NodesPurged, other));
    trash.purge(&command, Purge::Of(ann.drive, other), ALL).await.unwrap();
    let scope = PurgeScope::All(Box::new(fixture.grant(ann.id, ann.root, Action::Read).await));
    let begun = of_node(ChangeKind::PurgeBegun, folder).before(state(fixture, &ann, folder).await);
    trash.begin_purges(&log.expect(ann.id, begun), &scope, ALL).await.unwrap();
    let command = log.expect(ann.id, Change::for_drive(ChangeKind::NodesPurged, ann.drive));
    trash.purge(&command, Purge::In(ann.drive), ALL).await.unwrap();
    // Purges with nothing to do write no rows.
    trash.begin_purges(&fixture.command(ann.id), &scope, ALL).await.unwrap();
    trash.purge(&fixture.command(ann.id), Purge::In(ann.drive), ALL).await.unwrap();
    log.check().await;
}

pub(super) async fn versions_leave_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 1).await;
    let first = fixture.located(file, ann.id).await.node.content().unwrap().version;
    let new = NewContent {
        version: fixture.id(),
        blob: in_store(fixture.record().await),
        stored: Stored { size: 2, ..Stored::default() },
        media_type: MediaType::octet_stream(),
        client_modified_at: None,
        seen: None,
        max_versions: 20,
    };
    let grant = fixture.grant(ann.id, file, Action::Replace).await;
    let mut log = Log::begin(fixture).await;
    let versions = fixture.store.versions();
    let of_file = |kind| Change::for_node(kind, ann.drive, file);
    let replaced = of_file(ChangeKind::FileReplaced).before(state(fixture, &ann, file).await);
    versions.append(&log.expect(ann.id, replaced), &grant, &new).await.unwrap();
    log.after(&ann, file).await;
    let version_restore = VersionRestore { from: first, version: fixture.id(), seen: None, max_versions: 20 };
    let restored = of_file(ChangeKind::VersionRestored).before(state(fixture, &ann, file).await);
    versions.restore(&log.expect(ann.id, restored), &grant, &version_restore).await.unwrap();
    log.after(&ann, file).await;
    versions.restore(&fixture.command(ann.id), &grant, &version_restore).await.unwrap();
    let grant = fixture.grant(ann.id, file, Action::DeleteVersion).await;
    let current = state(fixture, &ann, file).await;
    let deleted = of_file(ChangeKind::VersionDeleted).before(current.clone().with_version(first)).after(current);
    versions.delete(&log.expect(ann.id, deleted), &grant, first, None).await.unwrap();
    log.check().await;
}
