//! Conformance suite for [`Jobs`](clouddrive_domain::port::Jobs).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{
    Action, ClaimedJob, JOB_DELAY, Job, JobCount, JobKind, JobOutcome, NodeId, Revision, Timestamp,
};
use clouddrive_domain::port::Doomed;
use futures_util::future::join_all;

use crate::Persistence;
use crate::world::{ALL, Member, World, assert_refused, run};

const LEASE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        of_all_who_claim_at_once_one_gets_each_job,
        no_more_are_claimed_than_asked_for_and_the_longest_due_first,
        a_job_is_claimed_again_when_its_lease_runs_out,
        a_failed_job_waits_for_its_next_attempt,
        a_job_that_continues_counts_its_attempts_anew,
        a_dead_job_is_not_claimed_until_its_work_is_queued_again,
        what_is_queued_while_the_job_runs_is_not_missed,
        a_job_is_left_to_its_request_at_first,
        the_same_work_is_queued_once,
        trash_that_is_emptied_is_queued_if_there_is_any,
        a_refused_mutation_queues_nothing,
        jobs_are_counted_by_kind_and_state,
    );
}

async fn claim(world: &World<'_>, now: Timestamp, most: u32) -> Vec<ClaimedJob> {
    world.store.jobs.claim(world.id(), now, now.plus(LEASE), most).await.unwrap()
}

async fn finish(world: &World<'_>, job: &ClaimedJob, outcome: JobOutcome) {
    world.store.jobs.finish(job, outcome).await.unwrap();
}

/// The jobs and their attempts that are claimed at `now`.
async fn attempts(world: &World<'_>, now: Timestamp) -> Vec<(Job, u32)> {
    claim(world, now, ALL).await.into_iter().map(|claimed| (claimed.job, claimed.attempts)).collect()
}

/// Claims the only job that is due at `now`.
async fn claim_one(world: &World<'_>, now: Timestamp) -> ClaimedJob {
    let [claimed] = claim(world, now, ALL).await.try_into().unwrap();
    claimed
}

/// A time when everything that has been queued is due.
fn due(world: &World<'_>) -> Timestamp {
    world.now().plus(JOB_DELAY)
}

/// Does the jobs of earlier cases.
async fn drain(world: &World<'_>) {
    for job in claim(world, world.now(), ALL).await {
        finish(world, &job, JobOutcome::Done).await;
    }
}

/// Queues the removal of a drive.
async fn queue(world: &World<'_>) -> Job {
    let member = world.member().await;
    world.store.accounts.delete(&world.command(member.id), member.id, 0).await.unwrap();
    Job::RemoveDrive(member.drive)
}

/// A file in the trash.
async fn trashed(world: &World<'_>, owner: &Member, name: &str) -> NodeId {
    let file = world.file(owner.id, owner.root, name, 1).await;
    world.trash(owner.id, file).await;
    file
}

/// Queues a purge in the drive of `owner`, and returns a time when it is due.
async fn begin_purge(world: &World<'_>, owner: &Member, name: &str) -> Timestamp {
    let file = trashed(world, owner, name).await;
    world.begin_purge(owner.id, file).await.unwrap();
    due(world)
}

/// The numbers of jobs of that kind.
async fn count(world: &World<'_>, kind: JobKind, now: Timestamp) -> JobCount {
    let counts = world.store.jobs.count(now).await.unwrap();
    counts.into_iter().find(|count| count.kind == kind).unwrap_or(JobCount::none(kind))
}

async fn of_all_who_claim_at_once_one_gets_each_job(world: &World<'_>) {
    drain(world).await;
    let mut queued: Vec<Job> = Vec::new();
    for _ in 0..6 {
        queued.push(queue(world).await);
    }
    let now = due(world);
    let claims = join_all((0..8).map(|_| claim(world, now, 2))).await;
    let mut got: Vec<Job> = claims.into_iter().flatten().map(|claimed| claimed.job).collect();
    got.sort_unstable();
    queued.sort_unstable();
    assert_eq!(got, queued);
    assert_eq!(claim(world, now, ALL).await, []);
}

