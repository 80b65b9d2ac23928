//! Work that no request asks for.

pub(super) mod collector;
pub(super) mod jobs;
pub(super) mod purges;
