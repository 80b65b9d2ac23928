#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, Located, NodeId, Revision, Sort};
use clouddrive_domain::port::Relocation;
use clouddrive_domain::{Error, Result};
use futures_util::future::join_all;

use super::list::page;
use crate::world::{Member, World, assert_refused, name};

/// Asserts that one succeeded and that the others got `NameTaken` by it.
fn assert_one_has_the_name(outcomes: Vec<Result<Located>>, suggested: &str) -> NodeId {
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let won: Vec<NodeId> = won.into_iter().map(|outcome| outcome.unwrap().node.id).collect();
    assert_eq!(won.len(), 1);
    for outcome in lost {
        assert_refused!(outcome, Error::Conflict(Conflict::NameTaken(taken))
            if won == [taken.item.id] && taken.suggested == name(suggested));
    }
    won.into_iter().next().unwrap()
}

pub(super) async fn one_of_many_creations_of_a_name_succeeds(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    for parent in [ann.root, folder] {
        let grant = world.grant(ann.id, parent, Action::AddTo).await;
        let rivals = (0..12).map(|_| world.create_folder(&grant, "wanted"));
        let won = assert_one_has_the_name(join_all(rivals).await, "wanted (1)");
        let children = page(world, &grant, Sort::default(), None, 100).await.0;
        let holders = children.iter().filter(|child| child.node.name == name("wanted"));
        assert_eq!(holders.map(|child| child.node.id).collect::<Vec<_>>(), [won]);
    }
}

pub(super) async fn one_of_many_arrivals_under_a_name_succeeds(world: &World<'_>) {
    let ann = world.member().await;
    let to = world.folder(ann.id, ann.root, "to").await;
    let mut wishes = Vec::new();
    for number in 0..6 {
        let file = world.file(ann.id, ann.root, &format!("{number}.txt"), 1).await;
        wishes.push(Relocation { name: Some(name("wanted.txt")), ..world.moving(ann.id, file, to).await });
    }
    let outcomes = join_all(wishes.iter().map(|wish| world.relocate(wish))).await;
    assert_one_has_the_name(outcomes, "wanted (1).txt");
}

async fn folders<const N: usize>(world: &World<'_>, ann: &Member, parent: NodeId) -> [NodeId; N] {
    let mut folders = [parent; N];
    for (number, folder) in folders.iter_mut().enumerate() {
        *folder = world.folder(ann.id, parent, &format!("{number}")).await;
    }
    folders
}

pub(super) async fn moves_that_would_close_a_cycle_do_not_all_succeed(world: &World<'_>) {
    let ann = world.member().await;
    for round in 0..10 {
        let arena = world.folder(ann.id, ann.root, &format!("round {round}")).await;
        let [a, b] = folders(world, &ann, arena).await;
        let (one, other) = (world.moving(ann.id, a, b).await, world.moving(ann.id, b, a).await);
        let outcomes = join_all([world.relocate(&one), world.relocate(&other)]).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for outcome in lost {
            assert_refused!(outcome, Error::Conflict(Conflict::FolderCycle));
        }
    }
    let [a, b, c] = folders(world, &ann, ann.root).await;
    let wishes = [world.moving(ann.id, a, b).await, world.moving(ann.id, b, c).await, world.moving(ann.id, c, a).await];
    let outcomes = join_all(wishes.iter().map(|wish| world.relocate(wish))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2);
    for folder in [a, b, c] {
        assert_eq!(world.located(folder, ann.id).await.lineage.last().map(|step| step.id), Some(ann.root));
    }
}

pub(super) async fn one_of_two_who_saw_the_same_revision_succeeds(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let mut wishes = Vec::new();
    for number in 0..6 {
        let wish = world.renaming(ann.id, folder, &format!("name {number}")).await;
        wishes.push(Relocation { seen: Some(Revision(1)), ..wish });
    }
    let outcomes = join_all(wishes.iter().map(|wish| world.relocate(wish))).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for outcome in lost {
        assert_refused!(outcome, Error::PreconditionFailed);
    }
    assert_eq!(world.located(folder, ann.id).await.node.revision, Revision(2));
}

pub(super) async fn moves_of_one_node_follow_one_another(world: &World<'_>) {
    let ann = world.member().await;
    let places: [NodeId; 6] = folders(world, &ann, ann.root).await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let mut wishes = Vec::new();
    for place in places {
        wishes.push(world.moving(ann.id, folder, place).await);
    }
    for outcome in join_all(wishes.iter().map(|wish| world.relocate(wish))).await {
        outcome.unwrap();
    }
    let node = world.located(folder, ann.id).await.node;
    assert_eq!(node.revision, Revision(7));
    assert!(node.parent.is_some_and(|parent| places.contains(&parent)));
}

/// Each of two moves alone is within the depth limit; both together exceed it.
pub(super) async fn deep_moves_at_once_keep_to_the_limit(world: &World<'_>) {
    let ann = world.member().await;
    let mut bottom = ann.root;
    for level in 1..=98 {
        bottom = world.folder(ann.id, bottom, &format!("level {level}")).await;
    }
    let [a, b] = folders(world, &ann, ann.root).await;
    world.folder(ann.id, a, "below").await;
    let (one, other) = (world.moving(ann.id, b, bottom).await, world.moving(ann.id, a, b).await);
    let outcomes = join_all([world.relocate(&one), world.relocate(&other)]).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for outcome in lost {
        assert_refused!(outcome, Error::Invalid(_));
    }
}
