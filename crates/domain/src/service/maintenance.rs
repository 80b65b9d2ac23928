//! Work that no request asks for.

pub(super) mod garbage_collector;
