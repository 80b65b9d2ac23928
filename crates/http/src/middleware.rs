//! Middleware around every request.

mod authenticate;
mod reject_invalid;
mod request;
mod run_to_completion;

pub use authenticate::{authenticate, authenticate_without_key, refuse_idempotency_key};
pub use reject_invalid::reject_invalid;
pub use request::request;
pub use run_to_completion::run_to_completion;
