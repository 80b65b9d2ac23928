use std::sync::Arc;

use mockall::predicate::eq;
use uuid::Uuid;

use crate::error::{Conflict, Error, Forbidden};
use crate::model::{
    AccessEntry, AccessVia, Action, AuditAction, Bucket, BucketKind, ItemRef, Limit, Located, LoginIdentifier, NodeId,
    NodeKind, Permission, Role, Share, ShareId, SharePosition, SharedItem, Timestamp, UserId,
};
use crate::port::{MockNodeRepository, MockShareRepository, MockThrottleRepository, MockUserRepository, NewShare};
use crate::service::testing::{
    FILE, FOLDER, GUEST, NOW, OTHER_FOLDER, OWNER, PARENT, ROOT, STRANGER, Trail, actor, command, context,
    context_with, drive_with, file, folder, for_guest, for_guest_of_parent, for_outsider, for_owner, grant_for, made,
    nothing_ended, one_ended_upload, person, root, trashed,
};
use crate::service::{SharePorts, ShareService, Throttling};
use crate::testing::name;

const VIEW: Permission = Permission::View;
const EDIT: Permission = Permission::Edit;
const SHARE: ShareId = ShareId::from_uuid(Uuid::from_u128(400));

fn service(drive: MockNodeRepository, shares: MockShareRepository, users: MockUserRepository) -> ShareService {
    throttled(drive, shares, users, Throttling::off())
}

fn throttled(
    drive: MockNodeRepository,
    shares: MockShareRepository,
    users: MockUserRepository,
    throttling: Throttling,
) -> ShareService {
    ShareService::new(ports(drive, shares, users), nothing_ended(), throttling, context())
}

fn ports(drive: MockNodeRepository, shares: MockShareRepository, users: MockUserRepository) -> SharePorts {
    SharePorts { drive: Arc::new(drive), shares: Arc::new(shares), users: Arc::new(users) }
}

/// [`FOLDER`], shared with [`GUEST`] for viewing.
fn share() -> Share {
    share_of(SHARE, FOLDER, 600)
}

fn share_of(id: ShareId, item: NodeId, at: i64) -> Share {
    Share {
        id,
        permission: VIEW,
        item: ItemRef { kind: NodeKind::Folder, id: item, name: name("holiday") },
        shared_with: person(GUEST, "gustav"),
        shared_by: person(OWNER, "olga"),
        shared_at: Timestamp::from_millis(at),
    }
}

/// Only [`share`] exists.
fn shares_with_one() -> MockShareRepository {
    let mut shares = MockShareRepository::new();
    shares.expect_find().withf(|share, _| *share == SHARE).times(1).returning(|_, _| Ok(Some(share())));
    shares
}

/// Only the user with `identifier` is known.
fn users_knowing(identifier: LoginIdentifier, id: UserId) -> MockUserRepository {
    let mut users = MockUserRepository::new();
    users.expect_find_user().with(eq(identifier)).times(1).returning(move |_| Ok(Some(person(id, "gina"))));
    users
}

fn gustav() -> LoginIdentifier {
    LoginIdentifier::parse("gustav")
}

/// The error of sharing `item`; no user may be looked up, and nothing shared.
async fn refused_sharing(found: Option<Located>, user: UserId, item: (NodeKind, NodeId)) -> Error {
    let mut shares = MockShareRepository::new();
    shares.expect_create().never();
    let mut users = MockUserRepository::new();
    users.expect_find_user().never();
    service(drive_with(found), shares, users).create(&actor(user), item, &gustav(), VIEW).await.unwrap_err()
}

/// [`FOLDER`] as found by users who are neither its owner nor the guest of [`share`].
fn bystanders() -> [Located; 4] {
    let fellow = |found: Located| Located { viewer: STRANGER.into(), ..found };
    [
        for_outsider(folder(FOLDER)),
        fellow(for_guest(folder(FOLDER), VIEW)),
        fellow(for_guest(folder(FOLDER), EDIT)),
        fellow(for_guest_of_parent(folder(FOLDER), EDIT)),
    ]
}

