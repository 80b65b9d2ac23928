#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::{
    Action, Bucket, Change, ChangeKind, ChangePosition, Command, ConflictPolicy, LinkChange, LinkDownload, MediaType,
    Network, NewLimits, NodeId, NodeState, PasswordHash, Permission, Revision, Stored, Upload, UserId,
};
use clouddrive_domain::port::{
    Copying, Doomed, NewContent, NewShare, Purge, Relocation, Restoration, Revival, Rotation,
};

use super::{all_after, end};
use crate::identity::sessions::{opened, renewal};
use crate::world::{ALL, Member, STORE, World, name};

/// The change log from `begin` on, and the entries expected in it.
struct Log<'a> {
    world: &'a World<'a>,
    start: ChangePosition,
    expected: Vec<(Command, Change)>,
}

impl<'a> Log<'a> {
    async fn begin(world: &'a World<'a>) -> Self {
        Self { world, start: end(world).await, expected: Vec::new() }
    }

    /// A command that is expected to write one entry.
    fn expect(&mut self, actor: UserId, change: Change) -> Command {
        let command = self.world.command(actor);
        self.expected.push((command.clone(), change));
        command
    }

    /// A command that is expected to write one entry about the account or the sessions of its actor.
    fn expect_of(&mut self, user: UserId, kind: ChangeKind) -> Command {
        self.expect(user, Change::of_user(kind, user))
    }

    /// The last expected entry describes how `node` is now.
    async fn after(&mut self, owner: &Member, node: NodeId) {
        let state = state(self.world, owner, node).await;
        self.expected.last_mut().unwrap().1.after = Some(state);
    }

    /// Asserts that the log has exactly the expected entries.
    async fn check(self) {
        let entries = all_after(self.world, self.start).await;
        let entries: Vec<_> = entries.into_iter().map(|entry| (entry.command, entry.change)).collect();
        assert_eq!(entries, self.expected);
    }
}

/// How the owner finds `node` now.
async fn state(world: &World<'_>, owner: &Member, node: NodeId) -> NodeState {
    NodeState::of(&world.located(node, owner.id).await.node)
}

pub(super) async fn accounts_leave_rows(world: &World<'_>) {
    let mut log = Log::begin(world).await;
    let (users, new) = (&world.store.users, world.registration());
    let id = new.user.id;
    users
        .register(&log.expect(id, Change::of_user(ChangeKind::UserRegistered, id).within(new.drive)), &new)
        .await
        .unwrap();
    let hash = PasswordHash::new("$example$stronger".to_owned());
    users.rehash(&log.expect_of(id, ChangeKind::PasswordRehashed), id, &new.hash, &hash).await.unwrap();
    let (first, second) = (world.record().await, world.record().await);
    for photo in [&first, &second] {
        users.set_photo(&log.expect_of(id, ChangeKind::PhotoSet), id, Some(photo)).await.unwrap();
    }
    users.set_photo(&log.expect_of(id, ChangeKind::PhotoRemoved), id, None).await.unwrap();
    let command = log.expect_of(id, ChangeKind::SessionStarted);
    world.store.sessions.start(&command, &opened(world, id, command.at).0).await.unwrap();
    log.check().await;
}

pub(super) async fn what_becomes_of_accounts_leaves_rows(world: &World<'_>) {
    let member = world.member().await;
    let (accounts, id) = (&world.store.accounts, member.id);
    let root = world.grant(id, member.root, Action::AddTo).await;
    let upload = world.open(&root, "a", Some(1)).await;
    let mut log = Log::begin(world).await;
    let email = world.registration().user.email;
    assert!(accounts.change_email(&log.expect_of(id, ChangeKind::EmailChanged), id, &email).await.unwrap());
    let hash = PasswordHash::new("$example$other".to_owned());
    let command = log.expect_of(id, ChangeKind::PasswordChanged);
    accounts.change_password(&command, id, Some(0), &hash).await.unwrap();
    for (kind, disabled) in [(ChangeKind::UserDisabled, true), (ChangeKind::UserEnabled, false)] {
        assert!(accounts.set_disabled(&log.expect_of(id, kind), id, disabled).await.unwrap());
    }
    let command = log.expect(id, Change::of_user(ChangeKind::QuotaSet, id).within(member.drive));
    accounts.set_quota(&command, id, NewLimits { bytes: Some(7), entries: None }).await.unwrap();
    let command = log.expect(id, Change::of_user(ChangeKind::UserDeleted, id).within(member.drive));
    log.expected.push((command.clone(), Change::of_upload(ChangeKind::UploadAborted, &upload)));
    accounts.delete(&command, id, 1).await.unwrap();
    log.check().await;
}

