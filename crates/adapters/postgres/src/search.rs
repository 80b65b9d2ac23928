use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Located, Page, Position, UserId};
use clouddrive_domain::port::{Search, Sought};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::search::{Clause, Dialect, DriveRow, HitRow, MOST_FOUND, Way};
use clouddrive_sql::search::{by_trigrams, by_walking, drives, in_order, way};
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::DbId;
use diesel::prelude::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::fault::error;
use crate::locate;
use crate::unit::Begin;

/// The trigrams are those of `pg_trgm`.
pub struct Postgres;

impl Dialect for Postgres {
    fn list(drives: &[DbId]) -> Parameter {
        locate::array(drives.iter().map(DbId::as_uuid))
    }

    // No condition on the kind: the index `nodes_by_drive_name` could serve that, and would read the whole drive.
    fn by_trigrams(drives: Parameter, sought: &Sought, after: Clause) -> Clause {
        let text = format!(
            "found AS MATERIALIZED (
                SELECT n.id, n.drive_id, n.parent_id, n.kind, n.sort_key, n.name FROM nodes n
                WHERE n.drive_id = ANY (CAST(? AS uuid[])) AND n.sort_key LIKE ? AND n.trashed_at IS NULL AND {}
                LIMIT {}
            )",
            after.text,
            MOST_FOUND + 1
        );
        let parameters = [drives, pattern(sought)].into_iter().chain(after.parameters);
        Clause::new(text, parameters.collect())
    }

    fn is_lacking() -> String {
        format!("(SELECT count(*) FROM found) > {MOST_FOUND}")
    }

    fn walk(drives: Parameter, within: Clause, most: u64) -> Clause {
        let text = format!(
            "walked AS MATERIALIZED (
                SELECT n.* FROM unnest(CAST(? AS uuid[])) AS d (id) CROSS JOIN LATERAL (
                    SELECT n.id, n.drive_id, n.parent_id, n.kind, n.sort_key, n.name FROM nodes n
                    WHERE n.drive_id = d.id AND n.trashed_at IS NULL AND n.kind <> 'root' AND {}
                    ORDER BY n.sort_key, n.name, n.id LIMIT {most}
                ) AS n
            )",
            within.text
        );
        Clause::new(text, [drives].into_iter().chain(within.parameters).collect())
    }

    fn has(sought: &Sought) -> Clause {
        Clause::new("sort_key LIKE ?", vec![pattern(sought)])
    }
}

/// The pattern of what holds the text.
fn pattern(sought: &Sought) -> Parameter {
    let mut pattern = String::from("%");
    for character in sought.text.folded().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    Parameter::Text(pattern + "%")
}

/// Whether the server can make trigrams of the pattern. It looks at letters and digits alone: it makes some of three in a row,
/// of two that a word ends with, and of one that a word begins with. Without any, it would read all that the drives have.
async fn has_trigrams(mut connection: &AsyncPgConnection, sought: &Sought) -> Outcome<bool> {
    let text = sought.text.folded();
    let is_word: Vec<bool> = text.chars().map(char::is_alphanumeric).collect();
    let makes_some = |three: &[bool]| matches!(three, [true, true, _] | [false, true, _] | [_, false, true]);
    if !is_word.windows(3).any(makes_some) {
        return Ok(false);
    }
    // Whether it takes these for letters is a matter of the database's ctype.
    let asking = "SELECT CAST(cardinality(show_trgm(?)) AS bigint) AS count";
    let row: CountRow =
        Statement::new(asking, vec![Parameter::Text(text.to_owned())]).get_result(&mut connection).await?;
    Ok(row.count > 0)
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn ask(mut connection: &AsyncPgConnection, statement: Statement, sought: &Sought) -> Outcome<Way> {
    let rows: Vec<HitRow> = statement.load(&mut connection).await?;
    Ok(way(rows, sought.limit)?)
}

async fn search(
    mut connection: &AsyncPgConnection,
    viewer: UserId,
    sought: &Sought,
) -> Outcome<Page<Located, Position>> {
    let drives: Vec<DbId> = match &sought.within {
        Some(folder) => vec![folder.drive().into()],
        None => {
            let rows: Vec<DriveRow> = drives(viewer).load(&mut connection).await?;
            rows.into_iter().map(|row| row.id).collect()
        }
    };
    let mut found = Way::Lacking;
    if !sought.text.is_prefix() && has_trigrams(connection, sought).await? {
        found = ask(connection, by_trigrams::<Postgres>(viewer, &drives, sought), sought).await?;
    }
    if matches!(found, Way::Lacking) {
        found = ask(connection, by_walking::<Postgres>(viewer, &drives, sought), sought).await?;
    }
    let (ids, next) = match found {
        Way::Page(ids, next) => (ids, next),
        Way::Lacking => (vec![], None),
    };
    let nodes = locate::find_many(connection, &ids, viewer).await?;
    Ok(in_order(&ids, nodes, next))
}

#[async_trait]
impl Search for Database {
    async fn search(&self, viewer: UserId, sought: &Sought) -> Result<Page<Located, Position>> {
        let sought = sought.clone();
        let work = async move |connection: &AsyncPgConnection| search(connection, viewer, &sought).await;
        self.run(Begin::Snapshot, work).await.map_err(error)
    }
}
