//! The counters of drives.
//!
//! Whatever updates the row of a drive keeps others from updating it until the commit is on the disk. New folders are
//! therefore counted in rows of their own, in `entry_counts`, as long as the drive has ample room. Two locks keep the
//! limit exact:
//!
//! - Who counts in `entry_counts` holds a shared lock, and looks once more for ample room afterwards.
//! - Whatever leaves less than ample room holds that lock exclusively: it sees all that was counted, and what is
//!   counted later sees it.

use clouddrive_domain::Error;
use clouddrive_domain::error::Forbidden;
use clouddrive_domain::model::{DriveId, Quota};
use clouddrive_sql::drive::{Charge, entries, quota};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::bytes;
use diesel::prelude::{OptionalExtension, QueryableByName};
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::{try_join, try_join3};

use crate::fault::conflict;
use crate::unit::tree;

/// The number of files and folders of the drive `d`.
pub(crate) const USED_ENTRIES: &str = "(d.used_entries + coalesce(
        (SELECT CAST(sum(c.entries) AS bigint) FROM entry_counts c WHERE c.drive_id = d.id), 0))";

/// How many entries there is room for if there is ample room. A copy, of at most 10,001, and a folder on each of a
/// server's connections fit twice.
const AMPLE: u64 = 20_000;

/// The number of rows among which the folders of a drive are counted. Connections rarely share one.
const ROWS: i64 = 64;

/// Whether `drive` has ample room for entries.
pub(crate) async fn is_ample(mut connection: &AsyncPgConnection, drive: DriveId) -> Outcome<bool> {
    let text = format!("SELECT 1 FROM drives d WHERE d.id = ? AND d.quota_entries - {USED_ENTRIES} >= ?");
    let parameters = vec![drive.into(), Parameter::Integer(bytes(AMPLE))];
    Ok(Statement::new(text, parameters).execute(&mut connection).await? > 0)
}

/// Counts a new folder. `ample` is what [`is_ample`] said at the beginning of the transaction.
pub(crate) async fn count_folder(connection: &AsyncPgConnection, drive: DriveId, ample: bool) -> Outcome<()> {
    if !ample {
        return charge(connection, drive, Charge { entries: 1, ..Charge::default() }).await;
    }
    let lock = lock_counts(connection, drive, "pg_advisory_xact_lock_shared");
    let (_, _, still) = try_join3(lock, count(connection, drive), is_ample(connection, drive)).await?;
    if still { Ok(()) } else { Err(conflict("the drive has no ample room any more").into()) }
}

async fn count(mut connection: &AsyncPgConnection, drive: DriveId) -> Outcome<()> {
    let text = "INSERT INTO entry_counts (drive_id, place, entries) VALUES (?, pg_backend_pid() % ?, 1)
        ON CONFLICT (drive_id, place) DO UPDATE SET entries = entry_counts.entries + 1";
    let parameters = vec![drive.into(), Parameter::Integer(ROWS)];
    Statement::new(text, parameters).execute(&mut connection).await?;
    Ok(())
}

/// Takes the lock on what is counted in `entry_counts` for `drive`, by `function`. Its key is the complement of that of
/// the lock on the tree.
async fn lock_counts(mut connection: &AsyncPgConnection, drive: DriveId, function: &str) -> Outcome<()> {
    let key = Parameter::Integer(!tree(drive));
    Statement::new(format!("SELECT {function}(?)"), vec![key]).execute(&mut connection).await?;
    Ok(())
}

/// Turns a reservation into usage. Reserved bytes have been admitted already; any beyond must fit now.
pub(crate) async fn charge(connection: &AsyncPgConnection, drive: DriveId, charge: Charge) -> Outcome<()> {
    if charge.entries == 0 {
        return if update(connection, drive, charge, 0).await? {
            Ok(())
        } else {
            refuse(connection, drive, charge).await
        };
    }
    // The row is locked by a statement of its own, so that the next one sees what was counted until then.
    let (_, fits) = try_join(lock_row(connection, drive), update(connection, drive, charge, AMPLE)).await?;
    if fits {
        return Ok(());
    }
    let lock = lock_counts(connection, drive, "pg_advisory_xact_lock");
    let (_, fits) = try_join(lock, update(connection, drive, charge, 0)).await?;
    if fits { Ok(()) } else { refuse(connection, drive, charge).await }
}

async fn lock_row(mut connection: &AsyncPgConnection, drive: DriveId) -> Outcome<()> {
    let text = "SELECT 1 FROM drives WHERE id = ? FOR NO KEY UPDATE";
    Statement::new(text, vec![drive.into()]).execute(&mut connection).await?;
    Ok(())
}

/// Updates the counters if `charge` fits and leaves room for as many entries as `spare`; returns whether it did.
async fn update(mut connection: &AsyncPgConnection, drive: DriveId, charge: Charge, spare: u64) -> Outcome<bool> {
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

/// The counters of a drive.
#[derive(QueryableByName)]
struct UsageRow {
    #[diesel(sql_type = BigInt)]
    quota_bytes: i64,
    #[diesel(sql_type = BigInt)]
    used_bytes: i64,
    #[diesel(sql_type = BigInt)]
    reserved_bytes: i64,
    #[diesel(sql_type = BigInt)]
    quota_entries: i64,
    #[diesel(sql_type = BigInt)]
    used_entries: i64,
}

impl UsageRow {
    fn quota(&self) -> Quota {
        quota((self.quota_bytes, self.used_bytes, self.reserved_bytes))
    }
}

/// Selects the columns of [`UsageRow`] of the drive `d`.
fn usage() -> String {
    format!("d.quota_bytes, d.used_bytes, d.reserved_bytes, d.quota_entries, {USED_ENTRIES} AS used_entries")
}

/// Reserves the bytes of `charge` if it fits, in one statement. Its entries are counted by the commit.
pub(crate) async fn reserve(mut connection: &AsyncPgConnection, drive: DriveId, charge: Charge) -> Outcome<Quota> {
    let (needed, entries) = (Parameter::Integer(bytes(charge.stored)), Parameter::Integer(bytes(charge.entries)));
    let usage = usage();
    // A zero-byte upload is allowed even over quota.
    let text = format!(
        "UPDATE drives AS d SET reserved_bytes = reserved_bytes + ? WHERE id = ?
            AND (? = 0 OR ? <= quota_bytes - used_bytes - reserved_bytes)
            AND (? = 0 OR ? <= quota_entries - {USED_ENTRIES}) RETURNING {usage}"
    );
    let parameters = vec![needed.clone(), drive.into(), needed.clone(), needed, entries.clone(), entries];
    match Statement::new(text, parameters).get_result::<UsageRow>(&mut connection).await.optional()? {
        Some(row) => Ok(row.quota()),
        None => refuse(connection, drive, charge).await,
    }
}

/// Fails because `charge` does not fit, with the drive's current state: room may have been freed since.
async fn refuse<T>(mut connection: &AsyncPgConnection, drive: DriveId, charge: Charge) -> Outcome<T> {
    let text = format!("SELECT {} FROM drives d WHERE d.id = ?", usage());
    let row: UsageRow = Statement::new(text, vec![drive.into()]).get_result(&mut connection).await?;
    let (quota, entries) = (row.quota(), entries((row.quota_entries, row.used_entries)));
    let refusal = charge.refusal(quota, entries);
    Err(Error::Forbidden(refusal.unwrap_or(Forbidden::Quota { quota, needed: charge.unannounced() })).into())
}
