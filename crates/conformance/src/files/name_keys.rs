//! Conformance suite for [`NameKeys`](clouddrive_domain::port::NameKeys).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Action, Limit, OrderKey, Sort};

use crate::Persistence;
use crate::world::{World, run};

/// Runs every case. The backfill for names written by older versions needs tests of the adapter's own.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store; every_name_has_its_keys_from_the_beginning);
}

async fn every_name_has_its_keys_from_the_beginning(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "Chapter 1").await;
    let file = world.file(ann.id, folder, "Ärger.txt", 1).await;
    world.rename(ann.id, folder, "Chapter 10").await.unwrap();
    world.rename(ann.id, file, "ärger.txt").await.unwrap();
    for place in [ann.root, folder] {
        let grant = world.grant(ann.id, place, Action::Read).await;
        let limit = Limit::new(10).unwrap();
        for child in world.store.drive.list(grant.read(), Sort::default(), None, limit).await.unwrap() {
            assert_eq!(child.order_key, OrderKey::of(&child.node.name));
        }
    }
    assert_eq!(world.store.name_keys.refresh(500).await.unwrap(), 0);
}
