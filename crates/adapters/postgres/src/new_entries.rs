//! Creating files and folders, those of several callers in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use clouddrive_domain::model::{
    ChangeKind, Charge, Command, CommandOutcome, ConflictPolicy, DriveId, Grant, Located, Name, NodeBody, NodeId,
    OrderKey, Timestamp, UserId, UserRef, Viewer, check_depth,
};
use clouddrive_domain::port::ReceivedFile;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::{crc32, digest, etag};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::{NameConflict, NewNode};
use clouddrive_sql::schema::users;
use clouddrive_sql::types::{DbId, Id, bytes};
use diesel::QueryableByName;
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::try_join4;

use crate::Database;
use crate::arrays::{ArrayStatement, Values};
use crate::batch::Batched;
use crate::blob_records::require_usable;
use crate::error::serialization_failure;
use crate::idempotency_records::store_response;
use crate::locate::find_pairs;
use crate::quota::{charge_quota, counting, drives_with_ample_room, share_counts};
use crate::reach::raise_reach;
use crate::transaction::{TxMode, pipeline, tree_key};

/// A file or folder to be created.
#[derive(Clone)]
pub(crate) struct NewEntry {
    pub(crate) command: Command,
    pub(crate) parent: Grant,
    pub(crate) body: NewBody,
}

#[derive(Clone)]
pub(crate) enum NewBody {
    Folder(NodeId, Name),
    File(Box<ReceivedFile>),
}

/// What became of one entry of a batch.
pub(crate) enum Outcome {
    /// It was made.
    Made(Box<Located>),
    /// Nothing was made.
    Refused(SqlError),
    /// Nothing was made: it needs a transaction of its own, to wait for a lock, to use room that is not ample, or since
    /// its name is taken and that is not an error.
    Alone,
}

impl Batched for NewEntry {
    type Output = Outcome;

    const MODE: TxMode = TxMode::Batch;

    async fn run(connection: &AsyncPgConnection, items: &[Self]) -> Result<Vec<Outcome>, SqlError> {
        create(connection, items, Run::Together).await
    }

    fn after_rollback() -> Option<Outcome> {
        Some(Outcome::Alone)
    }
}

impl Database {
    /// Creates an entry together with others; `None` if it needs a transaction of its own.
    pub(crate) async fn create_with_others(&self, new: &NewEntry) -> Result<Option<Located>, SqlError> {
        // A response that cannot be stored undoes its whole transaction.
        if new.command.idempotency_record.is_some() {
            return Ok(None);
        }
        match self.new_entries.run(self, new.clone()).await? {
            Outcome::Made(made) => Ok(Some(*made)),
            Outcome::Refused(error) => Err(error),
            Outcome::Alone => Ok(None),
        }
    }

    /// Creates a folder.
    pub(crate) async fn create_folder(&self, new: &NewEntry) -> Result<Located, SqlError> {
        if let Some(made) = self.create_with_others(new).await? {
            return Ok(made);
        }
        let (mode, new) = (TxMode::WriteInTree(new.parent.drive()), new.clone());
        self.run(mode, async move |connection: &AsyncPgConnection| create_alone(connection, &new).await).await
    }
}

