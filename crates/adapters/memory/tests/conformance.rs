//! The conformance suites of the ports that this crate implements.

use std::sync::Arc;
use std::time::Duration;

use clouddrive_conformance::{blob_records, changes, trash, uploads, users};
use clouddrive_domain::model::{AuditAction, AuditEvent, Command, RequestId, Timestamp, UserId};
use clouddrive_domain::port::{AccountRepository, AuditTrail, Clock, Repositories, UploadRepository};
use clouddrive_memory::{AuditLog, Database, ManualClock, MemoryBlobStore, SeededRandom, TestPasswords};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn database() -> Repositories {
    Repositories::from_store(Arc::new(Database::new()))
}

mod suites {
    use super::{Database, database};

    clouddrive_conformance::persistence! { #[tokio::test] store = database() => &store }
    clouddrive_conformance::probe! { #[tokio::test] store = Database::new() => &store }
}

/// Suites do not interfere with each other, in any order.
#[tokio::test]
async fn one_store_for_all() {
    let store = database();
    blob_records::suite(&store).await;
    uploads::suite(&store).await;
    changes::suite(&store).await;
    users::suite(&store).await;
}

#[tokio::test]
async fn drives_whose_owners_are_gone() {
    let database = Database::new();
    let remove = async |user: UserId| {
        let request = RequestId::parse("remove").unwrap();
        let command = Command { actor: Some(user), at: Timestamp::from_millis(0), request, idempotency_record: None };
        database.delete(&command, user, 0).await.unwrap();
        // As the service does for the uploads that this ends.
        let ended = database.list_aborted(command.at, None, 100).await.unwrap();
        let ended: Vec<_> = ended.into_iter().map(|upload| upload.id).collect();
        database.note_discarded(command.at, &ended).await.unwrap();
    };
    trash::ownerless_suite(&Repositories::from_store(Arc::new(database.clone())), remove).await;
}

/// An empty store, and the random bits that it uses.
fn store() -> (MemoryBlobStore, Arc<SeededRandom>) {
    let random = Arc::new(SeededRandom::new(1));
    (MemoryBlobStore::new(Arc::new(ManualClock::new(NOW)), random.clone()), random)
}

mod stores {
    use std::sync::Arc;

    use super::{ManualClock, MemoryBlobStore, NOW, SeededRandom, TestPasswords, store};
    use clouddrive_conformance::direct_uploads::{GatedServer, Subject};
    use clouddrive_conformance::signed_urls::Subject as Signing;

    fn signing<'a>(store: &'a MemoryBlobStore, random: &'a SeededRandom) -> Signing<'a> {
        Signing { presigner: store, direct: store, random, expires_at: NOW }
    }

    clouddrive_conformance::blobs! { #[tokio::test] (store, random) = store() => &store, &*random }
    clouddrive_conformance::signed_urls! { #[tokio::test] (store, random) = store() => &signing(&store, &random) }
    clouddrive_conformance::url_verifiers! {
        #[tokio::test] (store, random) = store() => &signing(&store, &random), &store
    }
    clouddrive_conformance::part_store! {
        #[tokio::test] (store, random) = store() => &store, &store, &store, &*random
    }
    clouddrive_conformance::direct_uploads! {
        #[tokio::test] (store, random) = store() => &Subject {
            store: &store,
            direct: &store,
            presigner: &store,
            random: &*random,
            wire: &GatedServer { store: &store, parts: &store, verifier: &store, now: NOW },
            now: NOW,
        }
    }
    clouddrive_conformance::passwords! {
        #[tokio::test] passwords = TestPasswords::new(Arc::new(SeededRandom::new(1))) => &passwords
    }
    clouddrive_conformance::clock! { #[tokio::test] clock = ManualClock::new(NOW) => &clock }
    clouddrive_conformance::random! { #[tokio::test] random = SeededRandom::new(1) => &random }
    clouddrive_conformance::probe! { #[tokio::test] (store, _random) = store() => &store }
}

#[test]
fn a_clock_stands_still_until_it_is_advanced() {
    let clock = ManualClock::new(NOW);
    assert_eq!((clock.now(), clock.now()), (NOW, NOW));
    clock.advance(Duration::from_secs(1));
    assert_eq!(clock.now().as_millis(), NOW.as_millis() + 1000);
}

#[test]
fn an_audit_log_keeps_its_events() {
    let (log, request) = (AuditLog::default(), RequestId::parse("request").unwrap());
    let event = AuditEvent { address: None, action: AuditAction::AccountRegistered, actor: None, at: NOW, request };
    log.record(&event);
    assert_eq!(log.events(), [event]);
}
