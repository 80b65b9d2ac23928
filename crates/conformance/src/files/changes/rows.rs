#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::{
    Action, Bucket, ChangeKind, ClientSubnet, Command, ConflictPolicy, DriveId, LinkChange, LinkDownload, MediaType,
    NewLimits, NodeId, PasswordHash, Permission, Revision, Stored, UserId,
};
use clouddrive_domain::port::{NewContent, NewShare, Purge, PurgeScope, Relocation, RotationOutcome, VersionRestore};

use super::{all_after, end};
use crate::fixture::{ALL, Fixture, STORE, TestUser, name};
use crate::identity::sessions::{opened, token_rotation};

type Expected = (Command, ChangeKind, Option<DriveId>, Option<NodeId>);

/// The change log from `begin` on, and the rows expected in it.
struct Log<'a> {
    fixture: &'a Fixture<'a>,
    start: u64,
    expected: Vec<Expected>,
}

impl<'a> Log<'a> {
    async fn begin(fixture: &'a Fixture<'a>) -> Self {
        Self { fixture, start: end(fixture).await, expected: Vec::new() }
    }

    /// A command that is expected to write one row of `kind`.
    fn expect(&mut self, actor: UserId, kind: ChangeKind, drive: Option<DriveId>, node: Option<NodeId>) -> Command {
        let command = self.fixture.command(actor);
        self.expected.push((command.clone(), kind, drive, node));
        command
    }

    /// Asserts that the log has exactly the expected rows.
    async fn check(self) {
        let rows = all_after(self.fixture, self.start).await;
        let rows: Vec<Expected> = rows.into_iter().map(|row| (row.command, row.kind, row.drive, row.node)).collect();
        assert_eq!(rows, self.expected);
    }
}

pub(super) async fn accounts_leave_rows(fixture: &Fixture<'_>) {
    let mut log = Log::begin(fixture).await;
    let (users, new) = (&fixture.store.users, fixture.registration());
    let id = new.user.id;
    users.register(&log.expect(id, ChangeKind::UserRegistered, Some(new.drive), None), &new).await.unwrap();
    let hash = PasswordHash::new("$example$stronger".to_owned());
    users.rehash(&log.expect(id, ChangeKind::PasswordRehashed, None, None), id, &new.hash, &hash).await.unwrap();
    let (first, second) = (fixture.record().await, fixture.record().await);
    for photo in [&first, &second] {
        users.set_photo(&log.expect(id, ChangeKind::PhotoSet, None, None), id, Some(photo)).await.unwrap();
    }
    users.set_photo(&log.expect(id, ChangeKind::PhotoRemoved, None, None), id, None).await.unwrap();
    let command = log.expect(id, ChangeKind::SessionStarted, None, None);
    fixture.store.sessions.start(&command, &opened(fixture, id, command.at).0).await.unwrap();
    log.check().await;
}

