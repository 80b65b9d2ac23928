use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{DriveId, NodeId, Page, SearchPosition, UserId, WalkPosition};
use clouddrive_domain::port::{Hit, Search, Sought};
use clouddrive_sql::dialect::{Clause, Dialect, holds};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::search::{
    DriveRow, FETCHED, Filling, HitRow, MOST_FOUND, Part, Stretch, Way, by_grams, by_walking, drive, has_grams, way,
};
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::bytes;
use clouddrive_sql::walk::{EntryRow, FolderRow, ShareRow, StandingRow, Walk, Walked, shares};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::fault::error;
use crate::locate;
use crate::unit::Begin;

/// The dialect of PostgreSQL, with grams by the function `search_grams`.
pub struct Postgres;

impl Dialect for Postgres {
    const PLACE_OF: &'static str = "strpos";
    const NO_KEY: &'static str = "CAST('' AS bytea)";
    const WITHOUT_KEYS: &'static str = "< '\\x01'";

    // No condition on the kind: it would make the index `nodes_of_drive_by_name` usable, which reads the whole drive.
    fn by_grams(drive: DriveId, sought: &Sought, after: Clause) -> Clause {
        let holds = holds::<Self>("n", sought);
        let text = format!(
            "found AS MATERIALIZED (
                SELECT n.id, n.parent_id, n.kind, n.order_key FROM nodes n
                WHERE search_grams(n.drive_id, n.search_key) @> search_grams(?, ?) AND n.drive_id = ?
                    AND n.trashed_at IS NULL AND {} AND {}
                LIMIT {}
            )",
            holds.text,
            after.text,
            MOST_FOUND + 1
        );
        let grams = [drive.into(), Parameter::Text(sought.text.folded().to_owned()), drive.into()];
        Clause::new(text, grams.into_iter().chain(holds.parameters).chain(after.parameters).collect())
    }

    fn is_lacking() -> String {
        format!("(SELECT count(*) FROM found) > {MOST_FOUND}")
    }

    fn list(ids: &[NodeId]) -> Clause {
        let text = "list (place, id) AS MATERIALIZED (
                SELECT l.place, l.id FROM unnest(CAST(? AS uuid[])) WITH ORDINALITY AS l (id, place)
            )";
        Clause::new(text, vec![locate::array(ids)])
    }

    fn children(most: u64) -> Clause {
        let text = "SELECT l.place, n.id, n.kind, n.created_at, n.order_key, n.sort_key, n.search_key
            FROM list l CROSS JOIN LATERAL (
                SELECT * FROM nodes n WHERE n.parent_id = l.id AND n.trashed_at IS NULL
                ORDER BY n.kind, n.created_at, n.id LIMIT ?
            ) AS n WHERE l.place > 1";
        Clause::new(text, vec![Parameter::Integer(bytes(most))])
    }
}

async fn ask(mut connection: &AsyncPgConnection, statement: Statement, sought: &Sought) -> Outcome<Way> {
    let rows: Vec<HitRow> = statement.load(&mut connection).await?;
    Ok(way(rows, sought.limit)?)
}

/// Searches the viewer's own drive.
async fn in_drive(connection: &AsyncPgConnection, drive: DriveId, sought: &Sought) -> Outcome<Stretch> {
    if has_grams(&sought.text)
        && let Way::Stretch(found) = ask(connection, by_grams::<Postgres>(drive, sought), sought).await?
    {
        return Ok(found);
    }
    match ask(connection, by_walking::<Postgres>(drive, sought), sought).await? {
        Way::Stretch(found) => Ok(found),
        Way::Lacking => Ok(Stretch::default()),
    }
}

/// Walks the trees that are shared with the viewer.
async fn in_shares(
    mut connection: &AsyncPgConnection,
    viewer: UserId,
    sought: &Sought,
    after: &WalkPosition,
    limit: usize,
) -> Outcome<(Walk, Walked)> {
    let mut walk = if let Some(folder) = &sought.within {
        Walk::below(folder.node().id, after)
    } else {
        let rows: Vec<ShareRow> = shares(viewer, after).load(&mut connection).await?;
        let shared: Vec<NodeId> = rows.iter().map(ShareRow::node).collect();
        let mut nodes = Vec::with_capacity(shared.len());
        for ids in shared.chunks(FETCHED) {
            nodes.extend(locate::find_many(connection, ids, viewer).await?);
        }
        Walk::of_shares(sought, after, &rows, &nodes)
    };
    if let Some(statement) = walk.standing::<Postgres>() {
        let rows: Vec<StandingRow> = statement.load(&mut connection).await?;
        walk.check(&rows);
    }
    if let Some(statement) = walk.folders::<Postgres>() {
        let rows: Vec<FolderRow> = statement.load(&mut connection).await?;
        walk.pass(rows);
    }
    if let Some(statement) = walk.entries::<Postgres>(sought, limit) {
        let rows: Vec<EntryRow> = statement.load(&mut connection).await?;
        walk.look(rows);
    }
    let walked = walk.found(limit);
    Ok((walk, walked))
}

async fn search(
    mut connection: &AsyncPgConnection,
    viewer: UserId,
    sought: &Sought,
) -> Outcome<Page<Hit, SearchPosition>> {
    let own: Vec<DriveRow> = drive(viewer).load(&mut connection).await?;
    let own = own.into_iter().next().map(|row| DriveId::from(row.id));
    let (mut found, after) = match Part::of(sought, own) {
        Part::Own(drive) => {
            let found = in_drive(connection, drive, sought).await?;
            let is_over = found.next.is_none() && sought.within.is_none();
            (found, is_over.then(WalkPosition::default))
        }
        Part::Shared(after) => (Stretch::default(), Some(after)),
    };
    let mut walk = None;
    if let Some(after) = after {
        let room = sought.limit.get().saturating_sub(found.places.len());
        let (through, walked) = in_shares(connection, viewer, sought, &after, room.max(1)).await?;
        if room == 0 {
            found.next = walked.is_any().then_some(SearchPosition::Shared(after));
        } else {
            found.places.extend(walked.spots());
            walk = Some((through, walked));
        }
    }
    let mut page = Filling::default();
    let through = walk.as_ref().map(|(walk, _)| walk);
    for places in found.places.chunks(FETCHED) {
        let ids: Vec<NodeId> = places.iter().map(|(id, _)| *id).collect();
        if !page.add(places, locate::find_many(connection, &ids, viewer).await?, through) {
            let next = page.last();
            return Ok(Page { items: page.hits, next });
        }
    }
    let next = match &walk {
        None => found.next,
        Some((walk, walked)) => {
            let folder = match walked.folder() {
                Some(folder) => locate::find(connection, folder, viewer).await?,
                None => None,
            };
            walk.next(walked, folder.as_ref(), page.last())
        }
    };
    Ok(Page { items: page.hits, next })
}

#[async_trait]
impl Search for Database {
    async fn search(&self, viewer: UserId, sought: &Sought) -> Result<Page<Hit, SearchPosition>> {
        let sought = sought.clone();
        let work = async move |connection: &AsyncPgConnection| search(connection, viewer, &sought).await;
        self.run(Begin::Snapshot, work).await.map_err(error)
    }
}
