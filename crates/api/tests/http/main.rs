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
mod drive;
mod file;
mod form;
mod openapi;
mod process;
mod profile_photo;
mod races;
mod readme;
mod roles;
mod service;
mod share;
mod tokens;
mod upload;