pub(super) async fn sessions_leave_rows(world: &World<'_>) {
    let member = world.member().await;
    let (sessions, id) = (&world.store.sessions, member.id);
    let mut log = Log::begin(world).await;
    let command = log.expect_of(id, ChangeKind::SessionStarted);
    let (first, token) = opened(world, id, command.at);
    sessions.start(&command, &first).await.unwrap();
    let command = log.expect_of(id, ChangeKind::SessionRefreshed);
    let renewal = renewal(world, &token, command.at);
    assert_eq!(sessions.refresh(&command, &renewal).await.unwrap(), Rotation::Renewed);
    let command = log.expect_of(id, ChangeKind::SessionEnded);
    assert_eq!(sessions.refresh(&command, &renewal).await.unwrap(), Rotation::Reused);
    let command = log.expect_of(id, ChangeKind::SessionStarted);
    let (second, _) = opened(world, id, command.at);
    sessions.start(&command, &second).await.unwrap();
    let command = log.expect_of(id, ChangeKind::SessionEnded);
    sessions.end(&command, second.session.id, id).await.unwrap();
    log.check().await;
}

pub(super) async fn the_tree_leaves_rows(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let to = world.folder(ann.id, ann.root, "to").await;
    let shared = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let replaced = world.folder(ann.id, to, "c").await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let guest = world.grant(bob.id, shared, Action::AddTo).await;
    let mut log = Log::begin(world).await;
    let drive = &world.store.drive;
    let (folder, of_guest): (NodeId, NodeId) = (world.id(), world.id());
    for (actor, parent, id) in [(ann.id, &root, folder), (bob.id, &guest, of_guest)] {
        let created = Change::of_node(ChangeKind::FolderCreated, ann.drive, id);
        let state = NodeState { parent: Some(parent.node().id), name: name("a"), revision: Revision(1), version: None };
        let command = log.expect(actor, created.after(state));
        drive.create_folder(&command, parent, id, &name("a")).await.unwrap();
    }
    let renaming = world.renaming(ann.id, folder, "b").await;
    let moving = world.moving(ann.id, folder, to).await;
    let both = Relocation { name: Some(name("c")), ..world.moving(ann.id, folder, ann.root).await };
    let mut revision = 1;
    let mut place = (ann.root, "a");
    for (wish, next) in [(renaming, (ann.root, "b")), (moving, (to, "b")), (both, (ann.root, "c"))] {
        let at = |(parent, text), revision| NodeState {
            parent: Some(parent),
            name: name(text),
            revision: Revision(revision),
            version: None,
        };
        let relocated = Change::of_node(ChangeKind::NodeRelocated, ann.drive, folder);
        let relocated = relocated.before(at(place, revision)).after(at(next, revision + 1));
        drive.relocate(&log.expect(ann.id, relocated), &wish).await.unwrap();
        (place, revision) = (next, revision + 1);
    }
    // What a move replaces has an entry of its own, first.
    let wish = Relocation { conflict: ConflictPolicy::Replace, ..world.moving(ann.id, folder, to).await };
    let before = state(world, &ann, replaced).await;
    let trashed = Change::of_node(ChangeKind::NodeTrashed, ann.drive, replaced);
    let command = log.expect(ann.id, trashed.before(before.clone()).after(before.revised()));
    let before = state(world, &ann, folder).await;
    let relocated = Change::of_node(ChangeKind::NodeRelocated, ann.drive, folder).before(before);
    log.expected.push((command.clone(), relocated));
    drive.relocate(&command, &wish).await.unwrap();
    log.after(&ann, folder).await;
    log.check().await;
}

