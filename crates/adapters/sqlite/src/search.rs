use std::collections::BTreeSet;

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{DriveId, NodeId, Page, SearchPosition, UserId, WalkPosition};
use clouddrive_domain::port::{Hit, SearchCriteria, SearchRepository};
use clouddrive_sql::dialect::{Clause, Dialect, contains_text};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::search::{
    DriveRow, FETCH_BATCH, FoundNodes, HitRow, MAX_FOUND, PageBuilder, PageStart, SearchAttempt, by_grams, by_scan,
    drive, has_grams, search_attempt,
};
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::walk::{EntryRow, FolderRow, PathFolderRow, ShareRow, Walk, Walked, shares};
use diesel::prelude::*;

use crate::Database;
use crate::locate;

/// The most names with all the grams that are looked at.
const MAX_POSTED: u64 = 10_000;

/// The most grams of the text that are searched for: more do not narrow the result down further.
const MAX_GRAMS: usize = 24;

/// The dialect of SQLite, with grams in the table `search_grams`.
pub(crate) struct Sqlite;

impl Dialect for Sqlite {
    const POSITION_FUNCTION: &'static str = "instr";
    const EMPTY_KEY: &'static str = "x''";
    const KEYS_MISSING: &'static str = "< x'01'";

    fn by_grams(drive: DriveId, criteria: &SearchCriteria, after: Clause) -> Clause {
        let contains_text = contains_text::<Self>("n", criteria);
        let text = format!(
            "posted (number) AS MATERIALIZED (
                SELECT rowid FROM search_grams WHERE search_grams MATCH ? LIMIT {}
            ),
            found AS MATERIALIZED (
                SELECT n.id, n.parent_id, n.kind, n.order_key FROM posted
                CROSS JOIN search_nodes t ON t.number = posted.number CROSS JOIN nodes n ON n.id = t.node_id
                WHERE n.drive_id = ? AND n.trashed_at IS NULL AND {} AND {}
                LIMIT {}
            )",
            MAX_POSTED + 1,
            contains_text.text,
            after.text,
            MAX_FOUND + 1
        );
        let parameters =
            [grams(drive, criteria), drive.into()].into_iter().chain(contains_text.parameters).chain(after.parameters);
        Clause::new(text, parameters.collect())
    }

    fn is_incomplete() -> String {
        format!("(SELECT count(*) FROM found) > {MAX_FOUND} OR (SELECT count(*) FROM posted) > {MAX_POSTED}")
    }

    fn list(ids: &[NodeId]) -> Clause {
        let text = "list (place, id) AS MATERIALIZED (SELECT key + 1, unhex(value) FROM json_each(?))";
        Clause::new(text, vec![locate::list(ids)])
    }

    fn children(_: u64) -> Clause {
        let text = "SELECT l.place, n.id, n.kind, n.created_at, n.order_key, n.sort_key, n.search_key
            FROM list l CROSS JOIN nodes n INDEXED BY nodes_listed_by_created
                ON n.parent_id = l.id AND n.trashed_at IS NULL WHERE l.place > 1";
        Clause::new(text, vec![])
    }
}

/// The `MATCH` expression for all grams of the text in a drive, encoded as by the triggers.
fn grams(drive: DriveId, criteria: &SearchCriteria) -> Parameter {
    let characters: Vec<char> = criteria.text.folded().chars().collect();
    let pairs = characters.windows(2).map(|pair| pair.iter().collect::<String>());
    let single = characters.iter().filter(|character| !character.is_ascii()).map(ToString::to_string);
    let grams: BTreeSet<String> = pairs.chain(single).collect();
    let (_, drive) = drive.as_uuid().as_u64_pair();
    let drive = format!("{:012x}", drive & 0xffff_ffff_ffff);
    let word = |gram: &String| gram.bytes().fold(drive.clone(), |word, byte| format!("{word}{byte:02x}"));
    Parameter::Text(grams.iter().take(MAX_GRAMS).map(word).collect::<Vec<_>>().join(" AND "))
}

fn attempt(
    connection: &mut SqliteConnection,
    statement: Statement,
    criteria: &SearchCriteria,
) -> Result<SearchAttempt, SqlError> {
    let rows: Vec<HitRow> = statement.load(connection)?;
    Ok(search_attempt(rows, criteria.limit)?)
}

