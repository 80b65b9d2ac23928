mod health;
mod ready;
mod root;

pub(crate) use health::*;
pub use ready::*;
pub(crate) use root::*;
