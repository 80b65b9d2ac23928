//! The conformance suites of the ports that this crate implements.

use std::sync::Arc;
use std::time::Duration;

use clouddrive_conformance::direct_uploads::{Case, GatedServer};
use clouddrive_conformance::{
    Persistence, accounts, blob_records, blobs, changes, direct_uploads, drive, effects, idempotency_records, jobs,
    link_downloads, links, name_keys, passwords, search, sessions, shares, signed_urls, task_leases, throttle, trash,
    trees, uploads, users, versions,
};
use clouddrive_domain::model::{AuditAction, AuditEvent, Command, RequestId, Timestamp, UserId};
use clouddrive_domain::port::{AccountRepository, AuditTrail, Clock};
use clouddrive_memory::{AuditLog, Database, ManualClock, MemoryStore, SeededRandom, TestPasswords};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

macro_rules! suites {
    ($($port:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $port() {
            $port::suite(&Persistence::from_store(Arc::new(Database::new()))).await;
        }
    )+};
}

suites!(
    users,
    sessions,
    drive,
    uploads,
    shares,
    blob_records,
    changes,
    idempotency_records,
    task_leases,
    jobs,
    links,
    name_keys,
    link_downloads,
    search,
    trees,
    trash,
    versions,
    accounts,
    throttle
);

/// Suites do not interfere with each other, in any order.
#[tokio::test]
async fn one_store_for_all() {
    let store = Persistence::from_store(Arc::new(Database::new()));
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
    };
    trash::ownerless_suite(&Persistence::from_store(Arc::new(database.clone())), remove).await;
}

/// An empty store, and the random bits that it uses.
fn store() -> (MemoryStore, Arc<SeededRandom>) {
    let random = Arc::new(SeededRandom::new(1));
    (MemoryStore::new(Arc::new(ManualClock::new(NOW)), random.clone()), random)
}

#[tokio::test]
async fn blobs_in_memory() {
    let (store, random) = store();
    blobs::suite(&store, &*random).await;
}

#[tokio::test]
async fn urls() {
    let (store, random) = store();
    signed_urls::verifier_suite(&store, &store, &store, &*random).await;
}

#[tokio::test]
async fn uploads_by_url() {
    let (store, random) = store();
    let wire = &GatedServer { store: &store, parts: &store, gate: &store, now: NOW };
    let case = Case { store: &store, direct: &store, presigner: &store, random: &*random, wire, now: NOW };
    direct_uploads::suite(&case).await;
    direct_uploads::part_store_suite(&store, &store, &store, &*random).await;
}

#[tokio::test]
async fn what_works_says_so() {
    effects::probe_suite(&Database::new()).await;
    effects::probe_suite(&store().0).await;
}

#[tokio::test]
async fn effects() {
    effects::clock_suite(&ManualClock::new(NOW));
    effects::random_suite(&SeededRandom::new(1));
    passwords::suite(&TestPasswords::new(Arc::new(SeededRandom::new(1)))).await;
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
