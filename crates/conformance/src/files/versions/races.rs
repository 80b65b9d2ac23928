#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, ConflictPolicy, Quota, Revision, Seen};
use clouddrive_domain::{Error, Result};
use futures_util::future::{join, join_all};

use super::Fixture;
use super::{append_content, delete, list_history, sizes, version_of_size};
use crate::fixture::{QUOTA, assert_refused};

pub(super) async fn concurrent_appends_are_all_in_the_history(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 100).await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut contents = Vec::new();
    let mut commits = Vec::new();
    for number in 0..5 {
        contents.push(fixture.new_content(1 << number).await);
        let upload = fixture.open(&root, "a", Some(32 << number)).await;
        commits.push(fixture.completing(&upload, ConflictPolicy::Replace));
    }
    let appending = join_all(contents.iter().map(|new| append_content(fixture, ann.id, file, new)));
    let replacing = join_all(commits.iter().map(|commit| fixture.commit(&root, commit)));
    let (appended, replaced) = join(appending, replacing).await;
    let revisions: BTreeSet<Revision> =
        appended.into_iter().chain(replaced).map(|made| made.unwrap().node.revision).collect();
    assert_eq!(revisions, (2..=11).map(Revision).collect());
    let versions = list_history(fixture, ann.id, file).await;
    assert_eq!(
        versions.iter().map(|version| version.revision.0).collect::<Vec<_>>(),
        (1..=11).rev().collect::<Vec<_>>()
    );
    assert_eq!(
        versions.iter().map(|version| version.is_current).collect::<Vec<_>>(),
        [&[true][..], &[false; 10]].concat()
    );
    assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used: 100 + 1023, reserved: 0 });
}

pub(super) async fn one_of_two_conditional_appends_succeeds(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 0).await;
    for round in 1..6 {
        let mut rivals = [fixture.new_content(1).await, fixture.new_content(1).await];
        for rival in &mut rivals {
            rival.seen = Some(Seen::Revision(Revision(round)));
        }
        let outcomes = join_all(rivals.iter().map(|new| append_content(fixture, ann.id, file, new))).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for outcome in lost {
            assert_refused!(outcome, Error::PreconditionFailed);
        }
        assert_eq!(fixture.quota(ann.id).await.used, round);
    }
}

pub(super) async fn a_version_is_deleted_or_in_use_while_another_replaces_it(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for round in 0..8 {
        let file = fixture.file(ann.id, ann.root, &format!("{round}"), 10).await;
        let (first, new) = (version_of_size(fixture, ann.id, file, 10).await, fixture.new_content(1).await);
        let used = fixture.quota(ann.id).await.used;
        let (deleted, appended) = if round % 2 == 0 {
            join(delete(fixture, ann.id, file, first), append_content(fixture, ann.id, file, &new)).await
        } else {
            let (appended, deleted) =
                join(append_content(fixture, ann.id, file, &new), delete(fixture, ann.id, file, first)).await;
            (deleted, appended)
        };
        appended.unwrap();
        if deleted.is_ok() {
            assert_eq!(sizes(fixture, ann.id, file).await, [1]);
            assert_eq!(fixture.quota(ann.id).await.used, used - 9);
        } else {
            assert_refused!(deleted, Error::Conflict(Conflict::VersionInUse));
            assert_eq!(sizes(fixture, ann.id, file).await, [1, 10]);
            assert_eq!(fixture.quota(ann.id).await.used, used + 1);
        }
    }
}

pub(super) async fn one_of_two_deletions_succeeds(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for round in 0..5 {
        let text = format!("{round}");
        let file = fixture.file(ann.id, ann.root, &text, 10).await;
        let first = version_of_size(fixture, ann.id, file, 10).await;
        fixture.replace(ann.id, ann.root, &text, 1).await;
        let outcomes = join_all((0..3).map(|_| delete(fixture, ann.id, file, first))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            assert_refused!(outcome, Error::NotFound);
        }
        assert_eq!(fixture.quota(ann.id).await.used, round + 1);
    }
}
