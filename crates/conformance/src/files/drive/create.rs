#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, ItemRef, NodeBody, NodeKind, Permission, Person, Revision};

use crate::world::{World, assert_refused, name};

pub(super) async fn a_folder_is_made_as_it_is_found(world: &World<'_>) {
    let ann = world.member().await;
    let parent = world.grant(ann.id, ann.root, Action::AddTo).await;
    let (command, id) = (world.command(ann.id), world.id());
    let made = world.store.drive.create_folder(&command, &parent, id, &name("Ordner ä")).await.unwrap();
    assert_eq!(made, world.located(id, ann.id).await);
    assert_eq!((made.node.id, made.node.parent, made.node.drive), (id, Some(ann.root), ann.drive));
    assert_eq!((&made.node.name, &made.node.body), (&name("Ordner ä"), &NodeBody::Folder));
    assert_eq!((made.node.created_at, made.node.modified_at), (command.at, command.at));
    assert_eq!(made.node.created_by, Person { id: ann.id, username: Some(ann.username) });
    assert_eq!(made.node.revision, Revision(1));
}

pub(super) async fn a_guest_makes_a_folder_in_the_drive_of_its_owner(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    world.share(ann.id, shared, bob.id, Permission::Edit).await;
    let parent = world.grant(bob.id, shared, Action::AddTo).await;
    let made = world.create_folder(&parent, "a").await.unwrap();
    assert_eq!(made, world.located(made.node.id, bob.id).await);
    assert_eq!((made.owner.id, made.node.created_by.id, made.viewer), (ann.id, bob.id, bob.id.into()));
    assert_eq!(made.node.drive, ann.drive);
}

pub(super) async fn making_a_folder_leaves_its_parent_as_it_is_but_for_the_time(world: &World<'_>) {
    let ann = world.member().await;
    let parent = world.folder(ann.id, ann.root, "a").await;
    let mut expected = world.located(parent, ann.id).await;
    let made = world.folder(ann.id, parent, "b").await;
    expected.node.modified_at = world.located(made, ann.id).await.node.created_at;
    assert_eq!(world.located(parent, ann.id).await, expected);
}

pub(super) async fn a_taken_name_tells_who_has_it_and_which_is_free(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "v1.2").await;
    world.rename(ann.id, folder, "v1.3").await.unwrap();
    let file = world.file(ann.id, ann.root, "a.txt", 1).await;
    let parent = world.grant(ann.id, ann.root, Action::AddTo).await;
    for (kind, id, text, suggested) in
        [(NodeKind::Folder, folder, "v1.3", "v1.3 (1)"), (NodeKind::File, file, "a.txt", "a.txt (1)")]
    {
        let Err(Error::Conflict(Conflict::NameTaken(taken))) = world.create_folder(&parent, text).await else {
            unreachable!("{text} is taken");
        };
        assert_eq!(taken.item, ItemRef { kind, id, name: name(text) });
        assert_eq!(taken.revision, world.located(id, ann.id).await.node.revision);
        assert_eq!(taken.suggested, name(suggested));
        world.create_folder(&parent, suggested).await.unwrap();
    }
}

pub(super) async fn the_suggested_name_fills_the_first_gap(world: &World<'_>) {
    let ann = world.member().await;
    let parent = world.grant(ann.id, ann.root, Action::AddTo).await;
    for text in ["a_%", "a_% (1)", "a_% (3)", "ab% (2)", "A_% (2)"] {
        world.create_folder(&parent, text).await.unwrap();
    }
    for suggestion in ["a_% (2)", "a_% (4)"] {
        let Err(Error::Conflict(Conflict::NameTaken(taken))) = world.create_folder(&parent, "a_%").await else {
            unreachable!("the name is taken");
        };
        assert_eq!(taken.suggested, name(suggestion));
        world.create_folder(&parent, suggestion).await.unwrap();
    }
    for number in 5..=9 {
        world.create_folder(&parent, &format!("a_% ({number})")).await.unwrap();
    }
    let tenth = world.create_folder(&parent, "a_%").await;
    assert_refused!(tenth, Error::Conflict(Conflict::NameTaken(taken)) if taken.suggested == name("a_% (10)"));
}

pub(super) async fn names_differ_by_case_and_by_folder(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "straße").await;
    for text in ["Straße", "STRASSE", "strasse"] {
        world.folder(ann.id, ann.root, text).await;
    }
    world.folder(ann.id, folder, "straße").await;
    world.folder(bob.id, bob.root, "straße").await;
}

pub(super) async fn a_refused_folder_is_not_there(world: &World<'_>) {
    let ann = world.member().await;
    world.folder(ann.id, ann.root, "a").await;
    let parent = world.grant(ann.id, ann.root, Action::AddTo).await;
    let id = world.id();
    let refused = world.store.drive.create_folder(&world.command(ann.id), &parent, id, &name("a")).await;
    assert_refused!(refused, Error::Conflict(Conflict::NameTaken(_)));
    assert_eq!(world.store.drive.find(id, ann.id.into()).await.unwrap(), None);
}