#[tokio::test]
async fn an_owner_shares_a_folder_or_a_file() {
    for (kind, found) in [(NodeKind::Folder, for_owner(folder(FOLDER))), (NodeKind::File, for_owner(file(FILE)))] {
        let new = NewShare { id: made(1), guest: GUEST, permission: EDIT };
        let mut shares = MockShareRepository::new();
        shares
            .expect_create()
            .with(eq(command(OWNER)), eq(grant_for(&found, Action::Share)), eq(new))
            .times(1)
            .returning(|_, _, _| Ok(share()));
        let users = users_knowing(LoginIdentifier::Email("gustav@example.com".to_owned()), GUEST);
        let item = (kind, found.node.id);
        let guest = LoginIdentifier::parse("Gustav@Example.com");
        let made = service(drive_with([found]), shares, users).create(&actor(OWNER), item, &guest, EDIT).await;
        assert_eq!(made.unwrap(), share());
    }
}

#[tokio::test]
async fn the_owner_needs_no_share() {
    let mut shares = MockShareRepository::new();
    shares.expect_create().never();
    let service = service(drive_with([for_owner(folder(FOLDER))]), shares, users_knowing(gustav(), OWNER));
    let refused = service.create(&actor(OWNER), (NodeKind::Folder, FOLDER), &gustav(), VIEW).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::ShareWithOwner))));
}

#[tokio::test]
async fn an_unknown_guest_is_not_found() {
    let mut shares = MockShareRepository::new();
    shares.expect_create().never();
    let mut users = MockUserRepository::new();
    users.expect_find_user().with(eq(gustav())).times(1).returning(|_| Ok(None));
    let service = service(drive_with([for_owner(folder(FOLDER))]), shares, users);
    let refused = service.create(&actor(OWNER), (NodeKind::Folder, FOLDER), &gustav(), VIEW).await;
    assert!(matches!(refused, Err(Error::NotFound)));
}

#[tokio::test]
async fn an_existing_share_is_reported_by_the_store() {
    let mut shares = MockShareRepository::new();
    shares.expect_create().returning(|_, _, _| Err(Error::Conflict(Conflict::AlreadyShared)));
    let service = service(drive_with([for_owner(folder(FOLDER))]), shares, users_knowing(gustav(), GUEST));
    let refused = service.create(&actor(OWNER), (NodeKind::Folder, FOLDER), &gustav(), VIEW).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::AlreadyShared))));
}

#[tokio::test]
async fn only_owners_share_or_look_up_users() {
    let item = (NodeKind::Folder, FOLDER);
    for found in
        [for_guest(folder(FOLDER), EDIT), for_guest_of_parent(folder(FOLDER), EDIT), for_guest(folder(FOLDER), VIEW)]
    {
        let error = refused_sharing(Some(found), GUEST, item).await;
        assert!(matches!(error, Error::Forbidden(Forbidden::Permission)));
    }
    assert!(matches!(refused_sharing(Some(for_outsider(folder(FOLDER))), STRANGER, item).await, Error::NotFound));
    assert!(matches!(refused_sharing(None, STRANGER, item).await, Error::NotFound));
}

#[tokio::test]
async fn trashed_items_roots_and_other_kinds_are_not_shared() {
    let folder_id = (NodeKind::Folder, FOLDER);
    assert!(matches!(refused_sharing(Some(for_owner(file(FOLDER))), OWNER, folder_id).await, Error::NotFound));
    let trashed_root = trashed(for_owner(folder(FOLDER)));
    assert!(matches!(refused_sharing(Some(trashed_root), OWNER, folder_id).await, Error::NotFound));
    for kind in [NodeKind::Folder, NodeKind::Root] {
        assert!(matches!(refused_sharing(Some(root(OWNER)), OWNER, (kind, ROOT)).await, Error::NotFound));
    }
}

