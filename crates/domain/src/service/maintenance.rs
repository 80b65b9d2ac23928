//! Work that no request asks for.

pub(super) mod collector;
