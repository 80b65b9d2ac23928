#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashSet;

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    Action, Command, ConflictPolicy, Limit, NodeId, Permission, Quota, Revision, Timestamp,
};
use clouddrive_domain::port::{CleanupProgress, Purge, PurgeScope, PurgeStep, VersionRestore};

use super::Fixture;
use crate::fixture::{ALL, QUOTA, STORE, TestUser, assert_refused, keys};

async fn is_gone(fixture: &Fixture<'_>, node: NodeId, viewer: &TestUser) -> bool {
    fixture.store.drive().find(node, viewer.id.into()).await.unwrap().is_none()
}

pub(super) async fn a_file_goes_with_its_versions_and_shares(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let first = fixture.blob_of(file, ann.id).await;
    fixture.replace(ann.id, ann.root, "a", 7).await;
    let second = fixture.blob_of(file, ann.id).await;
    let kept = fixture.file(ann.id, ann.root, "b", 1).await;
    let share = fixture.share(ann.id, file, bob.id, Permission::View).await;
    fixture.trash(ann.id, file).await;
    assert_eq!(fixture.quota(ann.id).await.used, 13, "the trash counts");
    fixture.begin_purge(ann.id, file).await.unwrap();
    let purge =
        async || fixture.store.trash().purge(&fixture.command(ann.id), Purge::Of(ann.drive, file), ALL).await.unwrap();
    let step = purge().await;
    assert_eq!((step.removed, step.more), (1, false));
    assert_eq!(keys(&step.freed).iter().collect::<HashSet<_>>(), HashSet::from([&first, &second]));
    assert!(is_gone(fixture, file, &ann).await);
    assert_eq!(fixture.store.shares().find(share, ann.id).await.unwrap(), None);
    assert_eq!(purge().await, PurgeStep::default());
    assert_eq!(fixture.quota(ann.id).await.used, 13, "its bytes are there still");
    // If the freed bytes cannot be deleted, the collector may take them at once.
    let marked_for_deletion = fixture.marked_for_deletion(Timestamp::from_millis(0)).await;
    assert!(marked_for_deletion.contains(&first) && marked_for_deletion.contains(&second));
    assert!(!fixture.marked_for_deletion(fixture.now()).await.contains(&fixture.blob_of(kept, ann.id).await));
    for (gone, used) in [(&first, 8), (&first, 8), (&second, 1)] {
        fixture.store.records().remove(&STORE, std::slice::from_ref(gone)).await.unwrap();
        assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used, reserved: 0 });
    }
}

pub(super) async fn shared_blobs_stop_counting_at_once_and_are_not_deleted(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let blob = fixture.blob_of(file, ann.id).await;
    fixture.share(ann.id, file, bob.id, Permission::View).await;
    let copy = fixture.copy_into(bob.id, file, bob.root).await.unwrap().node.id;
    for (owner, node, freed) in [(&ann, file, vec![]), (&bob, copy, vec![blob])] {
        fixture.trash(owner.id, node).await;
        fixture.begin_purge(owner.id, node).await.unwrap();
        let step = fixture.purge_step(Purge::Of(owner.drive, node), ALL).await;
        assert_eq!(keys(&step.freed), freed);
        assert_eq!(fixture.quota(owner.id).await.used, 0);
    }
}

pub(super) async fn a_content_that_a_file_had_twice_counts_once_when_it_is_gone(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    let first =
        fixture.store.versions().list(&fixture.grant(ann.id, file, Action::Read).await, None, Limit::default()).await;
    let from = first.unwrap().first().unwrap().content.version;
    fixture.replace(ann.id, ann.root, "a", 7).await;
    let version_restore = VersionRestore { from, version: fixture.id(), seen: None, max_versions: 20 };
    let grant = fixture.grant(ann.id, file, Action::Replace).await;
    fixture.store.versions().restore(&fixture.command(ann.id), &grant, &version_restore).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 17);
    fixture.trash(ann.id, file).await;
    fixture.begin_purge(ann.id, file).await.unwrap();
    let purge = fixture.store.trash().purge(&fixture.command(ann.id), Purge::Of(ann.drive, file), ALL).await.unwrap();
    assert_eq!((purge.freed.len(), fixture.quota(ann.id).await.used), (2, 12));
    fixture.store.records().remove(&STORE, &keys(&purge.freed)).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, 0);
}

