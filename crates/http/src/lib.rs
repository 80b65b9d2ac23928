#![doc = include_str!("../README.md")]

pub mod apart;
pub mod authn;
pub mod body;
pub mod bytes;
pub mod client;
pub mod compress;
pub mod conditions;
pub mod cors;
pub mod extract;
pub mod form;
pub mod keyed;
pub mod map;
mod metrics;
pub mod middleware;
pub mod problem;
pub mod reply;
pub mod running;
pub mod server;
pub mod slots;
