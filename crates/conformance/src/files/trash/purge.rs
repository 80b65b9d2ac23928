#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashSet;

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    Action, Command, ConflictPolicy, Limit, NodeId, Permission, Quota, Revision, Timestamp,
};
use clouddrive_domain::port::{Clearance, Doomed, Purge, PurgeStep, Revival};

use crate::world::{ALL, Member, QUOTA, STORE, World, assert_refused};

async fn is_gone(world: &World<'_>, node: NodeId, viewer: &Member) -> bool {
    world.store.drive.find(node, viewer.id.into()).await.unwrap().is_none()
}

pub(super) async fn a_file_goes_with_its_versions_and_shares(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let first = world.blob_of(file, ann.id).await;
    world.replace(ann.id, ann.root, "a", 7).await;
    let second = world.blob_of(file, ann.id).await;
    let kept = world.file(ann.id, ann.root, "b", 1).await;
    let share = world.share(ann.id, file, bob.id, Permission::View).await;
    world.trash(ann.id, file).await;
    assert_eq!(world.quota(ann.id).await.used, 13, "the trash counts");
    world.begin_purge(ann.id, file).await.unwrap();
    let purge =
        async || world.store.trash.purge(&world.command(ann.id), Purge::Of(ann.drive, file), ALL).await.unwrap();
    let step = purge().await;
    assert_eq!((step.removed, step.more), (1, false));
    assert_eq!(step.freed.iter().collect::<HashSet<_>>(), HashSet::from([&first, &second]));
    assert!(is_gone(world, file, &ann).await);
    assert_eq!(world.store.shares.find(share, ann.id).await.unwrap(), None);
    assert_eq!(purge().await, PurgeStep::default());
    assert_eq!(world.quota(ann.id).await.used, 13, "its bytes are there still");
    // If the freed bytes cannot be deleted, the collector may take them at once.
    let condemned = world.condemned(Timestamp::from_millis(0)).await;
    assert!(condemned.contains(&first) && condemned.contains(&second));
    assert!(!world.condemned(world.now()).await.contains(&world.blob_of(kept, ann.id).await));
    for (gone, used) in [(&first, 8), (&first, 8), (&second, 1)] {
        world.store.records.forget(&STORE, std::slice::from_ref(gone)).await.unwrap();
        assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used, reserved: 0 });
    }
}

pub(super) async fn what_others_still_have_is_given_back_at_once_and_not_freed(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let blob = world.blob_of(file, ann.id).await;
    world.share(ann.id, file, bob.id, Permission::View).await;
    let copy = world.copy_into(bob.id, file, bob.root).await.unwrap().node.id;
    for (owner, node, freed) in [(&ann, file, vec![]), (&bob, copy, vec![blob])] {
        world.trash(owner.id, node).await;
        world.begin_purge(owner.id, node).await.unwrap();
        let step = world.purge_step(Purge::Of(owner.drive, node), ALL).await;
        assert_eq!(step.freed, freed);
        assert_eq!(world.quota(owner.id).await.used, 0);
    }
}

pub(super) async fn a_content_that_a_file_had_twice_counts_once_when_it_is_gone(world: &World<'_>) {
    let ann = world.member().await;
    let file = world.file(ann.id, ann.root, "a", 5).await;
    let first = world.store.versions.list(&world.grant(ann.id, file, Action::Read).await, None, Limit::default()).await;
    let from = first.unwrap().first().unwrap().content.version;
    world.replace(ann.id, ann.root, "a", 7).await;
    let revival = Revival { from, version: world.id(), seen: None, most_versions: 20 };
    let grant = world.grant(ann.id, file, Action::Replace).await;
    world.store.versions.revive(&world.command(ann.id), &grant, &revival).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 17);
    world.trash(ann.id, file).await;
    world.begin_purge(ann.id, file).await.unwrap();
    let purge = world.store.trash.purge(&world.command(ann.id), Purge::Of(ann.drive, file), ALL).await.unwrap();
    assert_eq!((purge.freed.len(), world.quota(ann.id).await.used), (2, 12));
    world.store.records.forget(&STORE, &purge.freed).await.unwrap();
    assert_eq!(world.quota(ann.id).await.used, 0);
}

/// A folder with `wide` folders of `wide` files each, and one more file `deep` folders down; and the number of nodes.
async fn tree(world: &World<'_>, ann: &Member, (wide, deep): (u32, u32)) -> (NodeId, u32) {
    let top = world.folder(ann.id, ann.root, "top").await;
    for number in 0..wide {
        let folder = world.folder(ann.id, top, &format!("{number}")).await;
        for file in 0..wide {
            world.file(ann.id, folder, &format!("{file}"), 1).await;
        }
    }
    let mut deepest = top;
    for _ in 0..deep {
        deepest = world.folder(ann.id, deepest, "deeper").await;
    }
    world.file(ann.id, deepest, "deepest", 1).await;
    (top, 1 + wide + wide * wide + deep + 1)
}

