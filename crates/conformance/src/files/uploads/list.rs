#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::{
    Action, Limit, Page, Permission, Person, Timestamp, Upload, UploadPosition, UserId, Viewer,
};
use clouddrive_domain::port::OpenUpload;

use crate::world::World;

const MILLISECOND: Duration = Duration::from_millis(1);

/// A page of the uploads that `user` may abort at `now`, and the position after which the next one begins.
async fn page(
    world: &World<'_>,
    user: UserId,
    now: Timestamp,
    after: Option<UploadPosition>,
    limit: u64,
) -> (Vec<OpenUpload>, Option<UploadPosition>) {
    let limit = Limit::new(limit).unwrap();
    let rows = world.store.uploads.list(user, now, after, limit).await.unwrap();
    assert!(rows.len() <= limit.get() + 1);
    let page = Page::cut(rows, limit, |row| UploadPosition { at: row.upload.created_at, id: row.upload.id });
    (page.items, page.next)
}

async fn listed(world: &World<'_>, user: UserId, now: Timestamp) -> Vec<Upload> {
    page(world, user, now, None, 1000).await.0.into_iter().map(|open| open.upload).collect()
}

pub(super) async fn open_uploads_are_listed_for_their_sender_and_the_owner_of_the_drive(world: &World<'_>) {
    let (ann, bob, carol) = (world.member().await, world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    for guest in [bob.id, carol.id] {
        world.share(ann.id, shared, guest, Permission::Edit).await;
    }
    let own = world.open(&world.grant(ann.id, ann.root, Action::AddTo).await, "own", Some(1)).await;
    let sent = world.open(&world.grant(bob.id, shared, Action::AddTo).await, "sent", None).await;
    let elsewhere = world.open(&world.grant(bob.id, bob.root, Action::AddTo).await, "elsewhere", Some(0)).await;
    let now = world.now();
    assert_eq!(listed(world, ann.id, now).await, [sent.clone(), own]);
    assert_eq!(listed(world, bob.id, now).await, [elsewhere, sent.clone()]);
    assert!(listed(world, carol.id, now).await.is_empty());
    for viewer in [ann.id, bob.id] {
        let (open, _) = page(world, viewer, now, None, 1000).await;
        let open = open.into_iter().find(|open| open.upload == sent).unwrap();
        assert_eq!(open.sender, Person { id: bob.id, username: Some(bob.username.clone()) });
        let folder = open.folder.unwrap();
        assert_eq!((folder.node.id, folder.viewer), (shared, Viewer::from(viewer)));
    }
}

pub(super) async fn what_has_ended_or_expired_is_not_listed(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let aborted = world.open(&root, "aborted", Some(1)).await;
    let first = world.open(&root, "first", Some(2)).await;
    let second = world.open(&root, "second", Some(3)).await;
    world.store.uploads.abort(&world.command(ann.id), aborted.id).await.unwrap();
    assert!(first.expires_at < second.expires_at);
    let before = first.expires_at.minus(MILLISECOND);
    assert_eq!(listed(world, ann.id, before).await, [second.clone(), first.clone()]);
    assert_eq!(listed(world, ann.id, first.expires_at).await, [second]);
}

pub(super) async fn open_uploads_come_in_pages(world: &World<'_>) {
    let ann = world.member().await;
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        newest_first.insert(0, world.open(&root, "a", Some(1)).await);
    }
    let now = world.now();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (items, next) = page(world, ann.id, now, after, 2).await;
        found.extend(items.into_iter().map(|open| open.upload));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, newest_first);
}
