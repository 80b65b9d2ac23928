//! Query plans, which are generic, i.e. independent of the parameters.

use crate::support::Fresh;
use clouddrive_domain::model::{
    DriveId, Limit, LinkId, LinkPosition, Name, NodeId, NodeKind, NodePath, Order, OrderKey, PathStart, Position,
    Revision, SearchPosition, SearchText, ShareId, SharePosition, Sort, SortBy, SortValue, StoreName, Timestamp,
    TokenHash, TrashPosition, UserId, VersionId, VersionPosition,
};
use clouddrive_domain::port::{NameKeyRepository, SearchCriteria, SearchRepository};
use clouddrive_postgres::{DISABLED_PLANNER_SETTINGS, Database, Postgres};
use clouddrive_sql::drive::{FOLDERS_LATERAL, MergeStrategy, levels, page};
use clouddrive_sql::locate::{NAMED_CHILD_LATERAL, at_path, lineages_of_pairs};
use clouddrive_sql::search::{by_grams, by_scan};
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::trees::{LIVE_CHILDREN_LATERAL, entries, limit_plus_one, tree};
use clouddrive_sql::uploads::UploadRow;
use clouddrive_sql::{blob_records, changes, links, sessions, shares, trash, uploads, versions};
use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;
use diesel::{QueryDsl, SelectableHelper};
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// Many users with small folders, and one with a full folder.
const FILL: &str = "
    INSERT INTO users SELECT gen_random_uuid(), 'u' || i, 'u' || i, 'u' || i, 'u' || i, '', NULL, 0
        FROM generate_series(1, 1000) i;
    INSERT INTO drives (id, owner_id, quota_bytes, created_at) SELECT id, id, 0, 0 FROM users;
    INSERT INTO nodes (id, drive_id, kind, name, sort_key, created_by, created_at, modified_at)
        SELECT id, id, 'root', 'drive', 'drive', id, 0, 0 FROM users;
    CREATE TEMP TABLE entry AS
        SELECT gen_random_uuid() AS id, gen_random_uuid() AS version, md5(i::text) AS blob, i, u.id AS parent
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM users) u
        CROSS JOIN LATERAL generate_series(1, CASE WHEN place = 1 THEN 20000 ELSE 10 END) i;
    INSERT INTO blobs (key, store, created_at) SELECT DISTINCT blob, 's', 0 FROM entry;
    INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, order_key, search_key, version_id, created_by,
            created_at, modified_at, size_bytes)
        SELECT id, parent, parent, 'file', 'f' || i, 'f' || i, '\\x01' || convert_to('f' || i, 'UTF8'), 'f' || i, version,
            parent, i, i, i FROM entry;
    INSERT INTO versions (id, node_id, blob_key, size_bytes, media_type, created_by, created_at)
        SELECT version, id, blob, 0, 'a/b', parent, 0 FROM entry;
    ANALYZE";

/// A client of a fresh database filled by `fill`, with the planner settings of the sessions of [`Database`].
async fn planner(fresh: &Fresh, fill: &str) -> Client {
    let database = Database::open(&fresh.options()).await.unwrap();
    let client = fresh.outsider().await;
    fill_in(&database, &client, fill).await;
    plan_as_sessions_do(&client).await;
    client
}

async fn plan_as_sessions_do(client: &Client) {
    let planning: String = DISABLED_PLANNER_SETTINGS.iter().map(|off| format!("; SET {off} = off")).collect();
    client.batch_execute(&format!("SET plan_cache_mode = force_generic_plan{planning}")).await.unwrap();
}

/// Fills a database, and computes the keys of the names.
async fn fill_in(database: &Database, client: &Client, fill: &str) {
    client.batch_execute(fill).await.unwrap();
    while database.refresh(1000).await.unwrap() == 1000 {}
    client.batch_execute("ANALYZE").await.unwrap();
}

