//! Work of several callers in one transaction.

use std::ops::Range;

use crate::support::fixture::{command, create_folder, folder_id, grant, name, registration};
use crate::support::{Fresh, ask, until};
use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Forbidden};
use clouddrive_domain::model::{
    Action, BlobKey, BlobRef, ConflictPolicy, FileInfo, MediaType, StoreName, Stored, Timestamp, VersionId,
};
use clouddrive_domain::port::{
    BlobRecordRepository, NodeRepository, ReceivedFile, Registration, TrashRepository, UploadRepository, UserRepository,
};
use clouddrive_postgres::Database;
use futures_util::future::{join, join_all};

/// A user whose drive has ample room for entries, without which nothing is created together.
async fn register(database: &Database, number: u128) -> Registration {
    let new = Registration { quota_entries: 1_000_000, ..registration(number) };
    database.register(&command(&new), &new).await.unwrap();
    new
}

async fn opened() -> (Fresh, Database) {
    let fresh = Fresh::new().await;
    let database = Database::open(&fresh.options()).await.unwrap();
    (fresh, database)
}

/// Those that are created together are made or refused each for itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_to_one_undoes_no_other() {
    let (fresh, one) = opened().await;
    let (ann, ben) = (register(&one, 1).await, register(&one, 2).await);
    let (kept, gone) = (folder_id(1_000), folder_id(1_001));
    create_folder(&one, &ann, ann.root, kept, "kept").await.unwrap();
    create_folder(&one, &ann, ann.root, gone, "gone").await.unwrap();
    create_folder(&one, &ann, kept, folder_id(1_002), "5").await.unwrap();
    let into_kept = grant(&one, &ann, kept, Action::AddTo).await;
    let into_gone = grant(&one, &ann, gone, Action::AddTo).await;
    let into_bens = grant(&one, &ben, ben.root, Action::AddTo).await;
    let trashed = grant(&one, &ann, gone, Action::Trash).await;
    one.put(&command(&ann), &trashed, None).await.unwrap();
    let outcomes = join_all((0..30_u128).map(async |number| {
        let (owner, parent) = match number % 3 {
            0 => (&ann, &into_gone),
            1 => (&ben, &into_bens),
            _ => (&ann, &into_kept),
        };
        one.create_folder(&command(owner), parent, folder_id(number), &name(&number.to_string())).await
    }));
    for (number, outcome) in outcomes.await.into_iter().enumerate() {
        match number {
            5 => assert!(matches!(outcome, Err(Error::Conflict(Conflict::NameTaken(_)))), "{outcome:?}"),
            _ if number % 3 == 0 => assert!(matches!(outcome, Err(Error::NotFound)), "{outcome:?}"),
            _ => assert_eq!(outcome.unwrap().node.name, name(&number.to_string())),
        }
    }
    let client = fresh.outsider().await;
    let made = "SELECT count(*) FROM nodes n
        JOIN changes c ON c.node_id = n.id AND c.kind = 'folder_created' AND c.after_name = n.name
        WHERE n.parent_id = '{}'";
    for (folder, count) in [(kept, 10), (gone, 0), (ben.root, 10)] {
        let counts = ask(&client, &made.replace("{}", &folder.to_string())).await;
        assert_eq!(counts, count.to_string(), "{folder}");
    }
    let used =
        async |owner: &Registration| one.find_user_drive(owner.user.id).await.unwrap().unwrap().account.entries.used;
    assert_eq!((used(&ann).await, used(&ben).await), (12, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_on_one_tree_holds_up_no_other_drive() {
    let (fresh, one) = opened().await;
    let (ann, ben) = (register(&one, 1).await, register(&one, 2).await);
    let client = fresh.outsider().await;
    let (high, low) = ann.drive.as_uuid().as_u64_pair();
    let key = (high ^ low).cast_signed();
    client.batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({key})")).await.unwrap();
    let made = async |owner: &Registration, numbers: Range<u128>| {
        let folders = numbers.map(async |number| {
            create_folder(&one, owner, owner.root, folder_id(number), &number.to_string()).await.unwrap();
        });
        join_all(folders).await.len()
    };
    let waiting = made(&ann, 0..4);
    let others = async {
        let others = made(&ben, 10..30).await;
        let waiting = "SELECT count(*) = 4 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        until(&fresh.outsider().await, waiting).await;
        client.batch_execute("COMMIT").await.unwrap();
        others
    };
    assert_eq!(join(waiting, others).await, (4, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_being_taken_holds_up_no_other() {
    let (fresh, one) = opened().await;
    let (ann, ben) = (register(&one, 1).await, register(&one, 2).await);
    let client = fresh.outsider().await;
    let taken = format!(
        "BEGIN; INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, created_by, created_at, modified_at)
            SELECT gen_random_uuid(), drive_id, id, 'folder', '0', '0', created_by, 0, 0 FROM nodes WHERE id = '{}'",
        ann.root
    );
    client.batch_execute(&taken).await.unwrap();
    let made = async |owner: &Registration, numbers: Range<u128>| {
        let folders = numbers.map(async |number| {
            create_folder(&one, owner, owner.root, folder_id(number), &number.to_string()).await.unwrap();
        });
        join_all(folders).await.len()
    };
    let others = async {
        let others = join(made(&ann, 1..10), made(&ben, 10..30)).await;
        until(&fresh.outsider().await, "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted").await;
        client.batch_execute("ROLLBACK").await.unwrap();
        others
    };
    assert_eq!(join(made(&ann, 0..1), others).await, (1, (9, 20)));
}

/// Files of one name, kept beside each other, and folders: all that fits is made, and charged once.
#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_that_come_at_once_are_charged_exactly() {
    let (_fresh, one) = opened().await;
    // With a thousand bytes.
    let ann = register(&one, 1).await;
    let root = grant(&one, &ann, ann.root, Action::AddTo).await;
    let file = async |number: u128| {
        let blob = BlobRef {
            key: BlobKey::parse(&format!("{number:032x}")).unwrap(),
            store: StoreName::parse("test").unwrap(),
        };
        one.record(&blob.key, &blob.store, Timestamp::from_millis(1_000)).await.unwrap();
        let new = ReceivedFile {
            file: folder_id(number),
            version: VersionId::from_uuid(folder_id(number).as_uuid()),
            blob,
            stored: Stored { size: 30, ..Stored::default() },
            info: FileInfo {
                name: name(if number.is_multiple_of(2) { "same" } else { "other" }),
                media_type: MediaType::octet_stream(),
                sha256: None,
                client_modified_at: None,
                conflict: ConflictPolicy::Keep,
            },
            max_versions: 20,
        };
        UploadRepository::create(&one, &command(&ann), &root, &new).await
    };
    let folder = async |number: u128| create_folder(&one, &ann, ann.root, folder_id(number), &number.to_string()).await;
    let (files, folders) = join(join_all((0..40).map(file)), join_all((100..120).map(folder))).await;
    assert!(folders.iter().all(Result::is_ok));
    let (made, refused): (Vec<_>, Vec<_>) = files.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 33);
    for outcome in refused {
        assert!(matches!(outcome, Err(Error::Forbidden(Forbidden::Quota { needed: 30, .. }))), "{outcome:?}");
    }
    let account = one.find_user_drive(ann.user.id).await.unwrap().unwrap().account;
    assert_eq!((account.quota.used, account.entries.used), (990, 53));
}
