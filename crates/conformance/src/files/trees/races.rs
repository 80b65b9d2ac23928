#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Quota};
use clouddrive_domain::port::CopyRequest;
use futures_util::future::{join, join_all};

use super::Fixture;
use super::file::content;
use super::folder::{contents, sample};
use crate::fixture::{assert_refused, name};

pub(super) async fn concurrent_copies_do_not_exceed_the_quota(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(1_300).await;
    let top = sample(fixture, &ann).await;
    let spec = CopyRequest { conflict: ConflictPolicy::Keep, ..fixture.copy_request(ann.id, top, ann.root).await };
    let outcomes = join_all((0..8).map(|_| fixture.copy(&spec))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Forbidden(Forbidden::Quota { needed: 321, .. }));
    }
    assert_eq!(fixture.quota(ann.id).await, Quota { total: 1_300, used: 4 * 321, reserved: 0 });
    let names: Vec<String> =
        contents(fixture, ann.id, ann.root).await.into_iter().filter(|path| path.matches('/').count() == 1).collect();
    assert_eq!(names, ["/top", "/top (1)", "/top (2)", "/top (3)"]);
}

pub(super) async fn concurrent_keep_both_copies_get_distinct_names(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "wanted.txt", 1).await;
    let spec = CopyRequest { conflict: ConflictPolicy::Keep, ..fixture.copy_request(ann.id, file, ann.root).await };
    let outcomes = join_all((0..12).map(|_| fixture.copy(&spec))).await;
    let names: BTreeSet<String> = outcomes.into_iter().map(|made| made.unwrap().node.name.to_string()).collect();
    assert_eq!(names, (1..=12).map(|number| format!("wanted ({number}).txt")).collect());
    assert_eq!(fixture.quota(ann.id).await.used, 13);
}

pub(super) async fn copies_in_opposite_directions_both_succeed(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (of_ann, of_bob) = (sample(fixture, &ann).await, sample(fixture, &bob).await);
    fixture.share(ann.id, of_ann, bob.id, Permission::View).await;
    fixture.share(bob.id, of_bob, ann.id, Permission::View).await;
    for round in 0..6 {
        let keep = |spec| CopyRequest { conflict: ConflictPolicy::Keep, ..spec };
        let to_ann = keep(fixture.copy_request(ann.id, of_bob, ann.root).await);
        let to_bob = keep(fixture.copy_request(bob.id, of_ann, bob.root).await);
        // Concurrent renames compete with the copies for each tree.
        let renaming = fixture.renaming(ann.id, of_ann, &format!("ann {round}")).await;
        let other = fixture.renaming(bob.id, of_bob, &format!("bob {round}")).await;
        let moves = join(fixture.relocate(&renaming), fixture.relocate(&other));
        let ((first, second), (one, two)) = join(join(fixture.copy(&to_ann), fixture.copy(&to_bob)), moves).await;
        for outcome in [first, second, one, two] {
            outcome.unwrap();
        }
    }
    assert_eq!((fixture.quota(ann.id).await.used, fixture.quota(bob.id).await.used), (7 * 321, 7 * 321));
}

pub(super) async fn a_copy_never_refers_to_a_blob_marked_for_deletion(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    for round in 0..10 {
        let text = format!("{round}");
        let file = fixture.file(ann.id, ann.root, &text, 10).await;
        let spec = fixture.copy_request(ann.id, file, to).await;
        let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
        let upload = fixture.open(&root, &text, Some(20)).await;
        let commit = fixture.completing(&upload, ConflictPolicy::Replace);
        let long_after = fixture.now().plus(crate::fixture::LIFETIME);
        let replacing = async {
            fixture.commit(&root, &commit).await.unwrap();
            fixture.marked_for_deletion(long_after).await
        };
        let (made, marked_for_deletion) = if round % 2 == 0 {
            join(fixture.copy(&spec), replacing).await
        } else {
            let (marked_for_deletion, made) = join(replacing, fixture.copy(&spec)).await;
            (made, marked_for_deletion)
        };
        let made = made.unwrap();
        let blob = &content(&made).blob.key;
        let later = fixture.marked_for_deletion(long_after).await;
        assert!(!marked_for_deletion.contains(blob) && !later.contains(blob), "round {round}");
        assert_eq!(made, fixture.located(made.node.id, ann.id).await);
    }
}

pub(super) async fn a_copy_is_of_one_moment(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (left, right) =
        (fixture.folder(ann.id, ann.root, "left").await, fixture.folder(ann.id, ann.root, "right").await);
    let (a, b) = (fixture.folder(ann.id, left, "a").await, fixture.folder(ann.id, left, "b").await);
    let file = fixture.file(ann.id, a, "file", 1).await;
    for round in 0..8 {
        let spec =
            CopyRequest { name: Some(name(&format!("{round}"))), ..fixture.copy_request(ann.id, left, right).await };
        let moving = fixture.moving(ann.id, file, if round % 2 == 0 { b } else { a }).await;
        let (made, moved) = join(fixture.copy(&spec), fixture.relocate(&moving)).await;
        moved.unwrap();
        let copied = contents(fixture, ann.id, made.unwrap().node.id).await;
        let files = copied.iter().filter(|path| path.ends_with("file: 1")).count();
        assert_eq!((copied.len(), files), (3, 1), "{copied:?}");
    }
}

pub(super) async fn files_that_replace_each_other_both_stay(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (a, b) = (fixture.file(ann.id, ann.root, "a", 1).await, fixture.file(ann.id, ann.root, "b", 2).await);
    let replacing = async |node, text: &str| {
        let spec = fixture.copy_request(ann.id, node, ann.root).await;
        CopyRequest { name: Some(name(text)), conflict: ConflictPolicy::Replace, ..spec }
    };
    for _ in 0..6 {
        let (to_b, to_a) = (replacing(a, "b").await, replacing(b, "a").await);
        let (first, second) = join(fixture.copy(&to_b), fixture.copy(&to_a)).await;
        assert_eq!((first.unwrap().node.id, second.unwrap().node.id), (b, a));
        let marked_for_deletion = fixture.marked_for_deletion(fixture.now().plus(crate::fixture::LIFETIME)).await;
        for file in [a, b] {
            assert!(!marked_for_deletion.contains(&content(&fixture.located(file, ann.id).await).blob.key));
        }
    }
}
