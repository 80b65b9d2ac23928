//! A drive within a program: the domain's services on the memory adapter, without a server or a database.
use std::sync::Arc;

use bytes::Bytes;
use clouddrive_domain::{Error, model::*, port::*, service::*};
use clouddrive_memory::{AuditLog, Database, ManualClock, MemoryBlobStore, SeededRandom, TestPasswords};
use futures_util::{TryStreamExt, stream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let (random, db) = (Arc::new(SeededRandom::new(7)), Arc::new(Database::new()));
    let store = Arc::new(MemoryBlobStore::new(clock.clone(), random.clone()));
    let context = ServiceContext::new(clock, random.clone(), Arc::new(AuditLog::default()));
    let name = StoreName::parse("memory")?;
    let stores = BlobStores::new(name, store);
    let ended = EndedUploads::new(db.clone(), BlobRemover::new(db.clone(), stores.clone()));
    let passwords = Arc::new(TestPasswords::new(random));
    let accounts = AdministrationService::new(db.clone(), db.clone(), passwords, context.clone());
    let folders = FolderService::new(db.clone(), ended.clone(), context.clone());
    let ports = UploadPorts { drive: db.clone(), uploads: db.clone(), stores: stores.clone(), records: db.clone() };
    let uploads = UploadService::new(ports, context.clone(), UploadSettings::default());
    let ports = SharePorts { drive: db.clone(), shares: db.clone(), users: db.clone() };
    let shares = ShareService::new(ports, ended, Throttling::new(db.clone()), context.clone());
    let ports = FilePorts { drive: db.clone(), contents: Contents::new(stores, db), tags: StoreTags::none() };
    let files = FileService::new(ports, context);
    let request = RequestId::parse("example")?;
    let mut users = Vec::new();
    for (name, email) in [("ann", "ann@example.com"), ("ben", "ben@example.com")] {
        let (username, password) = (Username::parse(name)?, Password::choose("a quiet morning")?);
        let account = accounts.create(&request, username, Email::parse(email)?, &password, (1 << 20, 100)).await?;
        users.push(Actor::embedded(account.user.id, request.clone()));
    }
    let [ann, ben] = <[Actor; 2]>::try_from(users).map_err(|_| "two users")?;
    let letters = folders.create(&ann, None, &Name::parse("Letters")?).await?.node.id;
    folders.create(&ann, Some(letters), &Name::parse("Drafts")?).await?;
    let (name, media_type) = (Name::parse("Dear Ben.txt")?, MediaType::octet_stream());
    let file = FileInfo { name, media_type, sha256: None, client_modified_at: None, conflict: ConflictPolicy::Fail };
    let sent = StreamedFile { folder: Some(letters), file, announced: Some(11) };
    let body = Box::pin(stream::iter([Ok(Bytes::from_static(b"Yours, Ann\n"))]));
    let permit = uploads.admit(&ann, Some(letters), Some(11), None).await?;
    let letter = uploads.receive(&ann, permit, body, async { Ok(sent) }).await?.node.id;
    shares.create(&ann, (NodeKind::Folder, letters), &LoginIdentifier::parse("ben"), Permission::View).await?;
    let listed = folders.list(&ben, letters, &ListQuery::default()).await?.page.items;
    assert!(listed.iter().map(|entry| entry.node.name.as_str()).eq(["Dear Ben.txt", "Drafts"]));
    let text: Vec<Bytes> = files.read(&files.open(&ben, letter).await?, 0..11).await?.try_collect().await?;
    assert_eq!(text.concat(), b"Yours, Ann\n");
    let refused = folders.create(&ben, Some(letters), &Name::parse("Answers")?).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "a share to view is none to add");
    Ok(())
}

#[test]
fn it_shows_what_it_says() {
    main().unwrap();
}
