//! Pictures of the size that phones take. A single test: it measures the memory of its process.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use bytes::Bytes;
use clouddrive_domain::port::PhotoMaker;
use clouddrive_image::SquarePhotos;
use image::{ImageFormat, RgbImage};

#[derive(Clone, Copy, Debug)]
enum Coding {
    Baseline,
    /// With the 63 coefficients after the first in this many scans of each component.
    Progressive(u8),
}

/// Writes the coded data of a scan.
#[derive(Default)]
struct Scan {
    bytes: Vec<u8>,
    bits: u32,
    length: u32,
}

impl Scan {
    fn push(&mut self, code: u32, length: u32) {
        for at in (0..length).rev() {
            self.bits = self.bits << 1 | (code >> at & 1);
            self.length += 1;
            if self.length == 8 {
                let byte = self.bits as u8;
                self.bytes.push(byte);
                if byte == 0xFF {
                    self.bytes.push(0);
                }
                (self.bits, self.length) = (0, 0);
            }
        }
    }

    /// The difference of a first coefficient to that of the block before.
    fn push_difference(&mut self, difference: i32) {
        let size = difference.unsigned_abs().checked_ilog2().map_or(0, |log| log + 1);
        if size == 0 {
            self.push(0, 1);
        } else {
            self.push(0b10000 + size - 1, 5);
            let value = if difference < 0 { difference - 1 } else { difference };
            self.push(value as u32 & ((1 << size) - 1), size);
        }
    }

    /// Blocks whose remaining coefficients are zero.
    fn push_ends(&mut self, mut blocks: u32) {
        while blocks > 0 {
            let size = blocks.ilog2().min(14);
            self.push(size, 4);
            self.push(blocks & ((1 << size) - 1), size);
            blocks -= (1 << size) + (blocks & ((1 << size) - 1));
        }
    }

    fn finish(mut self) -> Vec<u8> {
        while self.length > 0 {
            self.push(1, 1);
        }
        self.bytes
    }
}

/// A JPEG whose left and right halves have these samples of each component.
fn two_halves(width: u16, height: u16, halves: [&[u8]; 2], coding: Coding) -> Vec<u8> {
    let components = halves[0].len() as u8;
    let (columns, rows) = (u32::from(width / 8), u32::from(height / 8));
    // A quantisation by eight makes the first coefficient of an even block its sample, less 128.
    let mut jpeg = b"\xff\xd8\xff\xdb\0\x43\0".to_vec();
    jpeg.extend([8; 64]);
    jpeg.extend([0xFF, if matches!(coding, Coding::Baseline) { 0xC0 } else { 0xC2 }, 0, 8 + 3 * components, 8]);
    jpeg.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
    jpeg.push(components);
    jpeg.extend((1..=components).flat_map(|component| [component, 0x11, 0]));
    // Differences of size 0 have the code 0, of 1 to 8 the codes from 10000.
    jpeg.extend(b"\xff\xc4\0\x1c\0\x01\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08");
    // Ends of 2ⁿ blocks have the code n.
    jpeg.extend(b"\xff\xc4\0\x22\x10\0\0\0\x0f\0\0\0\0\0\0\0\0\0\0\0\0");
    jpeg.extend((0..15).map(|size| size << 4));

    jpeg.extend([0xFF, 0xDA, 0, 6 + 2 * components, components]);
    jpeg.extend((1..=components).flat_map(|component| [component, 0]));
    jpeg.extend([0, if matches!(coding, Coding::Baseline) { 63 } else { 0 }, 0]);
    let mut scan = Scan::default();
    let mut before = vec![128; halves[0].len()];
    for _ in 0..rows {
        for column in 0..columns {
            let half = if column < columns / 2 { halves[0] } else { halves[1] };
            for (before, sample) in before.iter_mut().zip(half) {
                scan.push_difference(i32::from(*sample) - *before);
                *before = i32::from(*sample);
                if matches!(coding, Coding::Baseline) {
                    scan.push_ends(1);
                }
            }
        }
    }
    jpeg.extend(scan.finish());
    if let Coding::Progressive(scans) = coding {
        let coefficients = 63 / scans;
        for (component, part) in (1..=components).flat_map(|component| (0..scans).map(move |part| (component, part))) {
            let first = 1 + part * coefficients;
            jpeg.extend([0xFF, 0xDA, 0, 8, 1, component, 0, first, first + coefficients - 1, 0]);
            let mut scan = Scan::default();
            scan.push_ends(columns * rows);
            jpeg.extend(scan.finish());
        }
    }
    jpeg.extend([0xFF, 0xD9]);
    jpeg
}

async fn made(jpeg: Vec<u8>) -> RgbImage {
    assert!(jpeg.len() < 5 << 20);
    let photo = SquarePhotos::new(1, 1).make(Bytes::from(jpeg)).await.unwrap();
    image::load_from_memory_with_format(&photo, ImageFormat::Jpeg).unwrap().to_rgb8()
}

#[track_caller]
fn assert_colours(photo: &RgbImage, expected: [[u8; 3]; 2]) {
    for (x, expected) in [50, 350].into_iter().zip(expected) {
        let actual = photo.get_pixel(x, 200).0;
        let near = actual.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 6);
        assert!(near, "{actual:?} at {x} instead of {expected:?}");
    }
}

/// The peak resident memory of this process, in MiB, where the system tells it.
fn peak_memory() -> u64 {
    if cfg!(target_os = "linux") {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    } else {
        0
    }
}

#[tokio::test]
async fn pictures_of_48_megapixels_are_accepted_and_take_little_memory() {
    // As Y, Cb and Cr; at full size a picture takes 140 MiB, and 280 more while decoding a progressive one.
    let halves: [&[u8]; 2] = [&[87, 96, 209], &[64, 205, 97]];
    let expected = [[200, 41, 30], [21, 60, 200]];
    for (coding, most) in [(Coding::Baseline, 100), (Coding::Progressive(1), 350)] {
        let jpeg = two_halves(8_064, 6_048, halves, coding);
        let before = peak_memory();
        assert_colours(&made(jpeg).await, expected);
        let used = peak_memory() - before;
        assert!(used < most, "{coding:?}: {used} MiB");
    }
    // Large ones of all kinds look like small ones, those of unusually many scans included.
    let kinds: [[&[u8]; 2]; 3] = [[&[90], &[200]], halves, [&[200, 90, 80, 250], &[60, 150, 220, 200]]];
    for halves in kinds {
        let small = made(two_halves(800, 800, halves, Coding::Baseline)).await;
        let expected = [50, 350].map(|x| small.get_pixel(x, 200).0);
        for coding in [Coding::Baseline, Coding::Progressive(1), Coding::Progressive(21)] {
            assert_colours(&made(two_halves(4_800, 3_600, halves, coding)).await, expected);
        }
    }
}
