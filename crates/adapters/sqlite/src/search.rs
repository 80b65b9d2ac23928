use std::collections::BTreeSet;

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Located, Page, Position, UserId};
use clouddrive_domain::port::{Search, Sought};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::search::{Clause, Dialect, DriveRow, HitRow, MOST_FOUND, Way};
use clouddrive_sql::search::{by_trigrams, by_walking, drives, in_order, way};
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::DbId;
use diesel::prelude::*;

use crate::Database;
use crate::locate;

/// How many names that have all the trigrams are looked at, in all drives of the database.
const MOST_POSTED: u64 = 10_000;

/// How many of the text's trigrams are asked for: more narrow it down no further.
const MOST_TRIGRAMS: usize = 24;

/// The trigrams are those of the table `search_names`.
struct Sqlite;

impl Dialect for Sqlite {
    fn list(drives: &[DbId]) -> Parameter {
        let hex: Vec<String> = drives.iter().map(|drive| format!("\"{}\"", drive.as_uuid().simple())).collect();
        Parameter::Text(format!("[{}]", hex.join(",")))
    }

    fn by_trigrams(drives: Parameter, sought: &Sought, after: Clause) -> Clause {
        let text = format!(
            "posted (number) AS MATERIALIZED (
                SELECT rowid FROM search_names WHERE search_names MATCH ? LIMIT {}
            ),
            found AS MATERIALIZED (
                SELECT n.id, n.drive_id, n.parent_id, n.kind, n.sort_key, n.name FROM posted
                CROSS JOIN search_nodes t ON t.number = posted.number CROSS JOIN nodes n ON n.id = t.node_id
                WHERE n.drive_id IN (SELECT unhex(value) FROM json_each(?)) AND instr(n.sort_key, ?) > 0
                    AND n.trashed_at IS NULL AND {}
                LIMIT {}
            )",
            MOST_POSTED + 1,
            after.text,
            MOST_FOUND + 1
        );
        let parameters = [trigrams(sought), drives, text_of(sought)].into_iter().chain(after.parameters);
        Clause::new(text, parameters.collect())
    }

    fn is_lacking() -> String {
        format!("(SELECT count(*) FROM found) > {MOST_FOUND} OR (SELECT count(*) FROM posted) > {MOST_POSTED}")
    }

    fn walk(drives: Parameter, within: Clause, most: u64) -> Clause {
        let text = format!(
            "walked AS MATERIALIZED (
                SELECT w.id, w.drive_id, w.parent_id, w.kind, w.sort_key, w.name
                FROM (SELECT unhex(value) AS id FROM json_each(?)) AS d CROSS JOIN nodes w ON w.id IN (
                    SELECT n.id FROM nodes n
                    WHERE n.drive_id = d.id AND n.trashed_at IS NULL AND n.kind <> 'root' AND {}
                    ORDER BY n.sort_key, n.name, n.id LIMIT {most}
                )
            )",
            within.text
        );
        Clause::new(text, [drives].into_iter().chain(within.parameters).collect())
    }

    fn has(sought: &Sought) -> Clause {
        Clause::new("instr(sort_key, ?) > 0", vec![text_of(sought)])
    }
}

fn text_of(sought: &Sought) -> Parameter {
    Parameter::Text(sought.text.folded().to_owned())
}

/// The expression that finds what has all trigrams of the text; each in quotes, within which nothing has a meaning.
fn trigrams(sought: &Sought) -> Parameter {
    let characters: Vec<char> = sought.text.folded().chars().collect();
    let trigrams: BTreeSet<String> = characters.windows(3).map(|three| three.iter().collect()).collect();
    let quoted = trigrams.iter().take(MOST_TRIGRAMS).map(|trigram| format!("\"{}\"", trigram.replace('"', "\"\"")));
    Parameter::Text(quoted.collect::<Vec<_>>().join(" AND "))
}

fn ask(connection: &mut SqliteConnection, statement: Statement, sought: &Sought) -> Outcome<Way> {
    let rows: Vec<HitRow> = statement.load(connection)?;
    Ok(way(rows, sought.limit)?)
}

