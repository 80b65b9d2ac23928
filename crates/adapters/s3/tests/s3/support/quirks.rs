//! Deviations of the in-process server from S3, as in other stores.

use super::front::Request;

/// Deviations from S3. By default there are none: what s3s-fs refuses but keeps is removed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Quirks {
    /// Keeps bytes that it refuses for their checksum.
    pub(crate) keeps_refused: bool,
    /// Accepts a part after the completion, which changes the object.
    pub(crate) leaves_parts_open: bool,
    /// Refuses part checksums in a completion.
    pub(crate) refuses_part_checksums: bool,
    /// Refuses parts with a higher number.
    pub(crate) max_parts: Option<u32>,
}

impl Quirks {
    /// The error with which a quirk refuses the request, if any.
    pub(super) fn refusal(self, request: &Request) -> Option<(u16, &'static str)> {
        let within = |words: &str| request.body.windows(words.len()).any(|bytes| bytes == words.as_bytes());
        if self.refuses_part_checksums && request.method == "POST" && within("<ChecksumSHA256>") {
            return Some((400, "MalformedXML"));
        }
        let number = request.target.split(['?', '&']).find_map(|pair| pair.strip_prefix("partNumber="));
        let number = number.and_then(|number| number.parse().ok()).unwrap_or(0);
        self.max_parts.filter(|max| number > *max).map(|_| (400, "InvalidArgument"))
    }

    /// Whether a part was refused with this status because its upload has ended.
    pub(super) fn is_late_part(request: &Request, status: u16) -> bool {
        (400..500).contains(&status) && request.method == "PUT" && request.target.contains("uploadId=")
    }
}
