#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Action, ConflictPolicy, Permission, Quota};
use clouddrive_domain::port::Copying;
use futures_util::future::{join, join_all};

use super::file::content;
use super::folder::{contents, sample};
use crate::world::{World, assert_refused, name};

pub(super) async fn the_quota_is_exact_however_many_copy(world: &World<'_>) {
    let ann = world.member_with(1_300).await;
    let top = sample(world, &ann).await;
    let wish = Copying { conflict: ConflictPolicy::Keep, ..world.copying(ann.id, top, ann.root).await };
    let outcomes = join_all((0..8).map(|_| world.copy(&wish))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Forbidden(Forbidden::Quota { needed: 321, .. }));
    }
    assert_eq!(world.quota(ann.id).await, Quota { total: 1_300, used: 4 * 321, reserved: 0 });
    let names: Vec<String> =
        contents(world, ann.id, ann.root).await.into_iter().filter(|path| path.matches('/').count() == 1).collect();
    assert_eq!(names, ["/top", "/top (1)", "/top (2)", "/top (3)"]);
}

pub(super) async fn all_who_keep_both_get_a_name_of_their_own(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "wanted.txt", 1).await;
    let wish = Copying { conflict: ConflictPolicy::Keep, ..world.copying(ann.id, file, ann.root).await };
    let outcomes = join_all((0..12).map(|_| world.copy(&wish))).await;
    let names: BTreeSet<String> = outcomes.into_iter().map(|made| made.unwrap().node.name.to_string()).collect();
    assert_eq!(names, (1..=12).map(|number| format!("wanted ({number}).txt")).collect());
    assert_eq!(world.quota(ann.id).await.used, 13);
}

pub(super) async fn copies_in_opposite_directions_both_succeed(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let (of_ann, of_bob) = (sample(world, &ann).await, sample(world, &bob).await);
    world.share(ann.id, of_ann, bob.id, Permission::View).await;
    world.share(bob.id, of_bob, ann.id, Permission::View).await;
    for round in 0..6 {
        let keep = |wish| Copying { conflict: ConflictPolicy::Keep, ..wish };
        let to_ann = keep(world.copying(ann.id, of_bob, ann.root).await);
        let to_bob = keep(world.copying(bob.id, of_ann, bob.root).await);
        // Concurrent renames compete with the copies for each tree.
        let renaming = world.renaming(ann.id, of_ann, &format!("ann {round}")).await;
        let other = world.renaming(bob.id, of_bob, &format!("bob {round}")).await;
        let moves = join(world.relocate(&renaming), world.relocate(&other));
        let ((first, second), (one, two)) = join(join(world.copy(&to_ann), world.copy(&to_bob)), moves).await;
        for outcome in [first, second, one, two] {
            outcome.unwrap();
        }
    }
    assert_eq!((world.quota(ann.id).await.used, world.quota(bob.id).await.used), (7 * 321, 7 * 321));
}

pub(super) async fn a_copy_never_refers_to_a_condemned_blob(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    for round in 0..10 {
        let text = format!("{round}");
        let file = world.file(ann.id, ann.root, &text, 10).await;
        let wish = world.copying(ann.id, file, to).await;
        let root = world.grant(ann.id, ann.root, Action::AddTo).await;
        let upload = world.open(&root, &text, Some(20)).await;
        let commit = world.completing(&upload, ConflictPolicy::Replace);
        let long_after = world.now().plus(crate::world::LIFETIME);
        let replacing = async {
            world.commit(&root, &commit).await.unwrap();
            world.condemned(long_after).await
        };
        let (made, condemned) = if round % 2 == 0 {
            join(world.copy(&wish), replacing).await
        } else {
            let (condemned, made) = join(replacing, world.copy(&wish)).await;
            (made, condemned)
        };
        let made = made.unwrap();
        let blob = &content(&made).blob;
        let later = world.condemned(long_after).await;
        assert!(!condemned.contains(blob) && !later.contains(blob), "round {round}");
        assert_eq!(made, world.located(made.node.id, ann.id).await);
    }
}

pub(super) async fn a_copy_is_of_one_moment(world: &World<'_>) {
    let ann = world.member().await;
    let (left, right) = (world.folder(ann.id, ann.root, "left").await, world.folder(ann.id, ann.root, "right").await);
    let (a, b) = (world.folder(ann.id, left, "a").await, world.folder(ann.id, left, "b").await);
    let file = world.file(ann.id, a, "file", 1).await;
    for round in 0..8 {
        let wish = Copying { name: Some(name(&format!("{round}"))), ..world.copying(ann.id, left, right).await };
        let moving = world.moving(ann.id, file, if round % 2 == 0 { b } else { a }).await;
        let (made, moved) = join(world.copy(&wish), world.relocate(&moving)).await;
        moved.unwrap();
        let copied = contents(world, ann.id, made.unwrap().node.id).await;
        let files = copied.iter().filter(|path| path.ends_with("file: 1")).count();
        assert_eq!((copied.len(), files), (3, 1), "{copied:?}");
    }
}

pub(super) async fn files_that_replace_each_other_both_stay(world: &World<'_>) {
    let ann = world.member().await;
    let (a, b) = (world.file(ann.id, ann.root, "a", 1).await, world.file(ann.id, ann.root, "b", 2).await);
    let replacing = async |node, text: &str| {
        let wish = world.copying(ann.id, node, ann.root).await;
        Copying { name: Some(name(text)), conflict: ConflictPolicy::Replace, ..wish }
    };
    for _ in 0..6 {
        let (to_b, to_a) = (replacing(a, "b").await, replacing(b, "a").await);
        let (first, second) = join(world.copy(&to_b), world.copy(&to_a)).await;
        assert_eq!((first.unwrap().node.id, second.unwrap().node.id), (b, a));
        let condemned = world.condemned(world.now().plus(crate::world::LIFETIME)).await;
        for file in [a, b] {
            assert!(!condemned.contains(&content(&world.located(file, ann.id).await).blob));
        }
    }
}