async fn create_alone(connection: &AsyncPgConnection, new: &NewEntry) -> Result<Located, SqlError> {
    match create(connection, std::slice::from_ref(new), Run::Alone).await?.pop() {
        Some(Outcome::Made(made)) => {
            store_response(connection, &new.command, CommandOutcome::Made(&made)).await?;
            Ok(*made)
        }
        Some(Outcome::Refused(error)) => Err(error),
        Some(Outcome::Alone) | None => Err(Error::internal("database", "an entry without an outcome").into()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    /// With others, without waiting for the locks on their trees.
    Together,
    /// In a transaction that has the lock on the tree.
    Alone,
}

/// An entry that may be created, with its parent as its creator sees it.
type Admitted<'a> = (&'a NewEntry, Located);

async fn create(connection: &AsyncPgConnection, new: &[NewEntry], run: Run) -> Result<Vec<Outcome>, SqlError> {
    let seen = Seen::read(connection, new).await?;
    let mut admitted: Vec<Admitted<'_>> = Vec::with_capacity(new.len());
    let mut outcomes: HashMap<NodeId, Outcome> = HashMap::with_capacity(new.len());
    for (entry, found) in new.iter().zip(seen.parents) {
        let drive = entry.parent.drive();
        if run == Run::Together && !(seen.locked.contains(&drive) && seen.ample.contains(&drive)) {
            outcomes.insert(entry.id(), Outcome::Alone);
            continue;
        }
        match entry.admit(found) {
            Ok(parent) => admitted.push((entry, parent)),
            Err(error) => drop(outcomes.insert(entry.id(), Outcome::Refused(error.into()))),
        }
    }
    let made = insert(connection, &admitted, &seen.ample).await?;
    for (entry, parent) in admitted {
        let outcome = if made.contains(&entry.id()) {
            let creator = entry.creator(&seen.usernames);
            Outcome::Made(Box::new(entry.node().located(parent, creator, entry.node_body(), entry.command.at)))
        } else {
            entry.name_taken()
        };
        outcomes.insert(entry.id(), outcome);
    }
    Ok(new.iter().filter_map(|entry| outcomes.remove(&entry.id())).collect())
}

impl NewEntry {
    const fn file(&self) -> Option<&ReceivedFile> {
        match &self.body {
            NewBody::Folder(..) => None,
            NewBody::File(file) => Some(file),
        }
    }

    const fn id(&self) -> NodeId {
        match &self.body {
            NewBody::Folder(id, _) => *id,
            NewBody::File(file) => file.file,
        }
    }

    const fn name(&self) -> &Name {
        match &self.body {
            NewBody::Folder(_, name) => name,
            NewBody::File(file) => &file.info.name,
        }
    }

    fn node(&self) -> NewNode<'_> {
        NewNode {
            id: self.id(),
            drive: self.parent.drive(),
            parent: self.parent.node().id,
            name: self.name(),
            content: self.file().map(|file| (file.version, file.stored.size)),
        }
    }

    fn node_body(&self) -> NodeBody {
        self.file().map_or(NodeBody::Folder, |file| NodeBody::File(file.content(None, self.command.at)))
    }

    /// The parent, authorised by what this transaction sees.
    fn admit(&self, found: Option<Located>) -> Result<Located> {
        let parent = self.parent.renew(found)?.into_located();
        if self.file().is_none() {
            check_depth(parent.depth_of_child_folder(), 0)?;
        }
        Ok(parent)
    }

    fn is_guests(&self) -> bool {
        self.parent.located().owner.id != self.parent.actor()
    }

    fn creator(&self, usernames: &HashMap<UserId, String>) -> UserRef {
        let id = self.parent.actor();
        if self.is_guests() {
            return UserRef { id, username: usernames.get(&id).cloned() };
        }
        self.parent.located().owner.clone()
    }

    fn name_taken(&self) -> Outcome {
        match self.file().map(|file| file.info.conflict) {
            None | Some(ConflictPolicy::Fail) => Outcome::Refused(
                NameConflict {
                    folder: self.parent.node().id,
                    name: self.name().clone(),
                    kind: self.node().kind(),
                    existing: None,
                }
                .into(),
            ),
            Some(ConflictPolicy::Replace | ConflictPolicy::Keep) => Outcome::Alone,
        }
    }

    /// What it takes of the quota.
    fn charge(&self) -> Charge {
        Charge { stored: self.file().map_or(0, |file| file.stored.size), entries: 1, ..Charge::default() }
    }
}

/// What a transaction sees before it creates entries.
struct Seen {
    /// The drives with a lock on their trees.
    locked: HashSet<DriveId>,
    /// The parent of each entry, as its creator sees it.
    parents: Vec<Option<Located>>,
    /// The drives with ample room for entries, and with room for the bytes of these.
    ample: HashSet<DriveId>,
    /// The names of the creators that do not own the drive.
    usernames: HashMap<UserId, String>,
}

impl Seen {
    async fn read(connection: &AsyncPgConnection, new: &[NewEntry]) -> Result<Self, SqlError> {
        let mut sizes: BTreeMap<DriveId, u64> = BTreeMap::new();
        for entry in new {
            *sizes.entry(entry.parent.drive()).or_default() += entry.charge().stored;
        }
        let drives: Vec<DriveId> = sizes.keys().copied().collect();
        let pairs: Vec<(NodeId, Viewer)> =
            new.iter().map(|entry| (entry.parent.node().id, entry.parent.actor().into())).collect();
        let (locked, parents, ample, usernames) = try_join4(
            // First, so that the other statements see what was committed before the locks were granted.
            try_lock_trees(connection, &drives),
            find_pairs(connection, &pairs),
            drives_with_ample_room(connection, &sizes),
            usernames(connection, new),
        )
        .await?;
        Ok(Self { locked, parents, ample, usernames })
    }
}

#[derive(QueryableByName)]
struct LockRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Takes the shared locks on the trees of `drives` that are free, and returns the drives. It does not wait: a lock that
/// one caller waits for would hold up the others, and locks taken one after the other could deadlock.
async fn try_lock_trees(mut connection: &AsyncPgConnection, drives: &[DriveId]) -> Result<HashSet<DriveId>, SqlError> {
    let text = "SELECT id, pg_try_advisory_xact_lock_shared(key) AS locked FROM unnest(?, ?) AS tree (id, key)";
    let keys = Values::integers(drives.iter().map(|drive| tree_key(*drive)));
    let statement = ArrayStatement::with_parameters(text, vec![Values::ids(drives.iter().copied()), keys]);
    let rows: Vec<LockRow> = statement.load(&mut connection).await?;
    Ok(rows.into_iter().filter(|row| row.locked).map(|row| row.id.into()).collect())
}

