//! Sharing: `/share`, `/share/{share_id}` and `/shared-with-me`.

mod access;
mod change;
mod create;
mod given;
mod received;
mod rights;
