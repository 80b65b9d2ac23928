//! Runs the conformance suites of the ports that this crate implements.

use std::sync::atomic::{AtomicU64, Ordering};

use clouddrive_conformance::direct_uploads::{Case, GatedServer};
use clouddrive_conformance::{blobs, direct_uploads, effects, signed_urls};
use clouddrive_disk::{DiskStore, DiskUploads, DiskUrls};
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::Random;

/// Numbers that never repeat, which is enough for keys in an empty store.
#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = number.get(at).copied().unwrap_or(0xA5);
        }
    }
}

#[tokio::test]
async fn blobs_on_one_thread() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().to_owned()).unwrap();
    blobs::suite(&store, &Counting::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_on_many_threads() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().join("made/on/the/way")).unwrap();
    blobs::suite(&store, &Counting::default()).await;
}

#[tokio::test]
async fn urls() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().to_owned()).unwrap();
    let urls = DiskUrls::new("http://127.0.0.1:8000", [7; 32]);
    let direct = DiskUploads::new(store, urls.clone());
    signed_urls::verifier_suite(&urls, &direct, &urls, &Counting::default()).await;
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[tokio::test]
async fn uploads_by_url() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().to_owned()).unwrap();
    let urls = DiskUrls::new("http://127.0.0.1:8000", [7; 32]);
    let direct = &DiskUploads::new(store.clone(), urls.clone());
    let wire = &GatedServer { store: &store, parts: &store, gate: &urls, now: NOW };
    let random = &Counting::default();
    direct_uploads::suite(&Case { store: &store, direct, presigner: &urls, random, wire, now: NOW }).await;
    direct_uploads::part_store_suite(&store, &store, direct, random).await;
}

#[tokio::test]
async fn a_disk_that_works_says_so() {
    let root = tempfile::tempdir().unwrap();
    effects::probe_suite(&DiskStore::open(root.path().to_owned()).unwrap()).await;
}
