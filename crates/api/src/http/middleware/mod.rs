//! What happens around every request.

mod authenticate;
mod idempotent;
mod request;

pub(crate) use authenticate::authenticate;
pub(crate) use idempotent::idempotent;
pub(crate) use request::request;
