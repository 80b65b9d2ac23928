//! The databases and stores to check. Connections are not made here: addresses, TLS and secrets are up to the adapters,
//! which pass in a plain client or a path.

mod disk;
mod postgres;
mod s3;
mod sqlite;

pub use disk::Disk;
pub use postgres::{Connect, Postgres};
pub use s3::S3;
pub use sqlite::Sqlite;
