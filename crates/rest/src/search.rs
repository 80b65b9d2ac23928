mod list;

pub(crate) use list::*;