pub(super) async fn what_becomes_of_accounts_leaves_rows(fixture: &Fixture<'_>) {
    let member = fixture.user().await;
    let (accounts, id) = (&fixture.store.accounts, member.id);
    let root = fixture.grant(id, member.root, Action::AddTo).await;
    fixture.open(&root, "a", Some(1)).await;
    let mut log = Log::begin(fixture).await;
    let email = fixture.registration().user.email;
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

pub(super) async fn sessions_leave_rows(fixture: &Fixture<'_>) {
    let member = fixture.user().await;
    let (sessions, id) = (&fixture.store.sessions, member.id);
    let mut log = Log::begin(fixture).await;
    let command = log.expect(id, ChangeKind::SessionStarted, None, None);
    let (first, token) = opened(fixture, id, command.at);
    sessions.start(&command, &first).await.unwrap();
    let command = log.expect(id, ChangeKind::SessionRefreshed, None, None);
    let token_rotation = token_rotation(fixture, &token, command.at);
    assert_eq!(sessions.refresh(&command, &token_rotation).await.unwrap(), RotationOutcome::Renewed);
    let command = log.expect(id, ChangeKind::SessionEnded, None, None);
    assert_eq!(sessions.refresh(&command, &token_rotation).await.unwrap(), RotationOutcome::Reused);
    let command = log.expect(id, ChangeKind::SessionStarted, None, None);
    let (second, _) = opened(fixture, id, command.at);
    sessions.start(&command, &second).await.unwrap();
    let command = log.expect(id, ChangeKind::SessionEnded, None, None);
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
    let drive = &fixture.store.drive;
    let (folder, of_guest): (NodeId, NodeId) = (fixture.id(), fixture.id());
    let command = log.expect(ann.id, ChangeKind::FolderCreated, Some(ann.drive), Some(folder));
    drive.create_folder(&command, &root, folder, &name("a")).await.unwrap();
    let command = log.expect(bob.id, ChangeKind::FolderCreated, Some(ann.drive), Some(of_guest));
    drive.create_folder(&command, &guest, of_guest, &name("a")).await.unwrap();
    let renaming = fixture.renaming(ann.id, folder, "b").await;
    let moving = fixture.moving(ann.id, folder, to).await;
    let both = Relocation { name: Some(name("c")), ..fixture.moving(ann.id, folder, ann.root).await };
    for spec in [renaming, moving, both] {
        let command = log.expect(ann.id, ChangeKind::NodeRelocated, Some(ann.drive), Some(folder));
        drive.relocate(&command, &spec).await.unwrap();
    }
    // What a move replaces has a row of its own, first.
    let spec = Relocation { conflict: ConflictPolicy::Replace, ..fixture.moving(ann.id, folder, to).await };
    let command = log.expect(ann.id, ChangeKind::NodeTrashed, Some(ann.drive), Some(replaced));
    log.expected.push((command.clone(), ChangeKind::NodeRelocated, Some(ann.drive), Some(folder)));
    drive.relocate(&command, &spec).await.unwrap();
    log.check().await;
}

pub(super) async fn uploads_leave_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut log = Log::begin(fixture).await;
    let (uploads, drive) = (&fixture.store.uploads, Some(ann.drive));
    let mut begun = Vec::new();
    for text in ["a", "a", "b"] {
        let mut new_upload = fixture.new_upload(&root, text, Some(1));
        new_upload.upload.file.conflict = ConflictPolicy::Replace;
        let command = log.expect(ann.id, ChangeKind::UploadBegun, drive, Some(ann.root));
        uploads.begin(&command, &root, &new_upload).await.unwrap();
        begun.push(new_upload.upload);
    }
    let [first, second, third] = <[_; 3]>::try_from(begun).unwrap();
    let until = first.expires_at.plus(Duration::from_secs(60));
    let command = log.expect(ann.id, ChangeKind::UploadExtended, drive, Some(ann.root));
    uploads.extend(&command, &root, first.id, until).await.unwrap();
    let commit = fixture.completing(&first, ConflictPolicy::Fail);
    let command = log.expect(ann.id, ChangeKind::FileCreated, drive, Some(commit.file));
    uploads.commit(&command, &root, &commit).await.unwrap();
    let command = log.expect(ann.id, ChangeKind::FileReplaced, drive, Some(commit.file));
    uploads.commit(&command, &root, &fixture.completing(&second, ConflictPolicy::Replace)).await.unwrap();
    uploads.abort(&log.expect(ann.id, ChangeKind::UploadAborted, drive, Some(ann.root)), third.id).await.unwrap();
    log.check().await;
}

pub(super) async fn expiry_leaves_a_row_for_each_upload(fixture: &Fixture<'_>) {
    fixture.store.uploads.expire_due(&fixture.command_at(None, fixture.now()), ALL).await.unwrap();
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut last = fixture.now();
    for text in ["a", "b", "c"] {
        last = fixture.open(&root, text, Some(1)).await.expires_at;
    }
    let mut log = Log::begin(fixture).await;
    let command = fixture.command_at(None, last);
    log.expected = vec![(command.clone(), ChangeKind::UploadExpired, Some(ann.drive), Some(ann.root)); 3];
    assert_eq!(fixture.store.uploads.expire_due(&command, ALL).await.unwrap().len(), 3);
    assert_eq!(fixture.store.uploads.expire_due(&command, ALL).await.unwrap(), []);
    log.check().await;
}

