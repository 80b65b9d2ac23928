//! The suite that every implementation of this port passes.

use clouddrive_conformance::photos;
use clouddrive_image::SquarePhotos;

#[tokio::test]
async fn square_photos() {
    photos::suite(&SquarePhotos::new(2, 64)).await;
}
