#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::{
    Action, Bucket, ChangeKind, Command, ConflictPolicy, DriveId, LinkChange, LinkDownload, MediaType, Network,
    NewLimits, NodeId, PasswordHash, Permission, Revision, Stored, UserId,
};
use clouddrive_domain::port::{Doomed, NewContent, NewShare, Purge, Relocation, Revival, Rotation};

use super::{all_after, end};
use crate::identity::sessions::{opened, renewal};
use crate::world::{ALL, Member, STORE, World, name};

type Expected = (Command, ChangeKind, Option<DriveId>, Option<NodeId>);

/// The change log from `begin` on, and the rows expected in it.
struct Log<'a> {
    world: &'a World<'a>,
    start: u64,
    expected: Vec<Expected>,
}

impl<'a> Log<'a> {
    async fn begin(world: &'a World<'a>) -> Self {
        Self { world, start: end(world).await, expected: Vec::new() }
    }

    /// A command that is expected to write one row of `kind`.
    fn expect(&mut self, actor: UserId, kind: ChangeKind, drive: Option<DriveId>, node: Option<NodeId>) -> Command {
        let command = self.world.command(actor);
        self.expected.push((command.clone(), kind, drive, node));
        command
    }

    /// Asserts that the log has exactly the expected rows.
    async fn check(self) {
        let rows = all_after(self.world, self.start).await;
        let rows: Vec<Expected> = rows.into_iter().map(|row| (row.command, row.kind, row.drive, row.node)).collect();
        assert_eq!(rows, self.expected);
    }
}

pub(super) async fn accounts_leave_rows(world: &World<'_>) {
    let mut log = Log::begin(world).await;
    let (users, new) = (&world.store.users, world.registration());
    let id = new.user.id;
    users.register(&log.expect(id, ChangeKind::UserRegistered, Some(new.drive), None), &new).await.unwrap();
    let hash = PasswordHash::new("$example$stronger".to_owned());
    users.rehash(&log.expect(id, ChangeKind::PasswordRehashed, None, None), id, &new.hash, &hash).await.unwrap();
    let (first, second) = (world.record().await, world.record().await);
    for photo in [&first, &second] {
        users.set_photo(&log.expect(id, ChangeKind::PhotoSet, None, None), id, Some(photo)).await.unwrap();
    }
    users.set_photo(&log.expect(id, ChangeKind::PhotoRemoved, None, None), id, None).await.unwrap();
    let command = log.expect(id, ChangeKind::SessionStarted, None, None);
    world.store.sessions.start(&command, &opened(world, id, command.at).0).await.unwrap();
    log.check().await;
}

pub(super) async fn what_becomes_of_accounts_leaves_rows(world: &World<'_>) {
    let member = world.member().await;
    let (accounts, id) = (&world.store.accounts, member.id);
    let root = world.grant(id, member.root, Action::AddTo).await;
    world.open(&root, "a", Some(1)).await;
    let mut log = Log::begin(world).await;
    let email = world.registration().user.email;
    assert!(accounts.change_email(&log.expect(id, ChangeKind::EmailChanged, None, None), id, &email).await.unwrap());
    let hash = PasswordHash::new("$example$other".to_owned());
    let command = log.expect(id, ChangeKind::PasswordChanged, None, None);
    accounts.change_password(&command, id, Some(0), &hash).await.unwrap();
    for (kind, disabled) in [(ChangeKind::UserDisabled, true), (ChangeKind::UserEnabled, false)] {
        assert!(accounts.set_disabled(&log.expect(id, kind, None, None), id, disabled).await.unwrap());
    }
    let command = log.expect(id, ChangeKind::QuotaSet, Some(member.drive), None);
    accounts.set_quota(&command, id, NewLimits { bytes: Some(7), entries: None }).await.unwrap();
    let command = log.expect(id, ChangeKind::UserDeleted, Some(member.drive), None);
    log.expected.push((command.clone(), ChangeKind::UploadAborted, Some(member.drive), Some(member.root)));
    accounts.delete(&command, id, 1).await.unwrap();
    log.check().await;
}

