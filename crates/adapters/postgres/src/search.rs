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
use clouddrive_sql::types::bytes;
use clouddrive_sql::walk::{EntryRow, FolderRow, PathFolderRow, ShareRow, Walk, Walked, shares};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::error::domain_error;
use crate::locate;
use crate::transaction::TxMode;

/// The dialect of PostgreSQL, with grams by the function `search_grams`.
pub struct Postgres;

impl Dialect for Postgres {
    const POSITION_FUNCTION: &'static str = "strpos";
    const EMPTY_KEY: &'static str = "CAST('' AS bytea)";
    const KEYS_MISSING: &'static str = "< '\\x01'";

    // No condition on the kind: it would make the index `nodes_of_drive_by_name` usable, which reads the whole drive.
    fn by_grams(drive: DriveId, criteria: &SearchCriteria, after: Clause) -> Clause {
        let contains_text = contains_text::<Self>("n", criteria);
        let text = format!(
            "found AS MATERIALIZED (
                SELECT n.id, n.parent_id, n.kind, n.order_key FROM nodes n
                WHERE search_grams(n.drive_id, n.search_key) @> search_grams(?, ?) AND n.drive_id = ?
                    AND n.trashed_at IS NULL AND {} AND {}
                LIMIT {}
            )",
            contains_text.text,
            after.text,
            MAX_FOUND + 1
        );
        let grams = [drive.into(), Parameter::Text(criteria.text.folded().to_owned()), drive.into()];
        Clause::new(text, grams.into_iter().chain(contains_text.parameters).chain(after.parameters).collect())
    }

    fn is_incomplete() -> String {
        format!("(SELECT count(*) FROM found) > {MAX_FOUND}")
    }

    fn list(ids: &[NodeId]) -> Clause {
        let text = "list (place, id) AS MATERIALIZED (
                SELECT l.place, l.id FROM unnest(CAST(? AS uuid[])) WITH ORDINALITY AS l (id, place)
            )";
        Clause::new(text, vec![locate::array(ids)])
    }

    fn children(max: u64) -> Clause {
        let text = "SELECT l.place, n.id, n.kind, n.created_at, n.order_key, n.sort_key, n.search_key
            FROM list l CROSS JOIN LATERAL (
                SELECT * FROM nodes n WHERE n.parent_id = l.id AND n.trashed_at IS NULL
                ORDER BY n.kind, n.created_at, n.id LIMIT ?
            ) AS n WHERE l.place > 1";
        Clause::new(text, vec![Parameter::Integer(bytes(max))])
    }
}

async fn attempt(
    mut connection: &AsyncPgConnection,
    statement: Statement,
    criteria: &SearchCriteria,
) -> Result<SearchAttempt, SqlError> {
    let rows: Vec<HitRow> = statement.load(&mut connection).await?;
    Ok(search_attempt(rows, criteria.limit)?)
}

/// Searches the viewer's own drive.
async fn in_drive(
    connection: &AsyncPgConnection,
    drive: DriveId,
    criteria: &SearchCriteria,
) -> Result<FoundNodes, SqlError> {
    if has_grams(&criteria.text)
        && let SearchAttempt::Found(found) =
            attempt(connection, by_grams::<Postgres>(drive, criteria), criteria).await?
    {
        return Ok(found);
    }
    match attempt(connection, by_scan::<Postgres>(drive, criteria), criteria).await? {
        SearchAttempt::Found(found) => Ok(found),
        SearchAttempt::TooMany => Ok(FoundNodes::default()),
    }
}

/// Walks the trees that are shared with the viewer.
async fn in_shares(
    mut connection: &AsyncPgConnection,
    viewer: UserId,
    criteria: &SearchCriteria,
    after: &WalkPosition,
    limit: usize,
) -> Result<(Walk, Walked), SqlError> {
    let mut walk = if let Some(folder) = &criteria.within {
        Walk::below(folder.node().id, after)
    } else {
        let rows: Vec<ShareRow> = shares(viewer, after).load(&mut connection).await?;
        let shared: Vec<NodeId> = rows.iter().map(ShareRow::node).collect();
        let mut nodes = Vec::with_capacity(shared.len());
        for ids in shared.chunks(FETCH_BATCH) {
            nodes.extend(locate::find_many(connection, ids, viewer).await?);
        }
        Walk::of_shares(criteria, after, &rows, &nodes)
    };
    if let Some(statement) = walk.resumed_path::<Postgres>() {
        let rows: Vec<PathFolderRow> = statement.load(&mut connection).await?;
        walk.check(&rows);
    }
    if let Some(statement) = walk.folders::<Postgres>() {
        let rows: Vec<FolderRow> = statement.load(&mut connection).await?;
        walk.set_folders(rows);
    }
    if let Some(statement) = walk.entries::<Postgres>(criteria, limit) {
        let rows: Vec<EntryRow> = statement.load(&mut connection).await?;
        walk.set_entries(rows);
    }
    let walked = walk.result(limit);
    Ok((walk, walked))
}

async fn search(
    mut connection: &AsyncPgConnection,
    viewer: UserId,
    criteria: &SearchCriteria,
) -> Result<Page<Hit, SearchPosition>, SqlError> {
    let own: Vec<DriveRow> = drive(viewer).load(&mut connection).await?;
    let own = own.into_iter().next().map(|row| DriveId::from(row.id));
    let (mut found, after) = match PageStart::new(criteria, own) {
        PageStart::Own(drive) => {
            let found = in_drive(connection, drive, criteria).await?;
            let is_over = found.next.is_none() && criteria.within.is_none();
            (found, is_over.then(WalkPosition::default))
        }
        PageStart::Shared(after) => (FoundNodes::default(), Some(after)),
    };
    let mut walk = None;
    if let Some(after) = after {
        let room = criteria.limit.get().saturating_sub(found.places.len());
        let (through, walked) = in_shares(connection, viewer, criteria, &after, room.max(1)).await?;
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
        if !page.add(places, locate::find_many(connection, &ids, viewer).await?, through) {
            let next = page.last();
            return Ok(Page { items: page.hits, next });
        }
    }
    let next = match &walk {
        None => found.next,
        Some((walk, walked)) => {
            let folder = match walked.end_folder() {
                Some(folder) => locate::find(connection, folder, viewer).await?,
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
        let work = async move |connection: &AsyncPgConnection| search(connection, viewer, &criteria).await;
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }
}