async fn no_more_are_claimed_than_asked_for_and_the_longest_due_first(world: &World<'_>) {
    drain(world).await;
    let (first, second, third) = (queue(world).await, queue(world).await, queue(world).await);
    let now = due(world);
    let mut claimed: Vec<Job> = claim(world, now, 2).await.into_iter().map(|claimed| claimed.job).collect();
    claimed.sort_unstable();
    let mut oldest = [first, second];
    oldest.sort_unstable();
    assert_eq!(claimed, oldest);
    assert_eq!(attempts(world, now).await, [(third, 1)]);
}

async fn a_job_is_claimed_again_when_its_lease_runs_out(world: &World<'_>) {
    drain(world).await;
    let job = queue(world).await;
    let now = due(world);
    let lost = claim_one(world, now).await;
    let end = now.plus(LEASE);
    assert_eq!(claim(world, end.minus(MILLISECOND), ALL).await, []);
    let held = claim_one(world, end).await;
    assert_eq!((held.job, held.attempts), (job, 2));
    // The first holder returns late: the job is no longer theirs to end.
    for outcome in [JobOutcome::Done, JobOutcome::Continue(now), JobOutcome::Retry(now), JobOutcome::Dead(now)] {
        finish(world, &lost, outcome).await;
        assert_eq!(count(world, JobKind::RemoveDrive, end).await.running, 1, "{outcome:?}");
    }
    finish(world, &held, JobOutcome::Done).await;
    assert_eq!(claim(world, end.plus(LEASE), ALL).await, []);
}

async fn a_failed_job_waits_for_its_next_attempt(world: &World<'_>) {
    drain(world).await;
    let job = queue(world).await;
    let mut now = due(world);
    for attempt in 1..=3 {
        let claimed = claim_one(world, now).await;
        assert_eq!((claimed.job, claimed.attempts), (job, attempt));
        // Earlier or later than its lease would have run out.
        let next = now.plus(LEASE * attempt / 2);
        finish(world, &claimed, JobOutcome::Retry(next)).await;
        assert_eq!(claim(world, next.minus(MILLISECOND), ALL).await, []);
        now = next;
    }
    assert_eq!(attempts(world, now).await, [(job, 4)]);
}

async fn a_job_that_continues_counts_its_attempts_anew(world: &World<'_>) {
    drain(world).await;
    let job = queue(world).await;
    let now = due(world);
    finish(world, &claim_one(world, now).await, JobOutcome::Retry(now)).await;
    let second = claim_one(world, now).await;
    assert_eq!(second.attempts, 2);
    let next = now.plus(MILLISECOND);
    finish(world, &second, JobOutcome::Continue(next)).await;
    assert_eq!(claim(world, now, ALL).await, []);
    assert_eq!(attempts(world, next).await, [(job, 1)]);
}

async fn a_dead_job_is_not_claimed_until_its_work_is_queued_again(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    let now = begin_purge(world, &ann, "a").await;
    let before = count(world, JobKind::PurgeTrash, now).await.dead;
    let claimed = claim_one(world, now).await;
    finish(world, &claimed, JobOutcome::Dead(now)).await;
    let later = now.plus(LEASE * 60);
    assert_eq!(claim(world, later, ALL).await, []);
    assert_eq!(count(world, JobKind::PurgeTrash, later).await.dead, before + 1);
    let now = begin_purge(world, &ann, "b").await;
    assert_eq!(attempts(world, now).await, [(Job::PurgeTrash(ann.drive), 1)]);
    assert_eq!(count(world, JobKind::PurgeTrash, now).await.dead, before);
}

