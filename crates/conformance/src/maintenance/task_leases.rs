//! Conformance suite for [`TaskLeaseRepository`](clouddrive_domain::port::TaskLeaseRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::Lease;
use futures_util::future::join_all;

use crate::case::persistence_suite;

const LEASE_DURATION: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

persistence_suite! {
    $ task_leases uses TaskLeaseRepository;

    self of "`TaskLeaseRepository::claim`: Of any number of concurrent callers exactly one succeeds." {
        concurrent_callers_get_one_lease,
    }

    self of "`TaskLeaseRepository::claim`: Takes the lease until `until` if, at `now`, it is free and the task is due." {
        tasks_are_apart,
        a_lease_passes_on_when_it_runs_out,
    }

    self of "`TaskLeaseRepository::finish`: the task is due again at `next`" {
        a_task_that_was_done_waits_until_it_is_due,
    }

    self of "`TaskLeaseRepository::finish`: Releases the lease, if it is still held" {
        a_lost_lease_cannot_be_released,
    }
}

fn lease(fixture: &Fixture<'_>, task: &'static str) -> Lease {
    Lease { id: fixture.id(), task }
}

async fn claim(fixture: &Fixture<'_>, lease: Lease, now: Timestamp) -> bool {
    fixture.store.task_leases().claim(lease, now, now.plus(LEASE_DURATION)).await.unwrap()
}

async fn concurrent_callers_get_one_lease(fixture: &Fixture<'_>) {
    let now = fixture.now();
    for round in 0..5 {
        let claims =
            join_all((0..8).map(|_| claim(fixture, lease(fixture, "first"), now.plus(LEASE_DURATION * round)))).await;
        assert_eq!(claims.iter().filter(|got| **got).count(), 1, "{claims:?}");
    }
}

async fn tasks_are_apart(fixture: &Fixture<'_>) {
    let now = fixture.now();
    assert!(claim(fixture, lease(fixture, "one"), now).await);
    assert!(claim(fixture, lease(fixture, "other"), now).await);
}

async fn a_task_that_was_done_waits_until_it_is_due(fixture: &Fixture<'_>) {
    let (now, done) = (fixture.now(), lease(fixture, "done"));
    assert!(claim(fixture, done, now).await);
    let due = now.plus(LEASE_DURATION * 3);
    fixture.store.task_leases().finish(done, due).await.unwrap();
    assert!(!claim(fixture, lease(fixture, "done"), due.minus(MILLISECOND)).await);
    assert!(claim(fixture, lease(fixture, "done"), due).await);
}

async fn a_lease_passes_on_when_it_runs_out(fixture: &Fixture<'_>) {
    let now = fixture.now();
    assert!(claim(fixture, lease(fixture, "long"), now).await);
    let end = now.plus(LEASE_DURATION);
    assert!(!claim(fixture, lease(fixture, "long"), end.minus(MILLISECOND)).await);
    assert!(claim(fixture, lease(fixture, "long"), end).await);
}

async fn a_lost_lease_cannot_be_released(fixture: &Fixture<'_>) {
    let (now, paused, other) = (fixture.now(), lease(fixture, "lost"), lease(fixture, "lost"));
    assert!(claim(fixture, paused, now).await);
    let end = now.plus(LEASE_DURATION);
    assert!(claim(fixture, other, end).await);
    fixture.store.task_leases().finish(paused, now).await.unwrap();
    assert!(!claim(fixture, lease(fixture, "lost"), end.plus(MILLISECOND)).await);
}
