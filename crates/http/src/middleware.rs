//! Middleware around every request.

mod authenticate;
mod request;
mod sane;
mod to_the_end;

pub use authenticate::{authenticate, authenticate_unkeyed, unkeyed};
pub use request::request;
pub use sane::sane;
pub use to_the_end::to_the_end;