/// A folder with `wide` folders of `wide` files each, and one more file `deep` folders down; and the number of nodes.
async fn tree(fixture: &Fixture<'_>, ann: &TestUser, (wide, deep): (u32, u32)) -> (NodeId, u32) {
    let top = fixture.folder(ann.id, ann.root, "top").await;
    for number in 0..wide {
        let folder = fixture.folder(ann.id, top, &format!("{number}")).await;
        for file in 0..wide {
            fixture.file(ann.id, folder, &format!("{file}"), 1).await;
        }
    }
    let mut deepest = top;
    for _ in 0..deep {
        deepest = fixture.folder(ann.id, deepest, "deeper").await;
    }
    fixture.file(ann.id, deepest, "deepest", 1).await;
    (top, 1 + wide + wide * wide + deep + 1)
}

pub(super) async fn a_tree_is_purged_completely_in_steps_of_any_size(fixture: &Fixture<'_>) {
    for max in [1, 2, 5, ALL] {
        let ann = fixture.user().await;
        let (top, count) = tree(fixture, &ann, (4, 9)).await;
        fixture.trash(ann.id, top).await;
        fixture.begin_purge(ann.id, top).await.unwrap();
        assert_eq!(fixture.purge(Purge::Of(ann.drive, top), max).await, count, "in steps of {max}");
        assert_eq!(fixture.quota(ann.id).await.used, 0);
        assert!(is_gone(fixture, top, &ann).await);
        fixture.folder(ann.id, ann.root, "top").await;
    }
}

pub(super) async fn from_its_beginning_on_it_is_in_no_list(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (top, count) = tree(fixture, &ann, (3, 3)).await;
    fixture.share(ann.id, top, bob.id, Permission::Edit).await;
    fixture.trash(ann.id, top).await;
    let (spec, item) = (fixture.restoration(ann.id, top).await, fixture.grant(ann.id, top, Action::Purge).await);
    fixture.begin_purge(ann.id, top).await.unwrap();
    let mut left = count;
    while left > 0 {
        assert_eq!(fixture.trashed(&ann).await, []);
        if left > 1 {
            let by = fixture.command(ann.id);
            assert_refused!(fixture.store.trash().restore(&by, &spec).await, Error::NotFound);
            assert_refused!(fixture.store.trash().begin_purge(&by, &item, None).await, Error::NotFound);
        }
        assert!(is_gone(fixture, top, &ann).await && is_gone(fixture, top, &bob).await);
        let received = fixture.store.shares().list_received(bob.id, None, Default::default()).await.unwrap();
        assert!(received.into_iter().all(|(_, found)| found.entry().is_none()));
        let step = fixture.purge_step(Purge::Of(ann.drive, top), 2).await;
        left -= step.removed;
        assert_eq!(step.more, left > 0);
    }
}

pub(super) async fn a_separately_trashed_item_outlives_its_folder(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let folder = fixture.folder(ann.id, top, "folder").await;
    let below = fixture.file(ann.id, folder, "below", 2).await;
    let (file, inner) = (fixture.file(ann.id, top, "file", 3).await, fixture.folder(ann.id, top, "inner").await);
    let scope = fixture.file(ann.id, inner, "doomed", 5).await;
    for node in [folder, file, top] {
        fixture.trash(ann.id, node).await;
    }
    fixture.begin_purge(ann.id, top).await.unwrap();
    assert_eq!(fixture.purge(Purge::Of(ann.drive, top), 2).await, 3);
    assert!(is_gone(fixture, scope, &ann).await);
    assert_eq!(fixture.trashed(&ann).await, [file, folder]);
    assert_eq!(fixture.quota(ann.id).await.used, 5);
    for node in [folder, file] {
        assert_eq!(fixture.restore(ann.id, node).await.unwrap().node.parent, Some(ann.root));
    }
    assert!(fixture.try_grant(ann.id, below, Action::Read).await.is_ok());
}

