#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod abilities;
mod bucket;
mod checksum;
mod checkup;
mod copy;
mod direct;
mod intake;
mod multipart;
mod settings;
mod signing;
mod store;
mod trouble;

pub use abilities::Abilities;
pub use checkup::{Finding, Verdict, cors_rule};
pub use settings::{Settings, StaticCredentials, Timeouts};
pub use store::S3Store;
pub use trouble::{Trouble, TroubleKind};