/// Checks that each statement uses the index of that name, without sorting.
async fn assert_in_order_of_index<const N: usize>(client: &Client, cases: [(&str, Statement); N]) {
    for (index, statement) in cases {
        let plan = plan(client, &statement).await;
        assert!(plan.contains(index) && !plan.contains("Sort"), "{index}\n{plan}");
    }
}

async fn plan<Q: QueryFragment<Pg>>(client: &Client, statement: &Q) -> String {
    let text = diesel::debug_query::<Pg, _>(statement).to_string();
    let sql = text.split(" -- binds: ").next().unwrap();
    let nothings = vec!["NULL"; sql.matches('$').count()].join(", ");
    let asking = format!("DEALLOCATE ALL; PREPARE asked AS {sql}; EXPLAIN EXECUTE asked ({nothings})");
    let rows = client.simple_query(&asking).await.unwrap();
    let lines = rows.iter().filter_map(|row| match row {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sort_order_is_served_by_an_index() {
    let fresh = Fresh::new().await;
    let client = planner(&fresh, FILL).await;
    let node = NodeId::from_uuid(Uuid::from_u128(1));
    let user = UserId::from_uuid(Uuid::from_u128(2));
    let orders = [
        (SortBy::Name, "nodes_listed_by_name", SortValue::Name(OrderKey::new(&Name::root()))),
        (SortBy::CreatedAt, "nodes_listed_by_created", SortValue::Time(Timestamp::from_millis(0))),
        (SortBy::ModifiedAt, "nodes_listed_by_modified", SortValue::Time(Timestamp::from_millis(0))),
        (SortBy::Size, "nodes_listed_by_size", SortValue::Size(0)),
    ];
    for (by, index, value) in orders {
        let place = |kind| Position { value: value.clone(), kind, id: node };
        for after in [None, Some(place(NodeKind::Folder)), Some(place(NodeKind::File))] {
            for (order, folders_first) in
                [Order::Ascending, Order::Descending].into_iter().flat_map(|order| [(order, false), (order, true)])
            {
                let sort = Sort { by, order, folders_first };
                let statement =
                    page(user.into(), node, sort, after.as_ref(), Limit::default(), MergeStrategy::SortPages);
                let plan = plan(&client, &statement).await;
                assert!(plan.contains(index) && !plan.contains("Hash"), "{sort:?}\n{plan}");
                assert!(!plan.contains("Seq Scan on nodes"), "{sort:?}\n{plan}");
                // Only the merge of two parts, one page of each, is sorted.
                assert!(plan.matches("Sort  ").count() <= 1, "{sort:?}\n{plan}");
                assert!(!plan.contains("Incremental"), "{sort:?}\n{plan}");
            }
        }
    }
}

const OWNER: Uuid = Uuid::from_u128(1);

/// A drive with 11,000 filler names, then 2,500 names with a common word, and a rare one last; other drives have such
/// words too.
const DRIVES: &str = "
    INSERT INTO users SELECT id, id, id, id, id, '', NULL, 0
        FROM (SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid AS id FROM generate_series(1, 200) i) u;
    INSERT INTO drives (id, owner_id, quota_bytes, created_at) SELECT id, id, 0, 0 FROM users;
    INSERT INTO nodes (id, drive_id, kind, name, sort_key, created_by, created_at, modified_at)
        SELECT id, id, 'root', 'drive', 'drive', id, 0, 0 FROM users;
    INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, order_key, search_key, created_by, created_at, modified_at)
        SELECT gen_random_uuid(), u.id, u.id, 'folder', name, name, '\\x01' || convert_to(name, 'UTF8'), name, u.id, 0, 0 FROM (SELECT id FROM users ORDER BY id LIMIT 1) u,
            (SELECT CASE WHEN i <= 11000 THEN 'filler ' || lpad(i::text, 5, '0') WHEN i <= 13500 THEN 'more needles ' || i
                ELSE 'single pin' END AS name FROM generate_series(1, 13501) i) n;
    INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, order_key, search_key, created_by, created_at, modified_at)
        SELECT gen_random_uuid(), u.id, u.id, 'folder', name, name, '\\x01' || convert_to(name, 'UTF8'), name, u.id, 0, 0
        FROM (SELECT id FROM users ORDER BY id OFFSET 1) u, (SELECT 'needles and a single pin ' || i AS name
            FROM generate_series(1, 100) i) n;
    ANALYZE";

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

#[tokio::test(flavor = "multi_thread")]
async fn a_common_word_needs_several_pages_and_a_rare_one_is_found_at_once() {
    let fresh = Fresh::new().await;
    let database = Database::open(&fresh.options()).await.unwrap();
    fill_in(&database, &fresh.outsider().await, DRIVES).await;
    // The first 10,000 names do not match; the rest is few enough for full pages.
    assert_eq!(pages(&database, criteria("needles")).await, [0, 1000, 1000, 500]);
    assert_eq!(pages(&database, criteria("single pin")).await, [1]);
    assert_eq!(pages(&database, criteria("needles 13500")).await, [1]);
    assert_eq!(pages(&database, criteria("nothing")).await, [0]);
    assert_eq!(pages(&database, criteria("fi")).await, [1000; 11]);
    assert_eq!(pages(&database, criteria("si")).await, [1]);
    let all = pages(&database, criteria("filler")).await;
    assert_eq!(all.iter().sum::<usize>(), 11_000, "{all:?}");
}

/// The previous version writes no keys, and does not update those of a name that it changes.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_an_older_version_are_found_at_once_and_get_their_keys() {
    let fresh = Fresh::new().await;
    let database = Database::open(&fresh.options()).await.unwrap();
    let client = fresh.outsider().await;
    fill_in(&database, &client, DRIVES).await;
    let mine = "'00000000-0000-0000-0000-000000000001'::uuid";
    let older = format!(
        "INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, created_by, created_at, modified_at)
            VALUES (gen_random_uuid(), {mine}, {mine}, 'folder', 'Überschrift 10', 'überschrift 10', {mine}, 0, 0);
        UPDATE nodes SET name = 'Another pin', sort_key = 'another pin' WHERE drive_id = {mine} AND name = 'single pin'"
    );
    client.batch_execute(&older).await.unwrap();
    for text in ["überschrift", "er pin"] {
        assert_eq!(pages(&database, criteria(text)).await, [1], "{text}");
    }
    assert_eq!(pages(&database, criteria("single pin")).await, [0]);
    assert_eq!(database.refresh(1).await.unwrap(), 1);
    assert_eq!(database.refresh(500).await.unwrap(), 1);
    assert_eq!(database.refresh(500).await.unwrap(), 0);
    for text in ["uberschrift", "überschrift", "er pin"] {
        assert_eq!(pages(&database, criteria(text)).await, [1], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trashed_nodes_and_their_descendants_are_not_found() {
    let fresh = Fresh::new().await;
    let database = Database::open(&fresh.options()).await.unwrap();
    let client = fresh.outsider().await;
    fill_in(&database, &client, DRIVES).await;
    let mine = "drive_id = '00000000-0000-0000-0000-000000000001'";
    let bin = format!(
        "UPDATE nodes SET parent_id = (SELECT id FROM nodes WHERE name = 'single pin') WHERE name = 'filler 00001';
        UPDATE nodes SET trashed_at = 5 WHERE {mine} AND name IN ('single pin', 'filler 00002')"
    );
    client.batch_execute(&bin).await.unwrap();
    for text in ["single pin", "si", "filler 00001", "filler 00002"] {
        assert_eq!(pages(&database, criteria(text)).await, [0], "{text}");
    }
    client.batch_execute("UPDATE nodes SET trashed_at = NULL").await.unwrap();
    for text in ["single pin", "si", "filler 00001", "filler 00002"] {
        assert_eq!(pages(&database, criteria(text)).await, [1], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_searching_is_served_by_an_index() {
    let fresh = Fresh::new().await;
    let client = planner(&fresh, DRIVES).await;
    let drive = DriveId::from_uuid(OWNER);
    let key = OrderKey::new(&Name::parse("b").unwrap());
    let after = Some(SearchPosition::Own { key, id: NodeId::from_uuid(OWNER) });
    let ways = [
        (by_grams::<Postgres>(drive, &criteria("abc")), "Bitmap Index Scan on nodes_grams"),
        (
            by_grams::<Postgres>(drive, &SearchCriteria { after: after.clone(), ..criteria("abc") }),
            "Bitmap Index Scan on nodes_grams",
        ),
        (by_scan::<Postgres>(drive, &criteria("abc")), "using nodes_of_drive_by_name"),
        (by_scan::<Postgres>(drive, &SearchCriteria { after, ..criteria("abc") }), "using nodes_of_drive_by_name"),
        (by_scan::<Postgres>(drive, &criteria("ab")), "using nodes_of_drive_by_name"),
    ];
    for (statement, index) in ways {
        let plan = plan(&client, &statement).await;
        assert!(plan.contains(index) && !plan.contains("Seq Scan on nodes"), "{index}\n{plan}");
    }
}

/// Searches use keys computed by CloudDrive, so a database with an ASCII-only locale gives the same results.
#[tokio::test(flavor = "multi_thread")]
async fn searches_do_not_depend_on_the_locale() {
    let fresh = Fresh::made(&crate::support::server(), "ENCODING 'UTF8' LOCALE 'C'").await;
    let database = Database::open(&fresh.options()).await.unwrap();
    let store = clouddrive_domain::port::Repositories::from_store(std::sync::Arc::new(database));
    clouddrive_conformance::search::suite(&store).await;
}

/// Many nodes in one trash, many versions of one file, and many unneeded blobs.
const FILL_REMAINS: &str = "
    UPDATE nodes SET trashed_at = created_at WHERE kind = 'file';
    INSERT INTO versions (id, node_id, blob_key, size_bytes, media_type, created_by, created_at, revision)
        SELECT gen_random_uuid(), v.node_id, v.blob_key, 0, 'a/b', v.created_by, i, i
        FROM (SELECT * FROM versions LIMIT 1) v, generate_series(2, 5000) i;
    INSERT INTO blobs (key, store, created_at, unreferenced_at, condemned_at)
        SELECT md5('x' || i), 's', 0, i, CASE WHEN i % 100 = 0 THEN i END FROM generate_series(1, 20000) i;
    INSERT INTO sessions (id, user_id, created_at, expires_at, last_used_at)
        SELECT gen_random_uuid(), u.id, i, 9, i FROM users u, generate_series(1, 20) i;
    INSERT INTO changes (kind, drive_id, request_id, at)
        SELECT 'photo_set', u.id, 'r', 0 FROM users u, generate_series(1, 20) i;
    ANALYZE";

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_and_the_oldest_rows_use_an_index_without_sorting() {
    let fresh = Fresh::new().await;
    let client = planner(&fresh, &format!("{FILL}; {FILL_REMAINS}")).await;
    let (drive, file) = (DriveId::from_uuid(OWNER), NodeId::from_uuid(Uuid::from_u128(1)));
    let (at, limit, store) = (Timestamp::from_millis(5), Limit::default(), StoreName::parse("s").unwrap());
    let trashed = TrashPosition { at, id: file };
    let version = VersionPosition { revision: Revision(7), id: VersionId::from_uuid(Uuid::from_u128(4)) };
    let after = || ("(xid, id) > (?, ?) AND xid <= ?", [0, 0, i64::MAX].map(Parameter::Integer).to_vec());
    let cases = [
        ("nodes_trash", trash::page(drive, None, limit)),
        ("nodes_trash", trash::page(drive, Some(trashed), limit)),
        ("nodes_trash_due", trash::due(at)),
        ("versions_history", versions::page(file, None, limit)),
        ("versions_history", versions::page(file, Some(version), limit)),
        ("blobs_unreferenced", blob_records::unreferenced_blobs(&store, at, 500)),
        ("blobs_condemned", blob_records::marked_for_deletion(&store, 500)),
        ("changes_drive", changes::read("xid, id", after(), Some(drive), "xid, id", 500)),
        ("changes_order", changes::read("xid, id", after(), None, "xid, id", 500)),
    ];
    assert_in_order_of_index(&client, cases).await;
    let listed = plan(&client, &sessions::page(UserId::from_uuid(OWNER), at, None, limit)).await;
    assert!(!listed.contains("Seq Scan on sessions"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_walked_by_an_index() {
    let fresh = Fresh::new().await;
    Database::open(&fresh.options()).await.unwrap();
    let client = fresh.outsider().await;
    plan_as_sessions_do(&client).await;
    // A freshly filled database has not been analyzed yet.
    client.batch_execute(FILL.trim_end_matches("ANALYZE")).await.unwrap();
    assert_trees_are_walked_by_an_index(&client).await;
    client.batch_execute("ANALYZE").await.unwrap();
    assert_trees_are_walked_by_an_index(&client).await;
}

async fn assert_trees_are_walked_by_an_index(client: &Client) {
    let node = NodeId::from_uuid(Uuid::from_u128(1));
    let of_archive = entries("id = ANY (CAST(? AS uuid[]))", LIVE_CHILDREN_LATERAL);
    let of_archive = Statement::new(of_archive, vec![Parameter::Text(format!("{{{node}}}")), limit_plus_one(100)]);
    for statement in [tree(node, LIVE_CHILDREN_LATERAL), of_archive, levels(node, FOLDERS_LATERAL)] {
        let plan = plan(client, &statement).await;
        assert!(plan.contains("on nodes child") && !plan.contains("Seq Scan"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_followed_by_the_index_of_names() {
    let fresh = Fresh::new().await;
    let client = planner(&fresh, FILL).await;
    let path = NodePath::new(vec![Name::parse("a").unwrap(), Name::parse("b").unwrap()]).unwrap();
    let user = UserId::from_uuid(OWNER);
    for (start, index) in
        [(PathStart::OwnRoot, "nodes_root"), (PathStart::Folder(NodeId::from_uuid(OWNER)), "nodes_pkey")]
    {
        let plan = plan(&client, &at_path(start, &path, user.into(), NAMED_CHILD_LATERAL)).await;
        assert!(plan.contains("using nodes_live_name on nodes child") && plan.contains(index), "{plan}");
        assert!(plan.contains("(name = ("), "{plan}");
        assert!(!plan.contains("Seq Scan on nodes") && !plan.contains("Seq Scan on drives"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_several_viewers_are_found_by_their_keys() {
    let fresh = Fresh::new().await;
    let client = planner(&fresh, FILL).await;
    let arrays = vec![Parameter::Text(String::new()), Parameter::Text(String::new())];
    let plan = plan(&client, &Statement::new(lineages_of_pairs(), arrays)).await;
    assert!(plan.contains("using nodes_pkey"), "{plan}");
    for table in ["nodes", "drives", "users", "versions", "blobs"] {
        assert!(!plan.contains(&format!("Seq Scan on {table}")), "{table}\n{plan}");
    }
}

/// Many open uploads, of many senders into many drives, and as many ended ones.
const FILL_UPLOADS: &str = "
    INSERT INTO uploads (id, drive_id, folder_id, sender_id, name, media_type, conflict, blob_key, state, created_at,
            expires_at, ended_at)
        SELECT gen_random_uuid(), u.id, u.id, u.id, 'n', 'a/b', 'fail', md5(u.id::text || i),
            CASE WHEN i <= 20 THEN 'open' ELSE 'aborted' END, i, i, CASE WHEN i > 20 THEN i END
        FROM users u, generate_series(1, 40) i;
    ANALYZE";

#[tokio::test(flavor = "multi_thread")]
async fn open_and_ended_uploads_come_by_indexes() {
    let fresh = Fresh::new().await;
    let client = planner(&fresh, &format!("{FILL}; {FILL_UPLOADS}")).await;
    let (user, at) = (UserId::from_uuid(OWNER), Timestamp::from_millis(5));
    let open = plan(&client, &uploads::page(user, at, None, Limit::default())).await;
    assert!(open.contains("uploads_open_by_sender") && open.contains("uploads_open_by_drive"), "{open}");
    let aborted = plan(&client, &uploads::aborted(at, None, 500)).await;
    assert!(aborted.contains("uploads_ended"), "{aborted}");
    let sent = plan(&client, &uploads::unexpired_of(user, at).count()).await;
    let to_abort = plan(&client, &uploads::open_of(user).select(UploadRow::as_select()).for_update()).await;
    for plan in [&sent, &to_abort] {
        assert!(plan.contains("uploads_open_by_sender"), "{plan}");
    }
    let due = uploads::due(at).limit(500).select(UploadRow::as_select()).for_update().skip_locked();
    let due = plan(&client, &due).await;
    assert!(due.contains("uploads_open_by_expiry"), "{due}");
    for plan in [open, aborted, sent, to_abort, due] {
        assert!(!plan.contains("Seq Scan on uploads") && !plan.contains("Seq Scan on blobs"), "{plan}");
    }
}

/// One user with many shares and links, and many users with a few.
const FILL_SHARES: &str = "
    CREATE TEMP TABLE given AS
        SELECT n.id AS node, n.drive_id AS owner, g.id AS guest, row_number() OVER () AS i
        FROM (SELECT id, drive_id FROM nodes WHERE kind = 'file' ORDER BY id LIMIT 20000) n
        CROSS JOIN (SELECT id FROM users LIMIT 2) g;
    INSERT INTO shares SELECT gen_random_uuid(), node, guest, 'view', owner, i FROM given;
    INSERT INTO links (id, node_id, created_by, token_hash, sealed_token, created_at)
        SELECT gen_random_uuid(), node, owner, decode(md5(i::text), 'hex'), '', i FROM given;
    ANALYZE";

#[tokio::test(flavor = "multi_thread")]
async fn given_shares_and_links_use_an_index_without_sorting() {
    let fresh = Fresh::new().await;
    let client = planner(&fresh, &format!("{FILL}; {FILL_SHARES}")).await;
    let node = NodeId::from_uuid(Uuid::from_u128(1));
    let user = UserId::from_uuid(Uuid::from_u128(2));
    let at = Timestamp::from_millis(0);
    let share = SharePosition { at, id: ShareId::from_uuid(Uuid::from_u128(3)) };
    let link = LinkPosition { at, id: LinkId::from_uuid(Uuid::from_u128(4)) };
    let limit = Limit::default();
    let cases = [
        ("shares_sharer", shares::given(user, None, limit)),
        ("shares_sharer", shares::given(user, Some(share), limit)),
        ("shares_node", shares::of_node(node, None, limit)),
        ("shares_node", shares::of_node(node, Some(share), limit)),
        ("links_maker", links::created_by(user, None, limit)),
        ("links_maker", links::created_by(user, Some(link), limit)),
    ];
    assert_in_order_of_index(&client, cases).await;
    let by_token = plan(&client, &links::find_by_token(&TokenHash::from_bytes([7; 32]))).await;
    assert!(by_token.contains("links_token_hash"), "{by_token}");
    let access = plan(&client, &shares::access(node, at, None, limit)).await;
    for table in ["shares", "links", "nodes"] {
        assert!(!access.contains(&format!("Seq Scan on {table}")), "{access}");
    }
}
