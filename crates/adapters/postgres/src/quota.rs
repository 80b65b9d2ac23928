//! The quota of drives, and the counters that it limits.
//!
//! A transaction that updates the row of a drive blocks other updates of it until its commit is on the disk. New
//! folders are therefore counted in rows of their own, in `entry_counts`, as long as the drive has ample room. A lock
//! keeps the limit exact:
//!
//! - A transaction that counts in `entry_counts` holds it as a shared lock, and only then checks for ample room.
//! - A transaction that leaves less than ample room holds it exclusively: it sees all earlier counts, and later counts
//!   see it.

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Charge, DriveId, EntryQuota, Quota};
use clouddrive_sql::drive::{UsageRow, usage};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::bytes;
use diesel::prelude::OptionalExtension;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;

use crate::error::serialization_failure;
use crate::transaction::tree_key;

/// The number of files and folders of the drive `d`.
pub(crate) const USED_ENTRIES: &str = "(d.used_entries + coalesce(
        (SELECT CAST(sum(c.entries) AS bigint) FROM entry_counts c WHERE c.drive_id = d.id), 0))";

/// More free entries than this are ample room. Transactions that do not see each other use less: one charge of the
/// drive's row, at most a copy of 10,001 entries, and a folder on each of the server's connections.
const AMPLE_ENTRIES: u64 = 20_000;

/// The number of rows among which the folders of a drive are counted. Connections rarely share one.
const COUNT_ROWS: i64 = 64;

/// Whether `drive` has ample room for entries beside a new one.
pub(crate) async fn has_ample_room(mut connection: &AsyncPgConnection, drive: DriveId) -> Result<bool, SqlError> {
    let text = format!("SELECT 1 FROM drives d WHERE {}", ample_condition());
    let parameters = vec![drive.into(), Parameter::Integer(bytes(AMPLE_ENTRIES))];
    Ok(Statement::new(text, parameters).execute(&mut connection).await? > 0)
}

/// The condition that the drive `d` is this one and has ample room.
fn ample_condition() -> String {
    format!("d.id = ? AND d.quota_entries - {USED_ENTRIES} > ?")
}

/// Counts a new folder. `ample` is the result of [`has_ample_room`] at the beginning of the transaction.
pub(crate) async fn count_folder(connection: &AsyncPgConnection, drive: DriveId, ample: bool) -> Result<(), SqlError> {
    if !ample {
        return charge_quota(connection, drive, Charge { entries: 1, ..Charge::default() }).await;
    }
    let lock = lock_counts(connection, drive, "pg_advisory_xact_lock_shared");
    let (_, counted) = try_join(lock, count(connection, drive)).await?;
    if counted { Ok(()) } else { Err(serialization_failure("the drive no longer has ample room").into()) }
}

/// Counts a folder in `entry_counts` if the drive has ample room; returns whether it has.
async fn count(mut connection: &AsyncPgConnection, drive: DriveId) -> Result<bool, SqlError> {
    let text = format!(
        "INSERT INTO entry_counts (drive_id, place, entries)
            SELECT d.id, pg_backend_pid() % ?, 1 FROM drives d WHERE {}
        ON CONFLICT (drive_id, place) DO UPDATE SET entries = entry_counts.entries + 1",
        ample_condition()
    );
    let parameters = vec![Parameter::Integer(COUNT_ROWS), drive.into(), Parameter::Integer(bytes(AMPLE_ENTRIES))];
    Ok(Statement::new(text, parameters).execute(&mut connection).await? > 0)
}

/// Takes the lock on what is counted in `entry_counts` for `drive`, by `function`. Its key is the complement of that of
/// the lock on the tree.
async fn lock_counts(mut connection: &AsyncPgConnection, drive: DriveId, function: &str) -> Result<(), SqlError> {
    let key = Parameter::Integer(!tree_key(drive));
    Statement::new(format!("SELECT {function}(?)"), vec![key]).execute(&mut connection).await?;
    Ok(())
}

