//! The invariants of the database: each is a query that returns violations.

mod tree;

use crate::ports::Dialect;
use crate::report::Kind;

/// One invariant.
pub(crate) struct Invariant {
    pub(crate) kind: Kind,
    /// Returns the violating subject as `a`, and the detail as `b`.
    pub(crate) sql: String,
    /// Whether indexes must not be used.
    pub(crate) scan: bool,
}

/// The references to blobs, each as a query of the keys and the referrers. Add new kinds of references here.
fn references(dialect: Dialect) -> Vec<(&'static str, String)> {
    let id = |column: &str| id(dialect, column);
    vec![
        ("version", format!("SELECT blob_key AS key, {} AS referrer FROM versions", id("id"))),
        ("upload", format!("SELECT blob_key AS key, {} AS referrer FROM uploads WHERE state = 'open'", id("id"))),
        (
            "photo",
            format!("SELECT photo_blob AS key, {} AS referrer FROM users WHERE photo_blob IS NOT NULL", id("id")),
        ),
    ]
}

/// The references whose blobs are complete.
const COMMITTED: [&str; 2] = ["version", "photo"];

/// SQL for an identifier as text.
fn id(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("CAST({column} AS text)"),
        Dialect::Sqlite => {
            let hex = format!("lower(hex({column}))");
            let part = |from: u8, count: u8| format!("substr({hex}, {from}, {count})");
            let parts = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)];
            format!("(CASE WHEN {column} IS NULL THEN NULL ELSE {} END)", parts.join(" || '-' || "))
        }
    }
}

fn text(column: &str) -> String {
    format!("coalesce(CAST({column} AS text), 'none')")
}

/// Extends the query `sql` of `a` and `b` to the columns `a` to `d`.
fn columns(sql: &str) -> String {
    format!("SELECT CAST(q.a AS text) AS a, CAST(q.b AS text) AS b, NULL AS c, NULL AS d FROM ({sql}) AS q")
}

/// All invariants. `old` is a time in milliseconds: what became unneeded before it must have been removed.
pub(crate) fn all(dialect: Dialect, old: i64) -> Vec<Invariant> {
    let mut all = blobs(dialect, old);
    all.extend(contents(dialect));
    all.extend(tree::tree(dialect));
    all.extend(counters(dialect));
    all.extend(uploads(dialect, old));
    all.extend(sharing(dialect));
    if dialect == Dialect::Sqlite {
        all.extend(tree::search());
    }
    all
}

/// The counters of drives.
fn counters(dialect: Dialect) -> [Invariant; 4] {
    let used_entries = match dialect {
        Dialect::Postgres => {
            "d.used_entries + coalesce((SELECT sum(entries) FROM entry_counts c WHERE c.drive_id = d.id), 0)"
        }
        Dialect::Sqlite => "d.used_entries",
    };
    let id = |column: &str| id(dialect, column);
    [
        plain(
            Kind::UsedBytesDiffer,
            &format!(
                "SELECT {} AS a, 'it says ' || {} || ', the sum is ' || {} AS b FROM drives d LEFT JOIN (
                    SELECT drive_id, sum(size_bytes) AS total FROM (
                        SELECT n.drive_id, v.size_bytes FROM versions v JOIN nodes n ON n.id = v.node_id
                        UNION ALL SELECT drive_id, size_bytes FROM held_blobs WHERE counter = 'used'
                    ) AS counted GROUP BY drive_id
                ) AS s ON s.drive_id = d.id WHERE d.used_bytes <> coalesce(s.total, 0)",
                id("d.id"),
                text("d.used_bytes"),
                text("coalesce(s.total, 0)")
            ),
        ),
        plain(
            Kind::ReservedBytesDiffer,
            &format!(
                "SELECT {} AS a, 'it says ' || {} || ', the sum is ' || {} AS b FROM drives d LEFT JOIN (
                    SELECT drive_id, sum(bytes) AS total FROM (
                        SELECT drive_id, announced_bytes AS bytes FROM uploads WHERE state = 'open'
                        UNION ALL SELECT drive_id, size_bytes FROM held_blobs WHERE counter = 'reserved'
                    ) AS counted GROUP BY drive_id
                ) AS s ON s.drive_id = d.id WHERE d.reserved_bytes <> coalesce(s.total, 0)",
                id("d.id"),
                text("d.reserved_bytes"),
                text("coalesce(s.total, 0)")
            ),
        ),
        plain(
            Kind::UsedEntriesDiffer,
            &format!(
                "SELECT {} AS a, 'it says ' || {} || ', there are ' || {} AS b FROM drives d LEFT JOIN (
                    SELECT drive_id, count(*) AS total FROM nodes WHERE kind <> 'root' GROUP BY drive_id
                ) AS s ON s.drive_id = d.id WHERE {used_entries} <> coalesce(s.total, 0)",
                id("d.id"),
                text(used_entries),
                text("coalesce(s.total, 0)")
            ),
        ),
        plain(
            Kind::HeldWithoutBlob,
            &format!(
                "SELECT h.blob_key AS a, {} || ' bytes count as ' || h.counter AS b FROM held_blobs h
                LEFT JOIN blobs b ON b.key = h.blob_key WHERE b.key IS NULL OR b.unreferenced_at IS NULL",
                text("h.size_bytes")
            ),
        ),
    ]
}

