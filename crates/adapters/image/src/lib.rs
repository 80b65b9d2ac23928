#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod container;
mod decode;
mod photos;
mod square;

pub use photos::SquarePhotos;
