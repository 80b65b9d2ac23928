//! The counters of drives.

use clouddrive_domain::model::{Charge, DriveId};
use clouddrive_domain::{Error, Result};

use crate::state::State;

/// Fails if `charge` does not fit into the drive.
pub(crate) fn check(state: &State, drive: DriveId, charge: Charge) -> Result<()> {
    let row = state.drives.get(&drive).ok_or(Error::NotFound)?;
    charge.refusal(row.quota, row.entries).map_or(Ok(()), |refusal| Err(Error::Forbidden(refusal)))
}

/// Turns a reservation into usage. Reserved bytes have been admitted already; any beyond must fit now.
pub(crate) fn charge(state: &mut State, drive: DriveId, charge: Charge) -> Result<()> {
    check(state, drive, charge)?;
    let row = state.drives.get_mut(&drive).ok_or(Error::NotFound)?;
    row.quota.reserved = row.quota.reserved.saturating_sub(charge.reserved);
    row.quota.used = (row.quota.used + charge.stored).saturating_sub(charge.freed);
    row.entries.used += charge.entries;
    Ok(())
}

/// Ends a reservation.
pub(crate) fn release(state: &mut State, drive: DriveId, bytes: u64) {
    if let Some(row) = state.drives.get_mut(&drive) {
        row.quota.reserved = row.quota.reserved.saturating_sub(bytes);
    }
}