pub(super) async fn shares_leave_rows(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    let mut log = Log::begin(fixture).await;
    let (shares, drive) = (&fixture.store.shares, Some(ann.drive));
    let new = NewShare { id: fixture.id(), guest: bob.id, permission: Permission::View };
    let command = log.expect(ann.id, ChangeKind::ShareCreated, drive, Some(folder));
    shares.create(&command, &item, &new).await.unwrap();
    let command = log.expect(ann.id, ChangeKind::ShareChanged, drive, Some(folder));
    shares.change(&command, &item, new.id, Permission::Edit).await.unwrap();
    let command = log.expect(bob.id, ChangeKind::ShareRevoked, drive, Some(folder));
    shares.revoke(&command, new.id).await.unwrap();
    log.check().await;
}

pub(super) async fn links_leave_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    let mut log = Log::begin(fixture).await;
    let (links, drive) = (&fixture.store.links, Some(ann.drive));
    let new = fixture.new_link();
    let command = log.expect(ann.id, ChangeKind::LinkCreated, drive, Some(folder));
    links.create(&command, &item, &new).await.unwrap();
    let change = LinkChange { max_downloads: Some(Some(1)), ..LinkChange::default() };
    let command = log.expect(ann.id, ChangeKind::LinkChanged, drive, Some(folder));
    links.change(&command, &item, new.id, &change).await.unwrap();
    let command = fixture.command_at(None, fixture.now());
    log.expected.push((command.clone(), ChangeKind::LinkDownloaded, drive, Some(folder)));
    let downloads = &fixture.store.link_downloads;
    let download = LinkDownload { link: new.id, node: folder, subnet: ClientSubnet::from_address(None) };
    downloads.count(&command, &download).await.unwrap();
    downloads.count(&fixture.command_at(None, fixture.now()), &download).await.unwrap();
    let other = LinkDownload { subnet: ClientSubnet::from_address("192.0.2.1".parse().ok()), ..download };
    downloads.count(&fixture.command_at(None, fixture.now()), &other).await.unwrap_err();
    let command = log.expect(ann.id, ChangeKind::LinkRevoked, drive, Some(folder));
    links.revoke(&command, &item, new.id).await.unwrap();
    links.revoke(&fixture.command(ann.id), &item, new.id).await.unwrap_err();
    links.change(&fixture.command(ann.id), &item, new.id, &change).await.unwrap_err();
    log.check().await;
}

