//! What happens around every request.

mod authenticate;
mod request;

pub(crate) use authenticate::authenticate;
pub(crate) use request::request;
