//! How many bytes may stream in, before anybody knows how many there are.

use crate::error::{Error, Forbidden, Refused, Result};
use crate::model::{Expected, Length, MAX_FILE_BYTES, Quota, Sha256};

/// What a body that streams into a drive must be, and what it amounts to when it is too large.
#[derive(Clone, Copy)]
pub(super) struct Intake {
    /// The quota that a refusal tells.
    pub(super) quota: Quota,
    room: u64,
    /// What the body must be.
    pub(super) expected: Expected,
}

impl Intake {
    /// For `announced` bytes, if that is known, into a drive with `quota`.
    ///
    /// # Errors
    /// `Quota` when they do not fit.
    pub(super) fn of(quota: Quota, announced: Option<u64>, sha256: Option<Sha256>) -> Result<Self> {
        let room = quota.available().min(MAX_FILE_BYTES);
        let length = match announced {
            Some(needed) if needed > room => return Err(Error::Forbidden(Forbidden::Quota { quota, needed })),
            Some(size) => Length::Exactly(size),
            None => Length::AtMost(room),
        };
        Ok(Self { quota, room, expected: Expected { length, sha256 } })
    }

    /// What the caller is told: whatever outgrows the drive's room does not fit into the drive.
    pub(super) fn explain(&self, fault: Error) -> Error {
        match fault {
            Error::Refused(Refused::TooLarge { limit }) if limit == self.room && self.room < MAX_FILE_BYTES => {
                Error::Forbidden(Forbidden::Quota { quota: self.quota, needed: limit + 1 })
            }
            other => other,
        }
    }
}
