//! Tests of the store against Garage and an in-process server, with network faults.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod conformance;
mod diagnostics;
mod faults;
mod opening;
mod parts;
mod stores;
mod support;