pub(super) async fn the_trash_leaves_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let other = fixture.folder(ann.id, ann.root, "b").await;
    let mut log = Log::begin(fixture).await;
    let (trash, drive) = (&fixture.store.trash, Some(ann.drive));
    for node in [folder, other] {
        let item = fixture.grant(ann.id, node, Action::Trash).await;
        trash.put(&log.expect(ann.id, ChangeKind::NodeTrashed, drive, Some(node)), &item, None).await.unwrap();
    }
    let spec = fixture.restoration(ann.id, folder).await;
    trash.restore(&log.expect(ann.id, ChangeKind::NodeRestored, drive, Some(folder)), &spec).await.unwrap();
    let item = fixture.grant(ann.id, folder, Action::Trash).await;
    trash.put(&log.expect(ann.id, ChangeKind::NodeTrashed, drive, Some(folder)), &item, None).await.unwrap();
    let item = fixture.grant(ann.id, other, Action::Purge).await;
    let command = log.expect(ann.id, ChangeKind::PurgeBegun, drive, Some(other));
    trash.begin_purge(&command, &item, None).await.unwrap();
    let command = log.expect(ann.id, ChangeKind::NodesPurged, drive, Some(other));
    trash.purge(&command, Purge::Of(ann.drive, other), ALL).await.unwrap();
    let scope = PurgeScope::All(Box::new(fixture.grant(ann.id, ann.root, Action::Read).await));
    let command = log.expect(ann.id, ChangeKind::PurgeBegun, drive, Some(folder));
    trash.begin_purges(&command, &scope, ALL).await.unwrap();
    let command = log.expect(ann.id, ChangeKind::NodesPurged, drive, None);
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
        blob: fixture.record().await,
        stored: Stored { size: 2, ..Stored::default() },
        media_type: MediaType::octet_stream(),
        client_modified_at: None,
        seen: None,
        max_versions: 20,
    };
    let grant = fixture.grant(ann.id, file, Action::Replace).await;
    let mut log = Log::begin(fixture).await;
    let (versions, drive) = (&fixture.store.versions, Some(ann.drive));
    let command = log.expect(ann.id, ChangeKind::FileReplaced, drive, Some(file));
    versions.append(&command, &grant, &new).await.unwrap();
    let version_restore = VersionRestore { from: first, version: fixture.id(), seen: None, max_versions: 20 };
    let command = log.expect(ann.id, ChangeKind::VersionRestored, drive, Some(file));
    versions.restore(&command, &grant, &version_restore).await.unwrap();
    versions.restore(&fixture.command(ann.id), &grant, &version_restore).await.unwrap();
    let grant = fixture.grant(ann.id, file, Action::DeleteVersion).await;
    let command = log.expect(ann.id, ChangeKind::VersionDeleted, drive, Some(file));
    versions.delete(&command, &grant, first, None).await.unwrap();
    log.check().await;
}

pub(super) async fn housekeeping_leaves_no_rows(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(1)).await;
    fixture.store.uploads.abort(&fixture.command(ann.id), upload.id).await.unwrap();
    let log = Log::begin(fixture).await;
    let key = fixture.record().await;
    let marked_for_deletion = fixture.marked_for_deletion(fixture.now()).await;
    assert!(marked_for_deletion.contains(&key) && marked_for_deletion.contains(&upload.blob));
    fixture.store.records.remove(&STORE, &[key, upload.blob]).await.unwrap();
    assert!(fixture.store.uploads.prune_ended(fixture.now(), ALL).await.unwrap() > 0);
    fixture.store.sessions.prune_ended(fixture.now(), ALL).await.unwrap();
    fixture.store.sessions.prune_tokens(fixture.now(), ALL).await.unwrap();
    let bucket = [Bucket::ShareLookup(ann.id)];
    fixture.store.throttle.take(&bucket, fixture.now()).await.unwrap();
    fixture.store.throttle.give_back(&bucket).await.unwrap();
    assert!(fixture.store.throttle.prune_full(fixture.now(), ALL).await.unwrap() > 0);
    log.check().await;
}

pub(super) async fn what_changes_nothing_leaves_no_row(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let complete = fixture.open(&root, "b", Some(1)).await;
    let commit = fixture.completing(&complete, ConflictPolicy::Fail);
    fixture.commit(&root, &commit).await.unwrap();
    let aborted = fixture.open(&root, "c", Some(1)).await;
    fixture.store.uploads.abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    let log = Log::begin(fixture).await;
    fixture.rename(ann.id, folder, "a").await.unwrap();
    fixture.move_into(ann.id, folder, ann.root).await.unwrap();
    fixture.commit(&root, &commit).await.unwrap();
    fixture.store.uploads.abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    let (old, new) = (PasswordHash::new("$example$old".to_owned()), PasswordHash::new("$example$new".to_owned()));
    fixture.store.users.rehash(&fixture.command(ann.id), ann.id, &old, &new).await.unwrap();
    assert!(!fixture.store.accounts.set_disabled(&fixture.command(ann.id), ann.id, false).await.unwrap());
    log.check().await;
}

