//! How the server answers what is asked of it, by plans that know nothing of the parameters.

use crate::support::Fresh;
use clouddrive_domain::model::{
    Limit, LinkId, LinkPosition, Name, NodeId, Order, Position, ShareId, SharePosition, Sort, SortBy, SortValue,
    Timestamp, TokenHash, UserId,
};
use clouddrive_postgres::Database;
use clouddrive_sql::drive::page;
use clouddrive_sql::statement::Statement;
use clouddrive_sql::{links, shares};
use diesel::pg::Pg;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// Users, of whom one has a full folder beside many small ones.
const FILL: &str = "
    INSERT INTO users SELECT gen_random_uuid(), 'u' || i, 'u' || i, 'u' || i, 'u' || i, '', NULL, 0
        FROM generate_series(1, 1000) i;
    INSERT INTO drives (id, owner_id, quota_bytes, created_at) SELECT id, id, 0, 0 FROM users;
    INSERT INTO nodes (id, drive_id, kind, name, sort_key, created_by, created_at, modified_at)
        SELECT id, id, 'root', '', '', id, 0, 0 FROM users;
    CREATE TEMP TABLE entry AS
        SELECT gen_random_uuid() AS id, gen_random_uuid() AS version, md5(i::text) AS blob, i, u.id AS parent
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM users) u
        CROSS JOIN LATERAL generate_series(1, CASE WHEN place = 1 THEN 20000 ELSE 10 END) i;
    INSERT INTO blobs (key, store, created_at) SELECT DISTINCT blob, 's', 0 FROM entry;
    INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, version_id, created_by, created_at, modified_at,
            size_bytes)
        SELECT id, parent, parent, 'file', 'f' || i, 'f' || i, version, parent, i, i, i FROM entry;
    INSERT INTO versions (id, node_id, blob_key, size_bytes, media_type, created_by, created_at)
        SELECT version, id, blob, 0, 'a/b', parent, 0 FROM entry;
    ANALYZE";

async fn plan(client: &Client, statement: &Statement) -> String {
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
async fn every_sort_order_is_served_by_an_index_without_sorting() {
    let fresh = Fresh::new().await;
    Database::open(&fresh.options()).await.unwrap();
    let client = fresh.outsider().await;
    let node = NodeId::from_uuid(Uuid::from_u128(1));
    let user = UserId::from_uuid(Uuid::from_u128(2));
    client.batch_execute(&format!("{FILL}; SET plan_cache_mode = force_generic_plan")).await.unwrap();
    let orders = [
        (SortBy::Name, "nodes_by_name", SortValue::Name(Name::of_root())),
        (SortBy::CreatedAt, "nodes_by_created", SortValue::Time(Timestamp::from_millis(0))),
        (SortBy::ModifiedAt, "nodes_by_modified", SortValue::Time(Timestamp::from_millis(0))),
        (SortBy::Size, "nodes_by_size", SortValue::Size(0)),
    ];
    for (by, index, value) in orders {
        let position = Position { value, id: node };
        for (order, after) in [
            (Order::Ascending, None),
            (Order::Descending, None),
            (Order::Ascending, Some(&position)),
            (Order::Descending, Some(&position)),
        ] {
            let statement = page(user.into(), node, Sort { by, order }, after, Limit::default());
            let plan = plan(&client, &statement).await;
            let sorted = plan.contains("Sort") || plan.contains("Hash");
            assert!(plan.contains(index) && !sorted, "{by:?} {order:?}\n{plan}");
        }
    }
}

/// Somebody who has shared and linked many things, beside many who have a few.
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
async fn what_somebody_has_given_comes_by_an_index_without_sorting() {
    let fresh = Fresh::new().await;
    Database::open(&fresh.options()).await.unwrap();
    let client = fresh.outsider().await;
    client.batch_execute(&format!("{FILL}; {FILL_SHARES}; SET plan_cache_mode = force_generic_plan")).await.unwrap();
    let node = NodeId::from_uuid(Uuid::from_u128(1));
    let user = UserId::from_uuid(Uuid::from_u128(2));
    let at = Timestamp::from_millis(0);
    let share = SharePosition { at, id: ShareId::from_uuid(Uuid::from_u128(3)) };
    let link = LinkPosition { at, id: LinkId::from_uuid(Uuid::from_u128(4)) };
    let limit = Limit::default();
    for (index, statement) in [
        ("shares_sharer", shares::given(user, None, limit)),
        ("shares_sharer", shares::given(user, Some(share), limit)),
        ("shares_node", shares::of_node(node, None, limit)),
        ("shares_node", shares::of_node(node, Some(share), limit)),
        ("links_maker", links::made(user, None, limit)),
        ("links_maker", links::made(user, Some(link), limit)),
    ] {
        let plan = plan(&client, &statement).await;
        assert!(plan.contains(index) && !plan.contains("Sort"), "{index}\n{plan}");
    }
    let by_token = plan(&client, &links::find_by_token(&TokenHash::from_bytes([7; 32]))).await;
    assert!(by_token.contains("links_token_hash"), "{by_token}");
    let access = plan(&client, &shares::access(node, at, None, limit)).await;
    for table in ["shares", "links", "nodes"] {
        assert!(!access.contains(&format!("Seq Scan on {table}")), "{access}");
    }
}
