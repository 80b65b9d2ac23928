//! Mutations that wait for the writer are committed together, and each has its own result.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{Action, ChangeKind, ChangePosition, Grant, Located, Name, NodeId};
use clouddrive_domain::port::{ChangeRepository, NodeRepository, Registration};
use clouddrive_domain::{Error, Result};
use clouddrive_sqlite::Database;
use diesel::connection::SimpleConnection;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection};

use crate::support::{command, folder_id, grant, open, outsider, place, register};

/// The number of commits in the write-ahead log, by its format: each one's last frame has the size of the database.
fn commits(database: &Path) -> usize {
    const HEADER: usize = 32;
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    let log = std::fs::read(path).unwrap();
    let bytes = |at: usize, length: usize| log.get(at..at + length).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes(at, 4).try_into().unwrap());
    let frame = 24 + usize::try_from(number(8)).unwrap();
    let frames = (HEADER..).step_by(frame).take_while(|at| at + frame <= log.len());
    // A frame without the salt of the header is from before the log was begun anew.
    frames.filter(|at| bytes(at + 8, 8) == bytes(16, 8) && number(at + 4) > 0).count()
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

fn has_node(other: &mut SqliteConnection, id: NodeId) -> bool {
    let text = format!("SELECT count(*) AS count FROM nodes WHERE id = x'{}'", id.as_uuid().simple());
    diesel::sql_query(text).get_result::<Count>(other).unwrap().count == 1
}

/// The creation of a folder, as it waits.
type Creation = dyn Future<Output = Result<Located>>;

/// Creates a folder named `name` in `root`.
async fn create(database: Database, owner: Registration, root: Grant, id: NodeId, name: String) -> Result<Located> {
    database.create_folder(&command(&owner), &root, id, &Name::parse(&name).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_mutations_share_commits_and_each_gets_its_own_result() {
    const WAITING: u128 = 20;
    let (path, _dir) = place();
    let database = open(&path).await;
    let ann = register(&database, 1).await;
    let root = grant(&database, &ann, ann.root, Action::AddTo).await;
    let mut other = outsider(&path);
    let before = commits(&path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let mut writing: Vec<(NodeId, bool, Pin<Box<Creation>>)> = Vec::new();
    for number in 0..WAITING {
        // Every fourth wants the same name, and the first of these gets it.
        let (name, is_taken) =
            if number % 4 == 3 { ("taken".to_owned(), number > 3) } else { (number.to_string(), false) };
        let id = folder_id(number);
        let mut one = Box::pin(create(database.clone(), ann.clone(), root.clone(), id, name));
        let polled = one.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        writing.push((id, is_taken, one));
    }
    other.batch_execute("COMMIT").unwrap();
    let mut created = Vec::new();
    for (id, is_taken, one) in writing {
        match one.await {
            Ok(made) => {
                assert!(!is_taken && made.node.id == id, "{made:?}");
                // Another connection sees it as soon as its caller has the answer.
                assert!(has_node(&mut other, id));
                created.push(id);
            }
            Err(Error::Conflict(Conflict::NameTaken(taken))) => {
                assert!(is_taken && !has_node(&mut other, id), "{taken:?}");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(created.len(), 16);
    let changes = database.read(None, ChangePosition::default(), 100).await.unwrap().changes;
    let logged: Vec<NodeId> = changes
        .iter()
        .filter(|logged| logged.change.kind == ChangeKind::FolderCreated)
        .filter_map(|logged| logged.change.node)
        .collect();
    assert_eq!(logged, created, "in the order in which they came");
    let home = database.find_user_drive(ann.user.id).await.unwrap().unwrap();
    assert_eq!(home.account.entries.used, 16);
    let commits = commits(&path) - before;
    assert!((1..16).contains(&commits), "{commits} commits");
}