#[tokio::test]
async fn a_page_of_received_shares_may_be_short() {
    let id = |n| ShareId::from_uuid(Uuid::from_u128(n));
    let after = SharePosition { at: Timestamp::from_millis(950), id: id(9) };
    let mut shares = MockShareRepository::new();
    shares.expect_list_received().with(eq(GUEST), eq(Some(after)), eq(Limit::new(2).unwrap())).times(1).returning(
        move |_, _, _| {
            Ok(vec![
                (share_of(id(3), FOLDER, 900), for_guest(folder(FOLDER), VIEW)),
                (share_of(id(2), OTHER_FOLDER, 800), trashed(for_guest(folder(OTHER_FOLDER), VIEW))),
                (share_of(id(1), PARENT, 700), for_guest(folder(PARENT), VIEW)),
            ])
        },
    );
    let service = service(MockNodeRepository::new(), shares, MockUserRepository::new());
    let page = service.list_received(&actor(GUEST), Some(after), Limit::new(2).unwrap()).await.unwrap();
    // Trashed items are left out, but the page ends where it would have ended.
    let [(received, entry)] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((received.id, entry.node.id), (id(3), FOLDER));
    assert_eq!((entry.role, entry.parent), (Role::View, None));
    assert_eq!(page.next, Some(SharePosition { at: Timestamp::from_millis(800), id: id(2) }));
}

#[tokio::test]
async fn a_page_of_given_shares_skips_trashed_items() {
    let id = |n| ShareId::from_uuid(Uuid::from_u128(n));
    let mut shares = MockShareRepository::new();
    shares.expect_list_given().with(eq(OWNER), eq(None), eq(Limit::new(2).unwrap())).times(1).returning(
        move |_, _, _| {
            Ok(vec![
                (share_of(id(3), FOLDER, 900), trashed(for_owner(folder(FOLDER)))),
                (share_of(id(2), OTHER_FOLDER, 800), for_owner(folder(OTHER_FOLDER))),
                (share_of(id(1), PARENT, 700), for_owner(folder(PARENT))),
            ])
        },
    );
    let service = service(MockNodeRepository::new(), shares, MockUserRepository::new());
    let page = service.list_given(&actor(OWNER), None, Limit::new(2).unwrap()).await.unwrap();
    assert_eq!(page.items.iter().map(|share| share.id).collect::<Vec<_>>(), [id(2)]);
    assert_eq!(page.next, Some(SharePosition { at: Timestamp::from_millis(800), id: id(2) }));
}

#[tokio::test]
async fn only_the_owner_sees_who_has_access() {
    let (item, limit) = ((NodeKind::Folder, FOLDER), Limit::new(1).unwrap());
    let found = for_owner(folder(FOLDER));
    let (grant, entry) = (grant_for(&found, Action::ListShares), |via| AccessEntry {
        person: Some(person(OWNER, "olga")),
        role: Role::Owner,
        via,
        item: share().item,
    });
    let (owner, by_share) = (AccessVia::Owner(OWNER), AccessVia::Share(SHARE));
    let mut shares = MockShareRepository::new();
    shares
        .expect_list_by_node()
        .with(eq(grant.clone()), eq(None), eq(limit))
        .times(1)
        .returning(|_, _, _| Ok(vec![share()]));
    shares
        .expect_list_access()
        .with(eq(grant), eq(NOW), eq(Some(owner)), eq(limit))
        .times(1)
        .returning(move |_, _, _, _| Ok(vec![entry(by_share), entry(AccessVia::Share(SHARE))]));
    let service = service(drive_with([found]), shares, MockUserRepository::new());
    assert_eq!(service.list_by_node(&actor(OWNER), item, None, limit).await.unwrap().items, [share()]);
    assert_eq!(service.list_access(&actor(OWNER), item, Some(owner), limit).await.unwrap().next, Some(by_share));

    for (found, sees) in [
        (for_guest(folder(FOLDER), EDIT), true),
        (for_guest_of_parent(folder(FOLDER), EDIT), true),
        (for_outsider(folder(FOLDER)), false),
        (trashed(for_owner(folder(FOLDER))), false),
    ] {
        let user = found.viewer.user().unwrap();
        let service = self::service(drive_with([found]), MockShareRepository::new(), MockUserRepository::new());
        let of = service.list_by_node(&actor(user), item, None, limit).await.map(drop);
        let access = service.list_access(&actor(user), item, None, limit).await.map(drop);
        for outcome in [of, access] {
            match outcome.unwrap_err() {
                Error::Forbidden(Forbidden::Permission) => assert!(sees),
                error => assert!(matches!(error, Error::NotFound) && !sees, "{error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn the_owner_gives_a_share_another_permission() {
    let found = for_owner(folder(FOLDER));
    let mut shares = shares_with_one();
    shares
        .expect_change()
        .with(eq(command(OWNER)), eq(grant_for(&found, Action::Share)), eq(SHARE), eq(EDIT))
        .times(1)
        .returning(|_, _, _, to| Ok(Share { permission: to, ..share() }));
    let changed =
        service(drive_with([found]), shares, MockUserRepository::new()).change(&actor(OWNER), SHARE, EDIT).await;
    assert_eq!(changed.unwrap().permission, EDIT);
}

#[tokio::test]
async fn guests_do_not_raise_their_own_permission() {
    for found in [for_guest(folder(FOLDER), VIEW), for_guest(folder(FOLDER), EDIT)] {
        let mut shares = shares_with_one();
        shares.expect_change().never();
        let refused =
            service(drive_with([found]), shares, MockUserRepository::new()).change(&actor(GUEST), SHARE, EDIT).await;
        assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Permission))));
    }
}

