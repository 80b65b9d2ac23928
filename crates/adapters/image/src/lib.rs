#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod colour;
mod container;
mod decode;
#[cfg(feature = "heic")]
mod heic;
mod jpeg;
mod jxl;
mod photos;
mod picture;
mod square;

pub use photos::SquarePhotos;
