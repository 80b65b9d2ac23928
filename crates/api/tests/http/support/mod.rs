//! What the tests stand on: a real server of its own for each, and people who use it over HTTP.

mod caller;
mod contract;
mod server;

pub use caller::{Answer, Caller, text};
pub use server::{PASSWORD, Server, eventually};

/// A PNG of `width` × `height` pixels.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 128]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}