#[tokio::test]
async fn a_share_of_a_trashed_item_is_not_changed() {
    for found in [trashed(for_owner(folder(FOLDER))), trashed(for_guest(folder(FOLDER), VIEW))] {
        let user = found.viewer.user().unwrap();
        let mut shares = shares_with_one();
        shares.expect_change().never();
        let refused =
            service(drive_with([found]), shares, MockUserRepository::new()).change(&actor(user), SHARE, EDIT).await;
        assert!(matches!(refused, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn shares_of_others_are_not_found_even_if_the_item_is_visible() {
    for found in bystanders() {
        let mut shares = shares_with_one();
        shares.expect_change().never();
        let service = service(drive_with([found.clone()]), shares, MockUserRepository::new());
        assert!(matches!(service.change(&actor(STRANGER), SHARE, EDIT).await, Err(Error::NotFound)));

        let mut shares = shares_with_one();
        shares.expect_revoke().never();
        let service = self::service(drive_with([found]), shares, MockUserRepository::new());
        assert!(matches!(service.revoke(&actor(STRANGER), SHARE).await, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn the_owner_revokes_and_the_guest_leaves() {
    for (user, found) in [(OWNER, for_owner(folder(FOLDER))), (GUEST, for_guest(folder(FOLDER), VIEW))] {
        let mut shares = shares_with_one();
        shares.expect_revoke().with(eq(command(user)), eq(SHARE)).times(1).returning(|_, _| Ok(()));
        let service = service(drive_with([found]), shares, MockUserRepository::new());
        assert!(service.revoke(&actor(user), SHARE).await.is_ok());
    }
}

#[tokio::test]
async fn share_changes_are_audited_and_refusals_are_not() {
    let shared = SharedItem { share: SHARE, kind: NodeKind::Folder, node: FOLDER, guest: GUEST, permission: VIEW };
    let raised = SharedItem { permission: EDIT, ..shared.clone() };
    let trail = Trail::default();
    let in_trail = |drive, shares, users| {
        let context = context_with(NOW, trail.clone());
        ShareService::new(ports(drive, shares, users), nothing_ended(), Throttling::off(), context)
    };
    let mine = || drive_with([for_owner(folder(FOLDER))]);

    let mut shares = MockShareRepository::new();
    shares.expect_create().returning(|_, _, _| Ok(share()));
    let service = in_trail(mine(), shares, users_knowing(gustav(), GUEST));
    service.create(&actor(OWNER), (NodeKind::Folder, FOLDER), &gustav(), VIEW).await.unwrap();

    let mut shares = shares_with_one();
    shares.expect_change().returning(|_, _, _, permission| Ok(Share { permission, ..share() }));
    in_trail(mine(), shares, MockUserRepository::new()).change(&actor(OWNER), SHARE, EDIT).await.unwrap();

    for user in [OWNER, GUEST] {
        let mut shares = shares_with_one();
        shares.expect_revoke().returning(|_, _| Ok(()));
        in_trail(mine(), shares, MockUserRepository::new()).revoke(&actor(user), SHARE).await.unwrap();
    }
    let stranger = drive_with([for_outsider(folder(FOLDER))]);
    assert!(
        in_trail(stranger, shares_with_one(), MockUserRepository::new()).revoke(&actor(STRANGER), SHARE).await.is_err()
    );

    let expected = [
        (Some(OWNER), AuditAction::ShareCreated(shared.clone())),
        (Some(OWNER), AuditAction::ShareChanged(raised)),
        (Some(OWNER), AuditAction::ShareRevoked(shared.clone())),
        (Some(GUEST), AuditAction::ShareLeft(shared)),
    ];
    assert_eq!(trail.read(), expected);
}

#[tokio::test]
async fn data_of_uploads_ended_with_a_share_is_deleted() {
    for revoked in [true, false] {
        let mut shares = shares_with_one();
        shares.expect_revoke().returning(|_, _| Ok(()));
        shares.expect_change().returning(|_, _, _, permission| Ok(Share { permission, ..share() }));
        let drive = drive_with([for_owner(folder(FOLDER))]);
        let ports = ports(drive, shares, MockUserRepository::new());
        let service = ShareService::new(ports, one_ended_upload(), Throttling::off(), context());
        if revoked {
            service.revoke(&actor(OWNER), SHARE).await.unwrap();
        } else {
            service.change(&actor(OWNER), SHARE, VIEW).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_share_that_has_ended_is_not_found() {
    let mut shares = MockShareRepository::new();
    shares.expect_find().with(eq(SHARE), eq(OWNER)).times(2).returning(|_, _| Ok(None));
    let service = service(MockNodeRepository::new(), shares, MockUserRepository::new());
    assert!(matches!(service.change(&actor(OWNER), SHARE, EDIT).await, Err(Error::NotFound)));
    assert!(matches!(service.revoke(&actor(OWNER), SHARE).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn lookups_are_counted_only_for_callers_who_may_share() {
    let taking = |outcome: fn() -> crate::Result<()>| {
        let mut throttle = MockThrottleRepository::new();
        let lookup = throttle.expect_take().withf(|taken, at| taken == [Bucket::ShareLookup(OWNER)] && *at == NOW);
        lookup.times(1).returning(move |_, _| outcome());
        Throttling::new(Arc::new(throttle))
    };
    let refusal = || {
        let retry_after = std::time::Duration::from_secs(5);
        Err(Error::RateLimited { bucket: BucketKind::ShareLookup, limit: 100, retry_after })
    };
    let item = (NodeKind::Folder, FOLDER);
    let mine = || drive_with([for_owner(folder(FOLDER))]);
    let shares = throttled(mine(), MockShareRepository::new(), MockUserRepository::new(), taking(refusal));
    let refused = shares.create(&actor(OWNER), item, &gustav(), VIEW).await;
    assert!(matches!(refused, Err(Error::RateLimited { .. })));
    // A caller who may not share learns nothing about users, and is not counted.
    let (untouched, theirs) =
        (Throttling::new(Arc::new(MockThrottleRepository::new())), for_guest(folder(FOLDER), EDIT));
    let shares = throttled(drive_with([theirs]), MockShareRepository::new(), MockUserRepository::new(), untouched);
    let refused = shares.create(&actor(GUEST), item, &gustav(), VIEW).await;
    assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Permission))));
    let mut users = MockUserRepository::new();
    users.expect_find_user().returning(|_| Ok(None));
    let shares = throttled(mine(), MockShareRepository::new(), users, taking(|| Ok(())));
    let anonymous = shares.create(&actor(OWNER), item, &gustav(), VIEW).await;
    assert!(matches!(anonymous, Err(Error::NotFound)));
}