pub(super) async fn a_tree_goes_whole_in_steps_of_any_size(world: &World<'_>) {
    for most in [1, 2, 5, ALL] {
        let ann = world.member().await;
        let (top, count) = tree(world, &ann, (4, 9)).await;
        world.trash(ann.id, top).await;
        world.begin_purge(ann.id, top).await.unwrap();
        assert_eq!(world.purge(Purge::Of(ann.drive, top), most).await, count, "in steps of {most}");
        assert_eq!(world.quota(ann.id).await.used, 0);
        assert!(is_gone(world, top, &ann).await);
        world.folder(ann.id, ann.root, "top").await;
    }
}

pub(super) async fn from_its_beginning_on_it_is_in_no_list(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let (top, count) = tree(world, &ann, (3, 3)).await;
    world.share(ann.id, top, bob.id, Permission::Edit).await;
    world.trash(ann.id, top).await;
    let (wish, item) = (world.restoration(ann.id, top).await, world.grant(ann.id, top, Action::Purge).await);
    world.begin_purge(ann.id, top).await.unwrap();
    let mut left = count;
    while left > 0 {
        assert_eq!(world.trashed(&ann).await, []);
        if left > 1 {
            let by = world.command(ann.id);
            assert_refused!(world.store.trash.restore(&by, &wish).await, Error::NotFound);
            assert_refused!(world.store.trash.begin_purge(&by, &item, None).await, Error::NotFound);
        }
        assert!(is_gone(world, top, &ann).await && is_gone(world, top, &bob).await);
        let received = world.store.shares.list_received(bob.id, None, Default::default()).await.unwrap();
        assert!(received.into_iter().all(|(_, found)| found.entry().is_none()));
        let step = world.purge_step(Purge::Of(ann.drive, top), 2).await;
        left -= step.removed;
        assert_eq!(step.more, left > 0);
    }
}

pub(super) async fn what_was_trashed_by_itself_outlives_its_folder(world: &World<'_>) {
    let ann = world.member().await;
    let top = world.folder(ann.id, ann.root, "top").await;
    let folder = world.folder(ann.id, top, "folder").await;
    let below = world.file(ann.id, folder, "below", 2).await;
    let (file, inner) = (world.file(ann.id, top, "file", 3).await, world.folder(ann.id, top, "inner").await);
    let doomed = world.file(ann.id, inner, "doomed", 5).await;
    for node in [folder, file, top] {
        world.trash(ann.id, node).await;
    }
    world.begin_purge(ann.id, top).await.unwrap();
    assert_eq!(world.purge(Purge::Of(ann.drive, top), 2).await, 3);
    assert!(is_gone(world, doomed, &ann).await);
    assert_eq!(world.trashed(&ann).await, [file, folder]);
    assert_eq!(world.quota(ann.id).await.used, 5);
    for node in [folder, file] {
        assert_eq!(world.restore(ann.id, node).await.unwrap().node.parent, Some(ann.root));
    }
    assert!(world.try_grant(ann.id, below, Action::Read).await.is_ok());
}

pub(super) async fn a_purge_goes_on_by_itself_and_leaves_others_alone(world: &World<'_>) {
    world.purge(Purge::Any, ALL).await;
    let (ann, bob) = (world.member().await, world.member().await);
    let mut tops = Vec::new();
    for member in [&ann, &ann, &bob] {
        let (top, count) = tree(world, member, (2, 1)).await;
        assert_eq!(count, 9);
        world.trash(member.id, top).await;
        world.begin_purge(member.id, top).await.unwrap();
        tops.push(top);
    }
    let [first, second, of_bob] = <[NodeId; 3]>::try_from(tops).unwrap();
    assert_eq!(world.purge(Purge::Of(ann.drive, first), 3).await, 9);
    assert_eq!((world.quota(ann.id).await.used, world.quota(bob.id).await.used), (5, 5));
    // A purge of one drive does not affect a node of another.
    assert_eq!(world.purge(Purge::Of(ann.drive, of_bob), 3).await, 0);
    assert_eq!(world.purge(Purge::In(ann.drive), 3).await, 9);
    assert!(is_gone(world, second, &ann).await);
    assert_eq!((world.quota(ann.id).await.used, world.quota(bob.id).await.used), (0, 5));
    assert_eq!(world.purge(Purge::Any, 3).await, 9);
    assert_eq!(world.quota(bob.id).await.used, 0);
    let step = world.store.trash.purge(&world.command(ann.id), Purge::Any, 3).await.unwrap();
    assert_eq!(step, PurgeStep::default());
}

pub(super) async fn a_trash_is_emptied_in_batches(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    for member in [&ann, &bob] {
        for number in 0..5 {
            let file = world.file(member.id, member.root, &format!("{number}"), 1).await;
            world.trash(member.id, file).await;
        }
        world.file(member.id, member.root, "live", 1).await;
    }
    let root = world.grant(ann.id, ann.root, Action::Read).await;
    let doomed = Doomed::All(Box::new(root));
    for (begun, left) in [(2, 3), (2, 1), (1, 0), (0, 0)] {
        let by = world.command(ann.id);
        assert_eq!(world.store.trash.begin_purges(&by, &doomed, 2).await.unwrap(), begun);
        assert_eq!(world.trashed(&ann).await.len(), left);
    }
    assert_eq!(world.purge(Purge::In(ann.drive), 2).await, 5);
    assert_eq!((world.quota(ann.id).await.used, world.quota(bob.id).await.used), (1, 6));
    assert_eq!(world.trashed(&bob).await.len(), 5);
}

