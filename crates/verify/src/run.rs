//! Runs the whole check.

use futures_util::StreamExt;
use icu_casemap::CaseMapper;

use crate::bytes;
use crate::invariants;
use crate::options::{Options, Progress, Stage};
use crate::ports::{CheckError, Objects, Records, Snapshot};
use crate::report::{Finding, Kind, Report};

/// Checks the database `records` by itself, and against the store `objects`.
///
/// # Errors
/// If either is unreachable.
pub async fn verify(
    records: &dyn Records,
    objects: &dyn Objects,
    options: Options,
    progress: Progress<'_>,
) -> Result<Report, CheckError> {
    let mut report = Report::default();
    let mut snapshot = records.snapshot().await?;
    let all = invariants::all(records.dialect(), options.now - options.grace);
    let many = all.len() as u64 + 1;
    for (done, invariant) in (0..).zip(&all) {
        progress(Stage::Database, done, Some(many));
        let mut rows = snapshot.rows(&invariant.sql, invariant.scan).await?;
        while let Some(row) = rows.next().await {
            let row = row?;
            let (subject, detail) = (row.first().to_owned(), row.second().unwrap_or_default().to_owned());
            report.add(Finding { kind: invariant.kind, subject, detail });
        }
    }
    progress(Stage::Database, many - 1, Some(many));
    names(&mut *snapshot, &invariants::names(records.dialect()), &mut report).await?;
    bytes::check(records, snapshot, objects, options, progress, &mut report).await?;
    Ok(report)
}

/// Checks the sort and order keys of all names.
async fn names(snapshot: &mut dyn Snapshot, sql: &str, report: &mut Report) -> Result<(), CheckError> {
    let folding = CaseMapper::new();
    let mut rows = snapshot.rows(sql, false).await?;
    while let Some(row) = rows.next().await {
        let row = row?;
        report.nodes += 1;
        let (name, sort_key) = (row.second().unwrap_or_default(), row.third().unwrap_or_default());
        if folding.fold_string(name) != sort_key {
            let detail = format!("the name {name:?} has the key {sort_key:?}");
            report.add(Finding { kind: Kind::SortKeyDiffers, subject: row.first().to_owned(), detail });
        }
        let order_key = row.fourth().unwrap_or_default();
        if !is_order_key(order_key, name) {
            let detail = format!("the name {name:?} has the key {order_key}");
            report.add(Finding { kind: Kind::OrderKeyDiffers, subject: row.first().to_owned(), detail });
        }
    }
    Ok(())
}

/// Whether a key, in hexadecimal, is an order key of `name`: empty (not set yet), or version, sort data, a zero, and
/// the name.
fn is_order_key(key: &str, name: &str) -> bool {
    let ending = name.bytes().fold("00".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    key.is_empty() || key.get(2..).is_some_and(|rest| rest.ends_with(&ending))
}
