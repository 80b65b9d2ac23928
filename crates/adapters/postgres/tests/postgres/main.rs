//! The adapter against real servers: the one that `DATABASE_URL` names, and servers of the tests' own where a test does to
//! one what others would notice.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

mod conformance;
mod database;
mod encryption;
mod plans;
mod races;
mod support;
