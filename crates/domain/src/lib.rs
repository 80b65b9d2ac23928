#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod caller;
pub mod error;
#[cfg(any(test, feature = "mock"))]
pub mod mock;
pub mod model;
pub mod port;
pub mod service;

#[cfg(test)]
mod testing;

pub use error::{Error, Result};

// Their types and macros stand in the ports: adapters need the same versions.
pub use {async_trait, bytes, futures_core, uuid};
