mod abort;
mod complete;
mod get;
mod list;
mod sign_parts;

pub(crate) use abort::*;
pub(crate) use complete::*;
pub(crate) use get::*;
pub(crate) use list::*;
pub(crate) use sign_parts::*;
