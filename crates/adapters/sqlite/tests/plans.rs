//! Query plans of paths, the trash, version histories and uploads: all use indexes.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use clouddrive_domain::model::{
    BlobKey, DriveId, Limit, Name, NodeId, NodePath, PathStart, Revision, Timestamp, TrashPosition, UserId, VersionId,
    VersionPosition,
};
use clouddrive_sql::locate::{NAMED_CHILD, at_path};
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::uploads::{Among, UploadRow};
use clouddrive_sql::{blob_records, changes, jobs, schema, trash, uploads, versions};
use clouddrive_sqlite::Database;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Text, Untyped};
use diesel::sqlite::Sqlite;
use tempfile::TempDir;
use uuid::Uuid;

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The request for the plan of a statement, with the same parameters.
struct Explained<'a, Q>(&'a Q);

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Explained<'_, Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("EXPLAIN QUERY PLAN ");
        self.0.walk_ast(out)
    }
}

impl<Q> QueryId for Explained<'_, Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Explained<'_, Q> {
    type SqlType = Untyped;
}

impl<Q> RunQueryDsl<SqliteConnection> for Explained<'_, Q> {}

#[tokio::test]
async fn pages_and_purge_steps_use_indexes() {
    let (_dir, mut connection) = migrated().await;
    let id = Uuid::from_u128(1);
    let (drive, node, at) = (DriveId::from_uuid(id), NodeId::from_uuid(id), Timestamp::from_millis(0));
    let place = TrashPosition { at, id: node };
    let former = VersionPosition { revision: Revision(1), id: VersionId::from_uuid(id) };
    let limit = Limit::default();
    let among = |column: &str| format!("{column} IN (SELECT unhex(value) FROM json_each(?))");
    let list = || Parameter::Text("[]".to_owned());
    let after = ("sequence > ?", vec![Parameter::Integer(0)]);
    let cases: Vec<(&str, Statement)> = vec![
        ("nodes_trash", trash::page(drive, None, limit)),
        ("nodes_trash", trash::page(drive, Some(place), limit)),
        ("nodes_trash_due", trash::due(at)),
        ("nodes_trash", trash::due_items(drive, None, 500)),
        ("nodes_trash", trash::due_items(drive, Some(at), 500)),
        ("nodes_root", trash::begin_purges(&among("id"), list())),
        ("nodes_purge", trash::nodes_to_purge(drive, None, 500)),
        ("nodes_purge", trash::nodes_to_purge(drive, Some(node), 500)),
        ("nodes_purge", trash::has_more(drive, None)),
        ("nodes_purge", trash::has_more(drive, Some(node))),
        ("nodes_purge", trash::drive_to_purge()),
        ("nodes_parent", trash::entries_of(&among("parent_id"), list(), 500)),
        ("nodes_parent", trash::remove_empty(&among("id"), list())),
        ("nodes_parent", trash::begin_purges_of_all(node, at, 500)),
        ("uploads_drive", trash::ownerless(None)),
        ("uploads_drive", trash::ownerless(Some(drive))),
        ("versions_history", versions::page(node, None, limit)),
        ("versions_history", versions::page(node, Some(former), limit)),
        ("changes_drive", changes::read("0 AS xid, sequence AS id", after, Some(drive), "sequence", 500)),
        ("jobs_due", jobs::is_any_due(at)),
    ];
    for (index, statement) in cases {
        let plan = by_indexes(&mut connection, &[index], &statement);
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{index}\n{plan:#?}");
    }
}

#[tokio::test]
async fn a_path_is_followed_by_the_index_of_names() {
    let (_dir, mut connection) = migrated().await;
    let (user, folder) = (UserId::from_uuid(Uuid::from_u128(1)), NodeId::from_uuid(Uuid::from_u128(2)));
    let path = NodePath::new(vec![Name::parse("a").unwrap(), Name::parse("b").unwrap()]).unwrap();
    for (start, index) in [(PathStart::OwnRoot, "nodes_root"), (PathStart::Folder(folder), "sqlite_autoindex_nodes_1")]
    {
        let statement = at_path(start, &path, user.into(), NAMED_CHILD);
        let plan = by_indexes(&mut connection, &[index], &statement);
        let by_name = "USING INDEX nodes_live_name (parent_id=? AND name=?)";
        assert!(plan.iter().any(|line| line.contains(by_name)), "{plan:#?}");
    }
}

/// The rows are sorted afterwards; their number is bounded by the uploads that one user may have open, or that end at
/// once.
#[tokio::test]
async fn open_and_ended_uploads_come_by_indexes() {
    let (_dir, mut connection) = migrated().await;
    let (user, at) = (UserId::from_uuid(Uuid::from_u128(1)), Timestamp::from_millis(0));
    let both = ["uploads_open_by_sender", "uploads_open_by_drive"];
    by_indexes(&mut connection, &both, &uploads::page(user, at, None, Limit::default()));
    by_indexes(&mut connection, &["uploads_ended"], &uploads::aborted(at, None, 500));
    by_indexes(&mut connection, &["uploads_open_by_sender"], &uploads::unexpired_of(user, at).count());
    by_indexes(&mut connection, &["uploads_open_by_sender"], &uploads::open_of(user).select(UploadRow::as_select()));
    let due = uploads::due(at).limit(500).select(UploadRow::as_select());
    by_indexes(&mut connection, &["uploads_open_by_expiry"], &due);
    let all = schema::uploads::table.filter(uploads::is_open()).count();
    by_indexes(&mut connection, &["uploads_open_by_"], &all);
    let old = schema::uploads::table.filter(schema::uploads::ended_at.lt(0)).filter(uploads::has_no_job());
    by_indexes(&mut connection, &["uploads_ended", "sqlite_autoindex_jobs_1"], &old.select(schema::uploads::id));
}

#[tokio::test]
async fn the_jobs_and_blobs_of_discarded_uploads_come_by_indexes() {
    let (_dir, mut connection) = migrated().await;
    let among = Among {
        condition: "id IN (SELECT unhex(value) FROM json_each(?))",
        parameter: Parameter::Text("[]".to_owned()),
    };
    let cases = [
        ("sqlite_autoindex_jobs_1", uploads::remove_jobs(among.clone())),
        ("sqlite_autoindex_held_blobs_1", uploads::release_reserved(among.clone())),
        ("drives_owner", uploads::queue_drive_removals(among, Timestamp::from_millis(0))),
    ];
    for (index, statement) in cases {
        by_indexes(&mut connection, &[index, "sqlite_autoindex_uploads_1"], &statement);
    }
    let held = blob_records::hold(&BlobKey::parse(&"0".repeat(32)).unwrap(), DriveId::from_uuid(Uuid::nil()), 1);
    by_indexes(&mut connection, &["uploads_blob", "sqlite_autoindex_jobs_1"], &held);
}

async fn migrated() -> (TempDir, SqliteConnection) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clouddrive.db");
    Database::migrate(&path).await.unwrap();
    let connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    (dir, connection)
}

/// Returns the plan of the statement, after checking that it uses these indexes and scans no table.
fn by_indexes<Q>(connection: &mut SqliteConnection, indexes: &[&str], statement: &Q) -> Vec<String>
where
    Q: QueryFragment<Sqlite>,
{
    let plan: Vec<Plan> = Explained(statement).load(connection).unwrap();
    let plan: Vec<String> = plan.into_iter().map(|line| line.detail).collect();
    let text = diesel::debug_query::<Sqlite, _>(statement).to_string();
    for index in indexes {
        assert!(plan.iter().any(|line| line.contains(index)), "{index}\n{text}\n{plan:#?}");
    }
    let harmless = ["INDEX", "json_each", "CONSTANT ROW"];
    // The rows of a recursion, of which there are as many as steps.
    let steps = ["SCAN up", "SCAN down"];
    let whole = |line: &String| {
        line.starts_with("SCAN") && !steps.contains(&line.as_str()) && !harmless.iter().any(|word| line.contains(word))
    };
    assert!(!plan.iter().any(whole), "{text}\n{plan:#?}");
    plan
}
