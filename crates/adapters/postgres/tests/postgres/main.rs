//! Tests of the adapter against real servers: the one that `DATABASE_URL` names, or a test's own where a test would
//! disturb others.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

mod batches;
mod conformance;
mod database;
mod encryption;
mod plans;
mod races;
mod support;
