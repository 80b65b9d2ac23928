//! Races between two instances on one database, each with its own connections.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::fixture::{
    begin, command, commit, completing, create_folder, folder_id, grant, moving, name, new_upload, register,
    registration,
};
use crate::support::{Fresh, ask, until};
use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden, Gone};
use clouddrive_domain::model::{
    Action, ChangeKind, ChangePosition, ConflictPolicy, IdSource, LoginIdentifier, NewLimits, Quota, Timestamp,
};
use clouddrive_domain::port::{
    AccountRepository, ChangeRepository, CopyRequest, NodeRepository, Random, Registration, TreeRepository,
    UploadRepository, UserRepository,
};
use clouddrive_postgres::Database;
use futures_util::future::{join, join_all};

async fn two() -> (Fresh, Database, Database) {
    let fresh = Fresh::new().await;
    let one = Database::open(&fresh.options()).await.unwrap();
    let other = Database::open(&fresh.options()).await.unwrap();
    (fresh, one, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_ten_concurrent_migrations_has_something_to_do() {
    for _ in 0..3 {
        let fresh = Fresh::new().await;
        let options = fresh.options();
        let outcomes = join_all((0..10).map(|_| Database::migrate(&options))).await;
        let applied: Vec<usize> = outcomes.into_iter().map(|names| names.unwrap().len()).collect();
        assert_eq!(applied.iter().filter(|count| **count > 0).count(), 1, "{applied:?}");
        register(&Database::open(&options).await.unwrap(), 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_registrations_of_a_name_succeeds() {
    let (_fresh, one, other) = two().await;
    for round in 0..10_u128 {
        let mut rivals: Vec<_> = (0..8).map(|number| registration(round * 100 + number)).collect();
        let wanted = rivals.first().unwrap().user.username.clone();
        for rival in &mut rivals {
            rival.user.username = wanted.clone();
        }
        let outcomes = join_all(rivals.iter().enumerate().map(async |(number, rival)| {
            let database = if number % 2 == 0 { &one } else { &other };
            database.register(&command(rival), rival).await
        }));
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|outcome| matches!(outcome, Err(Error::Conflict(Conflict::UsernameTaken)))));
        assert!(one.find_user(&LoginIdentifier::parse(wanted.as_str())).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_moves_never_close_a_cycle() {
    let (_fresh, one, other) = two().await;
    for round in 0..20 {
        let ann = register(&one, round).await;
        let (a, b) = (folder_id(round * 2), folder_id(round * 2 + 1));
        create_folder(&one, &ann, ann.root, a, "a").await.unwrap();
        create_folder(&one, &ann, ann.root, b, "b").await.unwrap();
        let (into_b, into_a) = (moving(&one, &ann, a, b).await, moving(&other, &ann, b, a).await);
        let by = command(&ann);
        let (first, second) = join(one.relocate(&by, &into_b), other.relocate(&by, &into_a)).await;
        assert_eq!([&first, &second].iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let lost = if first.is_ok() { second } else { first };
        assert!(matches!(lost, Err(Error::Conflict(Conflict::FolderCycle))), "{lost:?}");
        for folder in [a, b] {
            let found = NodeRepository::find(&one, folder, ann.user.id.into()).await.unwrap().unwrap();
            assert_eq!(found.lineage.last().map(|step| step.id), Some(ann.root));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_has_the_name() {
    let (_fresh, one, other) = two().await;
    let ann = register(&one, 1).await;
    let root = grant(&one, &ann, ann.root, Action::AddTo).await;
    for round in 0..10_u128 {
        let wanted = name(&format!("{round}"));
        let outcomes = join_all((0..8).map(async |number| {
            let database = if number % 2 == 0 { &one } else { &other };
            database.create_folder(&command(&ann), &root, folder_id(round * 100 + number), &wanted).await
        }));
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.await.into_iter().partition(Result::is_ok);
        let won: Vec<_> = won.into_iter().map(|made| made.unwrap().node.id).collect();
        assert_eq!(won.len(), 1);
        for outcome in lost {
            let Err(Error::Conflict(Conflict::NameTaken(taken))) = outcome else {
                unreachable!("{outcome:?}");
            };
            assert_eq!(won, [taken.item.id]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_is_exact() {
    let (_fresh, one, other) = two().await;
    let ann = register(&one, 1).await;
    let openings: Vec<_> = (0..16).map(|number| new_upload(&ann, number, &format!("{number}"), 300)).collect();
    let outcomes =
        join_all(openings.iter().enumerate().map(async |(number, new_upload)| {
            begin(if number % 2 == 0 { &one } else { &other }, &ann, new_upload).await
        }));
    let (begun, refused): (Vec<_>, Vec<_>) = outcomes.await.into_iter().partition(Result::is_ok);
    assert_eq!(begun.len(), 3);
    for outcome in refused {
        assert!(matches!(outcome, Err(Error::Forbidden(Forbidden::Quota { needed: 300, .. }))), "{outcome:?}");
    }
    let quota = one.find_user_drive(ann.user.id).await.unwrap().unwrap().account.quota;
    assert_eq!(quota, Quota { total: 1_000, used: 0, reserved: 900 });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_entries_is_exact_wherever_they_are_counted() {
    let (fresh, one, other) = two().await;
    // There is ample room for the first ten folders only.
    let ann = Registration { quota_entries: 20_010, ..registration(1) };
    one.register(&command(&ann), &ann).await.unwrap();
    let make = async |numbers: Range<u128>| {
        let folders = numbers.map(async |number| {
            let database = if number % 2 == 0 { &one } else { &other };
            create_folder(database, &ann, ann.root, folder_id(number), &number.to_string()).await
        });
        join_all(folders).await
    };
    for outcome in make(0..80).await {
        outcome.unwrap();
    }
    let used = async || one.find_user_drive(ann.user.id).await.unwrap().unwrap().account.entries.used;
    assert_eq!(used().await, 80);
    let client = fresh.outsider().await;
    let in_both = "SELECT min(used_entries) > 0 AND sum(entries) > 0 FROM drives, entry_counts";
    assert_eq!(ask(&client, in_both).await, "t");
    let limits = NewLimits { bytes: None, entries: Some(83) };
    one.set_quota(&command(&ann), ann.user.id, limits).await.unwrap();
    let (made, refused): (Vec<_>, Vec<_>) = make(80..92).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), used().await), (3, 83));
    for outcome in refused {
        assert!(matches!(outcome, Err(Error::Forbidden(Forbidden::Entries { needed: 1, .. }))), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_are_made_one_after_the_other_where_ample_room_ends() {
    let (_fresh, one, _) = two().await;
    let ann = Registration { quota_entries: 20_001, ..registration(1) };
    one.register(&command(&ann), &ann).await.unwrap();
    for number in 0..4 {
        create_folder(&one, &ann, ann.root, folder_id(number), &number.to_string()).await.unwrap();
    }
    assert_eq!(one.find_user_drive(ann.user.id).await.unwrap().unwrap().account.entries.used, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_completed_twice_becomes_one_file() {
    let (_fresh, one, other) = two().await;
    let ann = register(&one, 1).await;
    for round in 0..20 {
        let new_upload = new_upload(&ann, round, &format!("{round}"), 10);
        begin(&one, &ann, &new_upload).await.unwrap();
        let commits = [ConflictPolicy::Keep, ConflictPolicy::Replace];
        let [first, second] = [0, 1].map(|half| completing(&new_upload, round * 2 + half, commits[half as usize]));
        let (first, second) = join(commit(&one, &ann, &first), commit(&other, &ann, &second)).await;
        assert_eq!(first.unwrap(), second.unwrap());
        let quota = one.find_user_drive(ann.user.id).await.unwrap().unwrap().account.quota;
        assert_eq!((quota.used, quota.reserved), (10 * (u64::try_from(round).unwrap() + 1), 0));
    }
}

/// Whether a transaction waits for a lock.
const WAITS: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock')";

/// Two transactions that queue the same jobs again wait for each other, but never in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_queued_in_the_order_of_their_subjects() {
    let (fresh, one, _) = two().await;
    let (mut drives, mut uploads) = (Vec::new(), Vec::new());
    for number in [2, 1] {
        let owner = register(&one, number).await;
        let new_upload = new_upload(&owner, number, "a", 10);
        begin(&one, &owner, &new_upload).await.unwrap();
        one.delete(&command(&owner), owner.user.id, 0).await.unwrap();
        drives.push(owner.drive);
        uploads.push(new_upload.upload.id);
    }
    let [last, first] = drives[..] else { unreachable!("{drives:?}") };
    assert!(first < last);
    let job = |drive| format!("SELECT FROM jobs WHERE kind = 'remove_drive' AND subject_id = '{drive}' FOR UPDATE");
    let holder = fresh.outsider().await;
    assert_eq!(ask(&holder, "SELECT count(*) FROM jobs WHERE kind = 'remove_drive'").await, "2");
    holder.batch_execute(&format!("BEGIN; {}", job(first))).await.unwrap();
    let noting = tokio::spawn(async move { one.note_discarded(Timestamp::from_millis(1), &uploads).await });
    let watching = fresh.outsider().await;
    until(&watching, WAITS).await;
    watching.batch_execute(&format!("{} NOWAIT", job(last))).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();
    noting.await.unwrap().unwrap();
}

/// The content read first is removed, and its blob marked for deletion, before the copy refers to it: then the new
/// content is copied.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_blob_is_marked_for_deletion_meanwhile_is_retried() {
    let (fresh, one, _) = two().await;
    let ann = register(&one, 1).await;
    let new_upload = new_upload(&ann, 7, "file", 10);
    begin(&one, &ann, &new_upload).await.unwrap();
    let file = commit(&one, &ann, &completing(&new_upload, 7, ConflictPolicy::Fail)).await.unwrap().node;
    let (old, id) = (file.content().unwrap().version, file.id);
    let meanwhile = fresh.outsider().await;
    let statements = format!(
        "BEGIN;
        INSERT INTO blobs (key, store, created_at) VALUES ('{new}', 'test', 1);
        INSERT INTO versions (id, node_id, blob_key, size_bytes, media_type, created_by, created_at)
            VALUES (gen_random_uuid(), '{id}', '{new}', 30, 'a/b', '{ann}', 1);
        UPDATE nodes SET size_bytes = 30, version_id = (SELECT id FROM versions WHERE blob_key = '{new}') WHERE id = '{id}';
        DELETE FROM versions WHERE id = '{old}';
        SELECT FROM blobs WHERE key = '{marked_for_deletion}' FOR UPDATE;
        UPDATE blobs SET unreferenced_at = 1, condemned_at = 1 WHERE key = '{marked_for_deletion}'",
        new = "a".repeat(32),
        marked_for_deletion = new_upload.upload.blob.as_str(),
        ann = ann.user.id,
    );
    meanwhile.batch_execute(&statements).await.unwrap();
    let item = grant(&one, &ann, id, Action::Read).await;
    let to = grant(&one, &ann, ann.root, Action::AddTo).await;
    let ids = IdSource::new(Timestamp::from_millis(1), Arc::new(Counter(AtomicU64::new(1))));
    let spec = CopyRequest {
        item,
        to,
        name: Some(name("copy")),
        conflict: ConflictPolicy::Fail,
        seen: None,
        max_versions: 20,
        ids,
    };
    let copy = tokio::spawn(async move { one.copy(&command(&ann), &spec).await });
    let watching = fresh.outsider().await;
    until(&watching, WAITS).await;
    meanwhile.batch_execute("COMMIT").await.unwrap();
    let made = copy.await.unwrap().unwrap().located.node;
    assert_eq!((made.content().unwrap().blob.key.as_str(), made.size()), ("a".repeat(32).as_str(), 30));
    let charged = ask(&watching, "SELECT used_bytes FROM drives").await;
    assert_eq!(charged, "40");
}

struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, value) in bytes.iter_mut().rev().zip(number.into_iter().rev()) {
            *byte = value;
        }
    }
}

/// A stream of commits does not starve a move, and nothing waits forever.
#[tokio::test(flavor = "multi_thread")]
async fn moves_and_uploads_of_one_drive_take_turns() {
    let (_fresh, one, other) = two().await;
    let ann = register(&one, 1).await;
    let (a, b) = (folder_id(1_000), folder_id(1_001));
    create_folder(&one, &ann, ann.root, a, "a").await.unwrap();
    create_folder(&one, &ann, ann.root, b, "b").await.unwrap();
    let uploading = join_all((0..8_u128).map(async |lane| {
        let database = if lane % 2 == 0 { &one } else { &other };
        for number in 0..10 {
            let new_upload = new_upload(&ann, lane * 10 + number, &format!("{lane}-{number}"), 1);
            begin(database, &ann, &new_upload).await.unwrap();
            let spec = completing(&new_upload, lane * 10 + number, ConflictPolicy::Fail);
            commit(database, &ann, &spec).await.unwrap();
        }
    }));
    let moves = async {
        for round in 0..10 {
            let to = if round % 2 == 0 { b } else { ann.root };
            let spec = moving(&other, &ann, a, to).await;
            other.relocate(&command(&ann), &spec).await.unwrap();
        }
    };
    join(uploading, moves).await;
    let quota = one.find_user_drive(ann.user.id).await.unwrap().unwrap().account.quota;
    assert_eq!(quota, Quota { total: 1_000, used: 80, reserved: 0 });
}

/// Reads from `after` on until an entry of `request` comes, and returns the requests of all up to it.
async fn requests_until(database: &Database, mut after: ChangePosition, request: &str) -> Vec<String> {
    let mut requests = Vec::new();
    for _ in 0..100_000 {
        let batch = database.read(None, after, 10).await.unwrap();
        after = batch.end;
        requests.extend(batch.changes.into_iter().map(|entry| entry.command.request.as_str().to_owned()));
        if let Some(found) = requests.iter().position(|found| found == request) {
            requests.truncate(found + 1);
            return requests;
        }
    }
    panic!("{request} does not appear among {requests:?}");
}

/// An entry of a plain statement; a version that does not know the positions of entries writes the same.
fn entry(request: &str) -> String {
    format!("INSERT INTO changes (kind, request_id, at) VALUES ('photo_set', '{request}', 1)")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_commits_late_is_not_missed() {
    let (fresh, one, other) = two().await;
    let (late, early) = (fresh.outsider().await, fresh.outsider().await);
    early.batch_execute(&entry("first")).await.unwrap();
    requests_until(&one, ChangePosition::default(), "first").await;
    let start = one.end().await.unwrap();
    late.batch_execute(&format!("BEGIN; {}", entry("late"))).await.unwrap();
    early.batch_execute(&entry("early")).await.unwrap();
    // What was committed after the late one began is held back, for readers of every instance.
    for reader in [&one, &other] {
        assert_eq!(reader.read(None, start, 10).await.unwrap().changes, []);
    }
    late.batch_execute(&format!("{}; COMMIT", entry("late-again"))).await.unwrap();
    early.batch_execute(&entry("last")).await.unwrap();
    for reader in [&one, &other] {
        assert_eq!(requests_until(reader, start, "last").await, ["late", "late-again", "early", "last"]);
    }
}

/// As during a rollout.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_a_kind_that_only_a_newer_version_knows_holds_up_no_reader() {
    let (fresh, one, _) = two().await;
    let start = one.end().await.unwrap();
    let newer = "INSERT INTO changes (kind, request_id, at) VALUES ('node_coloured', 'newer', 1)";
    fresh.outsider().await.batch_execute(&format!("{newer}; {}", entry("last"))).await.unwrap();
    assert_eq!(requests_until(&one, start, "last").await, ["newer", "last"]);
    let first = one.read(None, start, 1).await.unwrap();
    assert_eq!(first.changes.first().unwrap().change.kind, ChangeKind::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_commits_late_is_not_pruned_around() {
    let (fresh, one, _) = two().await;
    let (late, early) = (fresh.outsider().await, fresh.outsider().await);
    let start = one.end().await.unwrap();
    late.batch_execute(&format!("BEGIN; {}", entry("late"))).await.unwrap();
    early.batch_execute(&entry("early")).await.unwrap();
    assert_eq!(one.prune(Timestamp::from_millis(2), 10).await.unwrap(), 0);
    late.batch_execute("COMMIT").await.unwrap();
    assert_eq!(requests_until(&one, start, "early").await, ["late", "early"]);
    assert_eq!(one.prune(Timestamp::from_millis(2), 10).await.unwrap(), 2);
}

/// As after a dump of another server is restored, whose transactions had greater numbers.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_keeps_its_order_and_its_readers_start_anew() {
    let (fresh, one, _) = two().await;
    let outsider = fresh.outsider().await;
    for request in ["a", "b"] {
        outsider.batch_execute(&entry(request)).await.unwrap();
    }
    requests_until(&one, ChangePosition::default(), "b").await;
    let before = one.end().await.unwrap();
    outsider.batch_execute("UPDATE changes SET xid = xid + 1000000000").await.unwrap();
    let restored = Database::open(&fresh.options()).await.unwrap();
    let refused = restored.read(None, before, 10).await;
    assert!(matches!(refused, Err(Error::Gone(Gone::Changes))), "{refused:?}");
    outsider.batch_execute(&entry("c")).await.unwrap();
    let epoch = restored.end().await.unwrap().epoch;
    assert!(epoch > before.epoch, "{epoch}");
    let start = ChangePosition { epoch, ..ChangePosition::default() };
    assert_eq!(requests_until(&restored, start, "c").await, ["a", "b", "c"]);
    // Nothing is renumbered without need.
    let again = Database::open(&fresh.options()).await.unwrap();
    assert_eq!(again.end().await.unwrap().epoch, epoch);
}
