#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, Located, NodeId, Revision, Sort};
use clouddrive_domain::port::Relocation;
use clouddrive_domain::{Error, Result};
use futures_util::future::join_all;

use super::Fixture;
use super::list::page;
use crate::fixture::{TestUser, assert_refused, name};

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

pub(super) async fn one_of_many_creations_of_a_name_succeeds(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    for parent in [ann.root, folder] {
        let grant = fixture.grant(ann.id, parent, Action::AddTo).await;
        let rivals = (0..12).map(|_| fixture.create_folder(&grant, "wanted"));
        let won = assert_one_has_the_name(join_all(rivals).await, "wanted (1)");
        let children = page(fixture, &grant, Sort::default(), None, 100).await.0;
        let holders = children.iter().filter(|child| child.node.name == name("wanted"));
        assert_eq!(holders.map(|child| child.node.id).collect::<Vec<_>>(), [won]);
    }
}

pub(super) async fn one_of_many_arrivals_under_a_name_succeeds(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let mut specs = Vec::new();
    for number in 0..6 {
        let file = fixture.file(ann.id, ann.root, &format!("{number}.txt"), 1).await;
        specs.push(Relocation { name: Some(name("wanted.txt")), ..fixture.moving(ann.id, file, to).await });
    }
    let outcomes = join_all(specs.iter().map(|spec| fixture.relocate(spec))).await;
    assert_one_has_the_name(outcomes, "wanted (1).txt");
}

async fn folders<const N: usize>(fixture: &Fixture<'_>, ann: &TestUser, parent: NodeId) -> [NodeId; N] {
    let mut folders = [parent; N];
    for (number, folder) in folders.iter_mut().enumerate() {
        *folder = fixture.folder(ann.id, parent, &format!("{number}")).await;
    }
    folders
}

pub(super) async fn moves_that_would_close_a_cycle_do_not_all_succeed(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    for round in 0..10 {
        let arena = fixture.folder(ann.id, ann.root, &format!("round {round}")).await;
        let [a, b] = folders(fixture, &ann, arena).await;
        let (one, other) = (fixture.moving(ann.id, a, b).await, fixture.moving(ann.id, b, a).await);
        let outcomes = join_all([fixture.relocate(&one), fixture.relocate(&other)]).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for outcome in lost {
            assert_refused!(outcome, Error::Conflict(Conflict::FolderCycle));
        }
    }
    let [a, b, c] = folders(fixture, &ann, ann.root).await;
    let specs =
        [fixture.moving(ann.id, a, b).await, fixture.moving(ann.id, b, c).await, fixture.moving(ann.id, c, a).await];
    let outcomes = join_all(specs.iter().map(|spec| fixture.relocate(spec))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2);
    for folder in [a, b, c] {
        assert_eq!(fixture.located(folder, ann.id).await.lineage.last().map(|step| step.id), Some(ann.root));
    }
}

pub(super) async fn one_of_two_changes_of_the_same_revision_succeeds(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let mut specs = Vec::new();
    for number in 0..6 {
        let spec = fixture.renaming(ann.id, folder, &format!("name {number}")).await;
        specs.push(Relocation { seen: Some(Revision(1)), ..spec });
    }
    let outcomes = join_all(specs.iter().map(|spec| fixture.relocate(spec))).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for outcome in lost {
        assert_refused!(outcome, Error::PreconditionFailed);
    }
    assert_eq!(fixture.located(folder, ann.id).await.node.revision, Revision(2));
}

pub(super) async fn moves_of_one_node_follow_one_another(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let places: [NodeId; 6] = folders(fixture, &ann, ann.root).await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let mut specs = Vec::new();
    for place in places {
        specs.push(fixture.moving(ann.id, folder, place).await);
    }
    for outcome in join_all(specs.iter().map(|spec| fixture.relocate(spec))).await {
        outcome.unwrap();
    }
    let node = fixture.located(folder, ann.id).await.node;
    assert_eq!(node.revision, Revision(7));
    assert!(node.parent.is_some_and(|parent| places.contains(&parent)));
}

/// Each of two moves alone is within the depth limit; both together exceed it.
pub(super) async fn deep_moves_at_once_keep_to_the_limit(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let mut bottom = ann.root;
    for level in 1..=98 {
        bottom = fixture.folder(ann.id, bottom, &format!("level {level}")).await;
    }
    let [a, b] = folders(fixture, &ann, ann.root).await;
    fixture.folder(ann.id, a, "below").await;
    let (one, other) = (fixture.moving(ann.id, b, bottom).await, fixture.moving(ann.id, a, b).await);
    let outcomes = join_all([fixture.relocate(&one), fixture.relocate(&other)]).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for outcome in lost {
        assert_refused!(outcome, Error::Invalid(_));
    }
}
