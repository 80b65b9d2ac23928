//! Middleware around every request.

mod authenticate;
mod reject_invalid;
mod request;

pub use authenticate::{authenticate, authenticate_without_key, refuse_idempotency_key};
pub use reject_invalid::reject_invalid;
pub use request::request;
