//! Conformance suite for [`Chores`](clouddrive_domain::port::Chores).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::Lease;
use futures_util::future::join_all;

use crate::Persistence;
use crate::world::{World, run};

const SHIFT: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        of_all_who_ask_at_once_one_gets_the_lease,
        chores_are_apart,
        a_chore_that_was_done_waits_until_it_is_due,
        a_lease_passes_on_when_it_runs_out,
        who_has_lost_the_lease_cannot_give_it_back,
    );
}

fn lease(world: &World<'_>, chore: &'static str) -> Lease {
    Lease { id: world.id(), chore }
}

async fn claim(world: &World<'_>, lease: Lease, now: Timestamp) -> bool {
    world.store.chores.claim(lease, now, now.plus(SHIFT)).await.unwrap()
}

async fn of_all_who_ask_at_once_one_gets_the_lease(world: &World<'_>) {
    let now = world.now();
    for round in 0..5 {
        let claims = join_all((0..8).map(|_| claim(world, lease(world, "first"), now.plus(SHIFT * round)))).await;
        assert_eq!(claims.iter().filter(|got| **got).count(), 1, "{claims:?}");
    }
}

async fn chores_are_apart(world: &World<'_>) {
    let now = world.now();
    assert!(claim(world, lease(world, "one"), now).await);
    assert!(claim(world, lease(world, "other"), now).await);
}

async fn a_chore_that_was_done_waits_until_it_is_due(world: &World<'_>) {
    let (now, done) = (world.now(), lease(world, "done"));
    assert!(claim(world, done, now).await);
    let due = now.plus(SHIFT * 3);
    world.store.chores.finish(done, due).await.unwrap();
    assert!(!claim(world, lease(world, "done"), due.minus(MILLISECOND)).await);
    assert!(claim(world, lease(world, "done"), due).await);
}

async fn a_lease_passes_on_when_it_runs_out(world: &World<'_>) {
    let now = world.now();
    assert!(claim(world, lease(world, "long"), now).await);
    let end = now.plus(SHIFT);
    assert!(!claim(world, lease(world, "long"), end.minus(MILLISECOND)).await);
    assert!(claim(world, lease(world, "long"), end).await);
}

async fn who_has_lost_the_lease_cannot_give_it_back(world: &World<'_>) {
    let (now, paused, other) = (world.now(), lease(world, "lost"), lease(world, "lost"));
    assert!(claim(world, paused, now).await);
    let end = now.plus(SHIFT);
    assert!(claim(world, other, end).await);
    world.store.chores.finish(paused, now).await.unwrap();
    assert!(!claim(world, lease(world, "lost"), end.plus(MILLISECOND)).await);
}
