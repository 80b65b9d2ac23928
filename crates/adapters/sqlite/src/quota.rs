//! The quota of drives, and the counters that it limits.

use clouddrive_domain::Error;
use clouddrive_domain::model::{Charge, DriveId, EntryQuota, Quota};
use clouddrive_sql::drive::{ENTRIES, QUOTA, entries, quota};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::drives;
use clouddrive_sql::statement::update;
use clouddrive_sql::types::{DbId, bytes};
use diesel::prelude::*;

/// Turns a reservation into usage. Reserved bytes have been admitted already; any beyond must fit now.
pub(crate) fn charge_quota(connection: &mut SqliteConnection, drive: DriveId, charge: Charge) -> Result<(), SqlError> {
    check_charge(connection, drive, charge)?;
    update(drives::table.find(DbId::from(drive)))
        .set((
            drives::reserved_bytes.eq(drives::reserved_bytes - bytes(charge.reserved)),
            drives::used_bytes.eq(drives::used_bytes + bytes(charge.stored) - bytes(charge.freed)),
            drives::used_entries.eq(drives::used_entries + bytes(charge.entries)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Reserves the bytes of `charge` if it fits. Its entries are counted by the commit.
pub(crate) fn reserve(connection: &mut SqliteConnection, drive: DriveId, charge: Charge) -> Result<Quota, SqlError> {
    let mut quota = check_charge(connection, drive, charge)?;
    quota.reserved += charge.stored;
    update(drives::table.find(DbId::from(drive)))
        .set(drives::reserved_bytes.eq(bytes(quota.reserved)))
        .execute(connection)?;
    Ok(quota)
}

/// Fails if `charge` does not fit into the drive.
pub(crate) fn check_charge(
    connection: &mut SqliteConnection,
    drive: DriveId,
    charge: Charge,
) -> Result<Quota, SqlError> {
    let (quota, entries) = quota_of(connection, drive)?;
    match charge.refusal(quota, entries) {
        Some(refusal) => Err(Error::Forbidden(refusal).into()),
        None => Ok(quota),
    }
}

/// The limits and counters of `drive`.
fn quota_of(connection: &mut SqliteConnection, drive: DriveId) -> Result<(Quota, EntryQuota), SqlError> {
    let row = drives::table.find(DbId::from(drive)).select((QUOTA, ENTRIES));
    let (bytes_of, entries_of) = row.first::<((i64, i64, i64), (i64, i64))>(connection)?;
    Ok((quota(bytes_of), entries(entries_of)))
}