/// Turns a reservation into usage. Reserved bytes have been admitted already; any beyond must fit now.
pub(crate) async fn charge_quota(
    connection: &AsyncPgConnection,
    drive: DriveId,
    charge: Charge,
) -> Result<(), SqlError> {
    if charge.entries == 0 {
        return if update(connection, drive, charge, 0).await? {
            Ok(())
        } else {
            exceeded(connection, drive, charge).await
        };
    }
    // The row is locked by a separate statement, so that the next one sees all counts up to then.
    let (_, fits) = try_join(lock_row(connection, drive), update(connection, drive, charge, AMPLE_ENTRIES)).await?;
    if fits {
        return Ok(());
    }
    let lock = lock_counts(connection, drive, "pg_advisory_xact_lock");
    let (_, fits) = try_join(lock, update(connection, drive, charge, 0)).await?;
    if fits { Ok(()) } else { exceeded(connection, drive, charge).await }
}

async fn lock_row(mut connection: &AsyncPgConnection, drive: DriveId) -> Result<(), SqlError> {
    let text = "SELECT 1 FROM drives WHERE id = ? FOR NO KEY UPDATE";
    Statement::new(text, vec![drive.into()]).execute(&mut connection).await?;
    Ok(())
}

/// Updates the counters if `charge` fits and leaves room for as many entries as `spare`; returns whether it did.
async fn update(
    mut connection: &AsyncPgConnection,
    drive: DriveId,
    charge: Charge,
    spare: u64,
) -> Result<bool, SqlError> {
    let Charge { reserved, stored, freed, entries } = charge;
    let number = |size| Parameter::Integer(bytes(size));
    let mut parameters = vec![
        number(reserved),
        number(stored),
        number(freed),
        number(entries),
        drive.into(),
        number(charge.unannounced()),
        number(freed),
    ];
    let mut text = "UPDATE drives AS d SET reserved_bytes = reserved_bytes - ?, used_bytes = used_bytes + ? - ?,
            used_entries = used_entries + ?
        WHERE id = ? AND ? <= greatest(quota_bytes - used_bytes - reserved_bytes, 0) + ?"
        .to_owned();
    if entries > 0 {
        text += &format!(" AND ? <= quota_entries - {USED_ENTRIES}");
        parameters.push(number(entries + spare));
    }
    Ok(Statement::new(text, parameters).execute(&mut connection).await? > 0)
}

/// Reserves the bytes of `charge` if it fits, in one statement. Its entries are counted by the commit.
pub(crate) async fn reserve(
    mut connection: &AsyncPgConnection,
    drive: DriveId,
    charge: Charge,
) -> Result<Quota, SqlError> {
    let (needed, entries) = (Parameter::Integer(bytes(charge.stored)), Parameter::Integer(bytes(charge.entries)));
    let usage = usage(USED_ENTRIES);
    // A zero-byte upload is allowed even over quota.
    let text = format!(
        "UPDATE drives AS d SET reserved_bytes = reserved_bytes + ? WHERE id = ?
            AND (? = 0 OR ? <= quota_bytes - used_bytes - reserved_bytes)
            AND (? = 0 OR ? <= quota_entries - {USED_ENTRIES}) RETURNING {usage}"
    );
    let parameters = vec![needed.clone(), drive.into(), needed.clone(), needed, entries.clone(), entries];
    match Statement::new(text, parameters).get_result::<UsageRow>(&mut connection).await.optional()? {
        Some(row) => Ok(row.quota()),
        None => exceeded(connection, drive, charge).await,
    }
}

/// Fails because `charge` does not fit, with the drive's current state: room may have been freed since.
async fn exceeded<T>(connection: &AsyncPgConnection, drive: DriveId, charge: Charge) -> Result<T, SqlError> {
    let (quota, entries) = quota_of(connection, drive).await?;
    let refusal = charge.refusal(quota, entries);
    Err(Error::Forbidden(refusal.unwrap_or(Forbidden::Quota { quota, needed: charge.unannounced() })).into())
}

/// The limits and counters of `drive`.
async fn quota_of(mut connection: &AsyncPgConnection, drive: DriveId) -> Result<(Quota, EntryQuota), SqlError> {
    let text = format!("SELECT {} FROM drives d WHERE d.id = ?", usage(USED_ENTRIES));
    let row: UsageRow = Statement::new(text, vec![drive.into()]).get_result(&mut connection).await?;
    Ok((row.quota(), row.entries()))
}
