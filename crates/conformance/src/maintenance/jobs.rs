//! Conformance suite for [`JobRepository`](clouddrive_domain::port::JobRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{
    Action, ClaimedJob, ConflictPolicy, JOB_DELAY, Job, JobCount, JobKind, JobOutcome, NodeId, Permission, Revision,
    Timestamp, Upload,
};
use clouddrive_domain::port::{CleanupProgress, PurgeScope};
use futures_util::future::join_all;

use crate::case::persistence_suite;
use crate::fixture::{ALL, TestUser, assert_refused};

const LEASE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

persistence_suite! {
    $ jobs uses
        AccountRepository, BlobRecordRepository, JobRepository, NodeRepository, ShareRepository, TrashRepository,
        UploadRepository, UserRepository;

    self of "`JobRepository::claim`: Of any number of concurrent callers exactly one gets a job" {
        concurrent_claims_get_each_job_once,
    }

    self of "`JobRepository::claim`: Claims up to `max` jobs that are due at `now`, longest due first" {
        no_more_are_claimed_than_asked_for_and_the_longest_due_first,
    }

    self of "`JobRepository::claim`: A job that was claimed but not finished is due again when its lease runs out." {
        a_job_is_claimed_again_when_its_lease_runs_out,
    }

    self of "`JobOutcome::Retry`: It failed and is tried again at that time." {
        a_failed_job_waits_for_its_next_attempt,
        a_job_that_waits_for_its_next_attempt_begins_anew_when_it_is_queued_again,
    }

    self of "`JobOutcome::Continue`: It has made progress and continues at that time, with its attempts counted anew." {
        a_job_that_continues_counts_its_attempts_anew,
    }

    self of "`JobRepository`: one that is dead is revived" {
        a_dead_job_is_not_claimed_until_its_work_is_queued_again,
    }

    self of "`JobRepository`: one that runs loses its lease, since it may have missed the new work, and runs again" {
        work_queued_while_the_job_runs_is_not_missed,
    }

    self of "`JobRepository`: A job is first due [`JOB_DELAY`](crate::model::JOB_DELAY) after the command's time." {
        a_job_is_left_to_its_request_at_first,
    }

    self of "`JobRepository`: A job that is queued already is not queued twice: one that waits keeps the earlier time" {
        the_same_work_is_queued_once,
    }

    self of "`TrashRepository::begin_purges`: if there are any, are removed by a [job](super::JobRepository) that is queued" {
        trash_that_is_emptied_is_queued_if_there_is_any,
    }

    self of "`JobRepository`: it exists if and only if the mutation was committed" {
        a_refused_mutation_queues_nothing,
    }

    self of "`JobRepository`: Whatever ends an upload that did not become a file queues" {
        an_upload_that_ends_without_becoming_a_file_is_queued,
        an_upload_that_becomes_a_file_queues_nothing,
        an_upload_that_is_over_is_not_queued_again,
    }

    self of "`UploadRepository::note_discarded`: removes their jobs" {
        an_upload_whose_bytes_are_deleted_has_no_job,
    }

    self of "`BlobRecordRepository::mark_for_deletion`: has nothing left to do and is removed" {
        an_upload_whose_bytes_the_collector_deletes_has_no_job,
    }

    self of "`TrashRepository::delete_orphaned_drives`: An upload that has a [job](super::JobRepository) stays, and the drive with it." {
        a_drive_without_an_owner_waits_for_the_bytes_of_its_uploads,
    }

    self of "`JobRepository::count`: Counts the jobs by kind, as of `now`." {
        jobs_are_counted_by_kind_and_state,
    }
}

async fn claim(fixture: &Fixture<'_>, now: Timestamp, max: u32) -> Vec<ClaimedJob> {
    fixture.store.jobs().claim(fixture.id(), now, now.plus(LEASE), max).await.unwrap()
}

async fn finish(fixture: &Fixture<'_>, job: &ClaimedJob, outcome: JobOutcome) {
    fixture.store.jobs().finish(job, outcome).await.unwrap();
}

