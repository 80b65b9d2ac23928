//! Blobs: the bytes of a version or a photo, stored under opaque keys.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::{Name, ParseError, Random, VersionId};

/// The key of a blob: 128 random bits as 32 lower-case hexadecimal digits. Never reused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    /// Generates a new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(hex(&bytes))
    }

    /// Parses a key. Nothing else ever reaches a file system or an object store.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let valid = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| Self(text.to_owned())).ok_or(ParseError::new("must be 32 lower-case hexadecimal digits"))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A store's identifier of a begun multipart upload, if it tracks them: at most 1,024 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MultipartUploadId(String);

impl MultipartUploadId {
    /// Parses a multipart identifier.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let valid = (1..=1024).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        valid.then(|| Self(text.to_owned())).ok_or(ParseError::new("must be 1 to 1024 visible ASCII characters"))
    }

    /// The multipart identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A multipart upload of a blob's bytes directly from a client into the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MultipartUpload {
    /// The key of the blob.
    pub key: BlobKey,
    /// The store's identifier of it, if the store tracks multipart uploads.
    pub multipart_id: Option<MultipartUploadId>,
}

/// The configured name of a blob store, such as `disk`, as recorded in the rows of its blobs: 1 to 64 lower-case ASCII
/// letters, digits, hyphens and underscores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreName(Arc<str>);

impl StoreName {
    /// Parses a name.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        valid.then(|| Self(text.into())).ok_or(ParseError::new("must be 1 to 64 of a–z 0–9 _ -"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the bytes of a blob are: its store, and its key there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobRef {
    /// The store.
    pub store: StoreName,
    /// The key.
    pub key: BlobKey,
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Wraps the 32 bytes of a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses 64 hexadecimal digits of either case.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let invalid = ParseError::new("must be 64 hexadecimal digits");
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(invalid);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| invalid)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid)?;
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A strong entity tag (RFC 9110, section 8.8.3), unquoted: 1 to 255 visible ASCII characters except `"` and `,`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityTag(String);

impl EntityTag {
    /// Parses a tag, with or without its quotes.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let valid =
            (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b','));
        valid
            .then(|| Self(text.to_owned()))
            .ok_or(ParseError::new("must be 1 to 255 visible ASCII characters without quotes and commas"))
    }

    /// The tag without its quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The quoted tag, as in a header.
impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl From<BlobKey> for EntityTag {
    fn from(key: BlobKey) -> Self {
        Self(key.0)
    }
}

impl From<VersionId> for EntityTag {
    fn from(version: VersionId) -> Self {
        Self(version.as_uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned())
    }
}

/// A CRC-32 as in ZIP, gzip and PNG. It detects accidental corruption only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Crc32(pub u32);

/// Metadata of a stored blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Its length in bytes.
    pub size: u64,
    /// Its digest, if the store has verified it.
    pub sha256: Option<Sha256>,
    /// The tag that the store sends with the bytes; none if its bytes are served through the API.
    pub tag: Option<EntityTag>,
    /// The CRC-32 of all its bytes, if the store knows it.
    pub crc32: Option<Crc32>,
}

/// A media type (RFC 9110), such as `text/plain; charset=utf-8`, of at most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaType(String);

impl MediaType {
    /// The type of unknown bytes, `application/octet-stream`.
    #[must_use]
    pub fn octet_stream() -> Self {
        Self("application/octet-stream".to_owned())
    }

    /// The type for the extension of `name`; that of unknown bytes if there is none.
    #[must_use]
    pub fn from_name(name: &Name) -> Self {
        let known = mime_guess::from_path(name.as_str()).first_raw();
        known.and_then(|known| Self::parse(known).ok()).unwrap_or_else(Self::octet_stream)
    }

    /// Whether it is meaningful. Clients send `application/octet-stream` when they do not know the type.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        !self.is("application/octet-stream")
    }

    /// Whether its type and subtype are `essence`, ignoring parameters and case.
    #[must_use]
    pub fn is(&self, essence: &str) -> bool {
        let own = self.0.split(';').next().unwrap_or("");
        own.trim().eq_ignore_ascii_case(essence)
    }

    /// Resolves the type of uploaded bytes: an explicit type is kept; otherwise a replaced file keeps its `current`
    /// type, and a new file gets the type of its `name`.
    #[must_use]
    pub fn resolve(&self, current: Option<&Self>, name: &Name) -> Self {
        match current {
            _ if self.is_explicit() => self.clone(),
            Some(current) => current.clone(),
            None => Self::from_name(name),
        }
    }

    /// The type of profile photos.
    #[must_use]
    pub fn jpeg() -> Self {
        Self("image/jpeg".to_owned())
    }

    /// Parses `type/subtype`, with optional parameters, in visible ASCII so that it is safe in a header.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let token = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
        };
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (kind, subtype) = essence.trim_end_matches(' ').split_once('/').unwrap_or_default();
        let valid =
            text.len() <= 255 && token(kind) && token(subtype) && parameters.bytes().all(|b| matches!(b, b' '..=b'~'));
        let invalid = ParseError::new("must be a media type, such as image/jpeg, of at most 255 bytes");
        valid.then(|| Self(text.trim().to_owned())).ok_or(invalid)
    }

    /// The media type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The media type as text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Not by `write!`, since a list of 100 files has 3,200 of these bytes.
fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)]));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_keys_parse() {
        let key = "0123456789abcdef0123456789abcdef";
        assert_eq!(BlobKey::parse(key).unwrap().as_str(), key);
        for text in ["", "../../../etc/passwd", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcde/"]
        {
            assert!(BlobKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_valid_store_names_parse() {
        for text in ["disk", "s3", "eu-west_2", &"s".repeat(64)] {
            assert_eq!(StoreName::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "S3", "a b", "a/b", "é", &"s".repeat(65)] {
            assert!(StoreName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_tag_cannot_break_out_of_its_header() {
        for text in ["d41d8cd98f00b204e9800998ecf8427e-2", "\"d41d8cd98f00b204e9800998ecf8427e-2\""] {
            let tag = EntityTag::parse(text).unwrap();
            assert_eq!(tag.as_str(), "d41d8cd98f00b204e9800998ecf8427e-2");
            assert_eq!(tag.to_string(), "\"d41d8cd98f00b204e9800998ecf8427e-2\"");
        }
        for text in ["", "\"\"", "\"a", "W/\"a\"", "a\",\"b", "a b", "a\r\nX: y", "é", &"t".repeat(256)] {
            assert!(EntityTag::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn tickets_contain_only_visible_ascii() {
        for text in ["1", "upload/2~!", &"t".repeat(1024)] {
            assert_eq!(MultipartUploadId::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "a b", "a\r\nX: y", "é", &"t".repeat(1025)] {
            assert!(MultipartUploadId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn digests_read_back_as_they_print() {
        let digest = Sha256::from_bytes([0xA7; 32]);
        assert_eq!(digest.to_string(), "a7".repeat(32));
        assert_eq!(Sha256::parse(&digest.to_string()), Ok(digest));
        assert_eq!(Sha256::parse(&"a7".repeat(32).to_uppercase()).unwrap().as_bytes(), &[0xA7; 32]);
        assert!(Sha256::parse(&"g".repeat(64)).is_err());
        assert!(Sha256::parse("é".repeat(32).as_str()).is_err());
    }

    #[test]
    fn every_byte_prints_as_two_lower_case_digits() {
        for byte in 0..=u8::MAX {
            assert_eq!(hex(&[byte]), format!("{byte:02x}"));
        }
        assert_eq!(hex(&[0x00, 0x09, 0x0A, 0xF0, 0xFF]), "00090af0ff");
    }

    #[test]
    fn an_unspecific_type_gives_way_to_the_current_one_then_the_extension() {
        let [plain, html] = ["text/plain", "text/html"].map(|text| MediaType::parse(text).unwrap());
        for (text, expected) in [
            ("a.html", "text/html"),
            ("photo.JPG", "image/jpeg"),
            ("a.b.pdf", "application/pdf"),
            ("archive.tar.gz", "application/gzip"),
            ("noise", "application/octet-stream"),
            (".html", "application/octet-stream"),
            ("a.unheard-of", "application/octet-stream"),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!(MediaType::from_name(&name).as_str(), expected, "{text}");
            for silent in ["application/octet-stream", "Application/Octet-Stream; charset=binary"] {
                let silent = MediaType::parse(silent).unwrap();
                assert_eq!(silent.resolve(None, &name).as_str(), expected, "{text}");
                assert_eq!(silent.resolve(Some(&plain), &name), plain, "{text}");
            }
            assert_eq!(html.resolve(Some(&plain), &name), html, "{text}");
            assert_eq!(html.resolve(None, &name), html, "{text}");
        }
    }

    #[test]
    fn a_media_type_cannot_carry_a_header() {
        for text in ["text/plain", "text/plain; charset=utf-8", "image/svg+xml", "application/vnd.api+json"] {
            assert_eq!(MediaType::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "text", "/", "text/", "text/pl ain", "text/plain\r\nX: y", "text/plain; a=\u{e9}", "a/b\n"] {
            assert!(MediaType::parse(text).is_err(), "{text:?}");
        }
    }
}
