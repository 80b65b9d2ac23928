#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod accounts;
mod blob_records;
mod changes;
mod connector;
mod database;
mod drive;
mod fault;
mod locate;
mod migrations;
mod names;
mod sessions;
mod shares;
mod target;
mod throttle;
mod tls;
mod unit;
mod uploads;
mod users;

pub use database::{Database, Options};
pub use migrations::Examination;
pub use target::{InvalidTarget, Parts, Target};
