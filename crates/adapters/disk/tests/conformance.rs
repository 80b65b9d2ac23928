//! The suites of the ports that this crate implements.

use std::sync::atomic::{AtomicU64, Ordering};

use clouddrive_conformance::{blobs, signed_urls};
use clouddrive_disk::{DiskStore, DiskUrls};
use clouddrive_domain::port::Random;

/// Numbers that never come twice: all that keys in an empty store need.
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

#[test]
fn urls() {
    let urls = DiskUrls::new("http://127.0.0.1:8000", [7; 32]);
    signed_urls::gate_suite(&urls, &urls, &Counting::default());
}