fn uploads(dialect: Dialect, old: i64) -> [Invariant; 2] {
    let n = id(dialect, "n.id");
    let id = |column: &str| id(dialect, column);
    [
        plain(
            Kind::UploadOverdue,
            &format!(
                "SELECT {} AS a, 'its time ran out at ' || {} AS b FROM uploads u
                WHERE u.state = 'open' AND u.expires_at < {old}",
                id("u.id"),
                text("u.expires_at")
            ),
        ),
        plain(
            Kind::UploadWithoutFile,
            &format!(
                "SELECT {} AS a, 'it names ' || {n} || ', a ' || n.kind AS b FROM uploads u
                JOIN nodes n ON n.id = u.file_id
                WHERE u.state = 'complete' AND (n.kind <> 'file' OR n.drive_id <> u.drive_id)",
                id("u.id")
            ),
        ),
    ]
}

/// Shares and public links.
fn sharing(dialect: Dialect) -> [Invariant; 3] {
    let n = id(dialect, "n.id");
    let id = |column: &str| id(dialect, column);
    [
        plain(
            Kind::LinkWithoutEnds,
            &format!(
                "SELECT {} AS a, 'to ' || coalesce(n.kind || ' ', 'none: ') || {} || ', by ' || {} AS b FROM links l
                LEFT JOIN nodes n ON n.id = l.node_id LEFT JOIN drives d ON d.id = n.drive_id
                WHERE n.id IS NULL OR n.kind = 'root' OR d.owner_id <> l.created_by",
                id("l.id"),
                id("l.node_id"),
                id("l.created_by")
            ),
        ),
        plain(
            Kind::ShareWithoutEnds,
            &format!(
                "SELECT {} AS a, 'of ' || coalesce(n.kind || ' ', 'none: ') || {} || ', with '
                    || coalesce(u.username, 'no user') AS b FROM shares s
                LEFT JOIN nodes n ON n.id = s.node_id LEFT JOIN users u ON u.id = s.guest_id
                WHERE n.id IS NULL OR n.kind = 'root' OR u.id IS NULL",
                id("s.id"),
                id("s.node_id")
            ),
        ),
        plain(
            Kind::ShareWithOwner,
            &format!(
                "SELECT {} AS a, 'of ' || {n} AS b FROM shares s JOIN nodes n ON n.id = s.node_id
                JOIN drives d ON d.id = n.drive_id WHERE d.owner_id = s.guest_id",
                id("s.id")
            ),
        ),
    ]
}

fn plain(kind: Kind, sql: &str) -> Invariant {
    Invariant { kind, sql: columns(sql), scan: false }
}

fn blobs(dialect: Dialect, old: i64) -> Vec<Invariant> {
    let id = |column: &str| id(dialect, column);
    let without = |kind, of: &str| {
        let (_, references) = references(dialect).into_iter().find(|(word, _)| *word == of)?;
        let sql = format!(
            "SELECT r.referrer AS a, 'of the blob ' || r.key AS b FROM ({references}) AS r
            LEFT JOIN blobs b ON b.key = r.key WHERE b.key IS NULL"
        );
        Some(plain(kind, &sql))
    };
    let without =
        [(Kind::VersionWithoutBlob, "version"), (Kind::PhotoWithoutBlob, "photo"), (Kind::UploadWithoutBlob, "upload")]
            .into_iter()
            .filter_map(|(kind, of)| without(kind, of));
    let all = references(dialect)
        .into_iter()
        .map(|(word, sql)| format!("SELECT r.key, '{word} ' || r.referrer AS referrer FROM ({sql}) AS r"));
    let all = all.collect::<Vec<_>>().join(" UNION ALL ");
    let condemned = format!(
        "SELECT b.key AS a, 'the ' || r.referrer || ' refers to it' AS b FROM blobs b JOIN ({all}) AS r ON r.key = b.key
        WHERE b.condemned_at IS NOT NULL"
    );
    // A blob that was never referenced and has no mark is never collected, so check its creation time.
    let unreferenced = format!(
        "SELECT b.key AS a, 'unreferenced since ' || {} AS b FROM blobs b LEFT JOIN ({all}) AS r ON r.key = b.key
        WHERE r.key IS NULL AND coalesce(b.unreferenced_at, b.created_at) < {old}",
        text("b.unreferenced_at")
    );
    let sizes = format!(
        "SELECT {} AS a, 'it says ' || {} || ', the blob ' || b.key || ' has ' || {} AS b FROM versions v
        JOIN blobs b ON b.key = v.blob_key WHERE b.size_bytes IS NULL OR b.size_bytes <> v.size_bytes",
        id("v.id"),
        text("v.size_bytes"),
        text("b.size_bytes")
    );
    without
        .chain([
            plain(Kind::CondemnedBlobInUse, &condemned),
            plain(Kind::BlobUnreferenced, &unreferenced),
            plain(Kind::VersionSizeDiffers, &sizes),
        ])
        .collect()
}