/// The jobs and their attempts that are claimed at `now`.
async fn attempts(fixture: &Fixture<'_>, now: Timestamp) -> Vec<(Job, u32)> {
    claim(fixture, now, ALL).await.into_iter().map(|claimed| (claimed.job, claimed.attempts)).collect()
}

/// Claims the only job that is due at `now`.
async fn claim_one(fixture: &Fixture<'_>, now: Timestamp) -> ClaimedJob {
    let [claimed] = claim(fixture, now, ALL).await.try_into().unwrap();
    claimed
}

/// A time when everything that has been queued is due.
fn due(fixture: &Fixture<'_>) -> Timestamp {
    fixture.now().plus(JOB_DELAY)
}

/// Does the jobs of earlier cases.
async fn drain(fixture: &Fixture<'_>) {
    for job in claim(fixture, fixture.now(), ALL).await {
        finish(fixture, &job, JobOutcome::Done).await;
    }
}

/// Queues the removal of a drive.
async fn queue(fixture: &Fixture<'_>) -> Job {
    let user = fixture.user().await;
    fixture.store.accounts().delete(&fixture.command(user.id), user.id, 0).await.unwrap();
    Job::RemoveDrive(user.drive)
}

/// A file in the trash.
async fn trashed(fixture: &Fixture<'_>, owner: &TestUser, name: &str) -> NodeId {
    let file = fixture.file(owner.id, owner.root, name, 1).await;
    fixture.trash(owner.id, file).await;
    file
}

/// Queues a purge in the drive of `owner`, and returns a time when it is due.
async fn begin_purge(fixture: &Fixture<'_>, owner: &TestUser, name: &str) -> Timestamp {
    let file = trashed(fixture, owner, name).await;
    fixture.begin_purge(owner.id, file).await.unwrap();
    due(fixture)
}

/// The numbers of jobs of that kind.
async fn count(fixture: &Fixture<'_>, kind: JobKind, now: Timestamp) -> JobCount {
    let counts = fixture.store.jobs().count(now).await.unwrap();
    counts.into_iter().find(|count| count.kind == kind).unwrap_or(JobCount::none(kind))
}

async fn concurrent_claims_get_each_job_once(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let mut queued: Vec<Job> = Vec::new();
    for _ in 0..6 {
        queued.push(queue(fixture).await);
    }
    let now = due(fixture);
    let claims = join_all((0..8).map(|_| claim(fixture, now, 2))).await;
    let mut got: Vec<Job> = claims.into_iter().flatten().map(|claimed| claimed.job).collect();
    got.sort_unstable();
    queued.sort_unstable();
    assert_eq!(got, queued);
    assert_eq!(claim(fixture, now, ALL).await, []);
}

async fn no_more_are_claimed_than_asked_for_and_the_longest_due_first(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let (first, second, third) = (queue(fixture).await, queue(fixture).await, queue(fixture).await);
    let now = due(fixture);
    let mut claimed: Vec<Job> = claim(fixture, now, 2).await.into_iter().map(|claimed| claimed.job).collect();
    claimed.sort_unstable();
    let mut oldest = [first, second];
    oldest.sort_unstable();
    assert_eq!(claimed, oldest);
    assert_eq!(attempts(fixture, now).await, [(third, 1)]);
}

async fn a_job_is_claimed_again_when_its_lease_runs_out(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let job = queue(fixture).await;
    let now = due(fixture);
    let lost = claim_one(fixture, now).await;
    let end = now.plus(LEASE);
    assert_eq!(claim(fixture, end.minus(MILLISECOND), ALL).await, []);
    let held = claim_one(fixture, end).await;
    assert_eq!((held.job, held.attempts), (job, 2));
    // The first holder returns late: the job is no longer theirs to end.
    for outcome in [JobOutcome::Done, JobOutcome::Continue(now), JobOutcome::Retry(now), JobOutcome::Dead(now)] {
        finish(fixture, &lost, outcome).await;
        assert_eq!(count(fixture, JobKind::RemoveDrive, end).await.running, 1, "{outcome:?}");
    }
    finish(fixture, &held, JobOutcome::Done).await;
    assert_eq!(claim(fixture, end.plus(LEASE), ALL).await, []);
}