pub(super) async fn what_is_due_goes_and_what_is_not_stays(world: &World<'_>) {
    let own = |at| -> Command { world.command_at(None, at) };
    let until = async |until: Timestamp| {
        let mut begun = 0;
        loop {
            let more = world.store.trash.begin_purges(&own(until), &Doomed::Until(until), 2).await.unwrap();
            assert!(more <= 2);
            if more == 0 {
                return begun;
            }
            begun += more;
        }
    };
    until(world.now()).await;
    let (ann, bob) = (world.member().await, world.member().await);
    let mut times = Vec::new();
    for number in 0..3 {
        for member in [&ann, &bob] {
            let node = world.folder(member.id, member.root, &format!("{number}")).await;
            let at = world.now();
            let item = world.grant(member.id, node, Action::Trash).await;
            world.store.trash.put(&world.command_at(Some(member.id), at), &item, None).await.unwrap();
            times.push(at);
        }
    }
    let early = Timestamp::from_millis(times.first().unwrap().as_millis() - 1);
    assert_eq!(until(early).await, 0);
    let oldest = async || world.store.trash.find_oldest().await.unwrap();
    assert_eq!(oldest().await.as_ref(), times.first());
    assert_eq!(until(*times.get(3).unwrap()).await, 4);
    assert_eq!(oldest().await.as_ref(), times.get(4), "what is being purged does not count");
    assert_eq!((world.trashed(&ann).await.len(), world.trashed(&bob).await.len()), (1, 1));
    assert_eq!(until(*times.last().unwrap()).await, 2);
    assert_eq!((world.trashed(&ann).await, world.trashed(&bob).await), (vec![], vec![]));
    assert_eq!(oldest().await, None);
    world.purge(Purge::Any, ALL).await;
}

pub(super) async fn uploads_into_what_is_gone_end_as_they_would(world: &World<'_>) {
    let ann = world.member().await;
    let top = world.folder(ann.id, ann.root, "top").await;
    let into = world.grant(ann.id, top, Action::AddTo).await;
    let (given_up, forgotten) = (world.open(&into, "a", Some(3)).await, world.open(&into, "b", Some(4)).await);
    world.trash(ann.id, top).await;
    world.begin_purge(ann.id, top).await.unwrap();
    world.purge(Purge::Of(ann.drive, top), ALL).await;
    let commit = world.completing(&given_up, ConflictPolicy::Keep);
    assert_refused!(world.commit(&into, &commit).await, Error::NotFound);
    assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used: 0, reserved: 7 });
    world.store.uploads.abort(&world.command(ann.id), given_up.id).await.unwrap();
    world.store.uploads.expire_due(&world.command_at(None, forgotten.expires_at), ALL).await.unwrap();
    assert_eq!(world.quota(ann.id).await, Quota { total: QUOTA, used: 0, reserved: 0 });
    let condemned = world.condemned(forgotten.expires_at).await;
    assert!(condemned.contains(&given_up.blob) && condemned.contains(&forgotten.blob));
}

pub(super) async fn a_purge_is_for_the_revision_that_was_seen(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let file = world.file(ann.id, ann.root, "a", 5).await;
    world.share(ann.id, file, bob.id, Permission::Edit).await;
    assert_refused!(world.try_grant(ann.id, file, Action::Purge).await, Error::NotFound);
    world.trash(ann.id, file).await;
    assert_refused!(world.try_grant(bob.id, file, Action::Purge).await, Error::NotFound);
    let item = world.grant(ann.id, file, Action::Purge).await;
    let begin = async |seen| world.store.trash.begin_purge(&world.command(ann.id), &item, Some(Revision(seen))).await;
    assert_refused!(begin(1).await, Error::PreconditionFailed);
    assert_eq!(world.trashed(&ann).await, [file]);
    begin(2).await.unwrap();
    assert_refused!(begin(2).await, Error::NotFound);
}

pub(super) async fn drives_that_have_an_owner_are_left_alone(world: &World<'_>) {
    // First clear the ownerless drives of other cases.
    let clear =
        async || world.store.trash.clear_ownerless(&world.command_at(None, world.now()), None, ALL).await.unwrap();
    while clear().await != Clearance::Nothing {
        world.store.trash.purge(&world.command_at(None, world.now()), Purge::Any, ALL).await.unwrap();
    }
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = world.open(&root, "a", Some(1)).await;
    let file = world.file(ann.id, ann.root, "b", 1).await;
    world.trash(ann.id, file).await;
    assert_eq!(clear().await, Clearance::Nothing);
    assert_eq!(world.upload(&upload).await, upload);
    assert_eq!(world.trashed(&ann).await, [file]);
}
