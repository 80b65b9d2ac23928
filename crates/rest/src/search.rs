mod search;

pub(crate) use search::*;
