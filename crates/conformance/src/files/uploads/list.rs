#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::{
    Action, Limit, Page, Permission, Timestamp, Upload, UploadPosition, UserId, UserRef, Viewer,
};
use clouddrive_domain::port::OpenUpload;

use super::Fixture;

const MILLISECOND: Duration = Duration::from_millis(1);

/// A page of the uploads that `user` may abort at `now`, and the position after which the next one begins.
async fn page(
    fixture: &Fixture<'_>,
    user: UserId,
    now: Timestamp,
    after: Option<UploadPosition>,
    limit: u64,
) -> (Vec<OpenUpload>, Option<UploadPosition>) {
    let limit = Limit::new(limit).unwrap();
    let rows = fixture.store.uploads().list(user, now, after, limit).await.unwrap();
    assert!(rows.len() <= limit.get() + 1);
    let page = Page::cut(rows, limit, |row| UploadPosition { at: row.upload.created_at, id: row.upload.id });
    (page.items, page.next)
}

async fn listed(fixture: &Fixture<'_>, user: UserId, now: Timestamp) -> Vec<Upload> {
    page(fixture, user, now, None, 1000).await.0.into_iter().map(|open| open.upload).collect()
}

pub(super) async fn open_uploads_are_listed_for_their_sender_and_the_owner_of_the_drive(fixture: &Fixture<'_>) {
    let (ann, bob, carol) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    for guest in [bob.id, carol.id] {
        fixture.share(ann.id, shared, guest, Permission::Edit).await;
    }
    let own = fixture.open(&fixture.grant(ann.id, ann.root, Action::AddTo).await, "own", Some(1)).await;
    let sent = fixture.open(&fixture.grant(bob.id, shared, Action::AddTo).await, "sent", None).await;
    let elsewhere = fixture.open(&fixture.grant(bob.id, bob.root, Action::AddTo).await, "elsewhere", Some(0)).await;
    let now = fixture.now();
    assert_eq!(listed(fixture, ann.id, now).await, [sent.clone(), own]);
    assert_eq!(listed(fixture, bob.id, now).await, [elsewhere, sent.clone()]);
    assert!(listed(fixture, carol.id, now).await.is_empty());
    for viewer in [ann.id, bob.id] {
        let (open, _) = page(fixture, viewer, now, None, 1000).await;
        let open = open.into_iter().find(|open| open.upload == sent).unwrap();
        assert_eq!(open.sender, UserRef { id: bob.id, username: Some(bob.username.clone()) });
        let folder = open.folder.unwrap();
        assert_eq!((folder.node.id, folder.viewer), (shared, Viewer::from(viewer)));
    }
}

pub(super) async fn ended_and_expired_uploads_are_not_listed(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let aborted = fixture.open(&root, "aborted", Some(1)).await;
    let first = fixture.open(&root, "first", Some(2)).await;
    let second = fixture.open(&root, "second", Some(3)).await;
    fixture.store.uploads().abort(&fixture.command(ann.id), aborted.id).await.unwrap();
    assert!(first.expires_at < second.expires_at);
    let before = first.expires_at.minus(MILLISECOND);
    assert_eq!(listed(fixture, ann.id, before).await, [second.clone(), first.clone()]);
    assert_eq!(listed(fixture, ann.id, first.expires_at).await, [second]);
}

pub(super) async fn open_uploads_come_in_pages(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        newest_first.insert(0, fixture.open(&root, "a", Some(1)).await);
    }
    let now = fixture.now();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (items, next) = page(fixture, ann.id, now, after, 2).await;
        found.extend(items.into_iter().map(|open| open.upload));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, newest_first);
}
