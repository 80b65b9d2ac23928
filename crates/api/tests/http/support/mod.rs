//! Test support: a real server for each test, and HTTP clients.

mod api_client;
mod background;
mod backup;
mod browser;
mod bucket;
mod contract;
mod keys;
mod pooler;
mod postgres;
mod proxy;
mod raw_connection;
mod report_skipped;
mod server;
mod signed_urls;
pub mod stack;
mod storage;
mod stores;

pub use api_client::{ApiClient, ApiResponse, text};
pub use backup::Backup;
pub use browser::{Browser, Site};
pub use keys::{mac, signing_key};
pub use pooler::Pooler;
pub use proxy::Proxy;
pub use raw_connection::RawConnection;
pub use report_skipped::report_skipped;
pub use server::{PASSWORD, Server, binary, eventually};
pub use signed_urls::Reason;
pub use stack::{production, verifies_checksums};
pub use storage::Storage;
pub use stores::sql_id;

/// An identifier that does not exist.
pub const ABSENT: &str = "019ab0c2-7a00-7000-8000-00000000dead";

/// A PNG of `width` × `height` pixels.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 128]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The SHA-256 of `bytes`, as formatted by the API.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lifetimes and grace of 1 s, for `clouddrive collect` beside a server whose uploads live longer.
pub const SHORT_GRACE: &[(&str, &str)] =
    &[("UPLOAD_LIFETIME_SECONDS", "1"), ("SIGNED_URL_SECONDS", "1"), ("COLLECT_GRACE_SECONDS", "1")];

/// A unique name.
pub fn unique_name(prefix: &str) -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    format!("{prefix}{:016x}", u64::from_ne_bytes(bytes))
}

/// A free port, outside the range that the system assigns to connections, so that it stays free while the server on
/// it is replaced.
pub fn free_port() -> u16 {
    let mut bytes = [0; 2];
    loop {
        getrandom::fill(&mut bytes).unwrap();
        let port = 20_000 + u16::from_ne_bytes(bytes) % 12_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
