//! Black-box tests of the API, against a real server over HTTP. The files mirror the URL tree of `contract/src/paths.rs`.
//!
//! The tests run on two stacks, selected by `CLOUDDRIVE_TEST_STACK`. Tests of one stack only are in the module of its
//! name, which a run on the other skips:
//!
//! ```sh
//! cargo test -p clouddrive-api --test http -- --skip production::
//! ./scripts/stack env CLOUDDRIVE_TEST_STACK=production cargo test -p clouddrive-api --test http -- --skip embedded::
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test fails by panicking, and starts processes; what its modules share is public among them"
)]

mod support;

mod account;
mod archive;
mod body;
mod browser;
mod collector;
mod conditions;
mod connections;
mod content;
mod copy;
mod cors;
mod crash;
mod damage;
mod drive;
mod embedded;
mod file;
mod form;
mod idempotency;
mod jobs;
mod limits;
mod link;
mod model;
mod moves;
mod openapi;
mod process;
mod production;
mod profile_photo;
mod races;
mod readme;
mod restore;
mod roles;
mod search;
mod service;
mod share;
mod stream;
mod telemetry;
mod tokens;
mod trash;
mod undeletable;
mod upload;
mod version;
