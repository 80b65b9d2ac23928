//! JPEG XL.

use image::{DynamicImage, RgbaImage};
use jxl::api::{
    AlphaMode, Event, JxlDecoder, JxlDecoderOptions, JxlOutputBuffer, JxlPixelFormat, JxlSignature, check_signature,
};

use crate::picture::{BROKEN, MAX_PIXELS, Picture, check_size};

/// Whether a picture is a JPEG XL, bare or in a container.
pub(crate) fn is_jxl(picture: &[u8]) -> bool {
    matches!(check_signature(picture), JxlSignature::Codestream | JxlSignature::Container)
}

/// Decodes the first frame of a JPEG XL. The decoder rotates it upright by itself.
pub(crate) fn decode(picture: &[u8]) -> Result<Picture, &'static str> {
    let mut options = JxlDecoderOptions::default();
    options.alpha_mode = AlphaMode::Unpremultiplied;
    // Three colours and one more channel.
    options.sample_limit = usize::try_from(4 * MAX_PIXELS).ok();
    let mut decoder = JxlDecoder::new(options);
    let mut input = picture;
    let is = |event, expected| if event == expected { Ok(()) } else { Err(BROKEN) };
    is(decoder.process(&mut input, None, None).map_err(|_| BROKEN)?, Event::BasicInfo)?;
    let info = decoder.basic_info().ok_or(BROKEN)?;
    let (size, extra) = (info.size, info.extra_channels.len());
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let (width, height) = (side(size.0), side(size.1));
    check_size(width, height)?;
    decoder.set_pixel_format(JxlPixelFormat::rgba8(extra)).map_err(|_| BROKEN)?;
    is(decoder.process(&mut input, None, None).map_err(|_| BROKEN)?, Event::FrameHeader)?;
    let mut pixels = RgbaImage::new(width, height);
    let mut buffers = [JxlOutputBuffer::new(&mut pixels, size.1, 4 * size.0)];
    let decoded = decoder.process(&mut input, Some(&mut buffers), None).map_err(|_| BROKEN)?;
    if !matches!(decoded, Event::FrameComplete { .. }) {
        return Err(BROKEN);
    }
    let profile = decoder.output_color_profile().and_then(|profile| Some(profile.try_as_icc()?.into_owned()));
    Ok(Picture { pixels: DynamicImage::ImageRgba8(pixels), orientation: None, profile })
}
