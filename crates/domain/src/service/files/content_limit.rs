//! Limits for streamed bodies whose length may be unknown.

use crate::error::{Error, Forbidden, Refused, Result};
use crate::model::{Expected, Grant, Length, MAX_FILE_BYTES, Quota, Sha256};

/// What a body streamed into a drive must satisfy, and how to report one that is too large.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct ContentLimit {
    /// The quota reported by a refusal.
    pub(in crate::service) quota: Quota,
    /// Whether the sender owns the drive.
    own: bool,
    room: u64,
    /// What the body must satisfy.
    pub(in crate::service) expected: Expected,
}

impl ContentLimit {
    /// Expects `announced` bytes, if known, to be stored at `place` in a drive with `quota`.
    ///
    /// # Errors
    /// `Quota` when they do not fit.
    pub(in crate::service) fn new(
        place: &Grant,
        quota: Quota,
        announced: Option<u64>,
        sha256: Option<Sha256>,
    ) -> Result<Self> {
        let room = quota.available().min(MAX_FILE_BYTES);
        let length = match announced {
            Some(needed) if needed > room => {
                return Err(hide_owner_quota(place, Error::Forbidden(Forbidden::Quota { quota, needed })));
            }
            Some(size) => Length::Exactly(size),
            None => Length::AtMost(room),
        };
        Ok(Self { quota, own: owns(place), room, expected: Expected { length, sha256 } })
    }

    /// Maps `TooLarge` to a quota error when the body exceeded the free space of the drive.
    pub(in crate::service) fn quota_error(&self, error: Error) -> Error {
        match error {
            Error::Refused(Refused::TooLarge { limit }) if limit == self.room && self.room < MAX_FILE_BYTES => {
                Error::Forbidden(if self.own {
                    Forbidden::Quota { quota: self.quota, needed: limit + 1 }
                } else {
                    // `needed` would reveal the free space: it is that plus one.
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

/// Hides the drive's usage in `error` from anyone but the owner of the drive of `place`.
pub(in crate::service) fn hide_owner_quota(place: &Grant, error: Error) -> Error {
    match error {
        Error::Forbidden(Forbidden::Quota { needed, .. }) if !owns(place) => {
            Error::Forbidden(Forbidden::QuotaOfOwner { needed: Some(needed) })
        }
        Error::Forbidden(Forbidden::Entries { .. }) if !owns(place) => {
            Error::Forbidden(Forbidden::QuotaOfOwner { needed: None })
        }
        other => other,
    }
}