/// Searches the viewer's own drive.
fn in_drive(
    connection: &mut SqliteConnection,
    drive: DriveId,
    criteria: &SearchCriteria,
) -> Result<FoundNodes, SqlError> {
    if has_grams(&criteria.text)
        && let SearchAttempt::Found(found) = attempt(connection, by_grams::<Sqlite>(drive, criteria), criteria)?
    {
        return Ok(found);
    }
    match attempt(connection, by_scan::<Sqlite>(drive, criteria), criteria)? {
        SearchAttempt::Found(found) => Ok(found),
        SearchAttempt::TooMany => Ok(FoundNodes::default()),
    }
}

/// Walks the trees that are shared with the viewer.
fn in_shares(
    connection: &mut SqliteConnection,
    viewer: UserId,
    criteria: &SearchCriteria,
    after: &WalkPosition,
    limit: usize,
) -> Result<(Walk, Walked), SqlError> {
    let mut walk = if let Some(folder) = &criteria.within {
        Walk::below(folder.node().id, after)
    } else {
        let rows: Vec<ShareRow> = shares(viewer, after).load(connection)?;
        let shared: Vec<NodeId> = rows.iter().map(ShareRow::node).collect();
        let mut nodes = Vec::with_capacity(shared.len());
        for ids in shared.chunks(FETCH_BATCH) {
            nodes.extend(locate::find_many(connection, ids, viewer)?);
        }
        Walk::of_shares(criteria, after, &rows, &nodes)
    };
    if let Some(statement) = walk.resumed_path::<Sqlite>() {
        let rows: Vec<PathFolderRow> = statement.load(connection)?;
        walk.check(&rows);
    }
    if let Some(statement) = walk.folders::<Sqlite>() {
        let rows: Vec<FolderRow> = statement.load(connection)?;
        walk.set_folders(rows);
    }
    if let Some(statement) = walk.entries::<Sqlite>(criteria, limit) {
        let rows: Vec<EntryRow> = statement.load(connection)?;
        walk.set_entries(rows);
    }
    let walked = walk.result(limit);
    Ok((walk, walked))
}

fn search(
    connection: &mut SqliteConnection,
    viewer: UserId,
    criteria: &SearchCriteria,
) -> Result<Page<Hit, SearchPosition>, SqlError> {
    let own: Vec<DriveRow> = drive(viewer).load(connection)?;
    let own = own.first().map(|row| DriveId::from(row.id));
    let (mut found, after) = match PageStart::new(criteria, own) {
        PageStart::Own(drive) => {
            let found = in_drive(connection, drive, criteria)?;
            let is_over = found.next.is_none() && criteria.within.is_none();
            (found, is_over.then(WalkPosition::default))
        }
        PageStart::Shared(after) => (FoundNodes::default(), Some(after)),
    };
    let mut walk = None;
    if let Some(after) = after {
        let room = criteria.limit.get().saturating_sub(found.places.len());
        let (through, walked) = in_shares(connection, viewer, criteria, &after, room.max(1))?;
        if room == 0 {
            found.next = walked.has_results().then_some(SearchPosition::Shared(after));
        } else {
            found.places.extend(walked.positions());
            walk = Some((through, walked));
        }
    }
    let mut page = PageBuilder::default();
    let through = walk.as_ref().map(|(walk, _)| walk);
    for places in found.places.chunks(FETCH_BATCH) {
        let ids: Vec<NodeId> = places.iter().map(|(id, _)| *id).collect();
        if !page.add(places, locate::find_many(connection, &ids, viewer)?, through) {
            let next = page.last();
            return Ok(Page { items: page.hits, next });
        }
    }
    let next = match &walk {
        None => found.next,
        Some((walk, walked)) => {
            let folder = match walked.end_folder() {
                Some(folder) => locate::find(connection, folder, viewer)?,
                None => None,
            };
            walk.next(walked, folder.as_ref(), page.last())
        }
    };
    Ok(Page { items: page.hits, next })
}

