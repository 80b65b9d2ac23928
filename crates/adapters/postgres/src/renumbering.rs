//! The numbers of the change log's entries after a restore.

use clouddrive_domain::Result;

use crate::client::{client, row};
use crate::options::Options;

/// Begins another numbering if entries have numbers that this server has not assigned yet: they were written on another
/// one, and restored here. All entries get one number, so that they keep their order, by `id`, and come before all that
/// is written from now on. Epochs contain the time, so that none repeats when a backup is restored again.
const RENUMBER: &str = "WITH log AS (
        UPDATE change_log SET epoch = greatest(epoch + 1, CAST(extract(epoch FROM clock_timestamp()) AS bigint)),
            pruned_xid = 0, pruned_id = 0
        WHERE greatest(pruned_xid, (SELECT max(xid) FROM changes))
            >= CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)
        RETURNING epoch
    ), renumbered AS (
        UPDATE changes SET xid = 0 WHERE xid > 0 AND EXISTS (SELECT FROM log) RETURNING 1
    )
    SELECT count(*), (SELECT count(*) FROM renumbered) FROM log";

/// Keeps the order of the log after a restore from another server, whose transactions had other numbers. Readers of
/// before then have to start anew. A large log takes minutes, so this is not bound by the timeout of statements.
pub(crate) async fn renumber(options: &Options) -> Result<()> {
    let [logs, entries] = row(&client(options).await?, RENUMBER).await?;
    if logs != "0" {
        tracing::warn!(entries, "the change log comes from another server: its readers have to start anew");
    }
    Ok(())
}
