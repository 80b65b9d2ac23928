#![doc = include_str!("../README.md")]
//!
//! # Where to begin
//!
//! [`persistence!`] makes the tests of a database, `drive!` and its siblings those of one port, `blobs!` those of a blob
//! store. [`drive::Ports`] and its siblings say which ports a suite uses, [`drive::CASES`] what it tests;
//! [`drive::run`] and [`drive::suite()`] run it without a macro. [`Reuse`] lends databases to tests.
#![deny(missing_docs)]

mod case;
mod effects;
mod files;
mod fixture;
mod identity;
mod maintenance;
mod reuse;
mod samples;
mod sharing;
mod storage;

pub use case::Case;
pub use effects::{clock, probe, random};
pub use files::{changes, drive, name_keys, search, trash, trees, uploads, versions};
#[cfg(feature = "photos")]
pub use identity::photos;
pub use identity::{accounts, passwords, sessions, throttle, tokens, users};
pub use maintenance::{idempotency_records, jobs, task_leases};
pub use reuse::{Borrowed, Reuse};
pub use sharing::{link_access, link_downloads, link_tokens, links, shares};
pub use storage::direct_uploads::part_store;
pub use storage::{blob_records, blobs, direct_uploads, signed_urls, staged_uploads, url_verifiers};

/// Makes a test of each case of every suite of the persistence ports, in a module per suite.
///
/// The front page has an example.
#[macro_export]
macro_rules! persistence {
    ($(#[$attribute:meta])+ $fixture:pat = $setup:expr => $store:expr) => {
        $crate::users! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::accounts! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::sessions! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::throttle! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::drive! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::trees! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::uploads! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::trash! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::versions! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::shares! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::links! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::link_downloads! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::search! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::name_keys! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::blob_records! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::changes! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::task_leases! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::jobs! { $(#[$attribute])+ $fixture = $setup => $store }
        $crate::idempotency_records! { $(#[$attribute])+ $fixture = $setup => $store }
    };
}
