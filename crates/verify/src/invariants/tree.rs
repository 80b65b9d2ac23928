//! The invariants of the tree of nodes and of its search tables.

use super::{Invariant, columns, id, plain, text};
use crate::ports::Dialect;
use crate::report::Kind;

/// The maximum depth of folders.
const MAX_DEPTH: u32 = 100;

/// The limit of recursive queries, in case the nodes contain a cycle.
const MAX_STEPS: u32 = 2 * MAX_DEPTH;

/// The tree of nodes.
pub(super) fn tree(dialect: Dialect) -> Vec<Invariant> {
    let n = id(dialect, "n.id");
    let id = |column: &str| id(dialect, column);
    let down = format!(
        "WITH RECURSIVE down (id, drive_id, depth) AS (
            SELECT id, drive_id, 0 FROM nodes WHERE kind = 'root' AND parent_id IS NULL
            UNION ALL
            SELECT n.id, n.drive_id, down.depth + 1 FROM down
            JOIN nodes n ON n.parent_id = down.id AND n.drive_id = down.drive_id WHERE down.depth < {MAX_STEPS}
        )"
    );
    let parent = text(&id("n.parent_id"));
    vec![
        plain(
            Kind::DriveWithoutRoot,
            &format!(
                "SELECT {} AS a, 'it has ' || {} || ', of which in the trash ' || {} AS b FROM drives d
                LEFT JOIN nodes n ON n.drive_id = d.id AND n.kind = 'root'
                GROUP BY d.id HAVING count(n.id) <> 1 OR count(n.trashed_at) > 0",
                id("d.id"),
                text("count(n.id)"),
                text("count(n.trashed_at)")
            ),
        ),
        plain(
            Kind::NodeWithoutRoot,
            &format!(
                "{down} SELECT {n} AS a, 'its parent is ' || {parent} AS b FROM nodes n LEFT JOIN down ON down.id = n.id
                WHERE down.id IS NULL"
            ),
        ),
        plain(
            Kind::FolderTooDeep,
            &format!(
                "{down} SELECT {n} AS a, 'it stands ' || {} || ' deep' AS b FROM down JOIN nodes n ON n.id = down.id
                WHERE n.kind = 'folder' AND down.depth > {MAX_DEPTH}",
                text("down.depth")
            ),
        ),
        plain(
            Kind::NodeInFile,
            &format!(
                "SELECT {n} AS a, 'it stands in ' || {parent} AS b FROM nodes n JOIN nodes p ON p.id = n.parent_id
                WHERE p.kind = 'file'"
            ),
        ),
        plain(
            Kind::PurgeAstray,
            &format!(
                "SELECT {n} AS a, 'it goes with ' || {} || ', its parent is ' || {parent} AS b FROM nodes n
                LEFT JOIN nodes p ON p.id = n.parent_id
                WHERE n.purge_id IS NOT NULL AND (n.trashed_at IS NULL OR p.id IS NULL OR p.kind <> 'root')",
                id("n.purge_id")
            ),
        ),
        reach(dialect),
        name_twice(dialect),
    ]
}

/// The actual levels of folders below each folder.
fn reach(dialect: Dialect) -> Invariant {
    let n = id(dialect, "n.id");
    plain(
        Kind::ReachTooSmall,
        &format!(
            "WITH RECURSIVE up (id, level) AS (
                    SELECT id, 0 FROM nodes WHERE kind = 'folder'
                    UNION
                    SELECT n.parent_id, up.level + 1 FROM up JOIN nodes n ON n.id = up.id
                    WHERE n.parent_id IS NOT NULL AND up.level < {MAX_STEPS}
                )
                SELECT {n} AS a, 'it says ' || {} || ', there are ' || {} AS b FROM nodes n JOIN (
                    SELECT id, max(level) AS levels FROM up GROUP BY id
                ) AS l ON l.id = n.id WHERE l.levels > n.reach",
            text("n.reach"),
            text("l.levels")
        ),
    )
}

/// Counts duplicates without the unique index, which may be corrupt.
fn name_twice(dialect: Dialect) -> Invariant {
    let id = |column: &str| id(dialect, column);
    Invariant {
        kind: Kind::NameTwice,
        sql: columns(&format!(
            "SELECT {} AS a, {} || ' have the name ' || n.name AS b FROM nodes n {}
                WHERE n.trashed_at IS NULL AND n.parent_id IS NOT NULL
                GROUP BY n.parent_id, n.name HAVING count(*) > 1",
            id("n.parent_id"),
            text("count(*)"),
            if dialect == Dialect::Sqlite { "NOT INDEXED" } else { "" }
        )),
        scan: true,
    }
}

/// SQLite's search tables. PostgreSQL maintains its search index itself.
pub(super) fn search() -> [Invariant; 2] {
    let (node, indexed) = (id(Dialect::Sqlite, "t.node_id"), "SELECT id FROM search_grams_docsize");
    let gone = format!(
        "SELECT {node} AS a, 'by the number ' || t.number AS b FROM search_nodes t LEFT JOIN nodes n ON n.id = t.node_id
        WHERE n.id IS NULL OR n.trashed_at IS NOT NULL OR n.kind = 'root'
        UNION ALL SELECT 'no node' AS a, 'by the number ' || i.id AS b FROM ({indexed}) AS i
        LEFT JOIN search_nodes t ON t.number = i.id WHERE t.number IS NULL"
    );
    let lacking = format!(
        "SELECT {} AS a, 'by the number ' || coalesce(t.number, 'none') AS b FROM nodes n
        LEFT JOIN search_nodes t ON t.node_id = n.id LEFT JOIN ({indexed}) AS i ON i.id = t.number
        WHERE n.trashed_at IS NULL AND n.kind <> 'root' AND i.id IS NULL",
        id(Dialect::Sqlite, "n.id")
    );
    [plain(Kind::SearchShowsGone, &gone), plain(Kind::SearchLacksNode, &lacking)]
}
