mod abort;
mod complete;
mod get;
mod sign_parts;

pub(crate) use abort::*;
pub(crate) use complete::*;
pub(crate) use get::*;
pub(crate) use sign_parts::*;
