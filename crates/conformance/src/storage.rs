//! Blobs, their records, and the URLs that lead to them.

pub mod blob_records;
pub mod blobs;
pub mod direct_uploads;
pub mod signed_urls;
pub mod staged_uploads;
pub mod url_verifiers;
