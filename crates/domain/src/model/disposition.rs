//! The header `Content-Disposition` (RFC 6266), which signed URLs contain as text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Name;

/// `attachment` with the name, in ASCII for old clients and in full for all others, escaped so that it cannot break out
/// of the header.
pub(crate) fn attachment(name: &Name) -> String {
    /// The characters that RFC 8187 requires to be escaped.
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'!')
        .remove(b'#')
        .remove(b'$')
        .remove(b'&')
        .remove(b'+')
        .remove(b'-')
        .remove(b'.')
        .remove(b'^')
        .remove(b'_')
        .remove(b'`')
        .remove(b'|')
        .remove(b'~');
    let plain = |c: char| if c.is_ascii() && !matches!(c, '"' | '\\' | '%') { c } else { '_' };
    let mut ascii: String = name.as_str().chars().map(plain).collect();
    // Signed headers must not have runs of spaces, which S3 stores normalize differently.
    while ascii.contains("  ") {
        ascii = ascii.replace("  ", " ");
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(name.as_str(), ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let name = Name::parse("a\"; filename=evil\u{20ac}%.html").unwrap();
        assert_eq!(
            attachment(&name),
            "attachment; filename=\"a_; filename=evil__.html\"; \
             filename*=UTF-8''a%22%3B%20filename%3Devil%E2%82%AC%25.html"
        );
    }
}