pub(super) async fn sessions_leave_rows(world: &World<'_>) {
    let member = world.member().await;
    let (sessions, id) = (&world.store.sessions, member.id);
    let mut log = Log::begin(world).await;
    let command = log.expect(id, ChangeKind::SessionStarted, None, None);
    let (first, token) = opened(world, id, command.at);
    sessions.start(&command, &first).await.unwrap();
    let command = log.expect(id, ChangeKind::SessionRefreshed, None, None);
    let renewal = renewal(world, &token, command.at);
    assert_eq!(sessions.refresh(&command, &renewal).await.unwrap(), Rotation::Renewed);
    let command = log.expect(id, ChangeKind::SessionEnded, None, None);
    assert_eq!(sessions.refresh(&command, &renewal).await.unwrap(), Rotation::Reused);
    let command = log.expect(id, ChangeKind::SessionStarted, None, None);
    let (second, _) = opened(world, id, command.at);
    sessions.start(&command, &second).await.unwrap();
    let command = log.expect(id, ChangeKind::SessionEnded, None, None);
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
    let command = log.expect(ann.id, ChangeKind::FolderCreated, Some(ann.drive), Some(folder));
    drive.create_folder(&command, &root, folder, &name("a")).await.unwrap();
    let command = log.expect(bob.id, ChangeKind::FolderCreated, Some(ann.drive), Some(of_guest));
    drive.create_folder(&command, &guest, of_guest, &name("a")).await.unwrap();
    let renaming = world.renaming(ann.id, folder, "b").await;
    let moving = world.moving(ann.id, folder, to).await;
    let both = Relocation { name: Some(name("c")), ..world.moving(ann.id, folder, ann.root).await };
    for wish in [renaming, moving, both] {
        let command = log.expect(ann.id, ChangeKind::NodeRelocated, Some(ann.drive), Some(folder));
        drive.relocate(&command, &wish).await.unwrap();
    }
    // What a move replaces has a row of its own, first.
    let wish = Relocation { conflict: ConflictPolicy::Replace, ..world.moving(ann.id, folder, to).await };
    let command = log.expect(ann.id, ChangeKind::NodeTrashed, Some(ann.drive), Some(replaced));
    log.expected.push((command.clone(), ChangeKind::NodeRelocated, Some(ann.drive), Some(folder)));
    drive.relocate(&command, &wish).await.unwrap();
    log.check().await;
}

pub(super) async fn uploads_leave_rows(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut log = Log::begin(world).await;
    let (uploads, drive) = (&world.store.uploads, Some(ann.drive));
    let mut begun = Vec::new();
    for text in ["a", "a", "b"] {
        let mut opening = world.opening(&root, text, Some(1));
        opening.upload.file.conflict = ConflictPolicy::Replace;
        let command = log.expect(ann.id, ChangeKind::UploadBegun, drive, Some(ann.root));
        uploads.begin(&command, &root, &opening).await.unwrap();
        begun.push(opening.upload);
    }
    let [first, second, third] = <[_; 3]>::try_from(begun).unwrap();
    let until = first.expires_at.plus(Duration::from_secs(60));
    let command = log.expect(ann.id, ChangeKind::UploadExtended, drive, Some(ann.root));
    uploads.extend(&command, &root, first.id, until).await.unwrap();
    let commit = world.completing(&first, ConflictPolicy::Fail);
    let command = log.expect(ann.id, ChangeKind::FileCreated, drive, Some(commit.file));
    uploads.commit(&command, &root, &commit).await.unwrap();
    let command = log.expect(ann.id, ChangeKind::FileReplaced, drive, Some(commit.file));
    uploads.commit(&command, &root, &world.completing(&second, ConflictPolicy::Replace)).await.unwrap();
    uploads.abort(&log.expect(ann.id, ChangeKind::UploadAborted, drive, Some(ann.root)), third.id).await.unwrap();
    log.check().await;
}

pub(super) async fn expiry_leaves_a_row_for_each_upload(world: &World<'_>) {
    world.store.uploads.expire_due(&world.command_at(None, world.now()), ALL).await.unwrap();
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut last = world.now();
    for text in ["a", "b", "c"] {
        last = world.open(&root, text, Some(1)).await.expires_at;
    }
    let mut log = Log::begin(world).await;
    let command = world.command_at(None, last);
    log.expected = vec![(command.clone(), ChangeKind::UploadExpired, Some(ann.drive), Some(ann.root)); 3];
    assert_eq!(world.store.uploads.expire_due(&command, ALL).await.unwrap().len(), 3);
    assert_eq!(world.store.uploads.expire_due(&command, ALL).await.unwrap(), []);
    log.check().await;
}

