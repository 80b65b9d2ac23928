#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{
    Action, ConflictPolicy, Content, EntityTag, MediaType, NodeBody, NodeId, Permission, Sha256, Timestamp, UserId,
};

use super::Fixture;
use crate::fixture::{in_store, name};

pub(super) async fn absent_nodes_are_not_found(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    assert_eq!(fixture.store.drive().find(fixture.id(), ann.id.into()).await.unwrap(), None);
    assert_eq!(fixture.store.drive().find_user_drive(fixture.id()).await.unwrap(), None);
}

pub(super) async fn a_user_drive_has_its_root(fixture: &Fixture<'_>) {
    let (ann, _bob) = (fixture.user().await, fixture.user().await);
    let home = fixture.store.drive().find_user_drive(ann.id).await.unwrap().unwrap();
    assert_eq!(home.root, fixture.located(ann.root, ann.id).await);
    assert_eq!(home.account.user.id, ann.id);
}

pub(super) async fn the_lineage_goes_from_the_node_up_to_the_root(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let b = fixture.folder(ann.id, a, "b").await;
    let file = fixture.file(ann.id, b, "c.txt", 1).await;
    let found = fixture.located(file, ann.id).await;
    let way: Vec<NodeId> = found.lineage.iter().map(|step| step.id).collect();
    assert_eq!(way, [file, b, a, ann.root]);
    let names: Vec<String> = found.path().iter().map(|step| step.name.to_string()).collect();
    assert_eq!(names, ["a", "b", "c.txt"]);
    assert!(found.lineage.iter().all(|step| !step.trashed && step.share.is_none()));
    assert_eq!((found.node.parent, found.node.drive), (Some(b), ann.drive));
}

pub(super) async fn a_node_is_found_for_any_viewer(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let mine = fixture.located(folder, ann.id).await;
    for stranger in [bob.id, fixture.id()] {
        let found = fixture.located(folder, stranger).await;
        assert_eq!((found.viewer, found.role()), (stranger.into(), None));
        assert_eq!((&found.node, &found.owner, &found.lineage), (&mine.node, &mine.owner, &mine.lineage));
    }
}

pub(super) async fn a_lineage_has_the_shares_of_the_viewer(fixture: &Fixture<'_>) {
    use Permission::{Edit, View};
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let b = fixture.folder(ann.id, a, "b").await;
    let c = fixture.folder(ann.id, b, "c").await;
    let d = fixture.folder(ann.id, c, "d").await;
    fixture.share(ann.id, a, bob.id, View).await;
    fixture.share(ann.id, c, bob.id, Edit).await;
    fixture.share(ann.id, d, bob.id, Edit).await;
    fixture.share(ann.id, b, carl.id, Edit).await;
    let shares = async |viewer: UserId| {
        let found = fixture.located(c, viewer).await;
        found.lineage.iter().map(|step| step.share).collect::<Vec<_>>()
    };
    assert_eq!(shares(bob.id).await, [Some(Edit), None, Some(View), None]);
    assert_eq!(shares(carl.id).await, [None, Some(Edit), None, None]);
    assert_eq!(shares(ann.id).await, [None; 4]);
}

pub(super) async fn a_file_carries_its_content(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let mut new_upload = fixture.new_upload(&folder, "a.html", Some(7));
    new_upload.upload.file.media_type = MediaType::parse("text/html; charset=utf-8").unwrap();
    new_upload.upload.file.client_modified_at = Some(Timestamp::from_millis(-1_234));
    fixture.begin(&folder, &new_upload).await.unwrap();
    let mut commit = fixture.completing(&new_upload.upload, ConflictPolicy::Fail);
    let digest = Sha256::from_bytes([0xA7; 32]);
    commit.stored.sha256 = Some(digest);
    commit.stored.tag = EntityTag::parse("d41d8-2").ok();
    let command = fixture.command(ann.id);
    fixture.store.uploads().commit(&command, &folder, &commit).await.unwrap();
    let found = fixture.located(commit.file, ann.id).await;
    assert_eq!(found.node.name, name("a.html"));
    let content = Content {
        version: commit.version,
        blob: in_store(new_upload.upload.blob),
        size: 7,
        sha256: Some(digest),
        media_type: new_upload.upload.file.media_type,
        client_modified_at: Some(Timestamp::from_millis(-1_234)),
        store_tag: EntityTag::parse("d41d8-2").ok(),
        created_at: command.at,
    };
    assert_eq!(found.node.body, NodeBody::File(content));
}

pub(super) async fn many_nodes_are_found_as_each_of_them(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let file = fixture.file(ann.id, a, "x", 1).await;
    fixture.share(ann.id, a, bob.id, Permission::View).await;
    for viewer in [ann.id, bob.id] {
        let nodes = [file, fixture.id(), ann.root, a];
        let mut found = fixture.store.drive().find_many(&nodes, viewer.into()).await.unwrap();
        found.sort_by_key(|found| nodes.iter().position(|node| *node == found.node.id));
        let mut expected = Vec::new();
        for node in [file, ann.root, a] {
            expected.push(fixture.located(node, viewer).await);
        }
        assert_eq!(found, expected);
    }
    assert_eq!(fixture.store.drive().find_many(&[], ann.id.into()).await.unwrap(), []);
}
