//! Runs the conformance suite of the port that this crate implements.

use clouddrive_image::SquarePhotos;

clouddrive_conformance::photos! { #[tokio::test] photos = SquarePhotos::new(2, 64) => &photos }
