//! The stores as the check reads them. Who makes connections is not said here: addresses, TLS and secrets are the adapters'
//! affair, and what they hand over is a client that knows nothing of the drive, or a path.

mod disk;
mod postgres;
mod s3;
mod sqlite;

pub use disk::Disk;
pub use postgres::{Connect, Postgres};
pub use s3::S3;
pub use sqlite::Sqlite;
