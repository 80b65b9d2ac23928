#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{Action, BlobKey, ConflictPolicy, Grant, Quota, Revision, UploadState};
use clouddrive_domain::port::{Commit, NewUpload};
use futures_util::future::{join, join_all};

use super::Fixture;
use crate::fixture::{QUOTA, assert_refused};

pub(super) async fn many_begin_at_the_last_bytes(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(100).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let openings: Vec<NewUpload> =
        (0..12).map(|number| fixture.new_upload(&root, &format!("{number}"), Some(30))).collect();
    let outcomes = join_all(openings.iter().map(|new_upload| fixture.begin(&root, new_upload))).await;
    let (begun, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let reserved: BTreeSet<u64> = begun.into_iter().map(|quota| quota.unwrap().reserved).collect();
    assert_eq!(reserved, BTreeSet::from([30, 60, 90]));
    for outcome in refused {
        assert_refused!(outcome, Error::Forbidden(Forbidden::Quota { needed: 30, .. }));
    }
    assert_eq!(fixture.quota(ann.id).await, Quota { total: 100, used: 0, reserved: 90 });
}

pub(super) async fn many_begin_at_the_last_open_one(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut openings: Vec<NewUpload> =
        (0..8).map(|number| fixture.new_upload(&root, &format!("{number}"), Some(1))).collect();
    for new_upload in &mut openings {
        new_upload.max_open = 3;
    }
    let outcomes = join_all(openings.iter().map(|new_upload| fixture.begin(&root, new_upload))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Invalid(_));
    }
}

pub(super) async fn one_upload_is_committed_twice(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    for number in 0..5 {
        let upload = fixture.open(&root, &format!("{number}"), Some(10)).await;
        let commits = [ConflictPolicy::Fail, ConflictPolicy::Keep, ConflictPolicy::Replace]
            .map(|conflict| fixture.completing(&upload, conflict));
        let outcomes = join_all(commits.iter().map(|commit| fixture.commit(&root, commit))).await;
        let mut made: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        made.dedup();
        assert_eq!(made.len(), 1);
        assert_eq!(made.first().map(|made| made.node.revision), Some(Revision(1)));
        assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used: 10 * (number + 1), reserved: 0 });
    }
}

async fn rivals(fixture: &Fixture<'_>, folder: &Grant, conflict: ConflictPolicy, sizes: &[u64]) -> Vec<Commit> {
    let mut commits = Vec::new();
    for size in sizes {
        let upload = fixture.open(folder, "wanted.txt", Some(*size)).await;
        // Keep one version only: a replaced content is deleted.
        commits.push(Commit { max_versions: 1, ..fixture.completing(&upload, conflict) });
    }
    commits
}

pub(super) async fn one_of_many_commits_of_a_name_succeeds(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let commits = rivals(fixture, &root, ConflictPolicy::Fail, &[1; 8]).await;
    let outcomes = join_all(commits.iter().map(|commit| fixture.commit(&root, commit))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for (commit, outcome) in commits.iter().zip(outcomes) {
        let state = fixture.store.uploads().find(commit.upload, ann.id).await.unwrap().unwrap().state;
        if outcome.is_ok() {
            assert_eq!(state, UploadState::Complete(commit.file));
        } else {
            assert_refused!(outcome, Error::Conflict(Conflict::NameTaken(_)));
            assert_eq!(state, UploadState::Open);
        }
    }
    assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used: 1, reserved: 7 });
}

pub(super) async fn concurrent_keep_both_uploads_get_distinct_names(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let commits = rivals(fixture, &root, ConflictPolicy::Keep, &[1; 12]).await;
    let outcomes = join_all(commits.iter().map(|commit| fixture.commit(&root, commit))).await;
    let names: BTreeSet<String> = outcomes.into_iter().map(|made| made.unwrap().node.name.to_string()).collect();
    let mut expected: BTreeSet<String> = (1..12).map(|number| format!("wanted ({number}).txt")).collect();
    expected.insert("wanted.txt".to_owned());
    assert_eq!(names, expected);
}

pub(super) async fn one_of_many_replacements_is_last(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let file = fixture.file(ann.id, ann.root, "wanted.txt", 1_000).await;
    let former = fixture.blob_of(file, ann.id).await;
    let commits = rivals(fixture, &root, ConflictPolicy::Replace, &[1, 2, 4, 8, 16]).await;
    let outcomes = join_all(commits.iter().map(|commit| fixture.commit(&root, commit))).await;
    let revisions: BTreeSet<Revision> = outcomes.into_iter().map(|made| made.unwrap().node.revision).collect();
    assert_eq!(revisions, (2..=6).map(Revision).collect());
    let node = fixture.located(file, ann.id).await.node;
    let content = node.content().unwrap();
    assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used: content.size, reserved: 0 });
    let is_gone = async |blob: &BlobKey| fixture.store.records().recorded_at(blob).await.unwrap().is_none();
    assert!(is_gone(&former).await);
    for commit in commits {
        let upload = fixture.store.uploads().find(commit.upload, ann.id).await.unwrap().unwrap();
        assert_eq!(upload.state, UploadState::Complete(file));
        assert_eq!(is_gone(&upload.blob).await, upload.blob != content.blob.key);
    }
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&content.blob.key));
}

pub(super) async fn an_upload_is_either_committed_or_aborted(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut used = 0;
    for number in 0..8 {
        let upload = fixture.open(&root, &format!("{number}"), Some(1)).await;
        let commit = fixture.completing(&upload, ConflictPolicy::Fail);
        let command = fixture.command(ann.id);
        let aborting = fixture.store.uploads().abort(&command, upload.id);
        let (committed, aborted) = if number % 2 == 0 {
            join(fixture.commit(&root, &commit), aborting).await
        } else {
            let (aborted, committed) = join(aborting, fixture.commit(&root, &commit)).await;
            (committed, aborted)
        };
        if committed.is_ok() {
            used += 1;
            assert_refused!(aborted, Error::Conflict(Conflict::UploadClosed));
        } else {
            assert_refused!(committed, Error::Conflict(Conflict::UploadClosed));
            aborted.unwrap();
        }
        assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used, reserved: 0 });
    }
}
