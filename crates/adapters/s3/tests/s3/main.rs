//! The store against a real server, Garage, and against one in this process; and against what networks do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod checkup;
mod conformance;
mod faults;
mod opening;
mod parts;
mod stores;
mod support;
