#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::Action;
use clouddrive_domain::port::Extent;

use super::folder::sample;
use crate::world::World;

pub(super) async fn a_folder_is_measured_with_itself(world: &World<'_>) {
    let ann = world.member().await;
    let empty = world.folder(ann.id, ann.root, "é").await;
    let empty = world.grant(ann.id, empty, Action::Read).await;
    let extent = world.store.trees.measure(&empty, 10).await.unwrap();
    assert_eq!(extent, Extent { entries: 1, path_bytes: 3 });
    let top = sample(world, &ann).await;
    let top = world.grant(ann.id, top, Action::Read).await;
    let extent = world.store.trees.measure(&top, 100).await.unwrap();
    let paths =
        ["top/", "top/Été ∅/", "top/a/", "top/a/b/", "top/a/b/x.3/", "top/a/b/y.3/", "top/a/x {2}/", "top/x, \"1\"/"];
    let path_bytes = paths.iter().map(|path| path.len() as u64).sum();
    assert_eq!(extent, Extent { entries: 8, path_bytes });
}

pub(super) async fn nothing_is_counted_past_the_most(world: &World<'_>) {
    let ann = world.member().await;
    let top = sample(world, &ann).await;
    let top = world.grant(ann.id, top, Action::Read).await;
    for (most, entries) in [(0, 1), (1, 2), (6, 7), (7, 8), (8, 8), (u64::MAX, 8)] {
        assert_eq!(world.store.trees.measure(&top, most).await.unwrap().entries, entries, "{most}");
    }
}