pub(super) async fn copies_leave_rows(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    world.file(ann.id, top, "below", 1).await;
    world.share(ann.id, top, bob.id, Permission::View).await;
    let old = world.file(bob.id, bob.root, "old", 1).await;
    let file = world.file(bob.id, bob.root, "file", 1).await;
    let out = world.copying(bob.id, top, bob.root).await;
    let plain = Copying { name: Some(name("new")), ..world.copying(bob.id, file, bob.root).await };
    let replacing = Copying { name: Some(name("old")), conflict: ConflictPolicy::Replace, ..plain.clone() };
    let before = state(world, &bob, old).await;
    let mut log = Log::begin(world).await;
    for (wish, kind, before) in [
        (out, ChangeKind::NodeCopied, None),
        (plain, ChangeKind::NodeCopied, None),
        (replacing, ChangeKind::FileReplaced, Some(before)),
    ] {
        let command = world.command(bob.id);
        let made = world.store.trees.copy(&command, &wish).await.unwrap().located.node;
        let change = Change::of_node(kind, bob.drive, made.id).before(before).after(NodeState::of(&made));
        log.expected.push((command, change));
    }
    assert_eq!(log.expected.last().and_then(|(_, change)| change.node), Some(old));
    log.check().await;
}

pub(super) async fn uploads_leave_rows(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut log = Log::begin(world).await;
    let uploads = &world.store.uploads;
    let mut begun = Vec::new();
    for text in ["a", "a", "b"] {
        let mut opening = world.opening(&root, text, Some(1));
        opening.upload.file.conflict = ConflictPolicy::Replace;
        let command = log.expect(ann.id, Change::of_upload(ChangeKind::UploadBegun, &opening.upload));
        uploads.begin(&command, &root, &opening).await.unwrap();
        begun.push(opening.upload);
    }
    let [first, second, third] = <[_; 3]>::try_from(begun).unwrap();
    let until = first.expires_at.plus(Duration::from_secs(60));
    let command = log.expect(ann.id, Change::of_upload(ChangeKind::UploadExtended, &first));
    uploads.extend(&command, &root, first.id, until).await.unwrap();
    let commit = world.completing(&first, ConflictPolicy::Fail);
    let created =
        NodeState { parent: Some(ann.root), name: name("a"), revision: Revision(1), version: Some(commit.version) };
    let change = Change::of_node(ChangeKind::FileCreated, ann.drive, commit.file).after(created.clone());
    uploads.commit(&log.expect(ann.id, change), &root, &commit).await.unwrap();
    let replacing = world.completing(&second, ConflictPolicy::Replace);
    let replaced = NodeState { revision: Revision(2), version: Some(replacing.version), ..created.clone() };
    let change = Change::of_node(ChangeKind::FileReplaced, ann.drive, commit.file).before(created).after(replaced);
    uploads.commit(&log.expect(ann.id, change), &root, &replacing).await.unwrap();
    let command = log.expect(ann.id, Change::of_upload(ChangeKind::UploadAborted, &third));
    uploads.abort(&command, third.id).await.unwrap();
    log.check().await;
}

pub(super) async fn expiry_leaves_a_row_for_each_upload(world: &World<'_>) {
    world.store.uploads.expire_due(&world.command_at(None, world.now()), ALL).await.unwrap();
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut begun = Vec::new();
    for text in ["a", "b", "c"] {
        begun.push(world.open(&root, text, Some(1)).await);
    }
    let mut log = Log::begin(world).await;
    let command = world.command_at(None, begun.last().unwrap().expires_at);
    let expired = |upload: &Upload| (command.clone(), Change::of_upload(ChangeKind::UploadExpired, upload));
    log.expected = begun.iter().map(expired).collect();
    assert_eq!(world.store.uploads.expire_due(&command, ALL).await.unwrap().len(), 3);
    assert_eq!(world.store.uploads.expire_due(&command, ALL).await.unwrap(), []);
    log.check().await;
}