pub(super) async fn shares_leave_rows(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "a").await;
    let item = world.grant(ann.id, folder, Action::Share).await;
    let mut log = Log::begin(world).await;
    let (shares, drive) = (&world.store.shares, Some(ann.drive));
    let new = NewShare { id: world.id(), guest: bob.id, permission: Permission::View };
    let command = log.expect(ann.id, ChangeKind::ShareCreated, drive, Some(folder));
    shares.create(&command, &item, &new).await.unwrap();
    let command = log.expect(ann.id, ChangeKind::ShareChanged, drive, Some(folder));
    shares.change(&command, &item, new.id, Permission::Edit).await.unwrap();
    let command = log.expect(bob.id, ChangeKind::ShareRevoked, drive, Some(folder));
    shares.revoke(&command, new.id).await.unwrap();
    log.check().await;
}

pub(super) async fn links_leave_rows(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let item = world.grant(ann.id, folder, Action::Share).await;
    let mut log = Log::begin(world).await;
    let (links, drive) = (&world.store.links, Some(ann.drive));
    let new = world.new_link();
    let command = log.expect(ann.id, ChangeKind::LinkCreated, drive, Some(folder));
    links.create(&command, &item, &new).await.unwrap();
    let change = LinkChange { max_downloads: Some(Some(1)), ..LinkChange::default() };
    let command = log.expect(ann.id, ChangeKind::LinkChanged, drive, Some(folder));
    links.change(&command, &item, new.id, &change).await.unwrap();
    let command = world.command_at(None, world.now());
    log.expected.push((command.clone(), ChangeKind::LinkDownloaded, drive, Some(folder)));
    let downloads = &world.store.link_downloads;
    let download = LinkDownload { link: new.id, node: folder, network: Network::of(None) };
    downloads.count(&command, &download).await.unwrap();
    downloads.count(&world.command_at(None, world.now()), &download).await.unwrap();
    let other = LinkDownload { network: Network::of("192.0.2.1".parse().ok()), ..download };
    downloads.count(&world.command_at(None, world.now()), &other).await.unwrap_err();
    let command = log.expect(ann.id, ChangeKind::LinkRevoked, drive, Some(folder));
    links.revoke(&command, &item, new.id).await.unwrap();
    links.revoke(&world.command(ann.id), &item, new.id).await.unwrap_err();
    links.change(&world.command(ann.id), &item, new.id, &change).await.unwrap_err();
    log.check().await;
}

pub(super) async fn the_trash_leaves_rows(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let other = world.folder(ann.id, ann.root, "b").await;
    let mut log = Log::begin(world).await;
    let (trash, drive) = (&world.store.trash, Some(ann.drive));
    for node in [folder, other] {
        let item = world.grant(ann.id, node, Action::Trash).await;
        trash.put(&log.expect(ann.id, ChangeKind::NodeTrashed, drive, Some(node)), &item, None).await.unwrap();
    }
    let wish = world.restoration(ann.id, folder).await;
    trash.restore(&log.expect(ann.id, ChangeKind::NodeRestored, drive, Some(folder)), &wish).await.unwrap();
    let item = world.grant(ann.id, folder, Action::Trash).await;
    trash.put(&log.expect(ann.id, ChangeKind::NodeTrashed, drive, Some(folder)), &item, None).await.unwrap();
    let item = world.grant(ann.id, other, Action::Purge).await;
    let command = log.expect(ann.id, ChangeKind::PurgeBegun, drive, Some(other));
    trash.begin_purge(&command, &item, None).await.unwrap();
    let command = log.expect(ann.id, ChangeKind::NodesPurged, drive, Some(other));
    trash.purge(&command, Purge::Of(ann.drive, other), ALL).await.unwrap();
    let doomed = Doomed::All(Box::new(world.grant(ann.id, ann.root, Action::Read).await));
    let command = log.expect(ann.id, ChangeKind::PurgeBegun, drive, Some(folder));
    trash.begin_purges(&command, &doomed, ALL).await.unwrap();
    let command = log.expect(ann.id, ChangeKind::NodesPurged, drive, None);
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
    let (versions, drive) = (&world.store.versions, Some(ann.drive));
    let command = log.expect(ann.id, ChangeKind::FileReplaced, drive, Some(file));
    versions.append(&command, &grant, &new).await.unwrap();
    let revival = Revival { from: first, version: world.id(), seen: None, most_versions: 20 };
    let command = log.expect(ann.id, ChangeKind::VersionRestored, drive, Some(file));
    versions.revive(&command, &grant, &revival).await.unwrap();
    versions.revive(&world.command(ann.id), &grant, &revival).await.unwrap();
    let grant = world.grant(ann.id, file, Action::DeleteVersion).await;
    let command = log.expect(ann.id, ChangeKind::VersionDeleted, drive, Some(file));
    versions.delete(&command, &grant, first, None).await.unwrap();
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
