//! Sharing: `/share`, `/share/{share_id}` and `/shared-with-me`.

mod change;
mod create;
mod received;
mod rights;