/// Files and their versions.
fn contents(dialect: Dialect) -> [Invariant; 3] {
    let n = id(dialect, "n.id");
    let id = |column: &str| id(dialect, column);
    [
        plain(
            Kind::VersionWithoutFile,
            &format!(
                "SELECT {} AS a, 'of ' || coalesce(n.kind, 'nothing') AS b FROM versions v
                LEFT JOIN nodes n ON n.id = v.node_id WHERE n.id IS NULL OR n.kind <> 'file'",
                id("v.id")
            ),
        ),
        plain(
            Kind::FileWithoutVersion,
            &format!(
                "SELECT {n} AS a, 'its version is ' || {} AS b FROM nodes n LEFT JOIN versions v ON v.id = n.version_id
                WHERE n.kind = 'file' AND (v.id IS NULL OR v.node_id <> n.id)",
                text(&id("n.version_id"))
            ),
        ),
        plain(
            Kind::NodeSizeDiffers,
            &format!(
                "SELECT {n} AS a, 'it says ' || {} || ', its content has ' || {} AS b FROM nodes n
                LEFT JOIN versions v ON v.id = n.version_id WHERE n.size_bytes <> coalesce(v.size_bytes, 0)",
                text("n.size_bytes"),
                text("coalesce(v.size_bytes, 0)")
            ),
        ),
    ]
}

/// Every node: ID, name, sort key, and order key in hexadecimal.
pub(crate) fn names(dialect: Dialect) -> String {
    let hex = match dialect {
        Dialect::Postgres => "encode(order_key, 'hex')",
        Dialect::Sqlite => "lower(hex(order_key))",
    };
    format!("SELECT {} AS a, name AS b, sort_key AS c, {hex} AS d FROM nodes", id(dialect, "id"))
}

/// The blob rows of all stores in key order: key, size, SHA-256 in hexadecimal, and, for complete blobs in use, the
/// store's name. With `only`, limited to those keys.
pub(crate) fn blob_rows(dialect: Dialect, only: &[String]) -> String {
    let committed = references(dialect).into_iter().filter(|(word, _)| COMMITTED.contains(word));
    let committed: Vec<String> = committed.map(|(_, sql)| format!("SELECT r.key FROM ({sql}) AS r")).collect();
    let hex = match dialect {
        Dialect::Postgres => "encode(b.sha256, 'hex')",
        Dialect::Sqlite => "CASE WHEN b.sha256 IS NULL THEN NULL ELSE lower(hex(b.sha256)) END",
    };
    // Skip other names of objects, which cannot be keys of rows.
    let keys: Vec<String> = only.iter().filter(|key| is_key(key)).map(|key| format!("'{key}'")).collect();
    let filter = if only.is_empty() { String::new() } else { format!("WHERE b.key IN ('', {})", keys.join(", ")) };
    let filter = filter.replace("'', )", "'')");
    format!(
        "SELECT b.key AS a, CAST(b.size_bytes AS text) AS b, {hex} AS c,
            CASE WHEN r.key IS NULL THEN NULL ELSE b.store END AS d
        FROM blobs b LEFT JOIN ({}) AS r ON r.key = b.key {filter} ORDER BY b.key",
        committed.join(" UNION ")
    )
}

/// Those of `keys` whose blobs are needed, or have been since `old`, as `a`.
pub(crate) fn needed(keys: &[String], old: i64) -> String {
    let keys: Vec<String> = keys.iter().filter(|key| is_key(key)).map(|key| format!("'{key}'")).collect();
    format!(
        "SELECT b.key AS a, NULL AS b, NULL AS c, NULL AS d FROM blobs b
        WHERE b.key IN ({}) AND (b.unreferenced_at IS NULL OR b.unreferenced_at >= {old})",
        if keys.is_empty() { "''".to_owned() } else { keys.join(", ") }
    )
}

/// Whether `text` is a valid blob key.
pub(crate) fn is_key(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
