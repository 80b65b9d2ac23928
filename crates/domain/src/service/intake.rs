//! How many bytes may stream in, before anybody knows how many there are.

use crate::error::{Error, Forbidden, Refused, Result};
use crate::model::{Expected, Grant, Length, MAX_FILE_BYTES, Quota, Sha256};

/// What a body that streams into a drive must be, and what it amounts to when it is too large.
#[derive(Clone, Copy)]
pub(super) struct Intake {
    /// The quota that a refusal tells.
    pub(super) quota: Quota,
    /// Whether whoever sends owns the drive.
    own: bool,
    room: u64,
    /// What the body must be.
    pub(super) expected: Expected,
}

impl Intake {
    /// For `announced` bytes, if that is known, by leave to put them at `place`, in a drive with `quota`.
    ///
    /// # Errors
    /// `Quota` when they do not fit.
    pub(super) fn of(place: &Grant, quota: Quota, announced: Option<u64>, sha256: Option<Sha256>) -> Result<Self> {
        let room = quota.available().min(MAX_FILE_BYTES);
        let length = match announced {
            Some(needed) if needed > room => {
                return Err(told(place, Error::Forbidden(Forbidden::Quota { quota, needed })));
            }
            Some(size) => Length::Exactly(size),
            None => Length::AtMost(room),
        };
        Ok(Self { quota, own: owns(place), room, expected: Expected { length, sha256 } })
    }

    /// What the caller is told: whatever outgrows the drive's room does not fit into the drive.
    pub(super) fn explain(&self, fault: Error) -> Error {
        match fault {
            Error::Refused(Refused::TooLarge { limit }) if limit == self.room && self.room < MAX_FILE_BYTES => {
                Error::Forbidden(if self.own {
                    Forbidden::Quota { quota: self.quota, needed: limit + 1 }
                } else {
                    // The number would be that of the bytes that do fit, and one.
                    Forbidden::QuotaOfOwner { needed: None }
                })
            }
            other => other,
        }
    }
}

fn owns(place: &Grant) -> bool {
    place.actor() == place.located().owner.id
}

/// What whoever adds something at `place` is told of `fault`: how full a drive is, its owner alone learns.
pub(super) fn told(place: &Grant, fault: Error) -> Error {
    match fault {
        Error::Forbidden(Forbidden::Quota { needed, .. }) if !owns(place) => {
            Error::Forbidden(Forbidden::QuotaOfOwner { needed: Some(needed) })
        }
        Error::Forbidden(Forbidden::Entries { .. }) if !owns(place) => {
            Error::Forbidden(Forbidden::QuotaOfOwner { needed: None })
        }
        other => other,
    }
}
