//! Work that no request asks for.

pub(super) mod garbage_collector;
pub(super) mod jobs;
pub(super) mod purges;
