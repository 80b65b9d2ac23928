//! What must be known of a file before a decoder is let at it.

/// Whether a JPEG goes on to the end of its image. What comes after that does not count.
pub(crate) fn jpeg_is_whole(jpeg: &[u8]) -> bool {
    const END: u8 = 0xD9;
    const SCAN: u8 = 0xDA;
    let mut rest = jpeg.get(2..).unwrap_or_default();
    loop {
        // Between segments, and in a scan, everything up to a marker is passed over.
        rest = match rest {
            [0xFF, END, ..] => return true,
            [0xFF, 0x00 | 0x01 | 0xD0..=0xD8, after @ ..] => after,
            [0xFF, 0xFF, ..] => rest.get(1..).unwrap_or_default(),
            [0xFF, marker, high, low, ..] => {
                let length = 2 + usize::from(u16::from_be_bytes([*high, *low]));
                let Some(after) = rest.get(length..) else { return false };
                if *marker == SCAN || after.first() == Some(&0xFF) { after } else { skip_to_marker(after) }
            }
            [0xFF, ..] | [] => return false,
            _ => skip_to_marker(rest),
        };
    }
}

fn skip_to_marker(bytes: &[u8]) -> &[u8] {
    let marker = bytes.iter().position(|byte| *byte == 0xFF);
    marker.and_then(|at| bytes.get(at..)).unwrap_or_default()
}

/// The width and height of each lossy frame of a WebP, as the frame itself tells them.
///
/// A frame begins with the name of its chunk, the chunk's length, three bytes and a start code (RFC 9649, RFC 6386
/// section 9.1). It is looked for everywhere, so that no decoder can find one in a place that was not looked at.
pub(crate) fn webp_frames(webp: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    webp.windows(18).filter_map(|window| match *window {
        [b'V', b'P', b'8', b' ', _, _, _, _, _, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1] => {
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
            Some((side(w0, w1), side(h0, h1)))
        }
        _ => None,
    })
}

/// The EXIF metadata of a WebP, if it has them.
pub(crate) fn webp_exif(webp: &[u8]) -> Option<&[u8]> {
    let mut rest = webp.get(12..)?;
    loop {
        let (header, body) = rest.split_first_chunk::<8>()?;
        let [name @ .., b0, b1, b2, b3] = header;
        let length = usize::try_from(u32::from_le_bytes([*b0, *b1, *b2, *b3])).ok()?;
        if name == b"EXIF" {
            return body.get(..length);
        }
        rest = body.get(length.checked_add(length % 2)?..)?;
    }
}
