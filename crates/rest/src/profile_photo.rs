mod delete;
mod get;
mod set;

pub(crate) use delete::*;
pub(crate) use get::*;
pub(crate) use set::*;