pub(super) async fn what_fails_leaves_no_row(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let share = fixture.share(ann.id, folder, bob.id, Permission::Edit).await;
    let below = fixture.folder(ann.id, folder, "b").await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let guest = fixture.grant(bob.id, folder, Action::AddTo).await;
    let taken = fixture.registration();
    fixture.register(&taken).await.unwrap();
    let log = Log::begin(fixture).await;
    let mut rival = fixture.registration();
    rival.user.username = taken.user.username;
    fixture.register(&rival).await.unwrap_err();
    fixture.set_photo(ann.id, Some(&fixture.key())).await.unwrap_err();
    fixture.create_folder(&root, "a").await.unwrap_err();
    fixture.move_into(ann.id, folder, below).await.unwrap_err();
    let unseen = Relocation { seen: Some(Revision(9)), ..fixture.renaming(ann.id, folder, "c").await };
    fixture.relocate(&unseen).await.unwrap_err();
    let (anonymous, _) = opened(fixture, fixture.id(), fixture.now());
    fixture.store.sessions.start(&fixture.command(ann.id), &anonymous).await.unwrap_err();
    fixture.store.sessions.end(&fixture.command(ann.id), fixture.id(), ann.id).await.unwrap_err();
    let token_rotation = token_rotation(fixture, &fixture.token(), fixture.now());
    fixture.store.sessions.refresh(&fixture.command(ann.id), &token_rotation).await.unwrap_err();
    let (accounts, hash) = (&fixture.store.accounts, PasswordHash::new("$example$new".to_owned()));
    accounts.change_password(&fixture.command(ann.id), ann.id, Some(7), &hash).await.unwrap_err();
    accounts.delete(&fixture.command(ann.id), ann.id, 7).await.unwrap_err();
    accounts.change_email(&fixture.command(ann.id), ann.id, &taken.user.email).await.unwrap_err();
    accounts.set_quota(&fixture.command(ann.id), fixture.id(), NewLimits::default()).await.unwrap_err();
    accounts.set_disabled(&fixture.command(ann.id), fixture.id(), true).await.unwrap_err();
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    let new = NewShare { id: fixture.id(), guest: bob.id, permission: Permission::View };
    fixture.store.shares.create(&fixture.command(ann.id), &item, &new).await.unwrap_err();
    fixture.store.shares.change(&fixture.command(ann.id), &item, fixture.id(), Permission::View).await.unwrap_err();
    fixture.store.shares.revoke(&fixture.command(ann.id), fixture.id()).await.unwrap_err();
    log.check().await;
    fixture.revoke(ann.id, share).await;
    let log = Log::begin(fixture).await;
    fixture.create_folder(&guest, "c").await.unwrap_err();
    log.check().await;
}

pub(super) async fn failures_of_uploads_leave_no_row(fixture: &Fixture<'_>) {
    let ann: TestUser = fixture.user_with_quota(100).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    fixture.folder(ann.id, ann.root, "a").await;
    let taken = fixture.open(&root, "a", Some(1)).await;
    let streamed = fixture.open(&root, "b", None).await;
    let complete = fixture.open(&root, "c", Some(1)).await;
    fixture.commit(&root, &fixture.completing(&complete, ConflictPolicy::Fail)).await.unwrap();
    let log = Log::begin(fixture).await;
    for (text, size) in [("a", 1), ("d", 101)] {
        fixture.begin(&root, &fixture.new_upload(&root, text, Some(size))).await.unwrap_err();
    }
    fixture.commit(&root, &fixture.completing(&taken, ConflictPolicy::Replace)).await.unwrap_err();
    let mut too_much = fixture.completing(&streamed, ConflictPolicy::Fail);
    too_much.stored.size = 101;
    fixture.commit(&root, &too_much).await.unwrap_err();
    let uploads = &fixture.store.uploads;
    uploads.abort(&fixture.command(ann.id), complete.id).await.unwrap_err();
    uploads.extend(&fixture.command(ann.id), &root, complete.id, complete.expires_at).await.unwrap_err();
    log.check().await;
}