async fn a_failed_job_waits_for_its_next_attempt(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let job = queue(fixture).await;
    let mut now = due(fixture);
    for attempt in 1..=3 {
        let claimed = claim_one(fixture, now).await;
        assert_eq!((claimed.job, claimed.attempts), (job, attempt));
        // Earlier or later than its lease would have run out.
        let next = now.plus(LEASE * attempt / 2);
        finish(fixture, &claimed, JobOutcome::Retry(next)).await;
        assert_eq!(claim(fixture, next.minus(MILLISECOND), ALL).await, []);
        now = next;
    }
    assert_eq!(attempts(fixture, now).await, [(job, 4)]);
}

async fn a_job_that_waits_for_its_next_attempt_begins_anew_when_it_is_queued_again(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let now = begin_purge(fixture, &ann, "a").await;
    finish(fixture, &claim_one(fixture, now).await, JobOutcome::Retry(now.plus(LEASE * 60))).await;
    // The new work does not wait for the pause of the old.
    let now = begin_purge(fixture, &ann, "b").await;
    assert_eq!(attempts(fixture, now).await, [(Job::PurgeTrash(ann.drive), 1)]);
}

async fn a_job_that_continues_counts_its_attempts_anew(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let job = queue(fixture).await;
    let now = due(fixture);
    finish(fixture, &claim_one(fixture, now).await, JobOutcome::Retry(now)).await;
    let second = claim_one(fixture, now).await;
    assert_eq!(second.attempts, 2);
    let next = now.plus(MILLISECOND);
    finish(fixture, &second, JobOutcome::Continue(next)).await;
    assert_eq!(claim(fixture, now, ALL).await, []);
    assert_eq!(attempts(fixture, next).await, [(job, 1)]);
}

async fn a_dead_job_is_not_claimed_until_its_work_is_queued_again(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let now = begin_purge(fixture, &ann, "a").await;
    let before = count(fixture, JobKind::PurgeTrash, now).await.dead;
    let claimed = claim_one(fixture, now).await;
    finish(fixture, &claimed, JobOutcome::Dead(now)).await;
    let later = now.plus(LEASE * 60);
    assert_eq!(claim(fixture, later, ALL).await, []);
    assert_eq!(count(fixture, JobKind::PurgeTrash, later).await.dead, before + 1);
    let now = begin_purge(fixture, &ann, "b").await;
    assert_eq!(attempts(fixture, now).await, [(Job::PurgeTrash(ann.drive), 1)]);
    assert_eq!(count(fixture, JobKind::PurgeTrash, now).await.dead, before);
}

async fn work_queued_while_the_job_runs_is_not_missed(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let now = begin_purge(fixture, &ann, "a").await;
    let running = claim_one(fixture, now).await;
    let now = begin_purge(fixture, &ann, "b").await;
    finish(fixture, &running, JobOutcome::Done).await;
    assert_eq!(attempts(fixture, now).await, [(Job::PurgeTrash(ann.drive), 1)]);
}

async fn a_job_is_left_to_its_request_at_first(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let file = trashed(fixture, &ann, "a").await;
    let item = fixture.grant(ann.id, file, Action::Purge).await;
    let command = fixture.command(ann.id);
    fixture.store.trash().begin_purge(&command, &item, None).await.unwrap();
    let due = command.at.plus(JOB_DELAY);
    assert_eq!(claim(fixture, due.minus(MILLISECOND), ALL).await, []);
    assert_eq!(attempts(fixture, due).await, [(Job::PurgeTrash(ann.drive), 1)]);
}

async fn the_same_work_is_queued_once(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let (ann, ben) = (fixture.user().await, fixture.user().await);
    let first = begin_purge(fixture, &ann, "a").await;
    begin_purge(fixture, &ann, "b").await;
    // The earlier time holds.
    assert_eq!(attempts(fixture, first).await, [(Job::PurgeTrash(ann.drive), 1)]);
    let other = begin_purge(fixture, &ben, "a").await;
    assert_eq!(attempts(fixture, other).await, [(Job::PurgeTrash(ben.drive), 1)]);
}

