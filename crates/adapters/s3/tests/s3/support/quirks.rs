//! What the server in this process does otherwise than S3, as other stores do.

use super::front::Request;

/// What the server does otherwise. By default it does as S3 does: what s3s-fs refuses and keeps is removed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Quirks {
    /// It keeps bytes that it refuses for their checksum.
    pub(crate) keeps_refused: bool,
    /// A part that comes after the completion is taken, and changes the object.
    pub(crate) leaves_parts_open: bool,
    /// It refuses a completion that names the checksums of parts.
    pub(crate) refuses_part_checksums: bool,
    /// It takes no part with a higher number.
    pub(crate) max_parts: Option<u32>,
}

impl Quirks {
    /// Why the store refuses the request, if that is a quirk.
    pub(super) fn refusal(self, request: &Request) -> Option<(u16, &'static str)> {
        let within = |words: &str| request.body.windows(words.len()).any(|bytes| bytes == words.as_bytes());
        if self.refuses_part_checksums && request.method == "POST" && within("<ChecksumSHA256>") {
            return Some((400, "MalformedXML"));
        }
        let number = request.target.split(['?', '&']).find_map(|pair| pair.strip_prefix("partNumber="));
        let number = number.and_then(|number| number.parse().ok()).unwrap_or(0);
        self.max_parts.filter(|most| number > *most).map(|_| (400, "InvalidArgument"))
    }

    /// Whether a part that was refused with that status, since its upload is over, is taken all the same.
    pub(super) fn takes_late_part(self, request: &Request, status: u16) -> bool {
        self.leaves_parts_open
            && (400..500).contains(&status)
            && request.method == "PUT"
            && request.target.contains("uploadId=")
    }
}
