//! Background jobs.

use std::time::Duration;

use uuid::Uuid;

use super::{DriveId, Id, LeaseId, ParseError, Timestamp, UploadId};

/// How often a job is attempted before it is given up.
pub const MAX_JOB_ATTEMPTS: u32 = 10;

/// The pause after the first failed attempt; each further one is three times as long.
const INITIAL_BACKOFF: Duration = Duration::from_secs(10);

/// The longest pause between two attempts.
const MAX_BACKOFF: Duration = Duration::from_hours(1);

/// How long a job waits after the mutation that queues it: the request usually does the work itself.
pub const JOB_DELAY: Duration = Duration::from_secs(10);

/// The kind of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum JobKind {
    /// Finishes the purges begun in a drive.
    PurgeTrash,
    /// Removes the drive of a deleted account.
    RemoveDrive,
    /// Deletes the bytes of an upload that ended without becoming a file.
    DiscardUpload,
}

impl JobKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[Self::PurgeTrash, Self::RemoveDrive, Self::DiscardUpload];

    /// The stable name of the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PurgeTrash => "purge_trash",
            Self::RemoveDrive => "remove_drive",
            Self::DiscardUpload => "discard_upload",
        }
    }

    /// Parses a stored name.
    ///
    /// # Errors
    /// If it is that of no kind.
    pub fn parse(name: &str) -> Result<Self, ParseError> {
        let known = Self::ALL.iter().copied().find(|kind| kind.as_str() == name);
        known.ok_or(ParseError::new("must be a kind of job"))
    }
}

/// A piece of background work. It identifies itself: the same work is queued at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// Finish the purges begun in this drive.
    PurgeTrash(DriveId),
    /// Remove this drive, whose account was deleted.
    RemoveDrive(DriveId),
    /// Delete the bytes of this upload, which ended without becoming a file.
    DiscardUpload(UploadId),
}

impl Job {
    /// The job of that kind for the object with that identifier.
    #[must_use]
    pub fn new(kind: JobKind, subject: Uuid) -> Self {
        match kind {
            JobKind::PurgeTrash => Self::PurgeTrash(Id::from_uuid(subject)),
            JobKind::RemoveDrive => Self::RemoveDrive(Id::from_uuid(subject)),
            JobKind::DiscardUpload => Self::DiscardUpload(Id::from_uuid(subject)),
        }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(self) -> JobKind {
        match self {
            Self::PurgeTrash(_) => JobKind::PurgeTrash,
            Self::RemoveDrive(_) => JobKind::RemoveDrive,
            Self::DiscardUpload(_) => JobKind::DiscardUpload,
        }
    }

    /// The identifier of the object that it works on.
    #[must_use]
    pub const fn subject(self) -> Uuid {
        match self {
            Self::PurgeTrash(drive) | Self::RemoveDrive(drive) => drive.as_uuid(),
            Self::DiscardUpload(upload) => upload.as_uuid(),
        }
    }
}

/// A job that one caller may run until its lease runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedJob {
    /// The job.
    pub job: Job,
    /// The number of attempts, including this one.
    pub attempts: u32,
    /// The lease.
    pub lease: LeaseId,
}

impl ClaimedJob {
    /// When to try again after a failure at `now`; none if it has failed too often.
    #[must_use]
    pub fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.attempts >= MAX_JOB_ATTEMPTS {
            return None;
        }
        let factor = 3_u32.saturating_pow(self.attempts.saturating_sub(1));
        Some(now.plus(INITIAL_BACKOFF.saturating_mul(factor).min(MAX_BACKOFF)))
    }
}

/// How an attempt of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// The job is done.
    Done,
    /// It has made progress and continues at that time, with its attempts counted anew.
    Continue(Timestamp),
    /// It failed and is tried again at that time.
    Retry(Timestamp),
    /// It failed at that time, too often to be tried again: a dead letter.
    Dead(Timestamp),
}

/// The numbers of jobs of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobCount {
    /// The kind.
    pub kind: JobKind,
    /// The number of jobs to be run.
    pub queued: u64,
    /// The number of jobs that run now.
    pub running: u64,
    /// The number of jobs that were given up.
    pub dead: u64,
}

impl JobCount {
    /// There are no jobs of that kind.
    #[must_use]
    pub const fn none(kind: JobKind) -> Self {
        Self { kind, queued: 0, running: 0, dead: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn claimed(attempts: u32) -> ClaimedJob {
        let job = Job::new(JobKind::RemoveDrive, Uuid::from_u128(1));
        ClaimedJob { job, attempts, lease: LeaseId::from_uuid(Uuid::from_u128(2)) }
    }

    #[test]
    fn pauses_grow_up_to_an_hour_and_end_with_the_last_attempt() {
        let seconds = |attempts| claimed(attempts).retry_at(NOW).map(Timestamp::as_seconds);
        let first: Vec<_> = (1..=7).map(seconds).collect();
        assert_eq!(first, [10, 30, 90, 270, 810, 2430, 3600].map(Some));
        assert_eq!(seconds(MAX_JOB_ATTEMPTS - 1), Some(3600));
        assert_eq!(seconds(MAX_JOB_ATTEMPTS), None);
        assert_eq!(seconds(u32::MAX), None);
    }

    #[test]
    fn a_job_reads_back_from_its_kind_and_subject() {
        let subject = Uuid::from_u128(7);
        for kind in JobKind::ALL {
            let job = Job::new(*kind, subject);
            assert_eq!((job.kind(), job.subject()), (*kind, subject));
            assert_eq!(JobKind::parse(kind.as_str()), Ok(*kind));
        }
        assert!(JobKind::parse("unknown").is_err());
    }
}
