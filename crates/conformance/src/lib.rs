//! stub

pub mod blobs;
pub mod passwords;
pub mod photos;
pub mod signed_urls;
pub mod tokens;
