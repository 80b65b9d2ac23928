//! The API as its consumers see it: a real server, over HTTP. The files mirror the URL tree of `src/http/routes.rs`.

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
mod blob;
mod body;
mod collector;
mod content;
mod cors;
mod crash;
mod form;
mod openapi;
mod process;
mod profile_photo;
mod readme;
mod service;
mod tokens;
mod upload;
