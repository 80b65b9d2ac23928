#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod caller;
pub mod error;
pub mod model;
pub mod port;
pub mod service;

#[cfg(test)]
mod testing;

pub use error::{Error, Result};
