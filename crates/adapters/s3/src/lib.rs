#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod bucket;
mod capabilities;
mod checksum;
mod copy;
mod diagnostics;
mod direct;
mod error;
mod multipart;
mod settings;
mod signing;
mod store;
mod upload;
mod url_signer;

pub use capabilities::Capabilities;
pub use diagnostics::{CheckResult, CheckStatus, cors_rule};
pub use error::{S3Error, S3ErrorKind};
pub use settings::{Settings, StaticCredentials, Timeouts};
pub use store::S3Store;
