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
    ByteStream, CheckError, Dialect, Object, ObjectStream, Objects, Records, Row, RowStream, Snapshot, Transfer,
    TransferStream,
};
pub use report::{Finding, Kind, LISTED, Report};
pub use run::verify;
