mod health;
mod ready;
mod root;

pub(crate) use health::*;
pub(crate) use ready::*;
pub(crate) use root::*;
