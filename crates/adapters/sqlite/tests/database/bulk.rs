//! Bulk work and the single writer, for which all mutations wait.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clouddrive_domain::error::{Forbidden, Refused};
use clouddrive_domain::model::{Action, ConflictPolicy, IdSource, Located, MAX_COPY_NODES, Name, NodeId, Timestamp};
use clouddrive_domain::port::{
    CopyRequest, NameKeyRepository, Purge, Random, Registration, TrashRepository, TreeRepository,
};
use clouddrive_domain::{Error, Result};
use clouddrive_sqlite::Database;
use diesel::connection::SimpleConnection;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection};
use uuid::Uuid;

use crate::support::{command, create_folder, folder_id, grant, open, outsider, place, register};

/// Adds this many folders to a folder of `owner`, as an older server left them: without the keys of their names.
fn fill(path: &Path, owner: &Registration, folder: NodeId, count: u64) {
    let id = |id: Uuid| format!("x'{}'", id.simple());
    let (drive, folder, user) = (id(owner.drive.as_uuid()), id(folder.as_uuid()), id(owner.user.id.as_uuid()));
    let statements = format!(
        "INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, created_by, created_at, modified_at)
            WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
            SELECT randomblob(16), {drive}, {folder}, 'folder', '{count} ' || n, '', {user}, 0, 0 FROM number;
        UPDATE drives SET used_entries = used_entries + {count} WHERE id = {drive};"
    );
    outsider(path).batch_execute(&statements).unwrap();
}

/// Distinct numbers.
struct Numbers(AtomicU64);

impl Random for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().rev().zip(number).for_each(|(byte, digit)| *byte = digit);
    }
}

/// Copies a folder of `owner` into its root.
async fn copy(database: &Database, owner: &Registration, folder: NodeId, name: &str) -> Result<Located> {
    let copy_request = CopyRequest {
        item: grant(database, owner, folder, Action::Read).await,
        to: grant(database, owner, owner.root, Action::AddTo).await,
        name: Some(Name::parse(name).unwrap()),
        conflict: ConflictPolicy::Fail,
        seen: None,
        max_versions: 1,
        ids: IdSource::new(Timestamp::from_millis(1_000), Arc::new(Numbers(AtomicU64::new(0)))),
    };
    database.copy(&command(owner), &copy_request).await.map(|saved| saved.located)
}

/// Counts the rows of `nodes` that are inserted, updated or deleted.
struct Count(SqliteConnection);

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    total: i64,
}

impl Count {
    fn begin(path: &Path) -> Self {
        let mut connection = outsider(path);
        connection
            .batch_execute("CREATE TABLE changed (total INTEGER NOT NULL); INSERT INTO changed VALUES (0);")
            .unwrap();
        for event in ["INSERT", "UPDATE", "DELETE"] {
            let count = "BEGIN UPDATE changed SET total = total + 1; END";
            connection.batch_execute(&format!("CREATE TRIGGER count_{event} AFTER {event} ON nodes {count}")).unwrap();
        }
        Self(connection)
    }

    /// The number since the last call.
    fn take(&mut self) -> i64 {
        let Total { total } = diesel::sql_query("SELECT total FROM changed").get_result(&mut self.0).unwrap();
        self.0.batch_execute("UPDATE changed SET total = 0").unwrap();
        total
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_copy_does_not_use_the_writer() {
    let (path, _dir) = place();
    let database = open(&path).await;
    let ann = register(&database, 1).await;
    create_folder(&database, &ann, folder_id(1), "large").await;
    let mut writer = outsider(&path);
    fill(&path, &ann, folder_id(1), ann.quota_entries / 2);
    writer.batch_execute("BEGIN IMMEDIATE").unwrap();
    let refused = copy(&database, &ann, folder_id(1), "copy").await;
    assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Entries { .. }))), "{refused:?}");
    writer.batch_execute("COMMIT").unwrap();
    fill(&path, &ann, folder_id(1), MAX_COPY_NODES);
    writer.batch_execute("BEGIN IMMEDIATE").unwrap();
    let refused = copy(&database, &ann, folder_id(1), "copy").await;
    assert!(matches!(refused, Err(Error::Refused(Refused::TooManyEntries { .. }))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_transaction_of_bulk_work_changes_a_bounded_number_of_rows() {
    const MOST: u32 = 100;
    // The item itself, and the folders above it.
    const FEW: i64 = 5;
    let (path, _dir) = place();
    let database = open(&path).await;
    let (ann, ben) = (register(&database, 1).await, register(&database, 2).await);
    let large = folder_id(1);
    create_folder(&database, &ann, large, "large").await;
    fill(&path, &ann, large, 250);
    let mut count = Count::begin(&path);
    let (mut rows, mut steps) = (0, 0);
    while database.refresh(MOST).await.unwrap() > 0 {
        let step = count.take();
        assert!(step <= MOST.into(), "{step} rows get their keys at once");
        (rows, steps) = (rows + step, steps + 1);
        create_folder(&database, &ben, folder_id(100 + steps), &format!("{steps}")).await;
        count.take();
    }
    assert_eq!((rows, steps), (250, 3));

    copy(&database, &ann, large, "copy").await.unwrap();
    let rows = count.take();
    assert!((251..=250 + FEW).contains(&rows), "{rows} rows for a copy");
    let item = grant(&database, &ann, large, Action::Trash).await;
    database.put(&command(&ann), &item, None).await.unwrap();
    let rows = count.take();
    assert!((1..=FEW).contains(&rows), "{rows} rows for a deletion");

    let item = grant(&database, &ann, large, Action::Purge).await;
    database.begin_purge(&command(&ann), &item, None).await.unwrap();
    let rows = count.take();
    assert!((1..=FEW).contains(&rows), "{rows} rows to begin a purge");
    let (mut removed, mut steps) = (0, 0);
    loop {
        let step = database.purge(&command(&ann), Purge::Of(ann.drive, large), MOST).await.unwrap();
        let rows = count.take();
        // Each step removes up to that many rows, and marks as many for the next.
        assert!(rows <= 2 * i64::from(MOST), "{rows} rows are purged at once");
        (removed, steps) = (removed + step.removed, steps + 1);
        create_folder(&database, &ben, folder_id(200 + steps), &format!("purge {steps}")).await;
        count.take();
        if !step.more {
            break;
        }
    }
    assert!(removed == 251 && steps >= 3, "{removed} in {steps} steps");
}
