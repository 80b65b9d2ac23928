#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, ItemRef, NodeBody, NodeKind, Permission, Revision, UserRef};

use super::Fixture;
use crate::fixture::{assert_refused, name};

pub(super) async fn a_folder_is_made_as_it_is_found(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let parent = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let (command, id) = (fixture.command(ann.id), fixture.id());
    let made = fixture.store.drive().create_folder(&command, &parent, id, &name("Ordner ä")).await.unwrap();
    assert_eq!(made, fixture.located(id, ann.id).await);
    assert_eq!((made.node.id, made.node.parent, made.node.drive), (id, Some(ann.root), ann.drive));
    assert_eq!((&made.node.name, &made.node.body), (&name("Ordner ä"), &NodeBody::Folder));
    assert_eq!((made.node.created_at, made.node.modified_at), (command.at, command.at));
    assert_eq!(made.node.created_by, UserRef { id: ann.id, username: Some(ann.username) });
    assert_eq!(made.node.revision, Revision(1));
}

pub(super) async fn a_guest_makes_a_folder_in_the_drive_of_its_owner(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let parent = fixture.grant(bob.id, shared, Action::AddTo).await;
    let made = fixture.create_folder(&parent, "a").await.unwrap();
    assert_eq!(made, fixture.located(made.node.id, bob.id).await);
    assert_eq!((made.owner.id, made.node.created_by.id, made.viewer), (ann.id, bob.id, bob.id.into()));
    assert_eq!(made.node.drive, ann.drive);
}

pub(super) async fn making_a_folder_leaves_its_parent_as_it_is_but_for_the_time(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let parent = fixture.folder(ann.id, ann.root, "a").await;
    let mut expected = fixture.located(parent, ann.id).await;
    let made = fixture.folder(ann.id, parent, "b").await;
    expected.node.modified_at = fixture.located(made, ann.id).await.node.created_at;
    assert_eq!(fixture.located(parent, ann.id).await, expected);
}

pub(super) async fn a_name_conflict_reports_the_existing_item_and_a_free_name(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "v1.2").await;
    fixture.rename(ann.id, folder, "v1.3").await.unwrap();
    let file = fixture.file(ann.id, ann.root, "a.txt", 1).await;
    let parent = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    for (kind, id, text, suggested) in
        [(NodeKind::Folder, folder, "v1.3", "v1.3 (1)"), (NodeKind::File, file, "a.txt", "a.txt (1)")]
    {
        let Err(Error::Conflict(Conflict::NameTaken(taken))) = fixture.create_folder(&parent, text).await else {
            unreachable!("{text} is taken");
        };
        assert_eq!(taken.item, ItemRef { kind, id, name: name(text) });
        assert_eq!(taken.revision, fixture.located(id, ann.id).await.node.revision);
        assert_eq!(taken.suggested, name(suggested));
        fixture.create_folder(&parent, suggested).await.unwrap();
    }
}

pub(super) async fn the_suggested_name_fills_the_first_gap(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let parent = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    for text in ["a_%", "a_% (1)", "a_% (3)", "ab% (2)", "A_% (2)"] {
        fixture.create_folder(&parent, text).await.unwrap();
    }
    for suggestion in ["a_% (2)", "a_% (4)"] {
        let Err(Error::Conflict(Conflict::NameTaken(taken))) = fixture.create_folder(&parent, "a_%").await else {
            unreachable!("the name is taken");
        };
        assert_eq!(taken.suggested, name(suggestion));
        fixture.create_folder(&parent, suggestion).await.unwrap();
    }
    for number in 5..=9 {
        fixture.create_folder(&parent, &format!("a_% ({number})")).await.unwrap();
    }
    let tenth = fixture.create_folder(&parent, "a_%").await;
    assert_refused!(tenth, Error::Conflict(Conflict::NameTaken(taken)) if taken.suggested == name("a_% (10)"));
}

pub(super) async fn names_differ_by_case_and_by_folder(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "straße").await;
    for text in ["Straße", "STRASSE", "strasse"] {
        fixture.folder(ann.id, ann.root, text).await;
    }
    fixture.folder(ann.id, folder, "straße").await;
    fixture.folder(bob.id, bob.root, "straße").await;
}

pub(super) async fn a_refused_folder_is_not_there(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    fixture.folder(ann.id, ann.root, "a").await;
    let parent = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let id = fixture.id();
    let refused = fixture.store.drive().create_folder(&fixture.command(ann.id), &parent, id, &name("a")).await;
    assert_refused!(refused, Error::Conflict(Conflict::NameTaken(_)));
    assert_eq!(fixture.store.drive().find(id, ann.id.into()).await.unwrap(), None);
}