#[async_trait]
impl SearchRepository for Database {
    async fn search(&self, viewer: UserId, criteria: &SearchCriteria) -> Result<Page<Hit, SearchPosition>> {
        let criteria = criteria.clone();
        self.snapshot(move |connection| search(connection, viewer, &criteria)).await
    }
}

#[cfg(test)]
mod tests {
    use clouddrive_domain::model::{Limit, Name, OrderKey, SearchText};
    use clouddrive_domain::port::NameKeyRepository;
    use clouddrive_sql::schema::nodes;
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

    /// A drive with 11,000 filler names, then 2,500 names with a common word, and a rare one last.
    const FILL: &str = "
        INSERT INTO users (id, username, username_key, email, email_key, password_hash, photo_blob, created_at)
            VALUES (unhex('00000000000000000000000000000001'), 'a', 'a', 'a', 'a', '', NULL, 0);
        INSERT INTO drives (id, owner_id, quota_bytes, created_at) SELECT id, id, 0, 0 FROM users;
        INSERT INTO nodes (id, drive_id, kind, name, sort_key, created_by, created_at, modified_at)
            SELECT id, id, 'root', 'drive', 'drive', id, 0, 0 FROM users;
        WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 13501)
        INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, order_key, search_key, created_by, created_at,
                modified_at)
            SELECT randomblob(16), u.id, u.id, 'folder', name, name, CAST(char(1) || name AS BLOB), name, u.id, 0, 0
            FROM users u JOIN (
                SELECT CASE WHEN i <= 11000 THEN printf('filler %05d', i)
                    WHEN i <= 13500 THEN printf('more needles %05d', i)
                    ELSE 'single pin' END AS name FROM number
            );";

    async fn filled() -> (Database, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("clouddrive.db"), Options::default()).await.unwrap();
        database.write(|connection| Ok(connection.batch_execute(FILL)?)).await.unwrap();
        (database, dir)
    }

    fn criteria(text: &str) -> SearchCriteria {
        let text = SearchText::parse(text).unwrap();
        SearchCriteria { text, kind: None, within: None, after: None, limit: Limit::new(1000).unwrap() }
    }

    /// The number of hits on each page, to the last.
    async fn pages(database: &Database, mut criteria: SearchCriteria) -> Vec<usize> {
        let mut counts = Vec::new();
        loop {
            let page = database.search(UserId::from_uuid(OWNER), &criteria).await.unwrap();
            counts.push(page.items.len());
            criteria.after = page.next;
            if criteria.after.is_none() {
                return counts;
            }
        }
    }

    #[tokio::test]
    async fn a_common_word_needs_several_pages_and_a_rare_one_is_found_at_once() {
        let (database, _dir) = filled().await;
        // The first 10,000 names do not match; the rest is few enough for full pages.
        assert_eq!(pages(&database, criteria("needles")).await, [0, 1000, 1000, 500]);
        assert_eq!(pages(&database, criteria("single pin")).await, [1]);
        assert_eq!(pages(&database, criteria("needles 13500")).await, [1]);
        assert_eq!(pages(&database, criteria("nothing")).await, [0]);
        assert_eq!(pages(&database, criteria("fi")).await, [1000; 11]);
        assert_eq!(pages(&database, criteria("le p")).await, [1]);
        assert_eq!(pages(&database, criteria("si")).await, [1]);
        let all = pages(&database, criteria("filler")).await;
        assert_eq!(all.iter().sum::<usize>(), 11_000, "{all:?}");
    }

    /// The previous version writes no keys, and does not update those of a name that it changes.
    #[tokio::test]
    async fn names_of_an_older_version_are_found_at_once_and_get_their_keys() {
        let (database, _dir) = filled().await;
        let older = "
            INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, created_by, created_at, modified_at)
                SELECT randomblob(16), id, id, 'folder', 'Überschrift 10', 'überschrift 10', id, 0, 0 FROM users;
            UPDATE nodes SET name = 'Another pin', sort_key = 'another pin' WHERE name = 'single pin';";
        database.write(|connection| Ok(connection.batch_execute(older)?)).await.unwrap();
        for text in ["überschrift", "er pin"] {
            assert_eq!(pages(&database, criteria(text)).await, [1], "{text}");
        }
        assert_eq!(pages(&database, criteria("single pin")).await, [0]);
        assert_eq!(database.refresh(1).await.unwrap(), 1);
        assert_eq!(database.refresh(500).await.unwrap(), 2, "the root of the drive, too");
        assert_eq!(database.refresh(500).await.unwrap(), 0);
        for text in ["uberschrift", "überschrift", "er pin"] {
            assert_eq!(pages(&database, criteria(text)).await, [1], "{text}");
        }
        let keys = |connection: &mut SqliteConnection| {
            let names = nodes::table.filter(nodes::name.eq_any(["Überschrift 10", "Another pin"]));
            Ok(names.select((nodes::name, nodes::order_key)).load::<(String, Vec<u8>)>(connection)?)
        };
        for (text, key) in database.read(keys).await.unwrap() {
            assert_eq!(key, OrderKey::new(&Name::parse(&text).unwrap()).as_bytes());
        }
    }

    #[tokio::test]
    async fn trashed_nodes_and_their_descendants_are_not_found() {
        let (database, _dir) = filled().await;
        let bin = "
            UPDATE nodes SET parent_id = (SELECT id FROM nodes WHERE name = 'single pin') WHERE name = 'filler 00001';
            UPDATE nodes SET trashed_at = 5 WHERE name IN ('single pin', 'filler 00002');";
        database.write(|connection| Ok(connection.batch_execute(bin)?)).await.unwrap();
        for text in ["single pin", "si", "filler 00001", "filler 00002"] {
            assert_eq!(pages(&database, criteria(text)).await, [0], "{text}");
        }
        database.write(|connection| Ok(connection.batch_execute("UPDATE nodes SET trashed_at = NULL")?)).await.unwrap();
        for text in ["single pin", "si", "filler 00001", "filler 00002"] {
            assert_eq!(pages(&database, criteria(text)).await, [1], "{text}");
        }
        database
            .write(|connection| Ok(connection.batch_execute("DELETE FROM nodes WHERE name = 'filler 00002'")?))
            .await
            .unwrap();
        assert_eq!(pages(&database, criteria("filler 00002")).await, [0]);
    }

    /// `VACUUM` may renumber the rows of a table without an `INTEGER PRIMARY KEY`.
    #[tokio::test]
    async fn the_search_index_survives_a_vacuum() {
        let (database, dir) = filled().await;
        let prune = "DELETE FROM nodes WHERE sort_key LIKE 'filler%'";
        database.write(move |connection| Ok(connection.batch_execute(prune)?)).await.unwrap();
        let path = dir.path().join("clouddrive.db");
        let mut outside = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        outside.batch_execute("VACUUM; INSERT INTO search_grams (search_grams) VALUES ('integrity-check')").unwrap();
        assert_eq!(pages(&database, criteria("needles 13500")).await, [1]);
        assert_eq!(pages(&database, criteria("single")).await, [1]);
    }

    #[tokio::test]
    async fn every_search_strategy_uses_an_index() {
        let (database, _dir) = filled().await;
        let drive = DriveId::from_uuid(OWNER);
        let after = || {
            let key = OrderKey::new(&Name::parse("b").unwrap());
            Some(SearchPosition::Own { key, id: NodeId::from_uuid(OWNER) })
        };
        let ways = [
            (by_grams::<Sqlite>(drive, &criteria("abc")), "search_grams VIRTUAL TABLE"),
            (by_grams::<Sqlite>(drive, &criteria("日")), "search_grams VIRTUAL TABLE"),
            (
                by_grams::<Sqlite>(drive, &SearchCriteria { after: after(), ..criteria("abc") }),
                "search_grams VIRTUAL TABLE",
            ),
            (by_scan::<Sqlite>(drive, &criteria("a")), "nodes_of_drive_by_name (drive_id=?)"),
            (
                by_scan::<Sqlite>(drive, &SearchCriteria { after: after(), ..criteria("a") }),
                "nodes_of_drive_by_name (drive_id=? AND",
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
            for table in ["n", "t", "nodes"] {
                assert!(!plan.iter().any(|line| *line == format!("SCAN {table}")), "{table}\n{all}");
            }
        }
    }
}
