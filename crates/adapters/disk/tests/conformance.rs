//! Runs the conformance suites of the ports that this crate implements.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::atomic::{AtomicU64, Ordering};

use clouddrive_conformance::signed_urls;
use clouddrive_disk::{DiskStore, DiskUploads, DiskUrls};
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::Random;
use tempfile::TempDir;

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

/// An empty store, and its directory, which must outlive it.
fn open(below: &str) -> (TempDir, DiskStore) {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().join(below)).unwrap();
    (root, store)
}

mod on_one_thread {
    use super::{Counting, open};

    clouddrive_conformance::blobs! { #[tokio::test] (_root, store) = open("") => &store, &Counting::default() }
}

mod on_many_threads {
    use super::{Counting, open};

    clouddrive_conformance::blobs! {
        #[tokio::test(flavor = "multi_thread")] (_root, store) = open("made/on/the/way") => &store, &Counting::default()
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A store, and all that makes and takes its URLs.
struct Signing {
    _root: TempDir,
    store: DiskStore,
    urls: DiskUrls,
    direct: DiskUploads,
    random: Counting,
}

impl Signing {
    fn new() -> Self {
        let (_root, store) = open("");
        let urls = DiskUrls::new("http://127.0.0.1:8000", [7; 32]);
        let direct = DiskUploads::new(store.clone(), urls.clone());
        Self { _root, store, urls, direct, random: Counting::default() }
    }

    fn urls(&self) -> signed_urls::Subject<'_> {
        signed_urls::Subject { presigner: &self.urls, direct: &self.direct, random: &self.random, expires_at: NOW }
    }
}

mod by_url {
    use super::{NOW, Signing};
    use clouddrive_conformance::direct_uploads::{GatedServer, Subject};

    clouddrive_conformance::signed_urls! { #[tokio::test] disk = Signing::new() => &disk.urls() }
    clouddrive_conformance::url_verifiers! { #[tokio::test] disk = Signing::new() => &disk.urls(), &disk.urls }
    clouddrive_conformance::part_store! {
        #[tokio::test] disk = Signing::new() => &disk.store, &disk.store, &disk.direct, &disk.random
    }
    clouddrive_conformance::direct_uploads! {
        #[tokio::test] disk = Signing::new() => &Subject {
            store: &disk.store,
            direct: &disk.direct,
            presigner: &disk.urls,
            random: &disk.random,
            wire: &GatedServer { store: &disk.store, parts: &disk.store, verifier: &disk.urls, now: NOW },
            now: NOW,
        }
    }
}

clouddrive_conformance::probe! { #[tokio::test] (_root, store) = open("") => &store }