pub(super) async fn shares_leave_rows(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "a").await;
    let item = world.grant(ann.id, folder, Action::Share).await;
    let mut log = Log::begin(world).await;
    let shares = &world.store.shares;
    let change = |kind| Change::of_node(kind, ann.drive, folder).about(bob.id);
    let new = NewShare { id: world.id(), guest: bob.id, permission: Permission::View };
    let command = log.expect(ann.id, change(ChangeKind::ShareCreated));
    shares.create(&command, &item, &new).await.unwrap();
    let command = log.expect(ann.id, change(ChangeKind::ShareChanged));
    shares.change(&command, &item, new.id, Permission::Edit).await.unwrap();
    let command = log.expect(bob.id, change(ChangeKind::ShareRevoked));
    shares.revoke(&command, new.id).await.unwrap();
    log.check().await;
}

pub(super) async fn links_leave_rows(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let item = world.grant(ann.id, folder, Action::Share).await;
    let mut log = Log::begin(world).await;
    let links = &world.store.links;
    let of_folder = |kind| Change::of_node(kind, ann.drive, folder);
    let new = world.new_link();
    let command = log.expect(ann.id, of_folder(ChangeKind::LinkCreated));
    links.create(&command, &item, &new).await.unwrap();
    let change = LinkChange { max_downloads: Some(Some(1)), ..LinkChange::default() };
    let command = log.expect(ann.id, of_folder(ChangeKind::LinkChanged));
    links.change(&command, &item, new.id, &change).await.unwrap();
    let command = world.command_at(None, world.now());
    log.expected.push((command.clone(), of_folder(ChangeKind::LinkDownloaded)));
    let downloads = &world.store.link_downloads;
    let download = LinkDownload { link: new.id, node: folder, network: Network::of(None) };
    downloads.count(&command, &download).await.unwrap();
    downloads.count(&world.command_at(None, world.now()), &download).await.unwrap();
    let other = LinkDownload { network: Network::of("192.0.2.1".parse().ok()), ..download };
    downloads.count(&world.command_at(None, world.now()), &other).await.unwrap_err();
    let command = log.expect(ann.id, of_folder(ChangeKind::LinkRevoked));
    links.revoke(&command, &item, new.id).await.unwrap();
    links.revoke(&world.command(ann.id), &item, new.id).await.unwrap_err();
    links.change(&world.command(ann.id), &item, new.id, &change).await.unwrap_err();
    log.check().await;
}

pub(super) async fn the_trash_leaves_rows(world: &World<'_>) {
    let ann = world.member().await;
    let parent = world.folder(ann.id, ann.root, "parent").await;
    let folder = world.folder(ann.id, parent, "a").await;
    let other = world.file(ann.id, ann.root, "b", 1).await;
    let mut log = Log::begin(world).await;
    let trash = &world.store.trash;
    let of_node = |kind, node| Change::of_node(kind, ann.drive, node);
    for node in [folder, other] {
        let item = world.grant(ann.id, node, Action::Trash).await;
        let trashed = of_node(ChangeKind::NodeTrashed, node).before(state(world, &ann, node).await);
        trash.put(&log.expect(ann.id, trashed), &item, None).await.unwrap();
        log.after(&ann, node).await;
    }
    log.check().await;
    // It returns to another folder, where its name is taken.
    world.folder(ann.id, ann.root, "a").await;
    let mut log = Log::begin(world).await;
    let to = world.grant(ann.id, ann.root, Action::AddTo).await;
    let wish = Restoration { to: Some(to), ..world.restoration(ann.id, folder).await };
    let restored = of_node(ChangeKind::NodeRestored, folder).before(state(world, &ann, folder).await);
    trash.restore(&log.expect(ann.id, restored), &wish).await.unwrap();
    log.after(&ann, folder).await;
    let (before, after) = log.expected.last().map(|(_, change)| (change.before.clone(), change.after.clone())).unwrap();
    assert_eq!((before.unwrap().parent, after.unwrap().name), (Some(parent), name("a (1)")));
    let item = world.grant(ann.id, folder, Action::Trash).await;
    let trashed = of_node(ChangeKind::NodeTrashed, folder).before(state(world, &ann, folder).await);
    trash.put(&log.expect(ann.id, trashed), &item, None).await.unwrap();
    log.after(&ann, folder).await;
    let item = world.grant(ann.id, other, Action::Purge).await;
    let begun = of_node(ChangeKind::PurgeBegun, other).before(state(world, &ann, other).await);
    trash.begin_purge(&log.expect(ann.id, begun), &item, None).await.unwrap();
    let command = log.expect(ann.id, of_node(ChangeKind::NodesPurged, other));
    trash.purge(&command, Purge::Of(ann.drive, other), ALL).await.unwrap();
    let doomed = Doomed::All(Box::new(world.grant(ann.id, ann.root, Action::Read).await));
    let begun = of_node(ChangeKind::PurgeBegun, folder).before(state(world, &ann, folder).await);
    trash.begin_purges(&log.expect(ann.id, begun), &doomed, ALL).await.unwrap();
    let command = log.expect(ann.id, Change::of_drive(ChangeKind::NodesPurged, ann.drive));
    trash.purge(&command, Purge::In(ann.drive), ALL).await.unwrap();
    // Purges with nothing to do write no rows.
    trash.begin_purges(&world.command(ann.id), &doomed, ALL).await.unwrap();
    trash.purge(&world.command(ann.id), Purge::In(ann.drive), ALL).await.unwrap();
    log.check().await;
}