async fn usernames(mut connection: &AsyncPgConnection, new: &[NewEntry]) -> Result<HashMap<UserId, String>, SqlError> {
    let guests: HashSet<DbId> =
        new.iter().filter(|entry| entry.is_guests()).map(|entry| entry.parent.actor().into()).collect();
    if guests.is_empty() {
        return Ok(HashMap::new());
    }
    let named = users::table.filter(users::id.eq_any(guests)).select((users::id, users::username));
    let rows: Vec<(DbId, String)> = named.load(&mut connection).await?;
    Ok(rows.into_iter().map(|(id, username)| (id.into(), username)).collect())
}

#[derive(QueryableByName)]
struct MadeRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    /// Whether its blob may be referred to, if it is a file.
    #[diesel(sql_type = Bool)]
    usable: bool,
    #[diesel(sql_type = Bool)]
    counted: bool,
}

/// Inserts the entries whose names are free, and charges their drives; returns which were inserted.
async fn insert(
    connection: &AsyncPgConnection,
    entries: &[Admitted<'_>],
    ample: &HashSet<DriveId>,
) -> Result<HashSet<NodeId>, SqlError> {
    if entries.is_empty() {
        return Ok(HashSet::new());
    }
    // Drives that get only folders, which are counted apart.
    let mut counted: HashSet<DriveId> = entries.iter().map(|(entry, _)| entry.parent.drive()).collect();
    counted.retain(|drive| ample.contains(drive));
    for (entry, _) in entries.iter().filter(|(entry, _)| entry.file().is_some()) {
        counted.remove(&entry.parent.drive());
    }
    let mut rows = Vec::new();
    pipeline([
        share_counts(connection, &counted).boxed(),
        raise_reach(connection, reach_of_parents(entries)).boxed(),
        insert_rows(connection, entries, &counted, &mut rows).boxed(),
    ])
    .await?;
    let rows: HashMap<NodeId, MadeRow> = rows.into_iter().map(|row| (row.id.into(), row)).collect();
    let mut charges: BTreeMap<DriveId, Charge> = BTreeMap::new();
    for (entry, _) in entries {
        let Some(row) = rows.get(&entry.id()) else { continue };
        require_usable(usize::from(row.usable))?;
        if !counted.contains(&entry.parent.drive()) {
            let (sum, charge) = (charges.entry(entry.parent.drive()).or_default(), entry.charge());
            sum.stored += charge.stored;
            sum.entries += charge.entries;
        } else if !row.counted {
            return Err(serialization_failure("a drive no longer has ample room").into());
        }
    }
    // Last, to lock the drives' counters as briefly as possible, and in one order, so that two transactions cannot
    // deadlock.
    for (drive, charge) in charges {
        charge_quota(connection, drive, charge).await?;
    }
    Ok(rows.into_keys().collect())
}

/// Inserts the rows of the entries whose names are free, with their versions and log entries, touches their parents,
/// and counts them in the drives of `counted`. The unique index decides. The rows are inserted in the order of their
/// names, so that two transactions with the same names cannot deadlock.
///
/// A parent whose row another transaction has is not touched, since that one mostly does: no transaction waits here.
async fn insert_rows(
    mut connection: &AsyncPgConnection,
    entries: &[Admitted<'_>],
    counted: &HashSet<DriveId>,
    made: &mut Vec<MadeRow>,
) -> Result<(), SqlError> {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let counting = counting();
        let [folder_created, file_created] =
            [ChangeKind::FolderCreated, ChangeKind::FileCreated].map(ChangeKind::as_str);
        format!(
            "WITH new AS (
                SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS new (id, drive_id,
                    parent_id, name, sort_key, order_key, search_key, created_by, at, request_id, version_id,
                    size_bytes, blob_key, sha256, etag, crc32, media_type, client_modified_at)
            ), made AS (
                INSERT INTO nodes (id, drive_id, parent_id, kind, name, sort_key, order_key, search_key, size_bytes,
                    version_id, created_by, created_at, modified_at)
                SELECT id, drive_id, parent_id, CASE WHEN version_id IS NULL THEN 'folder' ELSE 'file' END, name,
                    sort_key, order_key, search_key, size_bytes, version_id, created_by, at, at
                FROM new ORDER BY parent_id, name COLLATE \"C\"
                ON CONFLICT (parent_id, name) WHERE trashed_at IS NULL DO NOTHING
                RETURNING id, drive_id, parent_id, version_id, created_at
            ), content AS (
                INSERT INTO versions (id, node_id, blob_key, size_bytes, media_type, client_modified_at, created_by,
                    created_at, revision)
                SELECT new.version_id, new.id, new.blob_key, new.size_bytes, new.media_type, new.client_modified_at,
                    new.created_by, new.at, 1
                FROM new JOIN made ON made.id = new.id WHERE new.version_id IS NOT NULL
            ), referenced AS (
                UPDATE blobs SET unreferenced_at = NULL, size_bytes = new.size_bytes, sha256 = new.sha256,
                    etag = new.etag, crc32 = new.crc32
                FROM new JOIN made ON made.id = new.id
                WHERE blobs.key = new.blob_key AND blobs.condemned_at IS NULL
                RETURNING new.id
            ), logged AS (
                INSERT INTO changes (kind, drive_id, node_id, actor_id, request_id, at, after_parent_id, after_name,
                    after_revision, after_version_id)
                SELECT CASE WHEN new.version_id IS NULL THEN '{folder_created}' ELSE '{file_created}' END,
                    new.drive_id, new.id, new.created_by, new.request_id, new.at, new.parent_id, new.name, 1,
                    new.version_id
                FROM new JOIN made ON made.id = new.id
            ), touched AS (
                UPDATE nodes SET modified_at = folder.at FROM (
                    SELECT parent.id, made.at
                    FROM (SELECT parent_id, max(created_at) AS at FROM made GROUP BY parent_id) AS made
                    JOIN nodes parent ON parent.id = made.parent_id
                    WHERE parent.kind = 'folder' AND parent.modified_at < made.at
                        OR parent.kind = 'root' AND parent.modified_at < made.at / 1000 * 1000
                    FOR NO KEY UPDATE OF parent SKIP LOCKED
                ) AS folder WHERE nodes.id = folder.id
            ), counted AS (
                {counting}
            )
            SELECT id, version_id IS NULL OR id IN (SELECT id FROM referenced) AS usable,
                drive_id IN (SELECT drive_id FROM counted) AS counted
            FROM made"
        )
    });
    let new = || entries.iter().map(|(entry, _)| *entry);
    let files = || new().map(NewEntry::file);
    let names = || new().map(NewEntry::name);
    let times = || new().map(|entry| entry.command.at.as_millis());
    let media_type = |file: &ReceivedFile| file.info.media_type.resolve(None, &file.info.name).as_str().to_owned();
    let arrays = vec![
        Values::ids(new().map(NewEntry::id)),
        Values::ids(new().map(|entry| entry.parent.drive())),
        Values::ids(new().map(|entry| entry.parent.node().id)),
        Values::texts(names().map(|name| Some(name.as_str()))),
        Values::texts(names().map(|name| Some(name.sort_key()))),
        Values::Binaries(names().map(|name| Some(OrderKey::new(name).as_bytes().to_vec())).collect()),
        Values::texts(names().map(|name| Some(name.search_key()))),
        Values::ids(new().map(|entry| entry.parent.actor())),
        Values::Integers(times().map(Some).collect()),
        Values::texts(new().map(|entry| Some(entry.command.request.as_str()))),
        Values::Ids(files().map(|file| file.map(|file| file.version.into())).collect()),
        Values::Integers(files().map(|file| Some(file.map_or(0, |file| bytes(file.stored.size)))).collect()),
        Values::texts(files().map(|file| file.map(|file| file.blob.key.as_str()))),
        Values::Binaries(files().map(|file| digest(file?.stored.sha256)).collect()),
        Values::texts(files().map(|file| etag(file?.stored.tag.as_ref()))),
        Values::Integers(files().map(|file| crc32(file?.stored.crc32)).collect()),
        Values::texts(files().map(|file| file.map(media_type))),
        Values::Integers(files().map(|file| file?.info.client_modified_at.map(Timestamp::as_millis)).collect()),
        Values::ids(counted.iter().copied()),
    ];
    *made = ArrayStatement::with_parameters(TEXT.as_str(), arrays).load(&mut connection).await?;
    Ok(())
}

/// The reach that the parents of folders and their ancestors have at least with these.
fn reach_of_parents(entries: &[Admitted<'_>]) -> BTreeMap<NodeId, u32> {
    let mut needed: BTreeMap<NodeId, u32> = BTreeMap::new();
    for (_, parent) in entries.iter().filter(|(entry, _)| entry.file().is_none()) {
        for (step, levels) in parent.lineage.iter().zip(1..) {
            let reach = needed.entry(step.id).or_default();
            *reach = levels.max(*reach);
        }
    }
    needed
}
