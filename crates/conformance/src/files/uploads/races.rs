#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{Action, BlobKey, ConflictPolicy, Grant, Quota, Revision, UploadState};
use clouddrive_domain::port::{Commit, Opening};
use futures_util::future::{join, join_all};

use crate::world::{QUOTA, World, assert_refused};

pub(super) async fn many_begin_at_the_last_bytes(world: &World<'_>) {
    let ann = world.member_with(100).await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let openings: Vec<Opening> = (0..12).map(|number| world.opening(&root, &format!("{number}"), Some(30))).collect();
    let outcomes = join_all(openings.iter().map(|opening| world.begin(&root, opening))).await;
    let (begun, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let reserved: BTreeSet<u64> = begun.into_iter().map(|quota| quota.unwrap().reserved).collect();
    assert_eq!(reserved, BTreeSet::from([30, 60, 90]));
    for outcome in refused {
        assert_refused!(outcome, Error::Forbidden(Forbidden::Quota { needed: 30, .. }));
    }
    assert_eq!(world.quota(ann.id).await, Quota { total: 100, used: 0, reserved: 90 });
}

pub(super) async fn many_begin_at_the_last_open_one(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut openings: Vec<Opening> = (0..8).map(|number| world.opening(&root, &format!("{number}"), Some(1))).collect();
    for opening in &mut openings {
        opening.most_open = 3;
    }
    let outcomes = join_all(openings.iter().map(|opening| world.begin(&root, opening))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Invalid(_));
    }
}

pub(super) async fn one_upload_is_committed_twice(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    for number in 0..5 {
        let upload = world.open(&root, &format!("{number}"), Some(10)).await;
        let commits = [ConflictPolicy::Fail, ConflictPolicy::Keep, ConflictPolicy::Replace]
            .map(|conflict| world.completing(&upload, conflict));
        let outcomes = join_all(commits.iter().map(|commit| world.commit(&root, commit))).await;
        let mut made: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        made.dedup();
        assert_eq!(made.len(), 1);
        assert_eq!(made.first().map(|made| made.node.revision), Some(Revision(1)));
        assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used: 10 * (number + 1), reserved: 0 });
    }
}

async fn rivals(world: &World<'_>, folder: &Grant, conflict: ConflictPolicy, sizes: &[u64]) -> Vec<Commit> {
    let mut commits = Vec::new();
    for size in sizes {
        let upload = world.open(folder, "wanted.txt", Some(*size)).await;
        // Keep one version only: a replaced content is deleted.
        commits.push(Commit { most_versions: 1, ..world.completing(&upload, conflict) });
    }
    commits
}

pub(super) async fn one_of_many_commits_of_a_name_succeeds(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let commits = rivals(world, &root, ConflictPolicy::Fail, &[1; 8]).await;
    let outcomes = join_all(commits.iter().map(|commit| world.commit(&root, commit))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for (commit, outcome) in commits.iter().zip(outcomes) {
        let state = world.store.uploads.find(commit.upload, ann.id).await.unwrap().unwrap().state;
        if outcome.is_ok() {
            assert_eq!(state, UploadState::Complete(commit.file));
        } else {
            assert_refused!(outcome, Error::Conflict(Conflict::NameTaken(_)));
            assert_eq!(state, UploadState::Open);
        }
    }
    assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used: 1, reserved: 7 });
}

pub(super) async fn all_who_keep_both_get_a_name_of_their_own(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let commits = rivals(world, &root, ConflictPolicy::Keep, &[1; 12]).await;
    let outcomes = join_all(commits.iter().map(|commit| world.commit(&root, commit))).await;
    let names: BTreeSet<String> = outcomes.into_iter().map(|made| made.unwrap().node.name.to_string()).collect();
    let mut expected: BTreeSet<String> = (1..12).map(|number| format!("wanted ({number}).txt")).collect();
    expected.insert("wanted.txt".to_owned());
    assert_eq!(names, expected);
}

pub(super) async fn one_of_many_replacements_is_last(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let file = world.file(ann.id, ann.root, "wanted.txt", 1_000).await;
    let former = world.located(file, ann.id).await.node.content().unwrap().blob.clone();
    let commits = rivals(world, &root, ConflictPolicy::Replace, &[1, 2, 4, 8, 16]).await;
    let outcomes = join_all(commits.iter().map(|commit| world.commit(&root, commit))).await;
    let revisions: BTreeSet<Revision> = outcomes.into_iter().map(|made| made.unwrap().node.revision).collect();
    assert_eq!(revisions, (2..=6).map(Revision).collect());
    let node = world.located(file, ann.id).await.node;
    let content = node.content().unwrap();
    assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used: content.size, reserved: 0 });
    let is_gone = async |blob: &BlobKey| world.store.records.recorded_at(blob).await.unwrap().is_none();
    assert!(is_gone(&former).await);
    for commit in commits {
        let upload = world.store.uploads.find(commit.upload, ann.id).await.unwrap().unwrap();
        assert_eq!(upload.state, UploadState::Complete(file));
        assert_eq!(is_gone(&upload.blob).await, upload.blob != content.blob);
    }
    assert!(!world.condemned(world.now()).await.contains(&content.blob));
}

pub(super) async fn an_upload_is_either_committed_or_aborted(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut used = 0;
    for number in 0..8 {
        let upload = world.open(&root, &format!("{number}"), Some(1)).await;
        let commit = world.completing(&upload, ConflictPolicy::Fail);
        let command = world.command(ann.id);
        let aborting = world.store.uploads.abort(&command, upload.id);
        let (committed, aborted) = if number % 2 == 0 {
            join(world.commit(&root, &commit), aborting).await
        } else {
            let (aborted, committed) = join(aborting, world.commit(&root, &commit)).await;
            (committed, aborted)
        };
        if committed.is_ok() {
            used += 1;
            assert_refused!(aborted, Error::Conflict(Conflict::UploadClosed));
        } else {
            assert_refused!(committed, Error::Conflict(Conflict::UploadClosed));
            aborted.unwrap();
        }
        assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used, reserved: 0 });
    }
}
