#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod bytes;
mod invariants;
mod options;
mod ports;
mod report;
mod run;
pub mod sources;

pub use options::{Options, Progress, Stage};
pub use ports::{
    ByteStream, CheckError, Dialect, IncompleteUpload, IncompleteUploadStream, Object, ObjectStream, Objects, Records,
    Row, RowStream, Snapshot,
};
pub use report::{Finding, Kind, MAX_LISTED, Report};
pub use run::verify;
