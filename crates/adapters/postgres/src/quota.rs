//! The quota of drives, and the counters that it limits.
//!
//! A transaction that updates the row of a drive blocks other updates of it until its commit is on the disk. New
//! folders are therefore counted in rows of their own, in `entry_counts`, as long as the drive has ample room and no
//! files are added in the same transaction. A lock keeps the limit exact:
//!
//! - A transaction that counts in `entry_counts` holds it as a shared lock, and only then checks for ample room.
//! - A transaction that leaves less than ample room holds it exclusively: it sees all earlier counts, and later counts
//!   see it.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{Charge, DriveId, EntryQuota, Quota};
use clouddrive_sql::drive::{UsageRow, usage};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::{DbId, Id, bytes};
use diesel::prelude::OptionalExtension;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;

use crate::arrays::{ArrayStatement, Values};
use crate::transaction::tree_key;

/// The number of files and folders of the drive `d`.
pub(crate) const USED_ENTRIES: &str = "(d.used_entries + coalesce(
        (SELECT CAST(sum(c.entries) AS bigint) FROM entry_counts c WHERE c.drive_id = d.id), 0))";

/// More free entries than this are ample room. Transactions that do not see each other use less: one charge of the
/// drive's row, at most a copy of 10,001 entries, and for each of the server's connections one folder more than
/// [callers in batches](crate::batch::CALLERS_PER_CONNECTION).
const AMPLE_ENTRIES: u64 = 20_000;

/// The number of rows among which the folders of a drive are counted. Connections rarely share one.
const COUNT_ROWS: i64 = 64;

/// Those of some drives that have ample room for entries, and room for so many bytes.
pub(crate) async fn drives_with_ample_room(
    mut connection: &AsyncPgConnection,
    sizes: &BTreeMap<DriveId, u64>,
) -> Result<HashSet<DriveId>, SqlError> {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let ample_room = ample_room();
        format!(
            "SELECT d.id FROM unnest(?, ?) AS new (drive_id, bytes) JOIN drives d ON d.id = new.drive_id
            WHERE {ample_room} AND (new.bytes = 0 OR new.bytes <= d.quota_bytes - d.used_bytes - d.reserved_bytes)"
        )
    });
    let needed = Values::integers(sizes.values().map(|size| bytes(*size)));
    let arrays = vec![Values::ids(sizes.keys().copied()), needed];
    let statement = ArrayStatement::with_parameters(TEXT.as_str(), arrays);
    let rows: Vec<(DbId,)> = statement.rows_by_position::<(Id,)>().load(&mut connection).await?;
    Ok(rows.into_iter().map(|(id,)| id.into()).collect())
}

/// The part of a statement that counts the new entries `made (drive_id)` of some drives, an array, in `entry_counts`,
/// if they have ample room, and returns those that have. The transaction has the [shared lock](share_counts) on them.
pub(crate) fn counting() -> String {
    let ample_room = ample_room();
    format!(
        "INSERT INTO entry_counts (drive_id, place, entries)
        SELECT d.id, pg_backend_pid() % {COUNT_ROWS}, made.entries
        FROM (SELECT drive_id, count(*) AS entries FROM made GROUP BY drive_id ORDER BY drive_id) AS made
        JOIN drives d ON d.id = made.drive_id
        WHERE d.id = ANY (?) AND {ample_room}
        ON CONFLICT (drive_id, place) DO UPDATE SET entries = entry_counts.entries + excluded.entries
        RETURNING drive_id"
    )
}

/// The condition that the drive `d` has ample room.
fn ample_room() -> String {
    format!("d.quota_entries - {USED_ENTRIES} > {AMPLE_ENTRIES}")
}

/// Takes the shared lock on what is counted in `entry_counts` for `drives`.
pub(crate) async fn share_counts(
    mut connection: &AsyncPgConnection,
    drives: &HashSet<DriveId>,
) -> Result<(), SqlError> {
    if drives.is_empty() {
        return Ok(());
    }
    let mut keys: Vec<i64> = drives.iter().map(|drive| counts_key(*drive)).collect();
    // In one order, so that two transactions cannot deadlock.
    keys.sort_unstable();
    let text = "SELECT pg_advisory_xact_lock_shared(key) FROM unnest(?) AS key";
    ArrayStatement::with_parameters(text, vec![Values::integers(keys)]).execute(&mut connection).await?;
    Ok(())
}

/// Takes the exclusive lock.
async fn lock_counts(mut connection: &AsyncPgConnection, drive: DriveId) -> Result<(), SqlError> {
    let key = Parameter::Integer(counts_key(drive));
    Statement::new("SELECT pg_advisory_xact_lock(?)", vec![key]).execute(&mut connection).await?;
    Ok(())
}

/// The key of these locks: the complement of that of the lock on the tree.
fn counts_key(drive: DriveId) -> i64 {
    !tree_key(drive)
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
    let lock = lock_counts(connection, drive);
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