pub(super) async fn a_purge_continues_by_itself_and_affects_nothing_else(fixture: &Fixture<'_>) {
    fixture.purge(Purge::Any, ALL).await;
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let mut tops = Vec::new();
    for user in [&ann, &ann, &bob] {
        let (top, count) = tree(fixture, user, (2, 1)).await;
        assert_eq!(count, 9);
        fixture.trash(user.id, top).await;
        fixture.begin_purge(user.id, top).await.unwrap();
        tops.push(top);
    }
    let [first, second, of_bob] = <[NodeId; 3]>::try_from(tops).unwrap();
    assert_eq!(fixture.purge(Purge::Of(ann.drive, first), 3).await, 9);
    assert_eq!((fixture.quota(ann.id).await.used, fixture.quota(bob.id).await.used), (5, 5));
    // A purge of one drive does not affect a node of another.
    assert_eq!(fixture.purge(Purge::Of(ann.drive, of_bob), 3).await, 0);
    assert_eq!(fixture.purge(Purge::In(ann.drive), 3).await, 9);
    assert!(is_gone(fixture, second, &ann).await);
    assert_eq!((fixture.quota(ann.id).await.used, fixture.quota(bob.id).await.used), (0, 5));
    assert_eq!(fixture.purge(Purge::Any, 3).await, 9);
    assert_eq!(fixture.quota(bob.id).await.used, 0);
    let step = fixture.store.trash().purge(&fixture.command(ann.id), Purge::Any, 3).await.unwrap();
    assert_eq!(step, PurgeStep::default());
}

pub(super) async fn a_trash_is_emptied_in_batches(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    for user in [&ann, &bob] {
        for number in 0..5 {
            let file = fixture.file(user.id, user.root, &format!("{number}"), 1).await;
            fixture.trash(user.id, file).await;
        }
        fixture.file(user.id, user.root, "live", 1).await;
    }
    let root = fixture.grant(ann.id, ann.root, Action::Read).await;
    let scope = PurgeScope::All(Box::new(root));
    for (begun, left) in [(2, 3), (2, 1), (1, 0), (0, 0)] {
        let by = fixture.command(ann.id);
        assert_eq!(fixture.store.trash().begin_purges(&by, &scope, 2).await.unwrap(), begun);
        assert_eq!(fixture.trashed(&ann).await.len(), left);
    }
    assert_eq!(fixture.purge(Purge::In(ann.drive), 2).await, 5);
    assert_eq!((fixture.quota(ann.id).await.used, fixture.quota(bob.id).await.used), (1, 6));
    assert_eq!(fixture.trashed(&bob).await.len(), 5);
}