pub(super) async fn versions_leave_rows(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 1).await;
    let first = world.located(file, ann.id).await.node.content().unwrap().version;
    let new = NewContent {
        version: world.id(),
        blob: world.record().await,
        stored: Stored { size: 2, ..Stored::default() },
        media_type: MediaType::octet_stream(),
        client_modified_at: None,
        seen: None,
        most_versions: 20,
    };
    let grant = world.grant(ann.id, file, Action::Replace).await;
    let mut log = Log::begin(world).await;
    let versions = &world.store.versions;
    let of_file = |kind| Change::of_node(kind, ann.drive, file);
    let replaced = of_file(ChangeKind::FileReplaced).before(state(world, &ann, file).await);
    versions.append(&log.expect(ann.id, replaced), &grant, &new).await.unwrap();
    log.after(&ann, file).await;
    let revival = Revival { from: first, version: world.id(), seen: None, most_versions: 20 };
    let restored = of_file(ChangeKind::VersionRestored).before(state(world, &ann, file).await);
    versions.revive(&log.expect(ann.id, restored), &grant, &revival).await.unwrap();
    log.after(&ann, file).await;
    versions.revive(&world.command(ann.id), &grant, &revival).await.unwrap();
    let grant = world.grant(ann.id, file, Action::DeleteVersion).await;
    let current = state(world, &ann, file).await;
    let deleted = of_file(ChangeKind::VersionDeleted).before(current.clone().with_version(first)).after(current);
    versions.delete(&log.expect(ann.id, deleted), &grant, first, None).await.unwrap();
    log.check().await;
}

pub(super) async fn housekeeping_leaves_no_rows(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = world.open(&root, "a", Some(1)).await;
    world.store.uploads.abort(&world.command(ann.id), upload.id).await.unwrap();
    let log = Log::begin(world).await;
    let key = world.record().await;
    let condemned = world.condemned(world.now()).await;
    assert!(condemned.contains(&key) && condemned.contains(&upload.blob));
    world.store.records.forget(&STORE, &[key, upload.blob]).await.unwrap();
    assert!(world.store.uploads.forget_ended(world.now(), ALL).await.unwrap() > 0);
    world.store.sessions.forget_ended(world.now(), ALL).await.unwrap();
    world.store.sessions.forget_tokens(world.now(), ALL).await.unwrap();
    let bucket = [Bucket::ShareLookup(ann.id)];
    world.store.throttle.take(&bucket, world.now()).await.unwrap();
    world.store.throttle.give_back(&bucket).await.unwrap();
    assert!(world.store.throttle.forget_full(world.now(), ALL).await.unwrap() > 0);
    log.check().await;
}

pub(super) async fn what_changes_nothing_leaves_no_row(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let complete = world.open(&root, "b", Some(1)).await;
    let commit = world.completing(&complete, ConflictPolicy::Fail);
    world.commit(&root, &commit).await.unwrap();
    let aborted = world.open(&root, "c", Some(1)).await;
    world.store.uploads.abort(&world.command(ann.id), aborted.id).await.unwrap();
    let log = Log::begin(world).await;
    world.rename(ann.id, folder, "a").await.unwrap();
    world.move_into(ann.id, folder, ann.root).await.unwrap();
    world.commit(&root, &commit).await.unwrap();
    world.store.uploads.abort(&world.command(ann.id), aborted.id).await.unwrap();
    let (old, new) = (PasswordHash::new("$example$old".to_owned()), PasswordHash::new("$example$new".to_owned()));
    world.store.users.rehash(&world.command(ann.id), ann.id, &old, &new).await.unwrap();
    assert!(!world.store.accounts.set_disabled(&world.command(ann.id), ann.id, false).await.unwrap());
    log.check().await;
}

