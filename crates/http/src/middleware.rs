//! Middleware around every request.

mod authenticate;
mod request;
mod sane;

pub use authenticate::{authenticate, authenticate_unkeyed, unkeyed};
pub use request::request;
pub use sane::sane;