pub(super) async fn only_due_trash_is_purged(fixture: &Fixture<'_>) {
    let own = |at| -> Command { fixture.command_at(None, at) };
    let until = async |until: Timestamp| {
        let mut begun = 0;
        loop {
            let more = fixture.store.trash().begin_purges(&own(until), &PurgeScope::Until(until), 2).await.unwrap();
            assert!(more <= 2);
            if more == 0 {
                return begun;
            }
            begun += more;
        }
    };
    until(fixture.now()).await;
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let mut times = Vec::new();
    for number in 0..3 {
        for user in [&ann, &bob] {
            let node = fixture.folder(user.id, user.root, &format!("{number}")).await;
            let at = fixture.now();
            let item = fixture.grant(user.id, node, Action::Trash).await;
            fixture.store.trash().put(&fixture.command_at(Some(user.id), at), &item, None).await.unwrap();
            times.push(at);
        }
    }
    let early = Timestamp::from_millis(times.first().unwrap().as_millis() - 1);
    assert_eq!(until(early).await, 0);
    let oldest = async || fixture.store.trash().find_oldest().await.unwrap();
    assert_eq!(oldest().await.as_ref(), times.first());
    assert_eq!(until(*times.get(3).unwrap()).await, 4);
    assert_eq!(oldest().await.as_ref(), times.get(4), "what is being purged does not count");
    assert_eq!((fixture.trashed(&ann).await.len(), fixture.trashed(&bob).await.len()), (1, 1));
    assert_eq!(until(*times.last().unwrap()).await, 2);
    assert_eq!((fixture.trashed(&ann).await, fixture.trashed(&bob).await), (vec![], vec![]));
    assert_eq!(oldest().await, None);
    fixture.purge(Purge::Any, ALL).await;
}

pub(super) async fn uploads_into_a_deleted_folder_end_normally(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let into = fixture.grant(ann.id, top, Action::AddTo).await;
    let (given_up, forgotten) = (fixture.open(&into, "a", Some(3)).await, fixture.open(&into, "b", Some(4)).await);
    fixture.trash(ann.id, top).await;
    fixture.begin_purge(ann.id, top).await.unwrap();
    fixture.purge(Purge::Of(ann.drive, top), ALL).await;
    let commit = fixture.completing(&given_up, ConflictPolicy::Keep);
    assert_refused!(fixture.commit(&into, &commit).await, Error::NotFound);
    assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used: 0, reserved: 7 });
    fixture.store.uploads().abort(&fixture.command(ann.id), given_up.id).await.unwrap();
    fixture.store.uploads().expire_due(&fixture.command_at(None, forgotten.expires_at), ALL).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await, Quota { total: QUOTA, used: 0, reserved: 0 });
    let marked_for_deletion = fixture.marked_for_deletion(forgotten.expires_at).await;
    assert!(marked_for_deletion.contains(&given_up.blob) && marked_for_deletion.contains(&forgotten.blob));
}

pub(super) async fn a_purge_is_for_the_revision_that_was_seen(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let file = fixture.file(ann.id, ann.root, "a", 5).await;
    fixture.share(ann.id, file, bob.id, Permission::Edit).await;
    assert_refused!(fixture.try_grant(ann.id, file, Action::Purge).await, Error::NotFound);
    fixture.trash(ann.id, file).await;
    assert_refused!(fixture.try_grant(bob.id, file, Action::Purge).await, Error::NotFound);
    let item = fixture.grant(ann.id, file, Action::Purge).await;
    let begin =
        async |seen| fixture.store.trash().begin_purge(&fixture.command(ann.id), &item, Some(Revision(seen))).await;
    assert_refused!(begin(1).await, Error::PreconditionFailed);
    assert_eq!(fixture.trashed(&ann).await, [file]);
    begin(2).await.unwrap();
    assert_refused!(begin(2).await, Error::NotFound);
}

pub(super) async fn drives_that_have_an_owner_are_left_alone(fixture: &Fixture<'_>) {
    // First clear the ownerless drives of other cases.
    let clear = async || {
        fixture.store.trash().delete_orphaned_drives(&fixture.command_at(None, fixture.now()), None, ALL).await.unwrap()
    };
    while clear().await != CleanupProgress::Nothing {
        fixture.store.trash().purge(&fixture.command_at(None, fixture.now()), Purge::Any, ALL).await.unwrap();
    }
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&root, "a", Some(1)).await;
    let file = fixture.file(ann.id, ann.root, "b", 1).await;
    fixture.trash(ann.id, file).await;
    assert_eq!(clear().await, CleanupProgress::Nothing);
    assert_eq!(fixture.upload(&upload).await, upload);
    assert_eq!(fixture.trashed(&ann).await, [file]);
}