fn search(connection: &mut SqliteConnection, viewer: UserId, sought: &Sought) -> Outcome<Page<Located, Position>> {
    let drives: Vec<DbId> = match &sought.within {
        Some(folder) => vec![folder.drive().into()],
        None => {
            let rows: Vec<DriveRow> = drives(viewer).load(connection)?;
            rows.into_iter().map(|row| row.id).collect()
        }
    };
    let mut found = Way::Lacking;
    if !sought.text.is_prefix() {
        found = ask(connection, by_trigrams::<Sqlite>(viewer, &drives, sought), sought)?;
    }
    if matches!(found, Way::Lacking) {
        found = ask(connection, by_walking::<Sqlite>(viewer, &drives, sought), sought)?;
    }
    let (ids, next) = match found {
        Way::Page(ids, next) => (ids, next),
        Way::Lacking => (vec![], None),
    };
    let nodes = locate::find_many(connection, &ids, viewer)?;
    Ok(in_order(&ids, nodes, next))
}

#[async_trait]
impl Search for Database {
    async fn search(&self, viewer: UserId, sought: &Sought) -> Result<Page<Located, Position>> {
        let sought = sought.clone();
        self.read(move |connection| connection.transaction(|connection| search(connection, viewer, &sought))).await
    }
}

#[cfg(test)]
mod tests {
    use clouddrive_domain::model::{DriveId, Limit, Name, NodeId, SearchText, SortValue};
    use diesel::connection::SimpleConnection;
    use diesel::sql_types::Text;
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::*;
    use crate::Options;

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    const OWNER: Uuid = Uuid::from_u128(1);

