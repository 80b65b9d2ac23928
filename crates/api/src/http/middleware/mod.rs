//! Middleware around every request.

mod authenticate;
mod idempotent;
mod request;
mod sane;
mod to_the_end;

pub(crate) use authenticate::{authenticate, authenticate_unkeyed, unkeyed};
pub(crate) use idempotent::idempotent;
pub(crate) use request::request;
pub(crate) use sane::sane;
pub(crate) use to_the_end::to_the_end;