pub(super) async fn what_fails_leaves_no_row(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "a").await;
    let share = world.share(ann.id, folder, bob.id, Permission::Edit).await;
    let below = world.folder(ann.id, folder, "b").await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let guest = world.grant(bob.id, folder, Action::AddTo).await;
    let taken = world.registration();
    world.register(&taken).await.unwrap();
    let log = Log::begin(world).await;
    let mut rival = world.registration();
    rival.user.username = taken.user.username;
    world.register(&rival).await.unwrap_err();
    world.set_photo(ann.id, Some(&world.key())).await.unwrap_err();
    world.create_folder(&root, "a").await.unwrap_err();
    world.move_into(ann.id, folder, below).await.unwrap_err();
    let unseen = Relocation { seen: Some(Revision(9)), ..world.renaming(ann.id, folder, "c").await };
    world.relocate(&unseen).await.unwrap_err();
    let (anonymous, _) = opened(world, world.id(), world.now());
    world.store.sessions.start(&world.command(ann.id), &anonymous).await.unwrap_err();
    world.store.sessions.end(&world.command(ann.id), world.id(), ann.id).await.unwrap_err();
    let renewal = renewal(world, &world.token(), world.now());
    world.store.sessions.refresh(&world.command(ann.id), &renewal).await.unwrap_err();
    let (accounts, hash) = (&world.store.accounts, PasswordHash::new("$example$new".to_owned()));
    accounts.change_password(&world.command(ann.id), ann.id, Some(7), &hash).await.unwrap_err();
    accounts.delete(&world.command(ann.id), ann.id, 7).await.unwrap_err();
    accounts.change_email(&world.command(ann.id), ann.id, &taken.user.email).await.unwrap_err();
    accounts.set_quota(&world.command(ann.id), world.id(), NewLimits::default()).await.unwrap_err();
    accounts.set_disabled(&world.command(ann.id), world.id(), true).await.unwrap_err();
    let item = world.grant(ann.id, folder, Action::Share).await;
    let new = NewShare { id: world.id(), guest: bob.id, permission: Permission::View };
    world.store.shares.create(&world.command(ann.id), &item, &new).await.unwrap_err();
    world.store.shares.change(&world.command(ann.id), &item, world.id(), Permission::View).await.unwrap_err();
    world.store.shares.revoke(&world.command(ann.id), world.id()).await.unwrap_err();
    log.check().await;
    world.revoke(ann.id, share).await;
    let log = Log::begin(world).await;
    world.create_folder(&guest, "c").await.unwrap_err();
    log.check().await;
}

pub(super) async fn failures_of_uploads_leave_no_row(world: &World<'_>) {
    let ann: Member = world.member_with(100).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    world.folder(ann.id, ann.root, "a").await;
    let taken = world.open(&root, "a", Some(1)).await;
    let streamed = world.open(&root, "b", None).await;
    let complete = world.open(&root, "c", Some(1)).await;
    world.commit(&root, &world.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    let log = Log::begin(world).await;
    for (text, size) in [("a", 1), ("d", 101)] {
        world.begin(&root, &world.opening(&root, text, Some(size))).await.unwrap_err();
    }
    world.commit(&root, &world.completing(&taken, ConflictPolicy::Replace)).await.unwrap_err();
    let mut too_much = world.completing(&streamed, ConflictPolicy::Fail);
    too_much.stored.size = 101;
    world.commit(&root, &too_much).await.unwrap_err();
    let uploads = &world.store.uploads;
    uploads.abort(&world.command(ann.id), complete.id).await.unwrap_err();
    uploads.extend(&world.command(ann.id), &root, complete.id, complete.expires_at).await.unwrap_err();
    log.check().await;
}
