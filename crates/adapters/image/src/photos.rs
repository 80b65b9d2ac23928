//! The port: creates profile photos, a bounded number at a time.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use clouddrive_domain::error::Refused;
use clouddrive_domain::port::PhotoMaker;
use clouddrive_domain::{Error, Result};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageResult};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::colour::to_srgb;
use crate::decode::decode;
use crate::picture::BROKEN;
use crate::square::{Square, shrink};

/// The name of this component in errors.
const PART: &str = "image processing";

/// The JPEG quality, out of 100.
const QUALITY: u8 = 85;

/// Creates profile photos of 400×400 pixels.
pub struct SquarePhotos {
    /// Permits for running and waiting callers.
    queue_permits: Arc<Semaphore>,
    /// Permits for running callers.
    run_permits: Arc<Semaphore>,
}

impl SquarePhotos {
    /// Processes up to `concurrency` pictures (at least one) at once, each with up to 550 MiB; `queue` more callers may
    /// wait. A `concurrency` above the number of cores makes nothing faster.
    #[must_use]
    pub fn new(concurrency: usize, queue: usize) -> Self {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let queue_permits = concurrency.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Self {
            queue_permits: Arc::new(Semaphore::new(queue_permits)),
            run_permits: Arc::new(Semaphore::new(concurrency)),
        }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let queue_permit = Arc::clone(&self.queue_permits).try_acquire_owned();
        let queue_permit = queue_permit.map_err(|full| Error::unavailable(PART, full))?;
        let run_permit = Arc::clone(&self.run_permits).acquire_owned().await;
        let run_permit = run_permit.map_err(|closed| Error::internal(PART, closed))?;
        // Both permits move into the work, which continues if the caller is cancelled.
        let done = spawn_blocking(move || {
            let permits = (queue_permit, run_permit);
            let outcome = work();
            drop(permits);
            outcome
        });
        match done.await {
            Ok(outcome) => outcome,
            // A decoder panics on pictures that it cannot read.
            Err(error) if error.is_panic() => Err(Error::Refused(Refused::Image(BROKEN))),
            Err(error) => Err(Error::internal(PART, error)),
        }
    }
}

#[async_trait]
impl PhotoMaker for SquarePhotos {
    async fn make(&self, picture: Bytes) -> Result<Bytes> {
        self.run(move || make(&picture)).await
    }
}

impl fmt::Debug for SquarePhotos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SquarePhotos").finish_non_exhaustive()
    }
}

fn make(picture: &[u8]) -> Result<Bytes> {
    let decoded = decode(picture).map_err(|why| Error::Refused(Refused::Image(why)))?;
    let mut photo = shrink(&Square::centre_of(&decoded.pixels));
    drop(decoded.pixels);
    // Transparency was blended onto white, which is white in every profile.
    if let Some(profile) = &decoded.profile {
        to_srgb(&mut photo, profile);
    }
    let mut photo = DynamicImage::ImageRgb8(photo);
    if let Some(orientation) = decoded.orientation {
        photo.apply_orientation(orientation);
    }
    encode(&photo).map_err(|error| Error::internal(PART, error))
}

fn encode(photo: &DynamicImage) -> ImageResult<Bytes> {
    let mut jpeg = Vec::new();
    photo.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY))?;
    Ok(jpeg.into())
}

#[cfg(test)]
mod tests;