async fn trash_that_is_emptied_is_queued_if_there_is_any(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let (ann, ben) = (fixture.user().await, fixture.user().await);
    for name in ["a", "b"] {
        trashed(fixture, &ann, name).await;
    }
    for (user, begun) in [(&ann, 2), (&ben, 0)] {
        let root = fixture.grant(user.id, user.root, Action::Read).await;
        let scope = PurgeScope::All(Box::new(root));
        assert_eq!(fixture.store.trash().begin_purges(&fixture.command(user.id), &scope, ALL).await.unwrap(), begun);
    }
    assert_eq!(attempts(fixture, due(fixture)).await, [(Job::PurgeTrash(ann.drive), 1)]);
}

async fn a_refused_mutation_queues_nothing(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let file = trashed(fixture, &ann, "a").await;
    let item = fixture.grant(ann.id, file, Action::Purge).await;
    let seen = Some(Revision(7));
    let purge = fixture.store.trash().begin_purge(&fixture.command(ann.id), &item, seen).await;
    assert_refused!(purge, Error::PreconditionFailed);
    let delete = fixture.store.accounts().delete(&fixture.command(ann.id), ann.id, 7).await;
    assert_refused!(delete, Error::Forbidden(Forbidden::WrongPassword));
    assert_eq!(claim(fixture, due(fixture), ALL).await, []);
}

/// An open upload into the root of its sender's drive.
async fn opened(fixture: &Fixture<'_>, sender: &TestUser, name: &str) -> Upload {
    let root = fixture.grant(sender.id, sender.root, Action::AddTo).await;
    fixture.open(&root, name, Some(1)).await
}

async fn an_upload_that_ends_without_becoming_a_file_is_queued(fixture: &Fixture<'_>) {
    // The last one lies in the future of the others.
    for ending in ["aborted", "revoked", "trashed", "deleted", "expired"] {
        drain(fixture).await;
        let (ann, bob) = (fixture.user().await, fixture.user().await);
        let folder = fixture.folder(ann.id, ann.root, "shared").await;
        let share = fixture.share(ann.id, folder, bob.id, Permission::Edit).await;
        let into = fixture.grant(bob.id, folder, Action::AddTo).await;
        let upload = fixture.open(&into, "a", Some(1)).await;
        let is_queued = async |at| attempts(fixture, at).await.contains(&(Job::DiscardUpload(upload.id), 1));
        assert!(!is_queued(due(fixture)).await, "{ending}");
        let item = fixture.grant(ann.id, folder, Action::Trash).await;
        let store = fixture.store;
        let command = match ending {
            "expired" => fixture.command_at(None, upload.expires_at),
            "aborted" | "deleted" => fixture.command(bob.id),
            _ => fixture.command(ann.id),
        };
        match ending {
            "aborted" => store.uploads().abort(&command, upload.id).await.unwrap(),
            "revoked" => store.shares().revoke(&command, share).await.unwrap(),
            "trashed" => store.trash().put(&command, &item, None).await.unwrap(),
            "deleted" => store.accounts().delete(&command, bob.id, 0).await.unwrap(),
            _ => assert!(!store.uploads().expire_due(&command, ALL).await.unwrap().is_empty()),
        }
        let due = command.at.plus(JOB_DELAY);
        assert!(!is_queued(due.minus(MILLISECOND)).await, "{ending}");
        assert!(is_queued(due).await, "{ending}");
    }
}

async fn an_upload_that_becomes_a_file_queues_nothing(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = opened(fixture, &ann, "a").await;
    fixture.commit(&root, &fixture.completing(&upload, ConflictPolicy::Fail)).await.unwrap();
    assert_refused!(fixture.abort(&upload).await, Error::Conflict(Conflict::UploadClosed));
    assert_eq!(claim(fixture, due(fixture), ALL).await, []);
}

async fn an_upload_that_is_over_is_not_queued_again(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let upload = opened(fixture, &ann, "a").await;
    fixture.abort(&upload).await.unwrap();
    let running = claim_one(fixture, due(fixture)).await;
    assert_eq!(running.job, Job::DiscardUpload(upload.id));
    fixture.abort(&upload).await.unwrap();
    finish(fixture, &running, JobOutcome::Done).await;
    assert_eq!(claim(fixture, due(fixture), ALL).await, []);
}