    /// A drive of 11,000 fillers, 2,500 names with a common word behind them, and a rare one last.
    const FILL: &str = "
        INSERT INTO users (id, username, username_key, email, email_key, password_hash, photo_blob, created_at) VALUES (unhex('00000000000000000000000000000001'), 'a', 'a', 'a', 'a', '', NULL, 0);
        INSERT INTO drives (id, owner_id, quota_bytes, created_at) SELECT id, id, 0, 0 FROM users;
        INSERT INTO nodes (id, drive_id, kind, name, sort_key, created_by, created_at, modified_at)
            SELECT id, id, 'root', 'drive', 'drive', id, 0, 0 FROM users;
        WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 13501)
        INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, created_by, created_at, modified_at)
            SELECT randomblob(16), u.id, u.id, 'folder', name, name, u.id, 0, 0 FROM users u JOIN (
                SELECT CASE WHEN i <= 11000 THEN printf('filler %05d', i) WHEN i <= 13500 THEN printf('more needles %05d', i)
                    ELSE 'single pin' END AS name FROM number
            );";

    async fn filled() -> (Database, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("clouddrive.db"), Options::default()).await.unwrap();
        database.write(|connection| Ok(connection.batch_execute(FILL)?)).await.unwrap();
        (database, dir)
    }

    fn sought(text: &str) -> Sought {
        let text = SearchText::parse(text).unwrap();
        Sought { text, kind: None, within: None, after: None, limit: Limit::new(1000).unwrap() }
    }

    /// How many each page has, to the last.
    async fn pages(database: &Database, mut sought: Sought) -> Vec<usize> {
        let mut counts = Vec::new();
        loop {
            let page = database.search(UserId::from_uuid(OWNER), &sought).await.unwrap();
            counts.push(page.items.len());
            sought.after = page.next;
            if sought.after.is_none() {
                return counts;
            }
        }
    }

    #[tokio::test]
    async fn a_common_word_comes_in_short_pages_and_a_rare_one_at_once() {
        let (database, _dir) = filled().await;
        // The first ten thousand names have nothing of it; once the rest is no more than can be looked at, it comes at once.
        assert_eq!(pages(&database, sought("needles")).await, [0, 1000, 1000, 500]);
        assert_eq!(pages(&database, sought("single pin")).await, [1]);
        assert_eq!(pages(&database, sought("needles 13500")).await, [1]);
        assert_eq!(pages(&database, sought("nothing")).await, [0]);
        assert_eq!(pages(&database, sought("fi")).await, [1000; 11]);
        assert_eq!(pages(&database, sought("si")).await, [1]);
        let all = pages(&database, sought("filler")).await;
        assert_eq!(all.iter().sum::<usize>(), 11_000, "{all:?}");
    }

    #[tokio::test]
    async fn what_lies_in_the_trash_or_below_it_is_not_found() {
        let (database, _dir) = filled().await;
        let bin = "
            UPDATE nodes SET parent_id = (SELECT id FROM nodes WHERE name = 'single pin') WHERE name = 'filler 00001';
            UPDATE nodes SET trashed_at = 5 WHERE name IN ('single pin', 'filler 00002');";
        database.write(|connection| Ok(connection.batch_execute(bin)?)).await.unwrap();
        for text in ["single pin", "si", "filler 00001", "filler 00002"] {
            assert_eq!(pages(&database, sought(text)).await, [0], "{text}");
        }
        database.write(|connection| Ok(connection.batch_execute("UPDATE nodes SET trashed_at = NULL")?)).await.unwrap();
        for text in ["single pin", "si", "filler 00001", "filler 00002"] {
            assert_eq!(pages(&database, sought(text)).await, [1], "{text}");
        }
        database
            .write(|connection| Ok(connection.batch_execute("DELETE FROM nodes WHERE name = 'filler 00002'")?))
            .await
            .unwrap();
        assert_eq!(pages(&database, sought("filler 00002")).await, [0]);
    }

    /// Numbers of rows are the database's own to change, where they have no name.
    #[tokio::test]
    async fn what_is_indexed_outlives_a_vacuum() {
        let (database, dir) = filled().await;
        let prune = "DELETE FROM nodes WHERE sort_key LIKE 'filler%'";
        database.write(move |connection| Ok(connection.batch_execute(prune)?)).await.unwrap();
        let path = dir.path().join("clouddrive.db");
        let mut outside = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        outside.batch_execute("VACUUM; INSERT INTO search_names (search_names) VALUES ('integrity-check')").unwrap();
        assert_eq!(pages(&database, sought("needles 13500")).await, [1]);
        assert_eq!(pages(&database, sought("single")).await, [1]);
    }

    #[tokio::test]
    async fn every_way_is_served_by_an_index() {
        let (database, _dir) = filled().await;
        let user = UserId::from_uuid(OWNER);
        let drives = [DriveId::from_uuid(OWNER).into()];
        let after = |text: &str| {
            let value = SortValue::Name(Name::parse(text).unwrap());
            Some(Position { value, id: NodeId::from_uuid(OWNER) })
        };
        let ways = [
            (by_trigrams::<Sqlite>(user, &drives, &sought("abc")), "search_names VIRTUAL TABLE"),
            (
                by_trigrams::<Sqlite>(user, &drives, &Sought { after: after("b"), ..sought("abc") }),
                "search_names VIRTUAL TABLE",
            ),
            (by_walking::<Sqlite>(user, &drives, &sought("abc")), "nodes_by_drive_name (drive_id=?)"),
            (
                by_walking::<Sqlite>(user, &drives, &Sought { after: after("b"), ..sought("abc") }),
                "nodes_by_drive_name (drive_id=? AND",
            ),
            (
                by_walking::<Sqlite>(user, &drives, &sought("ab")),
                "nodes_by_drive_name (drive_id=? AND sort_key>? AND sort_key<?)",
            ),
        ];
        for (statement, index) in ways {
            let statement = statement.after("EXPLAIN QUERY PLAN");
            let plan = database
                .read(move |connection| {
                    let plan: Vec<Plan> = statement.load(connection)?;
                    Ok(plan.into_iter().map(|line| line.detail).collect::<Vec<_>>())
                })
                .await
                .unwrap();
            let all = plan.join("\n");
            assert!(all.contains(index), "{index}\n{all}");
            for table in ["n", "w", "t", "nodes", "s", "d"] {
                assert!(!plan.iter().any(|line| *line == format!("SCAN {table}")), "{table}\n{all}");
            }
        }
    }
}
