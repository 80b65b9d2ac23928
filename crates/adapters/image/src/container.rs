//! WebP container parsing, for checks before decoding.

/// The width and height of each lossy frame of a WebP, from the frame's own header.
///
/// A frame begins with the name of its chunk, the chunk's length, three bytes and a start code (RFC 9649, RFC 6386
/// section 9.1). Searches the whole file, so that a decoder cannot find a frame that was missed here.
pub(crate) fn webp_lossy_frame_sizes(webp: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    webp.windows(18).filter_map(|window| match *window {
        [b'V', b'P', b'8', b' ', _, _, _, _, _, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1] => {
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
            Some((side(w0, w1), side(h0, h1)))
        }
        _ => None,
    })
}

/// The body of the first chunk with this name.
pub(crate) fn webp_chunk(webp: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    let mut rest = webp.get(12..)?;
    loop {
        let (header, body) = rest.split_first_chunk::<8>()?;
        let [name @ .., b0, b1, b2, b3] = header;
        let length = usize::try_from(u32::from_le_bytes([*b0, *b1, *b2, *b3])).ok()?;
        if *name == wanted {
            return body.get(..length);
        }
        rest = body.get(length.checked_add(length % 2)?..)?;
    }
}