async fn what_is_queued_while_the_job_runs_is_not_missed(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    let now = begin_purge(world, &ann, "a").await;
    let running = claim_one(world, now).await;
    let now = begin_purge(world, &ann, "b").await;
    finish(world, &running, JobOutcome::Done).await;
    assert_eq!(attempts(world, now).await, [(Job::PurgeTrash(ann.drive), 1)]);
}

async fn a_job_is_left_to_its_request_at_first(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    let file = trashed(world, &ann, "a").await;
    let item = world.grant(ann.id, file, Action::Purge).await;
    let command = world.command(ann.id);
    world.store.trash.begin_purge(&command, &item, None).await.unwrap();
    let due = command.at.plus(JOB_DELAY);
    assert_eq!(claim(world, due.minus(MILLISECOND), ALL).await, []);
    assert_eq!(attempts(world, due).await, [(Job::PurgeTrash(ann.drive), 1)]);
}

async fn the_same_work_is_queued_once(world: &World<'_>) {
    drain(world).await;
    let (ann, ben) = (world.member().await, world.member().await);
    let first = begin_purge(world, &ann, "a").await;
    begin_purge(world, &ann, "b").await;
    // The earlier time holds.
    assert_eq!(attempts(world, first).await, [(Job::PurgeTrash(ann.drive), 1)]);
    let other = begin_purge(world, &ben, "a").await;
    assert_eq!(attempts(world, other).await, [(Job::PurgeTrash(ben.drive), 1)]);
}

async fn trash_that_is_emptied_is_queued_if_there_is_any(world: &World<'_>) {
    drain(world).await;
    let (ann, ben) = (world.member().await, world.member().await);
    for name in ["a", "b"] {
        trashed(world, &ann, name).await;
    }
    for (member, begun) in [(&ann, 2), (&ben, 0)] {
        let root = world.grant(member.id, member.root, Action::Read).await;
        let doomed = Doomed::All(Box::new(root));
        assert_eq!(world.store.trash.begin_purges(&world.command(member.id), &doomed, ALL).await.unwrap(), begun);
    }
    assert_eq!(attempts(world, due(world)).await, [(Job::PurgeTrash(ann.drive), 1)]);
}

async fn a_refused_mutation_queues_nothing(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    let file = trashed(world, &ann, "a").await;
    let item = world.grant(ann.id, file, Action::Purge).await;
    let seen = Some(Revision(7));
    let purge = world.store.trash.begin_purge(&world.command(ann.id), &item, seen).await;
    assert_refused!(purge, Error::PreconditionFailed);
    let delete = world.store.accounts.delete(&world.command(ann.id), ann.id, 7).await;
    assert_refused!(delete, Error::Forbidden(Forbidden::WrongPassword));
    assert_eq!(claim(world, due(world), ALL).await, []);
}

async fn jobs_are_counted_by_kind_and_state(world: &World<'_>) {
    drain(world).await;
    let ann = world.member().await;
    begin_purge(world, &ann, "a").await;
    queue(world).await;
    let now = due(world);
    let dead = count(world, JobKind::RemoveDrive, now).await.dead;
    let before = JobCount { queued: 1, dead, ..JobCount::none(JobKind::RemoveDrive) };
    assert_eq!(count(world, JobKind::RemoveDrive, now).await, before);
    let claimed = claim(world, now, ALL).await;
    assert_eq!(claimed.len(), 2);
    assert_eq!(count(world, JobKind::RemoveDrive, now).await, JobCount { queued: 0, running: 1, ..before });
    assert_eq!(count(world, JobKind::PurgeTrash, now).await.running, 1);
    // A job whose lease ran out waits again.
    let end = now.plus(LEASE);
    assert_eq!(count(world, JobKind::RemoveDrive, end).await, before);
    for job in &claimed {
        finish(world, job, JobOutcome::Dead(now)).await;
    }
    assert_eq!(count(world, JobKind::RemoveDrive, end).await, JobCount { queued: 0, dead: dead + 1, ..before });
}
