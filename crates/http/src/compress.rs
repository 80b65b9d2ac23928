//! Compression of large JSON responses and built-in pages, negotiated by `Accept-Encoding`.

use std::io::Write;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, Encoding, Header, HeaderValue, VARY,
};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};

/// Responses up to this many bytes are not compressed.
const MAX_UNCOMPRESSED_BYTES: u64 = 1024;

/// Responses of at least this many bytes are compressed on the blocking thread pool.
const LARGE: usize = 64 << 10;

/// Compression levels, chosen to take about as long as producing the response.
const GZIP_LEVEL: u32 = 4;
const BROTLI_LEVEL: u32 = 4;
const ZSTD_LEVEL: i32 = 3;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    /// The client's preferred supported coding, if any.
    fn preferred(accepted: &AcceptEncoding) -> Option<Self> {
        let supported = [Encoding::zstd(), Encoding::brotli(), Encoding::gzip(), Encoding::identity()];
        let best = accepted.negotiate(supported.iter())?;
        [Self::Zstd, Self::Brotli, Self::Gzip].into_iter().find(|coding| best.to_string() == coding.as_str())
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    fn compress(self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::Brotli => {
                let mut compressed = Vec::new();
                let mut encoder = brotli::CompressorWriter::new(&mut compressed, 4096, BROTLI_LEVEL, 20);
                encoder.write_all(bytes)?;
                drop(encoder);
                Ok(compressed)
            }
        }
    }
}

/// Marks a non-JSON response as compressible: its bytes are built into the server.
pub struct BuiltIn;

/// Compresses large JSON and built-in pages as `request` accepts. Responses with a token or URL are never compressed:
/// alongside attacker-chosen text, the compressed length would leak parts of the secret.
pub async fn compressed(request: &HttpRequest, response: HttpResponse) -> HttpResponse {
    if !is_compressible(&response) {
        return response;
    }
    let coding = AcceptEncoding::parse(request).ok().and_then(|accepted| Coding::preferred(&accepted));
    let (mut response, body) = response.into_parts();
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        Err(body) => return response.set_body(body),
    };
    let Some((coding, bytes)) = compress_bytes(coding, &bytes).await else {
        return response.set_body(BoxBody::new(bytes));
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    headers.remove(CONTENT_LENGTH);
    response.set_body(BoxBody::new(bytes))
}

fn is_compressible(response: &HttpResponse) -> bool {
    let large = matches!(response.body().size(), BodySize::Sized(size) if size > MAX_UNCOMPRESSED_BYTES);
    let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
    large
        && (header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with(b"application/json"))
            || response.extensions().get::<BuiltIn>().is_some())
        && header(CACHE_CONTROL) != Some(b"no-store".as_slice())
        && header(CONTENT_ENCODING).is_none()
}

/// Compresses the bytes; `None` if they stay as they are.
async fn compress_bytes(coding: Option<Coding>, bytes: &Bytes) -> Option<(Coding, Vec<u8>)> {
    let coding = coding?;
    let compressed = if bytes.len() < LARGE {
        coding.compress(bytes)
    } else {
        let bytes = bytes.clone();
        web::block(move || coding.compress(&bytes)).await.ok()?
    };
    Some((coding, compressed.ok()?))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT_ENCODING;
    use actix_web::test::TestRequest;

    use super::*;

    fn preferred(accepted: &'static str) -> Option<&'static str> {
        let request = TestRequest::default().insert_header((ACCEPT_ENCODING, accepted)).to_http_request();
        Coding::preferred(&AcceptEncoding::parse(&request).unwrap()).map(Coding::as_str)
    }

    #[test]
    fn accept_encoding_is_negotiated() {
        for (accepted, expected) in [
            ("gzip", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("br")),
            ("br;q=0.9, gzip;q=0.5", Some("br")),
            ("zstd, identity;q=0.1", Some("zstd")),
            ("identity", None),
            ("deflate", None),
            ("gzip;q=0", None),
            ("", None),
        ] {
            assert_eq!(preferred(accepted), expected, "{accepted}");
        }
    }

    #[actix_web::test]
    async fn only_large_json_that_is_no_secret_is_compressed() {
        let large = || format!("\"{}\"", "x".repeat(2000));
        let encoding = async |response: HttpResponse| {
            let request = TestRequest::default().insert_header((ACCEPT_ENCODING, "gzip")).to_http_request();
            let answer = compressed(&request, response).await;
            answer.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned())
        };
        let json = || {
            let mut response = HttpResponse::Ok();
            response.insert_header((CONTENT_TYPE, "application/json"));
            response
        };
        assert_eq!(encoding(json().body(large())).await.as_deref(), Some("gzip"));
        assert_eq!(encoding(json().body("1".repeat(1024))).await, None);
        assert_eq!(encoding(json().insert_header((CACHE_CONTROL, "no-store")).body(large())).await, None);
        let bytes = HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain")).body(large());
        assert_eq!(encoding(bytes).await, None);
    }
}
