//! The check as a whole.

use futures_util::StreamExt;
use icu_casemap::CaseMapper;

use crate::bytes;
use crate::invariants;
use crate::ports::{Fault, Objects, Records, Snapshot};
use crate::report::{Finding, Kind, Report};

/// How to check.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The time, in milliseconds since 1970 in UTC.
    pub now: i64,
    /// For how many milliseconds a blob to which nothing refers, and an object without a row, may be there.
    pub grace: i64,
    /// Whether to read all bytes in use.
    pub deep: bool,
}

/// What is being checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The database by itself.
    Database,
    /// The books of the blobs against the store.
    Store,
    /// What seemed to be wrong, once more.
    Again,
}

/// Hears how far the check is: so many of so many, if that is known; of statements first, of blobs next.
pub type Progress<'a> = &'a (dyn Fn(Stage, u64, Option<u64>) + Send + Sync);

/// Checks what is in `records` by itself, and against what lies in `objects`.
///
/// # Errors
/// When either is out of reach.
pub async fn verify(
    records: &dyn Records,
    objects: &dyn Objects,
    options: Options,
    progress: Progress<'_>,
) -> Result<Report, Fault> {
    let mut report = Report::default();
    let mut snapshot = records.snapshot().await?;
    let all = invariants::all(records.dialect(), options.now - options.grace);
    let many = all.len() as u64 + 1;
    for (done, invariant) in (0..).zip(&all) {
        progress(Stage::Database, done, Some(many));
        let mut rows = snapshot.rows(&invariant.sql, invariant.scan).await?;
        while let Some(row) = rows.next().await {
            let row = row?;
            let (subject, detail) = (row.a().to_owned(), row.b().unwrap_or_default().to_owned());
            report.add(Finding { kind: invariant.kind, subject, detail });
        }
    }
    progress(Stage::Database, many - 1, Some(many));
    names(&mut *snapshot, &invariants::names(records.dialect()), &mut report).await?;
    bytes::check(records, snapshot, objects, options, progress, &mut report).await?;
    Ok(report)
}

/// Folds every name, and compares.
async fn names(snapshot: &mut dyn Snapshot, sql: &str, report: &mut Report) -> Result<(), Fault> {
    let folding = CaseMapper::new();
    let mut rows = snapshot.rows(sql, false).await?;
    while let Some(row) = rows.next().await {
        let row = row?;
        report.nodes += 1;
        let (name, sort_key) = (row.b().unwrap_or_default(), row.c().unwrap_or_default());
        if folding.fold_string(name) != sort_key {
            let detail = format!("the name {name:?} has the key {sort_key:?}");
            report.add(Finding { kind: Kind::SortKeyDiffers, subject: row.a().to_owned(), detail });
        }
        let order_key = row.d().unwrap_or_default();
        if !is_order_key(order_key, name) {
            let detail = format!("the name {name:?} has the key {order_key}");
            report.add(Finding { kind: Kind::OrderKeyDiffers, subject: row.a().to_owned(), detail });
        }
    }
    Ok(())
}

/// Whether a key, in hexadecimal, is one of that name: none yet, or its version, what sorts, a zero, and the name.
fn is_order_key(key: &str, name: &str) -> bool {
    let ending = name.bytes().fold("00".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    key.is_empty() || key.get(2..).is_some_and(|rest| rest.ends_with(&ending))
}