async fn an_upload_whose_bytes_are_deleted_has_no_job(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let (running, waiting) = (opened(fixture, &ann, "a").await, opened(fixture, &ann, "b").await);
    let (other, open) = (opened(fixture, &ann, "c").await, opened(fixture, &ann, "d").await);
    fixture.abort(&running).await.unwrap();
    assert_eq!(claim_one(fixture, due(fixture)).await.job, Job::DiscardUpload(running.id));
    for upload in [&waiting, &other] {
        fixture.abort(upload).await.unwrap();
    }
    let discarded = [running.id, waiting.id, open.id];
    fixture.store.uploads().note_discarded(fixture.now(), &discarded).await.unwrap();
    let later = due(fixture).plus(LEASE);
    assert_eq!(attempts(fixture, later).await, [(Job::DiscardUpload(other.id), 1)]);
    assert_eq!(fixture.upload(&open).await, open);
}

async fn an_upload_whose_bytes_the_collector_deletes_has_no_job(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let (ended, later) = (opened(fixture, &ann, "a").await, opened(fixture, &ann, "b").await);
    fixture.abort(&ended).await.unwrap();
    assert!(fixture.marked_for_deletion(fixture.now()).await.contains(&ended.blob));
    fixture.abort(&later).await.unwrap();
    assert_eq!(attempts(fixture, due(fixture)).await, [(Job::DiscardUpload(later.id), 1)]);
}

async fn a_drive_without_an_owner_waits_for_the_bytes_of_its_uploads(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    let upload = opened(fixture, &ann, "a").await;
    let store = fixture.store;
    store.accounts().delete(&fixture.command(ann.id), ann.id, 0).await.unwrap();
    let remove = async || {
        let command = fixture.command_at(None, fixture.now());
        store.trash().delete_orphaned_drives(&command, Some(ann.drive), ALL).await.unwrap()
    };
    assert_eq!(remove().await, CleanupProgress::Nothing);
    assert_eq!(store.uploads().find_ended(upload.id).await.unwrap().map(|found| found.id), Some(upload.id));
    for job in claim(fixture, due(fixture), ALL).await {
        if job.job == Job::RemoveDrive(ann.drive) {
            finish(fixture, &job, JobOutcome::Done).await;
        }
    }
    let at = fixture.now();
    store.uploads().note_discarded(at, &[upload.id]).await.unwrap();
    assert_eq!(attempts(fixture, at.plus(JOB_DELAY)).await, [(Job::RemoveDrive(ann.drive), 1)]);
    assert_eq!(remove().await, CleanupProgress::Step);
    assert_eq!(remove().await, CleanupProgress::Drive);
}

async fn jobs_are_counted_by_kind_and_state(fixture: &Fixture<'_>) {
    drain(fixture).await;
    let ann = fixture.user().await;
    begin_purge(fixture, &ann, "a").await;
    queue(fixture).await;
    let now = due(fixture);
    let dead = count(fixture, JobKind::RemoveDrive, now).await.dead;
    let before = JobCount { queued: 1, dead, ..JobCount::none(JobKind::RemoveDrive) };
    assert_eq!(count(fixture, JobKind::RemoveDrive, now).await, before);
    let claimed = claim(fixture, now, ALL).await;
    assert_eq!(claimed.len(), 2);
    assert_eq!(count(fixture, JobKind::RemoveDrive, now).await, JobCount { queued: 0, running: 1, ..before });
    assert_eq!(count(fixture, JobKind::PurgeTrash, now).await.running, 1);
    // A job whose lease ran out waits again.
    let end = now.plus(LEASE);
    assert_eq!(count(fixture, JobKind::RemoveDrive, end).await, before);
    for job in &claimed {
        finish(fixture, job, JobOutcome::Dead(now)).await;
    }
    assert_eq!(count(fixture, JobKind::RemoveDrive, end).await, JobCount { queued: 0, dead: dead + 1, ..before });
}
